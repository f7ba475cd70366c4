"""Training: the same twice, and the same after it was killed."""

import json
import signal
import time

import numpy as np
import pytest

from dawnchorus import artefacts, augmentation, backend

backend.start({"name": "tensorflow", "threads": 1, "deterministic": True})

from dawnchorus import inference, models, predictions, targets  # noqa: E402
from dawnchorus.training import batches, checkpoints, fitting, schedules  # noqa: E402

EPOCHS = 6


@pytest.fixture(scope="module")
def targets_path(tmp_path_factory, tiny_shard):
    _, ids = tiny_shard
    path = tmp_path_factory.mktemp("targets") / "targets.csv"
    rows = [("tiny", name, 1 + i % 4, 0, i % 2) for i, name in enumerate(ids[:16])]
    rows += [("tiny", name, 0, 1 + i % 2, 0.05 + 0.9 * (i % 2)) for i, name in enumerate(ids[16:])]
    artefacts.write_table(path, ("corpus", "id", "fold", "part", "target:bird"), rows)
    return path


@pytest.fixture(scope="module")
def settings(defaults):
    first = defaults["experiments"]["demo"]["stages"]["first"]
    training = first["training"] | {"batch_size": 8, "epochs": EPOCHS, "steps_per_epoch": 25}
    return {
        "seed": 7, "window": 170, "model": {"name": "bulbul", "filters": [4, 4, 4, 4], "dense": [8, 4]},
        "augmentation": first["augmentation"], "training": training,
        "backend": {"name": "tensorflow", "threads": 1, "deterministic": True},
    }  # fmt: skip


@pytest.fixture
def start_training(start_script, tiny_shard, targets_path, settings):
    def start(folder, member="f1p0s1", backend="tensorflow", **environment):
        folder.mkdir(exist_ok=True)
        chosen = settings | {"backend": settings["backend"] | {"name": backend}}
        return start_script(
            "train", str(folder / "train.log"), folder=folder.parent, environment=environment,
            input={"targets": str(targets_path), "spectrograms": [str(tiny_shard[0])]},
            output={"model": str(folder / f"{member}.keras"), "history": str(folder / "h.csv")},
            wildcards={"member": member, "stage": "first", "experiment": "tiny"},
            params={
                "training": chosen, "library": {"script": "0"},
                "shards": {"tiny": [str(tiny_shard[0])]},
            },
        )  # fmt: skip

    return start


def finished(process):
    assert process.wait(timeout=180) == 0, process.stderr.read()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return tmp_path_factory.mktemp("undisturbed")


def made(folder):
    files = (path for path in folder.iterdir() if path.is_file() and path.suffix != ".log")
    return {path.name: path.read_bytes() for path in files}


def wait_for_checkpoint(folder, process):
    until = time.monotonic() + 120
    while not list(folder.glob("*.checkpoint.npz")):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_killed_training_goes_on_to_the_same_bytes(tmp_path, undisturbed, start_training):
    reference = start_training(undisturbed / "results", PYTHONHASHSEED="1")
    killed = start_training(tmp_path / "results", PYTHONHASHSEED="2")
    wait_for_checkpoint(tmp_path / "results", killed)
    time.sleep(0.3)  # somewhere in a later epoch
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert not list((tmp_path / "results").glob("*.keras"))
    finished(start_training(tmp_path / "results", PYTHONHASHSEED="3"))
    finished(reference)
    assert "going on from epoch" in (tmp_path / "results/train.log").read_text()
    assert made(tmp_path / "results") == made(undisturbed / "results")


def test_a_training_told_to_stop_keeps_its_step_and_exits_143(
    tmp_path, undisturbed, start_training
):
    process = start_training(tmp_path / "results")
    wait_for_checkpoint(tmp_path / "results", process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 143, process.stderr.read()
    _, state = checkpoints.load(next((tmp_path / "results").glob("*.checkpoint.npz")))
    assert "told to stop" in (tmp_path / "results/train.log").read_text()
    assert 0 < state["epoch"] * 25 + state["step"] < EPOCHS * 25
    finished(start_training(tmp_path / "results"))
    assert made(tmp_path / "results") == made(undisturbed / "results")


def test_the_same_code_trains_under_jax(tmp_path, start_training):
    pytest.importorskip("jax")
    finished(start_training(tmp_path / "results", backend="jax"))
    rows = artefacts.read_table(tmp_path / "results/h.csv")
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])


def test_history_has_a_row_per_epoch_and_the_loss_falls(undisturbed):
    rows = artefacts.read_table(undisturbed / "results/h.csv")
    assert [int(row["epoch"]) for row in rows] == list(range(1, EPOCHS + 1))
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])


