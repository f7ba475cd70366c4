"""Whether a complete config can be built.

* `check_schema`: keys, types and ranges.
* `check_meaning`: names that must exist, orders, frequencies, files.
"""

import os
import pkgutil
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import jsonschema

from dawnchorus.config.merging import NAMED, nearest
from dawnchorus.corpora.contents import parse_reference

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_RESERVED = ("audio", "benchmarks", "corpora", "logs", "spectrograms")  # folders of results/


def check_schema(config: Mapping, schema: Mapping) -> None:
    """Raise a ValueError with the first key that the schema refuses."""
    for section in NAMED:
        for name in config.get(section) or {}:
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise ValueError(
                    f"{section}.{name}: {name!r} becomes part of paths; expected letters, digits, "
                    "'_' and '-', starting with a letter or digit, at most 64"
                )
    validator = jsonschema.Draft202012Validator(schema)
    errors = sorted(_leaves(validator.iter_errors(config)), key=_weight)
    if errors:
        raise ValueError(_sentence(errors[0]))


def check_meaning(config: Mapping) -> None:
    """Raise a ValueError for what no schema can say of a config."""
    for name, settings in config["frontends"].items():
        _check_frontend(f"frontends.{name}", settings, config)
    for name, settings in config["experiments"].items():
        _check_experiment(f"experiments.{name}", name, settings, config)
    for name in config["run"]:
        _known(f"run: {name!r}", name, config["experiments"])
        for corpus in corpora_of(config["experiments"][name]):
            _check_files(f"corpora.{corpus}", config["corpora"][corpus])


def corpora_of(experiment: Mapping) -> list[str]:
    """Return the names of the corpora that an experiment reads, sorted."""
    references = [*experiment["train"], *experiment["test"]]
    for stage in experiment["stages"].values():
        references += stage["targets"].get("unlabelled", [])
    return sorted({parse_reference(reference)[0] for reference in references})


def _leaves(errors) -> Iterator[jsonschema.ValidationError]:
    for error in errors:
        if error.context:
            yield from _leaves(error.context)
        else:
            yield error


def _weight(error: jsonschema.ValidationError) -> tuple:
    # an unknown key first: it is the cause where a required one is missing
    return (error.validator != "additionalProperties", list(map(str, error.absolute_path)))


def _sentence(error: jsonschema.ValidationError) -> str:
    path = ".".join(map(str, error.absolute_path))
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        unknown = next(key for key in error.instance if key not in known)
        return f"{path + '.' if path else ''}{unknown}: unknown key{nearest(unknown, known)}"
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        return f"{path + '.' if path else ''}{missing}: missing; this key is needed"
    allowed = {
        "enum": lambda value: f"one of {', '.join(map(str, value))}",
        "const": lambda value: f"{value}",
        "type": lambda value: " or ".join(value) if isinstance(value, list) else value,
        "minimum": lambda value: f"at least {value}",
        "maximum": lambda value: f"at most {value}",
        "exclusiveMinimum": lambda value: f"more than {value}",
        "exclusiveMaximum": lambda value: f"less than {value}",
        "minItems": lambda value: f"at least {value} items",
        "maxItems": lambda value: f"at most {value} items",
        "minProperties": lambda value: f"at least {value} entries",
        "minLength": lambda value: f"at least {value} characters",
        "uniqueItems": lambda value: "no item twice",
    }.get(error.validator, lambda value: f"{error.validator} {value}")(error.validator_value)
    hint = nearest(error.instance, error.validator_value) if error.validator == "enum" else ""
    meant = hint[hint.index("; did") :] if "; did" in hint else ""
    return f"{path}: {error.instance!r}; expected {allowed}{meant}"


def _check_frontend(path: str, frontend: Mapping, config: Mapping) -> None:
    _known(f"{path}.audio: {frontend['audio']!r}", frontend["audio"], config["audio"])
    rate = config["audio"][frontend["audio"]]["sample_rate"]
    if frontend["fmax"] > rate / 2:
        raise ValueError(
            f"{path}.fmax: {frontend['fmax']!r}; expected at most {rate / 2:g} Hz, half the sample "
            f"rate of audio.{frontend['audio']}"
        )
    if frontend["fmin"] >= frontend["fmax"]:
        raise ValueError(f"{path}.fmin: {frontend['fmin']!r}; expected less than fmax {frontend['fmax']!r}")
    if rate / frontend["frames_per_second"] > frontend["n_fft"]:
        raise ValueError(
            f"{path}.frames_per_second: {frontend['frames_per_second']!r} leaves gaps between windows "
            f"of n_fft {frontend['n_fft']} samples; expected at least {rate / frontend['n_fft']:.4g}"
        )
    if frontend["band_attenuation"] == "shallow" and frontend["n_mels"] != 80:
        raise ValueError(f"{path}.n_mels: {frontend['n_mels']!r}; band_attenuation shallow is for 80 bands")


