"""One recording: decoded in blocks, judged, its channels mixed, resampled.

Runs in the limited child process only: what it reads is foreign, and libsndfile is no fortress.
Lengths that a header declares are compared with what was counted, and never allocated.

* `resample`: everything that happens to one recording.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

import numpy as np
import soundfile

from dawnchorus.audio import container, resampling, sample_checks
from dawnchorus.audio.verdicts import USED, Excluded

BLOCK = 1 << 16  # samples decoded at once, all channels together
RATES_HZ = (4_000, 768_000)
LENIENT = 0.95  # share of an mp3's frames that must be there: their count is often an estimate
_PLAIN = ("WAV", "WAVEX", "RF64", "W64", "AIFF")  # samples as they are
_UNKNOWN = 1 << 62  # libsndfile's way of saying that the header tells no length: 2**63 - 1


class _Forward(soundfile.SoundFile):
    """Read forwards only: the seek after each block would make mp3 and Opus glitch."""

    def seekable(self) -> bool:
        """Say no, so that nothing seeks."""
        return False


def resample(
    request: Mapping, recipe: Mapping, archive: str | None, send: Callable[[np.ndarray], None]
) -> dict:
    """Decode, judge and resample one recording.

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
        Takes blocks of the result, shape (S, C), float32, as they come; good until it returns. What
        it took of a recording that is excluded in the end is to be thrown away.

    Returns
    -------
    dict
        The fields of `verdicts.Resampled` but for ``id`` and ``first_sample``.
    """
    facts = {"channels": 0, "n_samples": 0, "duration_s": 0.0, "source_rate": 0, "warnings": []}
    try:
        asked = (request.get(key, "") for key in ("path", "bytes", "sha256", "state"))
        with container.opened(*asked, archive) as file:
            _resample_file(file, os.path.splitext(request["path"])[1], recipe, send, facts)
    except Excluded as excluded:
        rejected = {"verdict": excluded.code, "detail": excluded.detail}
        return {**facts, "channels": 0, "n_samples": 0, **rejected}
    return {**facts, "verdict": USED, "detail": ""}


def _resample_file(
    file: BinaryIO, extension: str, recipe: Mapping, send: Callable, facts: dict
) -> None:
    """Resample an open recording; ``facts`` is filled as they are found."""
    kind, is_lenient = _sniffed(file, recipe)
    warnings = {"AUDIO_LENIENT"} if is_lenient else set()
    if extension and extension[1:].lower() not in container.EXTENSIONS[kind]:
        warnings.add("FORMAT_EXTENSION_MISMATCH")
    facts["warnings"] = sorted(warnings)
    with _sound(file) as sound:
        facts["source_rate"] = sound.samplerate
        n_declared = _declared(sound, recipe, facts)
        judge = sample_checks.Judge(sound.channels)
        n_kept = sound.channels if recipe["channels"] == "each" else 1
        rates = (sound.samplerate, recipe["sample_rate"])
        stream = resampling.stream(recipe["resampler"], *rates, n_kept)
        n_sent = _resample_sound(sound, recipe, judge, stream, send)
    facts["duration_s"] = round(judge.n_samples / sound.samplerate, 6)
    _check_counted(judge.n_samples, n_declared, kind, recipe, warnings)
    if facts["duration_s"] < recipe["min_duration_s"]:
        raise Excluded("AUDIO_TOO_SHORT", f"{facts['duration_s']:g} s")
    if sound.samplerate < recipe["sample_rate"]:
        warnings.add("BANDWIDTH")
    facts |= {"warnings": sorted(warnings | judge.warnings())}
    facts |= {"channels": n_kept, "n_samples": n_sent}


def _sniffed(file: BinaryIO, recipe: Mapping) -> tuple[str, bool]:
    file.seek(0)
    kind = container.container(file.read(16))
    if kind is None:
        raise Excluded("AUDIO_FORMAT", "neither WAV, W64, AIFF, FLAC, Ogg nor mp3")
    is_lenient = container.check_whole(file, kind, recipe["allow_truncated"])
    file.seek(0)
    return kind, is_lenient


def _sound(file: BinaryIO) -> soundfile.SoundFile:
    try:
        # a file that is not in memory is read by libsndfile itself, which is faster
        return _Forward(file if hasattr(file, "getbuffer") else file.fileno(), closefd=False)
    except soundfile.LibsndfileError as error:
        raise Excluded("AUDIO_FORMAT", _reason(error)) from error


def _reason(error: soundfile.LibsndfileError) -> str:
    # the error's own text names the file, and so a path or an address
    return f"libsndfile: {error.error_string.strip() or f'error {error.code}'}"


def _declared(sound: soundfile.SoundFile, recipe: Mapping, facts: dict) -> int | None:
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


def _resample_sound(
    sound: soundfile.SoundFile,
    recipe: Mapping,
    judge: sample_checks.Judge,
    stream: resampling.Stream,
    send: Callable,
) -> int:
    n_sent = 0
    for block, stored in _blocks(sound):
        judge.see(block, stored)
        _check_length(judge.n_samples, sound.samplerate, recipe, "counted")
        resampled = stream.push(_channels(block, recipe["channels"], judge))
        send(resampled)
        n_sent += len(resampled)
    rest = stream.finish()
    send(rest)
    return n_sent + len(rest)


def _blocks(sound: soundfile.SoundFile) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the samples, shape (S, C), float32 with full scale 1, and as they were stored.

    Both are good until the next are asked for.
    """
    shape = (max(1, BLOCK // sound.channels), sound.channels)
    # libsndfile is slow at the commonest of all conversions; the values are the same, exactly
    is_common = sound.subtype == "PCM_16" and sound.format in _PLAIN
    stored = np.empty(shape, np.int16 if is_common else np.float32)
    scaled = np.empty(shape, np.float32) if is_common else stored
    while n_samples := len(_read(sound, stored)):
        if is_common:
            np.multiply(stored[:n_samples], np.float32(2**-15), out=scaled[:n_samples])
        yield scaled[:n_samples], stored[:n_samples]


def _read(sound: soundfile.SoundFile, out: np.ndarray) -> np.ndarray:
    try:
        return sound.read(out=out)
    except soundfile.LibsndfileError as error:
        raise Excluded("AUDIO_DECODE", _reason(error)) from error


def _channels(block: np.ndarray, channels: str, judge: sample_checks.Judge) -> np.ndarray:
    """Return the channels that are kept of a block, shape (S, C) to (S, 1) or (S, C)."""
    if channels == "each" or block.shape[1] == 1:
        return block
    if channels == "first":
        return np.ascontiguousarray(block[:, :1])
    mixed = block[:, 0].copy()
    for samples in block.T[1:]:
        mixed += samples
    mixed = (mixed / np.float32(block.shape[1]))[:, np.newaxis]
    judge.see_mixed(block, mixed)
    return mixed


def _check_counted(
    n_samples: int, n_declared: int | None, kind: str, recipe: Mapping, warnings: set[str]
) -> None:
    if n_samples == 0:
        raise Excluded("AUDIO_NO_SAMPLES", "no samples behind the header")
    if n_declared is None or n_samples >= n_declared:
        return
    is_near = kind == "mp3" and n_samples >= LENIENT * n_declared
    if not is_near and not recipe["allow_truncated"]:
        raise Excluded("AUDIO_TRUNCATED", f"{n_samples} of {n_declared} samples are there")
    warnings.add("AUDIO_LENIENT")
