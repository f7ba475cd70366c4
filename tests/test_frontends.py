"""The log-mel frontend, its corrections, shards of spectrograms and windows over them."""

import json
import time

import audio_shards
import h5py
import numpy as np
import pytest
from audio_shards import noise
from fake_readers import SEGMENTS, one_window
from scipy.special import logsumexp

from dawnchorus.frontends import base, filterbanks, shard_reader, shards, spectra, spectrograms
from dawnchorus.frontends.kinds import log_mel as log_mel_kind
from dawnchorus.segments import window_source
from dawnchorus.segments.kinds import windows as window_kind

LOG_TOLERANCE = 1e-3  # nats: float32 against float64
SETTINGS = {
    "kind": "log_mel",
    "audio": "plain",
    "sample_rate": 22050,
    "n_fft": 1024,
    "frames_per_second": 70,
    "n_mels": 80,
    "fmin": 50.0,
    "fmax": 11000.0,
    "floor": 2.22e-16,
    "denoise": "none",
    "band_attenuation": "none",
    "edge_offset": 0.0,
    "cut_edge_frames": 0,
    "trim_stddevs": 0.0,
    "trim_ignore": 4,
}
PORTABLE = {**SETTINGS, "sample_rate": 44100, "n_fft": 2048}
SMALL = {**SETTINGS, "sample_rate": 8000, "n_fft": 256, "n_mels": 12, "fmax": 4000.0}


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def written(folder, recordings, settings=SETTINGS, **more):
    return audio_shards.written(folder, recordings, settings, **more)


def slow_filterbank(sample_rate, n_fft, n_mels, fmin, fmax):
    """The triangles from their definition: a rising line, a falling line, whichever is lower."""
    low, high = 1127 * np.log(1 + fmin / 700), 1127 * np.log(1 + fmax / 700)
    points = [low + (high - low) * i / (n_mels + 1) for i in range(n_mels + 2)]
    points = [700 * (np.exp(point / 1127) - 1) for point in points]
    weights = np.zeros((n_fft // 2 + 1, n_mels))
    for k in range(n_fft // 2 + 1):
        f = k * sample_rate / n_fft
        for b in range(n_mels):
            left, top, right = points[b], points[b + 1], points[b + 2]
            line = min((f - left) / (top - left), (right - f) / (right - top))
            weights[k, b] = max(0.0, line) * 2 / (right - left)
    return weights


def slow_mel(waveform, settings):
    """Linear mel magnitudes in float64, frame by frame: (T, F)."""
    n_fft, rate = settings["n_fft"], settings["sample_rate"]
    padding = np.zeros(n_fft // 2)
    padded = np.concatenate([padding, waveform.astype(float), padding])
    steps = np.arange(n_fft)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * steps / (n_fft - 1))
    bank = slow_filterbank(rate, n_fft, *(settings[key] for key in ("n_mels", "fmin", "fmax")))
    rows, start = [], 0
    while start < len(padded) - n_fft:
        rows.append(abs(np.fft.rfft(padded[start : start + n_fft] * window)) @ bank)
        start += int(rate / settings["frames_per_second"])
    return np.array(rows)


@pytest.mark.parametrize("settings", [SETTINGS, PORTABLE, SMALL])
def test_published_settings_are_accepted(settings):
    base.check(settings)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "log_mle"}, "kind: 'log_mle'; .*did you mean 'log_mel'"),
        ({"fmax": 12000.0}, "fmax: 12000.0; expected at most 11025 Hz, half the sample rate"),
        ({"fmin": 11000.0}, "fmin: 11000.0; expected less than fmax 11000.0"),
        ({"n_fft": 1023}, "n_fft: 1023; expected a multiple of 2"),
        ({"frames_per_second": 0}, "frames_per_second: 0; expected more than 0"),
        ({"frames_per_second": 22051}, "frames_per_second: 22051; .*at most the sample rate 22050"),
        ({"n_mels": True}, "n_mels: True; expected a whole number"),
        ({"floor": 0.0}, "floor: 0.0; expected more than 1e-37"),
        ({"denoise": "max"}, "denoise: 'max'; expected mean, median, none"),
        ({"band_attenuation": "shallow", "n_mels": 64}, "n_mels: 64; expected 80, .*shallow"),
        ({"cut_edge_frames": -1}, "cut_edge_frames: -1; expected at least 0"),
        ({"edge_offset": float("nan")}, "edge_offset: nan; expected a number"),
    ],
)
def test_settings_that_cannot_work_are_refused(change, message):
    with pytest.raises(ValueError, match=f"^frontend.{message}"):
        base.check({**SETTINGS, **change})


