"""Real length: sound that is used of recordings whose header, table or pages claim another length.

Each case is made here: encoded by libsndfile or libav, then changed byte by byte.
"""

import io
import os
import struct
import time

import av
import numpy as np
import pytest
import soundfile

from dawnchorus.audio import (
    audio_shards,
    byte_source,
    container,
    decode,
    libav,
    libsndfile,
    mpeg_frames,
    sample_chunk,
    shard_wav,
    verdicts,
)
from dawnchorus.corpora import audio_files, tables

RATE = 22050  # Hz
MADE_S = 6.0
RECIPE = {
    "sample_rate": RATE, "resampler": "soxr_hq", "channels": "mix", "min_duration_s": 0.1,
    "max_duration_s": 60.0, "allow_truncated": False, "quiet_dbfs": -75.0,
    "decoder": {"seconds": 20, "memory_mb": 512},
}  # fmt: skip
FRAMES_S = 0.1  # what a cut or a joint may cost; encoders add as much where no table says it
JOINED_S = 0.2  # of two recordings
PAGE_S = 1.1  # of Ogg


def noise(seconds=MADE_S, rate=RATE, n_channels=1, quiet=slice(0, 0), seed=0):
    samples = 0.2 * np.random.default_rng(seed).standard_normal((int(seconds * rate), n_channels))
    samples[quiet] *= 1e-3
    return samples.astype(np.float32)


def encoded(samples, rate=RATE, format="WAV", **options):
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", rate, samples.shape[1], format=format, **options) as sound:
        for start in range(0, len(samples), rate):
            sound.write(samples[start : start + rate])
    return file.getvalue()


def encoded_by_libav(samples, format, codec, rate=RATE, **options):
    file = io.BytesIO()
    with av.open(file, "w", format=format, options=options) as output:
        stream = output.add_stream(codec, rate=rate, layout="mono")
        for start in range(0, len(samples), 1024):
            block = np.ascontiguousarray(samples[start : start + 1024].T)
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = rate, start
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


def used(folder, raw, name="a.wav", **changed):
    """Decode bytes; return the seconds that are used, the verdict and the samples."""
    path, blocks = folder / name, []
    path.write_bytes(raw)
    request = {"path": str(path), "bytes": "", "sha256": ""}
    answer = decode.resample(request, RECIPE | changed, None, lambda b: blocks.append(b.copy()))
    if answer["verdict"] != verdicts.USED:
        return 0.0, answer, np.empty((0, 1), np.float32)
    samples = np.concatenate(blocks)
    assert len(samples) == answer["n_samples"]
    return len(samples) / RATE, answer, samples


def with_bytes(raw, at, new):
    return raw[:at] + new + raw[at + len(new) :]


def table_of(mp3):
    return max(mp3.find(b"Xing"), mp3.find(b"Info"))


def without_table(mp3):
    """Take the frame with the table of contents away."""
    return mp3[next(mpeg_frames.walk(io.BytesIO(mp3)))[1].position :]


def claiming_frames(mp3, change):
    at = table_of(mp3) + 8
    n_frames = int.from_bytes(mp3[at : at + 4], "big")
    return with_bytes(mp3, at, change(n_frames).to_bytes(4, "big"))


def of_encoder(mp3, name):
    return with_bytes(mp3, mp3.index(b"LAME"), name)


def flac_claiming(flac, n_samples):
    packed = int.from_bytes(flac[18:26], "big") >> 36 << 36 | n_samples
    return with_bytes(flac, 18, packed.to_bytes(8, "big"))


