"""The figures of an experiment as a text of one screen.

* `text`: at most 45 lines of 100 columns, plain ASCII but for names.

A table with more rows than fit ends in a line that says how many are left to ``metrics.json``. Where
classes are several there is a table of identification too: top-1 accuracy, MLRAP and cmAP (classes
without positives left out). A test corpus of which nothing is judged, such as one without labels, is
in the first table alone.
"""

from collections.abc import Iterator, Mapping, Sequence

from dawnchorus.evaluation.text_table import (
    COLUMNS,
    MARKS,
    NAME,
    cut,
    listed,
    number,
    screen,
    with_interval,
)

_SOURCE = "metrics.json"


def text(content: Mapping) -> str:
    """Return what `dawnchorus.evaluation.clip_evaluation.evaluate` found as aligned columns.

    Parameters
    ----------
    content : mapping
        As ``metrics.json`` holds it; NaN and None both are ``n/a``.

    Returns
    -------
    str
        Ends in a line feed.
    """
    judged = _judged(content)
    tables = [_recordings(content), _stages(judged), _ensembles(judged)]
    tables += [_identification(judged), _differences(judged), _thresholds(judged)]
    remarks = list(_remarks(judged))
    return screen(_title(content), tables, remarks, _SOURCE)


def _judged(content: Mapping) -> dict:
    """Return the content without the figures, all undefined, of tests of which nothing is judged."""
    empty = {name for name, found in content["test"].items() if not found["judged"]}

    def kept(item: Mapping) -> dict:
        return {**item, "test": {n: found for n, found in item["test"].items() if n not in empty}}

    ensembles = {
        name: kept(found) | {"threshold": kept(found["threshold"])}
        for name, found in content["ensembles"].items()
    }
    stages = {name: kept(found) for name, found in content["stages"].items()}
    comparisons = [kept(pair) for pair in content["comparisons"]]
    return {**content, "stages": stages, "ensembles": ensembles, "comparisons": comparisons}


def _title(content: Mapping) -> str:
    policy, n_classes = content["policy"], len(content["classes"])
    what = "AUROC" if n_classes == 1 else f"macro AUROC of {n_classes} classes"
    about = (
        f": {what} with {policy['confidence']:.0%} interval "
        f"({policy['replicates']} replicates over {policy['resampled']})"
    )
    return cut(content["experiment"], min(NAME, COLUMNS - len(about))) + about


def _recordings(content: Mapping) -> tuple[Sequence[str], list]:
    header = ("<test corpus", ">recordings", ">excluded", ">truth unknown", ">judged")
    header += (">positive", ">groups")
    return header, [
        (
            name,
            *(found[key] for key in ("recordings", "excluded", "unknown_truth", "judged")),
            found["n_positive"],
            found["groups"],
        )
        for name, found in content["test"].items()
    ]


def _stages(content: Mapping) -> tuple[Sequence[str], list]:
    header = ("<stage", ">models", "<on", "=mean +- SD", ">min", ">max", "=")
    return header, [
        (
            name,
            found["models"],
            reference,
            f"{number(found['mean'])} +- {number(found['sd'])}",
            number(found["min"]),
            number(found["max"]),
            _transductive(found),
        )
        for name, stage in content["stages"].items()
        for reference, found in stage["test"].items()
    ]


def _ensembles(content: Mapping) -> tuple[Sequence[str], list]:
    header = ("<ensemble", ">models", "<on", "=AUROC", ">harmonic", ">fold mean", "=")
    return header, [
        (
            name,
            ensemble["models"],
            where,
            with_interval(found, "auroc"),
            number(found["harmonic_mean"]["auroc"]) if "harmonic_mean" in found else "",
            number(found["mean_over_folds"]["auroc"]) if "mean_over_folds" in found else "",
            _transductive(found),
        )
        for name, ensemble in content["ensembles"].items()
        for where, found in _everywhere(ensemble)
    ]


