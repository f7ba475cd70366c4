"""The first decoder, libsndfile: WAV, W64, AIFF, FLAC, Ogg and mp3.

It ends where the header says, or its own estimate, and nothing tells that more follows: what is
counted by `dawnchorus.audio.length` decides whether `dawnchorus.audio.libav` has to decode.

* `Sound`: a recording that is decoded.
"""

from collections.abc import Iterator, Mapping
from typing import BinaryIO

import numpy as np
import soundfile

from dawnchorus.audio.byte_source import Patched
from dawnchorus.audio.verdicts import Excluded

FORMATS = ("wav", "w64", "aiff", "flac", "ogg", "mp3")
_PLAIN = ("WAV", "WAVEX", "RF64", "W64", "AIFF")  # samples as they are
_UNKNOWN = 1 << 62  # libsndfile gives 2**63 - 1 frames where the header has no length


class _Forward(soundfile.SoundFile):
    """Read forwards only, and keep an error until the samples before it are taken."""

    error_code = 0

    def seekable(self) -> bool:
        """Say no: the seek after each block would make mp3 and Opus glitch."""
        return False

    @property
    def _errorcode(self) -> int:
        # asked after each read, and raised there: the samples before the error would be lost
        code = super()._errorcode
        if code and not self.closed:
            self.error_code = code
            return 0
        return code


class Sound:
    """A recording that libsndfile decodes.

    Parameters
    ----------
    file : binary file
        At any position; closed by who opened it.
    patches : mapping
        Bytes as which others are read, by their positions.

    Raises
    ------
    Excluded
        AUDIO_FORMAT.
    """

    def __init__(self, file: BinaryIO, patches: Mapping[int, bytes]):
        file.seek(0)
        # a file that is not in memory is read by libsndfile itself, which is faster
        source = file if hasattr(file, "getbuffer") else file.fileno()
        try:
            self._file = _Forward(Patched(file, patches) if patches else source, closefd=False)
        except soundfile.LibsndfileError as error:
            raise Excluded("AUDIO_FORMAT", _reason(error)) from error
        self.rate, self.n_channels = self._file.samplerate, self._file.channels
        known = self._file.frames < _UNKNOWN
        self.n_declared: int | None = self._file.frames if known else None
        self.damage = ""  # why the samples ended early
        self.n_damaged = 0  # samples that stand for damaged ones
        self.is_cut = False  # within the last frame
        self.left_s = 0.0  # sound of another kind that was not decoded

    def close(self) -> None:
        """End decoding."""
        self._file.close()

    def blocks(self, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the samples, shape (S, C), float32 with full scale 1, and as they were stored.

        Both are valid until the next are asked for. ``size`` is the number of samples of a block,
        all channels together.
        """
        sound = self._file
        shape = (max(1, size // sound.channels), sound.channels)
        # libsndfile is slow at the commonest of all conversions; the values are the same, exactly
        is_common = sound.subtype == "PCM_16" and sound.format in _PLAIN
        stored = np.empty(shape, np.int16 if is_common else np.float32)
        scaled = np.empty(shape, np.float32) if is_common else stored
        while not sound.error_code:
            try:
                n_samples = len(sound.read(out=stored))
            except soundfile.LibsndfileError as error:
                self.damage = _reason(error)
                return
            if n_samples and is_common:
                np.multiply(stored[:n_samples], np.float32(2**-15), out=scaled[:n_samples])
            if n_samples:
                yield scaled[:n_samples], stored[:n_samples]
            elif not sound.error_code:
                return
        self.damage = _reason(soundfile.LibsndfileError(sound.error_code))


def _reason(error: soundfile.LibsndfileError) -> str:
    # the error's own text names the file, and so a path or an address
    return f"libsndfile: {error.error_string.strip() or f'error {error.code}'}"
