"""The power spectral density of toth2016, the statistics of its cells, and shards of both."""

import itertools
import pickle

import h5py
import numpy as np
import pytest
from audio_shards import noise, write_audio, written
from matplotlib import mlab

from dawnchorus.frontends import base, cell_statistics, shard_reader, shards, spectra, spectrograms
from dawnchorus.frontends.kinds import psd

LOG_TOLERANCE = 1e-4  # powers of ten: float32 against float64
SETTINGS = {
    "kind": "psd",
    "audio": "plain",
    "sample_rate": 16000,
    "n_fft": 512,
    "hop": 256,
    "n_bands": 200,
    "floor": 1e-5,
    "cell_columns": 30,
    "cell_borders": 20,
}
SMALL = {**SETTINGS, "n_fft": 64, "hop": 32, "n_bands": 23, "cell_columns": 7, "cell_borders": 5}


def reference(waveform, settings):
    """Log10 of the density by matplotlib, on 16-bit integers as toth2016 had it: (T, F)."""
    n_fft, overlap = settings["n_fft"], settings["n_fft"] - settings["hop"]
    density, _, _ = mlab.specgram(waveform, n_fft, settings["sample_rate"], noverlap=overlap)
    return np.log10(np.maximum(settings["floor"], density[: settings["n_bands"]])).T


def slow_cells(rows, settings):
    """Return the four statistics, value by value from their definition."""
    n_frames, n_bands = rows.shape
    borders = np.ceil(np.linspace(0, n_bands, settings["cell_borders"])).astype(int)
    columns = [*range(0, n_frames, settings["cell_columns"]), n_frames]
    shape = (len(columns) - 1, len(borders) - 1)
    mean, peak = np.empty(shape), np.empty(shape)
    bands = [rows[:, low:high] for low, high in itertools.pairwise(borders)]
    for g, band in enumerate(bands):
        for j in range(shape[0]):
            values = sorted(band[columns[j] : columns[j + 1]].ravel().tolist())
            mean[j, g] = sum(values) / len(values)
            peak[j, g] = sum(values[-10:]) / len(values[-10:])
    return mean, peak, [band.mean() for band in bands], [band.std() for band in bands]


def assert_cells(found, expected):
    for name, values in zip(("mean", "peak", "band_mean", "band_std"), expected, strict=True):
        np.testing.assert_allclose(getattr(found, name), values, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("settings", [SETTINGS, SMALL, {**SETTINGS, "floor": 0}])
def test_published_settings_are_accepted(settings):
    base.check(settings)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"kind": "spd"},
            "kind: 'spd'; expected linear_chunks, log_mel, mel_chunks, .*psd, .*mean 'psd'",
        ),
        ({"n_fft": 511}, "n_fft: 511; expected a multiple of 2"),
        ({"hop": 0}, "hop: 0; expected at least 1"),
        ({"hop": 513}, "hop: 513; expected at most n_fft 512"),
        ({"n_bands": 258}, "n_bands: 258; expected at most 257, the bins of n_fft 512"),
        ({"floor": -1e-5}, "floor: -1e-05; expected at least 0"),
        ({"floor": 1e-40}, "floor: 1e-40; expected a density above 1e-37 .float32., or 0"),
        ({"cell_columns": 0}, "cell_columns: 0; expected at least 1"),
        ({"cell_borders": 1}, "cell_borders: 1; expected at least 2"),
        ({"cell_borders": 202}, "cell_borders: 202; expected at most n_bands 200"),
        ({"cell_borders": 20.0}, "cell_borders: 20.0; expected a whole number"),
        ({"sample_rate": 0}, "sample_rate: 0; expected at least 1000"),
    ],
)
def test_settings_that_cannot_work_are_refused(change, message):
    with pytest.raises(ValueError, match=f"^frontend.{message}"):
        base.check({**SETTINGS, **change})


def test_a_missing_sample_rate_is_named():
    settings = {key: value for key, value in SETTINGS.items() if key != "sample_rate"}
    with pytest.raises(ValueError, match="^frontend.sample_rate: missing; this key is needed$"):
        base.check(settings)


def test_five_seconds_are_311_columns(rng):
    assert base.n_frames(5 * 16000, SETTINGS) == 311
    assert base.hop_length(SETTINGS) == 256
    assert spectrograms.spectrogram([noise(rng, 5 * 16000)], SETTINGS).shape == (311, 200)


