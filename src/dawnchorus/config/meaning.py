"""What no schema can say of a config: names that must exist, orders, frequencies, files.

* `check_meaning`: all of it but files.
* `check_files`: whether the files of the corpora of a run are there.
* `corpora_of`: what an experiment reads.
"""

import ast
import itertools
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from dawnchorus.config.checking import check_name
from dawnchorus.config.merging import nearest
from dawnchorus.corpora.contents import parse_reference

_RESERVED = ("audio", "benchmarks", "corpora", "logs", "spectrograms")  # folders of results/
_MODELS = Path(__file__).parents[1] / "models"


def check_meaning(config: Mapping) -> None:
    """Raise a ValueError for what no schema can say of a complete config."""
    for name, recipe in config["audio"].items():
        _check_audio(f"audio.{name}", recipe)
    for name, corpus in config["corpora"].items():
        _check_data_sets(f"corpora.{name}.data_sets", corpus.get("data_sets", {}))
    for name, settings in config["frontends"].items():
        _check_frontend(f"frontends.{name}", settings, config)
    for name, settings in config["experiments"].items():
        _check_experiment(f"experiments.{name}", name, settings, config)
    for name in config["run"]:
        _check_known(f"run: {name!r}", name, config["experiments"])


def check_files(config: Mapping) -> None:
    """Raise a ValueError where a file that an experiment of ``run`` reads does not exist."""
    for name in config["run"]:
        for corpus in corpora_of(config["experiments"][name]):
            _check_files(f"corpora.{corpus}", config["corpora"][corpus])


def corpora_of(experiment: Mapping) -> list[str]:
    """Return the names of the corpora that an experiment reads, sorted."""
    references = [*experiment["train"], *experiment["test"]]
    for stage in experiment["stages"].values():
        references += stage["targets"].get("unlabelled", [])
    return sorted({parse_reference(reference)[0] for reference in references})


def _check_audio(path: str, recipe: Mapping) -> None:
    if recipe["min_duration_s"] >= recipe["max_duration_s"]:
        raise ValueError(
            f"{path}.min_duration_s: {recipe['min_duration_s']!r}; expected less than "
            f"max_duration_s {recipe['max_duration_s']!r}"
        )


def _check_data_sets(path: str, data_sets: Mapping) -> None:
    for name in data_sets:
        if not isinstance(name, str) or "/" in name or name in ("", ".", ".."):
            raise ValueError(f"{path}.{name}: {name!r} stands before '/' in ids; expected a text")


def _check_frontend(path: str, frontend: Mapping, config: Mapping) -> None:
    _check_known(f"{path}.audio: {frontend['audio']!r}", frontend["audio"], config["audio"])
    rate = config["audio"][frontend["audio"]]["sample_rate"]
    fmin, fmax, n_fft = frontend["fmin"], frontend["fmax"], frontend["n_fft"]
    if fmax > rate / 2:
        raise ValueError(
            f"{path}.fmax: {fmax!r}; expected at most {rate / 2:g} Hz, half the sample rate of "
            f"audio.{frontend['audio']}"
        )
    if fmin >= fmax:
        raise ValueError(f"{path}.fmin: {fmin!r}; expected less than fmax {fmax!r}")
    if not rate / n_fft <= frontend["frames_per_second"] <= rate:
        raise ValueError(
            f"{path}.frames_per_second: {frontend['frames_per_second']!r}; expected at least "
            f"{rate / n_fft:.4g}, or there are gaps between windows of n_fft {n_fft}, and at most "
            f"the sample rate {rate}"
        )
    if frontend["band_attenuation"] == "shallow" and frontend["n_mels"] != 80:
        raise ValueError(
            f"{path}.n_mels: {frontend['n_mels']!r}; expected 80, which the table of "
            "band_attenuation shallow is for"
        )
    _check_mel_bands(path, frontend, rate)


