"""What a training step sees: a function of seed, stage, member, epoch and step."""

import numpy as np
import pytest
import stage_settings
from fake_readers import SEGMENTS, Chunks, Frames

from dawnchorus.augmentation import engine
from dawnchorus.runtime import seeds
from dawnchorus.segments import window_source
from dawnchorus.segments.kinds import windows as window_kind
from dawnchorus.training import batches

KEY = (7, "first", "f1p0s1")
PLAIN = stage_settings.augmentation(rotate=False, shift_bands=0)
SHIFTED = PLAIN | {"rotate": True, "shift_bands": 1}
TRAINING = {
    "batch_size": 8, "target_range": [0.01, 0.99], "steps_per_epoch": None, "shuffle": "windows",
    "oversample": None, "class_weights": "none", "loss": "binary_crossentropy",
}  # fmt: skip
IDS = [f"r{number:02}" for number in range(24)]
WINDOW = 17


@pytest.fixture(scope="module")
def reader():
    rng = np.random.default_rng(1)
    return Frames({name: rng.random((21, 5), np.float32) for name in IDS})


@pytest.fixture
def make(reader):
    """Make batches of 48 windows: 24 recordings of 21 frames, which begin at 0 and 17."""
    recordings = [("c", name) for name in IDS]
    values = np.arange(24, dtype=np.float32)[:, np.newaxis] % 2

    def made(key=KEY, values=values, rows=None, **changed):
        settings = TRAINING | {"segments": SEGMENTS, "augmentation": SHIFTED} | changed
        source = window_source.source_from_readers({"c": reader}, settings["segments"], WINDOW)
        return batches.Batches(source, recordings, values, settings, key, rows)

    return made


def filled(source, epoch, step):
    out = source.empty()
    values, weights = source.fill(out, epoch, step)
    return out[: len(values)], values, weights


def in_pass(source, number):
    """Return all windows of a pass, numbered by what is in them: (steps, B)."""
    every = source.source.batch(source.recordings, source.source.index(source.recordings))
    known = {window.tobytes(): row for row, window in enumerate(every)}
    return np.array(
        [
            [known[window.tobytes()] for window in filled(source, number, step)[0]]
            for step in range(source.steps)
        ]
    )


def test_a_step_is_a_function_of_its_place_alone(make):
    one, other = make(steps_per_epoch=25), make(steps_per_epoch=25)
    for step in (3, 0, 1):  # whatever came before
        filled(other, 0, step)
    for first, second in zip(filled(one, 2, 5)[:2], filled(other, 2, 5)[:2], strict=True):
        np.testing.assert_array_equal(first, second)


MASKS = {
    "time_masks": 1, "frequency_masks": 1, "time_width": 0.9, "frequency_width": 0.9,
    "replace": "zero",
}  # fmt: skip
MASKED = stage_settings.augmentation(rotate=True, shift_bands=1, mixup=0.4, spec_augment=MASKS)


def two_views(source, epoch=0, step=0):
    """Return the windows of student and teacher, and the targets."""
    out, teacher = source.empty(), source.empty()
    values, _ = source.fill(out, epoch, step, teacher)
    return out[: len(values)], teacher[: len(values)], values


def test_the_students_view_is_the_same_whether_a_teacher_has_one(make):
    source = make(augmentation=MASKED, class_weights="balanced")
    alone, values, _ = filled(source, 1, 2)
    student, teacher, with_teacher = two_views(source, 1, 2)
    np.testing.assert_array_equal(student, alone)
    np.testing.assert_array_equal(with_teacher, values)
    assert (student != teacher).any(axis=(1, 2)).all()


@pytest.mark.parametrize(
    "changed",
    [{"shift_bands": 1}, {"spec_augment": MASKS | {"frequency_masks": 0}},
     {"spec_augment": MASKS | {"time_masks": 0}},
     {"count": 1, "probability": 1.0, "methods": {"gaussian": {}}}],
)  # fmt: skip
def test_a_teachers_view_draws_shifts_methods_and_masks_of_its_own(make, changed):
    plain = {"rotate": False, "shift_bands": 0, "mixup": 0.0}
    source = make(augmentation=stage_settings.augmentation(**plain | changed))
    other = make(augmentation=source.settings["augmentation"], key=(*KEY[:2], "f2p0s1"))
    student, teacher, _ = two_views(source)
    assert (student != teacher).any(axis=(1, 2)).mean() > 0.4  # two draws may be alike
    assert (two_views(source, 0, 1)[1] != teacher).any()
    assert (two_views(other)[1] != teacher).any()
    np.testing.assert_array_equal(two_views(source)[1], teacher)


