"""Windows, cells and chunks: where they are, what is in them, which are trained on."""

import pickle
import tracemalloc

import numpy as np
import pytest
from fake_readers import SEGMENTS, Chunks, Frames, one_window, with_cells
from scipy.ndimage import binary_dilation
from sklearn.utils.class_weight import compute_class_weight

from dawnchorus.frontends import cell_statistics, shards
from dawnchorus.segments import training_windows, window_source
from dawnchorus.segments.kinds import cells as cell_kind
from dawnchorus.segments.kinds import windows as window_kind

PSD = {"kind": "psd", "n_bands": 200, "cell_columns": 30, "cell_borders": 20}
BORDERS = [0, 11, 22, 32, 43, 53, 64, 74, 85, 95, 106, 116, 127, 137, 148, 158, 169, 179, 190, 200]


def loud_here_and_there(rng, n_columns):
    """Return a spectrogram (T, 200) of noise about 0 with loud patches, and some exact zeros."""
    spectrogram = rng.normal(0.1, 0.5, (n_columns, 200)).astype(np.float32)
    for _ in range(6):
        column, row = rng.integers(n_columns), rng.integers(190)
        spectrogram[column : column + 25, row : row + 15] += rng.uniform(1, 4)
    spectrogram[rng.random(spectrogram.shape) < 0.02] = 0
    return spectrogram


def written_out(spectrogram, expand=True):
    """Return masked spectrogram and kept columns as section 2.3 says it, on an image (F, T)."""
    image = spectrogram.T.astype(np.float64)
    rows = np.ceil(np.linspace(0, 200, 20)).astype(int)
    columns = [*range(0, image.shape[1], 30), image.shape[1]]
    kept = np.zeros((19, len(columns) - 1), int)
    for g in range(19):
        band = image[rows[g] : rows[g + 1]]
        for j in range(len(columns) - 1):
            cell = band[:, columns[j] : columns[j + 1]].ravel()
            loudest = np.sort(cell)[-10:].mean()
            is_dropped = cell.mean() < 0 or loudest < 1.5 * (band.mean() + band.std())
            kept[g, j] = not is_dropped
    wide = np.pad(kept, 1)
    if expand:
        wide[1:-1, 1:-1] += wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:]
    found = image.copy()
    for g in range(19):
        for j in range(len(columns) - 1):
            if wide[g + 1, j + 1] == 0:
                found[rows[g] : rows[g + 1], columns[j] : columns[j + 1]] = 0
    left = [t for t in range(found.shape[1]) if (found[:, t] == 0).sum() <= 0.95 * 200]
    return found.T.astype(np.float32), left or list(range(found.shape[1]))


def cell_source(by_id, window=310, **changed):
    settings = SEGMENTS | {"kind": "cells"} | changed
    return window_source.source_from_readers({"c": with_cells(by_id, PSD)}, settings, window)


def test_row_bands_are_those_of_system_001():
    assert cell_statistics.row_borders(PSD).tolist() == BORDERS


@pytest.mark.parametrize("expand", [True, False])
@pytest.mark.parametrize("n_columns", [8, 30, 155, 300])
def test_mask_is_that_of_the_written_out_rule(rng, n_columns, expand):
    for _ in range(5):
        spectrogram = loud_here_and_there(rng, n_columns)
        signal = cell_kind.signal_cells(cell_statistics.cell_statistics(spectrogram, PSD), 1.5)
        signal = binary_dilation(signal) if expand else signal
        expected, left = written_out(spectrogram, expand)
        borders = np.array(BORDERS)
        every = np.arange(n_columns)
        np.testing.assert_array_equal(
            cell_kind.apply_mask(spectrogram, every, signal, borders, 30), expected
        )
        kept = cell_kind.signal_columns(spectrogram, signal, borders, 30, 0.95)
        np.testing.assert_array_equal(kept, left)


def test_dilation_reaches_the_four_neighbours():
    quiet = np.full((240, 200), 0.1, np.float32)  # 8 blocks of 30 columns
    quiet[30:60, 11:22] = 9.0
    quiet[210:, 190:] = 9.0
    signal = cell_kind.signal_cells(cell_statistics.cell_statistics(quiet, PSD), 1.5)
    assert np.argwhere(signal).tolist() == [[1, 1], [7, 18]]
    _, found = cell_source({"r": quiet}, expand=True)._kept(("c", "r"))
    near = [[0, 1], [1, 0], [1, 1], [1, 2], [2, 1], [6, 18], [7, 17], [7, 18]]
    assert np.argwhere(found).tolist() == near


