"""The second decoder, libav: what libsndfile does not open, or ends too early.

These are the libraries of FFmpeg, which the package PyAV brings along. They read more formats than
are wanted and can open other files and addresses, so each recording is given as an open file with the
name of its format. Frames of mp3 are even found by `dawnchorus.audio.mpeg_frames`: the libraries only
decode them.

* `open_sound`: start to decode a recording.
"""

import contextlib
import io
import itertools
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import av
import numpy as np

from dawnchorus.audio import mpeg_frames
from dawnchorus.audio.verdicts import Excluded

FORMATS = {"m4a": "mov", "aac": "aac", "ogg": "ogg", "flac": "flac"}
MOST_CHANNELS = 7  # PyAV 18 looks for the samples of an eighth channel outside the frame
_SCALES = {"u8": 2.0**-7, "s16": 2.0**-15, "s32": 2.0**-31, "flt": 1.0, "dbl": 1.0}
_CODECS = {1: "mp1float", 2: "mp2float", 3: "mp3float"}  # by layer


def open_sound(file: BinaryIO, kind: str) -> "MpegSound | Sound":
    """Start to decode a recording.

    Parameters
    ----------
    file : binary file
        At any position; closed by who opened it.
    kind : str
        ``mp3`` or one of `FORMATS`.

    Raises
    ------
    Excluded
        AUDIO_FORMAT.
    """
    return MpegSound(file) if kind == "mp3" else Sound(file, kind)


