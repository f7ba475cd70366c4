"""Compare networks and training settings on small sets of recordings, each beside logistic regression.

Which default is best is a question to data: this trains the arms of a comparison on the folds of some
experiments, in one process, and prints the scores of each set and arm as a line of JSON. Nothing is
tested but what an experiment deals into its folds: name training parts alone. The targets and
spectrograms of the experiments have to be there (benchmarks/defaults.yaml has those of docs/defaults.md):

    dawnchorus run sets.yaml -- --cores 1 --until make_spectrograms set_targets
    python benchmarks/defaults.py --config sets.yaml --sets presence:120 western::3 --arms arms.yaml

A set is ``experiment:recordings:folds``: so many recordings to train on (one draw for all arms), so many
folds; all without. ``arms.yaml`` maps the name of an arm to what it changes: ``stage`` (whose frontend
it sees) and the sections ``model``, ``training``, ``augmentation``, ``segments``, ``window`` of it;
``ema`` (decay of averaged weights), ``coarse`` (means of so many frames and bands, for speed), ``crop``
(windows from anywhere in a recording), ``gain`` (deviation of a random level), ``pcen`` (per-channel
energy normalisation), ``look_at`` (steps at which it is scored as well); or ``baseline``, one of the
library's. ``each`` of a set adds what holds for that set alone; the arm ``base`` is part of all.
``--smoke`` trains one model on eight made-up recordings.
"""

import argparse
import copy
import importlib
import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import yaml

BASE = Path(__file__).resolve().parent.parent
SCORES = ("auroc", "top_1")
PLAIN = ("loss", "learnt")  # a number of each fold
EVERY = 5  # steps between two looks at the weights that are averaged
SHARED = ("segments", "augmentation", "pooling", "output", "clip_pooling")


def merged(one: dict, other: dict) -> dict:
    """Return settings with those of another over them, section by section."""
    found = copy.deepcopy(one)
    for key, value in other.items():
        is_section = isinstance(value, dict) and isinstance(found.get(key), dict)
        found[key] = merged(found[key], value) if is_section and key != "schedule" else value
    return found


def planned(config: str, sets: list[str]) -> dict:
    """Return the training jobs of a config, by experiment and stage: one member's of each."""
    from dawnchorus.plan import jobs, startup
    from dawnchorus.plan.workflow_run import Run
    from dawnchorus.settings.corpus_check import corpora_of_run
    from dawnchorus.settings.load import load

    loaded = load(BASE / "config.yaml", [config], {"run": sets})
    index = startup.list_corpora(corpora_of_run(loaded), loaded, "results", is_main=False)
    found: dict = {name: {} for name in sets}
    for job in jobs.jobs(Run(loaded, index, BASE)):
        if job.rule == "train":
            found[job.wildcards["experiment"]][job.wildcards["stage"]] = job
    return found


def pcen(frames: np.ndarray, s: float = 0.04, alpha=0.8, delta=0.3, r=0.25) -> np.ndarray:
    """Return per-channel energy normalisation (Wang et al. 2017) of log magnitudes (T, F)."""
    from scipy.signal import lfilter

    energy = np.exp(frames.astype(np.float64))
    smooth, _ = lfilter([s], [1, s - 1], energy, axis=0, zi=(1 - s) * energy[:1])
    # a floor by the recording's own level: clips differ by 60 dB
    energy, smooth = (x / np.median(smooth) for x in (energy, smooth))
    return ((energy / (1e-6 + smooth) ** alpha + delta) ** r - delta**r).astype(np.float32)


