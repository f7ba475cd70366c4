"""What happens before the first rule: config, lock, listed corpora, copies of models.

* `start`: the run, or one line that says why there is none.
* `prepare`: checks, notes and copies of the main process.
* `acquiring`: the run that downloads corpora.
* `list_corpora`: list the corpora of a run (main process), or read their indexes (its jobs).
* `write_attributions`, `copy_downloads`: who is to be named, and tables of downloaded corpora.
* `write_configs`: the complete config of each experiment, as a file beside its results.
* `copy_models`, `copy_code`: copy what jobs read from outside the results.
"""

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from dawnchorus.corpora import catalog, tables
from dawnchorus.formats import download_lock
from dawnchorus.formats.event import Event, read_events
from dawnchorus.plan import paths
from dawnchorus.plan.downloaded_files import COPIED, downloaded_file
from dawnchorus.plan.recordings_check import ceiling_notes, check_experiments, experiment_notes
from dawnchorus.plan.workflow_run import Run
from dawnchorus.runtime import (
    artefacts,
    earlier_jobs,
    finished,
    job_status,
    provenance,
    run,
    slurm,
    slurm_jobs,
)
from dawnchorus.settings.corpus_check import (
    corpora_behind,
    corpora_of,
    corpora_of_run,
    experiments_of_run,
    is_result,
)
from dawnchorus.settings.load import load
from dawnchorus.settings.section import is_own_file

ACQUIRE = "acquire"  # the target that downloads, and does nothing else


def start(
    base: str | Path,
    overlays: Sequence[str | Path],
    given: Mapping[str, Any],
    is_main: bool,
    arguments: Sequence[str],
) -> Run:
    """Return the run; end the process with one line on the terminal where it cannot begin.

    Parameters
    ----------
    base, overlays, given : path, sequence of path, mapping
        Folder of the Snakefile; files named with ``--configfile``; values given with ``--config``.
    is_main : bool
        Whether this is the main process of the run; a cluster job parses the Snakefile again.
    arguments : sequence of str
        The command line of Snakemake, without its name.
    """
    try:
        run.restart_in_utf8()
        config = load(Path(base, "config.yaml"), overlays, given)
        if is_main:
            _take_lock(arguments, config["earlier_jobs"])
        if ACQUIRE in arguments:
            return acquiring(config, base)
        is_at_work = is_main and not run.is_only_looking(arguments)
        # recordings are hashed, which takes minutes where there are many new ones
        said = job_status.reporting("start", {}, paths.RESULTS, stays=False)
        with said if is_at_work else contextlib.nullcontext():
            index = list_corpora(corpora_of_run(config), config, paths.RESULTS, is_main)
        if is_main:
            prepare(config, index)
        if is_at_work:
            write_configs(config, paths.RESULTS)
            write_attributions(config)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        sys.exit(2)
    return Run(config, index, Path(base))


def prepare(config: Mapping[str, Any], index: Mapping[str, Any]) -> None:
    """Check recordings against experiments, say what is to be known, copy what jobs read."""
    check_experiments(config, index, paths.RESULTS)

    def annotated(corpus: str) -> list[Event]:
        if "events" not in index[corpus]:
            return []
        return read_events(paths.EVENTS.format(corpus=corpus, digest=index[corpus]["events"]))

    # what was evaluated has said in its own report that its frames are too coarse
    coarse = ceiling_notes(
        config,
        annotated,
        lambda name: not os.path.exists(paths.EVENT_METRICS.format(experiment=name)),
    )
    notes = network_notes(config) + experiment_notes(config, index) + coarse
    sys.stderr.writelines(f"{note}\n" for note in notes)
    copy_models(config)
    copy_code(config)
    copy_downloads(config)


def acquiring(config: Mapping[str, Any], base: str | Path) -> Run:
    """Return the run of target ``acquire`` alone: its corpora cannot be listed yet."""
    names = [n for n in corpora_of_run(config) if config["corpora"][n]["adapter"] == "xeno_canto"]
    return Run(
        {**config, "run": [], "apply": {}, "compare": {}}, {}, Path(base), acquired=tuple(names)
    )


Index = dict[str, Any]

# environment variable in which the main process hands its indexes down to its cluster jobs
_INDEXES = "DAWNCHORUS_INDEXES"
# keys of an index that plan reads
_PLANNED_WITH = ("shards", "labels", "excluded", "names", "events", "label_rows", "sources")
_MAX_BYTES = 100_000  # the kernel refuses longer environment variables