class MpegSound:
    """An mp3, frame by frame; attributes as those of `dawnchorus.audio.libsndfile.Sound`."""

    def __init__(self, file: BinaryIO):
        self._parts, _ = mpeg_frames.survey(file)
        if not self._parts:
            raise Excluded("AUDIO_FORMAT", "no frames of mp3")
        self._file = file
        self.rate, self.n_channels = self._parts[0].header.rate, self._parts[0].header.n_channels
        self.n_declared: int | None = None
        self.damage, self.n_damaged, self.is_cut, self.left_s = "", 0, False, 0.0

    def close(self) -> None:
        """End decoding."""

    def blocks(self, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the samples, as `dawnchorus.audio.libsndfile.Sound.blocks` does.

        They end where the sample rate or the number of channels changes.
        """
        yield from _joined(self._sound(), size // self.n_channels)

    def _sound(self) -> Iterator[np.ndarray]:
        """Yield the samples of each frame that are sound, shape (S, C)."""
        parts, current, codec = iter(self._parts), None, None
        position = first = last = 0  # samples of the part: of this frame, of its sound
        for part, frame in mpeg_frames.walk(self._file):
            if frame is None:
                return
            if part is not current:
                current, known = part, next(parts)
                first = known.skipped[0]
                position, last = 0, first + known.n_samples
                # a part begins without what the one before has left for the next frame
                codec = av.CodecContext.create(_CODECS[frame.header.layer], "r")
                _without_threads(codec)
            if (frame.header.rate, frame.header.n_channels) != (self.rate, self.n_channels):
                return
            self._file.seek(frame.position)
            shape = (frame.header.n_samples, self.n_channels)
            try:
                found = codec.decode(av.Packet(self._file.read(frame.header.n_bytes)))
                blocks = [_samples(one) for one in found]
            except av.error.FFmpegError as error:
                if isinstance(error, MemoryError):
                    raise
                blocks = []
            if [block.shape for block in blocks] == [shape]:
                samples = blocks[0]
            else:
                # zeros for a frame that is damaged: what follows keeps its time
                samples = np.zeros(shape, np.float32)
                self.n_damaged += len(samples)
            yield samples[max(0, first - position) : max(0, last - position)]
            position += len(samples)


class Sound:
    """A recording of another format; attributes as those of `dawnchorus.audio.libsndfile.Sound`."""

    def __init__(self, file: BinaryIO, kind: str):
        file.seek(0)
        source = file if hasattr(file, "getbuffer") else io.BufferedReader(_Kept(file))
        try:
            self._container = av.open(source, format=FORMATS[kind], metadata_errors="ignore")
        except av.error.FFmpegError as error:
            if isinstance(error, MemoryError):
                raise
            raise Excluded("AUDIO_FORMAT", _reason(error)) from error
        streams = [one for one in self._container.streams.audio if one.codec_context is not None]
        if not streams:
            self.close()
            raise Excluded("AUDIO_FORMAT", "no stream of sound that can be decoded")
        self._stream = streams[0]
        _without_threads(self._stream.codec_context)
        self.rate, self.n_channels = self._stream.rate, self._stream.channels
        if not self.rate or not 1 <= self.n_channels <= MOST_CHANNELS:
            self.close()
            found = f"{self.n_channels} channels at {self.rate} Hz"
            raise Excluded("AUDIO_FORMAT", f"{found}; 1-{MOST_CHANNELS} channels are taken")
        self.n_declared: int | None = None
        if kind == "m4a" and self._stream.duration:
            self.n_declared = round(self._stream.duration * self._stream.time_base * self.rate)
        self.damage, self.n_damaged, self.is_cut, self.left_s = "", 0, False, 0.0

    def close(self) -> None:
        """End decoding."""
        self._container.close()

    def blocks(self, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the samples, as `dawnchorus.audio.libsndfile.Sound.blocks` does.

        They end where the sample rate or the number of channels changes.
        """
        yield from _joined(self._sound(), max(1, size // self.n_channels))

    def _sound(self) -> Iterator[np.ndarray]:
        packets = self._container.demux(self._stream)
        try:
            for packet in packets:
                for frame in packet.decode():
                    if (frame.rate, frame.layout.nb_channels) != (self.rate, self.n_channels):
                        self.left_s = _seconds(itertools.chain([packet], packets))
                        return
                    yield _samples(frame)
        except av.error.PatchWelcomeError:
            self.left_s = _seconds(packets)
            return  # another rate or number of channels, for which the format has no words
        except av.error.FFmpegError as error:
            if isinstance(error, MemoryError):
                raise
            # where nothing follows the packet that was taken last, its end is what is missing
            with contextlib.suppress(av.error.FFmpegError):
                self.is_cut = not any(packet.size for packet in packets)
            if not self.is_cut:
                self.damage = _reason(error)


class _Kept(io.RawIOBase):
    """A file that stays open when who reads it closes it."""

    def __init__(self, file: BinaryIO):
        super().__init__()
        self.file = file

    def readable(self) -> bool:
        """Return True: it is read only."""
        return True

    def seekable(self) -> bool:
        """Return True: the file below is."""
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a byte of the file below."""
        return self.file.seek(offset, whence)

    def readinto(self, buffer) -> int:
        """Fill a buffer from the file below."""
        return self.file.readinto(buffer)


def _joined(pieces: Iterator[np.ndarray], size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield pieces joined to blocks of about a size, each twice: nothing is stored otherwise."""
    waiting, n_waiting = [], 0
    for piece in pieces:
        if len(piece):
            waiting.append(piece)
            n_waiting += len(piece)
        if n_waiting >= size:
            block = np.concatenate(waiting)
            yield block, block
            waiting, n_waiting = [], 0
    if waiting:
        block = np.concatenate(waiting)
        yield block, block


def _samples(frame: "av.AudioFrame") -> np.ndarray:
    """Return the samples of a decoded frame, shape (S, C), float32 with full scale 1."""
    values = frame.to_ndarray()
    kind = frame.format.name.removesuffix("p")
    n_channels = len(frame.layout.channels)
    values = values.T if frame.format.is_planar else values.reshape(-1, n_channels)
    if kind == "u8":
        values = values.astype(np.int16) - 128
    scaled = values.astype(np.float32) * np.float32(_SCALES[kind])
    return np.ascontiguousarray(scaled)


def _seconds(packets: Iterable["av.Packet"]) -> float:
    """Return how long packets last that are not decoded [s]."""
    with contextlib.suppress(av.error.FFmpegError):
        return float(sum((one.duration or 0) * (one.time_base or 0) for one in packets if one.size))
    return 0.0


def _without_threads(codec: "av.AudioCodecContext") -> None:
    codec.thread_count, codec.thread_type = 1, "NONE"


def _reason(error: "av.error.FFmpegError") -> str:
    # the error's own text names the file
    return f"libav: {error.strerror}"
