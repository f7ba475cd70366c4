"""Validation of epochs: metrics of recordings, or of chunks where the experiment has them."""

import math

import numpy as np
import pytest
import sklearn.metrics as reference
from stage_settings import ALONE, FRAMELESS
from target_rows import write_targets

from dawnchorus.runtime import artefacts, backend, logs
from dawnchorus.segments import window_source
from dawnchorus.targets import targets_table

backend.start({"name": "tensorflow", "threads": 1, "deterministic": True})

from dawnchorus.metrics import precision, ranks, sparse  # noqa: E402
from dawnchorus.training import loop, members, validation  # noqa: E402

BINARY = {"loss": "binary_crossentropy", "target_range": [0.0, 1.0], "batch_size": 3}
EXCLUDING = BINARY | {"loss": "categorical_crossentropy"}
CLASSES = ("a", "b", "c")


class Told:
    """A model that says of a window what its mean says."""

    def __init__(self, offsets):
        self.offsets = np.array(offsets)

    def predict_on_batch(self, windows):
        mean = windows.mean(axis=(1, 2))[:, None]
        return 1 / (1 + np.exp(-(mean + self.offsets) * (1 + np.arange(len(self.offsets)))))


@pytest.fixture(scope="module")
def stage(defaults):
    return defaults["experiments"]["demo"]["stages"]["first"]


@pytest.fixture(scope="module")
def source(tiny_shard, stage):
    return window_source.open_source({"tiny": [str(tiny_shard[0])]}, stage["segments"], 170)


@pytest.fixture(scope="module")
def recordings(tiny_shard):
    return [("tiny", name) for name in tiny_shard[1]]


@pytest.fixture(scope="module")
def values(recordings):
    return np.eye(3, dtype=np.float32)[np.arange(len(recordings)) % 3]


@pytest.mark.parametrize("settings", [BINARY, EXCLUDING])
def test_metrics_agree_with_scikit_learn(settings, rng):
    targets = np.eye(4)[rng.integers(0, 4, 30)]
    scores = rng.dirichlet(np.ones(4), 30)
    found = validation.epoch_metrics(targets, scores, settings)
    assert found["map_micro"] == pytest.approx(
        reference.average_precision_score(targets.ravel(), scores.ravel())
    )
    assert found["map_macro"] == pytest.approx(
        reference.average_precision_score(targets, scores, average="macro")
    )
    mlrap = reference.label_ranking_average_precision_score(targets, scores)
    assert found["mlrap"] == pytest.approx(mlrap)
    assert found["accuracy"] == np.mean(targets.argmax(axis=1) == scores.argmax(axis=1))
    if settings is EXCLUDING:
        assert found["loss"] == pytest.approx(reference.log_loss(targets.argmax(axis=1), scores))
    else:
        each = [reference.log_loss(t, s, labels=[0, 1]) for t, s in zip(targets.T, scores.T)]  # noqa: B905
        assert found["loss"] == pytest.approx(np.mean(each))


def test_a_class_neither_present_nor_called_has_f_0_in_the_mean():
    targets = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0]])
    scores = np.array([[0.9, 0.1, 0.2], [0.2, 0.5, 0.2], [0.8, 0.2, 0.49]])
    # the first is right once of two called and two present; the second once of one and two
    expected = np.mean([0.5, 2 / 3, 0])
    settings = {"loss": "binary_crossentropy", "target_range": [0.0, 1.0]}
    assert validation.epoch_metrics(targets, scores, settings)["macro_f"] == pytest.approx(expected)


def test_accuracy_of_one_class_is_at_a_half():
    found = validation.epoch_metrics(
        np.array([[1.0], [1], [0], [0]]), np.array([[0.5], [0.2], [0.1], [0.4]]), BINARY
    )
    assert found["accuracy"] == 0.75


