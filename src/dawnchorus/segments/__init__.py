"""What of a recording a model sees at once.

A recording's spectrogram is cut into windows (T frames, F bands), by one of three kinds: ``windows``
(fixed steps, wrapped around the recording's end), ``cells`` (system 001: the columns with signal,
moved together, in pieces) and ``chunks`` (pictures that the frontend has cut already). Training and
prediction read the same `Source`; what training leaves out is chosen here too. A recording is a
pair (corpus, id); batches are (B, T, F), and times are seconds from the recording's beginning.

* `open_source`, `source_of`: a source over the spectrogram shards of some corpora.
* `Source`: its windows: where they are, and what is in them.
* `Index`: the windows of some recordings, as arrays.
* `training_rows`, `noise_rows`: which windows are trained on, and which are noise to add.
* `oversampled`, `window_weights`, `has_class`: rare classes more often, or with more weight.
* `split_chunks`: windows for training, validation and test, without regard to recordings.
* ``cells``: the mask of system 001, function by function.
"""

from dawnchorus.segments.balancing import has_class, oversampled, window_weights
from dawnchorus.segments.choosing import noise_rows, training_rows
from dawnchorus.segments.index import Index
from dawnchorus.segments.opening import open_source, source_of
from dawnchorus.segments.source import Source
from dawnchorus.segments.splitting import in_shuffled_recordings, split_chunks

__all__ = [
    "Index",
    "Source",
    "has_class",
    "in_shuffled_recordings",
    "noise_rows",
    "open_source",
    "oversampled",
    "source_of",
    "split_chunks",
    "training_rows",
    "window_weights",
]
