"""Checks across the sections of a complete config: names that must exist, folds, files.

* `check_sections`: everything but files.
* `check_files`: whether the files of the corpora of a run are there.
"""

import itertools
import os
from collections.abc import Mapping
from typing import Any

from dawnchorus.settings.audio import AudioRecipe
from dawnchorus.settings.corpus_check import (
    check_references,
    corpora_of,
    experiments_of_run,
    is_result,
    references_of,
)
from dawnchorus.settings.errors import check_known, check_name
from dawnchorus.settings.experiment import format_of
from dawnchorus.settings.frame_check import check_events
from dawnchorus.settings.frontend import frontend_model
from dawnchorus.settings.references import overlap, parse_reference
from dawnchorus.settings.section import ByName, is_own_file
from dawnchorus.settings.stage_check import check_stages

FORMATS = ByName("dawnchorus.formats.submissions", "format")
BASELINES = ByName("dawnchorus.evaluation.clip_baselines", "baseline")
_PATHS = (  # of adapters; some are lists, or mappings of paths
    *("table", "root", "groups", "audio", "xml", "metadata"),
    *("weak", "strong", "unlabelled"),
)
# Published systems are named by their authors.
_RENAMED = {
    "bad2017": "grill2017", "birdclef2016": "toth2016", "birdclef2018": "kahl2018",
    "dcase2018_task4": "serizel2018",
}  # fmt: skip
# folders of results/, where each experiment has one of its own name
_RESERVED = (
    "acquired",
    "apply",
    "audio",
    "benchmarks",
    "code",
    "compare",
    "corpora",
    "logs",
    "pretrained",
    "spectrograms",
)


def check_sections(config: Mapping[str, Any]) -> None:
    """Raise a ValueError where the sections of a complete config do not fit each other."""
    for name, recipe in config["audio"].items():
        AudioRecipe.model_validate(recipe).check(f"audio.{name}")
    for name, corpus in config["corpora"].items():
        for data_set in corpus.get("data_sets", {}):
            if "/" in data_set or data_set in ("", ".", ".."):
                raise ValueError(
                    f"corpora.{name}.data_sets.{data_set}: {data_set!r} stands before '/' in ids; "
                    "expected a text"
                )
    for name, settings in config["frontends"].items():
        audio, path = settings["audio"], f"frontends.{name}"
        check_known(f"{path}.audio: {audio!r}", audio, config["audio"])
        frontend_model(settings).check(path, config["audio"][audio]["sample_rate"])
    for name, settings in config["experiments"].items():
        _check_experiment(f"experiments.{name}", name, settings, config)
    for name, settings in config["apply"].items():
        check_references(f"apply.{name}.corpora", settings["corpora"], config)
        for corpus in settings["corpora"]:
            check_known(f"apply.{name}.corpora: {corpus!r}", corpus, config["corpora"])
        if settings["threshold"] is not None and settings["precision"] is not None:
            raise ValueError(
                f"apply.{name}.precision: {settings['precision']!r} and threshold "
                f"{settings['threshold']!r}; expected one of them"
            )
    for name, settings in config["compare"].items():
        path = f"compare.{name}.experiments"
        for compared in settings["experiments"]:
            check_known(f"{path}: {compared!r}", compared, config["experiments"])
        first, *others = settings["experiments"]
        expected = config["experiments"][first]["test"]
        for other in others:
            if set(found := config["experiments"][other]["test"]) != set(expected):
                raise ValueError(
                    f"{path}: {first!r} is tested on {expected!r} and {other!r} on {found!r}; "
                    "expected experiments with equal test sets"
                )
    if not config["run"] and not config["apply"]:
        raise ValueError("run: []; expected an experiment, or an exported model under apply")
    for name in config["run"]:
        old = next((key for key in _RENAMED if name == key or name.startswith(f"{key}-")), None)
        if old and name not in config["experiments"]:
            now = name.replace(old, _RENAMED[old])
            raise ValueError(
                f"run: {name!r} is called {now!r} since config_version 2 "
                f"(experiments/{_RENAMED[old]}.yaml)"
            )
        check_known(f"run: {name!r}", name, config["experiments"])


