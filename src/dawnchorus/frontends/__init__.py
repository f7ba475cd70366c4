"""From waveform to spectrogram, to shards of spectrograms, and back out of them.

A frontend is a named recipe; its settings are a dict, given whole to every function here. By its kind
it stores ``frames``, the spectrogram of a recording row by row (``log_mel``, ``psd``, ``slaney_mel``),
or ``chunks``, pictures of equal size (``mel_chunks``, ``linear_chunks``). Axes: S samples, T frames, F
bands, B windows of a batch. Rows of a spectrogram are frames and run forward in time; a picture is
(F, T), its first row at the top. Frequencies are in Hz.

* `check_settings`: refuse settings that cannot work.
* `n_frames`, `hop_length`, `mel_filterbank`, `log_mel`: the log-mel spectrogram.
* `spectrogram`: a recording's frames with all corrections, as a shard stores them.
* `cell_statistics`, `row_borders`, `Cells`: levels of the cells of a ``psd`` spectrogram.
* `chunk_places`, `chunk_images`, `signal_to_noise`: a recording's pictures, as a shard stores them.
* `write_shard`: the spectrograms of a shard of audio as one HDF5 file.
* `open_shards`: a reader over several such files, memory-mapped: `Spectrograms` or `Chunks`.
* `window_starts`, `looped`, `padded`, `windows_into`: fixed windows, wrapped around a recording's
  end or padded behind it.
"""

from dawnchorus.frontends.cells import Cells, cell_statistics, row_borders
from dawnchorus.frontends.chunk_reader import Chunks
from dawnchorus.frontends.chunking import chunk_places
from dawnchorus.frontends.filterbanks import mel_filterbank
from dawnchorus.frontends.images import chunk_images
from dawnchorus.frontends.kinds import hop_length, n_frames
from dawnchorus.frontends.mel import log_mel
from dawnchorus.frontends.reader import Spectrograms, open_shards
from dawnchorus.frontends.scoring import signal_to_noise
from dawnchorus.frontends.settings import check_settings
from dawnchorus.frontends.shards import write_shard
from dawnchorus.frontends.spectrograms import spectrogram
from dawnchorus.frontends.windows import looped, padded, window_starts, windows_into

__all__ = [
    "Cells",
    "Chunks",
    "Spectrograms",
    "cell_statistics",
    "check_settings",
    "chunk_images",
    "chunk_places",
    "hop_length",
    "log_mel",
    "looped",
    "mel_filterbank",
    "n_frames",
    "open_shards",
    "padded",
    "row_borders",
    "signal_to_noise",
    "spectrogram",
    "window_starts",
    "windows_into",
    "write_shard",
]