def test_loss_has_the_range_of_the_training_targets():
    settings = EXCLUDING | {"target_range": [0.1, 0.7]}
    found = validation.epoch_metrics(np.array([[1.0, 1.0]]), np.array([[0.5, 0.5]]), settings)
    # two classes of one recording share the sum of 1 before they are mapped
    assert found["loss"] == pytest.approx(-2 * (0.1 + 0.6 * 0.5) * np.log(0.5))


def test_scores_that_do_not_sum_to_1_are_divided_by_their_sum():
    found = validation.epoch_metrics(np.array([[1.0, 0.0]]), np.array([[0.9, 0.6]]), EXCLUDING)
    assert found["loss"] == pytest.approx(-np.log(0.6))


def test_certain_and_wrong_is_a_finite_loss():
    for settings in (BINARY, EXCLUDING):
        found = validation.epoch_metrics(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]), settings)
        assert math.isfinite(found["loss"])


@pytest.mark.parametrize("distinct", [2, 7, 10_000])
def test_metrics_of_few_positives_equal_those_of_whole_arrays(distinct, rng, monkeypatch):
    for name, entries in (("_SORTED", 50), ("_COLUMNS", 4), ("_ROWS", 7), ("_COMPARED", 40)):
        monkeypatch.setattr(sparse, name, entries)
    scores = (rng.integers(distinct, size=(60, 9)) / distinct).astype(np.float32)
    targets = rng.random((60, 9)) < 0.2 * (0.2 + scores)
    targets[:, 3] = False  # a class without positives
    targets[5] = False  # a row without a class
    asked = (*np.nonzero(targets), scores)
    per_class, n_reached = sparse.average_precision_per_class(*asked, 0.5)
    np.testing.assert_allclose(
        per_class, precision.average_precision_per_class(targets, scores), rtol=1e-14
    )
    np.testing.assert_array_equal(n_reached, (scores >= 0.5).sum(axis=0))
    assert sparse.average_precision_micro(*asked) == pytest.approx(
        precision.average_precision_micro(targets, scores), rel=1e-14
    )
    # to the last bit
    by_rows = ranks.label_ranking_per_recording(targets, scores)
    np.testing.assert_array_equal(sparse.label_ranking(*asked), by_rows)
    first = ranks.top_k_per_recording(targets, scores, 1)
    np.testing.assert_array_equal(sparse.top_1(*asked), first)


def test_without_positives_nothing_is_ranked():
    scores = np.array([[0.5, 0.2], [0.1, 0.3]], np.float32)
    found = validation.epoch_metrics(np.zeros((2, 2)), scores, BINARY)
    unknown = [name for name, value in found.items() if math.isnan(value)]
    assert unknown == ["accuracy", "map_micro", "map_macro", "mlrap"]


@pytest.mark.parametrize("target_range", [(0.0, 1.0), (0.1, 0.7), (0.0, 0.9)])
@pytest.mark.parametrize("softmax", [False, True])
def test_the_loss_of_blocks_has_the_bits_of_the_whole(softmax, target_range, rng, monkeypatch):
    monkeypatch.setattr(validation, "_ENTRIES", 200)
    low, high = target_range
    scores = rng.random((311, 7), np.float32)
    targets = np.where(rng.random((50, 7)) < 0.3, rng.choice([0.7, 1], (50, 7)), 0)
    rows = rng.integers(50, size=311)
    wanted, found = targets[rows], scores.astype(np.float64)
    settings = (EXCLUDING if softmax else BINARY) | {"target_range": target_range}
    if softmax:
        wanted = low + (high - low) * (wanted / np.maximum(wanted.sum(axis=1, keepdims=True), 1))
        log = np.log(np.clip(found / found.sum(axis=1, keepdims=True), 1e-7, 1))
        expected = -(wanted * log).sum(axis=1).mean()
    else:
        wanted, found = low + (high - low) * wanted, np.clip(found, 1e-7, 1 - 1e-7)
        expected = -(wanted * np.log(found) + (1 - wanted) * np.log(1 - found)).mean()
    assert validation.epoch_metrics(targets, scores, settings, rows)["loss"] == expected


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_a_recording_counts_once(pooling, source, recordings, values):
    index = source.index(recordings)
    settings = BINARY | {"pooling": pooling}
    model = Told([0.0, -0.1, 0.1])
    found = validation.Validation(source, recordings, values, index, settings).measure(model, "val")
    scores = model.predict_on_batch(source.batch(recordings, index))
    pooled = [getattr(scores[index.recording == n], pooling)(axis=0) for n in range(24)]
    expected = validation.epoch_metrics(values, np.array(pooled), settings)
    assert found == pytest.approx({f"val_{name}": value for name, value in expected.items()})


