"""The signal extraction of dsr2019: mask, timestamps, slices, noise, and what is scored."""

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal

from dawnchorus.exported import recording_spectrogram
from dawnchorus.frontends import base, signal_mask, spectrograms
from dawnchorus.frontends.kinds import mel_power
from dawnchorus.runtime import seeds
from dawnchorus.scores import pooling
from dawnchorus.segments import signal_slices, training_windows, window_source
from dawnchorus.settings import experiment

RATE = 22_050
SETTINGS = mel_power.Settings(audio="plain").complete() | {"sample_rate": RATE}
SLICE = 216
STEP = 2.5 * RATE / 512


def segments(**changes):
    return experiment.SegmentSettings(kind="time", **changes).complete()


def song(length_s, parts, seed=0):
    """Return faint noise with a loud tone of 3 kHz in some parts, (onset, offset) in seconds."""
    rng = np.random.default_rng(seed)
    waveform = rng.normal(0, 0.002, int(length_s * RATE)).astype(np.float32)
    times = np.arange(len(waveform)) / RATE
    for onset, offset in parts:
        inside = (times >= onset) & (times < offset)
        # swept, so that no row is loud throughout
        waveform[inside] += 0.5 * np.sin(
            2 * np.pi * (2000 * times[inside] + 300 * np.sin(8 * times[inside]))
        ).astype(np.float32)
    return waveform


class Reader:
    """Recordings in memory, as shards give them."""

    layout, n_bands, frames_per_second = "frames", 4, RATE / 512

    def __init__(self, signal, frames=None):
        self._signal, self._frames = signal, frames or {}
        self.ids = list(signal)

    def rows(self, name):
        return len(self._signal[name])

    def frames(self, name):
        if name in self._frames:
            return self._frames[name]
        n = self.rows(name)
        return np.repeat(np.arange(n, dtype=np.float32)[:, None], 4, axis=1)

    def onset_s(self, name):
        return 0.0

    def signal(self, name):
        return self._signal[name]


def source(signal, frames=None, **changes):
    reader = Reader(signal, frames)
    return window_source.source_from_readers({"c": reader}, segments(**changes), SLICE)


def all_of(*names):
    return [("c", name) for name in names]


def test_spectrogram_is_librosas_mel_power():
    # librosa.filters alone: the rest of librosa takes seconds to import
    import librosa.filters

    waveform = song(5, [(1, 2), (3, 3.5)])
    found = spectrograms.spectrogram([waveform], SETTINGS)
    padded = np.pad(waveform.astype(float), 1024)
    frames = np.lib.stride_tricks.sliding_window_view(padded, 2048)[::512]
    spectrum = np.abs(np.fft.rfft(frames * scipy.signal.get_window("hann", 2048))) ** 2
    with pytest.warns(UserWarning, match="Empty filters"):
        bank = librosa.filters.mel(sr=RATE, n_fft=2048, n_mels=256, fmin=0, fmax=12_000)
    expected = bank @ spectrum.T
    assert found.shape == (216, 256) == expected.T.shape
    np.testing.assert_allclose(found, expected.T, rtol=1e-3, atol=1e-6 * expected.max())
    # bands above half of the sample rate are there, and empty
    assert (found[:, -4:] == 0).all()
    assert found[:, -8].any()
    power = spectrograms.spectrogram([waveform], SETTINGS | {"compression": "power"})
    np.testing.assert_allclose(power, found**0.17, rtol=1e-4)
    log = spectrograms.spectrogram([waveform], SETTINGS | {"compression": "log"})
    np.testing.assert_allclose(log, np.log(np.maximum(found, 1e-10)), rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match="frontend.fmax: 30000.0; expected more than fmin 0.0"):
        base.check(SETTINGS | {"fmax": 30_000.0})


def test_mask_is_the_rule_of_dsr2019_step_by_step():
    rows = np.random.default_rng(1).exponential(1, (60, 40)).astype(np.float32)
    rows[20:31, 10:19] += 20
    rows[50, 3] += 30  # a speck, which the opening removes
    scaled = (rows - rows.min()) / (rows.max() - rows.min())
    expected = np.zeros(rows.shape, bool)
    for t in range(60):
        for k in range(40):
            is_loud = scaled[t, k] > 3 * np.median(scaled[:, k])
            expected[t, k] = is_loud and scaled[t, k] > 3 * np.median(scaled[t])
    square = np.ones((4, 4), bool)
    opened = scipy.ndimage.binary_opening(expected, square)
    assert expected[50, 3]
    assert not opened[50, 3]
    expected = scipy.ndimage.binary_dilation(opened, square)
    mask = signal_mask.signal_mask(rows.copy(), SETTINGS)
    np.testing.assert_array_equal(mask, expected)
    assert mask[20:31, 10:19].all()
    assert not mask[40:].any()
    assert not signal_mask.signal_mask(np.ones((5, 6), np.float32), SETTINGS).any()


