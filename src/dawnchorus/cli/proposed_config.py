"""The config for a folder that was looked at.

* `compose`: its text, and what it rests on and costs.
"""

import math
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dawnchorus.cli.config_text import render
from dawnchorus.cli.folder_report import Found
from dawnchorus.cli.launch import WRITTEN_BY
from dawnchorus.corpora.tables import SEPARATOR
from dawnchorus.plan import cost_estimate
from dawnchorus.settings import load
from dawnchorus.settings.proposal import Data, Proposal, proposed_experiment

_TASKS = {
    "species": "which of {n} classes is it? One class for each recording, scores add up to 1",
    "presence": "is it there? A score of its own for each class ({n})",
    "events": "what sounds when? {n} classes with onset and offset",
}
# recordings, or a share of them, that one job preprocesses
_PER_SHARD, _FEW_SHARDS = 25, 8
_MANY_PER_SHARD, _MOST_SHARDS = 5000, 1000
_MANY_BYTES = 500_000_000_000  # of which a first start would read every one
_ALLOWED_EXCLUDED = 0.01
_QUANTILES = (0.1, 0.5, 0.9)  # of the lengths of events
_ALL_TRAINED = {"kind": "holdout", "count": 1, "shares": {"test": 0.0, "validation": 0.0}}


def compose(found: Found, base: str | Path) -> tuple[str, list[str]]:
    """Return the config as text, and lines on what it rests on and costs.

    Parameters
    ----------
    found : Found
    base : path
        The workflow's own config, beside which the new one has to stand.

    Raises
    ------
    ValueError
        Where the config would not pass the checks of a run.
    """
    proposal = proposed_experiment(found.task, _data(found))
    sections, comments = _sections(found, proposal)
    text = _head(found) + render(sections, comments)
    _check(text, base)
    n_members = 1 if found.folds is None else found.folds.settings["count"]
    lengths = found.headers.total_s
    cost = cost_estimate.estimate(found.task, proposal, lengths, n_members)
    said = [f"task        {found.task}: {_question(found)}"]
    said += [f"folds       {text}" for text in _on_folds(found)]
    said += [f"note        {text}" for text in proposal.notes]
    said.append(
        f"cost        about {_duration(cost.core_s)} on one core for {n_members} "
        f"{'training' if n_members == 1 else 'trainings'}, {cost.disk_bytes / 1e9:.1f} GB below results/ "
        f"({cost_estimate.MEASURED_ON})"
    )
    return text, said


def _question(found: Found) -> str:
    classes = {label for one in found.recordings for label in one.labels.split(SEPARATOR) if label}
    return _TASKS[found.task].format(n=len(classes))


def _on_folds(found: Found) -> Sequence[str]:
    if found.folds is not None:
        tested = f"; {', '.join(found.test)} is tested, never trained on" if found.test else ""
        return [*found.folds.said[:-1], f"{found.folds.said[-1]}{tested}"]
    subsets = [
        f"{what}: {', '.join(names)}"
        for what, names in (
            ("trained on", found.train), ("tuned by", found.validation), ("tested", found.test),
        )
        if names
    ]  # fmt: skip
    lines = ["; ".join(subsets)]
    if "parts" in found.layout.settings:
        lines.append(
            "whole recordings are dealt to these parts; nothing says which are of one bird, place or "
            "session, so the scores are optimistic for others"
        )
    return lines


