"""How long tables that grow with the recordings take to read, and how much memory.

Writes tables of made-up recordings and reads them, each in a process of its own, which says how
long it took and what its peak memory was, libraries included.

    python benchmarks/tables.py
"""

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dawnchorus.corpora import tables

SHARDS = 256
CLASSES = 1500
MOST = {
    "listing and labels": (10.0, 1000.0),
    "validation scores": (5.0, 1500.0),
    "targets": (5.0, 1000.0),
    "grouped folds": (10.0, 1000.0),
}  # seconds and MB, by case
SHARES = {
    "listing and labels": 1.0,
    "validation scores": 0.16,
    "targets": 0.036496,  # the recordings of BirdCLEF 2018, of a million
    "grouped folds": 0.15,
}  # of the recordings, by case


def main() -> None:
    """Measure, print a table, and write the measurements as JSON where asked to."""
    options = parse()
    if options.job:
        print(json.dumps(measure(JOBS[options.job], Path(options.folder), options.recordings)))
        return
    measured = {}
    for case in MOST:
        say(f"{case} of {round(SHARES[case] * options.recordings):,} recordings")
        with tempfile.TemporaryDirectory(prefix="tables-", dir=options.folder) as folder:
            measured[case] = {
                job: run_job(f"{job} {case}", folder, options.recordings)
                for job in ("write", "read")
            }
            files = [path for path in Path(folder).rglob("*") if path.is_file()]
            measured[case]["size_mb"] = sum(path.stat().st_size for path in files) / 1e6
    measured["recordings"] = options.recordings
    print(report(measured))
    if options.json:
        print(json.dumps(measured, indent=1, sort_keys=True))


