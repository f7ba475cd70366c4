"""``dawnchorus sample``: detections for a person to check, and what the answers say.

``dawnchorus sample DETECTIONS --audio ROOT --out FOLDER`` draws detections and cuts them out.
``dawnchorus sample --read FOLDER --out OTHER`` reads the filled table back: ``precision.csv``,
``thresholds.csv``, and a corpus (``labels.csv``, ``audio/``) for the next round of training.
"""

import argparse
import os
from collections import Counter

from dawnchorus.runtime import artefacts
from dawnchorus.runtime.logs import terminal_progress


def add_to(commands) -> None:
    """Add the command to the parsers of the command line."""
    parser = commands.add_parser(
        "sample", help="draw detections for a person to check, or read answers"
    )
    parser.add_argument(
        "detections", nargs="*", metavar="DETECTIONS", help="tables of `dawnchorus predict`"
    )
    parser.add_argument(
        "--audio",
        metavar="ROOT",
        help="folder that the paths in the tables start from, the one given to `predict`, or the results "
        "of the run whose application it was",
    )
    parser.add_argument(
        "--out", required=True, metavar="FOLDER", help="what is written; a new folder"
    )
    parser.add_argument("--each", type=int, default=10, metavar="N", help="of each class and band")
    parser.add_argument(
        "--bands", type=int, default=5, metavar="N", help="bands of scores from 0 to 1"
    )
    parser.add_argument("--classes", nargs="+", metavar="CLASS", help="these alone")
    parser.add_argument("--seed", type=int, default=1, help="of the draw")
    parser.add_argument(
        "--context", type=float, default=1.0, metavar="SECONDS", help="of sound on both sides"
    )
    parser.add_argument(
        "--longest",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="of a detection that is cut out",
    )
    parser.add_argument("--read", metavar="FOLDER", help="a sample whose table is filled in")
    parser.add_argument(
        "--precision", type=float, default=0.9, help="wanted of the suggested thresholds (--read)"
    )
    parser.add_argument("--confidence", type=float, default=0.95, help="of intervals (--read)")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Draw, or read answers; return the exit status."""
    if arguments.read is not None:
        if arguments.detections:
            raise ValueError("--read takes no tables of detections; give one or the other")
        return _read(arguments)
    if not arguments.detections or arguments.audio is None:
        raise ValueError("expected tables of detections and --audio ROOT, or --read FOLDER")
    # Imported here, as in `_read`: NumPy would make every command start later.
    import pyarrow as pa
    import pyarrow.compute as pc

    from dawnchorus.exported import detection_sample, detections

    table = pa.concat_tables([detections.read(path) for path in arguments.detections])
    if arguments.classes:
        known = set(pc.unique(table["class"]).to_pylist())
        if unknown := [name for name in arguments.classes if name not in known]:
            raise ValueError(
                f"--classes: no detection of {unknown[0]!r}; there are {', '.join(sorted(known)[:12])}"
            )
        table = table.filter(pc.is_in(table["class"], pa.array(arguments.classes)))
    drawn = detection_sample.draw(table, arguments.each, arguments.bands, arguments.seed)
    detection_sample.write_sample(
        table, drawn, arguments.audio, arguments.out, arguments.context, arguments.longest,
        terminal_progress(),
    )  # fmt: skip
    labels = table["class"].to_pylist()
    n_classes = len({labels[one.row] for one in drawn})
    n_strata = len(Counter((labels[one.row], one.band) for one in drawn))
    print(
        f"{len(drawn)} of {table.num_rows} detections, of {n_classes} classes in {n_strata} bands: "
        f"listen to {arguments.out}/{detection_sample.CLIPS}, and fill in column 'correct' of "
        f"{arguments.out}/{detection_sample.TABLE} (1, 0 or ?); then\n"
        f"  dawnchorus sample --read {arguments.out} --out CHECKED"
    )
    return 0


def _read(arguments: argparse.Namespace) -> int:
    """Print and write what a filled table says."""
    from dawnchorus.exported import sample_review

    if os.path.lexists(arguments.out):
        raise ValueError(f"{arguments.out} is there already; name a new folder")
    folder, answers = sample_review.read_answers(arguments.read)
    rows = sample_review.precision_rows(answers, arguments.confidence)
    width = max(len(row.label) for row in rows)
    print(f"{'class':{width}}  {'score':12} detections  checked  right  precision")
    for row in rows:
        n_known = row.drawn - row.unsure
        share = (
            f"{row.precision:.2f} ({row.low:.2f} to {row.high:.2f})" if n_known else "not checked"
        )
        print(
            f"{row.label:{width}}  {row.band:12} {row.detections:10}  {n_known:7}  {row.correct:5}  "
            f"{share}"
        )
    thresholds, sentences = [], []
    for label in dict.fromkeys(row.label for row in rows):
        try:
            found = sample_review.suggested_threshold(
                answers, label, arguments.precision, arguments.confidence
            )
        except ValueError as error:
            sentences.append(str(error))
        else:
            thresholds.append((label, *(f"{value:.9g}" for value in found)))
            sentences.append(
                f"{label}: from a score of {found[0]:.3g} on, the precision is {found[1]:.2f} "
                f"({found[2]:.2f} to {found[3]:.2f})"
            )
    print("\n".join(["", *sentences]))
    with artefacts.writing_folder(arguments.out) as temporary:
        n_labelled, n_unknown = sample_review.write_corpus(folder, answers, temporary)
        columns = ("class", "band", *sample_review.Precision._fields[2:])
        artefacts.write_table(temporary / "precision.csv", columns, rows)
        columns = ("class", "threshold", "precision", "low", "high")
        artefacts.write_table(temporary / "thresholds.csv", columns, thresholds)
    unknown = f", and {n_unknown} whose other classes nobody named, as unlabelled" * bool(n_unknown)
    print(
        f"\n{n_labelled} labelled recordings{unknown}: a corpus of its own, to train with\n"
        f"  corpora: {{checked: {{adapter: table, table: {arguments.out}/labels.csv}}}}"
    )
    return 0
