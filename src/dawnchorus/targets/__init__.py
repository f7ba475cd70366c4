"""Targets: what each recording should score in the training of a stage.

* `deal_folds`: the folds of an experiment, over the used recordings of its training corpora.
* `check_test_leaks`: nothing that is tested is trained on as well.
* `set_targets`: the targets of a stage: labels, predictions of an earlier stage, and recordings
  without either.
* `read`, `Targets`, `Member`: the targets of a stage as arrays, and who trains on which rows.
* `teacher_scores`, `confident`, `hard_labels`, `read_thresholds`: the mean opinion of a stage on
  recordings, and what becomes of it (also for the audit of pseudo-labels).
* `known_truth`, `learnt_classes`: labels of the recordings that have a fold, and their classes.

A row of the targets has ``corpus``, ``id``, ``fold``, ``part`` and a number in [0, 1] per class.
Labelled recordings have a fold (1 to count) and part 0; pseudo-labelled ones have fold 0 and a part
(1 to parts); those on which nothing but consistency is learnt have neither, and say nothing. A
member ``f{fold}p{part}s{seed}`` trains on the labelled rows of all other folds, but for those that
choose its epoch, and on the pseudo-labelled rows of its part.
"""

from dawnchorus.targets.contents import Member, Targets, read
from dawnchorus.targets.dealing import deal_folds
from dawnchorus.targets.labels import known_truth, learnt_classes
from dawnchorus.targets.leaks import check_test_leaks
from dawnchorus.targets.pseudo_labels import (
    confident,
    hard_labels,
    read_thresholds,
    teacher_scores,
)
from dawnchorus.targets.setting import set_targets

__all__ = [
    "Member",
    "Targets",
    "check_test_leaks",
    "confident",
    "deal_folds",
    "hard_labels",
    "known_truth",
    "learnt_classes",
    "read",
    "read_thresholds",
    "set_targets",
    "teacher_scores",
]
