"""Scores of each class, and which classes are taken for which."""

from collections.abc import Mapping

from dawnchorus.report.html import Html, details, element, joined, number, section, table
from dawnchorus.report.result_data import ResultData

MOST_CONFUSED = 40  # classes of a confusion matrix; of more only the pairs are listed
_MOST_PAIRS = 200


def class_tables(data: ResultData) -> Html:
    """Return the section: a table of classes that sorts and filters, and the confusion."""
    rows, confusions = [], []
    for name, ensemble in data.metrics["ensembles"].items():
        for where, found in [*ensemble["test"].items(), ("out of fold", ensemble["out_of_fold"])]:
            threshold, is_test = ensemble["threshold"], where in ensemble["threshold"]["test"]
            measured = threshold["test"][where] if is_test else threshold["out_of_fold"]
            counted = data.metrics["test"][where] if is_test else data.metrics["training"]
            for label in (classes := data.metrics["classes"]):
                at = measured["classes"].get(label, {})
                auroc = found["auroc"] if len(classes) == 1 else found["per_class"].get(label)
                rows.append(
                    (
                        label,
                        name,
                        where,
                        counted["positives"].get(label, 0),
                        number(auroc),
                        number(found.get("average_precision", {}).get(label)),
                        number(threshold["thresholds"].get(label)),
                        *(number(at.get(key)) for key in ("precision", "recall", "f1")),
                    )
                )
            if confusion := found.get("confusion"):
                confusions.append(_confusion(f"{name}, {where}", confusion))
    header = ("class", "ensemble", "on", ">positives", ">AUROC", ">average precision", ">threshold",
              ">precision", ">recall", ">F1")  # fmt: skip
    return section(
        "classes", "Classes", table("Scores of each class", header, rows, True), *confusions
    )


def _confusion(what: str, counts: Mapping[str, Mapping[str, float]]) -> Html:
    """Return a matrix of few classes, and the pairs that are taken for each other most."""
    names = sorted({*counts, *(label for row in counts.values() for label in row)})
    pairs = sorted(
        ((truth, given, n) for truth, row in counts.items() for given, n in row.items()
         if truth != given),
        key=lambda pair: (-pair[2], pair[0], pair[1]),
    )[:_MOST_PAIRS]  # fmt: skip
    matrix = Html("")
    if len(names) <= MOST_CONFUSED:
        rows = []
        for truth in names:
            row = counts.get(truth, {})
            # the number is there too: the shade says nothing alone
            shades = {
                given: element(
                    "span", f"{n:g}", class_="shade", style=f"--share: {n / sum(row.values()):.2f}"
                )
                for given, n in row.items()
            }
            rows.append([truth, *(shades.get(given, "") for given in names)])
        matrix = table(
            f"Confusion of {what}: recordings of a class (row) by the class of highest score (column)",
            ("truth", *(f">{name}" for name in names)),
            rows,
        )
    listed = table(
        f"Confused pairs of {what}",
        ("is", "taken for", ">recordings"),
        [(truth, given, f"{n:g}") for truth, given, n in pairs],
        True,
    )
    return joined([matrix, details(f"Confused pairs of {what}", listed)])
