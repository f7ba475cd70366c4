"""The normaliser of a corpus, and the layers in front of a model: standardised, padding filled."""

import csv
import gc
import weakref

import audio_shards
import fake_readers
import numpy as np
import pytest

from dawnchorus.corpora import tables
from dawnchorus.frontends import shard_reader
from dawnchorus.runtime import artefacts, backend
from dawnchorus.segments import window_source
from dawnchorus.training import normaliser

backend.start({"name": "tensorflow", "threads": 1, "deterministic": True})

import keras  # noqa: E402
import tensorflow  # noqa: E402

from dawnchorus.models import frame_output, model_files, zoo  # noqa: E402
from dawnchorus.training import setup  # noqa: E402

# TensorFlow's variables lack the keyword that NumPy 2 asks for when Keras saves them
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

EXACT = {"rtol": 1e-12, "atol": 1e-12}  # float64, sums in another order
CLOSE = {"rtol": 1e-4, "atol": 1e-6}  # float32, standardised by NumPy in float64
SHAPE = (12, 8)  # frames, bands
SPLITS = {"w0": "weak", "w1": "weak", "u0": "in_domain", "u1": "in_domain", "o0": "out_of_domain"}


def write_rows(path, columns, rows):
    if columns in (tables.LABELS, tables.LISTING):
        tables.write_rows(path, columns, rows)
        return str(path)
    with open(path, "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([columns, *rows])
    return str(path)


def label_table(path, splits):
    rows = [(name, "", "", "", "", split, 0, "", "", "") for name, split in sorted(splits.items())]
    return write_rows(path, tables.LABELS, rows)


def fold_table(path, recordings):
    rows = [(*name, number % 2 + 1) for number, name in enumerate(recordings)]
    return write_rows(path, ("corpus", "id", "fold"), rows)


def spectrogram_shard(folder, names, settings, seed):
    """Recordings of 0.2 s and longer, each louder than the one before."""
    rng = np.random.default_rng(seed)
    recordings = {
        name: [(1 + i) * audio_shards.noise(rng, 1600 + 700 * i)] for i, name in enumerate(names)
    }
    return audio_shards.written(folder, recordings, settings)


@pytest.fixture(scope="module")
def corpora(tmp_path_factory, tiny_frontend):
    """Two corpora: shards, label tables, and the frames of every recording."""
    tiny_frontend = tiny_frontend | {"denoise": "none"}  # else every recording's mean is 0
    folder = tmp_path_factory.mktemp("corpora")
    names = {"home": list(SPLITS), "field": ["f0", "f1"]}
    shards = {
        corpus: [str(spectrogram_shard(folder / corpus, ids, tiny_frontend, len(ids)))]
        for corpus, ids in names.items()
    }
    # u9 is a recording that cannot be used: it is in no shard
    labels = {"home": label_table(folder / "home.csv", SPLITS | {"u9": "in_domain"})}
    readers = {name: shard_reader.open_shards(paths) for name, paths in shards.items()}
    frames = {
        (name, i): readers[name].frames(i).astype(float) for name in names for i in names[name]
    }
    return shards, labels, frames


LABELLED = [("home", "w0"), ("home", "w1"), ("field", "f1")]


@pytest.fixture
def write(tmp_path, corpora):
    shards, labels, _ = corpora

    def write(unlabelled, twice=False, labelled=LABELLED, name="normaliser.csv"):
        folds = fold_table(tmp_path / "folds.csv", labelled)
        output = tmp_path / name
        normaliser.write_normaliser(shards, folds, labels, unlabelled, twice, output)
        return output

    return write


def expected(frames, names):
    rows = np.concatenate([frames[name] for name in names])
    return rows.mean(axis=0), rows.std(axis=0, ddof=1), len(rows)


@pytest.mark.parametrize("twice", [False, True])
def test_normaliser_is_mean_and_sample_deviation_of_all_frames(twice, write, corpora):
    path = write(["home:in_domain"], twice)
    names = LABELLED * (2 if twice else 1) + [("home", "u0"), ("home", "u1")]
    mean, deviation, n = expected(corpora[2], names)
    found = normaliser.read_normaliser(path)
    np.testing.assert_allclose(found[0], mean, **EXACT)
    np.testing.assert_allclose(found[1], deviation, **EXACT)
    assert {row["frames"] for row in artefacts.read_table(path)} == {str(n)}


def test_counting_the_labelled_twice_is_not_counting_them_once(write):
    once, twice = (normaliser.read_normaliser(write(["home:in_domain"], t)) for t in (False, True))
    assert np.abs(once[0] - twice[0]).min() > 1e-3


def test_a_recording_with_a_fold_is_not_unlabelled_too(write, corpora):
    mean, _, n = expected(corpora[2], [name for name in corpora[2] if name[0] == "home"])
    path = write(["home", "home:in_domain"], labelled=LABELLED[:2])
    np.testing.assert_allclose(normaliser.read_normaliser(path)[0], mean, **EXACT)
    assert artefacts.read_table(path)[0]["frames"] == str(n)


def test_without_unlabelled_recordings_the_labelled_count(write, corpora):
    mean, deviation, _ = expected(corpora[2], LABELLED)
    np.testing.assert_allclose(normaliser.read_normaliser(write([]))[0], mean, **EXACT)
    np.testing.assert_allclose(normaliser.read_normaliser(write([]))[1], deviation, **EXACT)


def test_frames_a_few_at_a_time_are_the_same(write, monkeypatch):
    whole = np.array(normaliser.read_normaliser(write(["home"], True)))
    monkeypatch.setattr(normaliser, "_FRAMES_AT_ONCE", 3)
    np.testing.assert_allclose(normaliser.read_normaliser(write(["home"], True)), whole, **EXACT)


def test_numbers_come_back_and_bytes_are_equal_whatever_the_order(write):
    one = write(["home:in_domain", "field"], name="one.csv")
    two = write(["field", "home:in_domain"], labelled=LABELLED[::-1], name="two.csv")
    assert one.read_bytes() == two.read_bytes()
    rows = artefacts.read_table(one)
    assert [row["mean"] for row in rows] == list(
        map(repr, normaliser.read_normaliser(one)[0].tolist())
    )


def from_arrays(monkeypatch, tmp_path, by_corpus):
    """Write a normaliser of arrays (T, F) by corpus and id."""
    readers = {name: fake_readers.Frames(by_id) for name, by_id in by_corpus.items()}
    monkeypatch.setattr(shard_reader, "open_shards", lambda paths: readers[paths[0]])
    folds = fold_table(tmp_path / "folds.csv", [(c, i) for c in by_corpus for i in by_corpus[c]])
    shards = {name: [name] for name in by_corpus}
    normaliser.write_normaliser(shards, folds, {}, [], False, tmp_path / "n.csv")
    return normaliser.read_normaliser(tmp_path / "n.csv")


def test_levels_far_from_zero_keep_their_digits(monkeypatch, tmp_path, rng):
    frames = (1e6 + rng.integers(0, 4, (64, 3))).astype(np.float32)
    _, deviation = from_arrays(monkeypatch, tmp_path, {"a": {"r0": frames[:20], "r1": frames[20:]}})
    shifted = (frames.astype(float) - 1e6).std(axis=0, ddof=1)
    np.testing.assert_allclose(deviation, shifted, rtol=1e-9)


def test_a_constant_band_has_deviation_one_and_is_told(monkeypatch, tmp_path, rng, caplog):
    frames = rng.normal(size=(50, 3)).astype(np.float32)
    frames[:, 1] = 0.1
    by_id = {"r0": frames[:7], "r1": frames[7:]}
    with caplog.at_level("INFO", "dawnchorus"):
        mean, deviation = from_arrays(monkeypatch, tmp_path, {"a": by_id})
    assert (mean[1], deviation[1]) == (np.float32(0.1), 1)
    assert "warning: 1 of 3 bands are the same in every frame (1)" in caplog.text


@pytest.mark.parametrize("value", [-np.inf, np.nan])
def test_a_value_that_is_not_finite_names_its_recording(value, monkeypatch, tmp_path):
    frames = np.ones((5, 3), np.float32)
    silent = frames.copy()
    silent[4, 2] = value
    with pytest.raises(ValueError, match="normaliser: a/silent holds values that are not finite"):
        from_arrays(monkeypatch, tmp_path, {"a": {"loud": frames, "silent": silent}})


def test_bands_must_agree(monkeypatch, tmp_path):
    arrays = {"a": {"r": np.ones((5, 3))}, "b": {"r": np.ones((5, 4))}}
    with pytest.raises(ValueError, match=r"'a': 3, 'b': 4.*one frontend"):
        from_arrays(monkeypatch, tmp_path, arrays)


def test_one_frame_has_no_deviation(monkeypatch, tmp_path):
    with pytest.raises(ValueError, match="the normaliser has 1 frames of 1 recordings; expected 2"):
        from_arrays(monkeypatch, tmp_path, {"a": {"r": np.ones((1, 3))}})


def test_chunks_have_no_normaliser(monkeypatch, tmp_path):
    reader = fake_readers.Chunks({"r": np.ones((2, 3, 4))})
    monkeypatch.setattr(shard_reader, "open_shards", lambda paths: reader)
    folds = fold_table(tmp_path / "folds.csv", [("a", "r")])
    with pytest.raises(ValueError, match="corpus 'a' have layout 'chunks'"):
        normaliser.write_normaliser({"a": ["a"]}, folds, {}, [], False, tmp_path / "n.csv")


def test_what_is_missing_is_named(write):
    with pytest.raises(ValueError, match="the normaliser has 0 frames of 0 recordings"):
        write([], labelled=[])
    with pytest.raises(ValueError, match="corpus 'yard' has no spectrogram shard here, only home"):
        write(["yard"])
    with pytest.raises(ValueError, match="recording 'u9' is not in the 1 spectrogram shards"):
        write([], labelled=[("home", "u9")])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("band,mean\n0,1\n", "KeyError: 'deviation'"),
        ("band,mean,deviation,frames\n", r"its bands are \[\], 0 in all"),
        ("band,mean,deviation,frames\n1,0.5,1,9\n", r"its bands are \[1\]"),
        ("band,mean,deviation,frames\n0,0.5,0,9\n", "band 0 has mean 0.5 and deviation 0"),
        ("band,mean,deviation,frames\n0,nan,1,9\n", "band 0 has mean nan"),
        ("band,mean,deviation,frames\n0,loud,1,9\n", "could not convert string"),
    ],
)
def test_a_damaged_normaliser_is_refused(text, message, tmp_path):
    (tmp_path / "n.csv").write_text(text)
    with pytest.raises(ValueError, match=f"n.csv is no normaliser.*{message}"):
        normaliser.read_normaliser(tmp_path / "n.csv")


