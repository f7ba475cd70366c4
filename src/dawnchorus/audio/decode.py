"""One recording: decoded in blocks, checked, its channels mixed, resampled.

Runs in the limited child process only: what it reads is foreign, and decoders have had faults that
crash. Lengths that a header declares are compared with what was counted, and never allocated. What the
first decoder (libsndfile) does not open, or would end before the end of the data, the second decodes
(libav); what neither does is said in the verdict, with seconds.

* `resample`: everything that happens to one recording.
* `SampleChecks`: reject impossible samples and collect warnings, block by block.
"""

import contextlib
import math
import os
from collections.abc import Callable, Mapping
from typing import BinaryIO

import numpy as np

from dawnchorus.audio import container, length, libav, libsndfile, resampling
from dawnchorus.audio.verdicts import KEPT_ON_REQUEST, USED, Excluded
from dawnchorus.formats import audio_names

BLOCK = 1 << 16  # samples decoded at once, all channels together
RATES_HZ = (4_000, 768_000)
LENIENT = 0.95  # share of the frames that must be there of formats without an exact length
LENIENT_FORMATS = ("mp3", "m4a", "aac")
# tried with the second decoder where the first does not open them
SECOND = ("mp3", "ogg", "flac")
MAX_AMPLITUDE = 1e3  # times full scale: beyond it a sample is a damaged number, not a sound
FULL_SCALE = 0.999  # from here on a sample is clipped
CLIPPED = 0.1  # share of a channel's samples
OFFSET = 0.1  # mean of a channel over its peak
_LEAST_POWER = 1e-30  # of what is digital silence: no logarithm of 0
CANCELLED = 0.01  # power of the mixed channels over the mean power of each: -20 dB


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
    return {"detail": "", **facts, "verdict": USED}


def _resample_file(
    file: BinaryIO, extension: str, recipe: Mapping, send: Callable, facts: dict
) -> None:
    """Resample an open recording; ``facts`` is filled as they are found."""
    kind, start = container.file_format(file)
    found = length.survey(file, kind, start, recipe["allow_truncated"])
    warnings = {"AUDIO_LENIENT"} if found.doubt else set()
    if extension and extension[1:].lower() not in audio_names.FORMATS[kind]:
        warnings.add("FORMAT_EXTENSION_MISMATCH")
    facts["warnings"] = sorted(warnings)
    sound = _opened(file, kind, found)
    with contextlib.closing(sound):
        facts["source_rate"] = sound.rate
        slowest, fastest = RATES_HZ
        if not slowest <= sound.rate <= fastest:
            expected = f"{slowest}-{fastest} Hz are taken"
            raise Excluded("AUDIO_RATE", f"{sound.rate} Hz; {expected}")
        # too long is refused before hours of it are decoded, by either number
        if found.seconds is not None:
            facts["duration_s"] = round(found.seconds, 6)
            _check_length(found.seconds * sound.rate, sound.rate, recipe, "counted")
        # what the decoder has estimated is no claim that the samples can fall short of
        n_declared = None if found.is_estimated else sound.n_declared
        if n_declared is not None:
            facts["duration_s"] = round(n_declared / sound.rate, 6)
            _check_length(n_declared, sound.rate, recipe, "declared")
        checks = SampleChecks(sound.n_channels)
        n_kept = sound.n_channels if recipe["channels"] == "each" else 1
        rates = (sound.rate, recipe["sample_rate"])
        stream = resampling.stream(recipe["resampler"], *rates, n_kept)
        n_sent = 0
        for block, stored in sound.blocks(BLOCK):
            checks.update(block, stored)
            _check_length(checks.n_samples, sound.rate, recipe, "counted")
            if recipe["channels"] == "first":
                block = np.ascontiguousarray(block[:, :1])
            elif recipe["channels"] == "mix" and sound.n_channels > 1:
                block = checks.mixed(block)
            resampled = stream.push(block)
            send(resampled)
            n_sent += len(resampled)
        rest = stream.finish()
        send(rest)
    facts["duration_s"] = round(checks.n_samples / sound.rate, 6)
    if checks.n_samples == 0:
        raise Excluded("AUDIO_NO_SAMPLES", sound.damage or "no samples behind the header")
    left, detail = _left_out(sound, found, kind, n_declared, checks.n_samples, recipe)
    if facts["duration_s"] < recipe["min_duration_s"]:
        raise Excluded("AUDIO_TOO_SHORT", f"{facts['duration_s']:g} s")
    warnings |= left | checks.warnings()
    level = checks.level_dbfs()
    if "AUDIO_SILENT" not in warnings and level < recipe["quiet_dbfs"]:
        warnings.add("AUDIO_QUIET")
        detail = "; ".join(filter(None, [detail, f"level {level:.1f} dBFS"]))
    if sound.rate < recipe["sample_rate"]:
        warnings.add("BANDWIDTH")
    facts |= {"warnings": sorted(warnings), "detail": detail}
    facts |= {"channels": n_kept, "n_samples": n_sent + len(rest)}


