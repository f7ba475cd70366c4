"""A quick look at the headers of recordings, before anything is decoded in earnest.

* `look_at`: rates and lengths of as many recordings as there is time for, and the level of some.
* `Headers`: what that says of all of them.
"""

import collections
import random
import time
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import soundfile

from dawnchorus.audio import container, length
from dawnchorus.audio.verdicts import Excluded

MOST_SECONDS = 10.0  # for headers, and as long again for levels
_HEARD = 20  # recordings whose beginning is decoded, for its level
_BEGINNING_S = 10.0
QUIET_DBFS = -60.0  # peaks below it are no sound that a person has recorded on purpose
_UNKNOWN_BYTES_PER_S = 16_000.0  # of formats that libsndfile does not open: M4A at 128 kbit/s


class Headers(NamedTuple):
    """Rates and lengths of recordings.

    ``n_looked`` of ``n_files`` were opened, all of them where there was time. ``rates`` counts them by
    sample rate [Hz], ``lengths`` has their lengths [s], ascending. ``total_s`` is that of all files, by
    the bytes of those that were not opened. ``unreadable`` (not opened, or cut) and ``quiet`` name
    recordings, the latter of ``n_heard``.
    """

    n_files: int
    n_looked: int
    rates: dict[int, int]
    lengths: list[float]
    total_s: float
    unreadable: list[str]
    quiet: list[str]
    n_heard: int

    def length_s(self, share: float) -> float:
        """Return a quantile of the lengths in seconds; 0 where none is known."""
        return self.lengths[int(share * (len(self.lengths) - 1))] if self.lengths else 0.0


def look_at(sizes: Mapping[str, int], most_seconds: float = MOST_SECONDS) -> Headers:
    """Look at recordings.

    Parameters
    ----------
    sizes : mapping of path to bytes
    most_seconds : float > 0
        Time for headers, and as long again for levels. With less than is needed, the recordings that
        are looked at are drawn at random, the same ones each time.
    """
    paths = sorted(sizes)
    random.Random(0).shuffle(paths)
    rates: collections.Counter[int] = collections.Counter()
    lengths: list[float] = []
    unreadable: list[str] = []
    n_bytes, left, n_looked = 0, 0, 0
    end = time.monotonic() + most_seconds
    for i, path in enumerate(paths):
        if i >= _HEARD and time.monotonic() > end:
            left += sum(sizes[one] for one in paths[i:])
            break
        n_looked += 1
        if path.lower().endswith((".m4a", ".aac")):  # for libav, in a process of its own
            left += sizes[path]
            continue
        try:
            about = soundfile.info(path)
            with open(path, "rb") as file:
                # libsndfile takes a cut recording for a short one; a run would exclude it
                length.survey(file, *container.file_format(file), allow_truncated=False)
        except (soundfile.LibsndfileError, OSError, ValueError, Excluded):
            unreadable.append(path)
            continue
        rates[about.samplerate] += 1
        lengths.append(about.duration)
        n_bytes += sizes[path]
    looked_s = sum(lengths)
    bytes_per_s = n_bytes / looked_s if looked_s else _UNKNOWN_BYTES_PER_S
    # a header says nothing of levels: of some recordings the beginning is decoded
    heard: dict[str, float] = {}
    for path in paths[:_HEARD]:
        if path in unreadable:
            continue
        try:
            with soundfile.SoundFile(path) as file:
                samples = file.read(int(_BEGINNING_S * file.samplerate), dtype="float32")
        except (soundfile.LibsndfileError, OSError, ValueError):
            continue
        peak = float(np.abs(samples).max()) if samples.size else 0.0
        heard[path] = 20 * float(np.log10(max(peak, 1e-10)))
    return Headers(
        n_files=len(paths),
        n_looked=n_looked,
        rates=dict(rates),
        lengths=sorted(lengths),
        total_s=looked_s + left / bytes_per_s,
        unreadable=sorted(unreadable),
        quiet=sorted(path for path, level in heard.items() if level < QUIET_DBFS),
        n_heard=len(heard),
    )