def test_a_column_of_95_percent_zeros_stays_and_one_of_more_goes():
    spectrogram = np.ones((60, 200), np.float32)
    signal = np.zeros((2, 19), bool)
    signal[0, 2] = True  # 10 rows: 190 of 200 values are zero
    spectrogram[7, 25] = 0  # 191 here
    kept = cell_kind.signal_columns(spectrogram, signal, np.array(BORDERS), 30, 0.95)
    assert kept.tolist() == [t for t in range(30) if t != 7]


def test_where_nothing_is_left_the_masked_spectrogram_is_used():
    source = cell_source({"quiet": np.full((400, 200), -2, np.float32)})
    index = source.index([("c", "quiet")])
    assert index.place.tolist() == [0, 90]
    assert not source.batch([("c", "quiet")], index).any()


def test_digital_silence_without_a_floor_is_no_signal(rng):
    spectrogram = loud_here_and_there(rng, 120)
    spectrogram[:60] = -np.inf
    source = cell_source({"r": spectrogram}, expand=False)
    assert source.index([("c", "r")]).onset_s[0] >= 30
    assert np.isfinite(source.batch([("c", "r")], source.index([("c", "r")]))).all()


@pytest.mark.parametrize(
    ("n_columns", "starts"),
    [(311, [0, 1]), (310, [0]), (620, [0, 310]), (621, [0, 310, 311]), (1, [0]), (309, [0])],
)
def test_the_last_piece_ends_with_the_columns(n_columns, starts):
    assert cell_kind.piece_starts(n_columns, 310).tolist() == starts


def test_pieces_of_no_columns_are_refused():
    with pytest.raises(ValueError, match="n_columns=0 and window=310"):
        cell_kind.piece_starts(0, 310)


@pytest.mark.parametrize("filtered", [True, False])
def test_cell_windows_are_pieces_of_the_kept_columns(rng, filtered):
    by_id = {name: loud_here_and_there(rng, n) for name, n in (("a", 155), ("b", 20), ("c", 90))}
    recordings = [("c", name) for name in by_id]
    source = cell_source(by_id, window=40, filtered=filtered)
    index = source.index(recordings)
    expected, spans = [], []
    for spectrogram in by_id.values():
        masked, left = written_out(spectrogram)
        if not filtered:
            masked, left = spectrogram, list(range(len(spectrogram)))
        n = len(left)
        for start in [s for s in range(0, n, 40) if s + 40 <= n] + ([n - 40] if n % 40 else []):
            piece = left[max(start, 0) :][:40]
            expected.append(np.pad(masked[piece], ((0, 40 - len(piece)), (0, 0))))
            spans.append((0.25 + piece[0] / 2, 0.25 + (piece[-1] + 1) / 2, len(piece) / 2))
    np.testing.assert_array_equal(source.batch(recordings, index), expected)
    found = np.column_stack([index.onset_s, index.offset_s, index.length_s])
    np.testing.assert_array_equal(found, spans)
    assert (index.score == 1).all()


def test_cell_windows_rotate_as_a_whole(rng):
    source = cell_source({"r": loud_here_and_there(rng, 35)}, window=40)
    out = np.empty((2, 40, 200), np.float32)
    source.fill(out, [("c", "r")] * 2, [0, 0], [0, 7])
    np.testing.assert_array_equal(out[1], np.roll(out[0], 7, axis=0))


def test_a_higher_factor_finds_less_signal_in_the_same_spectrogram(rng):
    by_id = {"r": loud_here_and_there(rng, 300)}
    found = []
    for factor in (1.0, 2.0, 3.0):
        source = cell_source(by_id, window=1000, expand=False, factor=factor)
        found.append(np.count_nonzero(source.batch([("c", "r")], source.index([("c", "r")]))))
    assert found[0] > found[1] > found[2] > 0