def test_a_missing_sample_rate_is_named():
    settings = {key: value for key, value in SETTINGS.items() if key != "sample_rate"}
    with pytest.raises(ValueError, match="^frontend.sample_rate: missing; this key is needed$"):
        base.check(settings)


@pytest.mark.parametrize(("settings", "hop"), [(SETTINGS, 315), (PORTABLE, 630)])
def test_ten_seconds_are_700_frames_at_both_rates(rng, settings, hop):
    assert base.hop_length(settings) == hop
    waveform = noise(rng, 10 * settings["sample_rate"])
    assert log_mel_kind.log_mel(waveform, settings).shape == (700, 80)


@pytest.mark.parametrize("settings", [SETTINGS, PORTABLE, SMALL])
def test_filterbank_is_the_one_of_the_definition(settings):
    of = [settings[key] for key in ("sample_rate", "n_fft", "n_mels", "fmin", "fmax")]
    np.testing.assert_allclose(filterbanks.mel_filterbank(*of), slow_filterbank(*of), atol=1e-12)


def test_each_triangle_has_unit_area():
    area = filterbanks.mel_filterbank(22050, 65536, 80, 50.0, 11000.0).sum(axis=0) * 22050 / 65536
    np.testing.assert_allclose(area, 1.0, atol=1e-3)


def test_bands_without_a_bin_are_refused():
    with pytest.raises(ValueError, match="of 200 mel bands.*n_fft=512"):
        filterbanks.mel_filterbank(22050, 512, 200, 50.0, 11000.0)


@pytest.mark.parametrize("settings", [SETTINGS, PORTABLE, SMALL])
def test_log_mel_is_the_float64_reference(rng, settings):
    waveform = noise(rng, 5003)
    expected = np.log(slow_mel(waveform, settings))
    log_mel = log_mel_kind.log_mel(waveform, settings)
    assert log_mel.dtype == np.float32
    np.testing.assert_allclose(log_mel, expected, atol=LOG_TOLERANCE)


@pytest.mark.parametrize("frequency", [300.0, 1000.0, 4000.0, 9000.0])
def test_a_tone_lands_in_its_band(frequency):
    tone = np.sin(2 * np.pi * frequency * np.arange(22050) / 22050).astype(np.float32)
    low, high = 1127 * np.log1p(np.array([50.0, 11000.0]) / 700)
    band = 81 * (1127 * np.log1p(frequency / 700) - low) / (high - low) - 1
    middle = log_mel_kind.log_mel(tone, SETTINGS)[35]
    assert abs(int(middle.argmax()) - band) <= 0.6


def test_silence_is_the_floor():
    log_mel = log_mel_kind.log_mel(np.zeros(3000, np.float32), SETTINGS)
    np.testing.assert_allclose(log_mel, np.log(2.22e-16), rtol=1e-6)


@pytest.mark.parametrize("n_samples", [1, 314, 315, 316, 1024, 6301])
@pytest.mark.parametrize("frames_per_second", [70, 100, 43.1])
def test_frames_are_the_positions_below_the_length(rng, n_samples, frames_per_second):
    settings = {**SETTINGS, "frames_per_second": frames_per_second}
    positions = range(0, n_samples, int(22050 / frames_per_second))
    assert base.n_frames(n_samples, settings) == len(positions)
    assert len(log_mel_kind.log_mel(noise(rng, n_samples), settings)) == len(positions)


def test_values_do_not_depend_on_the_blocks(rng, monkeypatch):
    channels = [noise(rng, 60000), noise(rng, 60000)]
    settings = {**SETTINGS, "denoise": "mean", "edge_offset": 1.0, "trim_stddevs": 2.0}
    whole = spectrograms.spectrogram(channels, settings)
    monkeypatch.setattr(spectra, "FRAMES_HELD", 50)
    monkeypatch.setattr(spectra, "_FRAMES_AT_ONCE", 7)
    np.testing.assert_array_equal(spectrograms.spectrogram(channels, settings), whole)