def test_model_and_record_hold_no_date_host_or_path(undisturbed):
    content = (undisturbed / "results/f1p0s1.keras").read_bytes()
    assert str(undisturbed).encode() not in content
    assert b"date_saved" not in content
    record = json.loads((undisturbed / "results/.provenance/f1p0s1.keras.json").read_text())
    assert record["settings"]["training"]["seed"] == 7
    assert record["sha256"] == artefacts.sha256(undisturbed / "results/f1p0s1.keras")


def test_a_job_refuses_an_input_that_is_not_what_was_written(tmp_path, start_script):
    results = tmp_path / "results"
    with artefacts.recording_for({"results": results, "about": {}}):
        artefacts.write_text(results / "scores.h5", "as it was written")
    (results / "scores.h5").write_text("as it was wristen")
    process = start_script(
        "ensemble", "results/e.log", folder=tmp_path, input={"scores": ["results/scores.h5"]},
        output={"scores": "results/e.h5"}, params={"pooling": {}, "library": {}},
    )  # fmt: skip
    assert process.wait(timeout=60) == 1
    said = process.stderr.read()
    assert said.count("\n") == 1
    assert "results/scores.h5 is not what was written" in said
    assert not (results / "e.h5").exists()


def test_a_checkpoint_of_other_settings_is_not_taken_up(tmp_path):
    path = checkpoints.path_beside(tmp_path / "m.keras", "aaaa")
    checkpoints.save(path, [np.arange(3)], {"epoch": 1})
    arrays, state = checkpoints.load(path)
    np.testing.assert_array_equal(arrays[0], np.arange(3))
    assert state == {"epoch": 1}
    assert checkpoints.load(checkpoints.path_beside(tmp_path / "m.keras", "bbbb")) is None


def test_a_checkpoint_is_of_its_settings_targets_spectrograms_and_code(tmp_path):
    for name in ("targets.csv", "one.h5", "two.h5"):
        (tmp_path / name).write_text(name)
    shards = {"a": [str(tmp_path / "one.h5")], "b": [str(tmp_path / "two.h5")]}

    def digest(stage="first", settings=1, library=2):
        where = tmp_path / "targets.csv"
        return fitting.training_digest(stage, where, shards, {"s": settings}, {"l": library})

    found = {digest(), digest(stage="second"), digest(settings=2), digest(library=3)}
    for name in ("targets.csv", "one.h5", "two.h5"):
        (tmp_path / name).write_text("changed")
        found.add(digest())
    assert len(found) == 7
    assert digest() in found


def test_a_member_may_have_nothing_to_score(tmp_path, tiny_shard, undisturbed):
    shard, ids = tiny_shard
    path = tmp_path / "targets.csv"
    rows = [("tiny", name, 1, 0, 1) for name in ids]
    artefacts.write_table(path, ("corpus", "id", "fold", "part", "target:bird"), rows)
    model = undisturbed / "results/f1p0s1.keras"
    chosen = {"window": 170, "batch_size": 8}
    members = {"f1p0s1": model, "f2p0s1": model}
    inference.predict_stage(members, path, "tiny", [shard], chosen, tmp_path / "s.h5")
    _, _, stack = predictions.pooled(tmp_path / "s.h5", "max")
    assert np.isfinite(stack[0]).all()
    assert np.isnan(stack[1]).all()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_cut_checkpoint_is_left_alone(tmp_path, share):
    path = checkpoints.path_beside(tmp_path / "m.keras", "aaaa")
    checkpoints.save(path, [np.arange(3000.0)], {"epoch": 1})
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert checkpoints.load(path) is None


def test_members_score_only_what_they_did_not_train_on(
    tmp_path, tiny_shard, targets_path, undisturbed
):
    shard, ids = tiny_shard
    model = undisturbed / "results/f1p0s1.keras"
    paths = {f"f{fold}p0s1": model for fold in (1, 2, 3, 4)}
    chosen = {"window": 170, "batch_size": 8}
    inference.predict_stage(paths, targets_path, "tiny", [shard], chosen, tmp_path / "s.h5")
    found, members, stack = predictions.pooled(tmp_path / "s.h5", "max")
    assert found == ids
    scored = np.isfinite(stack[:, :, 0])
    for number, member in enumerate(members):
        fold = int(member[1])
        expected = [i >= 16 or 1 + i % 4 == fold for i in range(24)]
        np.testing.assert_array_equal(scored[number], expected)


def test_a_pseudo_labelled_member_trains_on_its_part_and_the_other_folds(targets_path, tiny_shard):
    wanted = targets.read(targets_path)
    rows = wanted.training_rows(targets.Member(fold=2, part=1, seed=1))
    names = {wanted.recordings[row][1] for row in rows}
    expected = {f"r{i:02}" for i in range(16) if 1 + i % 4 != 2} | {"r16", "r18", "r20", "r22"}
    assert names == expected