def _check_experiment(path: str, name: str, experiment: Mapping, config: Mapping) -> None:
    if name in _RESERVED:
        raise ValueError(f"{path}: {name!r} is a folder of the results; choose another name")
    _known(f"{path}.frontend: {experiment['frontend']!r}", experiment["frontend"], config["frontends"])
    for key in ("train", "test"):
        _check_references(f"{path}.{key}", experiment[key], config)
    both = sorted(set(experiment["train"]) & set(experiment["test"]))
    if both:
        raise ValueError(f"{path}.test: {both[0]!r} is trained on as well; test on other recordings")
    _check_stages(path, experiment, config)
    for ensemble, stages in experiment["ensembles"].items():
        for stage in stages:
            _known(f"{path}.ensembles.{ensemble}: {stage!r}", stage, experiment["stages"])
    for pair in experiment["evaluation"]["compare"]:
        for ensemble in pair:
            _known(f"{path}.evaluation.compare: {ensemble!r}", ensemble, experiment["ensembles"])
    submission = experiment["submission"]
    if submission["format"] != "none":
        _known(f"{path}.submission.ensemble: {submission['ensemble']!r}", submission["ensemble"],
               experiment["ensembles"])  # fmt: skip
        for reference in experiment["test"]:
            if config["corpora"][parse_reference(reference)[0]]["adapter"] != "bird_detection":
                raise ValueError(
                    f"{path}.submission.format: {submission['format']!r} repeats a label file's rows; "
                    f"expected none, or a test corpus of adapter bird_detection ({reference} is not)"
                )


def _check_stages(path: str, experiment: Mapping, config: Mapping) -> None:
    earlier: list[str] = []
    models = [module.name for module in pkgutil.iter_modules([str(_MODELS)]) if module.name[0] != "_"]
    for name, stage in experiment["stages"].items():
        here = f"{path}.stages.{name}"
        if not _NAME.fullmatch(str(name)):
            raise ValueError(f"{here}: {name!r} becomes part of paths; expected letters, digits, _ and -")
        _known(f"{here}.model.name: {stage['model']['name']!r}", stage["model"]["name"], models)
        low, high = stage["training"]["target_range"]
        if low >= high:
            raise ValueError(f"{here}.training.target_range: {[low, high]}; expected low below high")
        targets = stage["targets"]
        if targets["from"] == "predictions":
            _check_pseudo_labels(f"{here}.targets", targets, experiment, earlier, config)
        earlier.append(name)


def _check_pseudo_labels(path: str, targets: Mapping, experiment, earlier, config) -> None:
    if targets["stage"] not in earlier:
        later = targets["stage"] in experiment["stages"]
        what = "a later stage, or this one" if later else "no stage of the experiment"
        raise ValueError(
            f"{path}.stage: {targets['stage']!r} is {what}; expected an earlier one: "
            f"{', '.join(earlier) or 'there is none'}"
        )
    _check_references(f"{path}.unlabelled", targets["unlabelled"], config)
    teacher = experiment["stages"][targets["stage"]]["targets"]
    known = {parse_reference(r)[0] for r in [*experiment["train"], *teacher.get("unlabelled", [])]}
    for reference in targets["unlabelled"]:
        if parse_reference(reference)[0] in known:
            raise ValueError(
                f"{path}.unlabelled: stage {targets['stage']!r} has trained on {reference!r}; a pseudo-label "
                "never comes from a model that trained on the recording"
            )
    if targets["low"] >= targets["high"]:
        raise ValueError(f"{path}.low: {targets['low']!r}; expected less than high {targets['high']!r}")


def _check_references(path: str, references, config: Mapping) -> None:
    for reference in references:
        corpus = parse_reference(reference)[0]
        _known(f"{path}: {corpus!r}", corpus, config["corpora"])


def _check_files(path: str, corpus: Mapping) -> None:
    files = {"table": corpus.get("table"), "root": corpus.get("root"), "groups": corpus.get("groups")}
    for name, data_set in corpus.get("data_sets", {}).items():
        files |= {f"data_sets.{name}.{key}": value for key, value in data_set.items()}
    for key, file in files.items():
        if file is not None and not os.path.exists(file):
            raise ValueError(
                f"{path}.{key}: {file!r} does not exist; expected a path from {os.getcwd()} or an absolute one"
            )


def _known(said: str, name: str, known) -> None:
    if name not in known:
        raise ValueError(f"{said}{nearest(name, known)}")


_MODELS = Path(__file__).parents[1] / "models"
