"""Recordings scored a second by `dawnchorus predict`, against the least that such work can be.

Makes a model (the bulbul of the default experiment, with fresh weights) and two sets of noise as FLAC at
44.1 kHz, a long recording and many of ten seconds. In turns, each in a process of its own:

* ``predict``: the command, with all that it does: the limited child, checks of what was decoded, parts
  that survive a kill, a table of detections;
* ``bare``: a loop of soundfile, soxr, the spectrogram and ONNX Runtime, on one recording after
  another, with nothing of that.

Both take the same threads for the networks, load their libraries, and score every window.

    python benchmarks/predict.py
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

import numpy as np

AIM = 0.9
SOURCE_RATE = 44_100  # Hz
MOST_PEAK_MB = 1200.0
KINDS = ("predict", "bare")


def main() -> None:
    """Measure, print a table, and write the figures as JSON where asked to."""
    options = parsed()
    if options.job:
        print(json.dumps(job(options)))
        return
    with tempfile.TemporaryDirectory(prefix="predict-", dir=options.folder) as name:
        folder = Path(name)
        # in a process of its own: the peak memory of a process counts that of the one it began in
        run(folder, "", "model", options)
        sets = {"long": (1, options.minutes * 60), "short": (options.minutes * 6, 10)}
        for kind, (n, seconds) in sets.items():
            write_recordings(folder / kind, n, seconds)
        rounds = []
        for number in range(options.rounds + 1):
            print(f"... round {number} of {options.rounds}", file=sys.stderr, flush=True)
            # forwards and backwards: what else the machine does meets both
            order = KINDS[:: 1 if number % 2 else -1]
            rounds.append(
                {kind: {one: run(folder, kind, one, options) for one in order} for kind in sets}
            )
    figures = figures_of(rounds[1:] or rounds, options.minutes * 60)
    print(table(figures))
    if options.json:
        print(json.dumps(figures, indent=1, sort_keys=True))


def parsed() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="that count")
    parser.add_argument("--minutes", type=int, default=60, help="of sound in each set")
    parser.add_argument("--threads", type=int, default=1, help="of the networks")
    parser.add_argument("--folder", help="where to make the temporary folder")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON, too")
    parser.add_argument("--smoke", action="store_true", help="as small as can be; measures nothing")
    parser.add_argument("--job", choices=(*KINDS, "model"), help=argparse.SUPPRESS)
    parser.add_argument("--sounds", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.smoke:
        options.rounds, options.minutes = 0, 1
    return options


def write_model(path: Path) -> None:
    """Write the model of the default experiment, without a training."""
    import keras

    from dawnchorus.exported import model_file
    from dawnchorus.frontends.kinds import log_mel
    from dawnchorus.models import onnx_graph, zoo
    from dawnchorus.settings.audio import AudioRecipe
    from dawnchorus.settings.load import compose

    config = compose(Path(__file__).parents[1] / "config.yaml", [], {})
    chosen, recipe = config["experiments"]["demo"], AudioRecipe().complete()
    frontend = log_mel.Settings().complete() | {"sample_rate": recipe["sample_rate"]}
    frontend["bank"] = log_mel.bank(frontend)
    keras.utils.set_random_seed(1)
    shape = chosen["window"], frontend["n_mels"]
    network = zoo.build(input_shape=shape, n_classes=1, output="clip", **chosen["model"])
    networks = (model_file.Network("f1p0s1", "last", onnx_graph.onnx_bytes(network), False),)
    stage = model_file.Stage(
        "first", "bulbul", chosen["segments"], chosen["window"], "average", 1, networks
    )
    how = {key: chosen[key] for key in ("pooling", "average", "average_unit", "ignored_classes")}
    model_file.write(
        path,
        model_file.ExportedModel(
            name="benchmark/first", classes=("bird",), stages=(stage,), pooling=how, decodings={},
            frontends={"bulbul": model_file.Frontend(frontend, recipe)}, thresholds={"bird": None},
        ),
    )  # fmt: skip


def write_recordings(folder: Path, n: int, seconds: int) -> None:
    """Write recordings of noise."""
    import soundfile

    folder.mkdir()
    rng = np.random.default_rng(n)
    for number in range(n):
        with soundfile.SoundFile(folder / f"{number:04}.flac", "w", SOURCE_RATE, 1) as file:
            for _ in range(seconds):
                file.write(0.1 * rng.standard_normal(SOURCE_RATE))


def run(folder: Path, kind: str, one: str, options: argparse.Namespace) -> dict:
    """Return seconds and peak memory of one process."""
    command = [
        sys.executable, __file__, "--job", one, "--folder", str(folder), "--sounds", kind,
        "--threads", str(options.threads),
    ]  # fmt: skip
    started = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{one} failed: {done.stderr}")
    return {"seconds": time.monotonic() - started, **json.loads(done.stdout.splitlines()[-1])}


def job(options: argparse.Namespace) -> dict:
    """Score a set, and return processor time [s] and peak memory of this process and its child."""
    folder = Path(options.folder)
    if options.job == "model":
        write_model(folder / "bulbul.dawnchorus")
        return {}
    model, sounds = folder / "bulbul.dawnchorus", folder / options.sounds
    if options.job == "bare":
        bare(model, sounds, options.threads)
    else:
        from dawnchorus.cli import command

        out = folder / f"{options.sounds}.csv"
        arguments = ["predict", model, sounds, "--threshold", 0, "--out", out]
        status = command.main([*map(str, arguments), "--threads", str(options.threads)])
        if status:
            raise SystemExit(status)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {
        "peak_mb": [one.ru_maxrss / 1024 for one in used],
        "processor_s": sum(one.ru_utime + one.ru_stime for one in used),
    }


def bare(model_path: Path, sounds: Path, threads: int) -> None:
    """Decode, resample, transform and score recordings, and throw the scores away."""
    import onnxruntime
    import soundfile
    import soxr

    from dawnchorus.exported import model_file
    from dawnchorus.frontends import spectrograms

    model = model_file.load(model_path)
    settings, window = model.frontends["bulbul"].settings, model.stages[0].window
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model.stages[0].networks[0].onnx, options)
    for path in sorted(sounds.iterdir()):
        with soundfile.SoundFile(path) as file:
            stream = soxr.ResampleStream(
                file.samplerate, settings["sample_rate"], 1, "float32", "HQ"
            )
            pieces = [
                stream.resample_chunk(block) for block in file.blocks(1 << 16, dtype="float32")
            ]
            pieces.append(stream.resample_chunk(np.empty(0, np.float32), last=True))
        rows = spectrograms.spectrogram([np.concatenate(pieces)], settings)
        n = -(-len(rows) // window)
        rows = np.resize(rows, (n * window, rows.shape[1])).reshape(n, window, -1)
        for first in range(0, n, 16):
            session.run(None, {"windows": rows[first : first + 16]})


def figures_of(rounds: list[dict], seconds: int) -> dict:
    """Return times real time, ratios and peak memory by set."""
    found = {}
    for kind in rounds[0]:
        # by the clock what else the machine does counts too; processor time counts what runs beside
        # the networks as if they had waited for it
        by_clock, by_processor = (
            [one[kind]["bare"][unit] / one[kind]["predict"][unit] for one in rounds]
            for unit in ("seconds", "processor_s")
        )
        found[kind] = {
            "times_real_time": {
                name: statistics.median(seconds / one[kind][name]["seconds"] for one in rounds)
                for name in KINDS
            },
            "ratios": {"clock": by_clock, "processor time": by_processor},
            "peak_mb": {
                name: max(sum(one[kind][name]["peak_mb"]) for one in rounds) for name in KINDS
            },
        }
    return found


def table(figures: dict) -> str:
    """Return the figures for a person to read."""
    lines = []
    for kind, about in figures.items():
        real = about["times_real_time"]
        lines.append(
            f"{kind} recordings: times real time {real['predict']:.0f}, bare {real['bare']:.0f}"
        )
        for unit, each in about["ratios"].items():
            middle = statistics.median(each)
            mark = "meets" if middle >= AIM else "MISSES"
            spread = f"{min(each):.3f} to {max(each):.3f} in {len(each)} rounds"
            lines.append(f"  of bare {middle:8.3f}   {mark} {AIM:g} by {unit} ({spread})")
        peak = about["peak_mb"]["predict"]
        mark = "meets" if peak <= MOST_PEAK_MB else "MISSES"
        lines.append(f"  peak memory with its child {peak:.0f} MiB   {mark} {MOST_PEAK_MB:g}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
