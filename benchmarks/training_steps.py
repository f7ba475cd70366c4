"""Training steps a second: the real reader and augmentation against arrays in memory.

Takes one compiled bulbul on windows of 1000 frames and 80 bands, in batches of 64 on one thread,
and in turns

* ``library``: `dawnchorus.training.steps.Training` on `dawnchorus.training.batches.ahead`, from
  memory-mapped shards of recordings of ten seconds;
* ``fit in memory``: Keras' own ``fit`` on arrays of as many windows, made beforehand;
* ``steps in memory``: ``train_on_batch`` on the same arrays, as little as can be.

Ratios are medians over the rounds; the first round is for warming up and does not count.

    python benchmarks/training_steps.py
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from dawnchorus.audio import shard_wav, verdicts
from dawnchorus.frontends import shards
from dawnchorus.frontends.kinds import log_mel
from dawnchorus.runtime import backend
from dawnchorus.settings.audio import AudioRecipe
from dawnchorus.settings.load import compose

EXPERIMENT = compose(Path(__file__).parents[1] / "config.yaml", [], {})["experiments"]["demo"]
RATE = AudioRecipe().sample_rate  # Hz
FRONTEND = log_mel.Settings().complete() | {"sample_rate": RATE}
AIM = 0.95
AIMED = ("fit in memory",)
KEY = (EXPERIMENT["seed"], "first", "f1p0s1")


def main() -> None:
    """Measure, print a table, and write the figures as JSON where asked to."""
    options = parsed()
    backend.start(EXPERIMENT["backend"])
    with tempfile.TemporaryDirectory(prefix="training-", dir=options.folder) as name:
        figures = measured(Path(name), options)
    print(table(figures))
    if options.json:
        print(json.dumps(figures, indent=1, sort_keys=True))


def parsed() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="that count")
    parser.add_argument("--steps", type=int, default=10, help="of a round")
    parser.add_argument("--batch-size", type=int, default=EXPERIMENT["training"]["batch_size"])
    parser.add_argument("--recordings", type=int, default=192)
    parser.add_argument("--folder", help="where to make the temporary folder")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON, too")
    parser.add_argument("--smoke", action="store_true", help="as small as can be; measures nothing")
    options = parser.parse_args()
    if options.smoke:
        options.rounds, options.steps, options.batch_size, options.recordings = 0, 2, 4, 6
    return options


def measured(folder: Path, options: argparse.Namespace) -> dict:
    """Return the figures of all rounds."""
    from dawnchorus.training import batches

    examples = reader(folder, options)
    training = begun()
    windows = np.empty((options.steps, *examples.empty().shape), np.float32)
    wanted = np.concatenate([examples.fill(out, 0, step)[0] for step, out in enumerate(windows)])
    windows = windows.reshape(-1, *windows.shape[2:])

    def with_reader() -> None:
        for batch in batches.ahead(examples, training.epoch, 0):
            training.train_step(*batch)
        training.end_epoch({})

    def fit() -> None:
        training.model.fit(windows, wanted, batch_size=options.batch_size, verbose=0)

    def steps() -> None:
        for first in range(0, len(windows), options.batch_size):
            part = slice(first, first + options.batch_size)
            training.model.train_on_batch(windows[part], wanted[part])

    kinds = {"library": with_reader, "fit in memory": fit, "steps in memory": steps}
    rounds = []
    for number in range(options.rounds + 1):
        print(f"... round {number} of {options.rounds}", file=sys.stderr, flush=True)
        # forwards and backwards: what else the machine does meets all of them
        names = list(kinds)[:: 1 if number % 2 else -1]
        rounds.append({name: timed(kinds[name]) for name in names})
    return figures_of(rounds[1:] or rounds, options.steps)


def figures_of(rounds: list[dict], steps: int) -> dict:
    """Return steps per second and ratios; a round holds (wall s, processor s) by name."""
    others = [name for name in rounds[0] if name != "library"]

    def ratios(name: str, clock: int) -> list[float]:
        return [taken[name][clock] / taken["library"][clock] for taken in rounds]

    return {
        "steps_per_round": steps,
        "steps_per_s": {
            name: statistics.median(steps / taken[name][0] for taken in rounds)
            for name in ("library", *sorted(others))
        },
        "ratios": {name: ratios(name, 0) for name in sorted(others)},
        "ratio": {name: statistics.median(ratios(name, 0)) for name in others},
        "ratio_of_processor_time": {name: statistics.median(ratios(name, 1)) for name in others},
    }


def timed(once) -> tuple[float, float]:
    """Return the seconds on the clock and the processor seconds that something takes."""
    started, before = time.monotonic(), time.process_time()
    once()
    return time.monotonic() - started, time.process_time() - before


def begun():
    """Return a training of the default model."""
    import keras

    from dawnchorus.models import zoo
    from dawnchorus.training import steps

    keras.utils.set_random_seed(EXPERIMENT["seed"])
    shape = (EXPERIMENT["window"], FRONTEND["n_mels"])
    model = zoo.build(input_shape=shape, n_classes=1, output="clip", **EXPERIMENT["model"])
    return steps.Training(model, EXPERIMENT["training"], KEY)


def reader(folder: Path, options: argparse.Namespace):
    """Return what a training reads: recordings in two shards, with augmentation."""
    from dawnchorus.segments import window_source
    from dawnchorus.training import batches

    halves = (options.recordings // 2, options.recordings - options.recordings // 2)
    paths = [write_shard(folder, number, n) for number, n in enumerate(halves)]
    source = window_source.open_source(
        {"made": paths}, EXPERIMENT["segments"], EXPERIMENT["window"]
    )
    ids = [f"{number}-{index:04d}" for number, n in enumerate(halves) for index in range(n)]
    settings = EXPERIMENT["training"] | {
        "augmentation": EXPERIMENT["augmentation"],
        "segments": EXPERIMENT["segments"],
        "batch_size": options.batch_size,
        "steps_per_epoch": options.steps,
    }
    values = np.arange(len(ids), dtype=np.float32)[:, np.newaxis] % 2
    return batches.Batches(source, [("made", name) for name in ids], values, settings, KEY)


def write_shard(folder: Path, number: int, n_recordings: int) -> Path:
    """Write the spectrograms of recordings of ten seconds of noise."""
    n_samples = 10 * RATE
    rng = np.random.default_rng(number)
    wav_path, table_path, path = (folder / f"{number}.{end}" for end in ("wav", "csv", "h5"))
    with open(wav_path, "wb") as file:
        file.write(shard_wav.header(n_recordings * n_samples, RATE))
        for _ in range(n_recordings):
            file.write(0.1 * rng.standard_normal(n_samples, np.float32))
    rows = [
        verdicts.Resampled(
            f"{number}-{index:04d}", "used", "", 1, index * n_samples, n_samples, 10.0, RATE, ()
        )
        for index in range(n_recordings)
    ]
    verdicts.write_shard_table(table_path, rows)
    shards.write_shard(wav_path, table_path, FRONTEND, path)
    os.unlink(wav_path)
    return path


def table(figures: dict) -> str:
    """Return the figures for a person to read."""
    lines = ["steps per second"]
    lines += [f"  {name:30} {rate:8.2f}" for name, rate in figures["steps_per_s"].items()]
    lines.append("ratios")
    for name, each in figures["ratios"].items():
        ratio = figures["ratio"][name]
        mark = f"{'meets' if ratio >= AIM else 'MISSES'} {AIM:g}" if name in AIMED else ""
        spread = f"{min(each):.3f} to {max(each):.3f} in {len(each)} rounds"
        lines.append(f"  {'of ' + name:30} {ratio:8.3f}   {mark:12} ({spread})")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
