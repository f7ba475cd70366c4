"""A run as its rules see it: the complete config and the listed corpora.

The Snakefile makes one `Run`; the modules of rules (``training_rules`` and so on) ask it. It reads
no file but the model that a training starts from and the code behind a rule.

* `Run`: settings by wildcards, tables and shards of corpora, members, paths of scores, code digests.
* `Wildcards`, `Params`: what a function of a rule gets, and what it returns for the script.
* `corpora_in`: corpora of references such as ``clips:weak``; `script_library`: code digests.
"""

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from dawnchorus.plan import paths, shard_runs
from dawnchorus.runtime import provenance
from dawnchorus.runtime.run import digest_of_file
from dawnchorus.settings.corpus_check import is_result
from dawnchorus.settings.experiment import format_of
from dawnchorus.settings.references import parse_reference, parse_teacher
from dawnchorus.settings.section import is_own_file

# Params of a rule: str, int, float, bool, None, list and dict only. Snakemake compares their `repr`
# and drops all others from the comparison.
Params = dict[str, Any]


WILDCARDS = (
    "audio", "frontend", "corpus", "shard", "shards", "experiment", "stage", "member", "ensemble",
    "decoding", "application", "comparison",
)  # fmt: skip


class Wildcards(Protocol):
    """Values of the wildcards of a job; a rule has only those of its outputs.

    Snakemake's own object fits, and so does a ``types.SimpleNamespace``.
    """

    @property
    def audio(self) -> str:
        """Name of an audio recipe."""

    @property
    def frontend(self) -> str:
        """Name of a frontend."""

    @property
    def corpus(self) -> str:
        """Name of a corpus."""

    @property
    def shard(self) -> str:
        """Name of a shard of a corpus: ``000``, ``001``, ..."""

    @property
    def shards(self) -> str:
        """First and last of consecutive shards that a job scores: ``000-007``."""

    @property
    def experiment(self) -> str:
        """Name of an experiment."""

    @property
    def stage(self) -> str:
        """Name of a stage of the experiment."""

    @property
    def member(self) -> str:
        """Name of a member of the stage: ``f1p0s1``."""

    @property
    def ensemble(self) -> str:
        """Name of an ensemble of the experiment."""

    @property
    def decoding(self) -> str:
        """Name of a decoding of the experiment."""

    @property
    def application(self) -> str:
        """Name of an application of an exported model."""

    @property
    def comparison(self) -> str:
        """Name of a comparison of experiments."""


Paths = dict[str, str]  # by corpus
ScorePaths = dict[str, list[str]]  # by corpus, a file for each run of shards
NOTHING = "(?!)"  # a wildcard constraint that no name meets


def corpora_in(references: Iterable[str]) -> list[str]:
    """Return the corpora of references (``corpus`` or ``corpus:subset``), in order, once each."""
    return list(dict.fromkeys(parse_reference(r)[0] for r in references))


def references_of(corpus: str, references: Iterable[str]) -> list[str]:
    """Return those references that name recordings of one corpus."""
    return [reference for reference in references if corpora_in([reference]) == [corpus]]


@functools.cache
def script_library(script: Path, chosen: tuple[str, ...], package: Path | None) -> dict[str, str]:
    """Return `provenance.library` of a script, kept: a training asks for it once per member."""
    return provenance.library(script, *chosen, package=package)


