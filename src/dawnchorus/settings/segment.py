"""Settings of segments: what of a recording a model sees at once."""

from typing import Annotated, Literal

from pydantic import Field

from dawnchorus.settings.section import Names, Positive, Rate, Score, Seconds, Settings, Share, Unit


class SegmentSettings(Settings):
    """How recordings are cut into windows, and which windows are trained on."""

    kind: Literal["windows", "cells", "chunks"] = "windows"
    """windows: fixed steps; cells: the signal mask of toth2016; chunks: pictures of a frontend."""
    padding: Literal["loop", "zeros"] = "loop"
    """windows: what follows the end of a recording: its beginning, or zeros."""
    min_fill: Rate = 0.0
    """windows: a last window with no more than this share of sound is left out."""
    labels: Literal["recording", "window"] = "recording"
    """Which classes a window gets: those of its recording, or those with an event in the window."""
    factor: Positive = 1.5
    """cells: a cell is signal at so many times the mean plus deviation of its band."""
    expand: bool = True
    """cells: neighbours of signal count as signal."""
    drop_columns: Share = 0.95
    """cells: columns with more than this share of zeros are dropped."""
    filtered: bool = True
    """cells: false keeps every column and masks nothing."""
    empty: Literal["unfiltered", "zeros"] = "unfiltered"
    """cells: what a recording without signal gives: all columns, or nothing as in the original."""
    signal_threshold: Score | None = None
    """chunks in training: least score of a chunk with signal; null: min_score."""
    min_score: Score = 0.0
    """chunks in training: least score of an accepted chunk."""
    max_score: Score = 1.0
    """chunks in training: greatest score of an accepted chunk."""
    exempt: Names = []
    """chunks in training: classes whose chunks need no score."""
    min_length_s: Seconds = 0.0
    """chunks in training: least sound in a chunk; one chunk of each recording stays."""
    max_per_class: Annotated[int, Field(ge=1), Unit("chunks")] | None = None
    """chunks in training: a recording gives its share of so many, plus one."""
    max_per_recording: Annotated[int, Field(ge=1), Unit("chunks")] | None = None
    """chunks in prediction: only the first so many."""
    noise_share: Share = 0.1
    """chunks: share of the chunks without signal that is kept as noise to add."""
    rescale: bool = False
    """chunks: stretch to 0..1 where both ends are used, as kahl2018 does."""
    zero_centre: bool = False
    """chunks: map 0..1 to -1..1."""
