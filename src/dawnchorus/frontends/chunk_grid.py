"""Where a recording is cut into chunks.

* `chunk_places`: first sample and length of each.
* `chunk_samples`: samples of a chunk.
* `hop_length`, `n_frames`: its time axis.
"""

from collections.abc import Mapping

import numpy as np


def chunk_samples(settings: Mapping) -> int:
    """Return the samples of a chunk."""
    return round(settings["length_s"] * settings["sample_rate"])


def hop_length(settings: Mapping) -> int:
    """Return the samples from column to column: 172 for 256 columns of 1 s at 44.1 kHz."""
    return chunk_samples(settings) // (settings["n_frames"] - 1)


def n_frames(n_samples: int, settings: Mapping) -> int:
    """Return the columns of a chunk, whatever its recording's length."""
    return settings["n_frames"]


def chunk_places(n_samples: int, settings: Mapping) -> list[tuple[int, int]]:
    """Return where the chunks of a recording lie.

    Chunks begin every ``length_s - overlap_s``, up to the first that would hold less sound than
    ``min_length_s``, as in system 002. ``last`` says what becomes of sound after them: ``drop``;
    ``pad``, one more chunk, however short; ``align_end``, a whole chunk that ends with the recording
    (and every chunk is whole). A recording too short for any chunk is one, padded.

    Parameters
    ----------
    n_samples : int
        Length of the recording, above 0.
    settings : mapping
        ``length_s``, ``overlap_s``, ``min_length_s`` [s], ``last`` and ``sample_rate`` [Hz].

    Returns
    -------
    list of (int, int)
        First sample and samples of sound of each chunk, at least one; what a chunk lacks is padding.
    """
    length = chunk_samples(settings)
    step = chunk_step(settings)
    least = round(settings["min_length_s"] * settings["sample_rate"])
    if settings["last"] == "align_end":
        least = length
    starts = range(0, max(0, n_samples - max(1, least) + 1), step)
    places = [(start, min(length, n_samples - start)) for start in starts]
    end = sum(places[-1]) if places else 0
    if not places:
        places.append((0, n_samples))
    elif end < n_samples and settings["last"] == "pad":
        places.append((len(places) * step, n_samples - len(places) * step))
    elif end < n_samples and settings["last"] == "align_end":
        places.append((n_samples - length, length))
    return places


def chunk_step(settings: Mapping) -> int:
    """Return the samples from the beginning of a chunk to that of the next."""
    return round((settings["length_s"] - settings["overlap_s"]) * settings["sample_rate"])


def padded(samples: np.ndarray, length: int, padding: str) -> np.ndarray:
    """Return ``samples`` with zeros or their own repetition (``loop``) up to ``length``."""
    if len(samples) == length:
        return samples
    if padding == "loop":
        return np.resize(samples, length)
    return np.pad(samples, (0, length - len(samples)))