def check_files(config: Mapping[str, Any]) -> None:
    """Raise a ValueError where a file that an experiment of ``run`` reads does not exist."""
    for name, settings in config["apply"].items():
        if not is_result(settings["model"]):
            _check_file(f"apply.{name}.model", settings["model"])
        if settings["network"]:
            _check_file(f"apply.{name}.network", settings["network"])
        for corpus in settings["corpora"]:
            used = f"apply.{name}.corpora"
            _check_files(f"corpora.{corpus}", config["corpora"][corpus], used)
    for name in experiments_of_run(config):
        experiment = config["experiments"][name]
        # sorted: of corpora that are missing the same is named, whatever the order of settings
        read = sorted((parse_reference(one)[0], path) for path, one in references_of(experiment))
        for corpus, paths in itertools.groupby(read, key=lambda pair: pair[0]):
            used = f"experiments.{name}.{next(paths)[1]}"
            _check_files(f"corpora.{corpus}", config["corpora"][corpus], used)
        for stage, about in experiment["stages"].items():
            if pretrained := about["training"]["pretrained"]:
                here = f"experiments.{name}.stages.{stage}.training.pretrained.path"
                _check_file(here, pretrained["path"])
            for number, file in enumerate(about["targets"].get("models", [])):
                _check_file(f"experiments.{name}.stages.{stage}.targets.models.{number}", file)


def _check_experiment(
    path: str, name: str, experiment: Mapping[str, Any], config: Mapping[str, Any]
) -> None:
    if name in _RESERVED:
        raise ValueError(f"{path}: {name!r} is a folder of the results; choose another name")
    frontend = experiment["frontend"]
    check_known(f"{path}.frontend: {frontend!r}", frontend, config["frontends"])
    for key in ("train", "test"):
        check_references(f"{path}.{key}", experiment[key], config)
    for tested, trained in itertools.product(experiment["test"], experiment["train"]):
        if overlap(tested, trained):
            raise ValueError(
                f"{path}.test: {tested!r} is trained on as well; test on other recordings"
            )
    _check_fold_count(f"{path}.folds.count", experiment, config)
    check_stages(path, experiment, config)
    for ensemble, stages in experiment["ensembles"].items():
        check_name(f"{path}.ensembles", ensemble)
        for stage in stages:
            check_known(f"{path}.ensembles.{ensemble}: {stage!r}", stage, experiment["stages"])
    for stage in experiment["drawn"]:
        check_known(f"{path}.drawn: {stage!r}", stage, experiment["stages"])
    for compared in itertools.chain(*experiment["evaluation"]["compare"]):
        where = f"{path}.evaluation.compare: {compared!r}"
        check_known(where, compared, experiment["ensembles"])
    for exported in experiment["export"]:
        check_known(f"{path}.export: {exported!r}", exported, experiment["ensembles"])
        for stage in map(experiment["stages"].get, experiment["ensembles"][exported]):
            if (
                stage["segments"]["predict_from"] == "signal"
                and stage["segments"]["kind"] == "time"
            ):
                raise ValueError(
                    f"{path}.export: {exported!r}; a stage of it has segments.predict_from 'signal', and "
                    "an exported model sees a recording piece by piece, which does not tell what is "
                    "signal in the whole of it; expected recording or loudest"
                )
            frontend = stage["predict_frontend"] or stage["frontend"]
            kind = config["frontends"][frontend]["kind"]
            # an exported model holds no code: who gets one would have to trust it
            if is_own_file(kind):
                raise ValueError(
                    f"{path}.export: {exported!r}; its frontend {frontend} is the file {kind!r}, which "
                    "cannot travel with a model; expected ensembles of frontends of dawnchorus"
                )
    for baseline in experiment["baselines"]:
        check_known(f"{path}.baselines: {baseline!r}", baseline, BASELINES.names())
    if experiment["events"]:
        check_events(f"{path}.events", experiment, config)
    _check_submission(f"{path}.submission", experiment, config)
    how, corpora = experiment["evaluation"]["bootstrap"], corpora_of(experiment)
    if how != "groups" and not any(config["corpora"][name]["source_table"] for name in corpora):
        raise ValueError(
            f"{path}.evaluation.bootstrap: {how!r}; expected source_table in one of "
            f"{', '.join(corpora)}, or groups"
        )