def _identification(content: Mapping) -> tuple[Sequence[str], list]:
    header = ("<identification", "<on", "=top-1", "=MLRAP", ">+bg", "=cmAP")
    return header, [
        (
            name,
            f"{where} {MARKS['transductive']}" if found.get("transductive") else where,
            with_interval(values["top1_accuracy"], "value"),
            with_interval(values["mlrap"], "value"),
            number(values["mlrap_with_background"]["value"])
            if "mlrap_with_background" in values
            else "",
            with_interval(values["map_macro_skip_absent"], "value"),
        )
        for name, ensemble in content["ensembles"].items()
        for where, found in _everywhere(ensemble)
        if (values := found.get("identification"))
    ]


def _differences(content: Mapping) -> tuple[Sequence[str], list]:
    header = ("<difference of", "<and", "<on", "=AUROC", ">p", ">top-1", ">p", "=")
    return header, [
        (
            pair["second"],
            pair["first"],
            where,
            with_interval(found, "difference", "+.3f"),
            number(found["p_two_sided"]),
            *_change(found.get("identification", {}).get("top1_accuracy")),
            _transductive(found),
        )
        for pair in content["comparisons"]
        for where, found in _everywhere(pair)
    ]


def _change(found: Mapping | None) -> tuple[str, str]:
    if found is None:
        return "", ""
    return number(found["difference"], "+.3f"), number(found["p_two_sided"])


def _thresholds(content: Mapping) -> tuple[Sequence[str], list]:
    header = ("<threshold by", ">at", "<on", ">precision", ">recall", ">F1", "=")
    return header, [
        (
            name,
            _threshold(ensemble["threshold"]),
            reference,
            *(number(found[key]) for key in ("precision", "recall", "f1")),
            _transductive(found),
        )
        for name, ensemble in content["ensembles"].items()
        for reference, found in ensemble["threshold"]["test"].items()
    ]


def _remarks(content: Mapping) -> Iterator[str]:
    stages, ensembles = content["stages"], content["ensembles"]
    marked = [
        name for name, stage in stages.items() if any(map(_transductive, stage["test"].values()))
    ]
    if marked:
        mark = f" ({MARKS['transductive']})" if len(content["classes"]) > 1 else ""
        yield (
            f"transductive{mark}: {listed(marked)} learnt from predictions for recordings tested "
            "here"
        )
    told = {
        "teachers_saw_fold": "out of fold, but the pseudo-labels come from models that saw all labels",
        "chose_epoch": "out of fold, but that fold chose the epoch: optimistic",
        "split_groups": "out of fold, but groups are split between folds: optimistic",
    }
    for reason, remark in told.items():
        if any(found["out_of_fold"][reason] for found in ensembles.values()):
            yield f"{MARKS[reason]} {remark}"
    if any("mlrap_with_background" in _whole(found) for found in ensembles.values()):
        yield "+bg: MLRAP with the background species among the right answers"
    chosen = next(iter(ensembles.values()))["threshold"] if ensembles else None
    if chosen:
        yield f"thresholds: best {chosen['criterion']} on {chosen['chosen_on']}"
    for name, found in content["test"].items():
        if found["excluded"]:
            codes = [f"{code} {n}" for code, n in sorted(found["excluded_by_code"].items())]
            yield f"excluded of {cut(name, NAME)}: {', '.join(codes)}"
        left_out = found["classes_left_out"]
        if left_out and found["judged"]:
            yield f"left out on {cut(name, NAME)}, not both truths: {listed(left_out)}"


def _everywhere(item: Mapping) -> Iterator[tuple[str, Mapping]]:
    yield from item["test"].items()
    found = item["out_of_fold"]
    marks = "".join(mark for reason, mark in MARKS.items() if found.get(reason))
    yield f"out of fold {marks}".rstrip(), found


def _whole(ensemble: Mapping) -> set[str]:
    """Return the statistics of identification that any figure of an ensemble has."""
    return {name for _, found in _everywhere(ensemble) for name in found.get("identification", {})}


def _transductive(found: Mapping) -> str:
    return "transductive" if found.get("transductive") else ""


def _threshold(chosen: Mapping) -> str:
    values = list(chosen["thresholds"].values())
    return number(values[0]) if len(values) == 1 else "per class"
