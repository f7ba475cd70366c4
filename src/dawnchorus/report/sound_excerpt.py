"""A few seconds of a recording for the page: as sound, and as a picture of its spectrogram.

The samples are those of a resampled shard, which the spectrograms of the models were made of.

* `Excerpt`, `read_excerpt`: samples of a recording around a moment.
* `wav_bytes`, `picture_bytes`, `as_source`: as files, and as a source that a page holds within.
"""

import base64
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dawnchorus.audio import shard_wav
from dawnchorus.audio.verdicts import USED, read_shard_table
from dawnchorus.corpora.tables import shard_of
from dawnchorus.plots import png
from dawnchorus.report.html import Html

LONGEST_S = 3.0
HIGHEST_RATE = 16000  # Hz: ten misses and ten false alarms of 3 s take 2.6 MB
_PEAK = 0.7  # of full scale: quiet excerpts are made loud enough to be heard
_N_FFT, _COLUMNS, _ROWS = 512, 300, 128
_RANGE_DB = 70.0


@dataclass(frozen=True)
class Excerpt:
    """Samples (S,) at ``sample_rate`` Hz, from ``onset_s`` [s] of the recording on."""

    samples: np.ndarray
    sample_rate: int
    onset_s: float

    @property
    def duration_s(self) -> float:
        """Length [s]."""
        return len(self.samples) / self.sample_rate


def read_excerpt(folder: str, n_shards: int, recording: str, middle_s: float) -> Excerpt | None:
    """Return an excerpt of a recording, or None where its shard has gone or has no sound of it.

    Parameters
    ----------
    folder : str
        Of the shards of its corpus.
    n_shards : int
    recording : str
        Its id.
    middle_s : float
        The moment [s] that is in the middle, where the recording is long enough.
    """
    shard = Path(folder) / shard_of(recording, n_shards)
    table, sound = shard.with_name(f"{shard.name}.csv"), shard.with_name(f"{shard.name}.wav")
    if not (table.is_file() and sound.is_file()):
        return None
    row = next((one for one in read_shard_table(table) if one.id == recording), None)
    if row is None or row.verdict != USED or not row.n_samples:
        return None
    rate = shard_wav.shard_sample_rate(sound)
    length = min(row.n_samples, round(LONGEST_S * rate))
    first = min(max(round(middle_s * rate) - length // 2, 0), row.n_samples - length)
    samples = shard_wav.open_shard(sound)
    starts = [row.first_sample + c * row.n_samples + first for c in range(row.channels)]
    mixed = np.mean([samples[start : start + length] for start in starts], axis=0, dtype=np.float64)
    onset_s = first / rate
    if rate > HIGHEST_RATE:
        # the spectrum without what lies above
        n = round(len(mixed) * HIGHEST_RATE / rate)
        lowered = np.fft.irfft(np.fft.rfft(mixed)[: n // 2 + 1], n) * (n / len(mixed))
        mixed, rate = lowered, HIGHEST_RATE
    return Excerpt(mixed, rate, onset_s)


def wav_bytes(excerpt: Excerpt) -> bytes:
    """Return an excerpt as WAV of 16 bits, raised to the same peak."""
    peak = np.abs(excerpt.samples).max()
    scaled = excerpt.samples * (_PEAK / peak if peak > 0 else 1)
    content = np.round(scaled * 32767).astype("<i2").tobytes()
    rate = excerpt.sample_rate
    head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + len(content), b"WAVE", b"fmt ", 16, 1, 1, rate,
                       2 * rate, 2, 16)  # fmt: skip
    return head + struct.pack("<4sI", b"data", len(content)) + content


def picture_bytes(excerpt: Excerpt) -> bytes:
    """Return the spectrogram of an excerpt as a grey PNG: frequency goes up, dark is loud."""
    samples = np.pad(excerpt.samples, (0, max(0, _N_FFT - len(excerpt.samples))))
    first = np.linspace(0, len(samples) - _N_FFT, _COLUMNS).round().astype(int)
    frames = samples[first[:, None] + np.arange(_N_FFT)] * np.hanning(_N_FFT)
    power = np.abs(np.fft.rfft(frames)) ** 2  # (T, F)
    # means of neighbouring bins; the highest bin is left out so that they divide evenly
    bands = power[:, : _N_FFT // 2].reshape(_COLUMNS, _ROWS, -1).mean(axis=2)
    level = 10 * np.log10(np.maximum(bands, 1e-20))
    shade = 255 - np.round((level - level.max() + _RANGE_DB).clip(0) * (255 / _RANGE_DB))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spectrogram.png"
        png.write(path, (_ROWS, _COLUMNS), [shade.T[::-1].astype(np.uint8)])
        return path.read_bytes()


def as_source(kind: str, content: bytes) -> Html:
    """Return bytes as a source that stands in the page itself."""
    return Html(f"data:{kind};base64,{base64.b64encode(content).decode()}")