def test_signal_is_found_where_it_is_and_timestamps_have_three_decimals():
    waveform = song(12, [(2, 4), (7, 10)])
    is_signal = signal_mask.signal_frames([waveform], SETTINGS)
    times = np.arange(len(is_signal)) * 512 / RATE
    inside = ((times > 2.1) & (times < 3.9)) | ((times > 7.1) & (times < 9.9))
    outside = (times < 1.8) | ((times > 4.3) & (times < 6.8)) | (times > 10.3)
    assert is_signal[inside].mean() > 0.95
    assert not is_signal[outside].any()
    parts = signal_mask.timestamps(signal_slices.widened(is_signal, 15), len(waveform), RATE)
    assert len(parts) == 2
    frame_s = len(waveform) / (len(is_signal) + 2) / RATE
    first = np.flatnonzero(signal_slices.widened(is_signal, 15))[0]
    assert parts[0][0] == round(first * frame_s, 3)
    np.testing.assert_allclose(parts, [[2, 4], [7, 10]], atol=0.4)
    assert signal_mask.timestamps(np.zeros(7, bool), 512 * 6, RATE) == []
    # a long recording is looked at in parts, which no frame falls between
    short = SETTINGS | {"sample_rate": RATE}
    one = signal_mask.PART_S
    try:
        signal_mask.PART_S = 3
        assert len(signal_mask.signal_frames([waveform], short)) == len(is_signal)
    finally:
        signal_mask.PART_S = one


def test_frames_are_widened_by_a_centred_line():
    is_signal = np.zeros(60, bool)
    is_signal[[2, 30, 59]] = True
    for reach in (1, 4, 15):
        expected = scipy.ndimage.binary_dilation(is_signal, np.ones(reach, bool))
        np.testing.assert_array_equal(signal_slices.widened(is_signal, reach), expected, str(reach))


def test_slices_begin_every_two_and_a_half_seconds_and_are_whole():
    assert signal_slices.slice_starts(216, SLICE, STEP).tolist() == [0]
    assert signal_slices.slice_starts(215, SLICE, STEP).tolist() == []
    assert signal_slices.slice_starts(700, SLICE, STEP).tolist() == [0, 108, 215, 323, 431]
    assert signal_slices.slice_starts(647, SLICE, STEP).tolist() == [0, 108, 215, 323, 431]
    assert signal_slices.slice_starts(646, SLICE, STEP).tolist() == [0, 108, 215, 323]


def test_slices_are_cut_from_the_signal_moved_together_and_noise_from_the_rest():
    is_signal = np.zeros(1000, bool)
    is_signal[100:250] = is_signal[600:800] = True  # 350 frames: two slices
    quiet = np.zeros(300, bool)
    quiet[:20] = True  # less than a slice of signal
    found = source({"a": is_signal, "b": quiet}, reach=1)
    index = found.index(all_of("a", "b"))
    assert index.recording.tolist() == [0, 0]
    assert index.score.tolist() == [1, 1]
    kept = np.flatnonzero(is_signal)
    batch = found.batch(all_of("a", "b"), index)
    np.testing.assert_array_equal(batch[0][:, 0], kept[:216])
    np.testing.assert_array_equal(batch[1][:, 0], kept[108:324])
    np.testing.assert_allclose(index.onset_s, kept[[0, 108]] * 512 / RATE)
    np.testing.assert_allclose(index.offset_s, (kept[[215, 323]] + 1) * 512 / RATE)
    np.testing.assert_allclose(index.length_s, 216 * 512 / RATE)
    noise = found.noise_index(all_of("a", "b"), index)
    assert (noise.score == 0).all()
    assert np.bincount(noise.recording).tolist() == [5, 1]
    quiet_slice = found.batch(all_of("a", "b"), noise)[-1]
    np.testing.assert_array_equal(quiet_slice[:, 0], np.arange(20, 236))
    rotated = np.empty((1, SLICE, 4), np.float32)
    found.fill(rotated, all_of("a"), index.place[:1], [5])
    np.testing.assert_array_equal(rotated[0], np.roll(batch[0], 5, axis=0))


