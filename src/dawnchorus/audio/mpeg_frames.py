"""Frames of MPEG audio, layers I to III, counted: what an mp3 holds, whatever its header says.

An mp3 has no header of its own. Its first frame may hold a table of contents (Xing, Info or VBRI)
with the number of frames, and how many samples the encoder added at the start and the end. Without it
decoders estimate the length from the first frames, which is wrong where the bit rate varies. Joined
files have a table for the first part alone, or one in the middle. Between frames tags may stand.

* `survey`: walk over the frames and tables of a file.
* `Part`, `Frame`: what was found.
"""

import dataclasses
import functools
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from dawnchorus.audio.byte_source import ByteReader

# bit rates in kbit/s by (MPEG version 1 or 2, layer); index 0 is free format, 15 is none
_BIT_RATES = {
    (1, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # by version
DECODER_DELAY = 529  # samples by which every decoder of layer III is late
_MOST_TRIES = 100_000  # places where a frame might begin: a hostile file must not delay the run


class Header(NamedTuple):
    """The four bytes before each frame."""

    layer: int
    rate: int  # [Hz]
    n_channels: int
    n_samples: int  # per channel
    n_bytes: int
    side_bytes: int  # between the header and the data of layer III

    @property
    def kind(self) -> tuple[int, int, int, int]:
        """What all frames of a part have in common."""
        return self[:4]


class Frame(NamedTuple):
    """A frame of sound and where its bytes are."""

    position: int
    header: Header


@dataclasses.dataclass
class Part:
    """Frames of one kind that follow one another, up to the next table of contents."""

    header: Header
    n_frames: int = 0
    n_claimed: int | None = None  # frames, of the table of contents
    skipped: tuple[int, int] = (0, 0)  # samples that are no sound, at the start and at the end
    junk_bytes: int = 0  # between its frames, or before the next part: neither frames nor tags

    @property
    def n_samples(self) -> int:
        """Samples of sound."""
        return max(0, self.n_frames * self.header.n_samples - sum(self.skipped))

    @property
    def n_missing(self) -> int:
        """Samples that are claimed and not there."""
        return max(0, (self.n_claimed or 0) - self.n_frames) * self.header.n_samples

    @property
    def n_unclaimed(self) -> int:
        """Frames that are there and not claimed."""
        return 0 if self.n_claimed is None else max(0, self.n_frames - self.n_claimed)


def survey(source: BinaryIO) -> tuple[list[Part], bool]:
    """Return the parts of a file, and whether it ends within a frame."""
    parts, is_cut = [], False
    for part, frame in walk(source):
        if frame is None:
            is_cut = True
        elif not parts or part is not parts[-1]:
            parts.append(part)
    return parts, is_cut


def walk(source: BinaryIO) -> Iterator[tuple[Part, Frame | None]]:
    """Yield the frames of sound, each with the part that it belongs to, which grows as it goes.

    In place of a frame that the end of the file cuts there is None, and nothing after it.
    """
    reader = ByteReader(source)
    position, part, is_lost = 0, None, True
    n_tries = n_junk = 0
    while position + 4 <= reader.size:
        header = _header(reader.at(position, 4))
        is_next = part is not None and header is not None and header.kind == part.header.kind
        is_frame = header is not None
        if is_frame and (is_lost or not is_next):
            # any four bytes may look like a header: the first of a kind counts where the end of the
            # file, a tag or another of its kind stands behind the frame
            end = position + header.n_bytes
            following = _header(reader.at(end, 4))
            if end >= reader.size:
                is_frame = end == reader.size
            elif following is None:
                is_frame = _tag_bytes(reader, end) > 0
            else:
                is_frame = following.kind == header.kind
        if not is_frame:
            if tag := _tag_bytes(reader, position):
                position += tag
                continue
            n_tries += 1
            n_junk -= position
            position, is_lost = reader.find(b"\xff", position + 1), True
            if position < 0 or n_tries > _MOST_TRIES:
                return
            n_junk += position
            continue
        is_lost = False
        if part is not None:
            part.junk_bytes += n_junk
        n_junk = 0
        if position + header.n_bytes > reader.size:
            if part is not None:
                yield part, None
            return
        if (contents := _contents(reader, position, header)) is not None:
            part = Part(header, 0, *contents)
        else:
            if not is_next:
                part = Part(header)
            part.n_frames += 1
            yield part, Frame(position, header)
        position += header.n_bytes


@functools.lru_cache(maxsize=256)
def _header(raw: bytes) -> Header | None:
    """Return what the four bytes before a frame say, None where they are none of these."""
    if len(raw) < 4 or raw[0] != 0xFF or raw[1] & 0xE0 != 0xE0:
        return None
    version, layer = raw[1] >> 3 & 3, 4 - (raw[1] >> 1 & 3)
    bit_rate_index, rate_index = raw[2] >> 4, raw[2] >> 2 & 3
    if version == 1 or layer == 4 or rate_index == 3 or bit_rate_index in (0, 15):
        return None
    generation = 1 if version == 3 else 2
    rate = _RATES[version][rate_index]
    bits = _BIT_RATES[generation, layer][bit_rate_index] * 1000
    padding = raw[2] >> 1 & 1
    n_channels = 1 if raw[3] >> 6 == 3 else 2
    n_samples = {1: 384, 2: 1152, 3: 1152 if generation == 1 else 576}[layer]
    slots = (12 * bits // rate + padding) * 4
    n_bytes = slots if layer == 1 else n_samples // 8 * bits // rate + padding
    side_bytes = {(1, 1): 17, (1, 2): 32, (2, 1): 9, (2, 2): 17}[generation, n_channels]
    return Header(layer, rate, n_channels, n_samples, n_bytes, side_bytes)


def _tag_bytes(reader: ByteReader, position: int) -> int:
    """Return the length of the tag that begins here, 0 where none does."""
    head = reader.at(position, 32)
    if head[:3] == b"ID3" and len(head) >= 10:
        return id3_bytes(head)
    if head[:3] == b"TAG" and position + 128 == reader.size:
        return 128
    if head[:8] == b"APETAGEX" and len(head) == 32:
        # the length counts the items and what ends the tag, which looks as its start does
        has_items = head[23] & 0x20
        return 32 + (int.from_bytes(head[12:16], "little") if has_items else 0)
    return 0


def id3_bytes(head: bytes) -> int:
    """Return the length of an ID3v2 tag from its first 10 bytes."""
    size = 0
    for value in head[6:10]:
        size = size << 7 | value & 0x7F
    return 10 + size + (10 if head[5] & 0x10 else 0)


def _contents(
    reader: ByteReader, position: int, header: Header
) -> tuple[int | None, tuple[int, int]] | None:
    """Return what a table of contents says: frames, and samples that are no sound.

    None is returned where the frame is no such table but sound.
    """
    if header.layer != 3:
        return None
    frame = reader.at(position, min(header.n_bytes, 200))
    if frame[36:40] == b"VBRI":
        return int.from_bytes(frame[50:54], "big"), (0, 0)
    start = 4 + header.side_bytes
    if frame[start : start + 4] not in (b"Xing", b"Info"):
        start += 2  # behind a check sum
        if frame[start : start + 4] not in (b"Xing", b"Info"):
            return None
    flags = int.from_bytes(frame[start + 4 : start + 8], "big")
    n_claimed = int.from_bytes(frame[start + 8 : start + 12], "big") if flags & 1 else None
    start += 8 + 4 * (flags & 1) + 2 * (flags & 2) + 25 * (flags & 4) + (flags & 8) // 2
    encoder = frame[start : start + 24]
    if len(encoder) < 24 or not all(32 <= value < 127 for value in encoder[:4]):
        return n_claimed, (0, 0)
    packed = int.from_bytes(encoder[21:24], "big")
    return n_claimed, ((packed >> 12) + DECODER_DELAY, max(0, (packed & 0xFFF) - DECODER_DELAY))
