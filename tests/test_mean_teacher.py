"""The mean teacher: what the student learns from, how the teacher follows, and going on after a kill."""

import math
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import stage_settings
from fake_readers import SEGMENTS, Frames

from dawnchorus.augmentation import engine
from dawnchorus.runtime import backend
from dawnchorus.segments import window_source

backend.start({"name": "tensorflow", "threads": 1, "deterministic": True})

import keras  # noqa: E402

from dawnchorus.models import frame_output, model_files, zoo  # noqa: E402
from dawnchorus.targets import targets_table  # noqa: E402
from dawnchorus.training import (  # noqa: E402
    batches,
    checkpoints,
    mean_teacher,
    members,
    setup,
    steps,
    validation,
)

# TensorFlow's variables lack the keyword that NumPy 2 asks for when Keras saves them
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

CLOSE = {"atol": 1e-6, "rtol": 1e-5}  # float32, sums in another order
KEY = (7, "first", "f1p0s1")
SHAPE, N_CLASSES, N_STEPS = (20, 8), 3, 2
CHOSEN = {"decay": 0.6, "weight": 1.0, "ramp_up_epochs": 0, "noise": 0.0}
SETTINGS = stage_settings.training(
    optimizer="sgd", learning_rate=0.5, epochs=3, schedule={"kind": "constant"}
) | {"mean_teacher": CHOSEN}
CRNN = {
    "name": "crnn", "filters": [4], "band_pools": [4], "frame_pools": [2], "units": [3],
    "dropout": 0.0, "input_dropout": 0.0,
}  # fmt: skip
PLAIN = stage_settings.augmentation(rotate=False, shift_bands=0)


def framed(output="clip", seed=1, dropout=0.0):
    """Make the smallest model with frame scores that has what trainings differ by."""
    keras.utils.set_random_seed(seed)
    windows = keras.Input(SHAPE)
    x = keras.layers.Dropout(dropout)(keras.layers.BatchNormalization()(windows))
    scores = keras.layers.Dense(N_CLASSES, activation="sigmoid", name="frame_scores")(x)
    if output == "clip":
        scores = keras.layers.GlobalAveragePooling1D()(scores)
    return keras.Model(windows, scores)


def dense(activation="sigmoid"):
    """Make a model whose rows do not know of each other: nothing is normalised by the batch."""
    keras.utils.set_random_seed(1)
    windows = keras.Input(SHAPE)
    flat = keras.layers.Flatten()(windows)
    return keras.Model(windows, keras.layers.Dense(N_CLASSES, activation=activation)(flat))


def taught(model, steps=N_STEPS, key=KEY, settings=SETTINGS, rotates=False, **chosen):
    settings = settings | {"mean_teacher": CHOSEN | chosen}
    return mean_teacher.MeanTeacher(model, settings, key, steps, rotates)


def drawn(rng, n=6, n_unlabelled=2, shape=(N_CLASSES,)):
    windows = rng.normal(size=(n, *SHAPE)).astype(np.float32)
    wanted = (rng.random((n, *shape)) < 0.4).astype(np.float32)
    wanted[n - n_unlabelled :] = np.nan
    return windows, wanted


def test_the_weight_rises_as_published():
    found = [mean_teacher.ramp_up(step, 10) for step in (0, 5, 10, 25)]
    np.testing.assert_allclose(found, [math.exp(-5), math.exp(-1.25), 1, 1], rtol=1e-12)
    assert mean_teacher.ramp_up(0, 0) == 1


def test_the_weight_counts_the_steps_of_all_epochs(rng):
    windows, _ = drawn(rng)
    nothing = np.full((6, N_CLASSES), np.nan, np.float32)

    def loss(epoch, step, ramp_up_epochs):
        training = taught(dense(), ramp_up_epochs=ramp_up_epochs, weight=4.0)
        training.result.set_weights([weights + 0.1 for weights in training.result.get_weights()])
        training.epoch, training.step = epoch, step
        training.train_step(windows, nothing)
        return training.loss_sum

    whole = loss(0, 0, 0)
    assert whole > 0.01
    assert loss(1, 1, 3) == pytest.approx(whole * math.exp(-5 * (1 - 3 / 6) ** 2), rel=1e-5)