def test_what_is_scored_is_the_recording_its_signal_or_its_loudest_window():
    is_signal = np.zeros(500, bool)
    is_signal[200:450] = True
    loud = np.ones((500, 4), np.float32)
    loud[150:366] = 3
    given = {"a": is_signal, "short": np.ones(100, bool)}, {"a": loud}
    whole = source(*given).index(all_of("a", "short"), prediction=True)
    # of a short recording one slice, which goes on at its start
    assert whole.recording.tolist() == [0, 0, 0, 1]
    assert (whole.place // 3).tolist() == [0, 108, 215, 0]
    last = source(*given)
    looped = last.batch(all_of("short"), last.index(all_of("short"), prediction=True))
    np.testing.assert_array_equal(looped[0][:, 0], np.arange(216) % 100)
    assert whole.length_s[3] == pytest.approx(100 * 512 / RATE)
    signal = source(*given, predict_from="signal", reach=1).index(all_of("a", "short"), True)
    assert signal.recording.tolist() == [0, 1]
    assert signal.onset_s[0] == pytest.approx(200 * 512 / RATE)
    loudest = source(*given, predict_from="loudest").index(all_of("a", "short"), True)
    assert (loudest.place // 3).tolist() == [150, 0]
    first = source(*given, max_per_recording=2).index(all_of("a"), prediction=True)
    assert len(first) == 2
    held = source(*given, reach=1).validation_index(all_of("a", "short"))
    assert held.recording.tolist() == [0]  # as those trained on: of signal


def test_spectrograms_without_signal_are_refused():
    found = source({"a": np.ones(300, bool)})
    found._readers["c"].signal = lambda name: None
    with pytest.raises(ValueError, match="needs shards of a frontend of kind 'mel_power'"):
        found.index(all_of("a"))


def test_slices_are_stretched_and_with_the_fault_only_while_training():
    windows = np.array([[[1, 3], [2, 5]], [[7, 7], [7, 7]]], np.float32)
    for min_max, is_served, is_stretched in (
        ("always", True, True), ("training", False, True), ("training", True, False),
        ("never", False, False),
    ):  # fmt: skip
        found = source({"a": np.ones(300, bool)}, min_max=min_max)
        found.is_served = is_served
        out = windows.copy()
        found.scale(out)
        expected = [[[0, 0.5], [0.25, 1]], [[0, 0], [0, 0]]] if is_stretched else windows
        np.testing.assert_allclose(out, expected)


def index_of(counts):
    recording = np.repeat(np.arange(len(counts)), counts)
    zeros = np.zeros(len(recording))
    return window_source.Index(recording, np.arange(len(recording)), *[zeros] * 4)


def test_classes_are_drawn_equally_often():
    index, values = index_of([10, 4, 3, 0]), np.eye(4)[[0, 0, 1, 2]]
    rng = seeds.generator(1, "resample")
    rows = training_windows.resample(index, values, {"factor": 1.2, "most": 1800}, rng)
    counts = np.bincount(values[index.recording[rows]].argmax(axis=1), minlength=4)
    assert counts.tolist() == [3, 3, 0, 0]  # int(1.2 x 3); a class without windows has none
    rows = training_windows.resample(index, values, {"factor": 2.0, "most": 2}, rng)
    assert np.bincount(values[index.recording[rows]].argmax(axis=1)).tolist() == [4, 4]


def test_validation_holds_whole_recordings_out_until_the_share_is_met():
    counts = [6, 5, 5, 4, 9, 11, 3, 7]
    index, values = index_of(counts), np.eye(2)[[0, 0, 0, 0, 1, 1, 1, 1]]
    for seed in range(20):
        rng = seeds.generator(seed, "split")
        train, held = training_windows.split_recordings(index, values, 0.3, 1800, rng)
        assert sorted([*train, *held]) == list(range(50))
        assert not set(index.recording[train]) & set(index.recording[held])
        of_class = np.bincount(values[index.recording[held]].argmax(axis=1))
        # int(0.3 x 20) = 6 windows of either class, as near as some order of recordings comes
        assert (abs(of_class - 6) <= 3).all(), of_class
    alone = training_windows.split_recordings(index_of([5, 5]), np.eye(2), 0.3, None, rng)
    assert len(alone[0]) == 10
    assert not len(alone[1])


def test_noise_comes_from_few_slices_of_few_recordings_of_each_class():
    index, values = index_of([6, 2, 9, 8]), np.eye(2)[[0, 0, 1, 1]]
    rng = seeds.generator(3, "noise")
    rows = training_windows.noise_rows(index, values, segments(), rng)
    recordings, counts = np.unique(index.recording[rows], return_counts=True)
    assert len(recordings) == 2
    assert recordings[0] < 2 <= recordings[1]
    assert counts[1] == 4
    assert counts[0] in (2, 4)


def test_clip_rules_of_the_page():
    scores = np.array([[0.2, 0.8], [0.9, 0.1], [0.9, 0.05], [0.5, 0.5]], np.float32)
    index = np.array([0, 0, 0, 1])
    np.testing.assert_array_equal(pooling.pool(scores, index, 3, "surest")[:2], scores[[1, 3]])
    np.testing.assert_array_equal(pooling.pool(scores, index, 3, "last")[:2], scores[[2, 3]])
    assert np.isnan(pooling.pool(scores, index, 3, "surest")[2]).all()
    shuffled = [3, 0, 1, 2]
    found = pooling.pool(scores[shuffled], index[shuffled], 2, "surest")
    np.testing.assert_array_equal(found, scores[[1, 3]])


def test_a_decoded_recording_gives_the_frames_of_a_shard():
    waveform = song(3, [(1, 2)])
    growing = recording_spectrogram.begin(SETTINGS)
    for first in range(0, len(waveform), 5000):
        growing.add([waveform[first : first + 5000]])
    found = growing.finish()
    np.testing.assert_array_equal(found.kept, spectrograms.spectrogram([waveform], SETTINGS))
    made = window_source.source_from_readers({"": found}, segments(), SLICE)
    index = made.index([("", "")], prediction=True)
    assert len(index) == 1
    assert made.batch([("", "")], index).shape == (1, SLICE, 256)
