"""Settings of augmentation; the options of a method stand in its module in `augmentation.methods`."""

from typing import Annotated, Any, Literal

from pydantic import Field

from dawnchorus.settings.section import (
    Ascending,
    Each,
    NotNegative,
    Probability,
    Settings,
    Share,
    Unit,
)

METHODS = Each("dawnchorus.augmentation.methods")


class MethodSettings(Settings):
    """Options of one method of augmentation.

    The first line of the docstring of a method's own class says what the method does to an image of
    F rows and T columns.
    """


class SpecAugment(Settings):
    """Masks of SpecAugment (Park et al. 2019)."""

    time_masks: Annotated[int, Field(ge=0, le=100), Unit("masks")]
    """Masks over frames."""
    time_width: Share
    """Greatest width of a mask over frames, of the window."""
    frequency_masks: Annotated[int, Field(ge=0, le=100), Unit("masks")]
    """Masks over bands."""
    frequency_width: Share
    """Greatest width of a mask over bands, of all bands."""
    replace: Literal["mean", "zero"]
    """What stands in the place of what is masked."""


class AugmentationSettings(Settings):
    """Changes of training windows, drawn anew for each step."""

    rotate: bool = True
    """Circular shift in time, uniform over the window."""
    shift_bands: Annotated[int, Field(ge=0), Unit("bands")] = 1
    """Greatest shift up or down; edges are repeated."""
    count: Annotated[int, Field(ge=0, le=100), Unit("tries")] = 0
    """Tries for each window; each that succeeds takes one of the methods not used yet."""
    probability: Probability = 0.5
    """Probability that a try succeeds."""
    methods: Annotated[dict[str, Any], METHODS] = {}
    """Methods with their options; see docs/augmentation.md."""
    clip: Annotated[
        Annotated[list[float], Field(min_length=2, max_length=2)] | None,
        Unit("of the picture"),
        Ascending,
    ] = None
    """Cut values to [low, high] after the methods."""
    drop_without_noise: bool = False
    """A fault of kahl2018, to reproduce it: a window that finds no noise to add is lost."""
    mixup: NotNegative = 0.0
    """Alpha of the Beta distribution of mixup; 0: none."""
    spec_augment: SpecAugment | None = None
    """Masks over frames and bands; null: none."""
