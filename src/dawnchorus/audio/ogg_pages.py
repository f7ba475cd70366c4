"""Pages of Ogg, whose positions give the length of each stream in a file (RFC 3533).

A file may hold several streams one after another (it is chained). libsndfile decodes the first one.

* `has_last_page`: whether the end of a file is that of a stream.
* `survey`: the streams of sound in a file, one after another, and its damaged pages.
"""

import os
import zlib
from typing import BinaryIO, NamedTuple

from dawnchorus.audio.byte_source import ByteReader

_UNSET = 2**64 - 1  # position of a page on which no packet ends
_LAST, _FIRST = 4, 2  # flags of a page
_MIRRORED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


class Stream(NamedTuple):
    """A stream of sound."""

    rate: int  # [Hz]
    n_samples: int  # per channel
    is_ordered: bool  # whether the last page is the one that is furthest


def has_last_page(source: BinaryIO) -> bool:
    """Return whether the last page of an Ogg file is whole and marked as the last of its stream."""
    size = source.seek(0, os.SEEK_END)
    source.seek(max(0, size - (1 << 17)))  # a page has at most 65,307 bytes
    tail = source.read(1 << 17)
    start = tail.rfind(b"OggS")
    page = tail[start:]
    if start < 0 or len(page) < 27 or len(page) < 27 + page[26]:
        return False
    n_bytes = 27 + page[26] + sum(page[27 : 27 + page[26]])
    return bool(page[5] & _LAST) and len(page) >= n_bytes


def survey(source: BinaryIO) -> tuple[list[Stream], int]:
    """Return the streams of sound that follow one another, and the number of damaged pages.

    Decoders leave a page out whose check sum is wrong, and say nothing.
    """
    reader, n_damaged = ByteReader(source), 0
    found: dict[int, list[int]] = {}  # by occurrence: rate, samples before the first, positions
    current: dict[int, int] = {}  # occurrence by serial number
    position = 0
    while 0 <= (position := reader.find(b"OggS", position)):
        head = reader.at(position, 282)
        if len(head) < 27 or head[4] != 0:
            position += 4
            continue
        start = 27 + head[26]
        n_bytes = start + sum(head[27:start])
        if position + n_bytes > reader.size:
            break
        page = reader.at(position, n_bytes)
        # the check sum (RFC 3533, 6) is that of zlib with the bits of each byte in the other order,
        # from 0 on, over the page with zeros in its place
        mirrored = (page[:22] + bytes(4) + page[26:]).translate(_MIRRORED)
        check_sum = (zlib.crc32(mirrored, 0xFFFFFFFF) ^ 0xFFFFFFFF).to_bytes(4, "big")
        if check_sum.translate(_MIRRORED) != page[22:26]:
            n_damaged += 1
            position += 4  # its length may be what is damaged
            continue
        granule, serial = (
            int.from_bytes(head[6:14], "little"),
            int.from_bytes(head[14:18], "little"),
        )
        if head[5] & _FIRST:
            # the first packet names the codec; a stream without a rate here is no sound
            packet, rate, before = reader.at(position + start, 64), 0, 0
            if packet[:7] == b"\x01vorbis":
                rate = int.from_bytes(packet[12:16], "little")
            elif packet[:8] == b"OpusHead":
                # positions count at 48 kHz, whatever was recorded, and from the first that is decoded
                rate, before = 48000, int.from_bytes(packet[10:12], "little")
            elif packet[:5] == b"\x7fFLAC":
                # a mapping header of 9 bytes, then what a FLAC file begins with
                rate = int.from_bytes(packet[27:30], "big") >> 4
            if rate:
                current[serial] = len(found)
                found[len(found)] = [rate, before, 0, 0]
            else:
                current.pop(serial, None)
        elif serial in current and granule != _UNSET and granule < 1 << 62:
            stream = found[current[serial]]
            stream[2:] = max(stream[2], granule), granule
        position += n_bytes
    streams = [
        Stream(rate, max(0, most - before), most == last)
        for rate, before, most, last in found.values()
    ]
    return streams, n_damaged