@pytest.mark.parametrize("waveform", [np.zeros(0), np.zeros((2, 100))])
def test_what_is_no_waveform_is_refused(waveform):
    with pytest.raises(ValueError, match=r"expected one or more waveforms"):
        log_mel_kind.log_mel(waveform, SETTINGS)


def test_channels_of_other_length_are_refused(rng):
    with pytest.raises(ValueError, match=r"\(300,\).*\(400,\)"):
        spectrograms.spectrogram([noise(rng, 300), noise(rng, 400)], SETTINGS)


def test_channels_are_averaged_before_the_logarithm(rng):
    left, right = noise(rng, 9000), 0.1 * noise(rng, 9000)
    expected = np.log((slow_mel(left, SETTINGS) + slow_mel(right, SETTINGS)) / 2)
    spectrogram = spectrograms.spectrogram([left, right], SETTINGS)
    np.testing.assert_allclose(spectrogram, expected, atol=LOG_TOLERANCE)


def test_opposite_phases_do_not_cancel(rng):
    waveform = noise(rng, 9000)
    both = spectrograms.spectrogram([waveform, -waveform], SETTINGS)
    np.testing.assert_allclose(both, log_mel_kind.log_mel(waveform, SETTINGS), atol=1e-6)


def test_shallow_attenuation_spares_low_bands_and_edge_frames(rng):
    waveform = noise(rng, 9000)
    plain = log_mel_kind.log_mel(waveform, SETTINGS)
    shallow = spectrograms.spectrogram([waveform], {**SETTINGS, "band_attenuation": "shallow"})
    difference = shallow - plain
    assert not difference[[0, -1]].any()
    assert not difference[:, :64].any()
    published = [
        *(-0.002, -0.005, -0.012, -0.025, -0.047, -0.084, -0.143, -0.221),
        *(-0.337, -0.498, -0.713, -0.988, -1.328, -1.712, -2.140, -2.610),
    ]
    np.testing.assert_allclose(difference[1:-1, 64:], [published] * (len(plain) - 2), atol=1e-5)


def test_edge_offset_moves_the_outermost_frames_only(rng):
    waveform = noise(rng, 9000)
    offset = spectrograms.spectrogram([waveform], {**SETTINGS, "edge_offset": 1.5})
    difference = offset - log_mel_kind.log_mel(waveform, SETTINGS)
    np.testing.assert_allclose(difference[[0, -1]], 1.5, atol=1e-5)
    assert not difference[1:-1].any()


@pytest.mark.parametrize(("n_samples", "first", "last"), [(9000, 3, 26), (900, 1, 2), (300, 0, 1)])
def test_edge_frames_are_cut_but_one_stays(rng, n_samples, first, last):
    waveform = noise(rng, n_samples)
    cut = spectrograms.spectrogram([waveform], {**SETTINGS, "cut_edge_frames": 3})
    np.testing.assert_array_equal(cut, log_mel_kind.log_mel(waveform, SETTINGS)[first:last])


@pytest.mark.parametrize(("mode", "level"), [("mean", np.mean), ("median", np.median)])
def test_denoised_is_relative_to_each_bands_level(rng, mode, level):
    waveform = noise(rng, 30000)
    plain = log_mel_kind.log_mel(waveform, SETTINGS).astype(float)
    denoised = spectrograms.spectrogram([waveform], {**SETTINGS, "denoise": mode})
    np.testing.assert_allclose(denoised, plain - level(plain, axis=0), atol=1e-5)


def test_median_does_not_depend_on_the_bands_held(rng, monkeypatch):
    rows = rng.standard_normal((50, 7)).astype(np.float32)
    expected = rows[10:45] - np.median(rows[10:45], axis=0)
    monkeypatch.setattr(spectrograms, "_VALUES_HELD", 80)
    spectrograms.denoise(rows, 10, 45, "median")
    np.testing.assert_array_equal(rows[10:45], expected)


def test_loudness_is_the_log_of_the_sum(rng):
    rows = rng.normal(-9, 3, (20, 12)).astype(np.float32)
    np.testing.assert_allclose(spectrograms.loudness(rows), logsumexp(rows, axis=1), rtol=1e-6)