def test_the_script_writes_what_the_library_does(write, corpora, tmp_path, start_script):
    shards, labels, _ = corpora
    told = {"shards": shards, "labels": labels, "unlabelled": ["home:in_domain"]}
    direct = write(told["unlabelled"], twice=True)
    output = tmp_path / "results/one/normaliser.tiny.csv"
    job = start_script(
        "normalise", "results/logs/normalise.log", folder=tmp_path,
        input={"folds": str(tmp_path / "folds.csv")}, output={"normaliser": str(output)},
        params={"normaliser": told | {"labelled_twice": True}, "library": {}},
    )  # fmt: skip
    _, stderr = job.communicate(timeout=60)
    assert job.returncode == 0, stderr
    assert output.read_bytes() == direct.read_bytes()


# ------------------------------------------------------------------------------- in front of a model
def built(output="clip", seed=1, shape=SHAPE, **options):
    keras.utils.set_random_seed(seed)
    chosen = {"filters": [4], "band_pools": [4], "units": [3], "frame_pools": [2]} | options
    return zoo.build("crnn", shape, 3, output, **chosen)


@pytest.fixture(autouse=True)
def uncompiled():
    """Calls of a model are few here: to compile them would take most of the time."""
    tensorflow.config.run_functions_eagerly(True)
    yield
    tensorflow.config.run_functions_eagerly(False)


