"""Audio: good, odd, damaged and hostile recordings, and the tables of their verdicts."""

import csv
import errno
import hashlib
import io
import os
import struct
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import soundfile
import soxr

from dawnchorus.audio import (
    audio_shards,
    container,
    decode,
    decoder_process,
    resampling,
    shard_wav,
    verdicts,
)
from dawnchorus.corpora import audio_files, tables
from dawnchorus.corpora.tables import LISTING
from dawnchorus.runtime import artefacts, hashes

RATE = 22050
RECIPE = {
    "sample_rate": RATE,
    "resampler": "soxr_hq",
    "channels": "mix",
    "min_duration_s": 0.1,
    "max_duration_s": 60.0,
    "allow_truncated": False,
    "quiet_dbfs": -75.0,
    "decoder": {"seconds": 20, "memory_mb": 512},
}
# nats by which the low-pass of the winning system lowered mel bands 64..79
KNOWN_ATTENUATION = [
    *(0.002, 0.005, 0.012, 0.025, 0.047, 0.084, 0.143, 0.221),
    *(0.337, 0.498, 0.713, 0.988, 1.328, 1.712, 2.140, 2.610),
]


def noise(n_samples=44100, n_channels=1, seed=0):
    rng = np.random.default_rng(seed)
    samples = 0.1 * rng.standard_normal((n_samples, n_channels))
    return samples.astype(np.float32)


def encoded(samples, rate=44100, format="WAV", subtype=None):
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=format, subtype=subtype)
    return file.getvalue()


def as_decoded(raw):
    return soundfile.read(io.BytesIO(raw), dtype="float32", always_2d=True)


def listing_of(folder, names, has_hash=True, **changed):
    path, rows = folder / "listing.parquet", []
    for name in sorted(names):
        place = os.path.join(folder, name)
        row = dict.fromkeys(LISTING, "") | {"id": name}
        if os.path.isfile(place):
            raw = Path(place).read_bytes()
            row["bytes"] = len(raw)
            row["sha256"] = hashlib.sha256(raw).hexdigest() if has_hash else ""
        rows.append(tuple((row | changed).values()))
    tables.write_rows(path, LISTING, rows)
    lie_at(path, {name: os.path.join(folder, name) for name in names})
    return path


def lie_at(listing, paths):
    tables.write_rows(tables.places_path(listing), tables.PLACES, paths.items())


def resampled(folder, files, archive=None, jobs=1, listing=None, **changed):
    """Resample files given as {name: bytes}; return rows by id and the samples of each."""
    for name, raw in files.items():
        if raw is not None:
            (folder / name).write_bytes(raw)
    listing = listing or listing_of(folder, files)
    wav, table = folder / "out" / "000.wav", folder / "out" / "000.csv"
    audio_shards.resample_shard(listing, RECIPE | changed, wav, table, archive=archive, jobs=jobs)
    shard = np.array(shard_wav.open_shard(wav))
    rows = verdicts.read_shard_table(table)
    assert sum(row.channels * row.n_samples for row in rows) == len(shard)
    found = {}
    for row in rows:
        end = row.first_sample + row.channels * row.n_samples
        found[row.id] = shard[row.first_sample : end].reshape(max(1, row.channels), -1)
    return {row.id: row for row in rows}, found


def with_bytes(raw, at, new):
    return raw[:at] + new + raw[at + len(new) :]


def flac_claiming(n_samples):
    raw = encoded(noise(), format="FLAC")
    packed = int.from_bytes(raw[18:26], "big") >> 36 << 36 | n_samples
    return with_bytes(raw, 18, packed.to_bytes(8, "big"))


def mp3(n_samples=200_000):
    return encoded(noise(n_samples), format="MP3")


