"""Summary of the scores of clips: a text of one screen.

* `text`: at most 45 lines of 100 columns, plain ASCII but for names.

A table with more rows than fit ends in a line that says how many are left to ``metrics.json``; that of
baselines loses its rows first. Where
classes are several there is a table of identification too: top-1 accuracy, MLRAP and cmAP (classes
without positives left out). A test corpus of which nothing is scored, such as one without labels, is
in the first table alone.
"""

from collections.abc import Iterator, Mapping

from dawnchorus.evaluation import calibration_scores, pretraining_scores
from dawnchorus.evaluation.caveats import learning_remarks, padding_remarks, unit_remarks
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
    policy, n_classes = content["policy"], len(content["classes"])
    what = "AUROC" if n_classes == 1 else f"macro AUROC of {n_classes} classes"
    about = (
        f": {what} with {policy['confidence']:.0%} interval "
        f"({policy['replicates']} replicates over {policy['resampled'].replace('_', ' ')})"
    )
    header = ("<test corpus", ">recordings", ">excluded", ">truth unknown", ">scored")
    keys = ("recordings", "excluded", "unknown_truth", "scored", "n_positive", "groups")
    recordings = (
        (*header, ">positive", ">units" if "units" in policy else ">groups"),
        [(name, *(found[key] for key in keys)) for name, found in content["test"].items()],
    )
    # a test of which nothing is scored has undefined scores alone
    empty = {name for name, found in content["test"].items() if not found["scored"]}

    def kept(item: Mapping) -> dict:
        return {**item, "test": {n: found for n, found in item["test"].items() if n not in empty}}

    scored = {
        **content,
        "stages": {name: kept(found) for name, found in content["stages"].items()},
        "ensembles": {
            name: kept(found) | {key: kept(found[key]) for key in ("threshold", "calibration")}
            for name, found in content["ensembles"].items()
        },
        "comparisons": [kept(pair) for pair in content["comparisons"]],
    }
    simple = content["baselines"]
    if simple:
        scored["baselines"] = simple | {
            "scores": {name: kept(found) for name, found in simple["scores"].items()}
        }
        # the best baseline is one of what ensembles are compared with
        scored["comparisons"] += [kept(pair) for pair in simple["comparisons"]]
    tables = [recordings, *_auroc_tables(scored), *_further_tables(scored)]
    ranks = [0] * len(tables) + [1]
    rows, scores = [], scored["baselines"].get("scores", {})
    # the best first: a short screen may lose the rows of the others
    for name in sorted(scores, key=lambda name: name != scored["baselines"]["best"]):
        for where, found in _everywhere(scores[name]):
            values = found.get("identification", {})
            points = (
                number(values[key]["value"]) if key in values else ""
                for key in ("top1_accuracy", "mlrap")
            )
            rows.append((_spaced(name), where, with_interval(found, "auroc"), *points))
    tables.append((("<baseline", "<on", "=AUROC", ">top-1", ">MLRAP"), rows))
    return screen(
        titled(content["experiment"], about), tables, list(_remarks(scored)), _SOURCE, ranks
    )


def _auroc_tables(content: Mapping) -> Iterator[Table]:
    """Yield the tables of stages and of ensembles."""
    header = ("<stage", ">models", "<on", "=mean +- SD", ">min", ">max", "=")
    yield (
        header,
        [
            (
                name,
                found["models"],
                test,
                f"{number(found['mean'])} +- {number(found['sd'])}",
                number(found["min"]),
                number(found["max"]),
                _transductive(found),
            )
            for name, stage in content["stages"].items()
            for test, found in stage["test"].items()
        ],
    )
    header = ("<ensemble", ">models", "<on", "=AUROC", ">harmonic", ">fold mean", "=")
    yield (
        header,
        [
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
        ],
    )


