"""Inputs and settings of rules/events.smk."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dawnchorus.plan import paths
from dawnchorus.plan.network_use import pretraining
from dawnchorus.plan.workflow_run import Params, Paths, Run, Wildcards, corpora_in, references_of

_CHOSEN_BY = ("collar", "validation", "decodings")
_EVALUATED = ("seed", "train", "test", "ensembles", "folds", "evaluation")
_NOT_EVALUATED = ("exports", "drawn")  # of ``events``


@dataclass(frozen=True, repr=False, eq=False)
class EventRules:
    """Decodings, detections, their export and their evaluation, of one run."""

    run: Run

    # choose_decodings

    def first_targets(self, wildcards: Wildcards) -> str:
        """Return the targets of an ensemble's first stage: they name the classes."""
        stage = self._first_stage(wildcards)
        return paths.TARGETS.format(experiment=wildcards.experiment, stage=stage)

    def decoding_files(self, wildcards: Wildcards) -> list[str]:
        """Return the scores by which decodings are chosen, and verdicts of those recordings."""
        return [
            *self._validation_frames(wildcards).values(),
            *self._out_of_fold_scores(wildcards).values(),
            *self._choosing_verdicts(wildcards).values(),
        ]

    def decoding_settings(self, wildcards: Wildcards) -> Params:
        """Return what decides the decodings of an ensemble."""
        train, events = self.run.experiment(wildcards)["train"], self._events(wildcards)
        corpora = corpora_in([*train, *events["validation"]])
        return {
            "frames": self._validation_frames(wildcards),
            "recording_scores": self._out_of_fold_scores(wildcards),
            "labels": self.run.labels(corpora),
            "verdicts": self._choosing_verdicts(wildcards),
            "events": self.run.event_tables(corpora),
            "settings": {
                "events": {key: events[key] for key in _CHOSEN_BY},
                "train": train,
                "crossing": self.run.crossing(corpora),
            },
        }

    # detect

    def frames(self, wildcards: Wildcards) -> str:
        """Return the averaged frame scores of a corpus."""
        name, corpus = wildcards.experiment, wildcards.corpus
        return self.run.ensemble_frames(name, wildcards.ensemble, [corpus])[corpus]

    def corpus_verdicts(self, wildcards: Wildcards) -> str:
        """Return the verdicts of a corpus."""
        return self.run.verdicts(wildcards.experiment, [wildcards.corpus])[wildcards.corpus]

    def detection(self, wildcards: Wildcards) -> Params:
        """Return what decides the detections of a corpus, beside scores and decodings."""
        corpus = wildcards.corpus
        with_duplicates = self._events(wildcards)["duplicate_rows"]
        return {
            "references": self._tested(wildcards),
            "labels": self.run.labels([corpus])[corpus],
            "names": self.run.file_names(corpus),
            "decoding": wildcards.decoding,
            "duplicate_rows": with_duplicates,
            "events": self.run.event_tables([corpus]).get(corpus) if with_duplicates else None,
        }

    # export_detections

    def drawn_shards(self, wildcards: Wildcards) -> list[str]:
        """Return the spectrograms of a corpus of which pictures are drawn."""
        if not self._events(wildcards)["drawn"]:
            return []
        stage = self.run.experiment(wildcards)["stages"][self._first_stage(wildcards)]
        return self.run.spectrograms(stage["frontend"], [wildcards.corpus])

    def exports(self, wildcards: Wildcards) -> Params:
        """Return what is exported of a corpus."""
        corpus = wildcards.corpus
        return {
            "names": self.run.file_names(corpus),
            "shards": self.drawn_shards(wildcards),
            "events": self.run.event_tables([corpus]).get(corpus),
            "labels": self.run.labels([corpus])[corpus],
            "subsets": self._tested(wildcards),
            "drawn": self._events(wildcards)["drawn"],
            "decoding": wildcards.decoding,
        }

    # evaluate_events

    def all_frames(self, wildcards: Wildcards) -> list[str]:
        """Return the averaged frame scores of all ensembles."""
        return [path for found in self._all_frames(wildcards).values() for path in found.values()]

    def all_decoders(self, wildcards: Wildcards) -> list[str]:
        """Return the decodings of all ensembles."""
        return list(self._all_decoders(wildcards).values())

    def all_verdicts(self, wildcards: Wildcards) -> list[str]:
        """Return the verdicts of all corpora in which events are detected."""
        name = wildcards.experiment
        return list(self.run.verdicts(name, self.run.event_corpora(name)).values())

    def energy(self, wildcards: Wildcards) -> list[str]:
        """Return the scores and the decoding of the energy detector; none where it is not wanted."""
        if "energy" not in self._events(wildcards)["baselines"]:
            return []
        own = (paths.ENERGY, paths.ENERGY_DECODER)
        return [pattern.format(experiment=wildcards.experiment) for pattern in own]

    def evaluation(self, wildcards: Wildcards) -> Params:
        """Return what decides the event metrics of an experiment."""
        name, chosen = wildcards.experiment, self.run.experiment(wildcards)
        corpora = self.run.event_corpora(name)
        events = {k: v for k, v in chosen["events"].items() if k not in _NOT_EVALUATED}
        return {
            "frames": self._all_frames(wildcards),
            "decoders": self._all_decoders(wildcards),
            "labels": self.run.labels(corpora),
            "verdicts": self.run.verdicts(name, corpora),
            "events": self.run.event_tables(corpora),
            "settings": {
                "name": name,
                "stages": {
                    s: {"targets": about["targets"]} for s, about in chosen["stages"].items()
                },
                **{key: chosen[key] for key in _EVALUATED},
                "events": events,
                "crossing": self.run.crossing(corpora),
                "sources": self.run.source_tables(name, corpora),
                "energy": self.energy(wildcards),
                "pretraining": pretraining(self.run, name, corpora),
                "models": {
                    ensemble: sum(len(self.run.members(name, stage)) for stage in stages)
                    for ensemble, stages in chosen["ensembles"].items()
                },
            },
        }

    def _events(self, wildcards: Wildcards) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.run.experiment(wildcards)["events"]
        return found

    def _first_stage(self, wildcards: Wildcards) -> str:
        return str(self.run.experiment(wildcards)["ensembles"][wildcards.ensemble][0])

    def _tested(self, wildcards: Wildcards) -> list[str]:
        return references_of(wildcards.corpus, self.run.experiment(wildcards)["test"])

    def _choosing_verdicts(self, wildcards: Wildcards) -> Paths:
        """Return the verdicts on what chooses: validation, and training that may lose classes."""
        name, train = wildcards.experiment, self.run.experiment(wildcards)["train"]
        validation = corpora_in(self._events(wildcards)["validation"])
        return {**self.run.losing(name, corpora_in(train)), **self.run.verdicts(name, validation)}

    def _is_tuned_by(self, wildcards: Wildcards, truth: str) -> bool:
        decodings = self._events(wildcards)["decodings"].values()
        return any(decoding["tune"] == truth for decoding in decodings)

    def _validation_frames(self, wildcards: Wildcards) -> Paths:
        """Return the frame scores by which decodings are chosen."""
        if not self._is_tuned_by(wildcards, "events"):
            return {}
        corpora = corpora_in(self._events(wildcards)["validation"])
        return self.run.ensemble_frames(wildcards.experiment, wildcards.ensemble, corpora)

    def _out_of_fold_scores(self, wildcards: Wildcards) -> Paths:
        """Return the recording scores by which thresholds are chosen."""
        if not self._is_tuned_by(wildcards, "clips"):
            return {}
        corpora = corpora_in(self.run.experiment(wildcards)["train"])
        return self.run.ensemble_scores(wildcards.experiment, wildcards.ensemble, corpora)

    def _all_frames(self, wildcards: Wildcards) -> dict[str, Paths]:
        name = wildcards.experiment
        corpora = self.run.event_corpora(name)
        ensembles = self.run.experiment(wildcards)["ensembles"]
        return {e: self.run.ensemble_frames(name, e, corpora) for e in ensembles}

    def _all_decoders(self, wildcards: Wildcards) -> Paths:
        name, ensembles = wildcards.experiment, self.run.experiment(wildcards)["ensembles"]
        return {e: paths.DECODERS.format(experiment=name, ensemble=e) for e in ensembles}