@pytest.mark.filterwarnings("ignore:Only one segment is calculated")  # of matplotlib
@pytest.mark.parametrize("settings", [SETTINGS, SMALL, {**SETTINGS, "n_bands": 257, "floor": 0}])
@pytest.mark.parametrize("n_samples", [40, 511, 512, 767, 768, 9000])
def test_density_is_that_of_matplotlib(rng, settings, n_samples):
    integers = rng.integers(-(2**15), 2**15, n_samples).astype(float)
    rows = spectrograms.spectrogram([integers / 2**15], settings)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, reference(integers, settings), atol=LOG_TOLERANCE)


def test_a_quiet_tone_is_that_of_matplotlib():
    tone = np.round(20 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000))
    rows = spectrograms.spectrogram([tone / 2**15], SETTINGS)
    assert (rows.argmax(axis=1) == 32).all()
    np.testing.assert_allclose(rows, reference(tone, SETTINGS), atol=LOG_TOLERANCE)


def test_channels_are_averaged_before_the_logarithm(rng):
    left, right = noise(rng, 9000), 0.1 * noise(rng, 9000)
    densities = [10 ** reference(2.0**15 * channel, SETTINGS) for channel in (left, right)]
    rows = spectrograms.spectrogram([left, right], SETTINGS)
    np.testing.assert_allclose(rows, np.log10(np.mean(densities, axis=0)), atol=LOG_TOLERANCE)


@pytest.mark.parametrize(("floor", "level"), [(1e-5, -5.0), (0, -np.inf)])
def test_silence_is_the_floor_or_minus_infinity(floor, level):
    rows = spectrograms.spectrogram([np.zeros(3000)], {**SETTINGS, "floor": floor})
    np.testing.assert_allclose(rows, level, rtol=1e-6)


def test_row_borders_are_those_of_the_original():
    expected = [0, 11, 22, 32, 43, 53, 64, 74, 85, 95, 106, 116, 127, 137, 148, 158, 169, 179, 190]
    assert cell_statistics.row_borders(SETTINGS).tolist() == [*expected, 200]


@pytest.mark.parametrize("n_bands", [2, 10, 200, 257])
def test_row_borders_are_rounded_up(n_bands):
    for n in range(2, n_bands + 2):
        borders = cell_statistics.row_borders({"n_bands": n_bands, "cell_borders": n})
        assert np.diff(borders).min() >= 1
        exact = np.ceil(np.linspace(0, n_bands, n) - 1e-9)
        np.testing.assert_array_equal(borders, exact)


