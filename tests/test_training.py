"""Training: the same twice, and the same after it was killed."""

import contextlib
import itertools
import json
import signal
import time
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from stage_settings import ALONE, FRAMELESS, PATIENT
from target_rows import write_targets

from dawnchorus.augmentation import engine
from dawnchorus.runtime import artefacts, backend

backend.start({"name": "tensorflow", "threads": 1, "deterministic": True})

import keras  # noqa: E402

from dawnchorus.models import frame_output, model_files, zoo  # noqa: E402
from dawnchorus.runtime import logs, run  # noqa: E402
from dawnchorus.scores import ensemble, inference  # noqa: E402
from dawnchorus.targets import targets_table  # noqa: E402
from dawnchorus.training import checkpoints, loop, steps, validation  # noqa: E402

EPOCHS = 8


@pytest.fixture(scope="module")
def targets_path(tmp_path_factory, tiny_shard):
    _, ids = tiny_shard
    path = tmp_path_factory.mktemp("targets") / "targets.parquet"
    rows = [("tiny", name, 1 + i % 4, 0, i % 2) for i, name in enumerate(ids[:16])]
    rows += [("tiny", name, 0, 1 + i % 2, 0.05 + 0.9 * (i % 2)) for i, name in enumerate(ids[16:])]
    return write_targets(path, ["bird"], rows)


@pytest.fixture(scope="module")
def settings(defaults):
    first = defaults["experiments"]["demo"]["stages"]["first"]
    # by steps: what is cut off in an epoch goes on in it, whatever its length is given in
    training = first["training"] | {"batch_size": 8, "steps": 25 * EPOCHS, "steps_per_epoch": 25}
    training["epochs"] = None
    training["untrained"] = "keep"  # the shortest ones need not learn
    training |= ALONE
    return FRAMELESS | {
        "seed": 7, "window": 170, "model": {"name": "bulbul", "filters": [4, 4, 4, 4], "dense": [8, 4]},
        "augmentation": first["augmentation"], "training": training,
        "segments": first["segments"], "frontend": "tiny", "pooling": "max", "validation": "none",
        "teachers": [], "temperature": None,
        "backend": {"name": "tensorflow", "threads": 1, "deterministic": True},
    }  # fmt: skip


