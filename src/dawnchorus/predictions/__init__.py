"""What models said of windows, and what ensembles say of recordings.

* `writing_windows`, `open_windows`, `write_recordings`, `read_recordings`: the files, see ``files``.
* `pooled`: window scores to one score per member, recording and class.
* `ensemble`: window scores of some stages to recording scores.
* `chunk_scores`: window scores of some stages to one score per window and class.
* `writing_frames`, `open_frames`, `Frames`: scores per frame, see ``frames``.
* `ensemble_frames`: frame scores of some stages to those of their average.
"""

from dawnchorus.predictions.averaging import chunk_scores, ensemble, pooled
from dawnchorus.predictions.files import (
    RecordingScores,
    Windows,
    open_windows,
    read_recordings,
    write_recordings,
    writing_windows,
)
from dawnchorus.predictions.frame_ensembles import ensemble_frames
from dawnchorus.predictions.frames import Frames, open_frames, writing_frames

__all__ = [
    "Frames",
    "RecordingScores",
    "Windows",
    "chunk_scores",
    "ensemble",
    "ensemble_frames",
    "open_frames",
    "open_windows",
    "pooled",
    "read_recordings",
    "write_recordings",
    "writing_frames",
    "writing_windows",
]
