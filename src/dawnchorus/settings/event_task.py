"""Settings of sound events: how frame scores become events, and how events are scored."""

from typing import Annotated, Literal

from pydantic import Field

from dawnchorus.settings.section import (
    GivenKeys,
    Names,
    NotNegative,
    PositiveSeconds,
    Settings,
    Unique,
    Unit,
)

NotNegativeNumber = Annotated[float, Field(ge=0)]
PerClass = NotNegativeNumber | dict[str, NotNegativeNumber]
Grid = Annotated[list[NotNegativeNumber], Field(min_length=1), Unique]
# from the middle outwards: of equal scores tuning takes the first
THRESHOLDS = [0.5, 0.45, 0.55, 0.4, 0.6, 0.35, 0.65, 0.3, 0.7, 0.25, 0.75, 0.2, 0.8, 0.15, 0.85, 0.1,
              0.9, 0.05, 0.95]  # fmt: skip


class Collar(Settings):
    """How far a detected event may be from an annotated one."""

    onset_s: PositiveSeconds = 0.2
    """Tolerance of the onset."""
    offset_s: PositiveSeconds = 0.2
    """Tolerance of the offset; the greater of this and offset_share counts."""
    offset_share: NotNegative = 0.2
    """Tolerance of the offset as a share of the annotated duration."""


class Grids(GivenKeys):
    """Values that tuning tries for each setting of a decoding, the simplest first."""

    threshold: Annotated[Grid, Unit("score")] | None = THRESHOLDS
    """Thresholds."""
    filter_s: Annotated[Grid, Unit("s")] | None = [0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.02, 1.5]
    """Lengths of the median filter."""
    gap_s: Annotated[Grid, Unit("s")] | None = [0.0, 0.15, 0.3, 0.5, 1.0]
    """Gaps between events of a class."""
    minimum_s: Annotated[Grid, Unit("s")] | None = None
    """Least durations."""


class Decoding(Settings):
    """How frame scores become events."""

    threshold: Annotated[PerClass, Unit("score")] = 0.5
    """Least score of an active frame: one number, or one for each class."""
    filter_s: Annotated[PerClass, Unit("s")] = 0.0
    """Length of a median filter over frames."""
    gap_s: Annotated[PerClass, Unit("s")] = 0.0
    """Events of a class with less between them become one."""
    minimum_s: Annotated[PerClass, Unit("s")] = 0.0
    """Shorter events are left out."""
    tune: Literal["none", "clips", "events"] = "none"
    """clips: thresholds by F of labelled recordings out of fold; events: by event F of validation."""
    grids: Grids = Grids()
    """Values that tune: events tries."""
    together: Annotated[list[Literal["threshold", "filter_s", "gap_s", "minimum_s"]], Unique] = [
        "threshold", "filter_s",
    ]  # fmt: skip
    """Settings that are tried in all combinations; the others one after another."""
    per_class: bool = True
    """Choose settings for each class on its own."""


class EventSettings(Settings):
    """How the detected events of an experiment are scored."""

    collar: Collar = Collar()
    """How far a detected event may be from an annotated one."""
    segment_s: PositiveSeconds = 1.0
    """Length of a segment in segment-based metrics."""
    absent: Literal["skip", "false_alarms", "zero"] = "skip"
    """What classes without annotated events count in macro scores."""
    validation: Names = []
    """Corpora with events that choose decodings; neither trained on nor tested."""
    decodings: Annotated[dict[str, Decoding], Field(min_length=1)]
    """Decodings by name."""
    baselines: Annotated[list[Literal["energy", "oracle", "whole_clips", "clicks"]], Unique] = [
        "energy", "oracle", "whole_clips", "clicks",
    ]  # fmt: skip
    """Baselines that are scored beside the ensembles."""
    duplicate_rows: bool = False
    """A fault of serizel2018, to reproduce it: detections count once for each event of a clip."""
    exports: list[Annotated[list[str], Field(min_length=2, max_length=2)]] = []
    """Pairs [ensemble, decoding] that are written for Raven and Audacity, with scores."""
    drawn: Names = []
    """Recordings whose picture is drawn with the exports; [all]: every one."""
