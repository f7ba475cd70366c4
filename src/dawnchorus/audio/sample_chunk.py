"""The chunk of samples in WAV, RF64, W64 and AIFF: what its header says and what follows it.

Recorders and programs that stream write the length last, or never, or that of the whole file. The
header is believed where what follows the samples parses as chunks or tags; else the samples go on.

* `find`: the chunk of a file.
* `Chunk.is_followed_by_chunks`: whether the header is to be believed.
* `Chunk.joined_at`: where another file begins that was joined to it.
* `Chunk.patch`: the bytes of a header that takes in all that is there.
"""

import struct
from typing import BinaryIO, NamedTuple

from dawnchorus.audio.byte_source import ByteReader

_MOST_CHUNKS = 10_000  # a real file has some tens; a hostile one must not delay the run
# lengths that programs write which stream, and cannot return to the header: near the largest of
# 31, 32 and 64 bits, or somewhat less where they take the header off
_STREAMED = (
    range(0x7FFF_0000, 0x8000_0001),
    range(0xFFFF_0000, 0x1_0000_0000),
    range(0x7FFF_FFFF_FFFF_0000, 0x8000_0000_0000_0001),
    range(0xFFFF_FFFF_FFFF_0000, 0x1_0000_0000_0000_0000),
)
_TAGS = (b"ID3", b"TAG", b"APETAGEX", b"LYRICSBEGIN", b"<?xml")
# chunks that are known by their name, even where the end of the file cuts them
_KNOWN = (
    *(b"LIST", b"INFO", b"id3 ", b"ID3 ", b"bext", b"iXML", b"guan", b"wamd", b"fact", b"cue "),
    *(b"smpl", b"inst", b"plst", b"JUNK", b"junk", b"PAD ", b"FLLR", b"_PMX", b"axml", b"PEAK"),
    *(b"COMM", b"MARK", b"NAME", b"AUTH", b"ANNO", b"COMT", b"INST", b"APPL", b"(c) ", b"CHAN"),
)
# what begins another file or chunk of samples
_JOINED = (b"RIFF", b"RIFX", b"RF64", b"FORM", b"data", b"SSND")
LARGEST = 0xFFFF_FFFE  # bytes of samples that the field of a WAV or AIFF file can say


class Field(NamedTuple):
    """Where a header has the length of the samples, and what is to be added to it there."""

    position: int
    layout: struct.Struct
    added: int


class Chunk(NamedTuple):
    """The chunk of samples."""

    start: int  # position of the first sample
    claimed: int  # bytes, by the header
    present: int  # bytes from the first sample to the end of the file
    field: Field
    head: struct.Struct  # of any chunk of the format
    alignment: int  # bytes

    @property
    def is_streamed(self) -> bool:
        """Whether the length is what programs write that do not know it."""
        return any(self.claimed + self.field.added in values for values in _STREAMED)

    def is_followed_by_chunks(self, source: BinaryIO) -> bool:
        """Return whether nothing, padding, or another chunk or a tag follows the claimed samples."""
        reader = ByteReader(source)
        end, aligned = self._ends()
        if reader.size - end < self.head.size:
            return True
        # zeros up to the end are padding: as samples they would be silence, and nothing is lost
        position = end
        while position < reader.size and not (block := reader.at(position, 1 << 20)).strip(b"\0"):
            position += len(block)
        if position >= reader.size:
            return True
        return any(self._is_chunk(reader, position) for position in (end, aligned))

    def joined_at(self, source: BinaryIO) -> int | None:
        """Return where another file or chunk of samples begins behind this one, mostly None."""
        reader = ByteReader(source)
        for position in set(self._ends()):
            for _ in range(_MOST_CHUNKS):
                raw = reader.at(position, self.head.size)
                if len(raw) < self.head.size or not self._is_chunk(reader, position):
                    break
                if raw.startswith(_JOINED):
                    return position
                n_bytes = self.head.unpack(raw)[1]
                position += self.head.size + -(-n_bytes // self.alignment) * self.alignment
        return None

    def _ends(self) -> tuple[int, int]:
        # a chunk of odd length is followed by a byte of padding, which some programs forget
        aligned = -(-self.claimed // self.alignment) * self.alignment
        return self.start + self.claimed, self.start + aligned

    def _is_chunk(self, reader: ByteReader, position: int) -> bool:
        raw = reader.at(position, self.head.size)
        if raw.startswith((*_TAGS, *_KNOWN)) or reader.size - position <= len(raw):
            return True
        name, n_bytes = self.head.unpack(raw)
        # the last chunk of a file may be cut by its padding, or be longer than its head says
        return all(32 <= c < 127 for c in name) and n_bytes <= reader.size - position

    def patch(self) -> dict[int, bytes]:
        """Return the bytes of the header that claim all that is there."""
        position, layout, added = self.field
        most = LARGEST - added if layout.size == 4 else self.present
        return {position: layout.pack(min(self.present, most) + added)}


def find(source: BinaryIO, kind: str) -> Chunk | None:
    """Return the chunk of samples of a WAV, W64 or AIFF file, None where it has none."""
    reader = ByteReader(source)
    order = ">" if reader.at(0, 4) in (b"FORM", b"RIFX") else "<"
    head = struct.Struct("<4s12xQ" if kind == "w64" else f"{order}4sI")
    length = struct.Struct("<Q" if kind == "w64" else f"{order}I")
    start, alignment = (40, 8) if kind == "w64" else (12, 2)
    large = None  # position and size of the samples in RF64, which do not fit their own chunk
    for _ in range(_MOST_CHUNKS):
        raw = reader.at(start, head.size)
        if len(raw) < head.size:
            return None
        name, n_bytes = head.unpack(raw)
        added = head.size if kind == "w64" else 0  # W64 counts the chunk's own head
        start += head.size
        if name == b"ds64":
            large = start + 8, int.from_bytes(reader.at(start + 8, 8), "little")
        if name in (b"data", b"SSND"):
            field = Field(start - length.size, length, added)
            if large is not None and n_bytes == 0xFFFF_FFFF:
                field, n_bytes = Field(large[0], struct.Struct("<Q"), 0), large[1]
            elif name == b"SSND":
                # the samples of an AIFF file come after an offset and a block size
                start, added = start + 8, 8
                field = field._replace(added=8)
            claimed, present = max(0, n_bytes - field.added), max(0, reader.size - start)
            return Chunk(start, claimed, present, field, head, alignment)
        start += -(-max(0, n_bytes - added) // alignment) * alignment
        if start >= 1 << 62:  # beyond what a file can be, and so is a seek to it
            return None
    return None
