"""One recording: decoded in blocks, checked, its channels mixed, resampled.

Runs in the limited child process only: what it reads is foreign, and libsndfile has had faults that
crash. Lengths that a header declares are compared with what was counted, and never allocated.

* `resample`: everything that happens to one recording.
* `SampleChecks`: reject impossible samples and collect warnings, block by block.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

import numpy as np
import soundfile

from dawnchorus.audio import container, resampling
from dawnchorus.audio.verdicts import USED, Excluded
from dawnchorus.formats import audio_names

BLOCK = 1 << 16  # samples decoded at once, all channels together
RATES_HZ = (4_000, 768_000)
LENIENT = 0.95  # share of an mp3's frames that must be there: their count is often an estimate
MAX_AMPLITUDE = 1e3  # times full scale: beyond it a sample is a damaged number, not a sound
FULL_SCALE = 0.999  # from here on a sample is clipped
CLIPPED = 0.1  # share of a channel's samples
OFFSET = 0.1  # mean of a channel over its peak
CANCELLED = 0.01  # power of the mixed channels over the mean power of each: -20 dB
_PLAIN = ("WAV", "WAVEX", "RF64", "W64", "AIFF")  # samples as they are
_UNKNOWN = 1 << 62  # libsndfile gives 2**63 - 1 frames where the header has no length


class _Forward(soundfile.SoundFile):
    """Read forwards only: the seek after each block would make mp3 and Opus glitch."""

    def seekable(self) -> bool:
        """Say no, so that nothing seeks."""
        return False


def resample(
    request: Mapping, recipe: Mapping, archive: str | None, send: Callable[[np.ndarray], None]
) -> dict:
    """Decode, check and resample one recording.

    Parameters
    ----------
    request : mapping
        ``path``, ``bytes`` and ``sha256`` of the listing, and where it is known ``state``: that of
        the file when it was hashed.
    recipe : mapping
        The audio recipe.
    archive : str or None
        Zip file whose member ``path`` is.
    send : callable
        Takes blocks of the result, shape (S, C), float32, as they come, valid until it returns.
        What was sent of a recording that is excluded in the end must be discarded.

    Returns
    -------
    dict
        The fields of `verdicts.Resampled` except ``id`` and ``first_sample``.
    """
    facts = {"channels": 0, "n_samples": 0, "duration_s": 0.0, "source_rate": 0, "warnings": []}
    try:
        listed = (request.get(key, "") for key in ("path", "bytes", "sha256", "state"))
        with container.open_recording(*listed, archive) as file:
            _resample_file(file, os.path.splitext(request["path"])[1], recipe, send, facts)
    except Excluded as excluded:
        rejected = {"verdict": excluded.code, "detail": excluded.detail}
        return {**facts, "channels": 0, "n_samples": 0, **rejected}
    return {**facts, "verdict": USED, "detail": ""}


def _resample_file(
    file: BinaryIO, extension: str, recipe: Mapping, send: Callable, facts: dict
) -> None:
    """Resample an open recording; ``facts`` is filled as they are found."""
    file.seek(0)
    kind = container.file_format(file.read(16))
    if kind is None:
        raise Excluded("AUDIO_FORMAT", "neither WAV, W64, AIFF, FLAC, Ogg nor mp3")
    warnings = set()
    if container.check_complete(file, kind, recipe["allow_truncated"]):
        warnings.add("AUDIO_LENIENT")
    if extension and extension[1:].lower() not in audio_names.FORMATS[kind]:
        warnings.add("FORMAT_EXTENSION_MISMATCH")
    facts["warnings"] = sorted(warnings)
    file.seek(0)
    try:
        # a file that is not in memory is read by libsndfile itself, which is faster
        source = file if hasattr(file, "getbuffer") else file.fileno()
        sound = _Forward(source, closefd=False)
    except soundfile.LibsndfileError as error:
        raise Excluded("AUDIO_FORMAT", _reason(error)) from error
    with sound:
        facts["source_rate"] = sound.samplerate
        n_declared = _declared_samples(sound, recipe, facts)
        checks = SampleChecks(sound.channels)
        n_kept = sound.channels if recipe["channels"] == "each" else 1
        rates = (sound.samplerate, recipe["sample_rate"])
        stream = resampling.stream(recipe["resampler"], *rates, n_kept)
        n_sent = 0
        for block, stored in _blocks(sound):
            checks.update(block, stored)
            _check_length(checks.n_samples, sound.samplerate, recipe, "counted")
            resampled = stream.push(_kept_channels(block, recipe["channels"], checks))
            send(resampled)
            n_sent += len(resampled)
        rest = stream.finish()
        send(rest)
    n_counted = checks.n_samples
    facts["duration_s"] = round(n_counted / sound.samplerate, 6)
    if n_counted == 0:
        raise Excluded("AUDIO_NO_SAMPLES", "no samples behind the header")
    if n_declared is not None and n_counted < n_declared:
        is_near = kind == "mp3" and n_counted >= LENIENT * n_declared
        if not is_near and not recipe["allow_truncated"]:
            raise Excluded("AUDIO_TRUNCATED", f"{n_counted} of {n_declared} samples are there")
        warnings.add("AUDIO_LENIENT")
    if facts["duration_s"] < recipe["min_duration_s"]:
        raise Excluded("AUDIO_TOO_SHORT", f"{facts['duration_s']:g} s")
    if sound.samplerate < recipe["sample_rate"]:
        warnings.add("BANDWIDTH")
    facts |= {"warnings": sorted(warnings | checks.warnings())}
    facts |= {"channels": n_kept, "n_samples": n_sent + len(rest)}


def _reason(error: soundfile.LibsndfileError) -> str:
    # the error's own text names the file, and so a path or an address
    return f"libsndfile: {error.error_string.strip() or f'error {error.code}'}"


def _declared_samples(sound: soundfile.SoundFile, recipe: Mapping, facts: dict) -> int | None:
    """Check what the header declares; return its number of samples, or None where it has none."""
    slowest, fastest = RATES_HZ
    if not slowest <= sound.samplerate <= fastest:
        expected = f"{slowest}-{fastest} Hz are taken"
        raise Excluded("AUDIO_RATE", f"{sound.samplerate} Hz; {expected}")
    if sound.frames >= _UNKNOWN:
        return None
    facts["duration_s"] = round(sound.frames / sound.samplerate, 6)
    _check_length(sound.frames, sound.samplerate, recipe, "declared")
    return sound.frames


def _check_length(n_samples: int, sample_rate: int, recipe: Mapping, how: str) -> None:
    if n_samples > recipe["max_duration_s"] * sample_rate:
        limit = f"at most {recipe['max_duration_s']:g} s are taken"
        raise Excluded("AUDIO_TOO_LONG", f"{n_samples / sample_rate:.1f} s {how}; {limit}")


def _blocks(sound: soundfile.SoundFile) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the samples, shape (S, C), float32 with full scale 1, and as they were stored.

    Both are valid until the next are asked for.
    """
    shape = (max(1, BLOCK // sound.channels), sound.channels)
    # libsndfile is slow at the commonest of all conversions; the values are the same, exactly
    is_common = sound.subtype == "PCM_16" and sound.format in _PLAIN
    stored = np.empty(shape, np.int16 if is_common else np.float32)
    scaled = np.empty(shape, np.float32) if is_common else stored
    while True:
        try:
            n_samples = len(sound.read(out=stored))
        except soundfile.LibsndfileError as error:
            raise Excluded("AUDIO_DECODE", _reason(error)) from error
        if n_samples == 0:
            return
        if is_common:
            np.multiply(stored[:n_samples], np.float32(2**-15), out=scaled[:n_samples])
        yield scaled[:n_samples], stored[:n_samples]


def _kept_channels(block: np.ndarray, channels: str, checks: "SampleChecks") -> np.ndarray:
    """Return the channels that are kept of a block, shape (S, C) to (S, 1) or (S, C)."""
    if channels == "each" or block.shape[1] == 1:
        return block
    if channels == "first":
        return np.ascontiguousarray(block[:, :1])
    # channel by channel: a mean over rows of two values is several times slower
    mixed = block[:, 0].copy()
    for samples in block.T[1:]:
        mixed += samples
    mixed = (mixed / np.float32(block.shape[1]))[:, np.newaxis]
    checks.update_mix(block, mixed)
    return mixed


class SampleChecks:
    """Check the samples of one recording, block by block.

    Parameters
    ----------
    n_channels : int
    """

    def __init__(self, n_channels: int):
        self.n_samples = 0
        self.peaks = np.zeros(n_channels)
        self.sums = np.zeros(n_channels)
        self.n_clipped = np.zeros(n_channels, int)
        self.power = self.mixed_power = 0.0

    def update(self, block: np.ndarray, stored: np.ndarray) -> None:
        """Take a block of samples.

        Parameters
        ----------
        block : array, shape (S, C), float32
        stored : array, shape (S, C), float32 or int16
            The same as they were stored: the extremes of small numbers are found sooner.

        Raises
        ------
        Excluded
            AUDIO_NONFINITE, AUDIO_RANGE.
        """
        unit = 2**-15 if stored.dtype == np.int16 else 1.0
        for channel, samples in enumerate(block.T):
            found = stored[:, channel]
            # NaN or infinite where a sample is
            peak = unit * max(float(found.max()), -float(found.min()))
            if not peak <= MAX_AMPLITUDE:
                if (finite := np.isfinite(samples)).all():
                    detail = f"an amplitude of {np.abs(samples).max():.3g}"
                    raise Excluded("AUDIO_RANGE", f"{detail}, at most {MAX_AMPLITUDE:g} is taken")
                first = self.n_samples + int(np.argmin(finite))
                raise Excluded("AUDIO_NONFINITE", f"sample {first} is not a finite number")
            self.peaks[channel] = max(self.peaks[channel], peak)
            self.sums[channel] += samples.sum()
            if peak >= FULL_SCALE:
                self.n_clipped[channel] += np.count_nonzero(np.abs(samples) >= FULL_SCALE)
        self.n_samples += len(block)

    def update_mix(self, block: np.ndarray, mixed: np.ndarray) -> None:
        """Take a block and the mean of its channels, shapes (S, C) and (S, 1)."""
        self.power += sum(float(np.dot(samples, samples)) for samples in block.T) / block.shape[1]
        self.mixed_power += float(np.dot(mixed[:, 0], mixed[:, 0]))

    def warnings(self) -> set[str]:
        """Return the codes of oddities that are no reason to exclude the recording."""
        found = {
            "AUDIO_SILENT": not self.peaks.any(),
            "AUDIO_DC": np.any(np.abs(self.sums) > OFFSET * self.peaks * self.n_samples),
            "AUDIO_CLIPPED": np.any(self.n_clipped > CLIPPED * self.n_samples),
            "MIX_CANCEL": self.mixed_power < CANCELLED * self.power,
        }
        return {code for code, is_so in found.items() if is_so}