@pytest.fixture(scope="module")
def start_training(start_script, tiny_shard, targets_path, settings):
    def start(folder, member="f1p0s1", backend="tensorflow", **environment):
        folder.mkdir(exist_ok=True)
        chosen = settings | {"backend": settings["backend"] | {"name": backend}}
        return start_script(
            "train", str(folder / "train.log"), folder=folder.parent, environment=environment,
            input={"targets": str(targets_path), "spectrograms": [str(tiny_shard[0])]},
            output={
                "model": str(folder / f"{member}.keras"), "history": str(folder / "h.csv"),
                "kept": str(folder / f"{member}.kept.h5"),
            },
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
def undisturbed(tmp_path_factory, start_training):
    """A training that nothing stops; the folder above its results."""
    folder = tmp_path_factory.mktemp("undisturbed")
    finished(start_training(folder / "results", PYTHONHASHSEED="1"))
    return folder


def made(folder):
    files = (path for path in folder.iterdir() if path.is_file() and path.suffix != ".log")
    return {path.name: path.read_bytes() for path in files}


def wait_for_checkpoint(folder, process, after=0):
    """Wait for a checkpoint that is newer than a time [ns]; return its own."""
    until = time.monotonic() + 120
    while True:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < until
        for path in folder.glob("*.checkpoint.npz"):
            if (found := path.stat().st_mtime_ns) > after:
                return found
        time.sleep(0.01)


@pytest.mark.slow  # in one process below; of a run: test_workflow
def test_a_training_that_was_killed_and_told_to_stop_goes_on_to_the_same_bytes(
    tmp_path, undisturbed, start_training, tiny_shard, targets_path, settings
):
    folder = tmp_path / "results"
    killed = start_training(folder, PYTHONHASHSEED="2")
    wait_for_checkpoint(folder, killed)
    time.sleep(0.1)  # somewhere in a later epoch
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert not list(folder.glob("*.keras"))
    path = next(folder.glob("*.checkpoint.npz"))
    before, (_, state) = path.stat().st_mtime_ns, checkpoints.load(path)
    # a job that is told to stop keeps its step and exits with 143
    told = start_training(folder, PYTHONHASHSEED="3")
    wait_for_checkpoint(folder, told, before)
    told.send_signal(signal.SIGTERM)
    assert told.wait(timeout=60) == 143, told.stderr.read()
    log = (folder / "train.log").read_text()
    assert f"going on from epoch {state['epoch'] + 1}, step 0" in log
    assert "told to stop" in log
    _, stopped = checkpoints.load(path)
    assert state["epoch"] * 25 < stopped["epoch"] * 25 + stopped["step"] < EPOCHS * 25
    outputs = [folder / name for name in ("f1p0s1.keras", "h.csv", "f1p0s1.kept.h5")]
    shards = {"tiny": [str(tiny_shard[0])]}
    loop.train_member(
        "f1p0s1", "first", str(targets_path), shards, settings, {"script": "0"}, *outputs
    )
    assert made(folder) == made(undisturbed / "results")


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
    with artefacts.record_job({"results": results, "about": {}}):
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
    path = checkpoints.checkpoint_path(tmp_path / "m.keras", "aaaa")
    checkpoints.save(path, [np.arange(3)], {"epoch": 1})
    arrays, state = checkpoints.load(path)
    np.testing.assert_array_equal(arrays[0], np.arange(3))
    assert state == {"epoch": 1}
    assert checkpoints.load(checkpoints.checkpoint_path(tmp_path / "m.keras", "bbbb")) is None


def test_a_checkpoint_is_of_its_settings_and_of_all_that_it_was_made_from(tmp_path):
    names = ("targets.parquet", "one.h5", "two.h5", "t.keras", "t.kept.h5", "t.h5", "start.keras")
    names += ("normaliser.csv", "frames.h5", "events.csv", "labels.csv")
    paths = {name: str(tmp_path / name) for name in names}
    for name, path in paths.items():
        (tmp_path / name).write_text(path)
    shards = {"a": [paths["one.h5"]], "b": [paths["two.h5"]]}
    heard = {
        "model": paths["t.keras"],
        "kept": paths["t.kept.h5"],
        "shards": {"a": [paths["t.h5"]]},
    }
    start = {"path": paths["start.keras"], "head": True}

    def digest(stage="first", seed=1, library=2):
        about = FRAMELESS | {
            "seed": seed, "teachers": [heard], "training": {"pretrained": start},
            "normaliser": paths["normaliser.csv"],
            "frame_targets": {
                "scores": {"b": [paths["frames.h5"]]},
                "events": {"a": {"events": paths["events.csv"], "labels": paths["labels.csv"]}},
            },
        }  # fmt: skip
        where = paths["targets.parquet"]
        return loop.training_digest(stage, where, shards, about, {"l": library})

    found = {digest(), digest(stage="second"), digest(seed=2), digest(library=3)}
    for name in names:
        (tmp_path / name).write_text("changed")
        found.add(digest())
    assert len(found) == 4 + len(names)
    assert digest() in found


def test_a_job_hashes_its_inputs_once(tmp_path, monkeypatch):
    path = tmp_path / "targets.parquet"
    path.write_text("content")
    about = FRAMELESS | {
        "training": {"pretrained": None}, "normaliser": None, "frame_targets": None
    }  # fmt: skip
    expected = loop.training_digest("first", str(path), {}, about, {})
    inputs = {str(path): artefacts.sha256(path)}
    monkeypatch.setattr(artefacts, "sha256", lambda path: pytest.fail(f"{path} is read again"))
    with artefacts.record_job({"results": tmp_path, "about": {"inputs": inputs}}):
        assert loop.training_digest("first", path, {}, about, {}) == expected


def test_a_member_may_have_nothing_to_score(tmp_path, tiny_shard, undisturbed, settings):
    shard, ids = tiny_shard
    path = tmp_path / "targets.parquet"
    rows = [("tiny", name, 1, 0, 1) for name in ids]
    write_targets(path, ["bird"], rows)
    paths = {"model": undisturbed / "results/f1p0s1.keras", "kept": None}
    chosen = {"window": 170, "segments": settings["segments"], "batch_size": 8, "use": "last"}
    members = {"f1p0s1": paths, "f2p0s1": paths}
    inference.predict_stage(
        members, targets_table.read(path), "tiny", [shard], chosen, tmp_path / "s.h5"
    )
    _, _, stack = ensemble.pool_members(tmp_path / "s.h5", "max")
    assert np.isfinite(stack[0]).all()
    assert np.isnan(stack[1]).all()


def killed(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize("name", ["f1p0s1", "f12p10s100"])
def test_a_checkpoint_whose_write_was_killed_goes_with_the_others(tmp_path, name, monkeypatch):
    path = checkpoints.checkpoint_path(tmp_path / f"{name}.keras", "0123456789abcdef")
    beside = checkpoints.checkpoint_path(tmp_path / f"{name}0.keras", "0123456789abcdef")
    checkpoints.save(beside, [np.zeros(3)], {})
    checkpoints.save(path, [np.zeros(3)], {})
    with monkeypatch.context() as patched:
        # a killed process names no file and removes none
        patched.setattr(artefacts.os, "replace", killed)
        patched.setattr(Path, "unlink", lambda *_, **__: None)
        for write in (
            lambda: checkpoints.save(path, [np.ones(3)], {}),
            lambda: checkpoints.save_epoch(path, 3, [np.ones(3)]),
        ):
            with pytest.raises(KeyboardInterrupt):
                write()
    assert len(list(tmp_path.iterdir())) == 4
    checkpoints.remove(path)
    assert list(tmp_path.iterdir()) == [beside]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_cut_checkpoint_is_left_alone(tmp_path, share):
    path = checkpoints.checkpoint_path(tmp_path / "m.keras", "aaaa")
    checkpoints.save(path, [np.arange(3000.0)], {"epoch": 1})
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert checkpoints.load(path) is None


def test_members_score_only_what_they_did_not_train_on(
    tmp_path, tiny_shard, targets_path, undisturbed, settings
):
    shard, ids = tiny_shard
    model = {"model": undisturbed / "results/f1p0s1.keras", "kept": None}
    paths = {f"f{fold}p0s1": model for fold in (1, 2, 3, 4)}
    chosen = {"window": 170, "segments": settings["segments"], "batch_size": 8, "use": "last"}
    inference.predict_stage(
        paths, targets_table.read(targets_path), "tiny", [shard], chosen, tmp_path / "s.h5"
    )
    found, members, stack = ensemble.pool_members(tmp_path / "s.h5", "max")
    assert found == ids
    scored = np.isfinite(stack[:, :, 0])
    for number, member in enumerate(members):
        fold = int(member[1])
        expected = [i >= 16 or 1 + i % 4 == fold for i in range(24)]
        np.testing.assert_array_equal(scored[number], expected)


def test_a_pseudo_labelled_member_trains_on_its_part_and_the_other_folds(targets_path, tiny_shard):
    wanted = targets_table.read(targets_path)
    rows = wanted.training_rows(targets_table.Member(fold=2, part=1, seed=1))
    names = {wanted.recordings[row][1] for row in rows}
    expected = {f"r{i:02}" for i in range(16) if 1 + i % 4 != 2} | {"r16", "r18", "r20", "r22"}
    assert names == expected


def test_band_shift_repeats_the_edge():
    for bands, expected in (
        (1, [0, 0, 1, 2]),
        (-1, [1, 2, 3, 3]),
        (2, [0, 0, 0, 1]),
        (0, [0, 1, 2, 3]),
    ):
        window = np.tile(np.arange(4.0), (3, 1))
        engine.shift_bands(window, bands)
        np.testing.assert_array_equal(window, np.tile(expected, (3, 1)))


def test_rotation_is_uniform_over_the_window(rng):
    shifts = engine.rotations(20_000, 10, {"rotate": True}, rng)
    np.testing.assert_allclose(np.bincount(shifts, minlength=10) / 20_000, 0.1, atol=0.01)
    assert not engine.rotations(5, 10, {"rotate": False}, rng).any()


@pytest.fixture
def begin(defaults):
    """Start a training of a tiny bulbul with some settings changed."""

    def begin(n_classes=1, options=None, **changed):
        options = {"filters": [2] * 4, "dense": [4]} | (options or {})
        keras.utils.set_random_seed(3)
        model = zoo.build("bulbul", (170, 20), n_classes, "clip", **options)
        training = defaults["experiments"]["demo"]["stages"]["first"]["training"] | changed
        return steps.Training(model, training, (1, "first", "f1p0s1"))

    return begin


@pytest.fixture
def windows(rng):
    return rng.normal(size=(4, 170, 20)).astype(np.float32)


def test_softmax_head_learns_from_one_column(begin, windows):
    training = begin(options={"head": "softmax"}, loss="categorical_crossentropy")
    training.train_step(windows, np.array([[1.0], [0], [1], [0]], np.float32))
    assert np.isfinite(training.loss_sum)
    assert frame_output.class_scores(training.model, windows, 1).shape == (4, 1)


def test_l2_is_a_penalty_on_kernels_alone(begin, windows):
    wanted = np.array([[1.0], [0], [1], [0]], np.float32)
    losses, penalty = {}, None
    for l2 in (0.0, 0.25):
        training = begin(options={"dropout": 0.0}, l2=l2)
        named = [(v.name, v.numpy()) for v in training.model.trainable_variables]
        penalty = sum((values**2).sum() for name, values in named if name == "kernel")
        training.train_step(windows, wanted)
        losses[l2] = training.loss_sum
    assert losses[0.25] - losses[0.0] == pytest.approx(0.25 * penalty, rel=1e-5)


def test_weights_of_windows_weigh_the_loss(begin, windows):
    training = begin(options={"dropout": 0.0})
    wanted = np.array([[1.0], [0], [1], [0]], np.float32)
    weights = np.array([1, 0, 0.5, 3], np.float32)
    found = keras.ops.convert_to_numpy(training.model(windows, training=True))
    each = -np.log(np.where(wanted > 0, found, 1 - found))[:, 0]
    training.train_step(windows, wanted, weights)
    assert training.loss_sum == pytest.approx((weights * each).sum() / 4, rel=1e-5)


def test_a_model_file_holds_no_optimiser(begin, windows, tmp_path):
    training = begin()
    training.train_step(windows, np.ones((4, 1), np.float32))
    model_files.save(training.model, tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as file, file.open("model.weights.h5") as weights:
        with h5py.File(weights) as opened:
            assert "optimizer" not in opened
    loaded = model_files.load(tmp_path / "m.keras")
    for one, other in zip(loaded.get_weights(), training.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_kept_weights_come_back_in_order_and_in_equal_bytes(tmp_path, rng):
    arrays = [rng.normal(size=(n, 2)).astype(np.float32) for n in range(1, 13)]
    for name in ("one.h5", "two.h5"):
        model_files.save_kept(tmp_path / name, {"epoch_2": arrays[::-1], "best_val_loss": arrays})
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "two.h5").read_bytes()
    for one, other in zip(
        model_files.read_kept(tmp_path / "one.h5", "best_val_loss"), arrays, strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_weights_that_were_not_kept_are_named(tmp_path):
    model_files.save_kept(tmp_path / "k.h5", {"epoch_2": [np.zeros(1)]})
    with pytest.raises(ValueError, match="keeps no weights 'best_loss'; expected one of: epoch_2"):
        model_files.read_kept(tmp_path / "k.h5", "best_loss")
    model_files.save_kept(tmp_path / "none.h5", {})
    with pytest.raises(ValueError, match="'best_loss'; expected one of: none"):
        model_files.read_kept(tmp_path / "none.h5", "best_loss")
    (tmp_path / "k.h5").write_bytes(b"no HDF5")
    with pytest.raises(ValueError, match="k.h5 is damaged"):
        model_files.read_kept(tmp_path / "k.h5", "epoch_2")


CHOOSING = {
    "batch_size": 8, "steps": None, "epochs": 6, "steps_per_epoch": 3,
    "keep": ["best_val_loss", "best_loss"],
    "snapshot_every": 2, "l2": 0.001, "class_weights": "balanced", "optimizer": "rmsprop",
    "early_stopping": PATIENT | {"metric": "val_map_macro", "patience": 3}, "checkpoint_every": 2,
}  # fmt: skip


@pytest.fixture
def train(tiny_shard, targets_path, settings):
    """Train a member with all that chooses epochs, in this process."""

    def train(folder, path=targets_path, member="f1p0s1", training=None, **changed):
        schedule = {"kind": "cosine", "warmup_epochs": 1}
        chosen = settings | {
            "training": settings["training"] | CHOOSING | {"schedule": schedule} | (training or {}),
            "augmentation": settings["augmentation"] | {"mixup": 0.4}, "validation": "next",
            "pooling": "mean",
        } | changed  # fmt: skip
        loop.train_member(
            member, "first", path, {"tiny": [str(tiny_shard[0])]}, chosen, {"script": "0"},
            folder / f"{member}.keras", folder / "h.csv", folder / f"{member}.kept.h5",
        )  # fmt: skip
        return artefacts.read_table(folder / "h.csv")

    return train


@pytest.fixture(scope="module")
def choosing_reference(tmp_path_factory):
    return tmp_path_factory.mktemp("choosing")


class Killed(Exception):
    """What ends a training at a place of the test's choice."""


def killed_at(monkeypatch, name, call):
    """End the training at some call of a function of `checkpoints`."""
    original, calls = getattr(checkpoints, name), []

    def counted(*arguments):
        calls.append(1)
        if len(calls) == call:
            raise Killed
        return original(*arguments)

    monkeypatch.setattr(checkpoints, name, counted)


@pytest.mark.parametrize(
    ("name", "call"),
    # save: of an epoch's weights or of a checkpoint; remove_epochs: after a checkpoint
    [
        ("save", 2),
        pytest.param("save", 5, marks=pytest.mark.slow),
        pytest.param("remove_epochs", 2, marks=pytest.mark.slow),
        pytest.param("Epochs", 1, marks=pytest.mark.slow),
        ("remove", 1),
    ],
)
def test_a_training_that_chooses_epochs_goes_on_to_the_same_bytes(
    name, call, tmp_path, choosing_reference, train, monkeypatch
):
    if not (choosing_reference / "h.csv").exists():
        train(choosing_reference)
    with monkeypatch.context() as patched:
        killed_at(patched, name, call)
        with pytest.raises(Killed):
            train(tmp_path)
    assert list(tmp_path.glob("*.checkpoint.npz"))
    for output in ("f1p0s1.keras", "h.csv", "f1p0s1.kept.h5"):  # as Snakemake does
        (tmp_path / output).unlink(missing_ok=True)
    train(tmp_path)
    assert made(tmp_path) == made(choosing_reference)


@pytest.mark.parametrize("steps", [1, *(pytest.param(n, marks=pytest.mark.slow) for n in (5, 9))])
def test_stopped_within_an_epoch_it_goes_on_to_the_same_bytes(
    steps, tmp_path, choosing_reference, train, monkeypatch
):
    if not (choosing_reference / "h.csv").exists():
        train(choosing_reference)
    taken = itertools.count(1)

    @contextlib.contextmanager
    def heeded():
        yield lambda: next(taken) == steps

    with monkeypatch.context() as patched:
        patched.setattr(run, "catch_signals", heeded)
        with pytest.raises(run.Stopped):
            train(tmp_path)
    train(tmp_path)
    assert made(tmp_path) == made(choosing_reference)


def test_kept_weights_that_are_gone_let_the_training_start_anew(
    tmp_path, choosing_reference, train, monkeypatch
):
    if not (choosing_reference / "h.csv").exists():
        train(choosing_reference)
    with monkeypatch.context() as patched:
        killed_at(patched, "remove_epochs", 2)
        with pytest.raises(Killed):
            train(tmp_path)
    for path in tmp_path.glob("*.epoch_*.checkpoint.npz"):
        path.unlink()
    train(tmp_path)
    assert made(tmp_path) == made(choosing_reference)


def test_a_window_has_one_weight_for_all_of_its_frames(defaults):
    keras.utils.set_random_seed(1)
    settings = defaults["experiments"]["demo"]["stages"]["first"]["training"] | ALONE
    options = {"filters": [2, 2, 2], "units": [2], "dropout": 0.0, "input_dropout": 0.0}
    model = zoo.build("crnn", (6, 64), 2, "frame", **options)
    training = steps.Training(model, settings | {"l2": 0.0}, (1, "first", "f1p0s1"))
    rng = np.random.default_rng(4)
    windows = rng.normal(size=(6, 6, 64)).astype(np.float32)  # as many windows as frames
    wanted = rng.integers(0, 2, (6, 6, 2)).astype(np.float32)
    weights = np.array([0, 0, 1, 2, 3, 6], np.float32)
    before = np.clip(keras.ops.convert_to_numpy(model(windows, training=True)), 1e-7, 1 - 1e-7)
    training.train_step(windows, wanted, weights)
    losses = -(wanted * np.log(before) + (1 - wanted) * np.log(1 - before)).mean(axis=(1, 2))
    assert training.loss_sum == pytest.approx((losses * weights).mean(), rel=1e-4)


def test_kept_weights_are_those_of_the_epochs_that_the_history_names(tmp_path, train):
    rows = train(
        tmp_path,
        training={"early_stopping": PATIENT},
    )
    assert [row["rate"] for row in rows][:2] == ["0.0005", "0.001"]
    losses = [float(row["val_loss"]) for row in rows]
    best = model_files.read_kept(tmp_path / "f1p0s1.kept.h5", "best_val_loss")
    last = model_files.load(tmp_path / "f1p0s1.keras").get_weights()
    for epoch in (2, 4, 6):
        kept = model_files.read_kept(tmp_path / "f1p0s1.kept.h5", f"epoch_{epoch}")
        is_best = all(map(np.array_equal, kept, best))
        assert is_best == (losses.index(min(losses)) + 1 == epoch)
        assert all(map(np.array_equal, kept, last)) == (epoch == 6)


def test_early_stopping_ends_a_training_that_gets_no_better(tmp_path, train):
    stopping = {"metric": "val_loss", "patience": 2, "min_delta": 0.0, "from_epoch": 1}
    # at this rate only the running statistics of the bands move, and they settle
    slow = {"learning_rate": 1e-30, "optimizer": "sgd", "epochs": 60, "early_stopping": stopping}
    losses = [float(row["val_loss"]) for row in train(tmp_path, training=slow)]
    assert len(losses) < 60
    assert len(losses) == losses.index(min(losses)) + 1 + 2


def test_a_metric_that_is_never_a_number_keeps_nothing_with_a_warning(
    tmp_path, train, monkeypatch, caplog
):
    monkeypatch.setattr(logs.LOG, "propagate", True)
    unknown = dict.fromkeys(validation.EPOCH_METRICS, float("nan"))
    named = {f"val_{name}": value for name, value in unknown.items()}
    monkeypatch.setattr(validation.Validation, "measure", lambda *_: named)
    with caplog.at_level("INFO"):
        train(tmp_path, training={"epochs": 1})
    assert "no weights are kept as best_val_loss: it was a number in no epoch" in caplog.text
    assert "kept as best_loss" not in caplog.text
    with pytest.raises(
        ValueError, match="keeps no weights 'best_val_loss'; .*: best_loss .*number"
    ):
        model_files.read_kept(tmp_path / "f1p0s1.kept.h5", "best_val_loss")


def test_without_recordings_to_validate_no_epoch_can_be_chosen(tmp_path, tiny_shard, train):
    path = tmp_path / "targets.parquet"
    rows = [("tiny", name, 1 + (i > 0), 0, i % 2) for i, name in enumerate(tiny_shard[1])]
    write_targets(path, ["bird"], rows)
    with pytest.raises(ValueError, match="f3p0s1 has no recording to validate on; .*best_val_loss"):
        train(tmp_path, path, member="f3p0s1", validation="own")
    plain = {"keep": [], "early_stopping": PATIENT, "epochs": 1}
    (row,) = train(tmp_path, path, member="f3p0s1", training=plain, validation="own")
    assert {row[name] for name in loop.HISTORY if name.startswith("val_")} == {"nan"}