def id3_with_art(n_bytes=200_000):
    picture = b"APIC" + struct.pack(">I", n_bytes) + bytes(2) + b"\xff\xfb\x90\x64" * (n_bytes // 4)
    size = len(picture)
    return b"ID3\x03\x00\x00" + bytes(size >> shift & 127 for shift in (21, 14, 7, 0)) + picture


def sized(raw, name, change, layout="<I"):
    """Change the length in the head of a chunk."""
    at = raw.index(name) + len(name)
    n_bytes = struct.unpack_from(layout, raw, at)[0]
    return with_bytes(raw, at, struct.pack(layout, change(n_bytes)))


def mpeg_cases():
    third = int(MADE_S * RATE) // 4
    cbr = encoded(noise(), format="MP3", bitrate_mode="CONSTANT")
    loud_first = noise(quiet=slice(third, None))
    loud_last = noise(quiet=slice(0, -third))
    vbr = [encoded(x, format="MP3", bitrate_mode="VARIABLE") for x in (loud_first, loud_last)]
    other_rate = encoded(noise(2.0, 44100), 44100, format="MP3")
    stereo = encoded(noise(2.0, n_channels=2), format="MP3")
    bare = without_table(cbr)
    plain = {"write_xing": "0", "id3v2_version": "0"}
    return {
        "cbr": (cbr, 6.0, "used", ""),
        "cbr, no table": (bare, 6.0, "used", ""),
        "cbr, never a table": (
            encoded_by_libav(noise(), "mp3", "libmp3lame", **plain), 6.0, "used", "",
        ),
        "vbr": (vbr[0], 6.0, "used", ""),
        "vbr, no table, loud first": (without_table(vbr[0]), 6.0, "used", ""),
        "vbr, no table, quiet first": (without_table(vbr[1]), 6.0, "used", ""),
        "joined": (cbr + cbr, 12.0, "used", ""),
        "joined thrice, vbr": (vbr[0] + vbr[1] + vbr[0], 18.0, "used", ""),
        "joined, the second with tags": (cbr + id3_with_art() + cbr, 12.0, "used", ""),
        "joined, no tables": (bare + bare, 12.0, "used", ""),
        "joined, only the first has a table": (cbr + bare, 12.0, "used", ""),
        "joined, the second cut": (cbr + cbr[: len(cbr) // 2], 9.0, "AUDIO_TRUNCATED", ""),
        "joined with another rate": (cbr + other_rate, 6.0, "used", "AUDIO_UNREAD"),
        "joined with stereo": (cbr + stereo, 6.0, "used", "AUDIO_UNREAD"),
        "art in front": (id3_with_art() + cbr, 6.0, "used", ""),
        "art in front, no table": (id3_with_art() + without_table(vbr[0]), 6.0, "used", ""),
        "tag behind": (cbr + b"TAG".ljust(128, b"\0"), 6.0, "used", ""),
        "tag behind, no table": (bare + b"TAG".ljust(128, b"\0"), 6.0, "used", ""),
        "table too small": (claiming_frames(cbr, lambda n: n // 2), 6.0, "used", ""),
        "table of another encoder": (of_encoder(cbr, b"XING"), 6.0, "used", ""),
        "table without an encoder": (of_encoder(cbr, bytes(4)), 6.0, "used", ""),
        "table without an encoder, too small by one": (
            claiming_frames(of_encoder(cbr, bytes(4)), lambda n: n - 1), 6.0, "used", "",
        ),
        "table too small by one": (claiming_frames(cbr, lambda n: n - 1), 6.0, "used", ""),
        "table says 0": (claiming_frames(cbr, lambda n: 0), 6.0, "used", ""),
        "table says 1": (claiming_frames(cbr, lambda n: 1), 6.0, "used", ""),
        "table too large": (claiming_frames(cbr, lambda n: 2 * n), 6.0, "AUDIO_TRUNCATED", ""),
        "cut": (cbr[: len(cbr) // 2], 3.0, "AUDIO_TRUNCATED", ""),
        "cut a little": (cbr[:-300], 6.0, "used", "AUDIO_LENIENT"),
        "cut, no table": (bare[: len(bare) // 2], 3.0, "used", "AUDIO_LENIENT"),
        "junk inside, no table": (bare[:9000] + bytes(500) + bare[9000:], 6.0, "used", "AUDIO_LENIENT"),
    }  # fmt: skip


def flac_cases():
    flac = encoded(noise(), format="FLAC")
    n_samples = len(noise())
    return {
        "whole": (flac, 6.0, "used", ""),
        "total 0": (flac_claiming(flac, 0), 6.0, "used", ""),
        "total half": (flac_claiming(flac, n_samples // 2), 6.0, "used", ""),
        "total 1": (flac_claiming(flac, 1), 6.0, "used", ""),
        "total one less": (flac_claiming(flac, n_samples - 1), 6.0, "used", ""),
        "total double": (flac_claiming(flac, 2 * n_samples), 6.0, "AUDIO_TRUNCATED", ""),
        "cut in the last frame": (flac[:-300], 5.94, "AUDIO_DECODE", ""),
        "cut in half": (flac[: len(flac) // 2], 3.0, "AUDIO_DECODE", ""),
        "total 0, cut": (flac_claiming(flac, 0)[:-300], 5.94, "AUDIO_DECODE", ""),
        "total half, cut": (flac_claiming(flac, n_samples // 2)[:-300], 5.94, "AUDIO_DECODE", ""),
        "joined": (flac + flac, 12.0, "used", ""),
        "behind a tag": (id3_with_art() + flac, 6.0, "used", ""),
        "behind a tag, total half": (
            id3_with_art() + flac_claiming(flac, n_samples // 2), 6.0, "used", "",
        ),
    }  # fmt: skip


def ogg_cases():
    vorbis, again = (encoded(noise(seed=i), format="OGG") for i in range(2))
    wide = [noise(rate=48000, seed=i) for i in range(2)]
    opus, opus2 = (encoded(x, 48000, format="OGG", subtype="OPUS") for x in wide)
    other_rate = encoded(noise(2.0, 44100), 44100, format="OGG")
    return {
        "vorbis": (vorbis, 6.0, "used", ""),
        "vorbis, chained": (vorbis + again, 12.0, "used", ""),
        "vorbis, chained thrice": (vorbis + again + vorbis, 18.0, "used", ""),
        "vorbis, chained with another rate": (vorbis + other_rate, 6.0, "used", "AUDIO_UNREAD"),
        "vorbis, last position too small": (
            with_position(vorbis, -1, len(noise()) // 2), 6.0, "used", "",
        ),
        "vorbis, a damaged page": (with_position(vorbis, 3, 7, False), 5.0, "AUDIO_DECODE", ""),
        "vorbis, cut": (vorbis[: len(vorbis) // 2], 3.0, "AUDIO_TRUNCATED", ""),
        "vorbis, chained, cut": ((vorbis + again)[:-9000], 11.0, "AUDIO_TRUNCATED", ""),
        "opus": (opus, 6.0, "used", ""),
        "opus, chained": (opus + opus2, 12.0, "used", ""),
        "opus, cut": (opus[: len(opus) // 2], 3.0, "AUDIO_TRUNCATED", ""),
        "flac": (encoded_by_libav(noise(), "ogg", "flac"), 6.0, "used", ""),
    }  # fmt: skip


def with_position(ogg, index, position, is_intact=True):
    """Change the position of a page, and its check sum with it."""
    starts = [0]
    while starts[-1] < len(ogg):
        head = ogg[starts[-1] : starts[-1] + 282]
        starts.append(starts[-1] + 27 + head[26] + sum(head[27 : 27 + head[26]]))
    at = starts[:-1][index]
    end = starts[starts.index(at) + 1]
    page = with_bytes(ogg[at:end], 6, position.to_bytes(8, "little"))
    if is_intact:
        page = with_bytes(page, 22, ogg_check_sum(with_bytes(page, 22, bytes(4))))
    return with_bytes(ogg, at, page)


def ogg_check_sum(page):
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = value << 1 ^ (0x104C11DB7 if value & 0x80000000 else 0)
    return value.to_bytes(4, "little")


def chunk_cases():
    x = noise()
    wav, rf64, w64, aiff = (encoded(x, format=kind) for kind in ("WAV", "RF64", "W64", "AIFF"))
    size = len(wav)
    tail = b"LIST" + struct.pack("<I", 12) + b"INFOICMT" + bytes(4)
    w64_data = b"data" + bytes.fromhex("f3acd3118cd100c04f8edb8a")
    lenient = "AUDIO_LENIENT"
    return {
        "wav": (wav, 6.0, "used", ""),
        "wav, chunk behind": (wav + tail, 6.0, "used", ""),
        "wav, tag behind": (wav + id3_with_art(400), 6.0, "used", ""),
        "wav, padding behind": (wav + bytes(9000), 6.0, "used", ""),
        "wav, size 0": (sized(wav, b"data", lambda n: 0), 6.0, "AUDIO_NO_SAMPLES", ""),
        "wav, size 0, only chunks": (
            sized(wav[:44], b"data", lambda n: 0) + tail, 0.0, "AUDIO_NO_SAMPLES", "",
        ),
        "wav, size half": (sized(wav, b"data", half), 6.0, "used", lenient),
        "wav, size double": (sized(wav, b"data", lambda n: 2 * n), 6.0, "AUDIO_TRUNCATED", ""),
        "wav, size of the file": (sized(wav, b"data", lambda n: size), 6.0, "used", lenient),
        "wav, size of the file less 8": (
            sized(wav, b"data", lambda n: size - 8), 6.0, "used", lenient,
        ),
        "wav, streamed": (sized(wav, b"data", lambda n: 2**32 - 1), 6.0, "used", lenient),
        "wav, streamed by sox": (sized(wav, b"data", lambda n: 0x7FFFF000), 6.0, "used", lenient),
        "wav, streamed less a header": (
            sized(wav, b"data", lambda n: 2**32 - 45), 6.0, "used", lenient,
        ),
        "wav, cut": (wav[: size // 2], 3.0, "AUDIO_TRUNCATED", ""),
        "wav, joined": (wav + wav, 6.0, "used", "AUDIO_UNREAD"),
        "wav, joined, chunk between": (wav + tail + wav, 6.0, "used", "AUDIO_UNREAD"),
        "rf64": (rf64, 6.0, "used", ""),
        "rf64, size half": (large_sized(rf64, half), 6.0, "used", lenient),
        "rf64, size 0": (large_sized(rf64, lambda n: 0), 6.0, "AUDIO_NO_SAMPLES", ""),
        "rf64, size double": (large_sized(rf64, lambda n: 2 * n), 6.0, "AUDIO_TRUNCATED", ""),
        "rf64, streamed": (large_sized(rf64, lambda n: 2**64 - 1), 6.0, "used", lenient),
        "rf64, cut": (rf64[: size // 2], 3.0, "AUDIO_TRUNCATED", ""),
        "w64": (w64, 6.0, "used", ""),
        "w64, size half": (sized(w64, w64_data, half, "<Q"), 6.0, "used", lenient),
        "w64, size 0": (sized(w64, w64_data, lambda n: 0, "<Q"), 6.0, "AUDIO_NO_SAMPLES", ""),
        "w64, size double": (
            sized(w64, w64_data, lambda n: 2 * n, "<Q"), 6.0, "AUDIO_TRUNCATED", "",
        ),
        "w64, cut": (w64[: size // 2], 3.0, "AUDIO_TRUNCATED", ""),
        "aiff": (aiff, 6.0, "used", ""),
        "aiff, joined": (aiff + aiff, 6.0, "used", "AUDIO_UNREAD"),
        "aiff, size half": (sized(aiff, b"SSND", half, ">I"), 6.0, "used", lenient),
        "aiff, size 0": (sized(aiff, b"SSND", lambda n: 0, ">I"), 6.0, "AUDIO_NO_SAMPLES", ""),
        "aiff, size double": (
            sized(aiff, b"SSND", lambda n: 2 * n, ">I"), 6.0, "AUDIO_TRUNCATED", "",
        ),
        "aiff, cut": (aiff[: size // 2], 3.0, "AUDIO_TRUNCATED", ""),
    }  # fmt: skip


def half(n_bytes):
    return n_bytes // 4 * 2


def large_sized(rf64, change):
    at = rf64.index(b"ds64") + 16
    n_bytes = struct.unpack_from("<Q", rf64, at)[0]
    return with_bytes(rf64, at, struct.pack("<Q", change(n_bytes)))


def aac_cases():
    m4a, adts = (encoded_by_libav(noise(), kind, "aac") for kind in ("ipod", "adts"))
    other_rate = encoded_by_libav(noise(2.0, 44100), "adts", "aac", 44100)
    in_front = moved_to_the_front(m4a)
    return {
        "m4a": (m4a, 6.0, "used", ""),
        "m4a, joined": (m4a + m4a, 6.0, "used", "AUDIO_UNREAD"),
        "m4a, index in front": (in_front, 6.0, "used", ""),
        "m4a, index in front, cut": (in_front[: -len(m4a) // 3], 4.0, "AUDIO_TRUNCATED", ""),
        "m4a, cut": (m4a[: len(m4a) // 2], 0.0, "AUDIO_FORMAT", ""),
        "aac": (adts, 6.0, "used", ""),
        "aac, joined with another rate": (adts + other_rate, 6.0, "used", "AUDIO_UNREAD"),
        "aac, joined": (adts + adts, 12.0, "used", ""),
        "aac, cut": (adts[: len(adts) // 2], 3.0, "used", "AUDIO_LENIENT"),
    }


def moved_to_the_front(m4a):
    """Put the index before the samples, as for the web."""
    boxes, at = [], 0
    while at < len(m4a):
        n_bytes = int.from_bytes(m4a[at : at + 4], "big")
        boxes.append(m4a[at : at + n_bytes])
        at += n_bytes
    by_name = {box[4:8]: box for box in boxes}
    index = by_name[b"moov"]
    assert [box[4:8] for box in boxes if box[4:8] != b"free"] == [b"ftyp", b"mdat", b"moov"]
    offsets = index.index(b"stco") + 8
    n_offsets = int.from_bytes(index[offsets : offsets + 4], "big")
    for number in range(n_offsets):
        at = offsets + 4 + 4 * number
        moved = int.from_bytes(index[at : at + 4], "big") + len(index)
        index = with_bytes(index, at, moved.to_bytes(4, "big"))
    return by_name[b"ftyp"] + by_name.get(b"free", b"") + index + by_name[b"mdat"]


CASES = {
    f"{name.rstrip('s')}: {case}": (kind, *values)
    for kind, name, cases in (
        ("mp3", "mp3", mpeg_cases()), ("flac", "flac", flac_cases()), ("ogg", "ogg", ogg_cases()),
        ("", "chunks", chunk_cases()), ("m4a", "aac", aac_cases()),
    )
    for case, values in cases.items()
}  # fmt: skip


def extension(case, kind):
    return kind if kind else case.split(": ")[1].split(",")[0].replace("rf64", "wav")


@pytest.mark.parametrize("case", CASES)
def test_all_sound_is_used_or_the_verdict_says_what_is_not(tmp_path, case):
    kind, raw, there_s, verdict, warnings = CASES[case]
    name = f"a.{extension(case, kind)}"
    found_s, answer, _ = used(tmp_path, raw, name)
    codes = set(answer["warnings"]) - {"FORMAT_EXTENSION_MISMATCH"}
    assert (answer["verdict"], ";".join(sorted(codes))) == (verdict, warnings), answer
    if verdict == verdicts.USED:
        assert found_s == pytest.approx(there_s, abs=FRAMES_S if there_s < 12 else JOINED_S)
        assert bool(answer["detail"]) == bool(warnings)
    else:
        helps = answer["detail"].endswith(verdicts.KEPT_ON_REQUEST)
        assert helps == (there_s > 0)


@pytest.mark.parametrize("case", [case for case in CASES if CASES[case][3] != verdicts.USED])
def test_what_is_there_of_a_cut_recording_is_kept_on_request(tmp_path, case):
    kind, raw, there_s, _, _ = CASES[case]
    found_s, answer, _ = used(tmp_path, raw, f"a.{extension(case, kind)}", allow_truncated=True)
    assert answer["verdict"] == verdicts.USED if there_s else answer["detail"]
    assert found_s == pytest.approx(there_s, abs=PAGE_S if kind == "ogg" else FRAMES_S)
    if there_s:
        assert "AUDIO_LENIENT" in answer["warnings"]


WHOLE = (
    "mp3: cbr", "mp3: cbr, never a table", "mp3: table of another encoder",
    "mp3: table without an encoder", "mp3: vbr", "mp3: art in front", "mp3: tag behind",
    "flac: whole", "flac: total 0", "flac: behind a tag", "ogg: vorbis", "ogg: opus", "chunk: wav",
    "chunk: wav, chunk behind", "chunk: rf64", "chunk: w64", "chunk: aiff",
)  # fmt: skip


class Forward(soundfile.SoundFile):
    def seekable(self):
        return False


@pytest.mark.parametrize("case", WHOLE)
def test_whole_recordings_are_those_of_libsndfile_bit_by_bit(tmp_path, monkeypatch, case):
    monkeypatch.setattr(libav, "open_sound", None)
    kind, raw = CASES[case][:2]
    with Forward(io.BytesIO(raw)) as sound:
        rate, expected = sound.samplerate, []
        while len(block := sound.read(5000, "float32", always_2d=True)):
            expected.append(block)
    _, _, samples = used(tmp_path, raw, f"a.{extension(case, kind)}", sample_rate=rate)
    np.testing.assert_array_equal(samples, np.concatenate(expected))


SAME = {
    "flac: whole": ("flac: total half", "flac: total 1", "flac: behind a tag, total half"),
    "chunk: wav": ("chunk: wav, size half", "chunk: wav, size of the file", "chunk: wav, streamed"),
    "chunk: rf64": ("chunk: rf64, size half",),
    "chunk: w64": ("chunk: w64, size half",),
    "chunk: aiff": ("chunk: aiff, size half",),
}


@pytest.mark.parametrize("small", [container.SMALL, 1000])
@pytest.mark.parametrize("case", SAME)
def test_a_wrong_header_does_not_change_the_samples(tmp_path, monkeypatch, case, small):
    monkeypatch.setattr(container, "SMALL", small)  # larger files are not read at once
    expected = used(tmp_path, CASES[case][1], sample_rate=RATE)[2]
    for other in SAME[case]:
        np.testing.assert_array_equal(used(tmp_path, CASES[other][1])[2], expected)


def test_both_decoders_give_an_mp3_the_same_samples_at_the_same_place(tmp_path):
    expected = used(tmp_path, CASES["mp3: cbr"][1])[2]
    found = used(tmp_path, CASES["mp3: table too small"][1])[2]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    joined = used(tmp_path, CASES["mp3: joined, the second with tags"][1])[2]
    np.testing.assert_allclose(joined, np.concatenate([expected, expected]), atol=1e-4)


@pytest.mark.parametrize(
    "case", ["mp3: joined", "ogg: vorbis, chained", "flac: joined", "aac: m4a"]
)
def test_large_files_are_decoded_alike(tmp_path, monkeypatch, case):
    expected = used(tmp_path, CASES[case][1])[2]
    monkeypatch.setattr(container, "SMALL", 1000)
    np.testing.assert_array_equal(used(tmp_path, CASES[case][1])[2], expected)


def test_what_no_header_can_claim_is_said_with_seconds(tmp_path, monkeypatch):
    n_bytes = 2 * 2 * RATE
    monkeypatch.setattr(sample_chunk, "LARGEST", n_bytes)  # 4 GiB in earnest
    found_s, answer, _ = used(tmp_path, CASES["chunk: wav, size half"][1])
    assert (found_s, answer["warnings"]) == (2.0, ["AUDIO_LENIENT", "AUDIO_UNREAD"])
    assert answer["detail"].endswith("4.00 s of 6.00 s were not decoded")


def test_what_another_rate_leaves_out_is_said_with_seconds(tmp_path):
    for case in ("mp3: joined with another rate", "ogg: vorbis, chained with another rate"):
        assert used(tmp_path, CASES[case][1])[1]["detail"] == "2.00 s of 8.00 s were not decoded"


def test_frames_that_the_second_decoder_cannot_read_are_silent_and_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(libav, "_CODECS", dict.fromkeys((1, 2, 3), "flac"))
    _, answer, _ = used(tmp_path, CASES["mp3: joined"][1])
    assert answer["verdict"] == "AUDIO_TRUNCATED"
    assert answer["detail"].startswith("0 of 264600 samples are there")


def in_a_child(folder, raw, name, **changed):
    (folder / name).write_bytes(raw)
    listing = folder / "listing.parquet"
    row = dict.fromkeys(tables.LISTING, "") | {"id": name, "bytes": len(raw)}
    tables.write_rows(listing, tables.LISTING, [tuple(row.values())])
    tables.write_rows(
        tables.places_path(listing), tables.PLACES, [(name, os.path.join(folder, name))]
    )
    paths = folder / "o.wav", folder / "o.csv"
    audio_shards.resample_shard(listing, RECIPE | changed, *paths)
    return verdicts.read_shard_table(paths[1])[0], shard_wav.open_shard(paths[0])


@pytest.mark.parametrize("kind", ["MP3", pytest.param("OGG", marks=pytest.mark.slow)])
def test_memory_stays_bounded_for_long_joined_recordings(tmp_path, kind):
    minute = encoded(noise(60.0, n_channels=2), format=kind)
    limits = {"seconds": 60, "memory_mb": 64}  # the samples would be 158 MB
    options = {"max_duration_s": 4000.0, "decoder": limits}
    row, samples = in_a_child(tmp_path, 15 * minute, f"a.{kind.lower()}", **options)
    assert row.verdict == verdicts.USED, row.detail
    assert len(samples) == pytest.approx(900 * RATE, abs=RATE)


HOSTILE = {
    "a.mp3": b"\xff\xfb\x90\x64" + b"\xff" * 3_000_000,
    "b.mp3": b"ID3\x03\x00\x00\x00\x00\x00\x00" * 300_000,
    "c.mp3": (b"\xff\xfb\x90\x64" + bytes(413) + b"junk") * 7000,
    "d.flac": CASES["flac: whole"][1][:42] * 30_000,
    "e.flac": CASES["flac: whole"][1][:42] + b"\xff\xf8" * 1_500_000,
    "f.ogg": CASES["ogg: vorbis"][1][:58] * 50_000,
    "g.wav": CASES["chunk: wav"][1][:36] + b"LIST\x00\x00\x00\x00" * 300_000,
    "h.aac": b"\xff\xf1\x50\x80\x00\xff\xfc" * 300_000,
    "i.m4a": CASES["aac: m4a"][1][:32] * 60_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_recording_takes_no_long_time(tmp_path, name):
    started = time.monotonic()
    row, _ = in_a_child(tmp_path, HOSTILE[name], name)
    assert row.verdict in (verdicts.USED, *verdicts.EXCLUSIONS)
    assert time.monotonic() - started < 25  # the child's limit is 20 s


@pytest.mark.parametrize("case", [case for case in CASES if ":" in case][::3])
def test_damage_anywhere_gives_a_verdict(tmp_path, case):
    rng = np.random.default_rng(len(case))
    kind, raw = CASES[case][:2]
    for _ in range(5):
        damaged = bytearray(raw)
        for at in rng.integers(0, min(len(raw), 10 ** rng.integers(2, 6)), size=3):
            damaged[at] = rng.integers(256)
        row = used(tmp_path, bytes(damaged), f"a.{extension(case, kind)}", allow_truncated=True)[1]
        assert row["verdict"] in (verdicts.USED, *verdicts.EXCLUSIONS)


def test_more_channels_than_the_second_decoder_can_take_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(libsndfile, "FORMATS", ())
    raw = encoded(noise(n_channels=8), format="FLAC")
    _, answer, _ = used(tmp_path, raw, "a.flac")
    assert answer["verdict"] == "AUDIO_FORMAT"
    assert answer["detail"].startswith("8 channels at 22050 Hz; 1-7 channels")


def test_formats_of_the_second_decoder_are_listed(tmp_path):
    for name in ("a.m4a", "b.aac", "c.M4A"):
        (tmp_path / name).write_bytes(CASES["aac: m4a"][1])
    assert audio_files.scan(str(tmp_path)).audio == ["a.m4a", "b.aac", "c.M4A"]


def test_the_message_of_an_exclusion_names_what_would_keep_it(tmp_path):
    cut, _ = in_a_child(tmp_path, CASES["chunk: wav, cut"][1], "a.wav")
    verdicts.write_shard_table(tmp_path / "t.csv", [cut])
    tables.write_rows(tmp_path / "excluded.parquet", tables.EXCLUDED, [])
    given = [tmp_path / "t.csv"], tmp_path / "excluded.parquet", {"max_excluded": 0.5}, "mine"
    said = r"mend them, set allow_truncated in the audio recipe, which keeps what is there of 1, or"
    with pytest.raises(ValueError, match=said):
        verdicts.write_verdicts(*given, tmp_path / "verdicts.csv")


def test_bytes_are_found_across_blocks_and_read_as_others():
    raw = bytes(1 << 20)[:-2] + b"fLaC" + bytes(100)
    reader = byte_source.ByteReader(io.BytesIO(raw))
    assert reader.find(b"fLaC", 0) == (1 << 20) - 2
    assert reader.find(b"fLaC", 1 << 20) == -1
    assert reader.at(len(raw) - 3, 10) == bytes(3)
    file = byte_source.Patched(io.BytesIO(b"0123456789"), {2: b"ab", 8: b"yz"})
    for size in range(1, 11):
        file.seek(0)
        assert b"".join(iter(lambda n=size: file.read(n), b"")) == b"01ab4567yz"
