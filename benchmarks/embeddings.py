"""Windows of a pretrained network a second, against a bare loop over the network.

Noise as a shard of audio at the network's rate, in recordings of ten seconds and one long one. In turns,
each in a process of its own:

* ``shard``: `dawnchorus.frontends.shards.write_shard`, with all that it does: windows cut from the file,
  checks of what is written and read back;
* ``bare``: a loop that sets each window, runs the network and takes its values, through the same runtime.

Both take one thread and load the network once before the clock starts. Seconds are those of the processor
(a busy machine lengthens the others). BirdNET 2.4 where its file is installed; with ``--smoke`` a small
network that is made here.

    python benchmarks/embeddings.py
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

AIM, AIM_WINDOWS, MOST_PEAK_MB = 0.9, 40.0, 300.0
KINDS = ("shard", "bare")


def main() -> None:
    """Measure and print a table."""
    options = parsed()
    if options.job:
        print(json.dumps(job(options)))
        return
    with tempfile.TemporaryDirectory(prefix="embeddings-", dir=options.folder) as name:
        prepare(Path(name), options)
        rounds = []
        for number in range(options.rounds + 1):  # the first fills the cache of the system
            print(f"... round {number} of {options.rounds}", file=sys.stderr, flush=True)
            order = KINDS[:: 1 if number % 2 else -1]
            rounds.append({kind: run(kind, name, options) for kind in order})
    rounds = rounds[1:] or rounds
    rate = {kind: [one[kind]["windows_per_s"] for one in rounds] for kind in KINDS}
    ratios = [a / b for a, b in zip(rate["shard"], rate["bare"], strict=True)]
    peak = max(one["shard"]["peak_mb"] for one in rounds)
    print(f"network: {rounds[0]['shard']['network']}")
    for kind in KINDS:
        print(f"{kind:6} {statistics.median(rate[kind]):8.1f} windows per second of one core")
    told = (
        ("of the bare loop", statistics.median(ratios), AIM, True),
        ("windows a second", statistics.median(rate["shard"]), AIM_WINDOWS, True),
        ("peak memory, MB", peak, MOST_PEAK_MB, False),
    )
    for what, value, aim, is_least in told:
        meets = value >= aim if is_least else value <= aim
        print(f"{what:20} {value:8.2f}  aim {aim:g}: {'meets' if meets else 'MISSES'} it")


def prepare(folder: Path, options) -> None:
    """Write the shard of audio, the small network where it is used, and the frontend's settings."""
    from dawnchorus.audio import shard_wav, verdicts
    from dawnchorus.frontends import network_file
    from dawnchorus.frontends.kinds.pretrained import Settings
    from dawnchorus.settings.errors import validated

    keys = {} if not options.smoke else {"card": str(small_card(folder)), "store": "float32"}
    settings = validated("", Settings, keys)
    rate = settings["network"]["sample_rate"]
    path = network_file.find(settings["network"], settings["about"], [folder])
    settings |= {"file": str(path), "sample_rate": rate}
    (folder / "frontend.json").write_text(json.dumps(settings))
    rng, rows, first = np.random.default_rng(1), [], 0
    lengths = [10 * rate] * (options.minutes * 3) + [options.minutes * 30 * rate]
    samples = np.concatenate([(0.1 * rng.standard_normal(n)).astype("<f4") for n in lengths])
    for number, n in enumerate(lengths):
        place = (1, first, n, n / rate, rate, ())
        rows.append(verdicts.Resampled(f"r{number:04d}", "used", "", *place))
        first += n
    content = shard_wav.header(first, rate) + samples.tobytes()
    (folder / "000.wav").write_bytes(content)
    verdicts.write_shard_table(folder / "000.csv", rows)


def small_card(folder: Path) -> Path:
    """Write a network of one product of matrices, and its card."""
    import yaml
    from onnx import TensorProto, helper, numpy_helper

    weights = np.random.default_rng(2).normal(0, 0.01, (8000, 16)).astype(np.float32)
    infos = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["B", n])
        for name, n in (("x", 8000), ("y", 16))
    ]
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    held = [numpy_helper.from_array(weights, "w")]
    graph = helper.make_graph([node], "small", infos[:1], infos[1:], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 8
    (folder / "small.onnx").write_bytes(model.SerializeToString())
    card = {
        "name": "small", "file": "small.onnx", "sample_rate": 48_000, "length_s": 8000 / 48_000,
        "outputs": {"embedding": {"tensor": 0, "values": 16}}, "licence": "none", "source": "here",
    }  # fmt: skip
    (folder / "card.yaml").write_text(yaml.safe_dump(card))
    return folder / "card.yaml"


def job(options) -> dict:
    """Compute all windows in one of the two ways and return windows a second of the processor."""
    from dawnchorus.frontends import base, network_file, shard_layout, shards

    folder = Path(options.folder)
    settings = json.loads((folder / "frontend.json").read_text())
    n = base.n_fft(settings)
    network = settings["network"]
    values = network_file.opened(settings["file"], network)
    values(np.zeros((1, n), np.float32))
    started = time.process_time()
    if options.job == "shard":
        target = folder / "000.h5"
        shards.write_shard(folder / "000.wav", folder / "000.csv", settings, target)
        seconds = time.process_time() - started
        n_windows = shard_layout.read_layout(target).shape[0]
    elif network["format"] == "onnx":
        windows = np.fromfile(folder / "000.wav", "<f4", offset=4096)
        windows = windows[: min(len(windows) // n, 400) * n].reshape(-1, n)
        import onnxruntime

        threads = onnxruntime.SessionOptions()
        threads.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(settings["file"], threads)
        started, n_windows = time.process_time(), len(windows)
        for window in windows:
            session.run(None, {"x": window[None]})
        seconds = time.process_time() - started
    else:
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_path=settings["file"], num_threads=1)
        interpreter.allocate_tensors()
        given = interpreter.get_input_details()[0]["index"]
        output = interpreter.get_output_details()[0]["index"]
        windows = np.fromfile(folder / "000.wav", "<f4", offset=4096)[: 200 * n]
        windows = windows[: len(windows) // n * n].reshape(-1, 1, n)
        interpreter.set_tensor(given, windows[0])
        interpreter.invoke()
        started, n_windows = time.process_time(), len(windows)
        for window in windows:
            interpreter.set_tensor(given, window)
            interpreter.invoke()
            interpreter.get_tensor(output)
        seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    name = (settings["about"] or {}).get("name")
    return {"windows_per_s": n_windows / seconds, "peak_mb": peak, "network": name}


def run(kind: str, folder: str, options) -> dict:
    """Run one of the two in a process of its own."""
    command = [sys.executable, __file__, "--job", kind, "--folder", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{kind} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def parsed() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=int, default=4, help="of audio")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", help="for files that are made")
    parser.add_argument("--smoke", action="store_true", help="a short run on a small network")
    parser.add_argument("--job", choices=KINDS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.smoke:
        options.minutes, options.rounds = 1, 0
    return options


if __name__ == "__main__":
    main()
