"""The modules of all rule files, bound to one run.

* `all_rules`: what the Snakefile names ``corpora``, ``audio`` and so on, as the rule files are.
"""

from typing import NamedTuple

from dawnchorus.plan.audio_rules import AudioRules
from dawnchorus.plan.corpus_rules import CorpusRules
from dawnchorus.plan.evaluation_rules import EvaluationRules
from dawnchorus.plan.event_rules import EventRules
from dawnchorus.plan.prediction_rules import PredictionRules
from dawnchorus.plan.spectrogram_rules import SpectrogramRules
from dawnchorus.plan.target_rules import TargetRules
from dawnchorus.plan.training_rules import TrainingRules
from dawnchorus.plan.workflow_run import Run


class AllRules(NamedTuple):
    """One object per rule file, in the order of the work."""

    corpora: CorpusRules
    audio: AudioRules
    spectrograms: SpectrogramRules
    targets: TargetRules
    training: TrainingRules
    predictions: PredictionRules
    evaluation: EvaluationRules
    events: EventRules


def all_rules(run: Run) -> AllRules:
    """Return the modules of all rule files, bound to a run."""
    return AllRules(
        CorpusRules(run),
        AudioRules(run),
        SpectrogramRules(run),
        TargetRules(run),
        TrainingRules(run),
        PredictionRules(run),
        EvaluationRules(run),
        EventRules(run),
    )