@pytest.mark.parametrize("empty", ["zeros", "unfiltered"])
def test_a_recording_without_signal_is_nothing_or_whole(rng, empty):
    by_id = {"quiet": loud_here_and_there(rng, 90) - 100, "loud": loud_here_and_there(rng, 90)}
    source = cell_source(by_id, window=90, empty=empty)
    recordings = [("c", "quiet"), ("c", "loud")]
    quiet, loud = source.batch(recordings, source.index(recordings))[:2]
    expected = by_id["quiet"] if empty == "unfiltered" else 0 * by_id["quiet"]
    np.testing.assert_array_equal(quiet, expected)
    assert np.count_nonzero(loud == 0) > 0


def test_spectrograms_without_cells_are_refused():
    reader = Frames({"r": np.ones((50, 20), np.float32)})
    source = window_source.source_from_readers({"c": reader}, SEGMENTS | {"kind": "cells"}, 10)
    with pytest.raises(ValueError, match="'c' hold no cell statistics.*psd"):
        source.index([("c", "r")])
    unfiltered = SEGMENTS | {"kind": "cells", "filtered": False}
    assert (
        len(window_source.source_from_readers({"c": reader}, unfiltered, 10).index([("c", "r")]))
        == 5
    )


def test_windows_wrap_around_and_say_what_is_sound(rng):
    by_id = {"a": rng.random((25, 4), np.float32), "b": rng.random((10, 4), np.float32)}
    source = window_source.source_from_readers({"c": Frames(by_id)}, SEGMENTS, 10)
    recordings = [("c", "b"), ("c", "a")]
    index = source.index(recordings)
    assert index.recording.tolist() == [0, 1, 1, 1]
    assert index.place.tolist() == [0, 0, 10, 20]
    assert index.onset_s.tolist() == [0.25, 0.25, 5.25, 10.25]
    assert index.offset_s.tolist() == [5.25, 5.25, 10.25, 12.75]
    assert index.length_s.tolist() == [5, 5, 5, 2.5]
    batch = source.batch(recordings, index)
    np.testing.assert_array_equal(batch[3], one_window(window_kind.fill_looped, by_id["a"], 20, 10))


def padded_source(by_id, **changed):
    settings = SEGMENTS | {"padding": "zeros", "min_fill": 0.1} | changed
    return window_source.source_from_readers({"c": Frames(by_id)}, settings, 10)


@pytest.mark.parametrize(
    ("n_frames", "min_fill", "starts"),
    [
        (501, 0.1, [0]),  # serizel2018: a clip of ten seconds is one window
        (501, 0.0, [0, 500]),
        (550, 0.1, [0]),  # a tenth is not more than a tenth
        (551, 0.1, [0, 500]),
        (1000, 0.1, [0, 500]),
        (1501, 0.1, [0, 500, 1000]),
        (3, 0.1, [0]),  # the only one
    ],
)
def test_a_last_window_of_little_sound_is_left_out(n_frames, min_fill, starts):
    assert window_kind.window_starts(n_frames, 500, min_fill) == starts


@pytest.mark.parametrize("min_fill", [-0.1, 1.0, float("nan")])
def test_a_share_that_is_none_is_refused(min_fill):
    with pytest.raises(ValueError, match=r"min_fill=.*expected a share from 0 to below 1"):
        window_kind.window_starts(501, 500, min_fill)


@pytest.mark.parametrize("n_frames", [1, 9, 10, 17, 40])
@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("rotation", [0, 1, 9, 10, 23, -4])
def test_a_padded_window_rotates_as_a_whole(rng, n_frames, start, rotation):
    frames = rng.standard_normal((n_frames, 3))
    start *= n_frames // 2
    whole = np.full((10, 3), np.nan)
    sound = frames[start : start + 10]
    whole[: len(sound)] = sound
    window = one_window(window_kind.fill_padded, frames, start, 10, rotation)
    np.testing.assert_array_equal(window, np.roll(whole, rotation, axis=0))


def test_padded_windows_end_with_their_sound(rng):
    by_id = {"a": rng.random((25, 4), np.float32), "b": rng.random((11, 4), np.float32)}
    by_id["short"] = rng.random((1, 4), np.float32)
    source = padded_source(by_id)
    recordings = [("c", name) for name in by_id]
    index = source.index(recordings)
    assert index.recording.tolist() == [0, 0, 0, 1, 2]
    assert index.place.tolist() == [0, 10, 20, 0, 0]
    assert index.offset_s.tolist() == [5.25, 10.25, 12.75, 5.25, 0.75]
    assert index.length_s.tolist() == [5, 5, 2.5, 5, 0.5]
    batch = source.batch(recordings, index)
    lengths = [10, 10, 5, 10, 1]
    for window, recording, place, n in zip(
        batch, index.recording, index.place, lengths, strict=True
    ):
        frames = by_id[recordings[recording][1]]
        np.testing.assert_array_equal(window[:n], frames[place : place + n])
        assert np.isnan(window[n:]).all()


