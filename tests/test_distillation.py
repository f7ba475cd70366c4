"""Distillation: a student learns what its teachers say."""

import itertools

import numpy as np
import pytest
from stage_settings import ALONE, FRAMELESS
from target_rows import write_targets

from dawnchorus.runtime import backend
from dawnchorus.segments import window_source

backend.start({"name": "tensorflow", "threads": 1, "deterministic": True})

import keras  # noqa: E402

from dawnchorus.models import frame_output, model_files, zoo  # noqa: E402
from dawnchorus.training import batches, checkpoints, distillation, loop, steps  # noqa: E402

SETTINGS = {"temperature": 1.0, "loss": "categorical_crossentropy", "batch_size": 8}
WINDOW, OTHER_WINDOW, N_BANDS = 170, 180, 20


@pytest.fixture(scope="module")
def stage(defaults):
    return defaults["experiments"]["demo"]["stages"]["first"]


@pytest.fixture(scope="module")
def recordings(tiny_shard):
    return [("tiny", name) for name in tiny_shard[1]]


@pytest.fixture(scope="module")
def teacher(tmp_path_factory, tiny_shard, stage):
    """Save a teacher: in its file one model, and kept beside it the weights of another."""
    folder, numbers = tmp_path_factory.mktemp("teachers"), itertools.count()

    def teacher(n_classes=3, window=WINDOW, use="last", seed=1, head="softmax"):
        path = folder / f"{next(numbers)}.keras"
        options = {"filters": [4] * 4, "dense": [8], "head": head}
        made = []
        for number in (seed, seed + 100):
            keras.utils.set_random_seed(number)
            model = zoo.build("bulbul", (window, N_BANDS), n_classes, "clip", **options)
            # less even than fresh weights, so that teachers and windows differ
            model.set_weights([1.5 * weights if weights.ndim > 1 else weights
                               for weights in model.get_weights()])  # fmt: skip
            made.append(model)
        model_files.save(made[0], path)
        model_files.save_kept(path.with_suffix(".h5"), {"best_val_mlrap": made[1].get_weights()})
        seen = None if window == WINDOW else {"tiny": [str(tiny_shard[0])]}
        about = {
            "stage": "first", "model": str(path), "kept": str(path.with_suffix(".h5")), "use": use,
            "shards": seen, "segments": stage["segments"], "window": window, "frontend": "tiny",
        }  # fmt: skip
        return about, made[0 if use == "last" else 1]

    return teacher


@pytest.fixture
def windows(rng):
    return rng.normal(size=(5, WINDOW, N_BANDS)).astype(np.float32)


def test_targets_are_the_mean_of_what_teachers_say_of_the_batch(teacher, recordings, windows):
    (one, first), (other, second) = teacher(seed=1), teacher(seed=2, use="best_val_mlrap")
    teachers = distillation.Teachers([one, other], recordings, 3, SETTINGS)
    said = [frame_output.class_scores(model, windows, 3) for model in (first, second)]
    assert np.abs(said[0] - said[1]).max() > 0.05
    found = teachers.targets(windows, np.zeros((5, 3), np.float32))
    np.testing.assert_allclose(found, np.mean(said, axis=0), rtol=1e-5)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


def test_several_snapshots_of_a_run_are_one_teacher(teacher, recordings, windows):
    (last, first), (_, second) = teacher(seed=1), teacher(seed=1, use="best_val_mlrap")
    (other, third) = teacher(seed=2)
    both = last | {"use": ["last", "best_val_mlrap"]}
    teachers = distillation.Teachers([both, other], recordings, 3, SETTINGS)
    said = [frame_output.class_scores(model, windows, 3) for model in (first, second, third)]
    assert np.abs(said[0] - said[1]).max() > 0.05
    found = teachers.targets(windows, np.zeros((5, 3), np.float32))
    expected = ((said[0] + said[1]) / 2 + said[2]) / 2
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_model_file_is_a_teacher_of_batches(teacher, recordings, windows):
    (about, model), (other, second) = teacher(seed=1), teacher(seed=2)
    about |= {"stage": None, "kept": None}
    teachers = distillation.Teachers([about, other], recordings, 3, SETTINGS)
    said = [frame_output.class_scores(each, windows, 3) for each in (model, second)]
    found = teachers.targets(windows, np.zeros((5, 3), np.float32))
    np.testing.assert_allclose(found, np.mean(said, axis=0), rtol=1e-5)


