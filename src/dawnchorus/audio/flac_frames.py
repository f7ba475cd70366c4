"""Frames of FLAC: where the last one ends, whatever the header says (RFC 9639).

* `survey`: what is there and what is claimed, of each FLAC file that a file holds.
"""

import itertools
from typing import BinaryIO, NamedTuple

from dawnchorus.audio.byte_source import ByteReader

_STREAM_INFO = b"fLaC\x00\x00\x00\x22", b"fLaC\x80\x00\x00\x22"
INFO_BYTES = 42  # with the mark
TOTAL_AT = 18  # where the number of samples stands: 36 bits of 8 bytes
_STEP = 1 << 16
_MOST_BACK = 1 << 24  # a frame has at most 16 MB by the header's own field
_BLOCK_SIZES = {
    1: 192,
    **{i: 576 << (i - 2) for i in range(2, 6)},
    **{i: 1 << i for i in range(8, 16)},
}


class Part(NamedTuple):
    """One FLAC file, of several that were joined."""

    start: int  # position of its first byte
    rate: int  # [Hz]
    n_claimed: int  # samples per channel; 0 is unknown
    n_samples: int | None  # that its last frame ends with, None where no frame was found


def survey(source: BinaryIO, start: int) -> list[Part]:
    """Return the FLAC files that a file holds from a position on, one after another."""
    reader = ByteReader(source)
    starts = []
    while start >= 0:
        if reader.at(start, 8) in _STREAM_INFO:
            starts.append(start)
        start = reader.find(b"fLaC", start + 4)
    parts = []
    for start, end in itertools.pairwise([*starts, reader.size]):
        info = reader.at(start, INFO_BYTES)
        if len(info) < INFO_BYTES:
            break
        packed = int.from_bytes(info[TOTAL_AT : TOTAL_AT + 8], "big")
        least, most = int.from_bytes(info[8:10], "big"), int.from_bytes(info[10:12], "big")
        fixed = most if least == most else None
        # backwards from the end, as only the last frame is wanted; 0xFF is met within frames and in
        # tags as well, so each is tried until one begins a frame
        n_samples, first, high = None, start + INFO_BYTES, end
        while n_samples is None and high > first and end - high < _MOST_BACK:
            low = max(first, high - _STEP)
            block = reader.at(low, min(end, high + 16) - low)
            at = len(block)
            while n_samples is None and (at := block.rfind(b"\xff", 0, at)) >= 0:
                if low + at < high:
                    n_samples = _samples_up_to(block[at : at + 16], fixed, most) or None
            high = low
        parts.append(Part(start, packed >> 44, packed & (1 << 36) - 1, n_samples))
    return parts


def patch(part: Part, source: BinaryIO) -> dict[int, bytes]:
    """Return the bytes with which a header claims no number of samples."""
    position = part.start + TOTAL_AT
    packed = int.from_bytes(ByteReader(source).at(position, 8), "big")
    return {position: (packed >> 36 << 36).to_bytes(8, "big")}


def _samples_up_to(head: bytes, fixed: int | None, most: int) -> int | None:
    """Return the number of samples up to the end of the frame that begins so, None where none does."""
    if len(head) < 6 or head[1] not in (0xF8, 0xF9):
        return None
    is_variable, size_code, rate_code = head[1] & 1, head[2] >> 4, head[2] & 15
    channel_code, bits_code = head[3] >> 4, head[3] >> 1 & 7
    if not size_code or rate_code == 15 or channel_code > 10 or bits_code == 3 or head[3] & 1:
        return None
    # the number is written as UTF-8 writes a character, with up to 7 bytes
    n_more = {0: 0, 2: 1, 3: 2, 4: 3, 5: 4, 6: 5, 7: 6}.get(8 - (head[4] ^ 0xFF).bit_length())
    if n_more is None or len(head) < 6 + n_more:
        return None
    number = head[4] & (0x7F if n_more == 0 else (1 << 6 - n_more) - 1)
    for value in head[5 : 5 + n_more]:
        if value & 0xC0 != 0x80:
            return None
        number = number << 6 | value & 0x3F
    at = 5 + n_more
    n_samples = _BLOCK_SIZES.get(size_code)
    if n_samples is None:
        width = size_code - 5  # codes 6 and 7: one byte and two
        n_samples = int.from_bytes(head[at : at + width], "big") + 1
        at += width
    at += {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if len(head) <= at or n_samples > most:
        return None
    # the check sum of a header is by x^8 + x^2 + x + 1 (RFC 9639, 9.1.8)
    check_sum = 0
    for byte in head[:at]:
        check_sum ^= byte
        for _ in range(8):
            check_sum = check_sum << 1 ^ (0x107 if check_sum & 0x80 else 0)
    if check_sum != head[at]:
        return None
    return (number if is_variable else number * (fixed or most)) + n_samples
