"""Summary of the scores of detected events: a text of one screen.

* `text`: at most 45 lines of 100 columns, plain ASCII but for names.

Differences lose rows first, then baselines, and the scores of each test subset last; a table that
has lost rows says how many are left to ``events.json``.
"""

from collections.abc import Iterator, Mapping

from dawnchorus.evaluation.caveats import learning_remarks, unit_remarks
from dawnchorus.evaluation.pretraining_scores import event_remarks
from dawnchorus.evaluation.text_table import (
    MARKS,
    NAME,
    Table,
    cut,
    excluded,
    listed,
    number,
    screen,
    titled,
    with_interval,
)

_SOURCE = "events.json"
_SCORES = ("=macro event F", ">micro F", ">ER", ">segment F", ">clip F", ">PSDS1", ">PSDS2")


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
    policy, tests = content["policy"], content["test"]
    about = (
        f": events of {len(content['classes'])} classes, {policy['confidence']:.0%} intervals "
        f"({policy['replicates']} replicates over {policy['resampled'].replace('_', ' ')})"
    )
    header = ("<test", ">recordings", ">excluded", ">events unknown", ">scored", ">without event")
    keys = ("recordings", "excluded", "unknown_events", "scored", "without_events", "groups")
    recordings = (
        (*header, ">units" if "units" in policy else ">groups", ">events"),
        [(name, *(found[key] for key in (*keys, "events"))) for name, found in tests.items()],
    )
    ensembles = [
        (
            (_first_title(content, "ensemble", test), "<decoding", *_SCORES),
            [
                (_marked(name, found), decoding, *_cells(found))
                for name, ensemble in content["ensembles"].items()
                for decoding, about in ensemble["decodings"].items()
                if (found := about["test"][test])
            ],
        )
        for test in tests
    ]
    simple, baselines = content["baselines"], []
    for test in tests:
        rows = [
            (row.replace("_", " "), "", *_cells(simple[row]["test"][test]))
            for row in ("energy", "whole_clips", "clicks")
            if "test" in simple.get(row, {})
        ]
        for found in simple.get("oracle", ()):
            # whose ceiling it is, and under which decoding
            names = list(dict.fromkeys(one["ensemble"] for one in found["of"]))
            n_all = len(content["ensembles"])
            whose = names[0] if len(names) == 1 else "all" if len(names) == n_all else len(names)
            decodings = "/".join(dict.fromkeys(one["decoding"] for one in found["of"]))
            rows.append((f"oracle, {whose}", decodings, *_cells(found["test"][test])))
        title = _first_title(content, "no model", test)
        baselines.append(((title, "<decoding", *_SCORES), rows))
    tables = [recordings, *ensembles, *baselines, _differences(content)]
    # differences lose their rows first, then baselines: the scores are what the screen is for
    ranks = [0] * (1 + len(ensembles)) + [1] * len(baselines) + [2]
    return screen(
        titled(content["experiment"], about), tables, list(_remarks(content)), _SOURCE, ranks
    )


def _differences(content: Mapping) -> Table:
    """Return the table of differences: what is compared, with what, and under which decoding."""
    header = ("<difference of", "<minus", "<with", "<on", "=macro event F", ">p", ">segment F")
    rows = []
    for pair in content["comparisons"]:
        first, second = pair["first"], pair["second"]
        differs, same = "ensemble", "decoding"
        if first["ensemble"] == second["ensemble"]:
            differs, same = same, differs
        for test, found in pair["test"].items():
            event_f = found["event_macro_f"]
            further = (found[name] for name in ("segment_macro_f", "psds1", "psds2"))
            rows.append(
                (
                    _marked(second[differs], found),
                    first[differs],
                    second[same],
                    "" if len(content["test"]) == 1 else test,
                    with_interval(event_f, "difference", "+.3f"),
                    number(event_f["p_two_sided"]),
                    *(number(one["difference"], "+.3f") for one in further),
                )
            )
    return (*header, ">PSDS1", ">PSDS2"), rows


def _cells(found: Mapping) -> tuple[str, ...]:
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
        yield "nothing is scored: no test subset has recordings with known events"
    collar, onset, offset = policy["collar"], "any onset", "any offset"
    if collar["onset_s"] is not None:
        onset = f"onset +- {collar['onset_s']:g} s"
    if collar["offset_s"] is not None:
        offset = f"offset +- {collar['offset_s']:g} s or {collar['offset_share']:.0%}"
    learning, chosen = {}, {}
    for ensemble in content["ensembles"].values():
        learning |= ensemble["learning"]
        for name, about in ensemble["decodings"].items():
            if about["chosen_on"]:
                chosen[name] = about["chosen_on"]
    yield from learning_remarks(learning)
    yield f"ER, segment and clip F: macro means; PSDS after the filter; {onset}, {offset}"
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
    yield from event_remarks(content)
    if policy["duplicate_rows"]:
        yield "detections of a recording with k annotated events stand k times (fault of serizel2018)"
    if ceiling := content["ceiling"]:
        yield ceiling
    if energy := content["baselines"].get("energy"):
        yield from energy["not_beaten"]
        chosen_on = energy["chosen_on"] or "no recordings: as given, for want of validation"
        yield f"energy: settings chosen on {chosen_on}"
        if energy["detector"]["classes_without"]:
            yield f"energy: no training frame of {listed(energy['detector']['classes_without'])}"
    clicks = content["baselines"].get("clicks", {})
    if "left_out" in clicks:
        yield f"clicks are left out: {clicks['left_out']}"
    elif clicks:
        yield f"clicks: periods chosen on annotations of {listed(clicks['chosen_on'])}"
    yield from unit_remarks(content)
    yield "scores of frames and events are not calibrated: maps are fitted on those of recordings"
    # what is not scored: subsets, recordings and events
    for name, found in content["not_scored"].items():
        used = f"none of its {found['used']} used recordings has known events"
        yield f"{cut(name, NAME)} is not scored: {used}"
    for name, found in {**content["test"], **content["not_scored"]}.items():
        yield from excluded(name, found)
    for name, found in content["test"].items():
        if others := found["events_of_other_classes"]:
            shown = listed([f"{label} {n}" for label, n in others.items()])
            yield f"events of {cut(name, NAME)} whose class is not scored: {shown}"
        for key, what in (("events_dropped", "dropped"), ("events_clipped", "cut there")):
            if n := found[key]:
                yield f"events of {cut(name, NAME)} beyond the end of their recording, {what}: {n}"


def _first_title(content: Mapping, what: str, test: str) -> str:
    return f"<{cut(what if len(content['test']) == 1 else f'{what} on {test}', NAME)}"


def _marked(name: str, found: Mapping) -> str:
    signs = "".join(sign for reason, sign in MARKS.items() if found.get(reason))
    return f"{name} {signs}" if signs else name
