"""From waveform to spectrogram, to shards of spectrograms, and back out of them as windows.

A frontend is a named recipe; its settings are a dict, given whole to every function here. Axes: S
samples, T frames, F bands, B windows of a batch. Frequencies are in Hz, levels in nats (natural
logarithm of magnitude), rows are frames and run forward in time.

* `check_settings`: refuse settings that cannot work.
* `n_frames`, `hop_length`, `mel_filterbank`, `log_mel`: the log-mel spectrogram.
* `spectrogram`: log-mel with its corrections, trimming and denoising, as a shard stores it.
* `write_shard`: the spectrograms of a shard of audio as one HDF5 file.
* `open_shards`: a reader over several such files, memory-mapped.
* `window_starts`, `looped`, `windows_into`: fixed windows that wrap around a recording's end.
"""

from dawnchorus.frontends.mel import hop_length, log_mel, mel_filterbank, n_frames
from dawnchorus.frontends.reader import Spectrograms, open_shards
from dawnchorus.frontends.settings import check_settings
from dawnchorus.frontends.shards import write_shard
from dawnchorus.frontends.spectrograms import spectrogram
from dawnchorus.frontends.windows import looped, window_starts, windows_into

__all__ = [
    "Spectrograms",
    "check_settings",
    "hop_length",
    "log_mel",
    "looped",
    "mel_filterbank",
    "n_frames",
    "open_shards",
    "spectrogram",
    "window_starts",
    "windows_into",
    "write_shard",
]