class Changed:
    """A reader whose frames are changed, and remembered: means of ``factor`` x ``factor`` cells."""

    def __init__(self, reader, change, factor: int):
        self._reader, self._change, self._factor, self._known = reader, change, factor, {}
        self.n_bands = reader.n_bands // factor
        self.frames_per_second = reader.frames_per_second / factor

    def __getattr__(self, name):
        return getattr(self._reader, name)

    def rows(self, identifier):
        """Return the number of frames T of a recording."""
        return len(self.frames(identifier))

    def frames(self, identifier):
        """Return the frames (T, F) of a recording."""
        if identifier not in self._known:
            found = self._change(np.asarray(self._reader.frames(identifier)))
            n = self._factor
            found = found[: len(found) // n * n, : self.n_bands * n]
            found = found.reshape(len(found) // n, n, self.n_bands, n).mean(axis=(1, 3))
            self._known[identifier] = np.ascontiguousarray(found, np.float32)
        return self._known[identifier]


class Average:
    """A moving average of the weights of a training, taken every few steps."""

    def __init__(self, decay: float):
        self._share, self._taken, self.weights = 1 - decay**EVERY, 0, None
        self._is_wanted = decay > 0

    def follow(self, training) -> None:
        """Add the weights of a step."""
        if not self._is_wanted or training.step % EVERY:
            return
        self._taken += 1
        share, now = max(1 / self._taken, self._share), training.model.get_weights()
        known = now if self.weights is None else self.weights
        self.weights = [a + share * (b - a) for a, b in zip(known, now, strict=True)]


def scores_of(targets: np.ndarray, scores: np.ndarray) -> dict:
    """Return the macro AUROC of classes with both truths, and the share whose first class is right."""
    from sklearn.metrics import roc_auc_score

    both = [c for c in range(targets.shape[1]) if 0 < targets[:, c].sum() < len(targets)]
    auroc = np.mean([roc_auc_score(targets[:, c], scores[:, c]) for c in both])
    top = targets[np.arange(len(targets)), scores.argmax(axis=1)].mean()
    return {"auroc": float(auroc), "top_1": float(top)}


def opened(arm: dict, settings: dict, readers: dict):
    """Return the windows that an arm sees."""
    from dawnchorus.segments import window_source

    change, factor = (pcen if arm.get("pcen") else np.asarray), arm.get("coarse", 1)
    changed = {name: Changed(one, change, factor) for name, one in readers.items()}
    return window_source.source_from_readers(
        changed, settings["segments"], settings["window"] // factor
    )


def train(arm: dict, settings: dict, source, targets, rows: dict, key: tuple) -> dict:
    """Train one model and return scores (n, C) of the rows of its own fold, by what predicts."""
    from dawnchorus.training import batches, learning, setup, training_length, validation

    recordings, held = ([targets.recordings[r] for r in rows[part]] for part in ("train", "test"))
    shared = settings["training"] | {name: settings[name] for name in SHARED}
    examples = batches.Batches(
        source, recordings, targets.values[rows["train"]], shared, key,
        class_names=targets.class_names,
    )  # fmt: skip
    chosen = training_length.in_epochs(settings["training"], examples.steps)
    plain = source.fill_window

    def from_anywhere(out, recording, place, rotation):
        source._filler(out, source._reader(recording[0]).frames(recording[1]), place + rotation, 0)

    training = setup.new_training(examples, settings | {"training": chosen}, key)
    average, found = Average(arm.get("ema", 0)), {}
    about = settings | {"batch_size": 64, "loss": chosen["loss"], "target_range": [0, 1]}
    index = source.index(held, prediction=True)
    measure = validation.Validation(source, held, targets.values[rows["test"]], index, about)
    rng = np.random.default_rng([key[0], int(key[2][1:])])
    while training.epoch < chosen["epochs"] and not training.is_over:
        source.fill_window = from_anywhere if arm.get("crop") else plain
        for windows, wanted, weights in batches.ahead(examples, training.epoch, 0):
            level = rng.normal(0, arm.get("gain", 0), (len(windows), 1, 1)).astype(np.float32)
            training.train_step(windows + level, wanted, weights)
            average.follow(training)
        training.end_epoch(dict.fromkeys(validation.METRICS[1:], float("nan")))
        source.fill_window = plain
        at = training.epoch * examples.steps
        if at in arm.get("look_at", ()):
            found[f"{at}"] = measure.scores(training.model)
    found["last"] = measure.scores(training.model)
    known = learning.judge(training, examples, None, measure, chosen)
    if average.weights is not None:
        training.model.set_weights(average.weights)
        found["averaged"] = measure.scores(training.model)
    return found | {"loss": known["loss_final"], "learnt": known["learnt"]}


def baseline(name: str, job, targets, rows) -> np.ndarray:
    """Return the scores (n, C) of a baseline of the library, fitted on the same recordings."""
    from dawnchorus.evaluation.band_statistics import read_statistics

    corpus = targets.recordings[0][0]
    ids, statistics = read_statistics(job.params["shards"][corpus])
    place = {identifier: number for number, identifier in enumerate(ids)}
    own = np.array([place[identifier] for _, identifier in targets.recordings])
    module = importlib.import_module(f"dawnchorus.evaluation.clip_baselines.{name}")
    values = targets.values[rows["train"]].astype(int)
    fitted = module.fit(statistics[own[rows["train"]]], values, np.random.default_rng(1))
    return fitted(statistics[own[rows["test"]]])


def run_set(name: str, job, arm_name: str, arm: dict, seed: int, limits: dict) -> dict:
    """Train an arm on the folds of a set, and return its scores."""
    from dawnchorus.frontends import shard_reader
    from dawnchorus.targets import targets_table

    targets = targets_table.read(job.inputs["targets"])
    settings = {key: arm.get(key, value) for key, value in job.params["training"].items()}
    started, results = time.monotonic(), {}
    # one subset for all arms and seeds
    order = np.random.default_rng(1).permutation(len(targets.fold))
    readers = {c: shard_reader.open_shards(paths) for c, paths in job.params["shards"].items()}
    for fold in range(1, limits.get("folds", int(targets.fold.max())) + 1):
        chosen = order[targets.fold[order] != fold][: limits.get("recordings")]
        rows = {"train": np.sort(chosen), "test": np.flatnonzero(targets.fold == fold)}
        if arm.get("baseline"):
            found = {"last": baseline(arm["baseline"], job, targets, rows)}
        else:
            source = opened(arm, settings, readers)
            found = train(arm, settings, source, targets, rows, (seed, "benchmark", f"f{fold}"))
        truth = targets.values[rows["test"]]
        for what, own in found.items():
            each = own if what in PLAIN else scores_of(truth, own) | {"n": len(own)}
            results.setdefault(what, []).append(each)
    line = {"set": name, "arm": arm_name, "seed": seed, **limits}
    for what, each in results.items():
        if what in PLAIN:
            line[what] = [round(float(value), 4) for value in each]
            continue
        n = [one["n"] for one in each]
        line[what] = {
            key: round(float(np.average([one[key] for one in each], weights=n)), 4)
            for key in SCORES
        }
    return line | {"s": round(time.monotonic() - started)}


def smoke() -> None:
    """Train one model on made-up recordings, of which half have a tone."""
    from dawnchorus.settings.load import compose
    from dawnchorus.targets import targets_table

    rng = np.random.default_rng(1)
    names = [f"{number}" for number in range(8)]
    frames = {name: rng.normal(0, 1, (64, 20)).astype(np.float32) for name in names}
    for name in names[::2]:
        frames[name][:, 7] += 4
    reader = SimpleNamespace(
        layout="frames", n_bands=20, frames_per_second=70.0, ids=names, onset_s=lambda _: 0.0,
        rows=lambda name: 64, frames=frames.__getitem__,
    )  # fmt: skip
    stage = compose(BASE / "config.yaml", [], {})["experiments"]["demo"]["stages"]["first"]
    training = {"batch_size": 8, "steps": 100, "epochs": None, "learning_rate": 0.01}
    settings = {**stage, "window": 64, "model": {"name": "compact"}, "pooling": "max"}
    training |= {"schedule": {"kind": "cosine", "warmup_epochs": 0}, "mean_teacher": None}
    settings["training"] = stage["training"] | training
    values = (np.arange(8) % 2 == 0).astype(np.float32)[:, None]
    made = targets_table.Targets(
        [("made", name) for name in names], np.ones(8, int), np.zeros(8, int), values, ["tone"]
    )
    rows = {"train": np.arange(8), "test": np.arange(8)}
    source = opened({}, settings, {"made": reader})
    found = train({}, settings, source, made, rows, (1, "benchmark", "f1"))
    auroc = scores_of(values, found["last"])["auroc"]
    print(
        f"compact {auroc:.3f}, constant 0.500: {'meets' if auroc > 0.5 else 'MISSES'} the baseline"
    )


def verdicts(lines: list[dict]) -> list[str]:
    """Return, of each set with a baseline among its arms, which arms are above the best of these."""
    said = []
    for name in dict.fromkeys(line["set"] for line in lines):
        own = [line for line in lines if line["set"] == name]
        simple = [line["last"]["auroc"] for line in own if "loss" not in line]
        for line in (line for line in own if "loss" in line and simple):
            mark = "meets" if line["last"]["auroc"] > max(simple) else "MISSES"
            said.append(
                f"{name}, {line['arm']}, seed {line['seed']}: AUROC {line['last']['auroc']:.3f} {mark} "
                f"the best baseline {max(simple):.3f}"
            )
    return said


def main() -> None:
    """Run the arms that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", help="corpora and experiments")
    parser.add_argument("--arms", help="what is compared")
    parser.add_argument("--sets", nargs="+", default=[], help="experiment:recordings:folds")
    parser.add_argument("--only", nargs="+", help="these arms alone")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--folder", help="of no effect: nothing is written")
    given = parser.parse_args()
    from dawnchorus.runtime import backend

    backend.start({"name": "tensorflow", "threads": 1, "deterministic": True})
    if given.smoke:
        smoke()
        return
    limits = {}
    for one in given.sets:
        name, *numbers = one.split(":")
        pairs = zip(("recordings", "folds"), numbers, strict=False)
        limits[name] = {what: int(number) for what, number in pairs if number}
    jobs = planned(given.config, list(limits))
    arms = yaml.safe_load(Path(given.arms).read_text(encoding="utf-8"))
    base, lines = arms.pop("base", {}), []
    for name in given.only or arms:
        for seed in given.seeds:
            for set_name, limit in limits.items():
                own = merged(base, arms[name])
                one = merged(own, own.pop("each", {}).get(set_name, {}))
                job = jobs[set_name][one.get("stage", next(iter(jobs[set_name])))]
                below = job.params["training"]
                if "training" in one:  # of two lengths the arm's is meant
                    nothing = {"steps": None, "epochs": None}
                    below = below | {"training": below["training"] | nothing}
                for section in ("training", "augmentation", "segments"):
                    one[section] = merged(below[section], one.get(section, {}))
                lines.append(run_set(set_name, job, name, one, seed, limit))
                print(json.dumps(lines[-1]), flush=True)
    print("\n".join(verdicts(lines)))


if __name__ == "__main__":
    sys.exit(main())