@pytest.fixture
def tiny_batches(tiny_shard, targets_path, settings):
    joint = batches.open_joint({"tiny": [tiny_shard[0]]})
    wanted = targets.read(targets_path)
    chosen = settings["training"] | {"window": 170, "augmentation": settings["augmentation"]}

    def make(key=(7, "first", "f1p0s1"), **changed):
        return batches.Batches(joint, wanted.recordings, wanted.values, chosen | changed, key)

    return make


def filled(source, epoch, step):
    out = source.empty()
    return out, source.fill(out, epoch, step)


def test_a_step_is_a_function_of_its_place_alone(tiny_batches):
    one, other = tiny_batches(), tiny_batches()
    for step in (3, 0, 1):  # whatever came before
        filled(other, 0, step)
    for first, second in zip(filled(one, 2, 5), filled(other, 2, 5), strict=True):
        np.testing.assert_array_equal(first, second)


def test_another_member_sees_another_order(tiny_batches):
    assert not np.array_equal(filled(tiny_batches(), 0, 0)[0],
                              filled(tiny_batches(key=(7, "first", "f2p0s1")), 0, 0)[0])  # fmt: skip


def test_a_pass_holds_every_window_once(tiny_batches):
    source = tiny_batches(augmentation={"rotate": False, "shift_bands": 0}, steps_per_epoch=None)
    assert len(source.windows) == 48  # 210 frames each: windows begin at 0 and 170
    seen = np.concatenate([filled(source, 0, step)[0] for step in range(source.steps)])
    assert len(np.unique(seen.reshape(48, -1), axis=0)) == 48


def test_targets_are_mapped_before_the_loss(tiny_batches):
    values = np.concatenate([filled(tiny_batches(), 0, step)[1] for step in range(6)])
    assert values.min() == np.float32(0.01)
    assert values.max() == np.float32(0.99)


def test_batches_made_ahead_are_those_asked_for(tiny_batches):
    source, plain = tiny_batches(), tiny_batches()
    for step, (windows, wanted) in enumerate(batches.ahead(source, 1, 2), start=2):
        expected = filled(plain, 1, step)
        np.testing.assert_array_equal(windows, expected[0])
        np.testing.assert_array_equal(wanted, expected[1])
    assert step == source.steps - 1


def test_an_error_while_making_batches_is_raised_to_the_training(tiny_batches):
    source = tiny_batches()
    source.recordings = [("tiny", "gone")] * len(source.recordings)
    with pytest.raises(ValueError, match="gone"):
        list(batches.ahead(source, 0, 0))


def test_band_shift_repeats_the_edge():
    for bands, expected in (
        (1, [0, 0, 1, 2]),
        (-1, [1, 2, 3, 3]),
        (2, [0, 0, 0, 1]),
        (0, [0, 1, 2, 3]),
    ):
        window = np.tile(np.arange(4.0), (3, 1))
        augmentation.shift_bands(window, bands)
        np.testing.assert_array_equal(window, np.tile(expected, (3, 1)))


def test_rotation_is_uniform_over_the_window(rng):
    shifts = augmentation.rotations(20_000, 10, {"rotate": True}, rng)
    np.testing.assert_allclose(np.bincount(shifts, minlength=10) / 20_000, 0.1, atol=0.01)
    assert not augmentation.rotations(5, 10, {"rotate": False}, rng).any()


def test_plateau_lowers_the_rate_and_stops_below_the_last():
    schedule = schedules.Plateau(1e-3, factor=0.1, patience=2, min_delta=0.0, stop_rate=1e-5)
    rates = []
    while not schedule.is_over:
        schedule.observe(1.0)
        rates.append(schedule.rate)
    # the first loss is better than none; then every second epoch without a better one
    np.testing.assert_allclose(rates, [1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5, 1e-5], rtol=1e-9)


def test_softmax_head_learns_from_one_column():
    model = models.build("bulbul", (170, 20), 1, "clip", head="softmax", filters=[2] * 4, dense=[4])
    training = fitting.Training(
        model,
        {"optimizer": "adam", "learning_rate": 0.01, "loss": "categorical_crossentropy",
         "plateau": {"factor": 0.1, "patience": 3, "min_delta": 0.0, "stop_rate": 1e-5}},
        (1, "first", "f1p0s1"),
    )  # fmt: skip
    windows = np.random.default_rng(0).normal(size=(4, 170, 20)).astype(np.float32)
    training.train_on(windows, np.array([[1.0], [0], [1], [0]], np.float32))
    assert np.isfinite(training.loss_sum)
    assert models.class_scores(model, windows, 1).shape == (4, 1)