# No `repr`: Snakemake takes that of the functions it is given, and the index of a corpus is long.
@dataclass(frozen=True, repr=False, eq=False)
class Run:
    """Config and listed corpora of one run.

    Parameters
    ----------
    config : mapping
        The complete config: every definition whole.
    index : mapping of corpus to mapping
        Of each listed corpus: the ``shards`` with the digest of each listing, the digests of its
        tables ``labels``, ``excluded`` and ``names``, of ``events`` and ``sources`` where the corpus
        has them, and
        ``label_rows`` (``columns``, ``digest``) where a submission can repeat its label files.
    base : path
        Folder of the Snakefile.
    acquired : tuple of str, optional
        Corpora that target ``acquire`` downloads; then there is no experiment.
    package : path, optional
        Folder of the library whose code is digested; the one at work where it is not given.
    """

    config: Mapping[str, Any]
    index: Mapping[str, Any]
    base: Path
    package: Path | None = None
    acquired: tuple[str, ...] = ()

    # settings

    def experiment(self, wildcards: Wildcards) -> Mapping[str, Any]:
        """Return the settings of a job's experiment."""
        return self.settings_of(wildcards.experiment)

    def stage(self, wildcards: Wildcards) -> Mapping[str, Any]:
        """Return the settings of a job's stage."""
        found: Mapping[str, Any] = self.experiment(wildcards)["stages"][wildcards.stage]
        return found

    def settings_of(self, experiment: str) -> Mapping[str, Any]:
        """Return the settings of an experiment."""
        found: Mapping[str, Any] = self.config["experiments"][experiment]
        return found

    def window_settings(self, experiment: str, stage: str) -> Params:
        """Return what decides which windows of a recording a stage (or ``experiment/stage``) works on."""
        name, stage = parse_teacher(stage, experiment)
        chosen = self.settings_of(name)["stages"][stage]
        return {key: chosen[key] for key in ("frontend", "window", "segments")}

    def submission_format(self, experiment: str, corpus: str) -> str:
        """Return the format in which a test corpus is submitted; ``none`` for none."""
        return format_of(self.settings_of(experiment)["submission"], corpus)

    def constraints(self) -> dict[str, str]:
        """Return the regular expression of each wildcard."""
        return {name: self.constraint(name) for name in WILDCARDS}

    def constraint(self, wildcard: str) -> str:
        """Return the regular expression that values of a wildcard meet: one of the names there are."""
        if wildcard == "shard":
            return r"\d+"
        if wildcard == "shards":
            return r"\d+-\d+"
        if wildcard == "member":
            return re.sub(r"\{\w+\}", r"\\d+", paths.MEMBER)
        sections = {
            "audio": "audio", "frontend": "frontends", "corpus": "corpora",
            "experiment": "experiments", "application": "apply", "comparison": "compare",
        }  # fmt: skip
        experiments = self.config["experiments"].values()
        if wildcard in sections:
            found = [self.config[sections[wildcard]]]
        elif wildcard == "decoding":
            found = [(e["events"] or {}).get("decodings", ()) for e in experiments]
        else:
            found = [e[f"{wildcard}s"] for e in experiments]
        names = {name for named in found for name in named}
        return "|".join(map(re.escape, sorted(names))) or NOTHING

    # corpora

    def training_corpora(self, experiment: str, stage: str) -> list[str]:
        """Return the corpora of the recordings in a stage's targets."""
        chosen = self.settings_of(experiment)
        pseudo_labelled = chosen["stages"][stage]["targets"].get("unlabelled", [])
        return corpora_in([*chosen["train"], *pseudo_labelled])

    def unlabelled_references(self, experiment: str) -> list[str]:
        """Return what any stage of an experiment uses without its labels."""
        stages = self.settings_of(experiment)["stages"].values()
        return [r for stage in stages for r in stage["targets"].get("unlabelled", [])]

    def scored_corpora(self, experiment: str) -> list[str]:
        """Return the corpora that every stage of an experiment scores."""
        chosen, unlabelled = self.settings_of(experiment), self.unlabelled_references(experiment)
        return corpora_in([*chosen["train"], *chosen["test"], *unlabelled])

    def event_corpora(self, experiment: str) -> list[str]:
        """Return the corpora in which events are detected: to choose decodings, and to test."""
        chosen = self.settings_of(experiment)
        return corpora_in([*chosen["test"], *chosen["events"]["validation"]])

    def listing(self, corpus: str, shard: str) -> str:
        """Return the listing of a shard; its path names the digest of its content."""
        digest = self.index[corpus]["shards"][shard]["digest"]
        return paths.LISTING.format(corpus=corpus, shard=shard, digest=digest)

    def listings(self, corpora: Iterable[str]) -> dict[str, list[str]]:
        """Return the listings of all shards, by corpus."""
        return {c: [self.listing(c, shard) for shard in self.index[c]["shards"]] for c in corpora}

    def labels(self, corpora: Iterable[str]) -> Paths:
        """Return the label tables; their paths name the digest of their content."""
        return {c: paths.LABELS.format(corpus=c, digest=self.index[c]["labels"]) for c in corpora}

    def excluded(self, corpus: str) -> str:
        """Return the table of the recordings that were excluded when the corpus was listed."""
        return paths.EXCLUDED.format(corpus=corpus, digest=self.index[corpus]["excluded"])

    def event_tables(self, corpora: Iterable[str]) -> Paths:
        """Return the tables of annotated events of the corpora that have one."""
        return {
            c: paths.EVENTS.format(corpus=c, digest=self.index[c]["events"])
            for c in corpora
            if "events" in self.index[c]
        }

    def source_tables(self, experiment: str, corpora: Iterable[str]) -> Paths:
        """Return the tables of sources that the intervals of an experiment's scores ask for."""
        if self.settings_of(experiment)["evaluation"]["bootstrap"] == "groups":
            return {}
        return {
            c: paths.SOURCES.format(corpus=c, digest=self.index[c]["sources"])
            for c in corpora
            if "sources" in self.index[c]
        }

    def crossing(self, corpora: Iterable[str]) -> dict[str, str]:
        """Return what becomes of events that end after their recording, where corpora have any."""
        return {c: self.config["corpora"][c]["crossing"] for c in self.event_tables(corpora)}

    def losing(self, experiment: str, corpora: Iterable[str]) -> Paths:
        """Return the verdicts of corpora whose recordings may lose a class with its events."""
        settings = self.config["corpora"]
        return self.verdicts(
            experiment,
            [
                c
                for c in self.event_tables(corpora)
                if "drop" in (settings[c]["outside"], settings[c]["crossing"])
            ],
        )

    def file_names(self, corpus: str) -> str:
        """Return the table of what the files of recordings are called."""
        return paths.NAMES.format(corpus=corpus, digest=self.index[corpus]["names"])

    def label_rows(self, corpus: str) -> Params | None:
        """Return the columns and rows of label files that a submission can repeat, if there are."""
        found = self.index[corpus].get("label_rows")
        if found is None:
            return None
        table = paths.LABEL_ROWS.format(corpus=corpus, digest=found["digest"])
        return {"columns": found["columns"], "table": table}

    # files that jobs make

    def shards(self, pattern: str, corpora: Iterable[str], **names: str) -> list[str]:
        """Return the paths of all shards of corpora, by a pattern in ``corpus`` and ``shard``."""
        return [
            pattern.format(corpus=corpus, shard=shard, **names)
            for corpus in corpora
            for shard in self.index[corpus]["shards"]
        ]

    def spectrograms(self, frontend: str, corpora: Iterable[str]) -> list[str]:
        """Return the spectrograms of all shards of corpora."""
        return self.shards(paths.SPECTROGRAMS, corpora, frontend=frontend)

    def verdicts(self, experiment: str, corpora: Iterable[str]) -> Paths:
        """Return the tables that say which recordings an experiment can use."""
        frontend = self.config["frontends"][self.settings_of(experiment)["frontend"]]
        return {c: paths.VERDICTS.format(audio=frontend["audio"], corpus=c) for c in corpora}

    def members(self, experiment: str, stage: str) -> list[str]:
        """Return the names of a stage's members: one per fold, part of pseudo-labels and seed."""
        chosen = self.settings_of(experiment)
        about = chosen["stages"][stage]
        # parts are those of pseudo-labels; a stage without any has part 0 alone
        n_parts = about["targets"].get("parts")
        return [
            paths.MEMBER.format(fold=fold, part=part, seed=seed)
            for fold in range(1, chosen["folds"]["count"] + 1)
            for part in ([0] if n_parts is None else range(1, n_parts + 1))
            for seed in range(1, about["seeds"] + 1)
        ]

    def runs_of_shards(self, corpus: str) -> dict[str, list[str]]:
        """Return the shards that each job of ``predict`` scores, by their first and last."""
        chosen = self.config["corpora"][corpus]
        listed = self.index[corpus]["shards"]
        return shard_runs.runs_of_shards(listed, chosen["shards"], chosen["recordings_per_job"])

    def scores(self, experiment: str, stage: str, corpora: Iterable[str]) -> ScorePaths:
        """Return the window scores of a stage."""
        return self._by_run(paths.SCORES, experiment, stage, corpora)

    def frame_scores(self, experiment: str, stage: str, corpora: Iterable[str]) -> ScorePaths:
        """Return the frame scores of a stage."""
        return self._by_run(paths.FRAME_SCORES, experiment, stage, corpora)

    def _by_run(
        self, pattern: str, experiment: str, stage: str, corpora: Iterable[str]
    ) -> ScorePaths:
        names = {"experiment": experiment, "stage": stage}
        return {
            corpus: [
                pattern.format(corpus=corpus, shards=shards, **names)
                for shards in self.runs_of_shards(corpus)
            ]
            for corpus in corpora
        }

    def ensemble_scores(self, experiment: str, ensemble: str, corpora: Iterable[str]) -> Paths:
        """Return the recording scores of an ensemble."""
        names = {"experiment": experiment, "ensemble": ensemble}
        return {c: paths.ENSEMBLE_SCORES.format(corpus=c, **names) for c in corpora}

    def ensemble_frames(self, experiment: str, ensemble: str, corpora: Iterable[str]) -> Paths:
        """Return the averaged frame scores of an ensemble."""
        names = {"experiment": experiment, "ensemble": ensemble}
        return {c: paths.ENSEMBLE_FRAMES.format(corpus=c, **names) for c in corpora}

    # code and files from outside the results

    def library(self, script: str, *chosen: str) -> dict[str, str]:
        """Return the digests of a rule's script and of the modules that it reaches.

        Parameters
        ----------
        script : str
            Name of the script, which is that of the rule.
        *chosen : str
            Modules that the config picks by name, such as ``dawnchorus.models.architectures.bulbul``,
            or paths of files outside the package; see `chosen_code`.
        """
        path = self.base / "workflow/scripts" / f"{script}.py"
        return dict(script_library(path, chosen, self.package))

    def window_modules(self, experiment: str, *stages: str) -> list[str]:
        """Return the modules of the kinds of windows of stages: they are loaded by name.

        A stage may be one of another experiment: ``experiment/stage``.
        """
        places = [parse_teacher(stage, experiment) for stage in stages]
        found = [self.settings_of(name)["stages"][stage] for name, stage in places]
        kinds = [stage["segments"]["kind"] for stage in found]
        return [f"dawnchorus.segments.kinds.{kind}" for kind in dict.fromkeys(kinds)]

    def chosen_code(self, folder: str, name: str) -> str:
        """Return what a choice is digested by: its module, or the path of a file of one's own."""
        return name if is_own_file(name) else f"dawnchorus.{folder}.{name}"

    def name_in_jobs(self, name: str) -> str:
        """Return the name of a choice for a job: that of the copy where it is a file of one's own."""
        if not is_own_file(name):
            return name
        return paths.OWN_CODE.format(digest=provenance.code_digest(name))

    def pretrained(self, stage: Mapping[str, Any]) -> Params | None:
        """Return the model that a stage starts from: its copy, whose name is its content."""
        chosen = stage["training"]["pretrained"]
        if not chosen:
            return None
        return {**chosen, "path": self.copied_model(chosen["path"])}

    def applied_model(self, application: str) -> str:
        """Return the model of an application: a result of the run, or its copy."""
        path = str(self.config["apply"][application]["model"])
        if is_result(path):
            return path
        return paths.APPLIED_MODEL.format(digest=digest_of_file(path)[:16])

    def copied_model(self, path: str) -> str:
        """Return the copy of a model from outside the results; its name is its content."""
        return paths.PRETRAINED.format(digest=digest_of_file(str(path))[:16])