def list_corpora(
    names: Iterable[str], config: Mapping[str, Any], results: str | Path, is_main: bool
) -> dict[str, Index]:
    """Return the index of each corpus.

    Only the main process looks at the recordings. A cluster job parses the Snakefile again: it
    takes the indexes that the main process has handed down, whatever has changed since.
    """
    if not is_main:
        handed = json.loads(os.environ.get(_INDEXES) or "{}")
        return {name: handed.get(name) or tables.read_index(name, results) for name in names}
    indexes: dict[str, Index] = {}
    for name in names:
        try:
            known = list(tables.read_index(name, results)["notes"])
        except (OSError, ValueError, KeyError):  # not listed yet, or by another version
            known = []
        corpus = config["corpora"][name]
        indexes[name] = catalog.list_corpus(name, corpus, results, has_lock=run.has_lock())
        for note in indexes[name]["notes"]:
            if note not in known:
                print(f"corpus {name}: {note}", file=sys.stderr)
    slim = {n: {k: i[k] for k in _PLANNED_WITH if k in i} for n, i in indexes.items()}
    text = json.dumps(slim)
    if len(text) < _MAX_BYTES:
        os.environ[_INDEXES] = text
    return indexes


def write_configs(config: Mapping[str, Any], results: str | Path) -> None:
    """Write ``results/{experiment}/config.yaml`` for each experiment of a run.

    The file holds all settings of the experiment, defaults filled in, with the corpora, frontends and
    audio recipes that it uses. No rule reads it; it follows the config at each start.
    """
    for name in experiments_of_run(config):
        path = Path(paths.CONFIG.format(experiment=name))
        path = Path(results, path.relative_to(paths.RESULTS))
        text = yaml.safe_dump(
            config_of(config, name), sort_keys=False, allow_unicode=True, width=100
        )
        # what is equal keeps its time and its record
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        about = {
            "rule": "start",
            "wildcards": {"experiment": name},
            "inputs": {},
            "settings": {},
            "library": {},
            **run.environment(),
        }
        with artefacts.record_job({"results": Path(results), "about": about}):
            artefacts.write_text(path, text)


def write_attributions(config: Mapping[str, Any]) -> None:
    """Write ``ATTRIBUTION.csv`` beside results that recordings were downloaded for.

    Whoever passes a result on has to name those who recorded what it was made of: of an experiment the
    corpora of its teachers too, of an application those behind a model that the run itself makes. A
    model from elsewhere names its own.
    """
    behind = {
        paths.ATTRIBUTION.format(experiment=name): corpora_behind(config, name)
        for name in experiments_of_run(config)
    }
    for name, about in config["apply"].items():
        experiment = Path(about["model"]).parent.name
        is_made = is_result(about["model"]) and experiment in config["experiments"]
        found = {*about["corpora"], *(corpora_behind(config, experiment) if is_made else ())}
        behind[paths.APPLIED_ATTRIBUTION.format(application=name)] = sorted(found)
    for path, corpora in behind.items():
        places = (downloaded_file(config["corpora"][one], download_lock.LOCK) for one in corpora)
        locks = [place for place in places if place is not None]
        rows = [row for place in locks for row in download_lock.read_lock(place)]
        text = download_lock.table_text(
            download_lock.ATTRIBUTED, download_lock.attribution_rows(rows)
        )
        known = Path(path)
        if not locks or (known.is_file() and known.read_text(encoding="utf-8") == text):
            continue
        with _record_copy(", ".join(locks)):
            artefacts.write_text(path, text)


def copy_downloads(config: Mapping[str, Any]) -> None:
    """Copy what stands beside downloaded recordings, as far as needed; see `copy_models`."""
    for corpus in corpora_of_run(config):
        for name, pattern in COPIED.items():
            place = downloaded_file(config["corpora"][corpus], name)
            if place is None:
                continue
            digest = run.digest_of_file(place)
            copy = Path(pattern.format(corpus=corpus, digest=digest[:16]))
            if not copy.exists():
                with _record_copy(place), artefacts.writing(copy) as temporary:
                    shutil.copyfile(place, temporary)