def _check_fold_count(path: str, experiment: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    folds = experiment["folds"]
    if folds["kind"] == "holdout":
        _check_holdout(path, folds, experiment)
    elif folds["count"] < 2:
        raise ValueError(f"{path}: {folds['count']!r}; expected at least 2 for {folds['kind']}")
    if folds["validation"] == "next" and folds["count"] == 2:
        raise ValueError(
            f"{path}: 2; expected at least 3, or validation next leaves none to train on"
        )
    if folds["kind"] != "leave_one_data_set_out":
        return
    names: set[str] = set()
    for reference in experiment["train"]:
        corpus = config["corpora"][parse_reference(reference)[0]]
        if corpus["adapter"] == "synthetic":
            names.add(corpus["data_set"])
            continue
        if corpus["adapter"] != "bird_detection":
            return  # only the recordings say it: checked when they are dealt
        for about in corpus["data_sets"].values():
            try:
                # a label file of DCASE 2018 names the data set of each row
                with open(about["labels"] or os.devnull, "rb") as file:
                    if b"datasetid" in file.readline(1000):
                        return
            except OSError:
                continue  # `check_files` says so
        names.update(corpus["data_sets"])
    if folds["count"] != len(names):
        raise ValueError(
            f"{path}: {folds['count']!r}; expected {len(names)}, one for each data set of train: "
            f"{', '.join(sorted(names)[:12])}{', ...' if len(names) > 12 else ''}"
        )


def _check_holdout(path: str, folds: Mapping[str, Any], experiment: Mapping[str, Any]) -> None:
    shares, section = folds["shares"], path.removesuffix("count")
    held = [name for name in ("test", "validation") if shares[name] > 0]
    if folds["count"] != 1:
        raise ValueError(f"{path}: {folds['count']!r}; expected 1: kind holdout has one member")
    if sum(shares.values()) >= 1:
        raise ValueError(f"{section}shares: {dict(shares)!r}; expected less than 1 together")
    if not held and not experiment["test"]:
        raise ValueError(
            f"{section}shares: {dict(shares)!r}; expected more than 0 together where the experiment "
            "has no test, or nothing is scored"
        )
    # what is chosen by held-out recordings
    choosing = [
        f"stage {name} chooses its thresholds"
        for name, stage in experiment["stages"].items()
        if stage["targets"].get("labels") == "hard"
        and isinstance(stage["targets"]["thresholds"], str)
    ]
    if experiment["calibration"]["method"] != "none":
        choosing += ["calibration is fitted"]
    decodings = experiment["events"]["decodings"] if experiment["events"] else {}
    choosing += [
        f"decoding {name} is tuned" for name, about in decodings.items() if about["tune"] == "clips"
    ]
    if not held and choosing:
        raise ValueError(
            f"{section}shares: {dict(shares)!r}; expected more than 0 together, since {choosing[0]} by "
            "held-out recordings"
        )
    fitting = {"test": "none", "validation": "own"}
    wanted = "next" if len(held) == 2 else fitting[held[0]] if held else "none"
    if folds["validation"] not in (wanted, "none"):
        raise ValueError(
            f"{section}validation: {folds['validation']!r}; expected {wanted} for "
            f"the shares {dict(shares)!r}"
        )


def _check_submission(path: str, experiment: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    submission = experiment["submission"]
    tested = {parse_reference(reference)[0] for reference in experiment["test"]}
    for corpus in submission["by_corpus"]:
        check_known(f"{path}.by_corpus: {corpus!r}", corpus, tested)
    formats = {corpus: format_of(submission, corpus) for corpus in sorted(tested)}
    named = {"format": submission["format"]}
    named |= {f"by_corpus.{corpus}": chosen for corpus, chosen in submission["by_corpus"].items()}
    for key, chosen in named.items():
        check_known(f"{path}.{key}: {chosen!r}", chosen, ("none", *FORMATS.names()))
    if set(formats.values()) <= {"none"}:
        return
    name = submission["ensemble"]
    check_known(f"{path}.ensemble: {name!r}", name, experiment["ensembles"])
    for corpus, chosen in formats.items():
        if chosen == "bad2017" and config["corpora"][corpus]["adapter"] != "bird_detection":
            raise ValueError(
                f"{path}.format: 'bad2017' repeats a label file's rows; expected none, or a test "
                f"corpus of adapter bird_detection ({corpus} is not)"
            )


def _check_files(path: str, corpus: Mapping[str, Any], used: str) -> None:
    table = corpus["source_table"]
    files: dict[str, Any] = {"source_table.path": table["path"]} if table else {}
    for key in _PATHS:
        value = corpus.get(key)
        if isinstance(value, str | None):
            files[key] = value
        else:  # several files, by name or in a row
            several = value.items() if isinstance(value, Mapping) else enumerate(value)
            files |= {f"{key}.{name}": file for name, file in several}
    # other keys of sources say how its table is read
    files["sources.table"] = (corpus.get("sources") or {}).get("table")
    for name, data_set in corpus.get("data_sets", {}).items():
        files |= {f"data_sets.{name}.{key}": value for key, value in data_set.items()}
    for key, file in files.items():
        if file is not None:  # null: the corpus does without it
            _check_file(f"{path}.{key}", file, f"; {used} reads it")


def _check_file(path: str, file: str, why: str = "") -> None:
    if not os.path.exists(file):
        raise ValueError(
            f"{path}: {file!r} does not exist; expected a path from {os.getcwd()}, or an absolute "
            f"one{why}"
        )
