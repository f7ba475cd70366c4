"""How long a dry run takes on 100,000 recordings, against the same on 100.

Makes tiny files and a table of them, lists them once so that their hashes are remembered, and then
plans the default experiment on them, by ``snakemake -n -q`` in processes of their own: the corpora
in turns, the medians compared.

    python benchmarks/dry_run.py
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
SHARDS = 256
FEW = 100
MOST_S = 4.0
MOST_PEAK_MB = 512.0


def main() -> None:
    """Measure, print a table, and write the figures as JSON where asked to."""
    options = parsed()
    if options.job:
        print(json.dumps(dry_run(Path(options.job))))
        return
    counts = {"few": FEW, "many": options.recordings}
    with tempfile.TemporaryDirectory(prefix="dry-run-", dir=options.folder) as name:
        folders = {size: Path(name, size) for size in counts}
        for size, folder in folders.items():
            say(f"{counts[size]} recordings")
            write_project(folder, counts[size])
        if not options.smoke:
            time.sleep(2.5)  # hashes of files younger than two seconds are not remembered
        first = {size: planned(folder) for size, folder in folders.items()}
        rounds = []
        for number in range(options.rounds):
            say(f"round {number + 1} of {options.rounds}")
            rounds.append({size: planned(folder) for size, folder in folders.items()})
    figures = figures_of(counts, first, rounds or [first])
    print(table(figures))
    if options.json:
        print(json.dumps(figures, indent=1, sort_keys=True))


def parsed() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--recordings", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", help="where to make the temporary folder")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON, too")
    parser.add_argument("--smoke", action="store_true", help="as small as can be; measures nothing")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.smoke:
        options.recordings, options.rounds = 300, 0
    return options


def write_project(folder: Path, n_recordings: int) -> None:
    """Write recordings, their table and a config that trains the default experiment on them."""
    (folder / "recordings").mkdir(parents=True)
    rows = ["path,labels,group"]
    for index in range(n_recordings):
        name = f"recordings/{index:06d}.wav"
        (folder / name).write_bytes(b"RIFF%06d" % index)
        rows.append(f"{name},{index % 2},site{index % 50}")
    (folder / "recordings.csv").write_text("\n".join([*rows, ""]))
    corpus = {"adapter": "table", "table": "recordings.csv", "binary_class": "bird"}
    settings = {
        "run": ["many"],
        "corpora": {"recordings": {**corpus, "shards": SHARDS}},
        "experiments": {"many": {"like": "demo", "train": ["recordings"]}},
    }
    (folder / "many.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))


def planned(folder: Path) -> dict:
    """Return what a dry run takes, from a process of its own that has no other children."""
    ran = subprocess.run(
        [sys.executable, __file__, "--job", str(folder)], stdout=subprocess.PIPE, text=True
    )
    if ran.returncode:
        raise SystemExit(f"the dry run in {folder} ended with status {ran.returncode}")
    return json.loads(ran.stdout)


def dry_run(folder: Path) -> dict:
    """Plan a project and return wall and processor seconds, and peak memory in MB."""
    command = [
        *(sys.executable, "-m", "snakemake", "-n", "-q", "-s", str(ROOT / "Snakefile")),
        *("--directory", str(folder), "--configfile", str(folder / "many.yaml")),
    ]
    started = time.monotonic()
    ran = subprocess.run(command, capture_output=True, text=True)
    wall_s = time.monotonic() - started
    if ran.returncode:
        raise SystemExit(ran.stdout + ran.stderr)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    cpu_s = usage.ru_utime + usage.ru_stime
    return {"wall_s": wall_s, "cpu_s": cpu_s, "peak_mb": usage.ru_maxrss / unit}


def figures_of(counts: dict, first: dict, rounds: list[dict]) -> dict:
    """Return medians over the rounds; ``first_s`` is of the listing that hashes every file."""
    more_s = [each["many"]["wall_s"] - each["few"]["wall_s"] for each in rounds]
    return {
        "recordings": counts,
        "shards": SHARDS,
        "first_s": {size: taken["wall_s"] for size, taken in first.items()},
        **{
            key: {size: statistics.median(each[size][key] for each in rounds) for size in counts}
            for key in ("wall_s", "cpu_s")
        },
        "more_s": statistics.median(more_s),
        "all_more_s": more_s,
        "peak_mb": max(each["many"]["peak_mb"] for each in rounds),
    }


def table(figures: dict) -> str:
    """Return the figures for a person to read."""
    counts, walls = figures["recordings"], figures["wall_s"]
    lines = [f"dry run, {figures['shards']} shards [s]"]
    for size, count in counts.items():
        seconds = f"{walls[size]:8.2f}   (processor {figures['cpu_s'][size]:.2f}"
        lines.append(f"  {count:<30} {seconds}, first {figures['first_s'][size]:.2f})")
    more_s, peak_mb = figures["more_s"], figures["peak_mb"]
    lines += [
        f"  {'more':30} {more_s:8.2f}   {mark(more_s <= MOST_S)} at most {MOST_S:g}",
        "peak memory [MB]",
        f"  {counts['many']:<30} {peak_mb:8.0f}   {mark(peak_mb < MOST_PEAK_MB)} < {MOST_PEAK_MB:g}",
    ]
    return "\n".join(lines)


def mark(is_met: bool) -> str:
    """Return how a figure stands to its aim."""
    return "meets" if is_met else "MISSES"


def say(what: str) -> None:
    """Say what is being done."""
    print(f"... {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