@pytest.mark.parametrize(
    ("ignore", "kept"),
    [
        (0, (3, 17)),  # quiet at 0, 1, 2 and 17, 18, 19; the quiet frame within does not matter
        (2, (4, 16)),  # a filter of length 3 takes one loud frame beside each quiet end
        (4, (5, 15)),  # of length 5: two
        (20, (0, 20)),  # nothing would be left: all of it stays
    ],
)
def test_trimming_by_hand(ignore, kept):
    loudness = np.zeros(20)
    loudness[[0, 1, 2, 9, 17, 18, 19]] = -10.0  # mean -3.5, deviation 4.77: z = -1.36 or 0.73
    assert spectrograms.trim_bounds(loudness, 1.0, ignore) == kept
    assert spectrograms.trim_bounds(loudness, 1.4, ignore) == (0, 20)


def test_a_click_in_leading_silence_does_not_save_the_silence():
    loudness = np.zeros(60)
    loudness[:12] = -10.0
    loudness[[5, 6]] = 0.0  # two loud frames between quiet ones
    assert spectrograms.trim_bounds(loudness, 1.0, 0) == (5, 60)
    assert spectrograms.trim_bounds(loudness, 1.0, 2) == (13, 60)


@pytest.mark.parametrize("ignore", range(6))
def test_trimming_widens_the_quiet_frames_as_the_original(rng, ignore):
    for _ in range(50):
        loudness = rng.standard_normal(rng.integers(2, 30))
        z = (loudness - loudness.mean()) / loudness.std()
        reach = range(-((ignore + 1) // 2), ignore // 2 + 1)
        widened = [
            any(z[t + d] < -1.5 for d in reach if 0 <= t + d < len(z)) for t in range(len(z))
        ]
        kept = np.flatnonzero(~np.array(widened))
        expected = (kept[0], kept[-1] + 1) if len(kept) else (0, len(z))
        assert spectrograms.trim_bounds(loudness, 1.5, ignore) == expected


def test_even_loudness_is_not_trimmed():
    assert spectrograms.trim_bounds(np.full(5, -3.0), 1.0, 4) == (0, 5)


def test_trimmed_recording_starts_late(tmp_path, rng):
    waveform = noise(rng, 44100)
    waveform[:3150] *= 1e-6
    settings = {**SETTINGS, "trim_stddevs": 2.5, "trim_ignore": 0, "denoise": "mean"}
    shard = shard_reader.open_shards([written(tmp_path / "a", {"x": [waveform]}, settings)])
    first = round(shard.onset_s("x") * 70)
    assert 8 <= first <= 10
    rows = log_mel_kind.log_mel(waveform, settings)[first:]
    np.testing.assert_allclose(shard.frames("x"), rows - rows.mean(axis=0), atol=1e-4)


def test_a_shard_gives_back_its_recordings(tmp_path, rng):
    one, two, three = noise(rng, 4000), noise(rng, 9000), noise(rng, 9000)
    recordings = {"007": [one], "grüner specht '$(x)'": [two, three], "NA": [three]}
    path = written(tmp_path / "a", recordings, excluded=[("bad", "AUDIO_EMPTY")])
    shard = shard_reader.open_shards([path])
    assert shard.ids == sorted(recordings)
    assert (shard.n_bands, shard.frames_per_second, shard.settings) == (80, 70.0, SETTINGS)
    for identifier, channels in recordings.items():
        expected = spectrograms.spectrogram(channels, SETTINGS)
        np.testing.assert_array_equal(shard.frames(identifier), expected)
        assert shard.rows(identifier) == len(expected)
    assert "bad" not in shard


def test_a_shard_is_one_contiguous_described_array(tmp_path, rng):
    path = written(tmp_path / "a", {"x": [noise(rng, 4000)], "y": [noise(rng, 700)]})
    with h5py.File(path) as file:
        assert set(file) == {"ids", "offsets", "onsets", "features"}
        assert file["features"].chunks is None
        assert file["offsets"][:].tolist() == [0, 13, 16]
        assert json.loads(file.attrs["frontend"]) == SETTINGS
        names = {"librosa", "numpy", "scipy", "soxr", "soundfile", "dawnchorus"}
        assert set(json.loads(file.attrs["versions"])) == names
        assert (file.attrs["layout"], file.attrs["complete"]) == ("frames", 1)


@pytest.mark.parametrize("denoise", ["mean", "median"])
def test_a_long_recording_is_streamed_to_the_same_values(tmp_path, rng, monkeypatch, denoise):
    settings = {**SMALL, "denoise": denoise, "edge_offset": 1.0}
    channels = [noise(rng, 30000), noise(rng, 30000)]
    expected = spectrograms.spectrogram(channels, settings)
    monkeypatch.setattr(spectra, "FRAMES_HELD", 64)
    monkeypatch.setattr(shards, "_FRAMES_READ", 50)
    monkeypatch.setattr(shards, "_VALUES_HELD", 50 * 12)
    shard = shard_reader.open_shards([written(tmp_path / "a", {"x": channels}, settings)])
    np.testing.assert_array_equal(shard.frames("x"), expected)


def test_equal_work_gives_equal_bytes(tmp_path, rng):
    recordings = {f"r{i}": [noise(rng, 2000 + i)] for i in range(3)}
    first = written(tmp_path / "a", recordings, SMALL).read_bytes()
    time.sleep(1.1)  # a time stamp in whole seconds would differ
    assert written(tmp_path / "b", recordings, SMALL).read_bytes() == first


def test_a_shard_without_used_recordings_can_be_read(tmp_path, rng):
    empty = written(tmp_path / "a", {}, excluded=[("bad", "AUDIO_EMPTY")])
    full = written(tmp_path / "b", {"x": [noise(rng, 4000)]})
    assert shard_reader.open_shards([empty]).ids == []
    assert shard_reader.open_shards([empty, full]).rows("x") == 13


def test_silence_denoised_to_zero_is_no_damage(tmp_path):
    path = written(tmp_path / "a", {"x": [np.zeros(4000)]}, {**SETTINGS, "denoise": "mean"})
    assert not shard_reader.open_shards([path]).frames("x").any()


def test_audio_at_another_rate_is_refused(tmp_path, rng):
    paths = audio_shards.write_audio(tmp_path / "a", {"x": [noise(rng, 4000)]}, sample_rate=44100)
    with pytest.raises(ValueError, match="44100 Hz.*22050 Hz"):
        shards.write_shard(*paths, SETTINGS, tmp_path / "x.h5")


def test_values_that_are_not_finite_are_refused_and_nothing_is_left(tmp_path, rng):
    waveform = noise(rng, 4000)
    waveform[2000] = np.nan
    with pytest.raises(ValueError, match="'late'.*not finite"):
        written(tmp_path / "a", {"early": [noise(rng, 900)], "late": [waveform]})
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["000.csv", "000.wav"]


def test_rows_that_never_reached_the_file_are_found(tmp_path, rng, monkeypatch):
    original = shards.Frames.write

    def without_two_rows(self, features, index):
        n_zero = original(self, features, index)
        features[4:6] = 0.0
        return n_zero

    monkeypatch.setattr(shards.Frames, "write", without_two_rows)
    with pytest.raises(OSError, match="'x' reads back with 2 empty rows, 0 were written"):
        written(tmp_path / "a", {"x": [noise(rng, 4000)]})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-2000]), "not a whole HDF5 file"),
        (lambda path: path.write_text("id,label\n"), "not a whole HDF5 file"),
        (lambda path: path.write_bytes(b""), "not a whole HDF5 file"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, rng, damage, message):
    path = written(tmp_path / "a", {"x": [noise(rng, 4000)]})
    damage(path)
    with pytest.raises(ValueError, match=f"a/000.h5 is {message}"):
        shard_reader.open_shards([path])