def parse() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--recordings", type=int, default=1_000_000)
    parser.add_argument("--folder", help="where to make the temporary folder")
    parser.add_argument("--json", action="store_true", help="print the measurements as JSON, too")
    parser.add_argument(
        "--smoke", "--quick", action="store_true", help="as small as can be; measures nothing"
    )
    parser.add_argument("--job", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.smoke:
        options.recordings = 1000
    return options


def run_job(job: str, folder: str, n_recordings: int) -> dict:
    """Return what a job takes, from a process of its own.

    This one has to stay small: a child inherits the peak memory of the process that starts it.
    """
    command = [sys.executable, __file__, "--job", job, "--folder", folder]
    ran = subprocess.run(
        [*command, "--recordings", str(n_recordings)], stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(ran.stdout)


def write_corpus(folder: Path, n_recordings: int) -> None:
    """Write the listings of all shards and the labels of a corpus."""
    shards: dict[str, list[tuple]] = {}
    labels = []
    for number in range(n_recordings):
        name = f"train/XC{number:07d}"
        sha256 = hashlib.sha256(name.encode()).hexdigest()
        row = (name, "ogg", 100_000 + number, "", sha256)
        shards.setdefault(tables.shard_of(name, SHARDS), []).append(row)
        species, behind = f"species{number % CLASSES:04d}", f"species{number % 7:04d}"
        recordist = f"recordist {number % 9999}"
        labels.append(
            (name, "", recordist, recordist, number % 5, "train", 1, species, behind, number)
        )
    for shard, rows in shards.items():
        tables.write_rows(tables.listing_path(folder, "c", shard, "0"), tables.LISTING, rows)
    tables.write_rows(tables.labels_path(folder, "c", "0"), tables.LABELS, labels)


def read_corpus(folder: Path, n_recordings: int) -> None:
    """Read what `write_corpus` wrote, and keep all of it in memory."""
    listings = sorted(tables.folder_of(folder, "c").joinpath("listings").iterdir())
    listed = [row for path in listings for row in tables.read_listing(path)]
    labels = tables.read_labels(tables.labels_path(folder, "c", "0"))
    if not len(listed) == len(labels) == n_recordings:
        raise SystemExit(f"{len(listed)} recordings are listed, {len(labels)} have labels")


def write_scores(folder: Path, n_recordings: int) -> None:
    """Write scores of chunks, 160,000 of a million recordings, and the class of each."""
    rng = np.random.default_rng(1)
    n_chunks = round(SHARES["validation scores"] * n_recordings)
    np.save(folder / "scores.npy", rng.random((n_chunks, CLASSES), np.float32))
    np.save(folder / "classes.npy", rng.integers(0, CLASSES, n_chunks))


def validate(folder: Path, n_recordings: int) -> None:
    """Compute the metrics of an epoch from what `write_scores` wrote."""
    from dawnchorus.training import validation

    scores, classes = (
        np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("scores", "classes")
    )
    settings = {"loss": "binary_crossentropy", "target_range": (0.0, 1.0)}
    targets = np.eye(CLASSES, dtype=np.float32)
    validation.epoch_metrics(targets, scores, settings, rows=classes)


def write_targets(folder: Path, n_recordings: int) -> None:
    """Write the targets of a stage, for 36,496 of a million recordings (those of BirdCLEF 2018)."""
    from dawnchorus.targets import targets_table

    n_labelled = round(SHARES["targets"] * n_recordings)
    number = np.arange(n_labelled)
    values = np.zeros((n_labelled, CLASSES), np.float32)
    values[number, number % CLASSES] = 1
    targets = targets_table.Targets(
        [("c", f"train/XC{one:07d}") for one in number.tolist()],
        1 + number % 5,
        np.zeros_like(number),
        values,
        [f"species{one:04d}" for one in range(CLASSES)],
    )
    targets_table.write(folder / "targets.parquet", targets)


def read_targets(folder: Path, n_recordings: int) -> None:
    """Read what `write_targets` wrote."""
    from dawnchorus.targets import targets_table

    found = targets_table.read(folder / "targets.parquet").values
    if len(found) != round(SHARES["targets"] * n_recordings) or not found.any(axis=1).all():
        raise SystemExit(f"{len(found)} targets, or some without a class")


def write_labelled_corpus(folder: Path, n_recordings: int) -> None:
    """Write the tables that folds depend on, for 150,000 of a million recordings."""
    write_corpus(folder, round(SHARES["grouped folds"] * n_recordings))
    recordings = tables.read_labels(tables.labels_path(folder, "c", "0"))
    lines = [f"{recording.id},used" for recording in recordings]
    (folder / "verdicts.csv").write_text("\n".join(["id,verdict", *lines, ""]))


def deal_grouped_folds(folder: Path, n_recordings: int) -> None:
    """Deal the folds of what `write_labelled_corpus` wrote."""
    from dawnchorus.targets import folds

    listings = sorted(tables.folder_of(folder, "c").joinpath("listings").iterdir())
    settings = {"kind": "grouped", "count": 5, "by": "group", "split_groups": False, "seed": 1}
    files = {"c": tables.labels_path(folder, "c", "0")}, {"c": folder / "verdicts.csv"}
    folds.deal_folds(["c"], *files, {"c": listings}, settings, folder / "folds.csv")


JOBS: dict[str, Callable[[Path, int], None]] = {
    "write listing and labels": write_corpus,
    "read listing and labels": read_corpus,
    "write targets": write_targets,
    "read targets": read_targets,
    "write grouped folds": write_labelled_corpus,
    "read grouped folds": deal_grouped_folds,
    "write validation scores": write_scores,
    "read validation scores": validate,
}


def measure(job: Callable[[Path, int], None], folder: Path, n_recordings: int) -> dict:
    """Return seconds, processor seconds and peak memory in MB of this process."""
    started, cpu_s = time.monotonic(), time.process_time()
    job(folder, n_recordings)
    taken = {"wall_s": time.monotonic() - started, "cpu_s": time.process_time() - cpu_s}
    unit = 1e6 if sys.platform == "darwin" else 1e6 / 1024
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return {"peak_mb": peak_mb, **taken}


def report(measured: dict) -> str:
    """Return the measurements for a person to read."""
    lines = []
    for case, (most_s, most_mb) in MOST.items():
        count = round(SHARES[case] * measured["recordings"])
        read, written = measured[case]["read"], measured[case]["write"]
        lines += [
            f"{case}, {count:,} recordings, {measured[case]['size_mb']:.2f} MB",
            f"  made, written, checked [s] {written['wall_s']:8.2f}",
            f"  read [s]                   {read['wall_s']:8.2f}   "
            f"{mark(read['wall_s'] < most_s)} < {most_s:g} (processor {read['cpu_s']:.2f})",
            f"  peak memory [MB]           {read['peak_mb']:8.0f}   "
            f"{mark(read['peak_mb'] < most_mb)} < {most_mb:g}",
        ]
    return "\n".join(lines)


def mark(is_met: bool) -> str:
    """Return how a measurement compares with its aim."""
    return "meets" if is_met else "MISSES"


def say(what: str) -> None:
    """Say what is being done."""
    print(f"... {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