def test_the_teacher_is_the_student_at_first_and_has_weights_of_its_own(rng):
    training = taught(framed())
    for own, students in zip(training.result.weights, training.model.weights, strict=True):
        assert own is not students
        assert own.path == students.path
        np.testing.assert_array_equal(own, students)


def test_the_teacher_follows_by_a_share_that_falls_to_its_decay(rng):
    training, (windows, wanted) = taught(framed()), drawn(rng)
    for kept in (1 / 2, 0.6, 0.6):  # 1 - 1/2, 1 - 1/3 and 1 - 1/4 are no less than 0.6
        before = training.result.get_weights()
        training.train_step(windows, wanted)
        student, teacher = training.model.get_weights(), training.result.get_weights()
        assert len(teacher) == len(student)
        for now, old, new in zip(teacher, before, student, strict=True):
            np.testing.assert_allclose(now, kept * old + (1 - kept) * new, **CLOSE)
    names = [w.name for w in training.result.weights]
    mean = names.index("moving_mean")
    assert np.abs(student[mean] - before[mean]).max() > 1e-4  # statistics are averaged, too


@pytest.mark.parametrize("loss", ["binary_crossentropy", "categorical_crossentropy"])
@pytest.mark.parametrize("weighted", [False, True])
def test_labels_are_learnt_as_if_there_were_no_other_windows(rng, loss, weighted):
    settings = SETTINGS | {"loss": loss, "l2": 0.01}
    activation = "softmax" if loss.startswith("categorical") else "sigmoid"
    windows, wanted = drawn(rng)
    weights = np.float32([0.5, 2, 1, 1, 1, 1]) if weighted else None
    plain = steps.Training(dense(activation), settings, KEY)
    training = taught(dense(activation), settings=settings, weight=0.0)
    fresh = training.model.get_weights()[0]
    for _ in range(4):
        plain.train_step(windows[:4], wanted[:4], None if weights is None else weights[:4])
        training.train_step(windows, wanted, weights)
    for one, other in zip(training.model.get_weights(), plain.model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, **CLOSE)
    assert training.loss_sum == pytest.approx(plain.loss_sum, rel=1e-5)
    assert np.abs(fresh - plain.model.get_weights()[0]).max() > 0.1


def frame_scores_in_training(model, windows):
    """Return the frame scores that a model's copy gives in training, without dropout."""
    copy = framed("frame")
    copy.set_weights(model.get_weights())
    return keras.ops.convert_to_numpy(copy(windows, training=True))


@pytest.mark.parametrize("kind", ["clip", "frame", "standardised"])
def test_consistency_is_of_clip_scores_and_of_frame_scores(rng, kind):
    model = framed("frame" if kind == "frame" else "clip")
    seen = windows = drawn(rng)[0]
    if kind == "standardised":
        model = setup.with_standardised_input(model, np.asarray(0.5), np.asarray(4.0))
        seen = (windows - np.float32(0.5)) / np.float32(2)
    training = taught(model, weight=2.0)
    teacher = [1.5 * weights for weights in model.get_weights()]
    training.result.set_weights(teacher)
    said = framed("frame")
    said.set_weights(teacher)
    differing = frame_scores_in_training(model, seen) - said.predict_on_batch(seen)
    expected = np.square(differing).mean()
    if kind != "frame":
        expected += np.square(differing.mean(axis=1)).mean()
    training.train_step(windows, np.full((6, *model.output_shape[1:]), np.nan, np.float32))
    assert training.loss_sum == pytest.approx(2 * expected, rel=1e-4)


def test_the_student_comes_to_agree_on_windows_without_labels(rng):
    training, windows = taught(framed(), decay=0.999, weight=10.0), drawn(rng)[0]
    training.result.set_weights(framed(seed=2).get_weights())
    training.epoch = 1000  # the teacher hardly moves
    teacher = frame_output.class_scores(training.result, windows, N_CLASSES)

    def distance():
        student = frame_output.class_scores(training.model, windows, N_CLASSES)
        return np.square(student - teacher).mean()

    before = distance()
    for _ in range(30):
        training.train_step(windows, np.full((6, N_CLASSES), np.nan, np.float32))
    assert distance() < before / 3