def edit_incomplete(file):
    del file.attrs["complete"]


def edit_chunked(file):
    rows = file["features"][:]
    del file["features"]
    file.create_dataset("features", data=rows, chunks=(2, 80))


def edit_elsewhere(file):
    del file["features"]
    file["features"] = h5py.ExternalLink("other.h5", "/features")


def edit_offsets(file):
    file["offsets"][1] = 10**6


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (edit_incomplete, "was not finished"),
        (edit_chunked, "no spectrogram shard.*contiguous"),
        (edit_elsewhere, "no spectrogram shard.*of the file itself"),
        (edit_offsets, "contradicts itself"),
    ],
)
def test_a_file_that_is_not_as_written_is_refused(tmp_path, rng, edit, message):
    path = written(tmp_path / "a", {"x": [noise(rng, 4000)]})
    with h5py.File(path, "r+") as file:
        edit(file)
    with pytest.raises(ValueError, match=f"a/000.h5.*{message}"):
        shard_reader.open_shards([path])


def test_a_missing_file_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.h5"):
        shard_reader.open_shards([tmp_path / "none.h5"])


def test_shards_of_two_frontends_are_refused(tmp_path, rng):
    first = written(tmp_path / "a", {"x": [noise(rng, 4000)]})
    second = written(tmp_path / "b", {"y": [noise(rng, 4000)]}, {**SETTINGS, "fmax": 8000.0})
    with pytest.raises(ValueError, match="b/000.h5 has other.*fmax: 8000.0 for 11000.0"):
        shard_reader.open_shards([first, second])


