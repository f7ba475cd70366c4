"""The channels of recordings in a shard of audio.

* `Stored`: a waveform within a file, read where it is sliced.
* `of_shard`: those of all recordings.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dawnchorus.audio import shard_wav, verdicts


@dataclasses.dataclass(frozen=True)
class Stored:
    """A waveform within a file of float32 samples, read where it is sliced.

    Reading, unlike mapping, leaves nothing in memory: hours of audio count only block by block.
    """

    path: str
    first_byte: int
    n_samples: int

    def __len__(self) -> int:
        return self.n_samples

    def __getitem__(self, part: slice) -> np.ndarray:
        first, last, _ = part.indices(self.n_samples)
        offset = self.first_byte + 4 * first
        return np.fromfile(self.path, "<f4", max(0, last - first), offset=offset)


def of_shard(
    wav_path: str | Path, used: Sequence[verdicts.Resampled], sample_rate: int
) -> list[list[Stored]]:
    """Return the channels of every used recording of a shard.

    Raises
    ------
    ValueError
        For a shard at another rate, or one that is shorter than its table says.
    """
    if not used:
        return []
    found = shard_wav.shard_sample_rate(wav_path)
    if found != sample_rate:
        raise ValueError(
            f"{wav_path} is at {found} Hz, the frontend expects {sample_rate} Hz; "
            "name the audio recipe that made it"
        )
    samples = shard_wav.open_shard(wav_path)
    end = max(row.first_sample + row.channels * row.n_samples for row in used)
    if end > len(samples):
        raise ValueError(
            f"{wav_path} has {len(samples)} samples, its table expects {end}; delete both, run again"
        )
    path, first_byte = str(samples.filename), samples.offset

    def channel(row: verdicts.Resampled, index: int) -> Stored:
        first = row.first_sample + index * row.n_samples
        return Stored(path, first_byte + 4 * first, row.n_samples)

    return [[channel(row, index) for index in range(row.channels)] for row in used]