def test_windows_that_rotate_are_those_of_the_index(rng):
    source = padded_source({"a": rng.random((14, 4), np.float32)})
    out = np.empty((2, 10, 4), np.float32)
    source.fill(out, [("c", "a")] * 2, [10, 10], [0, 7])
    np.testing.assert_array_equal(out[1], np.roll(out[0], 7, axis=0))
    assert np.isnan(out[1]).any(axis=1).tolist() == [False] + [True] * 6 + [False] * 3


def test_padding_that_cannot_be_is_refused(rng):
    by_id = {"a": rng.random((14, 4), np.float32)}
    with pytest.raises(ValueError, match="padding='zero'; expected loop or zeros"):
        padded_source(by_id, padding="zero")
    with pytest.raises(ValueError, match="begins at frame 14 of 14"):
        padded_source(by_id).fill(np.empty((1, 10, 4), np.float32), [("c", "a")], [14])


def chunk_source(by_id, scores=None, lengths_s=None, **changed):
    settings = SEGMENTS | {"kind": "chunks"} | changed
    return window_source.source_from_readers({"c": Chunks(by_id, scores, lengths_s)}, settings, 999)


def test_chunks_are_pictures_on_their_side_from_0_to_1(rng):
    images = rng.integers(0, 256, (3, 6, 8)).astype(np.uint8)
    source = chunk_source({"r": images})
    assert source.shape == (8, 6)
    index = source.index([("c", "r")])
    expected = images.transpose(0, 2, 1).astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(source.batch([("c", "r")], index), expected)
    out = np.empty((3, 8, 6), np.float32)
    source.fill(out, [("c", "r")] * 3, [2, 1, 0], [0, 3, 8])
    np.testing.assert_array_equal(out[0], expected[2])
    np.testing.assert_array_equal(out[1], np.roll(expected[1], 3, axis=0))
    np.testing.assert_array_equal(out[2], expected[0])


def test_chunks_stored_as_float_stay_as_they_are(rng):
    images = rng.normal(size=(2, 6, 8)).astype(np.float32)
    source = chunk_source({"r": images})
    batch = source.batch([("c", "r")], source.index([("c", "r")]))
    np.testing.assert_array_equal(batch, images.transpose(0, 2, 1))


def test_chunks_end_with_their_sound():
    images = np.zeros((3, 6, 8), np.uint8)
    source = chunk_source({"r": images}, {"r": [0.1, 0, 0.5]}, {"r": [1, 1, 0.25]})
    index = source.index([("c", "r")])
    assert index.onset_s.tolist() == [0, 1, 2]
    assert index.offset_s.tolist() == [1, 2, 2.25]
    np.testing.assert_array_equal(index.score, np.float32([0.1, 0, 0.5]))


def test_prediction_takes_the_first_chunks_of_each_recording():
    by_id = {"a": np.zeros((5, 6, 8), np.uint8), "b": np.zeros((2, 6, 8), np.uint8)}
    source = chunk_source(by_id, max_per_recording=3)
    recordings = [("c", "a"), ("c", "b")]
    assert source.index(recordings, prediction=True).place.tolist() == [0, 1, 2, 0, 1]
    assert len(source.index(recordings)) == 7


def test_no_recording_has_no_window():
    source = chunk_source({"a": np.zeros((5, 6, 8), np.uint8)})
    index = source.index([], prediction=True)
    assert len(index) == 0
    assert index.onset_s.dtype == np.float64
    assert source.batch([], index).shape == (0, 8, 6)


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ([0.5, 1.5], [0, 1]),  # both ends used: stretched
        ([-1, 3], [0, 1]),
        ([0, 3], [0, 1]),  # one end is 0: clipped
        ([-1, 0], [0, 0]),
        ([2, 2], [1, 1]),  # nothing to stretch
    ],
)
def test_rescaling_stretches_or_clips(window, expected):
    source = chunk_source({"a": np.zeros((1, 1, 2), np.uint8)}, rescale=True)
    out = np.array([window], np.float32)[:, :, np.newaxis]
    source.scale(out)
    assert out.ravel().tolist() == expected
    centred = chunk_source({"a": np.zeros((1, 1, 2), np.uint8)}, rescale=True, zero_centre=True)
    out = np.array([window], np.float32)[:, :, np.newaxis]
    centred.scale(out)
    assert out.ravel().tolist() == [2 * value - 1 for value in expected]


