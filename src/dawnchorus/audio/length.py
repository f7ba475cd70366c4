"""How much sound is in a recording, by its bytes, before it is decoded.

Decoders believe the header of a file, or estimate its length from the first frames, and stop there;
of what is cut libsndfile decodes the rest and reports no error. So chunks, frames and pages are
counted here, which takes up to a tenth of the time of decoding.

* `survey`: the length of a recording that is open, and whether its end is missing.
"""

import dataclasses
import math
from typing import BinaryIO

from dawnchorus.audio import flac_frames, mpeg_frames, ogg_pages, sample_chunk
from dawnchorus.audio.byte_source import ByteReader
from dawnchorus.audio.verdicts import KEPT_ON_REQUEST, Excluded

SLACK_S = 0.1  # of sound: less than this may be lost at joints, and by decoders' delays

_MOST_BOXES = 100_000  # of an M4A file; fragmented ones have some for each second
_TRIMMED = 4  # frames of an mp3 that may be what encoders add at its start and end


@dataclasses.dataclass
class Length:
    """What the bytes of a recording say of its length."""

    seconds: float | None = None
    """Sound that is there [s], None where it was not counted and the decoder is believed."""
    missing_s: float = 0.0
    """Sound that is claimed and is not there [s], as far as it was counted."""
    tolerance_s: float = SLACK_S
    """By how much the number of the first decoder may be below ``seconds``, for it to decode."""
    slack_s: float = SLACK_S
    """By how much what was decoded may be below ``seconds`` without a warning."""
    is_estimated: bool = False
    """Whether the first decoder's number is an estimate and no claim."""
    unread_share: float = 0.0
    """Bytes of sound that neither decoder reads, over those that one does."""
    doubt: str = ""
    """Why the end may be missing, or why the header was not believed."""
    patches: dict[int, bytes] = dataclasses.field(default_factory=dict)
    """Bytes as which the first decoder is to read others, by their positions."""


def survey(source: BinaryIO, kind: str, start: int, allow_truncated: bool) -> Length:
    """Count the sound of a recording by its bytes.

    Parameters
    ----------
    source : binary file
    kind : str
        As `dawnchorus.audio.container.file_format` gives it.
    start : int
        Position of the first byte after a tag.
    allow_truncated : bool
        Whether a cut recording is to be used.

    Raises
    ------
    Excluded
        AUDIO_NO_SAMPLES, AUDIO_TRUNCATED, AUDIO_DECODE.
    """
    if kind in ("wav", "w64", "aiff"):
        return _of_chunks(source, kind, allow_truncated)
    if kind == "mp3":
        return _of_mpeg(source)
    if kind == "flac":
        parts = flac_frames.survey(source, start)
        if len(parts) > 1:
            there = [(part.n_samples or 0) / max(1, part.rate) for part in parts]
            claimed = [part.n_claimed / max(1, part.rate) for part in parts]
            missing_s = sum(max(0.0, c - t) for c, t in zip(claimed, there, strict=True))
            return Length(seconds=sum(there), missing_s=missing_s)
        # libsndfile ends at a total that is too small, and reads to the end where there is none
        if parts and parts[0].n_samples is not None and 0 < parts[0].n_claimed < parts[0].n_samples:
            return Length(patches=flac_frames.patch(parts[0], source))
    if kind == "ogg":
        doubt = "" if ogg_pages.has_last_page(source) else "the stream has no last page"
        if doubt and not allow_truncated:
            raise Excluded("AUDIO_TRUNCATED", f"{doubt}; {KEPT_ON_REQUEST}")
        streams, n_damaged = ogg_pages.survey(source)
        if n_damaged:
            damage = f"damaged pages: {n_damaged}"
            if not allow_truncated:
                raise Excluded("AUDIO_DECODE", f"{damage}; {KEPT_ON_REQUEST}")
            doubt = f"{doubt}; {damage}" if doubt else damage
        # a single stream may begin within another, so its last position says less than the decoder
        if len(streams) < 2 and all(stream.is_ordered for stream in streams):
            return Length(doubt=doubt)
        return Length(seconds=sum(one.n_samples / one.rate for one in streams), doubt=doubt)
    if kind == "m4a":
        # a file is boxes, each after its length in 32 bits, or after 1 and a length in 64; a second
        # box "ftyp" begins another file, and decoders end before it
        reader, position = ByteReader(source), 0
        for _ in range(_MOST_BOXES):
            head = reader.at(position, 16)
            if position and head[4:8] == b"ftyp":
                return Length(unread_share=(reader.size - position) / position)
            n_bytes = int.from_bytes(head[:4], "big")
            if n_bytes == 1:
                n_bytes = int.from_bytes(head[8:], "big")
            if len(head) < 16 or n_bytes < 8:
                break
            position += n_bytes
    return Length()