def test_without_pooling_every_window_counts(source, recordings, values):
    index = source.index(recordings).take(np.arange(1, 40, 3))
    settings = EXCLUDING | {"pooling": None}
    model = Told([0.0, -0.1, 0.1])
    found = validation.Validation(source, recordings, values, index, settings).measure(
        model, "test"
    )
    scores = model.predict_on_batch(source.batch(recordings, index))
    expected = validation.epoch_metrics(values[index.recording], scores, settings)
    assert found == pytest.approx({f"test_{name}": value for name, value in expected.items()})


def test_recordings_without_a_window_do_not_count(source, recordings, values):
    index = source.index(recordings).take(np.arange(10))
    settings = BINARY | {"pooling": "mean"}
    found, expected = (
        validation.Validation(source, recordings[:n], values[:n], index, settings).measure(
            Told([0.0, -0.1, 0.1]), "val"
        )
        for n in (24, 5)
    )
    assert found == expected


@pytest.mark.parametrize("offset", [np.nan, np.inf])
def test_a_model_that_diverged_and_no_window_are_not_a_number(offset, source, recordings, values):
    settings = BINARY | {"pooling": "mean"}
    index = source.index(recordings)
    whole = validation.Validation(source, recordings, values, index, settings)
    empty = validation.Validation(source, [], values[:0], source.index([]), settings)
    assert len(empty) == 0
    found = [whole.measure(Told([np.nan] * 3), "val"), empty.measure(Told([offset] * 3), "val")]
    for metrics in found:
        assert all(map(math.isnan, metrics.values()))
        assert set(metrics) == set(loop.HISTORY[3:])


@pytest.fixture(scope="module")
def targets_path(tmp_path_factory, recordings):
    path = tmp_path_factory.mktemp("targets") / "targets.parquet"
    rows = [
        ("tiny", name, 1 + i % 4, 0, *(int(i % 3 == k) for k in range(3)))
        for i, (_, name) in enumerate(recordings)
    ]
    return write_targets(path, CLASSES, rows)


def dealt(source, path, stage, validation_fold="none", **changed):
    training = stage["training"] | {
        "batch_size": 4,
        "validation": stage["training"]["validation"] | changed, **ALONE,
    }  # fmt: skip
    settings = {
        "training": training, "segments": stage["segments"], "pooling": "max",
        "augmentation": stage["augmentation"], "validation": validation_fold, **FRAMELESS,
    }  # fmt: skip
    member = targets_table.Member.named("f1p0s1")
    return members.parts(targets_table.read(path), member, source, settings, (1, "first", "f1p0s1"))


def places(recordings, index):
    return {(recordings[n], place) for n, place in zip(index.recording, index.place, strict=True)}


@pytest.mark.parametrize(
    ("fold", "watched", "trained"), [("none", 1, 3), ("own", 1, 3), ("next", 2, 2)]
)
def test_epochs_are_validated_on_recordings_of_the_fold_that_is_asked_for(
    fold, watched, trained, source, targets_path, stage
):
    found = dealt(source, targets_path, stage, fold)
    folds = {
        name: 1 + i % 4 for i, (_, name) in enumerate(targets_table.read(targets_path).recordings)
    }
    own = {folds[name] for _, name in found.validation.recordings}
    assert own == {watched}
    seen = {folds[name] for _, name in found.examples.recordings}
    assert seen == {1, 2, 3, 4} - {1, watched}
    assert len(seen) == trained
    assert found.test is None


