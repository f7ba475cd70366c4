"""Settings of folds: which recordings validate which models."""

from typing import Annotated, Literal

from pydantic import Field

from dawnchorus.settings.section import Rate, Settings, Unit


class HeldOut(Settings):
    """Shares of the recordings that kind holdout keeps out of the training."""

    test: Rate = 0.0
    """Share that is scored."""
    validation: Rate = 0.05
    """Share that chooses the epoch."""


class FoldSettings(Settings):
    """How recordings are dealt into folds. A fold never divides a group."""

    kind: Literal[
        "rotate", "stratified", "grouped", "given", "leave_one_data_set_out", "holdout"
    ] = "rotate"
    """rotate: by position; given: the column of the corpus; holdout: one member, two shares."""
    count: Annotated[int, Field(ge=1, le=1000), Unit("folds")] = 5
    """Number of folds; one member is trained for each."""
    by: Literal["group", "recordist"] = "group"
    """What no fold divides."""
    split_groups: bool = False
    """Let folds divide groups; scores are then marked as optimistic."""
    validation: Literal["none", "next", "own"] = "none"
    """Which fold chooses the epoch; own is the fold that is scored, and is marked as optimistic."""
    shares: HeldOut = HeldOut()
    """Of kind holdout."""
