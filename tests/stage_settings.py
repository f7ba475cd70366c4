"""Sections of a stage, complete, and what they hold where nothing is known of frames."""

from dawnchorus.settings.augmentation import AugmentationSettings
from dawnchorus.settings.training import TrainingSettings

FRAMELESS = {
    "output": "clip", "clip_pooling": "average", "frame_targets": None, "normaliser": None,
}  # fmt: skip
ALONE = {"mean_teacher": None}  # of the training section
PATIENT = {"metric": None, "patience": 1, "min_delta": 0.0, "from_epoch": 1}  # never stops


def training(**given):
    """Return a training section with the defaults of what is not given."""
    # those of a few steps need not learn, and are trained once
    return TrainingSettings.model_validate({"untrained": "keep"} | given).complete()


def augmentation(**given):
    """Return an augmentation section with the defaults of what is not given."""
    return AugmentationSettings.model_validate(given).complete()