def test_what_decides_the_targets_is_common_to_both_views(make):
    mixed = stage_settings.augmentation(rotate=True, shift_bands=0, mixup=2.0)
    for weights in ("none", "balanced"):
        student, teacher, values = two_views(make(augmentation=mixed, class_weights=weights))
        assert ((values > 0.02) & (values < 0.98)).any()  # some are mixed
        np.testing.assert_array_equal(teacher, student)


def test_a_window_that_one_view_loses_is_lost_in_both(make, monkeypatch):
    source, lost = (
        make(augmentation=PLAIN),
        iter([[0, 1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 1, 1, 1, 1]]),
    )
    whole = filled(source, 0, 0)[0]
    monkeypatch.setattr(engine, "augment", lambda *_: np.array(next(lost), bool))
    student, teacher, values = two_views(source)
    assert len(values) == 6
    for view in (student, teacher):
        np.testing.assert_array_equal(view, whole[[1, 2, 4, 5, 6, 7]])


def test_both_views_are_scaled(make):
    source = make(augmentation=PLAIN, segments=SEGMENTS | {"rescale": True, "zero_centre": True})
    student, teacher, _ = two_views(source)
    np.testing.assert_array_equal(teacher, student)
    assert teacher.min() == -1


@pytest.mark.parametrize(
    ("wanted", "n_windows", "size", "steps"),
    [
        (None, 1262, 16, 79),
        (None, 1262, None, 40),  # 32 windows
        (None, 240, None, 10),  # a tenth of them
        (None, 5, None, 3),  # batch normalisation needs two
        ("whole_batches", 1262, 16, 78),  # of serizel2018, where all weak clips are there
        ("whole_batches", 14_412, 128, 112),
        ("whole_batches", 1240, 16, 77),  # clips that are missing are not made up for
        ("whole_batches", 5, 16, 1),
        (7, 1262, 16, 7),
    ],
)
def test_steps_of_an_epoch_follow_the_windows_that_are_there(make, wanted, n_windows, size, steps):
    every = make().windows
    rows = every.take(np.arange(n_windows) % len(every))
    assert make(rows=rows, batch_size=size, steps_per_epoch=wanted).steps == steps