def _of_chunks(source: BinaryIO, kind: str, allow_truncated: bool) -> Length:
    chunk = sample_chunk.find(source, kind)
    if chunk is None:
        return Length()
    claimed, present = chunk.claimed, chunk.present
    if present == 0 or (claimed == 0 and chunk.is_followed_by_chunks(source)):
        detail = f"the header says {claimed} bytes of samples, {present} follow it"
        raise Excluded("AUDIO_NO_SAMPLES", detail)
    if claimed == 0:
        doubt = f"the header says 0 bytes of samples, {present} follow it"
        if not allow_truncated:
            raise Excluded("AUDIO_NO_SAMPLES", f"{doubt}; {KEPT_ON_REQUEST}")
        return _all_of(chunk, doubt)
    if claimed > present:
        if chunk.is_streamed:
            return _all_of(chunk, "the header gives no length")
        size = chunk.start + present
        if claimed in (size, size - 8):
            # written by recorders that take the file for its samples: nothing can be missing
            return _all_of(chunk, "the header gives the length of the file as that of its samples")
        doubt = f"{present} of {claimed} bytes of samples are there"
        if not allow_truncated:
            raise Excluded("AUDIO_TRUNCATED", f"{doubt}; {KEPT_ON_REQUEST}")
        return Length(doubt=doubt)
    if claimed < present and not chunk.is_followed_by_chunks(source):
        return _all_of(chunk, f"the header says {claimed} bytes of samples, {present} follow it")
    if kind == "w64" or (joined_at := chunk.joined_at(source)) is None:
        return Length()
    # libsndfile refuses a file with the name of a second one in it
    unread = (chunk.start + present - joined_at) / claimed
    return Length(unread_share=unread, patches={joined_at: b"junk"})


def _all_of(chunk: sample_chunk.Chunk, doubt: str) -> Length:
    unread = 0.0
    if chunk.field.layout.size == 4:
        unread = max(0, chunk.present - sample_chunk.LARGEST) / sample_chunk.LARGEST
    return Length(doubt=doubt, patches=chunk.patch(), unread_share=unread)


def _of_mpeg(source: BinaryIO) -> Length:
    parts, is_cut = mpeg_frames.survey(source)
    if not parts:
        return Length()
    first = parts[0]
    frame_s = first.header.n_samples / first.header.rate
    is_estimated = first.n_claimed is None
    if len(parts) > 1 or first.n_unclaimed:
        tolerance_s = -math.inf
    else:
        # an estimate may be wrong by two frames; of a right table decoders trim more or less
        tolerance_s = (2 if is_estimated else _TRIMMED) * frame_s
    doubts = ["the last frame is cut"] if is_cut and is_estimated else []
    if n_junk := sum(part.junk_bytes for part in parts):
        doubts.append(f"{n_junk} bytes between frames are none")
    return Length(
        seconds=sum(part.n_samples / part.header.rate for part in parts),
        missing_s=sum(part.n_missing / part.header.rate for part in parts),
        tolerance_s=tolerance_s,
        slack_s=max(SLACK_S, _TRIMMED * frame_s),
        is_estimated=is_estimated,
        doubt="; ".join(doubts),
    )