def _data(found: Found) -> Data:
    training = found.training()
    # of most of the recordings: a few at a low rate are resampled up rather than all others down
    rates = sorted(rate for rate, n in found.headers.rates.items() for _ in range(n))
    classes = {label for one in found.recordings for label in one.labels.split(SEPARATOR) if label}
    n_labels = sum(len(one.labels.split(SEPARATOR)) for one in training if one.labels)
    lengths = sorted(offset - onset for _, onset, offset, _ in found.events or ())
    quantiles = [lengths[int(share * (len(lengths) - 1))] for share in _QUANTILES if lengths]
    return Data(
        n_recordings=len(training),
        sample_rate=rates[len(rates) // 10],
        median_s=found.headers.length_s(0.5),
        total_s=found.headers.total_s * len(training) / max(1, found.headers.n_files),
        event_s=quantiles,
        has_strong=any(one.data_set == "strong" for one in training),
        classes_per_recording=n_labels / max(1, len(training) * len(classes)),
    )


def _head(found: Found) -> str:
    n, hours = len(found.recordings), found.headers.total_s / 3600
    return (
        f"{WRITTEN_BY}: {n} recordings with labels, {hours:.2f} hours, read as: {found.layout.name}.\n"
        f"# Task: {found.task}. `dawnchorus run` runs it, `dawnchorus config KEY` explains a key.\n"
    )


def _sections(found: Found, proposal: Proposal) -> tuple[dict[str, Any], dict[str, str]]:
    name = found.name
    sections: dict[str, Any] = {"run": [name]}
    audio, frontend = proposal.audio, proposal.frontend
    if isinstance(audio, dict):
        sections["audio"] = {f"{name}-audio": audio}
        audio = f"{name}-audio"
    if isinstance(frontend, dict):
        kind = frontend.pop("kind")
        sections["frontends"] = {f"{name}-spectrogram": {"kind": kind, "audio": audio, **frontend}}
        frontend = f"{name}-spectrogram"
    n = len(found.recordings) + found.n_unlabelled
    corpus = {**found.layout.settings, "shards": _shards(n)}
    if sum(found.survey.sizes.values()) > _MANY_BYTES:
        corpus["fingerprint"] = "stat"
    comments = {
        f"corpora.{name}.shards": "units of preprocessing",
        f"corpora.{name}.fingerprint": "size and time of change stand for the content of a file",
        f"corpora.{name}.pattern": "what the path of a recording says; {} is anything",
        f"experiments.{name}.folds": _fold_comment(found),
        f"experiments.{name}.training": "batch and epochs for about as many steps as these data need",
        f"experiments.{name}.model": "a network that trains on a CPU; docs/recipes.md has others",
    }
    if found.n_excluded > _ALLOWED_EXCLUDED * (n + found.n_excluded):
        share = found.n_excluded / (n + found.n_excluded)
        corpus["max_excluded"] = min(1.0, math.ceil(100 * share + 2) / 100)
        comments[f"corpora.{name}.max_excluded"] = (
            f"{found.n_excluded} cannot be used or have no label"
        )
    sections["corpora"] = {name: corpus}

    def references(names: Sequence[str]) -> list[str]:
        return [f"{name}:{subset}" for subset in names]

    experiment: dict[str, Any] = {"train": references(found.train) or [name]}
    if found.test:
        experiment["test"] = references(found.test)
    experiment |= {"frontend": frontend, **proposal.experiment}
    experiment["folds"] = _ALL_TRAINED if found.folds is None else found.folds.settings
    if found.task == "events":
        _set_events(experiment, references(found.validation))
    elif experiment["folds"].get("validation") == "next":
        best = "best_val_mlrap" if found.task == "species" else "best_val_map_macro"
        experiment["training"] = {**experiment["training"], "keep": [best]}
        experiment["use"] = best
    sections["experiments"] = {name: experiment}
    return sections, comments


def _set_events(experiment: dict[str, Any], validation: list[str]) -> None:
    """Name what chooses the decoding; without such recordings it is a fixed one."""
    events = experiment["events"]
    if validation:
        experiment["events"] = {"validation": validation, **events}
    else:
        experiment["events"] = {**events, "decodings": {"tuned": {}}}


def _fold_comment(found: Found) -> str:
    if found.folds is None:
        return "one model, trained on all of train"
    if found.folds.is_honest:
        return "no group is trained on and tested"
    return "at random: optimistic where one bird, place or session has several recordings"


def _shards(n_recordings: int) -> int:
    if n_recordings <= _FEW_SHARDS * _MANY_PER_SHARD:
        return max(1, min(_FEW_SHARDS, n_recordings // _PER_SHARD))
    return min(_MOST_SHARDS, n_recordings // _MANY_PER_SHARD)


def _check(text: str, base: str | Path) -> None:
    """Raise where a start of the workflow would refuse the config."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "proposed.yaml")
        Path(path).write_text(text, encoding="utf-8")
        try:
            load.load(base, [path], {})
        except ValueError as error:
            raise ValueError(f"no config for these recordings: {error}") from None


def _duration(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    return f"{minutes} minutes" if minutes < 120 else f"{minutes / 60:.1f} hours"
