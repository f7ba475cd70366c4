"""A run: the main process of the workflow, one per results folder.

* `held`: take the lock of a results folder for as long as this process lives.
* `announce`: tell the jobs how the run was started.
* `clear_stale_locks`: remove the locks that a killed run of Snakemake has left.
* `list_corpora`: list the corpora of a run (main process), or read their indexes (its jobs).
* `digest_of_file`, `keep_models`: of the models that trainings start from, and copies of them.
* `check_experiments`: whether the listed recordings can serve the experiments.
* `lost_metadata`: say so where Snakemake's own records are gone.
"""

import fcntl
import functools
import hashlib
import json
import os
import platform
import re
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from dawnchorus import artefacts
from dawnchorus.config import format_of
from dawnchorus.corpora import bird_detection, contents, listing

LOCK = ".run.lock"
_INDEXES = "DAWNCHORUS_INDEXES"  # how the main process tells its cluster jobs which listing holds
_COMMAND = "DAWNCHORUS_COMMAND"
_kept: list = []  # open lock files: the kernel frees a lock when its file is closed


def held(results: str | Path) -> None:
    """Take the lock of a results folder until this process ends, however it ends.

    Raises
    ------
    ValueError
        Where another run has it: who, where, since when.
    """
    path = Path(results) / LOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    file = open(path, "a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        owner = file.read().strip() or "an unknown process"
        file.close()
        raise ValueError(
            f"{results} is in use by {owner}; wait until that run has ended, or end it"
        ) from None
    file.truncate(0)
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    file.write(f"process {os.getpid()} on {platform.node()}, since {since}")
    file.flush()
    _kept.append(file)


def announce(arguments: Iterable[str]) -> None:
    """Tell the jobs of this run, for their records, how it was started."""
    os.environ[_COMMAND] = shlex.join(["snakemake", *arguments])


def clear_stale_locks(persistence: str | Path = ".snakemake") -> None:
    """Remove the locks that a killed Snakemake has left; call this with the run's lock held.

    Snakemake's lock is a file, which outlives a killed process. Ours does not: who holds it knows
    that no other run works on these results, so Snakemake's is stale.
    """
    shutil.rmtree(Path(persistence) / "locks", ignore_errors=True)


def list_corpora(names: Iterable[str], config: Mapping, results: str | Path, is_main: bool) -> dict:
    """Return the index of each corpus.

    Only the main process looks at the recordings. A job of a cluster parses the Snakefile again: it
    takes the indexes that the main process has handed down, whatever has changed since.
    """
    handed = os.environ.get(_INDEXES)
    if not is_main:
        handed = json.loads(handed) if handed else {}
        return {name: handed.get(name) or contents.read_index(name, results) for name in names}
    indexes = {}
    for name in names:
        known = _known_notes(name, results)
        settings = config["corpora"][name]
        indexes[name] = listing.list_corpus(name, settings, results, has_lock=bool(_kept))
        for note in indexes[name]["notes"]:
            if note not in known:
                print(f"corpus {name}: {note}", file=sys.stderr)
    # what rules read of them
    kept = ("shards", "labels", "excluded", "names", "events", "label_rows")
    slim = {n: {k: i[k] for k in kept if k in i} for n, i in indexes.items()}
    text = json.dumps(slim)
    if len(text) < 100_000:  # an environment variable has to stay small
        os.environ[_INDEXES] = text
    return indexes


def digest_of_file(pretrained: Mapping | None) -> str | None:
    """Return the digest of the model that a training starts from, or None where there is none."""
    return _hash(pretrained["path"]) if pretrained else None


@functools.cache
def _hash(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def model_path(results: str | Path, digest: str) -> Path:
    """Return where the copy of a model with this SHA-256 lies."""
    return Path(results) / "pretrained" / f"{digest[:16]}.keras"


def keep_models(config: Mapping, results: str | Path) -> None:
    """Copy the models that trainings of the run start from to where their content is their name.

    A training reads the copy: a model that is moved then repeats nothing, and one that is replaced
    while a run goes on changes nothing that a job reads.
    """
    for name in config["run"]:
        for stage in config["experiments"][name]["stages"].values():
            if pretrained := stage["training"]["pretrained"]:
                _keep_model(pretrained["path"], results)


def _keep_model(path: str, results: str | Path) -> None:
    copy = model_path(results, _hash(path))
    if copy.exists():
        return
    about = {"rule": "(copied by the main process)", "inputs": {}, "settings": {"from": path}}
    with (
        artefacts.recording_for({"results": Path(results), "about": about}),
        artefacts.writing(copy) as temporary,
    ):
        shutil.copyfile(path, temporary)
        with open(temporary, "rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != _hash(path):
                raise ValueError(f"{path} changes while it is read; start again when it is whole")


def check_experiments(config: Mapping, indexes: Mapping, results: str | Path) -> None:
    """Raise where the listed recordings cannot serve an experiment of the run as it wants them.

    Raises
    ------
    ValueError
        Naming a split without a recording, folds that its groups or fold column do not give, or
        recordings that should choose decodings and have no events.
    """
    read = functools.cache(
        lambda corpus: contents.read_labels(
            contents.labels_path(results, corpus, indexes[corpus]["labels"])
        )
    )
    for name in config["run"]:
        experiment = config["experiments"][name]
        pseudo = [
            r for s in experiment["stages"].values() for r in s["targets"].get("unlabelled", [])
        ]
        chosen_by = (experiment["events"] or {}).get("validation", [])
        for reference in [*experiment["train"], *experiment["test"], *pseudo, *chosen_by]:
            if ":" in reference:
                _selected(f"experiments.{name}", reference, read)
        for reference in chosen_by:
            _check_events(f"experiments.{name}.events.validation", reference, indexes, read)
        if experiment["folds"]["kind"] in ("grouped", "given"):
            _check_folds(f"experiments.{name}", experiment, read)
        for reference in experiment["test"]:
            _check_label_rows(f"experiments.{name}.submission", reference, config, name, indexes)


def _selected(path: str, reference: str, read: Callable) -> list:
    corpus, split = contents.parse_reference(reference)
    try:
        return contents.select(read(corpus), split)
    except ValueError as error:
        raise ValueError(f"{path}: {reference!r}: {error}") from None


def _check_events(path: str, reference: str, indexes: Mapping, read: Callable) -> None:
    corpus, _ = contents.parse_reference(reference)
    has_table = "events" in indexes[corpus]
    if not has_table or not any(r.data_set == "strong" for r in _selected(path, reference, read)):
        raise ValueError(
            f"{path}: {reference!r} has no recording with known events; expected one whose strong "
            "labels choose the decodings"
        )


def _check_label_rows(
    path: str, reference: str, config: Mapping, name: str, indexes: Mapping
) -> None:
    """Refuse a submission that repeats label files which do not fit one another."""
    corpus, _ = contents.parse_reference(reference)
    chosen = format_of(config["experiments"][name]["submission"], corpus)
    if chosen == "bad2017" and "label_rows" not in indexes[corpus]:
        try:
            bird_detection.label_rows(config["corpora"][corpus])
        except ValueError as error:
            raise ValueError(f"{path}: {reference!r}: {error}") from None


def _check_folds(path: str, experiment: Mapping, read: Callable) -> None:
    kind, count = experiment["folds"]["kind"], experiment["folds"]["count"]
    found = [
        (corpus, recording)
        for corpus, reference in ((contents.parse_reference(r)[0], r) for r in experiment["train"])
        for recording in _selected(path, reference, read)
        if recording.labelled
    ]
    if kind == "given":
        keys = {recording.fold for _, recording in found}
        if "" in keys or len(keys) != count:
            raise ValueError(
                f"{path}.folds.count: {count}; the fold column has {len(keys - {''})} folds"
                f"{', and is empty for some recordings' if '' in keys else ''}"
            )
        return
    # one without a group is its own
    by = experiment["folds"]["by"]
    groups = {
        (corpus, getattr(recording, by) or f"id {recording.id}") for corpus, recording in found
    }
    if len(groups) < count:
        raise ValueError(
            f"{path}.folds.count: {count}; the {len(found)} labelled training recordings have "
            f"{len(groups)} groups, and no fold may split one: expected at most {len(groups)}"
        )


def lost_metadata(results: str | Path, persistence: str | Path = ".snakemake") -> str | None:
    """Return a sentence where results are there and Snakemake's records of them are not."""
    made = any(Path(results).glob("*/folds.csv"))
    records = Path(persistence) / "metadata"
    if not made or (records.is_dir() and any(records.iterdir())):
        return None
    return (
        f"warning: {records} is gone, so changed settings cannot be seen; `dawnchorus verify {results}` "
        "checks that the files are whole, and `snakemake --forceall` makes everything again"
    )


def _known_notes(name: str, results: str | Path) -> list[str]:
    try:
        return contents.read_index(name, results)["notes"]
    except (OSError, ValueError, KeyError):
        return []


_LOOKING = (
    "--dry-run", "--dryrun", "--lint", "--unlock", "--summary", "--detailed-summary", "--dag",
    "--rulegraph", "--filegraph", "--d3dag", "--list", "--list-rules", "--list-target-rules",
    "--list-untracked", "--list-params-changes", "--list-input-changes", "--report", "--touch",
    "--cleanup-metadata", "--conda-create-envs-only",
)  # fmt: skip


def is_only_looking(arguments: Iterable[str]) -> bool:
    """Return whether a command line of Snakemake starts no job, and so needs no lock."""
    return any(
        argument.split("=")[0] in _LOOKING or re.fullmatch(r"-[npqkFft]*n[npqkFft]*", argument)
        for argument in arguments
    )