def test_a_recording_in_two_shards_is_refused(tmp_path, rng):
    paths = [written(tmp_path / name, {"x": [noise(rng, 4000)]}) for name in "ab"]
    with pytest.raises(ValueError, match="'x' is both in .*a/000.h5 and in .*b/000.h5"):
        shard_reader.open_shards(paths)


def test_an_unknown_recording_is_named(tmp_path, rng):
    shard = shard_reader.open_shards([written(tmp_path / "a", {"x": [noise(rng, 4000)]})])
    with pytest.raises(ValueError, match="'y' is not in the 1 spectrogram shards"):
        shard.frames("y")


def test_no_shard_at_all_is_refused():
    with pytest.raises(ValueError, match="received no spectrogram shard"):
        shard_reader.open_shards([])


@pytest.mark.parametrize(
    ("n_frames", "starts"), [(700, [0]), (1000, [0]), (1001, [0, 1000]), (3000, [0, 1000, 2000])]
)
def test_windows_start_below_the_length(n_frames, starts):
    assert window_kind.window_starts(n_frames, 1000) == starts


def test_700_frames_fill_1000_by_starting_again():
    frames = np.arange(1400.0).reshape(700, 2)
    expected = frames[[*range(700), *range(300)]]
    np.testing.assert_array_equal(one_window(window_kind.fill_looped, frames, 0, 1000), expected)


@pytest.mark.parametrize("n_frames", [1, 3, 10, 17, 40])
@pytest.mark.parametrize("start", [0, 2, 10])
@pytest.mark.parametrize("rotation", [0, 1, 9, 10, 23, -4])
def test_looped_is_take_and_roll(rng, n_frames, start, rotation):
    frames = rng.standard_normal((n_frames, 3))
    taken = frames[(start + np.arange(10)) % n_frames]
    window = one_window(window_kind.fill_looped, frames, start, 10, rotation)
    np.testing.assert_array_equal(window, np.roll(taken, rotation, axis=0))


def test_a_batch_is_its_windows(tmp_path, rng):
    path = written(tmp_path / "a", {"x": [noise(rng, 4000)], "y": [noise(rng, 90000)]}, SMALL)
    shard = shard_reader.open_shards([path])
    ids, starts, rotations = ["y", "x", "y"], [100, 0, 0], [3, 50, 0]
    batch = np.empty((3, 100, 12), np.float32)
    source = window_source.source_from_readers({"c": shard}, SEGMENTS, 100)
    source.fill(batch, [("c", identifier) for identifier in ids], starts, rotations)
    for row, identifier, start, rotation in zip(batch, ids, starts, rotations, strict=True):
        frames = shard.frames(identifier)
        expected = one_window(window_kind.fill_looped, frames, start, 100, rotation)
        np.testing.assert_array_equal(row, expected)


def test_a_batch_of_other_length_is_refused(tmp_path, rng):
    shard = shard_reader.open_shards([written(tmp_path / "a", {"x": [noise(rng, 4000)]}, SMALL)])
    source = window_source.source_from_readers({"c": shard}, SEGMENTS, 5)
    with pytest.raises(ValueError, match="3 windows to fill for 2 recordings"):
        source.fill(np.empty((3, 5, 12)), [("c", "x")] * 2, [0, 0])