def _further_tables(content: Mapping) -> Iterator[Table]:
    """Yield the tables of identification, of differences, of thresholds and of calibration."""
    rows = []
    for name, ensemble in content["ensembles"].items():
        for where, found in _everywhere(ensemble):
            if values := found.get("identification"):
                background = values.get("mlrap_with_background")
                rows.append(
                    (
                        name,
                        f"{where} {MARKS['transductive']}" if found.get("transductive") else where,
                        with_interval(values["top1_accuracy"], "value"),
                        with_interval(values["mlrap"], "value"),
                        number(background["value"]) if background else "",
                        with_interval(values["map_macro_skip_absent"], "value"),
                    )
                )
    yield ("<identification", "<on", "=top-1", "=MLRAP", ">+bg", "=cmAP"), rows
    rows = []
    for pair in content["comparisons"]:
        for where, found in _everywhere(pair):
            top_1 = found.get("identification", {}).get("top1_accuracy")
            rows.append(
                (
                    pair["second"],
                    # an ensemble is shown as it is called, a baseline as in its table
                    pair["first"]
                    if pair["first"] in content["ensembles"]
                    else _spaced(pair["first"]),
                    where,
                    with_interval(found, "difference", "+.3f"),
                    number(found["p_two_sided"]),
                    number(top_1["difference"], "+.3f") if top_1 else "",
                    number(top_1["p_two_sided"]) if top_1 else "",
                    _transductive(found),
                )
            )
    yield ("<difference of", "<and", "<on", "=AUROC", ">p", ">top-1", ">p", "="), rows
    rows = []
    for name, ensemble in content["ensembles"].items():
        chosen = list(ensemble["threshold"]["thresholds"].values())
        at = number(chosen[0]) if len(chosen) == 1 else "per class"
        for test, found in ensemble["threshold"]["test"].items():
            cells = (number(found[key]) for key in ("precision", "recall", "f1"))
            rows.append((name, at, test, *cells, _transductive(found)))
    yield ("<threshold by", ">at", "<on", ">precision", ">recall", ">F1", "="), rows
    rows = []
    for name, ensemble in content["ensembles"].items():
        measured = ensemble["calibration"]
        for where, errors in (*measured["test"].items(), ("out of fold", measured["out_of_fold"])):
            if "after" in errors:  # without a calibration there is nothing to compare
                both = errors["before"], errors["after"]
                ece = (with_interval(one["ece"], "value") for one in both)
                rows.append((name, where, *ece, *(number(one["brier"]["value"]) for one in both)))
    header = ("<calibration of", "<on", "=error before", "=after", ">Brier", ">after")
    yield header, rows


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def _remarks(content: Mapping) -> Iterator[str]:
    stages, ensembles, simple = content["stages"], content["ensembles"], content["baselines"]
    for name, why in content["ended"].items():
        yield f"stage {cut(name, NAME)} ended, and no ensemble has it: {why}"
    yield from learning_remarks(
        {
            f"{name} {member}": about
            for name, stage in stages.items()
            for member, about in stage["learning"].items()
        }
    )
    yield from simple.get("not_beaten", ())
    for name, remark in simple.get("about", {}).items():
        if name in simple["scores"]:
            yield f"{_spaced(name)}: {remark}"
    marked = [
        name for name, stage in stages.items() if any(map(_transductive, stage["test"].values()))
    ]
    if marked:
        # the sign stands in the table of identification alone; the others have a column for it
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
    yield from pretraining_scores.remarks(content)
    everywhere = [found for one in ensembles.values() for _, found in _everywhere(one)]
    if any("mlrap_with_background" in found.get("identification", {}) for found in everywhere):
        yield "+bg: MLRAP with the background species among the right answers"
    chosen = next(iter(ensembles.values()))["threshold"] if ensembles else None
    if chosen:
        yield f"thresholds: best {chosen['criterion']} on {chosen['chosen_on']}"
    yield from unit_remarks(content)
    training = content["training"]
    yield from padding_remarks("training", training)
    for name, found in content["test"].items():
        yield from padding_remarks(cut(name, NAME), found)
    if training.get("excluded"):
        yield from excluded("the training", training)
    if not set(content["classes"]) - set(training.get("classes_left_out", ())):
        yield from _undefined("out of fold", training)
    yield from calibration_scores.remarks(ensembles)
    for name, found in content["test"].items():
        yield from excluded(name, found)
        left_out = found["classes_left_out"]
        if not found["scored"]:
            continue
        if not set(content["classes"]) - set(left_out):
            yield from _undefined(f"on {cut(name, NAME)}", found)
        elif left_out:
            yield f"left out on {cut(name, NAME)}, no positives or no negatives: {listed(left_out)}"


def _undefined(where: str, found: Mapping) -> Iterator[str]:
    """Yield why nothing is defined where each class lacks positives or negatives."""
    n = found["scored"]
    everywhere = [label for label, count in found["positives"].items() if count == n]
    if n and everywhere:
        yield f"n/a {where}: all {n} recordings are of {listed(everywhere)}, none is negative"
    elif n:
        yield f"n/a {where}: none of {n} recordings is of a class that is scored"


def _everywhere(item: Mapping) -> Iterator[tuple[str, Mapping]]:
    for name, found in item["test"].items():
        is_seen = found.get(pretraining_scores.MARK)
        yield f"{name} {MARKS[pretraining_scores.MARK]}" if is_seen else name, found
    found = item["out_of_fold"]
    marks = "".join(mark for reason, mark in MARKS.items() if found.get(reason))
    yield f"out of fold {marks}".rstrip(), found


def _transductive(found: Mapping) -> str:
    return "transductive" if found.get("transductive") else ""