def damaged_recordings():
    wav = encoded(noise())
    floats = noise()
    with_nan, with_infinity, huge = floats.copy(), floats.copy(), floats.copy()
    with_nan[30_000], with_infinity[30_000], huge[30_000] = np.nan, -np.inf, 1e30
    ogg = encoded(noise(), format="OGG")
    return {
        "empty.wav": (b"", "AUDIO_EMPTY"),
        "header.wav": (with_bytes(wav[:44], 40, bytes(4)), "AUDIO_NO_SAMPLES"),
        "no-length.wav": (with_bytes(wav, 40, bytes(4)), "AUDIO_NO_SAMPLES"),
        "cut.wav": (wav[: len(wav) // 3], "AUDIO_TRUNCATED"),
        "cut.rf64.wav": (encoded(noise(), format="RF64")[:50_000], "AUDIO_TRUNCATED"),
        "cut.w64": (encoded(noise(), format="W64")[:50_000], "AUDIO_TRUNCATED"),
        "cut.aiff": (encoded(noise(), format="AIFF")[:50_000], "AUDIO_TRUNCATED"),
        "cut.ogg": (ogg[: len(ogg) // 2], "AUDIO_TRUNCATED"),
        "cut.mp3": (mp3()[:9000], "AUDIO_TRUNCATED"),
        "cut.flac": (encoded(noise(), format="FLAC")[:30_000], "AUDIO_DECODE"),
        "short.flac": (flac_claiming(100_000), "AUDIO_TRUNCATED"),
        "bomb.flac": (flac_claiming(2**36 - 1), "AUDIO_TOO_LONG"),
        "nan.wav": (encoded(with_nan, subtype="FLOAT"), "AUDIO_NONFINITE"),
        "infinite.wav": (encoded(with_infinity, subtype="FLOAT"), "AUDIO_NONFINITE"),
        "huge.wav": (encoded(huge, subtype="FLOAT"), "AUDIO_RANGE"),
        "one.wav": (encoded(noise(1)), "AUDIO_TOO_SHORT"),
        "text.wav": (b"<html>not found</html>" * 50, "AUDIO_FORMAT"),
        "garbage.mp3": (noise().tobytes(), "AUDIO_FORMAT"),
        "half-a-header.wav": (wav[:30], "AUDIO_FORMAT"),
        "id3.mp3": (b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + bytes(2000), "AUDIO_FORMAT"),
        "slow.wav": (encoded(noise(), rate=1000), "AUDIO_RATE"),
        "fast.wav": (with_bytes(wav, 24, struct.pack("<I", 2**32 - 1)), "AUDIO_FORMAT"),
        "missing.wav": (None, "MISSING_FILE"),
        "good.wav": (wav, "used"),
        "zz-good.wav": (wav, "used"),
    }


def test_every_damage_has_its_code_and_spares_the_others(tmp_path):
    cases = damaged_recordings()
    rows, samples = resampled(tmp_path, {name: raw for name, (raw, _) in cases.items()})
    assert {name: row.verdict for name, row in rows.items()} == {
        name: code for name, (_, code) in cases.items()
    }
    alone = soxr.resample(as_decoded(cases["good.wav"][0])[0][:, 0], 44100, RATE)
    np.testing.assert_array_equal(samples["good.wav"][0], alone)
    np.testing.assert_array_equal(samples["zz-good.wav"][0], alone)
    excluded = [row for row in rows.values() if row.verdict != "used"]
    assert {(row.channels, row.n_samples) for row in excluded} == {(0, 0)}
    assert not [row for row in excluded if str(tmp_path) in row.detail]
    assert sorted({row.verdict for row in rows.values()} - set(verdicts.EXCLUSIONS)) == ["used"]


def test_what_is_no_file_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "dangling.wav").symlink_to("nowhere")
    (tmp_path / "loop.wav").symlink_to("loop.wav")
    (tmp_path / "device.wav").symlink_to("/dev/zero")
    (tmp_path / "real.bin").write_bytes(encoded(noise()))
    (tmp_path / "link.wav").symlink_to("real.bin")
    names = ["pipe", "folder", "dangling", "loop", "device", "link"]
    rows, _ = resampled(tmp_path, {f"{name}.wav": None for name in names})
    assert [rows[f"{name}.wav"].verdict for name in names] == [
        *("NOT_REGULAR", "NOT_REGULAR", "MISSING_FILE", "MISSING_FILE", "NOT_REGULAR", "used")
    ]


def test_an_unreadable_file_is_excluded(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "a.wav"
    path.write_bytes(encoded(noise()))
    monkeypatch.setattr(os, "open", refuse)
    request = {"path": str(path), "bytes": "", "sha256": ""}
    assert decode.resample(request, RECIPE, None, print)["verdict"] == "NAME_PERMISSION"


def test_the_name_of_a_file_is_only_data(tmp_path):
    names = [
        *("a b.wav", "$(touch pwned).wav", "-rf.wav", "'\".wav", "a;b&c%d.wav", "tab\tname.wav"),
        *("\u00e9.wav", "e\u0301.wav", "\u9ce5\U0001f426.wav", "x" * 236 + ".wav", "{id}\\n.WAV"),
    ]
    rows, samples = resampled(tmp_path, dict.fromkeys(names, encoded(noise())))
    assert sorted(rows) == sorted(names)
    assert {(row.verdict, row.warnings) for row in rows.values()} == {("used", ())}
    assert len({values.tobytes() for values in samples.values()}) == 1
    assert not list(tmp_path.glob("**/pwned*"))


@pytest.mark.parametrize("has_hash", [True, False])
def test_other_bytes_than_listed_are_noticed(tmp_path, has_hash):
    raw = encoded(noise())
    (tmp_path / "longer.wav").write_bytes(raw)
    (tmp_path / "other.wav").write_bytes(raw)
    listing = listing_of(tmp_path, ["longer.wav", "other.wav"], has_hash=has_hash)
    files = {"longer.wav": raw + b"\0\0", "other.wav": raw[:-1] + b"\x7f"}
    rows, _ = resampled(tmp_path, files, listing=listing)
    assert rows["longer.wav"].verdict == "AUDIO_CHANGED"
    # without a hash in the listing only the number of bytes can be compared
    assert rows["other.wav"].verdict == ("AUDIO_CHANGED" if has_hash else "used")


def test_what_has_gone_since_it_was_listed_ends_the_job_and_is_no_verdict(tmp_path):
    (tmp_path / "a.wav").write_bytes(encoded(noise()))
    listing = listing_of(tmp_path, ["a.wav"])
    (tmp_path / "moved").mkdir()
    (tmp_path / "a.wav").rename(tmp_path / "moved/a.wav")
    with pytest.raises(
        FileNotFoundError, match=rf"'a\.wav' is not at '{tmp_path}/a\.wav' any more"
    ):
        resampled(tmp_path, {}, listing=listing)
    assert not (tmp_path / "out/000.csv").exists()
    lie_at(listing, {"a.wav": str(tmp_path / "moved/a.wav")})
    rows, _ = resampled(tmp_path, {}, listing=listing)
    assert rows["a.wav"].verdict == "used"


def test_a_listing_without_the_places_of_its_recordings_is_refused(tmp_path):
    (tmp_path / "a.wav").write_bytes(encoded(noise()))
    listing = listing_of(tmp_path, ["a.wav"])
    lie_at(listing, {})
    with pytest.raises(ValueError, match=r"does not say where 1 recordings lie: \['a\.wav'\]"):
        resampled(tmp_path, {}, listing=listing)
    tables.places_path(listing).unlink()
    with pytest.raises(ValueError, match=r"listing\.places cannot be read .*start the workflow"):
        resampled(tmp_path, {}, listing=listing)


def test_large_files_are_not_read_at_once_but_give_the_same(tmp_path, monkeypatch):
    path = tmp_path / "a.flac"
    raw = encoded(noise(100_000), format="FLAC")
    path.write_bytes(raw)
    digest = hashlib.sha256(raw).hexdigest()
    request = {"path": str(path), "bytes": str(len(raw)), "sha256": digest}
    results = []
    for small in (container.SMALL, 1000):
        monkeypatch.setattr(container, "SMALL", small)
        blocks = []
        verdict = decode.resample(request, RECIPE, None, lambda b, to=blocks: to.append(b.copy()))
        results.append((verdict, np.concatenate(blocks).tobytes()))
    assert results[0] == results[1]
    wrong = request | {"sha256": "0" * 64}
    assert decode.resample(wrong, RECIPE, None, print)["verdict"] == "AUDIO_CHANGED"


def test_a_large_file_that_changes_while_it_is_read_is_excluded(tmp_path, monkeypatch):
    monkeypatch.setattr(container, "SMALL", 1000)
    path = tmp_path / "a.wav"
    path.write_bytes(encoded(noise()))
    request = {"path": str(path), "bytes": "", "sha256": ""}
    verdict = decode.resample(request, RECIPE, None, lambda _: os.utime(path, (1, 1)))
    assert verdict["verdict"] == "AUDIO_CHANGED"
    assert verdict["n_samples"] == 0


def test_streams_without_a_length_are_taken_as_they_are(tmp_path):
    wav = encoded(noise())
    endless = with_bytes(with_bytes(wav, 40, b"\xff" * 4), 4, b"\xff" * 4)
    files = {"a.wav": endless, "b.flac": flac_claiming(0), "c.wav": wav}
    rows, samples = resampled(tmp_path, files)
    assert [row.verdict for row in rows.values()] == ["used"] * 3
    assert rows["a.wav"].warnings == ("AUDIO_LENIENT",)
    np.testing.assert_array_equal(samples["a.wav"], samples["c.wav"])
    assert samples["b.flac"].shape == samples["c.wav"].shape


def test_what_is_long_without_saying_so_is_counted(tmp_path):
    rows, _ = resampled(tmp_path, {"a.flac": flac_claiming(0)}, max_duration_s=0.5)
    assert rows["a.flac"].verdict == "AUDIO_TOO_LONG"
    assert "counted" in rows["a.flac"].detail


def test_a_nearly_whole_mp3_is_kept_and_truncated_ones_on_request(tmp_path):
    whole, wav = mp3(), encoded(noise())
    files = {
        "near.mp3": whole[: int(0.98 * len(whole))],
        "half.mp3": whole[: len(whole) // 2],
        "cut.wav": wav[:44144],
        "whole.mp3": whole,
    }
    rows, _ = resampled(tmp_path, files)
    assert [rows[name].verdict for name in ("near.mp3", "half.mp3")] == ["used", "AUDIO_TRUNCATED"]
    assert rows["near.mp3"].warnings == ("AUDIO_LENIENT",)
    assert rows["whole.mp3"].warnings == ()
    rows, _ = resampled(tmp_path, files, allow_truncated=True)
    assert {row.verdict for row in rows.values()} == {"used"}
    assert rows["cut.wav"].warnings == ("AUDIO_LENIENT",)
    assert rows["cut.wav"].n_samples == 44100 // 4


def odd_recordings():
    flat = np.zeros((20_000, 1), np.float32)
    loud = np.clip(30 * noise(20_000), -1, 1)
    one = noise(20_000)
    return {
        "silent.wav": (encoded(flat), 44100, "AUDIO_SILENT"),
        "quiet.wav": (encoded(noise(20_000) * 8e-4), 44100, "AUDIO_QUIET"),
        "offset.wav": (encoded(flat + 0.5), 44100, "AUDIO_DC;AUDIO_QUIET"),
        "clipped.wav": (encoded(loud), 44100, "AUDIO_CLIPPED"),
        "against.wav": (encoded(np.hstack([one, -one])), 44100, "MIX_CANCEL"),
        "stereo.wav": (encoded(noise(20_000, 2)), 44100, ""),
        "mp3.wav": (mp3(20_000), 44100, "FORMAT_EXTENSION_MISMATCH"),
        "flac.ogg": (encoded(one, format="FLAC"), 44100, "FORMAT_EXTENSION_MISMATCH"),
        "narrow.wav": (encoded(one, rate=16000), 16000, "BANDWIDTH"),
    }


def test_oddities_are_kept_with_a_warning(tmp_path):
    cases = odd_recordings()
    rows, _ = resampled(tmp_path, {name: raw for name, (raw, _, _) in cases.items()})
    assert {row.verdict for row in rows.values()} == {"used"}
    # 0.1 times 8e-4, and the noise of 16 bits: a twelfth of the square of a step
    level = 10 * np.log10((0.1 * 8e-4) ** 2 + 2**-30 / 12)
    told = float(rows["quiet.wav"].detail.removeprefix("level ").removesuffix(" dBFS"))
    assert told == pytest.approx(level, abs=0.1)
    found = {name: (row.source_rate, ";".join(row.warnings)) for name, row in rows.items()}
    assert found == {name: (rate, code) for name, (_, rate, code) in cases.items()}


ENCODINGS = [
    *(("WAV", "PCM_24"), ("WAV", "PCM_32"), ("WAV", "DOUBLE"), ("WAVEX", "PCM_16")),
    *(("RF64", "PCM_16"), ("W64", "PCM_16"), ("AIFF", "PCM_16"), ("FLAC", "PCM_16")),
    *(("WAV", "PCM_U8"), ("WAV", "MS_ADPCM"), ("OGG", "VORBIS"), ("MP3", None)),
]


EXTENSIONS = [
    *(("wave", "WAV", "PCM_16"), ("bwf", "WAV", "PCM_16"), ("rf64", "RF64", "PCM_16")),
    *(("w64", "W64", "PCM_16"), ("aifc", "AIFF", "PCM_16"), ("oga", "OGG", "VORBIS")),
    *(("opus", "OGG", "OPUS"), ("Opus", "OGG", "OPUS"), ("mp3", "MP3", None)),
]


def test_a_folder_lists_every_extension_that_the_decoder_opens(tmp_path):
    files = {
        f"{number}.{extension}": encoded(noise(48000), 48000, format=kind, subtype=subtype)
        for number, (extension, kind, subtype) in enumerate(EXTENSIONS)
    }
    rows, _ = resampled(tmp_path, files)
    assert {(row.verdict, row.warnings) for row in rows.values()} == {("used", ())}
    assert audio_files.scan(str(tmp_path)).audio == sorted(files)


def test_samples_are_those_of_the_file_at_equal_rates_in_any_encoding(tmp_path):
    names = [f"{i:02}" for i in range(len(ENCODINGS))]
    files = {
        name: encoded(noise(150_000), RATE, format=kind, subtype=subtype)
        for name, (kind, subtype) in zip(names, ENCODINGS, strict=True)
    }
    rows, samples = resampled(tmp_path, files)
    for name, raw in files.items():
        assert rows[name].verdict == "used", ENCODINGS[int(name)]
        # soundfile.read seeks before it reads, which costs the mp3 decoder its last bit
        atol = 1e-7 if ENCODINGS[int(name)][0] == "MP3" else 0
        np.testing.assert_allclose(samples[name][0], as_decoded(raw)[0][:, 0], rtol=0, atol=atol)


def test_channel_policies(tmp_path):
    raw = encoded(noise(300_000, 8), rate=192_000)
    whole = as_decoded(raw)[0]
    n_samples = -(-300_000 * RATE // 192_000)
    for policy, expected in (("mix", whole.mean(axis=1)), ("first", whole[:, 0]), ("each", whole)):
        rows, samples = resampled(tmp_path, {"a.wav": raw, "b.wav": raw}, channels=policy)
        reference = np.atleast_2d(soxr.resample(expected, 192_000, RATE).T)
        assert samples["b.wav"].shape == (8 if policy == "each" else 1, n_samples)
        assert rows["b.wav"].first_sample == samples["a.wav"].size
        length = min(n_samples, reference.shape[1])
        np.testing.assert_allclose(samples["b.wav"][:, :length], reference[:, :length], atol=1e-6)


def test_channels_longer_than_the_slab_stay_in_order(tmp_path):
    samples_in = noise(2_500_000, 2)  # the slab holds 1,048,576 of each channel
    raw = encoded(samples_in, RATE, subtype="FLOAT")
    _, samples = resampled(tmp_path, {"a.wav": raw}, channels="each", max_duration_s=200)
    np.testing.assert_array_equal(samples["a.wav"], samples_in.T)


@pytest.mark.parametrize("name", ["soxr_hq", "soxr_vhq", "polyphase", "shallow"])
@pytest.mark.parametrize("rate", [44100, 48000, 16000, 192000])
def test_resamplers_do_not_see_the_blocks(name, rate):
    samples = noise(150_001, 2)
    results = []
    for size in (1009, 65536, 150_001):
        stream = resampling.stream(name, rate, RATE, 2)
        parts = [stream.push(samples[i : i + size]) for i in range(0, len(samples), size)]
        results.append(np.concatenate([*parts, stream.finish()]))
    assert results[0].shape == (-(-150_001 * RATE // rate), 2)
    np.testing.assert_array_equal(results[0], results[2])
    np.testing.assert_array_equal(results[1], results[2])


@pytest.mark.parametrize("rate", [44100, 48000, 16000, 8000])
def test_polyphase_is_that_of_scipy(rate):
    samples = noise(200_003)[:, 0]
    stream = resampling.stream("polyphase", rate, RATE, 1)
    found = np.concatenate([stream.push(samples[:, None]), stream.finish()])[:, 0]
    common = np.gcd(rate, RATE)
    expected = scipy.signal.resample_poly(samples, RATE // common, rate // common)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("n_samples", [1, 2, 3, 441_000, 441_001])
@pytest.mark.parametrize("name", ["soxr_hq", "polyphase"])
def test_the_length_is_rounded_up(name, n_samples):
    stream = resampling.stream(name, 44100, RATE, 1)
    parts = [stream.push(noise(n_samples)), stream.finish()]
    assert len(np.concatenate(parts)) == -(-n_samples // 2)


@pytest.mark.parametrize("name", ["soxr_hq", "soxr_vhq", "polyphase", "shallow"])
def test_a_tone_keeps_its_frequency_level_and_phase(name):
    time_s = np.arange(44100) / 44100
    tone = np.sin(2 * np.pi * 1000 * time_s)[:, None].astype(np.float32)
    stream = resampling.stream(name, 44100, RATE, 1)
    found = np.concatenate([stream.push(tone), stream.finish()])[:, 0]
    expected = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    np.testing.assert_allclose(found[500:-500], expected[500:-500], atol=2e-3)


def test_shallow_lowers_the_bands_as_the_winning_system_did():
    taps = resampling.low_pass(1, 2, *resampling.SHALLOW)
    edges_mel = np.linspace(*(1127 * np.log1p(np.array([50, 11000]) / 700)), 82)
    edges_hz = 700 * np.expm1(edges_mel / 1127)
    found = []
    for low, middle, high in zip(edges_hz[64:], edges_hz[65:], edges_hz[66:], strict=False):
        hz = np.linspace(low, high, 51)
        triangle = np.interp(hz, [low, middle, high], [0, 1, 0])
        gains = [np.abs(scipy.signal.freqz(taps, worN=f, fs=44100)[1]) for f in (hz, RATE - hz)]
        found.append(-np.log(np.sum(triangle * np.hypot(*gains)) / triangle.sum()))
    np.testing.assert_allclose(found, KNOWN_ATTENUATION, atol=0.1)


def test_a_rate_without_common_measure_is_refused_by_the_filters(tmp_path):
    files = {"a.wav": encoded(noise(), rate=700_001), "b.wav": encoded(noise())}
    rows, _ = resampled(tmp_path, files, resampler="shallow")
    assert [rows["a.wav"].verdict, rows["b.wav"].verdict] == ["AUDIO_RATE", "used"]


STUB = """
import ctypes, os, signal, sys, time
import numpy as np
from dawnchorus.audio import decode, decoder_process
real = decode.resample
def resample(request, recipe, archive, send):
    name = os.path.basename(request["path"])
    verdict = real(request, recipe, archive, send)
    if name == "hangs.wav": time.sleep(60)
    if name == "computes.wav":
        while True: pass
    if name == "crashes.wav": ctypes.string_at(0)
    if name == "exits.wav": sys.exit(3)
    if name == "eats.wav": np.ones(1 << 30)
    if name == "killed.wav": os.kill(os.getpid(), signal.SIGKILL)
    if name == "lies.wav": verdict |= {"verdict": "AUDIO_MARVELLOUS"}
    if name == "babbles.wav": os.write(1, b"noise")
    return verdict
decode.resample = resample
decoder_process.main()
"""
FAILURES = {
    "hangs.wav": "DECODER_TIMEOUT",
    "crashes.wav": "DECODER_CRASHED",
    "exits.wav": "DECODER_CRASHED",
    "lies.wav": "DECODER_CRASHED",
    "eats.wav": "DECODER_MEMORY",
    "killed.wav": "DECODER_MEMORY",
    "babbles.wav": "used",
}


@pytest.mark.parametrize("jobs", [pytest.param(1, marks=pytest.mark.slow), 3])
def test_a_decoder_that_fails_costs_one_recording(tmp_path, monkeypatch, jobs):
    (tmp_path / "stub.py").write_text(STUB)
    monkeypatch.setattr(
        decoder_process, "COMMAND", (sys.executable, "-P", str(tmp_path / "stub.py"))
    )
    good = {f"{name}.wav": "used" for name in "afjz"}
    raw = encoded(noise())
    limits = {"seconds": 1.0, "memory_mb": 400}
    rows, samples = resampled(
        tmp_path, dict.fromkeys(FAILURES | good, raw), jobs=jobs, decoder=limits
    )
    assert {name: row.verdict for name, row in rows.items()} == FAILURES | good
    assert len({samples[name].tobytes() for name in good}) == 1


def test_a_decoder_that_computes_forever_is_ended(tmp_path, monkeypatch):
    (tmp_path / "stub.py").write_text(STUB)
    monkeypatch.setattr(
        decoder_process, "COMMAND", (sys.executable, "-P", str(tmp_path / "stub.py"))
    )
    files = dict.fromkeys(["computes.wav", "z.wav"], encoded(noise()))
    rows, _ = resampled(tmp_path, files, decoder={"seconds": 0.5, "memory_mb": 400})
    assert [row.verdict for row in rows.values()] == ["DECODER_TIMEOUT", "used"]


def test_a_decoder_that_does_not_start_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(
        decoder_process, "COMMAND", (sys.executable, "-c", "raise ImportError('no soxr')")
    )
    with pytest.raises(OSError, match=r"does not start.*no soxr"):
        resampled(tmp_path, {"a.wav": encoded(noise())})
    assert not list((tmp_path / "out").iterdir())


def test_the_child_ends_with_its_parent(tmp_path):
    parent = (
        "import os, sys\n"
        "from dawnchorus.audio.decoder_process import Decoder\n"
        f"d = Decoder({{'recipe': {RECIPE!r}, 'archive': None}})\n"
        "d.ask({'path': '/dev/null', 'bytes': '', 'sha256': ''})\n"
        "print(d._process.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    pid = int(
        subprocess.run([sys.executable, "-c", parent], capture_output=True, check=False).stdout
    )
    deadline = time.monotonic() + 5
    while os.path.exists(f"/proc/{pid}/status") and time.monotonic() < deadline:
        if "Z (zombie)" in Path(f"/proc/{pid}/status").read_text():
            return
        time.sleep(0.05)
    assert time.monotonic() < deadline


def test_memory_stays_bounded_for_long_recordings(tmp_path):
    rate, seconds = 8000, 3600
    with soundfile.SoundFile(tmp_path / "a.flac", "w", rate, 1) as file:
        for _ in range(seconds // 60):
            file.write(np.zeros(rate * 60, np.float32))
    listing = listing_of(tmp_path, ["a.flac"])
    recipe = RECIPE | {"sample_rate": 8000, "max_duration_s": 3600.0}
    recipe["decoder"] = {"seconds": 60, "memory_mb": 48}  # the samples would be 115 MB
    audio_shards.resample_shard(listing, recipe, tmp_path / "o.wav", tmp_path / "o.csv")
    assert len(shard_wav.open_shard(tmp_path / "o.wav")) == rate * seconds


def test_a_shard_does_not_depend_on_jobs_or_block_sizes(tmp_path, monkeypatch):
    files = {f"{i}.wav": encoded(noise(60_000 + i, seed=i)) for i in range(5)}
    resampled(tmp_path, files, jobs=1)
    first = [(tmp_path / "out" / name).read_bytes() for name in ("000.wav", "000.csv")]
    resampled(tmp_path, files, jobs=3)
    assert [(tmp_path / "out" / name).read_bytes() for name in ("000.wav", "000.csv")] == first
    monkeypatch.setattr(decode, "BLOCK", 777)
    blocks = []
    request = {"path": str(tmp_path / "3.wav"), "bytes": "", "sha256": ""}
    decode.resample(request, RECIPE, None, lambda block: blocks.append(block.copy()))
    _, samples = resampled(tmp_path, files)
    np.testing.assert_array_equal(samples["3.wav"][0], np.concatenate(blocks)[:, 0])


def test_recordings_of_an_archive(tmp_path):
    raw = encoded(noise())
    with zipfile.ZipFile(tmp_path / "made.zip", "w") as archive:
        archive.writestr("a b.wav", raw)
    listing = tmp_path / "listing.parquet"
    tables.write_rows(listing, LISTING, [("a", "wav", "", "", ""), ("b", "wav", "", "", "")])
    lie_at(listing, {"a": "a b.wav", "b": "no.wav"})
    rows, samples = resampled(tmp_path, {}, listing=listing, archive=tmp_path / "made.zip")
    assert [rows["a"].verdict, rows["b"].verdict] == ["used", "MISSING_FILE"]
    assert samples["a"].shape == (1, RATE)


def test_an_empty_listing_gives_an_empty_shard(tmp_path):
    rows, _ = resampled(tmp_path, {})
    assert rows == {}
    assert soundfile.info(tmp_path / "out" / "000.wav").frames == 0


def test_a_shard_is_a_wav_file(tmp_path):
    _, samples = resampled(tmp_path, {"a.wav": encoded(noise())})
    found, rate = soundfile.read(tmp_path / "out" / "000.wav", dtype="float32")
    assert rate == RATE
    np.testing.assert_array_equal(found, samples["a.wav"][0])


def test_a_shard_beyond_four_gibibytes_is_rf64(tmp_path):
    n_samples = 2**30 + 5
    with open(tmp_path / "large.wav", "wb") as file:
        file.write(shard_wav.header(n_samples, RATE))
        file.truncate(shard_wav.HEADER_BYTES + 4 * n_samples)  # a hole: takes no room on the disk
    assert len(shard_wav.open_shard(tmp_path / "large.wav")) == n_samples
    info = soundfile.info(tmp_path / "large.wav")
    assert (info.format, info.frames, info.samplerate) == ("RF64", n_samples, RATE)


@pytest.mark.parametrize("size", [0, 100, 130, 20_000])
def test_a_cut_shard_is_refused(tmp_path, size):
    resampled(tmp_path, {"a.wav": encoded(noise())})
    path = tmp_path / "out" / "000.wav"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match=r"000\.wav is not a whole shard"):
        shard_wav.open_shard(path)


def test_a_full_disk_is_told_as_that(tmp_path, monkeypatch):
    """Not as the views of shared memory that its traceback holds."""

    def full(file, samples):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shard_wav, "_write_all", full)
    with pytest.raises(OSError, match="No space left on device"):
        resampled(tmp_path, {"a.wav": encoded(noise())})
    assert not list((tmp_path / "out").glob("*.wav"))


def test_a_recipe_that_cannot_be_followed_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"resampler is 'sinc'; expected one of soxr_hq"):
        resampled(tmp_path, {}, resampler="sinc")
    with pytest.raises(ValueError, match=r"channels is 'left'"):
        resampled(tmp_path, {}, channels="left")
    with pytest.raises(ValueError, match=r"is not a zip archive"):
        resampled(tmp_path, {}, archive=listing_of(tmp_path, []))


def test_a_table_that_is_none_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text("id,verdict\na,used\n")
    with pytest.raises(ValueError, match=r"t\.csv is no table of resampled recordings"):
        verdicts.read_shard_table(tmp_path / "t.csv")


def corpus_with_one_damaged_of_three(folder):
    resampled(folder, {"c.wav": encoded(noise()), "a.wav": encoded(noise()), "b.wav": b""})
    rows = [("aa", "NAME_UNSUPPORTED", "a line end")]
    tables.write_rows(folder / "excluded.parquet", tables.EXCLUDED, rows)
    return [folder / "out" / "000.csv"], folder / "excluded.parquet"


def test_verdicts_add_up(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(verdicts.LOG, "info", lambda text, *values: said.append(text % values))
    given = corpus_with_one_damaged_of_three(tmp_path)
    verdicts.write_verdicts(*given, {"max_excluded": 0.5}, "mine", tmp_path / "verdicts.csv")
    with open(tmp_path / "verdicts.csv", newline="") as file:
        rows = [(row["id"], row["verdict"], row["duration_s"]) for row in csv.DictReader(file)]
    assert rows == [
        ("a.wav", "used", "1.0"),
        ("aa", "NAME_UNSUPPORTED", "0.0"),
        ("b.wav", "AUDIO_EMPTY", "0.0"),
        ("c.wav", "used", "1.0"),
    ]
    assert said == ["2 of 4 recordings excluded (AUDIO_EMPTY 1, NAME_UNSUPPORTED 1)"]


def test_verdicts_read_back_as_text_and_seconds(tmp_path):
    rows = [
        ("007", "used", 'a "b"\nc', "AUDIO_DC;BANDWIDTH", 0.1, "8000", "robin;wren"),
        ("NA", "used", "", "", 3e-7, "44100", ""),
    ]
    artefacts.write_table(tmp_path / "v.csv", verdicts.VERDICT_COLUMNS, rows)
    frame = verdicts.read_verdicts(tmp_path / "v.csv")
    assert list(frame.itertuples(index=False, name=None)) == rows
    assert verdicts.lost_classes_of(frame) == {"007": {"robin", "wren"}}
    artefacts.write_table(tmp_path / "v.csv", verdicts.VERDICT_COLUMNS, [])
    assert len(verdicts.read_verdicts(tmp_path / "v.csv")) == 0


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", r"v\.csv is no CSV table \(No columns"),
        (
            "id,code\na,used\n",
            r"v\.csv has the columns id, code, expected id, verdict; remove it",
        ),
        ("id,verdict,duration_s\na,used,long\n", r"v\.csv has a duration_s that is no number"),
    ],
)
def test_a_table_of_no_verdicts_is_refused(tmp_path, content, expected):
    (tmp_path / "v.csv").write_text(content)
    with pytest.raises(ValueError, match=expected):
        verdicts.read_verdicts(tmp_path / "v.csv")


def test_neither_the_resampling_job_nor_its_child_loads_pandas():
    code = "import sys; from dawnchorus.audio import audio_shards; print('numpy' in sys.modules);"
    code += "from dawnchorus.audio import decode; print('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.split() == [b"False", b"False"]


def test_too_many_excluded_recordings_stop_the_run(tmp_path):
    given = corpus_with_one_damaged_of_three(tmp_path)
    expected = (
        r"2 of 4 recordings of corpus mine .*50\.0%.*aa: NAME_UNSUPPORTED, b\.wav: AUDIO_EMPTY"
    )
    with pytest.raises(ValueError, match=expected + r".*corpora\.mine\.max_excluded"):
        verdicts.write_verdicts(*given, {"max_excluded": 0.4}, "mine", tmp_path / "verdicts.csv")
    assert not (tmp_path / "verdicts.csv").exists()


def test_a_recording_with_two_verdicts_is_an_error(tmp_path):
    (table,), excluded = corpus_with_one_damaged_of_three(tmp_path)
    with pytest.raises(ValueError, match=r"3 recordings of corpus mine have more than one verdict"):
        verdicts.write_verdicts(
            [table] * 2, excluded, {"max_excluded": 1.0}, "mine", tmp_path / "v.csv"
        )


def test_versions_name_what_decides_the_samples():
    assert {"soxr", "soundfile", "libsndfile", "numpy", "scipy"} <= set(
        audio_shards.resampler_versions()
    )


def test_a_file_in_the_state_in_which_it_was_hashed_is_not_hashed_again(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(encoded(noise()))
    state = hashes.state(path.stat())
    with container.open_recording(str(path), "", "other hash", state) as file:
        assert not isinstance(file, io.BytesIO)
    os.utime(path, ns=(0, 0))
    with (
        pytest.raises(verdicts.Excluded, match="AUDIO_CHANGED"),
        container.open_recording(str(path), "", "other hash", state),
    ):
        pass


@pytest.mark.parametrize("format", ["WAV", "FLAC", "OGG", "MP3"])
def test_samples_do_not_depend_on_whether_a_hash_is_remembered(tmp_path, format):
    folder = tmp_path / "corpora/c/listings"
    folder.mkdir(parents=True)
    name = f"a.{format.lower()}"
    samples = encoded(noise(), format=format)
    rows, found = resampled(folder, {name: samples})
    digest, state = hashlib.sha256(samples).hexdigest(), hashes.state((folder / name).stat())
    (folder.parent / hashes.CACHE).write_text(f"{digest} {state} {folder / name}\n")
    assert hashes.states_of({str(folder / name): digest}, folder.parent / hashes.CACHE)
    again, remembered = resampled(folder, {name: None})
    assert rows == again
    np.testing.assert_array_equal(found[name], remembered[name])


def test_a_state_is_told_only_of_the_listed_hash(tmp_path):
    cache = tmp_path / hashes.CACHE
    cache.write_text(
        f"{'1' * 64} 5 6 7 two words.wav\n\n{'2' * 64} no state\n\udcff", errors="replace"
    )
    assert hashes.states_of({"two words.wav": "1" * 64}, cache) == {"two words.wav": "5 6 7"}
    assert hashes.states_of({"two words.wav": "2" * 64, "other": ""}, cache) == {}
    assert hashes.states_of({"a": "1" * 64}, tmp_path / "absent") == {}