@pytest.mark.parametrize("steps_per_epoch", [None, 5])
def test_order_and_shifts_are_drawn_as_they_always_were(make, reader, steps_per_epoch):
    source = make(steps_per_epoch=steps_per_epoch)
    places = [(name, start) for name in IDS for start in (0, 17)]
    for epoch in range(3):
        for step in range(source.steps):
            rng = seeds.generator(*KEY, "augmentation", epoch, step)
            rotations = rng.integers(0, WINDOW, 8)
            bands = rng.integers(-1, 2, 8)
            windows, values, weights = filled(source, epoch, step)
            assert weights is None
            for number in range(8):
                at = (epoch * source.steps + step) * 8 + number
                order = seeds.generator(*KEY, "order", at // 48).permutation(48)
                name, start = places[order[at % 48]]
                expected = np.empty((WINDOW, reader.n_bands), np.float32)
                window_kind.fill_looped(expected, reader.frames(name), start, rotations[number])
                engine.shift_bands(expected, int(bands[number]))
                np.testing.assert_array_equal(windows[number], expected)
                assert values[number, 0] == np.float32(0.01 + 0.98 * (int(name[1:]) % 2))


def test_another_member_sees_another_order(make):
    other = make(key=(7, "first", "f2p0s1"))
    assert not np.array_equal(filled(make(), 0, 0)[0], filled(other, 0, 0)[0])


def test_a_pass_holds_every_window_once(make):
    source = make(augmentation=PLAIN)
    assert len(source.windows) == 48
    assert sorted(in_pass(source, 0).ravel()) == list(range(48))
    assert not np.array_equal(in_pass(source, 0), in_pass(source, 1))


def test_targets_are_mapped_before_the_loss(make):
    values = np.concatenate([filled(make(), 0, step)[1] for step in range(6)])
    assert values.min() == np.float32(0.01)
    assert values.max() == np.float32(0.99)


def test_batches_made_ahead_are_those_asked_for(make):
    chosen = {"steps_per_epoch": 25, "class_weights": "balanced"}
    source, plain = make(**chosen), make(**chosen)
    for step, found in enumerate(batches.ahead(source, 1, 2), start=2):
        for one, other in zip(found, filled(plain, 1, step), strict=True):
            np.testing.assert_array_equal(one, other)
    assert step == 24


def test_an_error_while_making_batches_is_raised_to_the_training(make):
    source = make()
    source.recordings = [("gone", "r00")] * len(source.recordings)
    with pytest.raises(ValueError, match="corpus 'gone'"):
        list(batches.ahead(source, 0, 0))


def test_contiguous_batches_come_in_random_order_and_stay_together(make):
    source = make(augmentation=PLAIN, shuffle="batches", batch_size=10)
    assert source.steps == 5
    first, second = in_pass(source, 0), in_pass(source, 1)
    assert not np.array_equal(first, second)
    assert {tuple(rows) for rows in first} == {tuple(rows) for rows in second}
    # the last one stays the last, and goes on with the first rows
    np.testing.assert_array_equal(first[-1], second[-1])
    assert len(np.unique(first)) == 48
    recordings = source.windows.recording
    assert not np.array_equal(recordings, np.sort(recordings))
    assert np.count_nonzero(np.diff(recordings)) == 23  # recordings are shuffled whole


def test_a_batch_larger_than_all_windows_repeats_them(make):
    source = make(augmentation=PLAIN, shuffle="batches", batch_size=100)
    (rows,) = in_pass(source, 3)
    np.testing.assert_array_equal(rows, np.resize(rows[:48], 100))
    assert sorted(rows[:48]) == list(range(48))


def test_given_windows_are_the_ones_trained_on(make):
    every = make(augmentation=PLAIN).windows
    chosen = every.take(np.arange(40, 20, -1))
    source = make(augmentation=PLAIN, rows=chosen, shuffle="batches", batch_size=10)
    assert source.steps == 2
    np.testing.assert_array_equal(source.windows.recording, chosen.recording)
    assert {tuple(rows) for rows in in_pass(source, 0)} == {
        tuple(range(40, 30, -1)), tuple(range(30, 20, -1)),
    }  # fmt: skip


def test_no_window_to_train_on_is_refused(make):
    nothing = make().windows.take([])
    with pytest.raises(ValueError, match="no window to train on in 24 recordings"):
        make(rows=nothing)


def one_hot(*classes):
    return np.eye(3, dtype=np.float32)[list(classes)]


def test_rare_classes_are_repeated_in_every_pass(make):
    values = one_hot(*[0] * 20, 1, 1, 1, 2)
    source = make(values=values, oversample=12, augmentation=PLAIN)
    assert source.values[source.windows.recording].argmax(axis=1).tolist().count(2) == 12
    assert len(source.windows) == 48 + 6 + 10
    assert np.bincount(in_pass(source, 0).ravel(), minlength=48)[46:].sum() == 12


def test_contiguous_batches_of_repeated_windows_are_no_batches_of_a_class(make):
    values = one_hot(*[0] * 12, *[1] * 6, *[2] * 6)
    source = make(
        values=values, oversample=24, augmentation=PLAIN, shuffle="batches", batch_size=12
    )
    classes = values[source.windows.recording].argmax(axis=1)
    assert np.bincount(classes).tolist() == [24, 24, 24]
    assert all(len(set(batch)) > 1 for batch in classes.reshape(-1, 12))


def test_weights_are_those_of_the_windows(make):
    values = one_hot(*[0] * 12, *[1] * 6, *[2] * 6)
    source = make(values=values, class_weights="balanced", target_range=[0, 1])
    for step in range(source.steps):
        _, found, weights = filled(source, 0, step)
        np.testing.assert_allclose(weights, found @ np.float32([2 / 3, 4 / 3, 4 / 3]), rtol=1e-6)
        assert weights.dtype == np.float32


def test_several_classes_share_a_softmax(make):
    values = np.tile(np.float32([[1, 1, 0], [0, 0, 1], [0.3, 0.1, 0], [0, 0, 0]]), (6, 1))
    chosen = {"values": values, "target_range": [0, 1]}
    source = make(loss="categorical_crossentropy", **chosen)
    np.testing.assert_array_equal(
        source.values[:4], np.float32([[0.5, 0.5, 0], [0, 0, 1], [0.3, 0.1, 0], [0, 0, 0]])
    )
    np.testing.assert_array_equal(make(**chosen).values, values)
    single = values[:, [2]]
    column = make(loss="categorical_crossentropy", values=single, target_range=[0, 1])
    np.testing.assert_array_equal(column.values, single)


def test_mixup_mixes_windows_targets_and_weights_alike(make):
    augmented = PLAIN | {"mixup": 0.4}
    values = one_hot(*[0] * 12, *[1] * 6, *[2] * 6)
    chosen = {"values": values, "class_weights": "balanced", "target_range": [0, 1]}
    source, plain = make(augmentation=augmented, **chosen), make(augmentation=PLAIN, **chosen)
    mixed, targets, weights = filled(source, 0, 0)
    windows, classes, _ = filled(plain, 0, 0)
    # what mixes the windows mixes the rest: solve for the shares, then use them
    shares = np.linalg.lstsq(windows.reshape(8, -1).T, mixed.reshape(8, -1).T, rcond=None)[0].T
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-4)
    np.testing.assert_allclose(targets, shares @ classes, atol=1e-4)
    np.testing.assert_allclose(weights, targets @ [2 / 3, 4 / 3, 4 / 3], atol=1e-4)
    assert targets.dtype == weights.dtype == np.float32
    assert np.count_nonzero((targets > 0.01) & (targets < 0.99))


