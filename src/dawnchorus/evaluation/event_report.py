"""The figures of detected events as a text of one screen.

* `text`: at most 45 lines of 100 columns, plain ASCII but for names.

Differences lose rows first, then rows that frame the figures, and the figures of each test reference
last; a table that has lost rows says how many are left to ``events.json``.
"""

from collections.abc import Iterator, Mapping, Sequence

from dawnchorus.evaluation.text_table import (
    COLUMNS,
    MARKS,
    NAME,
    Table,
    cut,
    listed,
    number,
    screen,
    with_interval,
)

_SOURCE = "events.json"
_FIGURES = ("=macro event F", ">micro F", ">ER", ">segment F", ">clip F", ">PSDS1", ">PSDS2")


def text(content: Mapping) -> str:
    """Return what `dawnchorus.evaluation.event_evaluation.evaluate_events` found as aligned columns.

    Parameters
    ----------
    content : mapping
        As ``events.json`` holds it; NaN and None both are ``n/a``.

    Returns
    -------
    str
        Ends in a line feed.
    """
    tables = [_recordings(content), *(_ensembles(content, name) for name in content["test"])]
    framing = [_framing(content, name) for name in content["test"]]
    ranks = [0] * len(tables) + [1] * len(framing) + [2]
    tables += [*framing, _differences(content)]
    return screen(_title(content), tables, list(_remarks(content)), _SOURCE, ranks)


def _title(content: Mapping) -> str:
    policy = content["policy"]
    about = (
        f": events of {len(content['classes'])} classes, {policy['confidence']:.0%} intervals "
        f"({policy['replicates']} replicates over groups)"
    )
    return cut(content["experiment"], min(NAME, COLUMNS - len(about))) + about


def _recordings(content: Mapping) -> Table:
    header = ("<test", ">recordings", ">excluded", ">events unknown", ">judged", ">without event")
    keys = ("recordings", "excluded", "unknown_events", "judged", "without_events", "groups")
    return (*header, ">groups", ">events"), [
        (name, *(found[key] for key in keys), found["events"])
        for name, found in content["test"].items()
    ]


def _ensembles(content: Mapping, reference: str) -> Table:
    header = (f"<{cut(_on(content, 'ensemble', reference), NAME)}", "<decoding", *_FIGURES)
    return header, [
        (_marked(name, found), decoding, *_figures(found))
        for name, ensemble in content["ensembles"].items()
        for decoding, about in ensemble["decodings"].items()
        if (found := about["test"][reference])
    ]


def _framing(content: Mapping, reference: str) -> Table:
    framing = content["framing"]
    rows = [
        (row.replace("_", " "), "", *_figures(framing[row]["test"][reference]))
        for row in ("whole_clips", "clicks")
        if "test" in framing.get(row, {})
    ]
    rows += [
        (*_oracle(found["of"], content), *_figures(found["test"][reference]))
        for found in framing.get("oracle", ())
    ]
    return (f"<{cut(_on(content, 'no model', reference), NAME)}", "<decoding", *_FIGURES), rows


def _oracle(of: Sequence[Mapping], content: Mapping) -> tuple[str, str]:
    """Return whose ceiling it is, and under which decoding."""
    names = list(dict.fromkeys(one["ensemble"] for one in of))
    if len(names) == 1:
        whose = f"oracle, {names[0]}"
    else:
        whose = (
            "oracle, all" if len(names) == len(content["ensembles"]) else f"oracle, {len(names)}"
        )
    return whose, "/".join(dict.fromkeys(one["decoding"] for one in of))


def _differences(content: Mapping) -> Table:
    header = ("<difference of", "<minus", "<with", "<on", "=macro event F", ">p", ">segment F")
    is_single = len(content["test"]) == 1
    return (*header, ">PSDS1", ">PSDS2"), [
        (
            *_pair(pair, found),
            "" if is_single else reference,
            with_interval(found["event_macro_f"], "difference", "+.3f"),
            number(found["event_macro_f"]["p_two_sided"]),
            *(
                number(found[name]["difference"], "+.3f")
                for name in ("segment_macro_f", "psds1", "psds2")
            ),
        )
        for pair in content["comparisons"]
        for reference, found in pair["test"].items()
    ]