@pytest.mark.parametrize("order", ["random", "sequential"])
def test_chunks_of_training_recordings_are_split_where_it_is_asked_for(
    order, source, targets_path, stage
):
    found = dealt(
        source, targets_path, stage, unit="chunk", share=0.25, test_share=0.125, order=order
    )
    recordings = found.examples.recordings
    assert len(recordings) == 18  # fold 1 is not trained on
    three = [found.examples.windows, found.validation.index, found.test.index]
    assert [len(index) for index in three] == [22, 9, 5]  # of 36: two windows each
    one, other, last = (places(recordings, index) for index in three)
    assert len(one | other | last) == 36


def test_chunks_drawn_at_random_make_no_batches_of_one_recording(source, targets_path, stage):
    training = stage["training"] | {"shuffle": "batches"}
    chunks = {"unit": "chunk", "share": 0.25, "order": "random"}
    found = dealt(source, targets_path, stage | {"training": training}, **chunks)
    recordings = found.examples.windows.recording
    assert not np.array_equal(recordings, np.sort(recordings))


def test_no_epoch_can_be_chosen_by_chunks_that_are_none(source, targets_path, stage):
    training = stage["training"] | {"keep": ["best_val_mlrap"]}
    chunks = {"unit": "chunk", "share": 0.01, "order": "sequential", "lose_border": True}
    with pytest.raises(ValueError, match="f1p0s1 has none of 36 chunks to validate on; .*best_val"):
        dealt(source, targets_path, stage | {"training": training}, **chunks)


def test_classes_without_a_window_and_noise_that_is_not_there_are_said(
    source, targets_path, tmp_path, stage, caplog, monkeypatch
):
    monkeypatch.setattr(logs.LOG, "propagate", True)
    told = targets_table.read(targets_path)
    rows = [(*pair, fold, 0, *values) for pair, fold, values
            in zip(told.recordings, told.fold, told.values, strict=True)]  # fmt: skip
    # the only recordings of class c are in the fold that is held out
    kept = [row for row in rows if row[-1] == 0 or row[2] == 1]
    path = write_targets(tmp_path / "targets.parquet", CLASSES, kept)
    noisy = stage["augmentation"] | {"count": 1, "methods": {"add_noise": {}}}
    with caplog.at_level("INFO"):
        dealt(source, path, stage | {"augmentation": noisy})
    assert "1 of 3 classes have no window to train on: c" in caplog.text
    assert "add_noise finds no chunk without signal" in caplog.text
    caplog.clear()
    with caplog.at_level("INFO"):
        dealt(source, targets_path, stage)
    assert "warning" not in caplog.text


def test_a_history_ends_with_metrics_of_the_test_chunks(tmp_path, tiny_shard, targets_path, stage):
    training = stage["training"] | {
        "batch_size": 8, "epochs": 2, "loss": "categorical_crossentropy", "keep": ["best_val_mlrap"],
        "untrained": "keep", "validation": stage["training"]["validation"]
        | {"unit": "chunk", "share": 0.25, "test_share": 0.25}, **ALONE,
    }  # fmt: skip
    settings = {
        "seed": 1, "window": 170, "segments": stage["segments"], "training": training,
        "model": {"name": "bulbul", "filters": [2] * 4, "dense": [4], "head": "softmax"},
        "augmentation": stage["augmentation"], "pooling": "max", "validation": "none", **FRAMELESS,
    }  # fmt: skip
    outputs = [tmp_path / name for name in ("m.keras", "h.csv", "m.kept.h5")]
    shards = {"tiny": [str(tiny_shard[0])]}
    loop.train_member("f1p0s1", "first", targets_path, shards, settings, {}, *outputs)
    first, last = artefacts.read_table(outputs[1])
    assert tuple(last) == (*loop.HISTORY, *loop.LEARNING, *loop.TEST)
    assert {first[name] for name in loop.TEST} == {"nan"}
    assert all(0 <= float(last[name]) <= 1 for name in loop.TEST)
    assert all(math.isfinite(float(value)) for value in last.values())
