"""The spectrogram of a recording that is being decoded is that of the workflow, to the last bit."""

import numpy as np
import pytest

from dawnchorus.exported import growing_rows, recording_spectrogram
from dawnchorus.frontends import base, cell_statistics, chunk_images, spectrograms
from dawnchorus.frontends.kinds import linear_chunks, log_mel, mel_chunks, psd, slaney_mel

RATE = 8000  # Hz
NAME = "any"
BULBUL = {"n_fft": 256, "n_mels": 20, "fmax": 3900.0}
FRAMES = {
    "log_mel": (log_mel, {**BULBUL, "denoise": "mean"}),
    "median": (log_mel, {**BULBUL, "denoise": "median", "cut_edge_frames": 3}),
    "edges": (log_mel, {**BULBUL, "denoise": "none", "edge_offset": -0.7}),
    "trimmed": (log_mel, {**BULBUL, "denoise": "mean", "trim_stddevs": 0.5, "trim_ignore": 2}),
    "psd": (psd, {"n_bands": 100, "n_fft": 256, "hop": 128, "cell_borders": 11}),
    "slaney_mel": (
        slaney_mel, {"n_fft": 512, "window_length": 320, "hop": 160, "n_bands": 20, "fmax": 3900.0}
    ),
}  # fmt: skip
SMALL = {
    "n_bands": 16,
    "n_frames": 32,
    "fmin": 100.0,
    "fmax": 3900.0,
    "length_s": 0.5,
    "min_length_s": 0.25,
}
CHUNKS = {
    "mel_chunks": (mel_chunks, {**SMALL, "last": "drop", "overlap_s": 0.25}),
    "padded": (mel_chunks, {**SMALL, "last": "pad", "store": "float32"}),
    "align_end": (mel_chunks, {**SMALL, "last": "align_end"}),
    "linear_chunks": (linear_chunks, {**SMALL, "n_bands": 32, "last": "pad"}),
}  # fmt: skip


def settings_of(module, keys):
    return module.Settings.model_validate(keys).complete() | {"sample_rate": RATE}


def channels(rng, n_samples):
    loud = 0.5 + 0.5 * np.sin(np.arange(n_samples) / 3000) ** 2
    return [(0.1 * loud * rng.standard_normal(n_samples)).astype(np.float32) for _ in range(2)]


def grown(waveforms, settings, rng):
    """The spectrogram, of pieces of any lengths, some of them empty."""
    growing = recording_spectrogram.begin(settings)
    n = len(waveforms[0])
    borders = np.sort(rng.integers(0, n + 1, 12))
    for first, stop in zip([0, *borders], [*borders, n], strict=True):
        growing.add([waveform[first:stop] for waveform in waveforms])
    return growing.finish()


@pytest.fixture(params=[False, True], ids=["memory", "disk"])
def held(request, monkeypatch):
    if request.param:
        monkeypatch.setattr(growing_rows, "HELD_BYTES", 5000)


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.parametrize("n_samples", [100, 400, 33_123])
def test_frames_are_those_of_the_whole_recording(name, n_samples, held, rng):
    settings = settings_of(*FRAMES[name])
    waveforms = channels(rng, n_samples)
    found = grown(waveforms, settings, rng)
    expected = spectrograms.spectrogram(waveforms, settings)
    np.testing.assert_array_equal(found.frames(NAME)[:], expected)
    first, _ = spectrograms.kept_frames(waveforms, settings)
    assert found.onset_s(NAME) == base.kind(settings).onset_s(first, settings)
    assert found.rows(NAME) == len(expected)


def test_cells_are_those_of_the_whole_recording(held, rng):
    settings = settings_of(*FRAMES["psd"])
    waveforms = channels(rng, 33_123)
    found = grown(waveforms, settings, rng).cells(NAME)
    expected = cell_statistics.cell_statistics(
        spectrograms.spectrogram(waveforms, settings), settings
    )
    for key in ("mean", "peak", "band_mean", "band_std"):
        np.testing.assert_array_equal(getattr(found, key), getattr(expected, key))


@pytest.mark.parametrize("name", CHUNKS)
@pytest.mark.parametrize("n_samples", [700, 4000, 33_123])
def test_chunks_are_those_of_the_whole_recording(name, n_samples, held, rng):
    settings = settings_of(*CHUNKS[name])
    waveforms = channels(rng, n_samples)
    found = grown(waveforms, settings, rng)
    np.testing.assert_array_equal(
        found.images(NAME)[:], chunk_images.chunk_images(waveforms, settings)
    )
    places = np.array(chunk_images.chunk_places(n_samples, settings))
    np.testing.assert_array_equal(found.onsets_s(NAME), places[:, 0] / RATE)
    np.testing.assert_array_equal(found.lengths_s(NAME), places[:, 1] / RATE)


def test_samples_that_no_later_frame_needs_are_let_go(rng):
    settings = settings_of(*FRAMES["log_mel"])
    growing = recording_spectrogram.begin(settings)
    for _ in range(20):
        growing.add([np.zeros(RATE, np.float32)])
    assert len(growing._channels[0]) == 20 * RATE
    assert growing._channels[0]._samples.size < 2 * RATE


def test_a_recording_without_samples_is_refused():
    growing = recording_spectrogram.begin(settings_of(*FRAMES["psd"]))
    growing.add([np.empty(0, np.float32)])
    with pytest.raises(ValueError, match="S above 0"):
        growing.finish()


def test_stored_rows_are_read_as_an_array_is(rng, monkeypatch):
    monkeypatch.setattr(growing_rows, "HELD_BYTES", 100)
    monkeypatch.setattr(growing_rows, "_ROWS_READ", 7)
    expected = rng.standard_normal((50, 6)).astype(np.float32)
    growing = growing_rows.GrowingRows((6,), np.float32)
    for first in range(0, 50, 8):
        growing.append(expected[first : first + 8])
    rows = growing.finish()
    assert rows.shape == (50, 6)
    for key in (
        slice(3, 40),
        (slice(2, 45), slice(1, 3)),
        7,
        np.array([0, 1, 5, 9, 10, 49]),
        slice(9, 9),
    ):
        np.testing.assert_array_equal(rows[key], expected[key])
    part = rows.part(10, 30)
    part[5:7] = part[5:7] - np.float32(1)
    expected[15:17] -= np.float32(1)
    np.testing.assert_array_equal(part[:], expected[10:30])