def config_of(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the part of a complete config that one experiment uses."""
    experiment = config["experiments"][name]
    frontends = {experiment["frontend"]}
    for stage in experiment["stages"].values():
        frontends |= {stage["frontend"], stage["predict_frontend"]} - {None}
    audio = {config["frontends"][frontend]["audio"] for frontend in frontends}
    used = {
        "audio": audio, "frontends": frontends, "corpora": corpora_of(experiment),
        "experiments": [name],
    }  # fmt: skip
    sections = {s: {key: config[s][key] for key in sorted(keys)} for s, keys in used.items()}
    return {"config_version": config["config_version"], "run": [name], **sections}


def _record_copy(path: str) -> contextlib.AbstractContextManager[None]:
    """Keep a record of what is copied in a block, and where it came from."""
    about = {
        "rule": "(a copy of the main process)", "wildcards": {}, "inputs": {},
        "settings": {"from": path}, "library": {}, **run.environment(),
    }  # fmt: skip
    return artefacts.record_job({"results": Path(paths.RESULTS), "about": about})


def _take_lock(arguments: Sequence[str], earlier: str) -> None:
    """Take the lock of the results, unless the command only looks; warn of lost metadata.

    Where jobs of an earlier run still work on the results, they are awaited or cancelled first: the
    DAG is to see what they have finished.
    """
    run.refuse_containers(arguments)
    slurm.announce_site(arguments)
    slurm_jobs.mend()
    if not run.is_only_looking(arguments):
        run.hold_lock(paths.RESULTS)
        earlier_jobs.settle(paths.RESULTS, is_to_cancel=earlier == "cancel")
        if run.is_forced(arguments):
            finished.forget(paths.RESULTS)
        run.announce(arguments)
        run.clear_stale_locks()
    if warning := run.lost_metadata(paths.RESULTS):
        print(warning, file=sys.stderr)


def copy_models(config: Mapping[str, Any]) -> None:
    """Copy the models that trainings start from or learn from, and those applied, as far as needed.

    A job reads the copy, which its content names: a model that is moved repeats nothing, and one
    that is replaced while a run goes on changes nothing that a job reads.

    Raises
    ------
    ValueError
        Where a model changes while it is copied.
    """
    stages = _stages_of_run(config)
    chosen = [stage["training"]["pretrained"] for stage in stages]
    files = [one["path"] for one in chosen if one]
    files += [path for stage in stages for path in stage["targets"].get("models", [])]
    patterns = dict.fromkeys(files, paths.PRETRAINED)
    for frontend in sorted(_frontends_of_run(config)):
        if network := config["frontends"][frontend].get("network"):
            path = network_path(config["frontends"][frontend])
            patterns[path] = paths.NETWORK.format(digest="{digest}", format=network["format"])
    # a model that is a result is an input of its rule, and needs no copy
    applied = (about["model"] for about in config["apply"].values())
    patterns |= {path: paths.APPLIED_MODEL for path in applied if not is_result(path)}
    for about in config["apply"].values():
        if path := about["network"]:
            patterns[path] = paths.NETWORK.format(digest="{digest}", format=Path(path).suffix[1:])
    for path, pattern in patterns.items():
        digest = run.digest_of_file(path)
        copy = Path(pattern.format(digest=digest[:16]))
        if copy.exists():
            continue
        # the record is what tells a damaged copy, and where it came from
        with _record_copy(path), artefacts.writing(copy) as temporary:
            shutil.copyfile(path, temporary)
            if artefacts.sha256(temporary) != digest:
                raise ValueError(f"{path} changes while it is copied; start again once it is whole")


def network_path(frontend: Mapping[str, Any]) -> str:
    """Return where the pretrained network of a frontend is: as the config says, or its card."""
    # imported here: a start without such a frontend needs no NumPy
    from dawnchorus.frontends import network_file

    about, given = frontend["about"], frontend["file"]
    beside = [Path(frontend["card"]).parent / about["file"]] if frontend["card"] else []
    return str(network_file.find(frontend["network"], about, [given] if given else beside))


def network_notes(config: Mapping[str, Any]) -> list[str]:
    """Return what the licences of the pretrained networks of a run ask for, a sentence each."""
    found = [config["frontends"][name].get("about") for name in _frontends_of_run(config)]
    said = {
        f"network {about['name']}: licence {about['licence']}, {about['source']}; its terms hold for "
        "what is made with it"
        for about in found
        if about
    }
    return sorted(said)


def _frontends_of_run(config: Mapping[str, Any]) -> set[str]:
    found = {
        stage[key] for stage in _stages_of_run(config) for key in ("frontend", "predict_frontend")
    }
    return found - {None}


def _stages_of_run(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    names = experiments_of_run(config)
    return [stage for name in names for stage in config["experiments"][name]["stages"].values()]


def copy_code(config: Mapping[str, Any]) -> None:
    """Copy the models' and frontends' code from outside the package that the run uses.

    A job imports the copy, which the digest of its syntax tree names: a file that is moved repeats
    nothing, and one that is edited while a run goes on changes nothing that a job reads.

    Raises
    ------
    ValueError
        Where a file changes while it is copied.
    """
    names = {stage["model"]["name"] for stage in _stages_of_run(config)}
    names |= {config["frontends"][frontend]["kind"] for frontend in _frontends_of_run(config)}
    for name in sorted(filter(is_own_file, names)):
        digest = provenance.code_digest(name)
        copy = Path(paths.OWN_CODE.format(digest=digest))
        if copy.exists():
            continue
        with _record_copy(name), artefacts.writing(copy) as temporary:
            shutil.copyfile(name, temporary)
            if provenance.code_digest(temporary) != digest:
                raise ValueError(f"{name} changes while it is copied; start again once it is whole")