def test_frame_targets_are_learnt_of_labelled_windows_alone(rng):
    windows, wanted = drawn(rng, shape=(20, N_CLASSES))
    found = []
    for unknown in (0, 1):
        training = taught(framed("frame"), weight=0.0)
        weights = np.float32([1, 1, 1, 1, unknown, unknown])
        for _ in range(3):
            training.train_step(windows, wanted, weights)
        found.append(training.arrays())
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
    training = taught(framed("frame"), weight=0.0)
    said = frame_scores_in_training(training.model, windows)[:4]
    by_hand = -np.where(wanted[:4] > 0.5, np.log(said), np.log(1 - said)).mean()
    training.train_step(windows, wanted)
    assert training.loss_sum == pytest.approx(by_hand, rel=1e-4)


ARCHITECTURES = {  # and what their trainings agree on
    "crnn": (CRNN | {"pooling": "attention"}, "clip", ["clip", "frames"]),
    "crnn of frames": (CRNN, "frame", ["frames"]),
    "bulbul": ({"name": "bulbul", "filters": [2] * 4, "dense": [4], "head": "softmax"}, "clip", ["clip"]),
    "sparrow": ({"name": "sparrow", "filters": [2] * 7}, "clip", ["clip"]),
}  # fmt: skip


@pytest.mark.parametrize(
    "name",
    # the first has what the others have
    [
        "crnn",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ARCHITECTURES if name != "crnn"),
    ],
)
def test_every_architecture_has_teachers(rng, name):
    options, output, agreed = ARCHITECTURES[name]
    keras.utils.set_random_seed(1)
    model = zoo.build(input_shape=(170, 32), n_classes=1, output=output, **options)
    training = taught(model)
    windows = rng.normal(size=(4, 170, 32)).astype(np.float32)
    shape = (4, *model.output_shape[1:-1], 1)  # of one class under a softmax the output has two
    wanted = np.ones(shape, np.float32)
    wanted[2:] = np.nan
    said = training.scores(windows)
    assert list(said) == agreed
    scores = frame_output.class_scores(training.result, windows, model.output_shape[-1])
    np.testing.assert_allclose(said[agreed[0]], scores, **CLOSE)
    for _ in range(2):
        training.train_step(windows, wanted)
    assert 0 < training.loss_sum < 10
    assert np.isfinite(frame_output.class_scores(training.result, windows, 1)).all()


def train(training, windows, wanted, until):
    """Take the steps of three epochs that are left, as far as (epoch, step)."""
    while (training.epoch, training.step) < until:
        training.train_step(windows, wanted)
        if training.step == N_STEPS:
            training.end_epoch(dict.fromkeys(validation.METRICS[1:], 0.5))


def noisy():
    settings = SETTINGS | {"optimizer": "adam", "learning_rate": 0.01}
    chosen = {"ramp_up_epochs": 2, "noise": 0.5, "rotates": True}
    return taught(framed(dropout=0.3), settings=settings, **chosen)


@pytest.mark.slow  # of other trainings: test_training
@pytest.mark.parametrize("n_views", [1, 2])
def test_a_killed_training_goes_on_to_the_same_bytes(rng, tmp_path, n_views):
    windows, wanted = drawn(rng)
    if n_views == 2:
        windows = np.stack([windows, windows + 1], axis=1)
    straight, killed, resumed = noisy(), noisy(), noisy()
    train(straight, windows, wanted, (3, 0))
    train(killed, windows, wanted, (1, 1))
    checkpoints.save(tmp_path / "m.npz", killed.arrays(), killed.state())
    resumed.restore(*checkpoints.load(tmp_path / "m.npz"))
    train(resumed, windows, wanted, (3, 0))
    assert resumed.state() == straight.state()
    for one, other in zip(resumed.arrays(), straight.arrays(), strict=True):
        assert one.tobytes() == other.tobytes()
    for one, other in zip(resumed.result.get_weights(), straight.result.get_weights(), strict=True):
        assert one.tobytes() == other.tobytes()