@pytest.fixture
def moments(rng):
    return rng.normal(size=SHAPE[1]), 1 + rng.random(SHAPE[1])


@pytest.fixture
def windows(rng):
    """Two windows; the second is padded from its eighth frame on."""
    windows = (3 * rng.normal(size=(2, *SHAPE)) - 5).astype(np.float32)
    windows[1, 7:] = np.nan
    return windows


def by_hand(windows, moments):
    return np.nan_to_num((windows - moments[0]) / moments[1], nan=0.0).astype(np.float32)


def whole(model, moments):
    return setup.with_standardised_input(model, moments[0], moments[1] ** 2, padded=True)


def test_padding_is_zero_after_the_standardisation(moments, windows):
    model = built()
    found = frame_output.class_scores(whole(model, moments), windows, 3)
    wanted = frame_output.class_scores(model, by_hand(windows, moments), 3)
    np.testing.assert_allclose(found, wanted, **CLOSE)
    before = frame_output.class_scores(model, by_hand(np.nan_to_num(windows), moments), 3)
    assert not np.allclose(found[1], before[1], **CLOSE)


def test_padding_of_an_input_that_is_not_standardised_is_zero(windows):
    model = built()
    filled = setup.with_filled_padding(model)
    np.testing.assert_array_equal(
        frame_output.class_scores(filled, windows, 3),
        frame_output.class_scores(model, np.nan_to_num(windows), 3),
    )


