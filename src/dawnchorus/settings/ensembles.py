"""Settings of ensembles: their calibration."""

from typing import Literal

from dawnchorus.settings.section import Settings


class CalibrationSettings(Settings):
    """How the scores of ensembles become probabilities, by out-of-fold scores alone."""

    method: Literal["none", "temperature", "platt", "isotonic"] = "none"
    """none: scores stay as they are; temperature, platt: of logits; isotonic: steps."""
    per_class: bool = True
    """A map for each class; a class with few positives gets the one of all classes."""