def seen_by(training):
    """Return a list that fills with the windows which student and teacher score in each step."""
    seen, scores, fit = [], training.scores, training._student.train_on_batch

    def teacher(windows):
        seen.append(windows)
        return scores(windows)

    def student(windows, *given, **named):
        seen.append(windows)
        return fit(windows, *given, **named)

    training.scores, training._student.train_on_batch = teacher, student
    return seen


def test_student_and_teacher_get_noise_of_their_own_where_views_are_two(rng):
    windows, wanted = drawn(rng)
    training = taught(dense(), noise=0.5)
    seen = seen_by(training)
    for _ in range(2):
        training.train_step(np.stack([windows, windows + 1], axis=1), wanted)
    teacher, student, *later = (one - windows for one in seen)
    teacher = teacher - 1  # each got its own windows
    for noise in (teacher, student):
        assert abs(noise.mean()) < 0.1
        assert noise.std() == pytest.approx(0.5, rel=0.1)
    assert abs(np.corrcoef(teacher.ravel(), student.ravel())[0, 1]) < 0.15
    assert (later[0] - 1 != teacher).any()
    assert (later[1] != student).any()


@pytest.mark.parametrize("kind", ["clip", "frame"])
def test_frame_scores_of_a_teacher_that_rotates_are_turned_back(rng, kind):
    windows = drawn(rng)[0]
    nothing = np.full((6, *((20, N_CLASSES) if kind == "frame" else (N_CLASSES,))), np.nan)
    losses, moved = [], []
    for rotates in (False, True):
        training = taught(framed(kind), rotates=rotates)  # its frames know nothing of one another
        training.result.set_weights(framed(kind, seed=2).get_weights())
        seen = seen_by(training)
        for _ in range(3):
            training.train_step(np.stack([windows, windows], axis=1), nothing.astype(np.float32))
        losses.append(training.loss_sum)
        moved.append([(one != windows).any(axis=(1, 2)).mean() for one in seen[::2]])
    assert losses[0] > 0.01
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    assert moved[0] == [0, 0, 0]
    assert np.mean(moved[1]) > 0.7


def test_a_rotation_is_of_whole_frames_of_scores(rng):
    keras.utils.set_random_seed(1)
    model = zoo.build(input_shape=(40, 8), n_classes=3, output="clip", **CRNN)
    training = taught(model, rotates=True)  # two frames of the window to one of the scores
    windows = np.arange(6 * 40 * 8, dtype=np.float32).reshape(6, 40, 8)
    seen, turned = seen_by(training), []
    for _ in range(6):
        training.train_step(np.stack([windows, windows], axis=1), np.full((6, 3), np.nan))
        turned += ((seen[-2][:, 0, 0] - windows[:, 0, 0]) / 8 % 40).tolist()
    assert {turn % 2 for turn in turned} == {0}
    assert len(set(turned)) > 10


def test_one_view_is_scored_as_it_is(rng):
    windows, wanted = drawn(rng)
    training = taught(dense(), noise=0.5, rotates=True)
    seen = seen_by(training)
    training.train_step(windows, wanted)
    np.testing.assert_array_equal(seen[0], windows)
    assert (seen[1] != windows).all()


def test_noise_is_the_students_alone_and_drawn_by_step_and_member(rng):
    windows, wanted = drawn(rng)
    given = windows.copy()

    def loss(key=KEY, step=0, **chosen):
        training = taught(dense(), key=key, **chosen)
        training.step = step
        training.train_step(windows, wanted)
        return training.loss_sum

    other = (*KEY[:2], "f2p0s1")
    quiet, loud = loss(noise=0.0), loss(noise=0.5)
    assert quiet == loss(noise=0.0, step=1) == loss(noise=0.0, key=other)
    assert len({quiet, loud, loss(noise=0.5, step=1), loss(noise=0.5, key=other)}) == 4
    assert loud == loss(noise=0.5)
    np.testing.assert_array_equal(windows, given)
    nothing = np.full_like(wanted, np.nan)  # equal models differ by the noise alone
    training = taught(dense(), noise=0.5)
    training.train_step(windows, nothing)
    assert training.loss_sum > 1e-3