def test_what_cannot_be_a_source_is_refused(rng):
    frames, chunks = Frames({"r": np.ones((9, 4))}), Chunks({"r": np.zeros((1, 4, 8))})
    with pytest.raises(
        ValueError, match="kind='rows' is not known; expected cells, chunks, time, windows"
    ):
        window_source.source_from_readers({"c": frames}, SEGMENTS | {"kind": "rows"}, 3)
    with pytest.raises(ValueError, match="'chunks'; choose kind chunks, or another frontend"):
        window_source.source_from_readers({"c": chunks}, SEGMENTS, 3)
    with pytest.raises(ValueError, match="have 'frames'; choose kind cells or time or windows"):
        window_source.source_from_readers({"c": frames}, SEGMENTS | {"kind": "chunks"}, 3)
    with pytest.raises(
        ValueError, match=r"'d' have \(bands, frames\) \(5, None\).*'c' \(4, None\)"
    ):
        window_source.source_from_readers(
            {"c": frames, "d": Frames({"r": np.ones((9, 5))})}, SEGMENTS, 3
        )
    with pytest.raises(ValueError, match="received no corpus"):
        window_source.source_from_readers({}, SEGMENTS, 3)
    source = window_source.source_from_readers({"c": frames}, SEGMENTS, 3)
    with pytest.raises(ValueError, match="corpus 'd' has no spectrogram shard here, only c have"):
        source.index([("d", "r")])
    with pytest.raises(ValueError, match="2 windows to fill for 1 recordings"):
        chunk_source({"r": np.zeros((1, 4, 8))}).fill(np.zeros((2, 8, 4)), [("c", "r")], [0])


def test_a_source_over_shards_travels_to_another_process(tiny_shard):
    path, ids = tiny_shard
    source = window_source.open_source({"tiny": [path]}, SEGMENTS, 170)
    assert source.ids("tiny") == ids
    recordings = [("tiny", ids[3]), ("tiny", ids[0])]
    other = pickle.loads(pickle.dumps(source))
    index = other.index(recordings)
    assert len(index) == 4
    np.testing.assert_array_equal(
        source.batch(recordings, index), other.batch(recordings, source.index(recordings))
    )


FRONTENDS = {
    "cells": PSD | {"n_fft": 512, "hop": 256, "floor": 1e-5},
    "chunks": {
        "kind": "mel_chunks", "length_s": 1.0, "overlap_s": 0.25, "min_length_s": 0.5, "last": "drop",
        "padding": "zeros", "n_bands": 16, "n_frames": 24, "n_fft": 512, "fmin": 100.0,
        "fmax": 3900.0, "pre_emphasis": 0.95, "power": 1.0, "top_db": 80.0, "scale": "min_max",
        "flip": True, "store": "uint8",
    },
}  # fmt: skip


@pytest.mark.parametrize(("kind", "shape"), [("cells", (40, 200)), ("chunks", (24, 16))])
def test_every_kind_reads_what_its_frontend_stores(tiny_shard, tmp_path, kind, shape):
    folder = tiny_shard[0].parent
    path, settings = tmp_path / "000.h5", FRONTENDS[kind] | {"sample_rate": 8000}
    shards.write_shard(folder / "000.wav", folder / "000.csv", settings, path)
    # a steady sound never stands out of its own band by half
    chosen = SEGMENTS | {"kind": kind, "factor": 1.0}
    source = window_source.open_source({"tiny": [path]}, chosen, 40)
    assert source.shape == shape
    recordings = [("tiny", name) for name in tiny_shard[1]]
    index = source.index(recordings)
    assert set(index.recording.tolist()) == set(range(24))
    assert (index.onset_s < index.offset_s).all()
    assert index.offset_s.max() <= 3  # seconds of every recording
    batch = source.batch(recordings, index)
    assert np.isfinite(batch).all()
    assert (batch.std(axis=(1, 2)) > 0).all()