@pytest.fixture
def make_chunks(rng):
    """Make batches of chunks; those scored 0 are 200 everywhere, others below 100."""
    images = {name: rng.integers(0, 100, (4, 6, 8)).astype(np.uint8) for name in IDS}
    scores = {name: [0, 0.5, 0.5, 0] for name in IDS}
    for chunks in images.values():
        chunks[[0, 3]] = 200
    reader = Chunks(images, scores)

    def made(n_recordings=24, augmentation=PLAIN, key=KEY, **changed):
        about = SEGMENTS | {"kind": "chunks", "min_score": 0.1, "noise_share": 1.0} | changed
        source = window_source.source_from_readers({"c": reader}, about, 0)
        recordings = [("c", name) for name in IDS[:n_recordings]]
        values = np.arange(n_recordings, dtype=np.float32)[:, np.newaxis]
        settings = TRAINING | {"segments": about, "augmentation": augmentation}
        return batches.Batches(source, recordings, values, settings | {"target_range": [0, 1]}, key)

    return made


def test_chunks_outside_the_interval_are_noise_of_training_recordings_alone(make_chunks):
    source = make_chunks(n_recordings=10)
    assert len(source.windows) == 20
    assert source.n_noise == 20
    assert set(source.windows.place.tolist()) == {1, 2}
    assert make_chunks(noise_share=0.0).n_noise == 0


def test_noise_is_added_as_an_image_of_the_bank(make_chunks, monkeypatch):
    seen = []

    def augment(windows, settings, rng, noise):
        seen.append([noise(rng) for _ in windows] if noise else None)
        return np.ones(len(windows), bool)

    monkeypatch.setattr(engine, "augment", augment)
    filled(make_chunks(zero_centre=True), 0, 0)
    images = np.array(seen.pop())
    assert images.shape == (8, 6, 8)
    np.testing.assert_array_equal(images, np.float32(200) / np.float32(255))
    filled(make_chunks(noise_share=0.0), 0, 0)
    assert seen == [None]