def test_the_teacher_is_saved_as_a_model_of_its_own(rng, tmp_path):
    training, (windows, wanted) = taught(framed()), drawn(rng)
    training.train_step(windows, wanted)
    model_files.save(training.result, tmp_path / "m.keras")
    loaded = model_files.load(tmp_path / "m.keras")
    for one, other in zip(loaded.get_weights(), training.result.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert frame_output.frame_scores(loaded, windows).shape == (6, 20, N_CLASSES)


@pytest.mark.parametrize("name", ["jax", "torch"])
def test_the_same_code_teaches_on_other_backends(name):
    pytest.importorskip(name)
    code = f"""
        import numpy as np
        from dawnchorus.runtime import backend
        backend.start({{"name": {name!r}, "threads": 1, "deterministic": True}})
        from dawnchorus.models import zoo
        from dawnchorus.training import mean_teacher
        model = zoo.build(input_shape={SHAPE}, n_classes=3, output="clip", **{CRNN})
        training = mean_teacher.MeanTeacher(model, {SETTINGS}, {KEY}, {N_STEPS})
        windows = np.random.default_rng(1).normal(size=(6, *{SHAPE})).astype(np.float32)
        wanted = np.float32([[1, 0, 1]] * 4 + [[np.nan] * 3] * 2)
        losses = []
        for _ in range(5):
            before = [0.6 * weights for weights in training.result.get_weights()]
            training.train_step(windows, wanted)
            losses.append(training.loss_sum - sum(losses))
        assert losses[-1] < losses[0], losses
        found = zip(training.result.get_weights(), before, training.model.get_weights(), strict=True)
        for own, kept, student in found:
            np.testing.assert_allclose(own, kept + 0.4 * student, atol=1e-6)
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=180
    )
    assert ran.returncode == 0, ran.stderr


@pytest.fixture
def make(rng):
    """Make batches of 12 recordings of a window each; the value of a window's cells is its number."""

    def made(size, name="labelled", first=0, steps=None, **changed):
        ids = [f"r{first + number:02}" for number in range(12)]
        reader = Frames({f"r{n:02}": np.full((17, 5), n, np.float32) for n in range(24)})
        source = window_source.source_from_readers({"c": reader}, SEGMENTS, 17)
        values = np.eye(3, dtype=np.float32)[np.arange(12) % 3]
        settings = {
            "batch_size": size, "target_range": [0, 1], "steps_per_epoch": steps,
            "shuffle": "windows", "oversample": None, "class_weights": "none", "segments": SEGMENTS,
            "loss": "binary_crossentropy", "augmentation": PLAIN,
        }  # fmt: skip
        recordings = [("c", name) for name in ids]
        return batches.Batches(source, recordings, values, settings | changed, (*KEY, name))

    return made


def test_unlabelled_windows_follow_labelled_ones_without_targets(make):
    labelled, unlabelled = make(4), make(3, "unlabelled", first=12)
    pair = mean_teacher.Paired(labelled, unlabelled)
    assert (pair.size, pair.steps) == (7, 3)
    assert pair.key == labelled.key
    for step, (windows, wanted, weights) in enumerate(batches.ahead(pair, 1, 0)):
        out = labelled.empty()
        expected, _ = labelled.fill(out, 1, step)
        np.testing.assert_array_equal(windows[:4], out)
        np.testing.assert_array_equal(wanted[:4], expected)
        assert (windows[4:] >= 12).all()
        assert np.isnan(wanted[4:]).all()
        assert wanted.shape == (7, 3)
        assert weights is None
    assert step == 2


def test_two_views_are_of_the_same_windows(make):
    shifted = stage_settings.augmentation(rotate=False, shift_bands=1, mixup=0)
    labelled = make(4, augmentation=shifted)
    pair = mean_teacher.Paired(labelled, make(3, "unlabelled", first=12), n_views=2)
    windows, wanted, _ = next(batches.ahead(pair, 0, 0))
    assert windows.shape == (7, 2, 17, 5)
    assert wanted.shape == (7, 3)
    np.testing.assert_array_equal(windows[:, 1], windows[:, 0])  # each is the same everywhere
    assert len(np.unique(windows[:, 0, 0, 0])) == 7


@pytest.mark.parametrize(("views", "shape"), [("independent", (7, 2, 17, 5)), ("one", (7, 17, 5))])
def test_views_are_those_of_the_settings(make, views, shape, monkeypatch):
    labelled, chosen = make(4), CHOSEN | {"views": views, "unlabelled_batch": 3}
    settings = stage_settings.training(batch_size=4) | {"mean_teacher": chosen}
    wanted = targets_table.Targets(
        [("c", f"r{n:02}") for n in range(24)], np.repeat([1, 0], 12), np.zeros(24, int),
        np.eye(3, dtype=np.float32)[np.arange(24) % 3], ["x", "y", "z"],
    )  # fmt: skip
    about = {
        "training": settings, "segments": SEGMENTS, "augmentation": PLAIN, "pooling": "max",
        "output": "clip", "clip_pooling": None, "frame_targets": None, "validation": "none",
    }  # fmt: skip
    found = members.parts(wanted, targets_table.Member.named("f2p0s1"), labelled.source, about, KEY)
    assert found.examples.empty().shape == shape


@pytest.mark.parametrize("n_unlabelled", [1, 3, 6])
def test_every_unlabelled_window_is_seen_once_in_a_pass(make, n_unlabelled):
    pair = mean_teacher.Paired(make(4), make(n_unlabelled, "unlabelled", first=12))
    seen = []
    for place in range(12):
        out = pair.empty()
        pair.fill(out, *divmod(place, pair.steps))
        seen.extend(out[4:, 0, 0].astype(int))
    for first in range(0, len(seen), 12):
        assert sorted(seen[first : first + 12]) == list(range(12, 24))


def test_weights_of_unlabelled_windows_are_one(make):
    settings = {"class_weights": "balanced"}
    labelled = make(4, **settings)
    labelled.weights = np.arange(12, dtype=np.float32)
    pair = mean_teacher.Paired(labelled, make(3, "unlabelled", first=12))
    out = pair.empty()
    _, weights = pair.fill(out, 0, 1)
    np.testing.assert_array_equal(weights[:4], out[:4, 0, 0])
    np.testing.assert_array_equal(weights[4:], 1)
    assert weights.dtype == np.float32


def test_lost_windows_leave_no_gap(make, monkeypatch):
    kept = {4: np.array([0, 1, 1, 0], bool), 3: np.array([1, 0, 1], bool)}
    pair = mean_teacher.Paired(make(4), make(3, "unlabelled", first=12))
    whole = pair.empty()
    pair.fill(whole, 0, 0)
    monkeypatch.setattr(engine, "augment", lambda windows, *_: kept[len(windows)])
    windows, wanted, _ = next(batches.ahead(pair, 0, 0))
    np.testing.assert_array_equal(windows, whole[[1, 2, 4, 6]])
    assert np.isnan(wanted).all(axis=1).tolist() == [False, False, True, True]


def test_frames_without_labels_have_no_targets():
    class Given:
        settings = source = recordings = values = windows = n_noise = None
        size, steps = 2, 1

        def __init__(self, key, shape):
            self.key, self.shape = key, shape

        def fill(self, out, epoch, step, teacher):
            return np.zeros((2, *self.shape), np.float32), None

    pair = mean_teacher.Paired(Given("a", (10, 3)), Given("b", (3,)))
    wanted, _ = pair.fill(np.empty((4, 20, 8), np.float32), 0, 0)
    assert wanted.shape == (4, 10, 3)
    np.testing.assert_array_equal(np.isnan(wanted).all(axis=(1, 2)), [False, False, True, True])


def test_equal_keys_are_refused(make):
    with pytest.raises(ValueError, match="have one key, .*; expected two: equal keys draw equal"):
        mean_teacher.Paired(make(4), make(3))