@pytest.mark.parametrize("n_frames", [1, 6, 7, 8, 30, 100])
def test_cells_are_those_of_a_loop(rng, n_frames):
    rows = rng.normal(1, 2, (n_frames, 23)).astype(np.float32)
    found = cell_statistics.cell_statistics(rows, SMALL)
    assert found.mean.shape == (-(-n_frames // 7), 4)
    assert_cells(found, slow_cells(rows, SMALL))


def test_published_cells_of_311_columns(rng):
    rows = rng.normal(1, 2, (311, 200)).astype(np.float32)
    found = cell_statistics.cell_statistics(rows, SETTINGS)
    assert found.mean.shape == found.peak.shape == (11, 19)
    assert_cells(found, slow_cells(rows, SETTINGS))


@pytest.mark.parametrize("held", [1, 7, 20, 50])
def test_cells_do_not_depend_on_the_rows_held(rng, monkeypatch, held):
    rows = rng.normal(1, 2, (95, 23)).astype(np.float32)
    whole = cell_statistics.cell_statistics(rows, SMALL)
    monkeypatch.setattr(cell_statistics, "_ROWS_HELD", held)
    parts = cell_statistics.cell_statistics(rows, SMALL)
    np.testing.assert_array_equal(parts.mean, whole.mean)
    np.testing.assert_array_equal(parts.peak, whole.peak)
    np.testing.assert_array_equal(parts.band_std, whole.band_std)


def test_an_even_band_has_no_deviation():
    found = cell_statistics.cell_statistics(np.full((50, 23), -5.0, np.float32), SMALL)
    assert not found.band_std.any()
    assert (found.band_mean == -5.0).all()


def test_cells_of_silence_without_a_floor_are_not_finite():
    found = cell_statistics.cell_statistics(np.full((50, 23), -np.inf, np.float32), SMALL)
    assert (found.mean == -np.inf).all()
    assert (found.peak == -np.inf).all()
    assert np.isnan(found.band_std).all()


def test_a_shard_gives_back_rows_and_cells(tmp_path, rng):
    recordings = {"a": [noise(rng, 9000)], "b": [noise(rng, 300)], "c": 2 * [noise(rng, 5000)]}
    path = written(tmp_path / "a", recordings, SETTINGS, excluded=[("bad", "AUDIO_EMPTY")])
    shard = shard_reader.open_shards([path])
    assert (shard.layout, shard.n_bands, shard.frames_per_second) == ("frames", 200, 62.5)
    for identifier, channels in recordings.items():
        rows = spectrograms.spectrogram(channels, SETTINGS)
        np.testing.assert_array_equal(shard.frames(identifier), rows)
        assert_cells(shard.cells(identifier), slow_cells(rows, SETTINGS))
        assert shard.onset_s(identifier) == 256 / 16000


def test_cells_survive_another_process(tmp_path, rng):
    shard = shard_reader.open_shards([written(tmp_path / "a", {"x": [noise(rng, 9000)]}, SETTINGS)])
    copy = pickle.loads(pickle.dumps(shard))
    np.testing.assert_array_equal(copy.cells("x").peak, shard.cells("x").peak)


def test_a_long_recording_is_streamed_to_the_same_values(tmp_path, rng, monkeypatch):
    channels = [noise(rng, 9000), noise(rng, 9000)]
    whole = written(tmp_path / "a", {"x": channels}, SMALL).read_bytes()
    monkeypatch.setattr(spectra, "FRAMES_HELD", 64)
    monkeypatch.setattr(cell_statistics, "_ROWS_HELD", 50)
    monkeypatch.setattr(shards, "_FRAMES_READ", 40)
    monkeypatch.setattr(shards, "_VALUES_HELD", 23 * 30)
    assert written(tmp_path / "b", {"x": channels}, SMALL).read_bytes() == whole


def test_silence_without_a_floor_is_stored_as_it_is(tmp_path):
    path = written(tmp_path / "a", {"x": [np.zeros(4000)]}, {**SETTINGS, "floor": 0})
    shard = shard_reader.open_shards([path])
    assert (shard.frames("x") == -np.inf).all()
    assert np.isnan(shard.cells("x").band_std).all()


@pytest.mark.parametrize("floor", [0, 1e-5])
def test_values_that_are_not_finite_are_refused(tmp_path, rng, floor):
    waveform = noise(rng, 4000)
    waveform[2000] = np.nan
    with pytest.raises(ValueError, match="'x' is not finite"):
        written(tmp_path / "a", {"x": [waveform]}, {**SETTINGS, "floor": floor})


def test_a_shard_without_used_recordings_can_be_read(tmp_path):
    path = written(tmp_path / "a", {}, SETTINGS, excluded=[("bad", "AUDIO_EMPTY")])
    assert shard_reader.open_shards([path]).ids == []


def test_log_mel_has_no_cells(tiny_shard):
    path, ids = tiny_shard
    assert shard_reader.open_shards([path]).cells(ids[0]) is None


@pytest.mark.parametrize("table", ["cell_offsets", "cell_peak", "band_std"])
def test_a_missing_table_is_named(tmp_path, rng, table):
    path = written(tmp_path / "a", {"x": [noise(rng, 4000)]}, SETTINGS)
    with h5py.File(path, "r+") as file:
        del file[table]
    with pytest.raises(ValueError, match=f"no spectrogram shard.*{table}"):
        shard_reader.open_shards([path])


def test_cells_of_another_number_are_a_contradiction(tmp_path, rng):
    path = written(tmp_path / "a", {"x": [noise(rng, 4000)]}, SETTINGS)
    with h5py.File(path, "r+") as file:
        file["cell_offsets"][1] = 2
    with pytest.raises(ValueError, match="contradicts itself"):
        shard_reader.open_shards([path])


def test_audio_at_another_rate_is_refused(tmp_path, rng):
    paths = write_audio(tmp_path / "a", {"x": [noise(rng, 4000)]}, sample_rate=44100)
    with pytest.raises(ValueError, match="44100 Hz.*16000 Hz"):
        shards.write_shard(*paths, SETTINGS, tmp_path / "x.h5")


@pytest.mark.parametrize("n_samples", [1, 511, 512, 513, 767, 768, 80000])
def test_frames_are_the_whole_ones(n_samples):
    starts = [start for start in range(0, n_samples, 256) if start + 512 <= n_samples]
    assert psd.n_frames(n_samples, SETTINGS) == max(1, len(starts))
