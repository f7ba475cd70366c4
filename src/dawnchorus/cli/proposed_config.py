"""The config for a folder that was looked at.

* `compose`: its text, and what it rests on and costs.
* `render`: sections as commented YAML of a few lines.
"""

import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from dawnchorus.cli.folder_report import Found
from dawnchorus.cli.launch import WRITTEN_BY
from dawnchorus.corpora.tables import SEPARATOR
from dawnchorus.formats.event import Event
from dawnchorus.plan import cost_estimate
from dawnchorus.plan.recordings_check import ceiling_notes
from dawnchorus.settings import load
from dawnchorus.settings.proposal import Data, Proposal, proposed_experiment

_BLOCKS = ("corpora", "experiments")  # sections whose definitions have a line for each key
_WIDTH = 100  # a comment stands above a longer line
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
    training = found.training()
    # of most of the recordings: a few at a low rate are resampled up rather than all others down
    rates = sorted(rate for rate, n in found.headers.rates.items() for _ in range(n))
    classes = {label for one in found.recordings for label in one.labels.split(SEPARATOR) if label}
    n_labels = sum(len(one.labels.split(SEPARATOR)) for one in training if one.labels)
    lengths = sorted(offset - onset for _, onset, offset, _ in found.events or ())
    quantiles = [lengths[int(share * (len(lengths) - 1))] for share in _QUANTILES if lengths]
    data = Data(
        n_recordings=len(training),
        sample_rate=rates[len(rates) // 10],
        median_s=found.headers.length_s(0.5),
        total_s=found.headers.total_s * len(training) / max(1, found.headers.n_files),
        event_s=quantiles,
        has_strong=any(one.data_set == "strong" for one in training),
        classes_per_recording=n_labels / max(1, len(training) * len(classes)),
    )
    proposal = proposed_experiment(found.task, data)
    sections, comments = _sections(found, proposal)
    n, hours = len(found.recordings), found.headers.total_s / 3600
    head = (
        f"{WRITTEN_BY}: {n} recordings with labels, {hours:.2f} hours, read as: {found.layout.name}.\n"
        f"# Task: {found.task}. `dawnchorus run` runs it, `dawnchorus config KEY` explains a key.\n"
    )
    text = head + render(sections, comments)
    # refused here, beside its recordings, rather than by the start of a run later
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "proposed.yaml")
        Path(path).write_text(text, encoding="utf-8")
        try:
            complete = load.load(base, [path], {})
        except ValueError as error:
            raise ValueError(f"no config for these recordings: {error}") from None
    n_members = 1 if found.folds is None else found.folds.settings["count"]
    lengths = found.headers.total_s
    cost = cost_estimate.estimate(found.task, proposal, lengths, n_members)
    minutes = max(1, round(cost.core_s / 60))
    time = f"{minutes} minutes" if minutes < 120 else f"{minutes / 60:.1f} hours"
    said = [f"task        {found.task}: {_TASKS[found.task].format(n=len(classes))}"]
    if found.folds is not None:
        tested = f"; {', '.join(found.test)} is tested, never trained on" if found.test else ""
        dealt = [*found.folds.said[:-1], f"{found.folds.said[-1]}{tested}"]
    else:
        roles = {"trained on": found.train, "tuned by": found.validation, "tested": found.test}
        dealt = ["; ".join(f"{what}: {', '.join(names)}" for what, names in roles.items() if names)]
        # parts that init has dealt itself, which knows nothing of where recordings come from
        if "parts" in found.layout.settings:
            dealt.append(
                "whole recordings are dealt to these parts; nothing says which are of one bird, place "
                "or session, so the scores are optimistic for others"
            )
    said += [f"folds       {text}" for text in dealt]
    annotated = [Event(*one) for one in found.events or ()]
    low = ceiling_notes(complete, lambda corpus: annotated, lambda name: True)
    said += [f"note        {text}" for text in (*low, *proposal.notes)]
    said.append(
        f"cost        about {time} on one core for {n_members} "
        f"{'training' if n_members == 1 else 'trainings'}, {cost.disk_bytes / 1e9:.1f} GB below results/ "
        f"({cost_estimate.MEASURED_ON})"
    )
    return text, said


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
    corpus = {**found.layout.settings, "shards": max(1, min(_FEW_SHARDS, n // _PER_SHARD))}
    if n > _FEW_SHARDS * _MANY_PER_SHARD:
        corpus["shards"] = min(_MOST_SHARDS, n // _MANY_PER_SHARD)
    if sum(found.survey.sizes.values()) > _MANY_BYTES:
        corpus["fingerprint"] = "stat"
    comments = {
        f"corpora.{name}.shards": "units of preprocessing",
        f"corpora.{name}.fingerprint": "size and time of change stand for the content of a file",
        f"corpora.{name}.pattern": "what the path of a recording says; {} is anything",
        f"experiments.{name}.folds": (
            "one model, trained on all of train"
            if found.folds is None
            else "no group is trained on and tested"
            if found.folds.is_honest
            else "at random: optimistic where one bird, place or session has several recordings"
        ),
        f"experiments.{name}.training": "gradient steps; a batch is at most a tenth of the windows",
        f"experiments.{name}.model": "a network that trains on a CPU; docs/recipes.md has others",
    }
    if found.n_excluded > _ALLOWED_EXCLUDED * found.n_listed:
        share = found.n_excluded / found.n_listed
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
    if "source_table" in corpus:
        experiment["evaluation"] = {"bootstrap": "sources"}
        comments[f"experiments.{name}.evaluation"] = "clips that share a source are not independent"
    if found.task == "events":
        if found.validation:
            validation = {"validation": references(found.validation)}
            experiment["events"] = {**validation, **experiment["events"]}
        else:  # nothing may choose a decoding
            experiment["events"] |= {"decodings": {"tuned": {}}}
    sections["experiments"] = {name: experiment}
    return sections, comments


def render(sections: Mapping[str, Any], comments: Mapping[str, str]) -> str:
    """Return sections as YAML.

    A key of a corpus or of an experiment has a line, and so has each other definition.

    Parameters
    ----------
    sections : mapping
        Keys and values of the config.
    comments : mapping of str to str
        What stands behind a line or above it, by the path of its key: ``experiments.mine.folds``.
    """
    return "".join(_lines(sections, comments, ""))


def _lines(values: Mapping[str, Any], comments: Mapping[str, str], path: str) -> list[str]:
    depth = path.count(".") + (path != "")
    n_levels = 2 if path.split(".")[0] in _BLOCKS else 1
    found = []
    for key, value in values.items():
        here = f"{path}.{key}" if path else str(key)
        start = f"{'  ' * depth}{_flow(key)}:"
        if isinstance(value, Mapping) and value and depth < (n_levels if path else 1):
            found += [f"{start}\n", *_lines(value, comments, here)]
            continue
        line = f"{start} {_flow(value)}"
        comment = comments.get(here, "")
        if comment and len(line) + len(comment) + 4 > _WIDTH:
            found.append(f"{'  ' * depth}# {comment}\n")
            comment = ""
        found.append(f"{line}  # {comment}\n" if comment else f"{line}\n")
    return found


def _flow(value: Any) -> str:
    """Return a value on one line."""
    text = yaml.safe_dump(
        value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=1 << 20
    )
    return text.removesuffix("\n").removesuffix("\n...")