def test_a_model_file_for_other_windows_is_refused_by_name(teacher, recordings):
    about, _ = teacher(seed=1, window=OTHER_WINDOW)
    about |= {"stage": None, "kept": None, "shards": None}
    with pytest.raises(ValueError, match=rf"\.keras takes .*{OTHER_WINDOW}.*; expected .*{WINDOW}"):
        distillation.Teachers([about], recordings, 3, SETTINGS, (WINDOW, N_BANDS))


def mean_over_windows(model, recordings, tiny_shard, stage, power=1.0):
    seen = {"tiny": [str(tiny_shard[0])]}
    source = window_source.open_source(seen, stage["segments"], OTHER_WINDOW)
    index = source.index(recordings)
    scores = frame_output.class_scores(model, source.batch(recordings, index), 3) ** power
    scores /= scores.sum(axis=1, keepdims=True)
    return np.array([scores[index.recording == n].mean(axis=0) for n in range(len(recordings))])


def test_a_teacher_that_sees_other_windows_labels_recordings(
    teacher, recordings, windows, tiny_shard, stage
):
    (one, first), (other, second) = teacher(seed=1), teacher(seed=2, window=OTHER_WINDOW)
    settings = SETTINGS | {"temperature": 2.0}
    teachers = distillation.Teachers([one, other], recordings, 3, settings)
    expected = mean_over_windows(second, recordings, tiny_shard, stage, 0.5)
    np.testing.assert_allclose(teachers.table, expected, rtol=1e-4)
    rows = [3, 3, 0, 20, 7]
    said = frame_output.class_scores(first, windows, 3) ** 0.5
    said /= said.sum(axis=1, keepdims=True)
    found = teachers.targets(windows, teachers.table[rows])
    np.testing.assert_allclose(found, (said + expected[rows]) / 2, rtol=1e-4)


def test_two_teachers_of_recordings_and_none_of_batches(
    teacher, recordings, windows, tiny_shard, stage
):
    about, taught = zip(*(teacher(seed=n, window=OTHER_WINDOW) for n in (1, 2)), strict=True)
    teachers = distillation.Teachers(about, recordings, 3, SETTINGS)
    expected = np.mean(
        [mean_over_windows(model, recordings, tiny_shard, stage) for model in taught], axis=0
    )
    found = teachers.targets(windows, teachers.table[:5])
    np.testing.assert_allclose(found, expected[:5], rtol=1e-4)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_temperature_divides_logits(temperature, rng):
    logits = rng.normal(0, 4, (6, 5))
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = np.exp(logits / temperature)
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(
        distillation.tempered(scores, temperature, True), expected, rtol=1e-10
    )
    apart = 1 / (1 + np.exp(-logits))
    expected = 1 / (1 + np.exp(-logits / temperature))
    np.testing.assert_allclose(
        distillation.tempered(apart, temperature, False), expected, rtol=1e-6
    )


def test_certain_scores_stay_finite_at_any_temperature():
    certain = np.array([[1.0, 0.0], [1e-30, 1e-35]], np.float32)
    for together, temperature in itertools.product((True, False), (0.05, 50.0)):
        assert np.isfinite(distillation.tempered(certain, temperature, together)).all()


def test_one_class_under_softmax_is_taught_as_present(teacher, recordings, windows):
    about, model = teacher(n_classes=1)
    teachers = distillation.Teachers([about], recordings, 1, SETTINGS)
    found = teachers.targets(windows, np.zeros((5, 1), np.float32))
    np.testing.assert_allclose(found, model.predict_on_batch(windows)[:, 1:], rtol=1e-5)


def test_a_teacher_of_other_classes_is_refused(teacher, recordings):
    about, _ = teacher(n_classes=4)
    with pytest.raises(
        ValueError, match="keras scores 4 classes; expected 3, those of the student"
    ):
        distillation.Teachers([about], recordings, 3, SETTINGS)