def test_only_padding_is_filled():
    layer = setup.with_filled_padding(built()).get_layer("fill_padding")
    values = np.array([[[1.5, np.nan, np.inf, -np.inf, 0, -2]]], np.float32)
    found = keras.ops.convert_to_numpy(layer(values))
    np.testing.assert_array_equal(found, [[[1.5, 0, np.inf, -np.inf, 0, -2]]])


def test_padding_does_not_reach_the_gradients(moments, windows):
    model = whole(built(), moments)
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="binary_crossentropy")
    before = [weights.copy() for weights in model.get_weights()]
    model.train_on_batch(windows, np.ones((2, 3), np.float32))
    after = model.get_weights()
    assert all(np.isfinite(weights).all() for weights in after)
    assert any(not np.array_equal(*pair) for pair in zip(before, after, strict=True))


@pytest.mark.parametrize("pooling", ["average", "attention"])
def test_frame_scores_behind_a_standardised_input(pooling, moments, windows):
    model = built(pooling=pooling)
    found = frame_output.frame_scores(whole(model, moments), windows)
    assert found.shape == (2, 6, 3)
    np.testing.assert_allclose(
        found, frame_output.frame_scores(model, by_hand(windows, moments)), **CLOSE
    )


def test_frame_scores_behind_filled_padding(windows):
    model = built()
    np.testing.assert_array_equal(
        frame_output.frame_scores(setup.with_filled_padding(model), windows),
        frame_output.frame_scores(model, np.nan_to_num(windows)),
    )


def test_a_standardised_model_of_frames_is_its_own(moments, windows):
    model = built("frame")
    outer = whole(model, moments)
    assert frame_output.frame_model(outer) is outer
    found = frame_output.class_scores(outer, windows, 3)
    np.testing.assert_allclose(
        found, frame_output.frame_scores(model, by_hand(windows, moments)), **CLOSE
    )


def test_frame_scores_follow_the_weights_of_a_standardised_model(moments, windows):
    outer, other = whole(built(), moments), whole(built(seed=2), moments)
    before = frame_output.frame_scores(outer, windows)
    assert frame_output.frame_model(outer) is frame_output.frame_model(outer)
    outer.set_weights(other.get_weights())
    after = frame_output.frame_scores(outer, windows)
    np.testing.assert_array_equal(after, frame_output.frame_scores(other, windows))
    assert not np.allclose(after, before)


def test_a_standardised_model_may_be_of_any_length(moments, rng):
    model = whole(built(shape=(None, SHAPE[1])), moments)
    windows = rng.normal(size=(1, 20, SHAPE[1])).astype(np.float32)
    assert frame_output.frame_scores(model, windows).shape == (1, 10, 3)


def test_a_standardised_model_without_frames_says_so(moments):
    keras.utils.set_random_seed(1)
    model = zoo.build("bulbul", (170, 20), 3, "clip", filters=[2] * 4, dense=[6])
    outer = setup.with_standardised_input(model, np.asarray(1.0), np.asarray(4.0))
    with pytest.raises(ValueError, match="'bulbul' has no frame scores; expected one such as crnn"):
        frame_output.frame_model(outer)