def _pair(pair: Mapping, found: Mapping) -> tuple[str, str, str]:
    """Return what is compared with what, and under which decoding or of which ensemble."""
    first, second = pair["first"], pair["second"]
    differs, same = "ensemble", "decoding"
    if first["ensemble"] == second["ensemble"]:
        differs, same = same, differs
    return _marked(second[differs], found), first[differs], second[same]


def _figures(found: Mapping) -> tuple[str, ...]:
    macro = found["events"]["macro"]
    event_f = {"value": macro["f"], **found["events"]["intervals"]["macro_f"]}
    return (
        with_interval(event_f, "value"),
        number(found["events"]["micro"]["f"]),
        number(macro["error_rate"], ".2f"),
        number(found["segments"]["macro"]["f"]),
        number(found["clips"]["macro"]["f"]),
        number(found["psds1"]["psds"]),
        number(found["psds2"]["psds"]),
    )


def _remarks(content: Mapping) -> Iterator[str]:
    policy = content["policy"]
    if not content["test"]:
        yield "nothing is judged: no test reference has recordings with known events"
    yield f"ER, segment and clip F: macro means; PSDS after the filter; {_collars(policy)}"
    chosen = {}
    for ensemble in content["ensembles"].values():
        for name, about in ensemble["decodings"].items():
            if about["chosen_on"]:
                chosen[name] = about["chosen_on"]
    for name, where in chosen.items():
        yield f"{cut(name, NAME)}: settings chosen on {where}"
    marked = [
        name
        for name, ensemble in content["ensembles"].items()
        if any(
            found["transductive"]
            for about in ensemble["decodings"].values()
            for found in about["test"].values()
        )
    ]
    if marked:
        yield f"{MARKS['transductive']} learnt from predictions for tested recordings: {listed(marked)}"
    if policy["duplicate_rows"]:
        yield "detections of a recording with k reference events stand k times (fault of system 004)"
    clicks = content["framing"].get("clicks", {})
    if "left_out" in clicks:
        yield f"clicks are left out: {clicks['left_out']}"
    elif clicks:
        yield f"clicks: periods chosen on annotations of {listed(clicks['chosen_on'])}"
    yield from _left_out(content)


def _left_out(content: Mapping) -> Iterator[str]:
    """Yield what is not judged: references, recordings and events."""
    for name, found in content["not_judged"].items():
        used = f"none of its {found['used']} used recordings has known events"
        yield f"{cut(name, NAME)} is not judged: {used}"
    for name, found in {**content["test"], **content["not_judged"]}.items():
        if found["excluded"]:
            codes = [f"{code} {n}" for code, n in sorted(found["excluded_by_code"].items())]
            yield f"excluded of {cut(name, NAME)}: {', '.join(codes)}"
    for name, found in content["test"].items():
        if others := found["events_of_other_classes"]:
            shown = listed([f"{label} {n}" for label, n in others.items()])
            yield f"events of {cut(name, NAME)} whose class is not scored: {shown}"


def _collars(policy: Mapping) -> str:
    collar = policy["collar"]
    onset = "any onset" if collar["onset_s"] is None else f"onset +- {collar['onset_s']:g} s"
    offset = (
        "any offset"
        if collar["offset_s"] is None
        else f"offset +- {collar['offset_s']:g} s or {collar['offset_share']:.0%}"
    )
    return f"{onset}, {offset}"


def _on(content: Mapping, what: str, reference: str) -> str:
    return what if len(content["test"]) == 1 else f"{what} on {reference}"


def _marked(name: str, found: Mapping) -> str:
    return f"{name} {MARKS['transductive']}" if found.get("transductive") else name