@pytest.fixture(scope="module")
def targets_path(tmp_path_factory, recordings):
    path = tmp_path_factory.mktemp("targets") / "targets.parquet"
    rows = [("tiny", name, 1 + i % 4, 0, *np.eye(3, dtype=int)[i % 3])
            for i, (_, name) in enumerate(recordings)]  # fmt: skip
    return write_targets(path, "abc", rows)


@pytest.fixture
def teach(tiny_shard, targets_path, stage):
    def teach(folder, teachers, **training):
        chosen = {"batch_size": 8, "epochs": 3, "steps_per_epoch": 4, "target_range": [0.0, 1.0]}
        chosen["untrained"] = "keep"
        settings = {
            "seed": 1, "window": WINDOW, "segments": stage["segments"], "validation": "none",
            "training": stage["training"] | chosen | {"loss": SETTINGS["loss"]} | ALONE | training,
            "model": {"name": "bulbul", "filters": [2] * 4, "dense": [4], "head": "softmax"},
            "augmentation": stage["augmentation"] | {"mixup": 0.3}, "pooling": "max",
            "teachers": teachers, "temperature": 2.0, **FRAMELESS,
        }  # fmt: skip
        outputs = [folder / name for name in ("m.keras", "h.csv", "m.kept.h5")]
        shards = {"tiny": [str(tiny_shard[0])]}
        loop.train_member("f1p0s1", "student", targets_path, shards, settings, {}, *outputs)
        return [path.read_bytes() for path in outputs]

    return teach


@pytest.mark.slow  # of trainings without teachers: test_training, test_mean_teacher
def test_a_killed_student_goes_on_to_the_same_bytes(teach, teacher, tmp_path, monkeypatch):
    teachers = [teacher(seed=1)[0], teacher(seed=2, window=OTHER_WINDOW)[0]]
    (tmp_path / "one").mkdir()
    expected, calls, save = teach(tmp_path / "one", teachers), itertools.count(1), checkpoints.save

    def killed(*arguments):
        if next(calls) == 2:
            raise KeyboardInterrupt
        save(*arguments)

    (tmp_path / "two").mkdir()
    with monkeypatch.context() as patched:
        patched.setattr(checkpoints, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            teach(tmp_path / "two", teachers)
    assert list((tmp_path / "two").glob("*.checkpoint.npz"))
    assert teach(tmp_path / "two", teachers) == expected


def test_a_student_is_trained_on_its_teachers_alone(teach, teacher, tmp_path, monkeypatch):
    about, model = teacher(seed=5)
    seen, train_step = [], steps.Training.train_step

    def kept(self, windows, wanted, weights=None):
        seen.append((windows.copy(), wanted))
        train_step(self, windows, wanted, weights)

    monkeypatch.setattr(steps.Training, "train_step", kept)
    teach(tmp_path, [about], epochs=1)
    for windows, wanted in seen:
        said = distillation.tempered(frame_output.class_scores(model, windows, 3), 2.0, True)
        np.testing.assert_allclose(wanted, said, rtol=1e-5)


def test_what_teachers_say_of_recordings_is_mixed_as_the_windows_are(
    teacher, recordings, tiny_shard, stage
):
    about, _ = teacher(seed=2, window=OTHER_WINDOW)
    teachers = distillation.Teachers([about], recordings, 3, SETTINGS)
    source = window_source.open_source({"tiny": [str(tiny_shard[0])]}, stage["segments"], WINDOW)
    chosen = stage["training"] | {key: stage[key] for key in ("segments", "augmentation")}
    chosen["augmentation"] = chosen["augmentation"] | {"mixup": 0.3}
    values = np.eye(len(recordings), dtype=np.float32)  # a class each: targets say who is mixed
    wide = chosen | {"batch_size": 8, "target_range": [0.0, 1.0]}
    examples = batches.Batches(source, recordings, values, wide, (1, "student", "f1p0s1"))
    shares, _ = examples.fill(examples.empty(), 0, 1)
    examples.values = teachers.table
    found, _ = examples.fill(examples.empty(), 0, 1)
    np.testing.assert_allclose(found, shares @ teachers.table, rtol=1e-4)