def test_a_model_whose_frames_were_asked_for_is_forgotten(moments, windows):
    model = whole(built(), moments)
    frame_output.frame_scores(model, windows)
    gone = [weakref.ref(model), weakref.ref(model.layers[-1])]
    del model
    gc.collect()  # the model, and with it what is kept for it
    gc.collect()
    assert [reference() for reference in gone] == [None, None]


@pytest.mark.parametrize("output", ["clip", "frame"])
def test_layers_in_front_travel_with_the_file(output, tmp_path, moments, windows):
    model = whole(built(output), moments)
    for name in ("one.keras", "two.keras"):
        model_files.save(model, tmp_path / name)
    assert (tmp_path / "one.keras").read_bytes() == (tmp_path / "two.keras").read_bytes()
    loaded = model_files.load(tmp_path / "one.keras")
    for scores in (frame_output.frame_scores, lambda m, w: frame_output.class_scores(m, w, 3)):
        np.testing.assert_array_equal(scores(loaded, windows), scores(model, windows))
    assert [v.path for v in loaded.weights] == [v.path for v in model.weights]


def test_a_filled_model_starts_from_a_standardised_one(tmp_path, moments, windows):
    model_files.save(whole(built(seed=1), moments), tmp_path / "start.keras")
    model = setup.with_filled_padding(built(seed=2))
    setup.start_from(model, {"path": str(tmp_path / "start.keras"), "head": True})
    np.testing.assert_array_equal(
        frame_output.class_scores(model, windows, 3),
        frame_output.class_scores(setup.with_filled_padding(built(seed=1)), windows, 3),
    )


# ------------------------------------------------------------------------------ moments of windows
@pytest.fixture
def source(rng, monkeypatch):
    """Five windows of 6 frames and 4 bands, two of them padded."""
    arrays = {f"r{i}": rng.normal(size=(6, 4)).astype(np.float32) for i in range(5)}
    found = window_source.source_from_readers(
        {"a": fake_readers.Frames(arrays)}, fake_readers.SEGMENTS, 6
    )
    batch = found.batch
    found.pads = {1: 2, 4: 6}  # the first frame that is padding

    def padded(recordings, part):
        windows = batch(recordings, part)
        for window, number in zip(windows, part.recording.tolist(), strict=True):
            window[found.pads.get(number, 6) :] = np.nan
        return windows

    monkeypatch.setattr(found, "batch", padded)
    monkeypatch.setattr(setup, "_AT_ONCE", 2)
    return found


RECORDINGS = [("a", f"r{i}") for i in range(5)]


@pytest.mark.parametrize(("kind", "axis"), [("scalar", None), ("band", 0)])
def test_padding_is_no_part_of_mean_and_variance(kind, axis, source, rng):
    source.pads |= {4: 0}  # the last batch is nothing but padding
    index = source.index(RECORDINGS)
    mean, variance = setup.input_moments(source, RECORDINGS, index, kind, rng)
    frames = source.batch(RECORDINGS, index).reshape(-1, 4).astype(float)
    frames = frames[~np.isnan(frames).all(axis=1)]
    assert len(frames) == 20
    np.testing.assert_allclose(mean, frames.mean(axis=axis), **EXACT)
    np.testing.assert_allclose(variance, frames.var(axis=axis), **EXACT)


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_what_is_neither_finite_nor_padding_is_refused(value, source, rng, monkeypatch):
    padded = source.batch

    def damaged(recordings, part):
        windows = padded(recordings, part)
        windows[part.recording == 3, 5, 2] = value
        return windows

    monkeypatch.setattr(source, "batch", damaged)
    with pytest.raises(ValueError, match="standardise: a window of a/r3 holds values that are not"):
        setup.input_moments(source, RECORDINGS, source.index(RECORDINGS), "band", rng)


def test_padding_alone_has_no_mean(source, rng):
    source.pads = dict.fromkeys(range(5), 0)
    with pytest.raises(ValueError, match="5 windows of 5 recordings hold no frame that is not pad"):
        setup.input_moments(source, RECORDINGS, source.index(RECORDINGS), "band", rng)