def index_of(counts, score=None, length_s=None):
    """Return an index of recordings with so many windows each."""
    recording = np.repeat(np.arange(len(counts)), counts)
    place = np.concatenate([np.arange(n) for n in counts])
    score = np.ones(len(place)) if score is None else score
    length_s = np.ones(len(place)) if length_s is None else length_s
    return window_source.Index(
        recording, place, place * 1.0, place + 1.0, np.float32(score), np.float64(length_s)
    )


def chosen(index, values, rng, names=(), **changed):
    settings = SEGMENTS | {"kind": "chunks"} | changed
    return training_windows.training_rows(index, np.asarray(values), settings, rng, names).tolist()


def test_training_uses_chunks_within_the_interval(rng):
    index = index_of([5], score=[0.1, 0.25, 0.5, 0.75, 1])
    assert chosen(index, [[1]], rng, min_score=0.25, max_score=0.75) == [1, 2, 3]
    assert chosen(index, [[1]], rng) == [0, 1, 2, 3, 4]


def test_what_leaves_no_chunk_is_named(rng):
    index = index_of([3], score=[0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match=r"signal begins at 0\.5; lower signal_threshold$"):
        chosen(index, [[1]], rng, signal_threshold=0.5)
    with pytest.raises(
        ValueError, match=r"wanted are 0\.5 to 1\.0; change min_score or max_score$"
    ):
        chosen(index, [[1]], rng, min_score=0.5, max_score=1.0)
    with pytest.raises(ValueError, match=r"wanted are 0\.35 to 1\.0; change min_score"):
        chosen(index, [[1]], rng, signal_threshold=0.2, min_score=0.35, max_score=1.0)


def test_other_kinds_are_trained_on_whole(rng):
    settings = SEGMENTS | {"max_score": 0.5, "max_per_class": 1}
    rows = training_windows.training_rows(index_of([3, 2]), np.ones((2, 1)), settings, rng)
    assert rows.tolist() == [0, 1, 2, 3, 4]
    quiet = settings | {"min_score": 2.0}
    assert not len(training_windows.noise_rows(index_of([3, 2]), np.ones((2, 1)), quiet, rng))


def test_exempt_classes_skip_the_interval(rng):
    index = index_of([2, 2], score=[0.0, 0.5, 0.0, 0.5])
    values = [[1, 0], [0, 1]]
    names = ["bird", "Noise"]
    assert chosen(index, values, rng, names, min_score=0.1, exempt=["Noise"]) == [1, 2, 3]
    with pytest.raises(ValueError, match="exempt class 'Wind' .* 2 classes bird, Noise"):
        chosen(index, values, rng, names, exempt=["Wind"])


@pytest.mark.parametrize(("most", "quotas"), [(5, [2, 2, 2, 6]), (0, [1, 1, 1, 1]), (9, [4] * 4)])
def test_quota_is_a_share_of_the_class_and_one_more(rng, most, quotas):
    n = {5: [20] * 4, 0: [20] * 4, 9: [4] * 4}[most]
    index = index_of(n)
    rows = chosen(index, [[1, 0], [1, 0], [1, 0], [0, 1]], rng, max_per_class=most)
    assert np.bincount(index.recording[rows], minlength=4).tolist() == quotas
    assert rows == sorted(set(rows))


def test_quota_is_drawn_from_all_accepted_chunks_alike(rng):
    index = index_of([6, 3], score=[1, 0, 1, 1, 0, 1, 1, 1, 1])
    draws = [chosen(index, [[1], [1]], rng, max_per_class=3, min_score=0.5) for _ in range(3000)]
    counts = np.bincount(np.concatenate(draws), minlength=9) / 3000
    np.testing.assert_allclose(counts, [0.5, 0, 0.5, 0.5, 0, 0.5, 2 / 3, 2 / 3, 2 / 3], atol=0.04)


def test_a_recording_of_several_classes_has_the_quota_of_its_rarest(rng):
    index = index_of([9, 9, 9, 9])
    values = [[1, 1, 0], [1, 0, 0], [1, 0, 0], [0, 0, 0]]
    rows = chosen(index, values, rng, max_per_class=6)
    assert np.bincount(index.recording[rows]).tolist() == [7, 3, 3, 7]


def test_quota_counts_accepted_chunks_and_the_interval_comes_after(rng):
    index = index_of([10], score=[0.0] * 2 + [0.05] * 4 + [0.5] * 4)
    settings = {"signal_threshold": 0.01, "min_score": 0.1, "max_per_class": 7}
    assert chosen(index, [[1]], rng, **settings) == [6, 7, 8, 9]  # all 8 accepted
    settings["max_per_class"] = 5  # 6 of 8 accepted, half of which are inside
    counts = [len(chosen(index, [[1]], rng, **settings)) for _ in range(400)]
    np.testing.assert_allclose(np.mean(counts), 3, atol=0.15)


def test_shorter_chunks_are_used_only_where_there_is_no_other(rng):
    index = index_of([3, 1, 3], length_s=[1, 1, 0.4, 0.4, 0.3, 0.6, 0.6])
    values = np.ones((3, 1))
    assert chosen(index, values, rng, min_length_s=1.0) == [0, 1, 3, 5]
    scores = [0, 0, 1, 1, 1, 1, 0]  # what is long enough must be accepted as well
    index = index_of([3, 1, 3], score=scores, length_s=index.length_s)
    assert chosen(index, values, rng, min_length_s=1.0, min_score=0.5) == [2, 3, 5]


def test_a_recording_that_is_too_short_gives_nothing_where_it_is_to(rng):
    index = index_of([3, 1, 2], score=[0, 0, 0, 0, 1, 1], length_s=[1, 1, 0.4, 0.4, 0.3, 0.3])
    values = np.ones((3, 1))
    settings = {"min_length_s": 1.0, "too_short": "none"}
    assert chosen(index, values, rng, **settings) == [0, 1]
    settings |= SEGMENTS | {"kind": "chunks", "min_score": 0.5, "noise_share": 1.0} | settings
    assert training_windows.noise_rows(index, values, settings, rng).tolist() == [0, 1]
    settings["too_short"] = "longest"
    assert training_windows.noise_rows(index, values, settings, rng).tolist() == [0, 1, 2, 3]


def test_where_all_recordings_are_too_short_the_message_says_so(rng):
    index = index_of([1, 1], length_s=[0.4, 0.3])
    with pytest.raises(ValueError, match="none of 2 chunks .* none has 1.0 s of sound"):
        chosen(index, np.ones((2, 1)), rng, min_length_s=1.0, too_short="none")


def test_a_whole_chunk_is_long_enough_though_samples_are_whole(rng):
    index = index_of([3], length_s=[7276 / 22050] * 2 + [0.2])
    assert chosen(index, [[1]], rng, min_length_s=0.33) == [0, 1]


def test_an_interval_without_a_chunk_is_refused(rng):
    index = index_of([3], score=[0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match="none of 3 chunks .* 0.1 to 0.3, wanted are 0.5 to 1.0"):
        chosen(index, [[1]], rng, min_score=0.5)


def test_noise_is_a_share_of_what_has_no_signal(rng):
    scores = rng.random(20_000).astype(np.float32)
    index = index_of([20_000], score=scores)
    settings = SEGMENTS | {"kind": "chunks", "min_score": 0.4, "max_score": 0.6}
    for threshold, least in ((None, 0.4), (0.2, 0.2)):
        changed = settings | {"signal_threshold": threshold}
        rows = training_windows.noise_rows(index, np.ones((1, 1)), changed, rng)
        assert scores[rows].max() < least
        np.testing.assert_allclose(len(rows) / (least * 20_000), 0.1, atol=0.02)
        assert (np.diff(rows) > 0).all()


def test_what_may_be_trained_on_is_no_noise(rng):
    index = index_of([3, 3], score=[0.0, 0.3, 0.6] * 2)
    values, names = [[1, 0], [0, 1]], ["bird", "Noise"]
    settings = {"min_score": 0.5, "noise_share": 1.0, "exempt": ["Noise"]}
    trained = chosen(index, values, rng, names, **settings)
    assert trained == [2, 3, 4, 5]
    settings = SEGMENTS | {"kind": "chunks"} | settings
    noise = training_windows.noise_rows(index, np.array(values), settings, rng, names)
    assert noise.tolist() == [0, 1]


def split(index, rng, **changed):
    settings = {"share": 0.05, "test_share": 0.01, "order": "sequential", "lose_border": True}
    return training_windows.split_windows(index, settings | changed, rng)


@pytest.mark.parametrize("n", [100, 150, 1000, 1234, 50])
def test_sequential_split_loses_a_window_at_each_border(rng, n):
    index = index_of([n // 2, n - n // 2])
    train, validation, test = split(index, rng)
    assert len(train) == int(0.94 * n)
    assert len(validation) == int(0.99 * n) - int(0.94 * n) - 1
    assert len(test) == n - int(0.99 * n) - 1
    whole = split(index, rng, lose_border=False)
    assert sorted(np.concatenate(whole)) == list(range(n))
    assert len(whole[0]) == int(0.94 * n)


def test_sequential_split_keeps_recordings_together_but_at_cuts(rng):
    index = index_of([7] * 30)
    rows = np.concatenate(split(index, rng, lose_border=False))
    recordings = index.recording[rows]
    assert np.count_nonzero(np.diff(recordings)) == 29
    assert not np.array_equal(recordings, np.sort(recordings))
    assert index.place[rows].tolist() == list(range(7)) * 30


def test_random_split_draws_windows(rng):
    train, validation, test = split(index_of([500] * 2), rng, order="random", test_share=0.0)
    assert (len(train), len(validation), len(test)) == (950, 50, 0)
    assert sorted([*train, *validation]) == list(range(1000))
    assert (np.diff(validation) > 0).all()
    assert {0, 1} == set((validation // 500).tolist())


def test_splits_without_training_or_of_unknown_order_are_refused(rng):
    with pytest.raises(ValueError, match="share=0.5 and test_share=0.5 of 8 windows leave none"):
        split(index_of([8]), rng, share=0.5, test_share=0.5)
    with pytest.raises(ValueError, match="order='alphabetic' is not known"):
        split(index_of([8]), rng, order="alphabetic")


def test_rare_classes_are_repeated(rng):
    index = index_of([5, 1, 2])
    values = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 1, 1, 0]])
    rows = training_windows.oversample(index, values, 4, rng)
    assert rows[:8].tolist() == list(range(8))
    assert set(rows[8:9]) <= {5, 6, 7}  # class 1 had 3 windows
    assert set(rows[9:]) <= {6, 7}  # class 2 had 2
    assert len(rows) == 11
    assert training_windows.oversample(index, values, 1, rng).tolist() == list(range(8))


def test_weights_are_scikit_learns_balanced():
    index = index_of([5, 1, 2, 3])
    values = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]], np.float32)
    labels = values.argmax(axis=1)[index.recording]
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)[labels]
    weights = training_windows.window_weights(index, values)
    np.testing.assert_allclose(weights, expected, rtol=1e-6)
    assert weights.dtype == np.float32
    labels = np.array([0, 1, 1, 0])[index.recording]
    expected = compute_class_weight("balanced", classes=np.arange(2), y=labels)[labels]
    found = training_windows.window_weights(index, np.array([[0.1], [0.9], [1], [0]]))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_weights_of_many_classes_need_little_memory():
    index, values = index_of([400] * 100), np.eye(100, 500)
    tracemalloc.start()
    weights = training_windows.window_weights(index, values)
    assert (
        tracemalloc.get_traced_memory()[1] < 40_000 * 500 / 4
    )  # a byte per window and class: 20 MB
    tracemalloc.stop()
    np.testing.assert_allclose(weights, 1, rtol=1e-6)


def test_weight_of_several_classes_is_their_mean_and_of_none_is_one():
    values = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0]])
    weights = training_windows.window_weights(index_of([1, 1, 2]), values)
    np.testing.assert_allclose(weights, [1, 1.5, 1, 1])  # classes weigh 4/(2*2) and 4/(2*1)


def test_choices_are_functions_of_the_generator():
    index = index_of([30] * 4, score=np.linspace(0, 1, 120))
    values = np.eye(4)

    def draws(seed):
        make = lambda: np.random.default_rng(seed)  # noqa: E731
        settings = SEGMENTS | {"kind": "chunks", "max_per_class": 5, "min_score": 0.3}
        return [
            *training_windows.training_rows(index, values, settings, make()),
            *training_windows.noise_rows(index, values, settings, make()),
            *training_windows.oversample(index, values, 40, make()),
            *np.concatenate(split(index, make())),
        ]

    assert draws(1) == draws(1)
    assert draws(1) != draws(2)