def test_windows_that_are_lost_leave_their_targets_too(make_chunks, monkeypatch):
    kept = np.array([0, 1, 1, 0, 0, 1, 1, 0], bool)
    monkeypatch.setattr(engine, "augment", lambda windows, *_: np.ones(8, bool))
    whole, wanted, _ = filled(make_chunks(), 0, 0)
    monkeypatch.setattr(engine, "augment", lambda windows, *_: kept)
    source = make_chunks()
    windows, values, _ = filled(source, 0, 0)
    np.testing.assert_array_equal(windows, whole[kept])
    np.testing.assert_array_equal(values, wanted[kept])
    found = next(batches.ahead(source, 0, 0))
    np.testing.assert_array_equal(found[0], whole[kept])
    monkeypatch.setattr(engine, "augment", lambda windows, *_: np.zeros(8, bool))
    assert len(filled(make_chunks(), 0, 0)[0]) == 8  # a step cannot be taken on nothing


def test_a_silent_loss_of_windows_is_chosen_not_given(make_chunks):
    lossy = PLAIN | {"count": 1, "probability": 0.5, "methods": {"add_noise": {}}}
    sizes = [
        len(filled(make_chunks(noise_share=0.0, augmentation=lossy | {"drop_without_noise": lost}),
                   0, step)[0]) for lost in (False, True) for step in range(5)
    ]  # fmt: skip
    assert sizes[:5] == [8] * 5
    assert 5 <= sum(sizes[5:]) < 40


def test_the_range_of_the_model_comes_last(make_chunks, monkeypatch):
    seen = []

    def augment(windows, *_):
        seen.append((windows.min(), windows.max()))
        windows[:] = 0.75
        return np.ones(len(windows), bool)

    monkeypatch.setattr(engine, "augment", augment)
    windows, _, _ = filled(make_chunks(zero_centre=True), 0, 0)
    assert 0 <= seen[0][0] < seen[0][1] < 100 / 255
    assert (windows == 0.5).all()


def test_every_member_draws_its_quota_anew(make_chunks):
    one, same, other = (
        make_chunks(max_per_class=0, key=(7, "first", name)).windows for name in ("f1", "f1", "f2")
    )
    assert one.recording.tolist() == list(range(24))
    assert {1, 2} == set(one.place.tolist())
    assert one.place.tolist() == same.place.tolist() != other.place.tolist()


class Clock:
    """Targets of frames that say which frame of the recording each is, and whose."""

    n_frames = WINDOW

    def of(self, part, rotations):
        numbers = part.place[:, None] + np.arange(WINDOW)
        out = np.stack([numbers % 21, np.repeat(part.recording[:, None], WINDOW, 1)], axis=-1)
        turned = [np.roll(row, n, axis=0) for row, n in zip(out, rotations, strict=True)]
        return np.array(turned, np.float32) / 32


def with_frames(made, output):
    settings = {**made.settings, "output": output, "target_range": [0.0, 1.0]}
    recordings = made.recordings
    return batches.Batches(
        made.source, recordings, made.values, settings, KEY, frames=Clock(), class_names=("a", "b")
    )


def test_targets_of_frames_turn_with_their_windows(make, reader):
    frames = with_frames(make(augmentation=PLAIN | {"rotate": True}), "frame")
    windows, values, _ = filled(frames, 0, 0)
    assert values.shape == (8, WINDOW, 2)
    numbers = np.rint(values * 32).astype(int)
    for window, own in zip(windows, numbers, strict=True):
        expected = reader.frames(IDS[own[0, 1]])[own[:, 0]]
        np.testing.assert_array_equal(window, expected)


def test_the_target_of_a_window_is_the_greatest_of_its_frames(make):
    made = make(augmentation=PLAIN)
    _, frames, _ = filled(with_frames(made, "frame"), 0, 2)
    _, windows, _ = filled(with_frames(made, "clip"), 0, 2)
    np.testing.assert_array_equal(windows, frames.max(axis=1))


def test_weights_are_mixed_with_targets_of_frames(make):
    made = make(augmentation=PLAIN | {"mixup": 0.5}, class_weights="balanced")
    windows, values, weights = filled(with_frames(made, "frame"), 0, 0)
    assert values.shape == (8, WINDOW, 2)
    assert weights.shape == (8,)
    assert np.isfinite(windows).all()