def _check_mel_bands(path: str, frontend: Mapping, rate: int) -> None:
    """Refuse mel bands so narrow that no bin of the spectrum lies in one of them.

    What `dawnchorus.frontends.mel.mel_filterbank` would refuse in a job, hours later.
    """
    n_mels, bin_hz = frontend["n_mels"], rate / frontend["n_fft"]
    low, high = (1127 * math.log1p(frontend[key] / 700) for key in ("fmin", "fmax"))
    for band in range(n_mels):
        left, right = (
            700 * math.expm1((low + (high - low) * point / (n_mels + 1)) / 1127)
            for point in (band, band + 2)
        )
        if right - left > bin_hz:
            return  # bands only grow wider
        if (left // bin_hz + 1) * bin_hz >= right:
            raise ValueError(
                f"{path}.n_mels: {n_mels}; band {band + 1} of them lies between two bins of n_fft "
                f"{frontend['n_fft']}; expected fewer bands, a higher fmin or a larger n_fft"
            )


def _check_experiment(path: str, name: str, experiment: Mapping, config: Mapping) -> None:
    if name in _RESERVED:
        raise ValueError(f"{path}: {name!r} is a folder of the results; choose another name")
    frontend = experiment["frontend"]
    _check_known(f"{path}.frontend: {frontend!r}", frontend, config["frontends"])
    for key in ("train", "test"):
        _check_references(f"{path}.{key}", experiment[key], config)
    for tested, trained in itertools.product(experiment["test"], experiment["train"]):
        if _overlap(tested, trained):
            raise ValueError(
                f"{path}.test: {tested!r} is trained on as well; test on other recordings"
            )
    _check_fold_count(f"{path}.folds.count", experiment, config)
    _check_model(f"{path}.model", experiment["model"])
    _check_stages(path, experiment, config)
    _check_ensembles(path, experiment)
    _check_submission(f"{path}.submission", experiment, config)


def _check_fold_count(path: str, experiment: Mapping, config: Mapping) -> None:
    folds = experiment["folds"]
    if folds["kind"] != "leave_one_data_set_out":
        return
    names: set[str] = set()
    for reference in experiment["train"]:
        found = _data_sets(config["corpora"][parse_reference(reference)[0]])
        if found is None:
            return  # the recordings say it: judged when they are dealt
        names.update(found)
    if folds["count"] != len(names):
        raise ValueError(
            f"{path}: {folds['count']!r}; expected {len(names)}, one for each data set of train: "
            f"{', '.join(sorted(names)[:12])}{', ...' if len(names) > 12 else ''}"
        )


def _data_sets(corpus: Mapping) -> Iterable[str] | None:
    """Return the names of the data sets of a corpus, or None where only its files know them."""
    if corpus["adapter"] == "synthetic":
        return [corpus["data_set"]]
    if corpus["adapter"] == "table":
        return None
    files = [about["labels"] for about in corpus["data_sets"].values() if about["labels"]]
    return None if any(map(_names_data_sets, files)) else corpus["data_sets"]


def _names_data_sets(label_file: str) -> bool:
    try:
        with open(label_file, "rb") as file:
            return b"datasetid" in file.readline(1000)
    except OSError:
        return False  # `check_files` says so


def _check_model(path: str, model: Mapping) -> None:
    sources = {file.stem: file for file in _MODELS.glob("*.py") if not file.name.startswith("_")}
    _check_known(f"{path}.name: {model['name']!r}", model["name"], sources)
    options = _options(sources[model["name"]])
    for option in model:
        if options is not None and option not in ("name", *options):
            raise ValueError(f"{path}.{option}: unknown key{nearest(option, ['name', *options])}")


def _options(module: Path) -> list[str] | None:
    """Return the options of a model's ``build`` (None: any), read from its source.

    To import a model is to import Keras, which takes longer than all checks of a config.
    """
    for node in ast.parse(module.read_bytes()).body:
        if isinstance(node, ast.FunctionDef) and node.name == "build":
            return None if node.args.kwarg else [option.arg for option in node.args.kwonlyargs]
    return None


def _check_stages(path: str, experiment: Mapping, config: Mapping) -> None:
    earlier: list[str] = []
    for name, stage in experiment["stages"].items():
        here = f"{path}.stages.{name}"
        check_name(f"{path}.stages", name)
        _check_model(f"{here}.model", stage["model"])
        _check_training(f"{here}.training", stage)
        if stage["targets"]["from"] == "predictions":
            _check_pseudo_labels(f"{here}.targets", stage["targets"], experiment, earlier, config)
        earlier.append(name)


def _check_training(path: str, stage: Mapping) -> None:
    training = stage["training"]
    low, high = training["target_range"]
    if low >= high:
        raise ValueError(f"{path}.target_range: {[low, high]}; expected low below high")
    is_softmax = stage["model"].get("head") == "softmax"
    if training["loss"] == "categorical_crossentropy" and not is_softmax:
        raise ValueError(
            f"{path}.loss: 'categorical_crossentropy'; expected binary_crossentropy, or a model "
            "with head: softmax"
        )


def _check_pseudo_labels(path: str, targets: Mapping, experiment, earlier, config) -> None:
    if targets["stage"] not in earlier:
        later = targets["stage"] in experiment["stages"]
        what = "a later stage, or this one" if later else "no stage of the experiment"
        raise ValueError(
            f"{path}.stage: {targets['stage']!r} is {what}"
            f"{nearest(targets['stage'], earlier) if earlier else '; there is no earlier stage'}"
        )
    _check_references(f"{path}.unlabelled", targets["unlabelled"], config)
    teacher = experiment["stages"][targets["stage"]]["targets"]
    known = [*experiment["train"], *teacher.get("unlabelled", [])]
    for reference, trained in itertools.product(targets["unlabelled"], known):
        if _overlap(reference, trained):
            raise ValueError(
                f"{path}.unlabelled: stage {targets['stage']!r} has trained on {reference!r}; a "
                "pseudo-label never comes from a model that trained on the recording"
            )
    if targets["low"] >= targets["high"]:
        raise ValueError(
            f"{path}.low: {targets['low']!r}; expected less than high {targets['high']!r}"
        )


def _check_ensembles(path: str, experiment: Mapping) -> None:
    for name, stages in experiment["ensembles"].items():
        check_name(f"{path}.ensembles", name)
        for stage in stages:
            _check_known(f"{path}.ensembles.{name}: {stage!r}", stage, experiment["stages"])
    for pair in experiment["evaluation"]["compare"]:
        for name in pair:
            _check_known(f"{path}.evaluation.compare: {name!r}", name, experiment["ensembles"])


def _check_submission(path: str, experiment: Mapping, config: Mapping) -> None:
    submission = experiment["submission"]
    if submission["format"] == "none":
        return
    name = submission["ensemble"]
    _check_known(f"{path}.ensemble: {name!r}", name, experiment["ensembles"])
    for reference in experiment["test"]:
        if config["corpora"][parse_reference(reference)[0]]["adapter"] != "bird_detection":
            raise ValueError(
                f"{path}.format: {submission['format']!r} repeats a label file's rows; expected "
                f"none, or a test corpus of adapter bird_detection ({reference} is not)"
            )


def _check_references(path: str, references: Sequence[str], config: Mapping) -> None:
    for reference in references:
        try:
            corpus = parse_reference(reference)[0]
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        _check_known(f"{path}: {corpus!r}", corpus, config["corpora"])
    for one, other in itertools.combinations(references, 2):
        if _overlap(one, other):
            raise ValueError(f"{path}: {one!r} and {other!r} share recordings; name them once")


def _overlap(one: str, other: str) -> bool:
    """Return whether two references mean some of the same recordings."""
    (corpus, split), (other_corpus, other_split) = parse_reference(one), parse_reference(other)
    return corpus == other_corpus and (None in (split, other_split) or split == other_split)


def _check_files(path: str, corpus: Mapping) -> None:
    files = {key: corpus.get(key) for key in ("table", "root", "groups")}
    for name, data_set in corpus.get("data_sets", {}).items():
        files |= {f"data_sets.{name}.{key}": value for key, value in data_set.items()}
    for key, file in files.items():
        if file is not None and not os.path.exists(file):
            raise ValueError(
                f"{path}.{key}: {file!r} does not exist; expected a path from {os.getcwd()}, or an "
                "absolute one"
            )


def _check_known(said: str, name: str, known: Iterable[str]) -> None:
    if name not in known:
        raise ValueError(f"{said}{nearest(name, known)}")
