"""How good scores are: exact, NumPy only.

Conventions: targets first, scores second, always. Axes: N recordings, C classes, R bootstrap
replicates. A target is 0 or 1, a score any finite number, higher for more likely. Ties are exact:
no result depends on the order of recordings or classes. A figure that is not defined is NaN; what
becomes of classes without positives and of recordings without classes is a named policy.

* `auroc`, `auroc_per_class`, `macro_auroc`, `classes_with_both`, `roc_curve`, `harmonic_mean`: area
  under the ROC curve.
* `auroc_with_interval`, `paired_difference`: the same with a group bootstrap interval.
* `average_precision`, `average_precision_per_class`, `mean_average_precision`,
  `average_precision_micro`: average precision; cmAP by policy.
* `label_ranking_average_precision`, `top_k_accuracy`, `accuracy`, `confusion`,
  `label_ranking_per_recording`, `top_k_per_recording`: classes within recordings.
* `weighted_auroc`, `weighted_macro_auroc`, `weighted_average_precision`,
  `weighted_mean_average_precision`, `weighted_average_precision_micro`, `weighted_mean`: the same
  under weightings of the recordings, which bootstrap replicates are.
* `precision_recall_at`, `best_threshold`: what a threshold does.
* `mean_of_known`, `bootstrap_weights`, `interval`: means and intervals.
"""

from dawnchorus.bootstrap import (
    bootstrap_weights,
    interval,
)
from dawnchorus.metrics.roc import (
    auroc,
    auroc_per_class,
    auroc_with_interval,
    classes_with_both,
    harmonic_mean,
    macro_auroc,
    paired_difference,
    roc_curve,
    weighted_auroc,
)
from dawnchorus.metrics.thresholds import (
    CRITERIA,
    best_threshold,
    precision_recall_at,
)
from dawnchorus.metrics.weighted import (
    weighted_average_precision,
    weighted_average_precision_micro,
    weighted_macro_auroc,
    weighted_mean_average_precision,
)
from dawnchorus.ranking.checks import mean_of_known
from dawnchorus.ranking.placing import (
    accuracy,
    confusion,
    label_ranking_average_precision,
    label_ranking_per_recording,
    top_k_accuracy,
    top_k_per_recording,
    weighted_mean,
)
from dawnchorus.ranking.precision import (
    PADDING,
    POLICIES,
    average_precision,
    average_precision_micro,
    average_precision_per_class,
    mean_average_precision,
)

__all__ = [
    "CRITERIA",
    "PADDING",
    "POLICIES",
    "accuracy",
    "auroc",
    "auroc_per_class",
    "auroc_with_interval",
    "average_precision",
    "average_precision_micro",
    "average_precision_per_class",
    "best_threshold",
    "bootstrap_weights",
    "classes_with_both",
    "confusion",
    "harmonic_mean",
    "interval",
    "label_ranking_average_precision",
    "label_ranking_per_recording",
    "macro_auroc",
    "mean_average_precision",
    "mean_of_known",
    "paired_difference",
    "precision_recall_at",
    "roc_curve",
    "top_k_accuracy",
    "top_k_per_recording",
    "weighted_auroc",
    "weighted_average_precision",
    "weighted_average_precision_micro",
    "weighted_macro_auroc",
    "weighted_mean",
    "weighted_mean_average_precision",
]