def _opened(
    file: BinaryIO, kind: str, found: length.Length
) -> libsndfile.Sound | libav.Sound | libav.MpegSound:
    """Return the recording with the first decoder that reads all of it."""
    if kind in libsndfile.FORMATS:
        try:
            sound = libsndfile.Sound(file, found.patches)
        except Excluded:
            if kind not in SECOND:
                raise
            with contextlib.suppress(Excluded):
                return libav.open_sound(file, kind)
            raise
        known_s = math.inf if sound.n_declared is None else sound.n_declared / sound.rate
        is_short = found.seconds is not None and found.seconds - known_s > found.tolerance_s
        if not is_short and not (known_s == 0 and kind in SECOND):
            return sound
        sound.close()
    return libav.open_sound(file, kind)


def _left_out(
    sound: libsndfile.Sound | libav.Sound | libav.MpegSound,
    found: length.Length,
    kind: str,
    n_declared: int | None,
    n_counted: int,
    recipe: Mapping,
) -> tuple[set[str], str]:
    """Return the warnings on what is missing or was not decoded, and what they mean.

    Raises
    ------
    Excluded
        AUDIO_DECODE, AUDIO_TRUNCATED.
    """
    warnings, reasons = set(), [found.doubt] if found.doubt else []
    counted_s, there_s = n_counted / sound.rate, found.seconds or 0.0
    if sound.damage:
        reasons.append(f"{sound.damage} after {counted_s:.2f} s")
        if not recipe["allow_truncated"]:
            raise Excluded("AUDIO_DECODE", f"{sound.damage}; {KEPT_ON_REQUEST}")
        warnings.add("AUDIO_LENIENT")
    if sound.is_cut:
        reasons.append("the last frame is cut")
        warnings.add("AUDIO_LENIENT")
    n_claimed = n_declared or 0
    if n_declared is None and found.missing_s:
        n_claimed = round((there_s + found.missing_s) * sound.rate)
    n_whole = max(0, n_counted - sound.n_damaged)
    if n_whole < max(n_claimed, sound.n_damaged and n_counted):
        n_claimed = max(n_claimed, n_counted)
        detail = f"{n_whole} of {n_claimed} samples are there"
        is_near = kind in LENIENT_FORMATS and n_whole >= LENIENT * n_claimed
        if not is_near and not recipe["allow_truncated"]:
            raise Excluded("AUDIO_TRUNCATED", f"{detail}; {KEPT_ON_REQUEST}")
        reasons.append(detail)
        warnings.add("AUDIO_LENIENT")
    left_s = max(there_s - counted_s, found.unread_share * counted_s, sound.left_s)
    if left_s > found.slack_s and not n_claimed > n_counted:
        reasons.append(f"{left_s:.2f} s of {counted_s + left_s:.2f} s were not decoded")
        warnings.add("AUDIO_UNREAD")
    return warnings, "; ".join(reasons)


def _check_length(n_samples: int, sample_rate: int, recipe: Mapping, how: str) -> None:
    if n_samples > recipe["max_duration_s"] * sample_rate:
        limit = f"at most {recipe['max_duration_s']:g} s are taken"
        raise Excluded("AUDIO_TOO_LONG", f"{n_samples / sample_rate:.1f} s {how}; {limit}")


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
        self.squares = np.zeros(n_channels)
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
            self.squares[channel] += float(np.dot(samples, samples))
            if peak >= FULL_SCALE:
                self.n_clipped[channel] += np.count_nonzero(np.abs(samples) >= FULL_SCALE)
        self.n_samples += len(block)

    def mixed(self, block: np.ndarray) -> np.ndarray:
        """Return the mean of the channels of a block, (S, C) to (S, 1), and take its power."""
        # channel by channel: a mean over rows of two values is several times slower
        mixed = block[:, 0].copy()
        for samples in block.T[1:]:
            mixed += samples
        mixed = (mixed / np.float32(block.shape[1]))[:, np.newaxis]
        # channels in opposite phase cancel in a mean: the power that is lost tells it (MIX_CANCEL)
        self.power += sum(float(np.dot(samples, samples)) for samples in block.T) / block.shape[1]
        self.mixed_power += float(np.dot(mixed[:, 0], mixed[:, 0]))
        return mixed

    def level_dbfs(self) -> float:
        """Return the level of the loudest channel: RMS about its mean [dB re full scale]."""
        # about the mean: an offset of the recorder is no sound
        means = self.sums / self.n_samples
        variance = float(np.max(self.squares / self.n_samples - means**2))
        return 10 * math.log10(max(variance, _LEAST_POWER))

    def warnings(self) -> set[str]:
        """Return the codes of oddities that are no reason to exclude the recording."""
        found = {
            "AUDIO_SILENT": not self.peaks.any(),
            "AUDIO_DC": np.any(np.abs(self.sums) > OFFSET * self.peaks * self.n_samples),
            "AUDIO_CLIPPED": np.any(self.n_clipped > CLIPPED * self.n_samples),
            "MIX_CANCEL": self.mixed_power < CANCELLED * self.power,
        }
        return {code for code, is_so in found.items() if is_so}
