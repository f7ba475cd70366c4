"""Whether a training learnt: what tells it, what becomes of it, and who is told."""

import logging

import numpy as np
import pytest
from stage_settings import ALONE, FRAMELESS
from target_rows import write_targets

from dawnchorus.runtime import artefacts, backend

backend.start({"name": "tensorflow", "threads": 1, "deterministic": True})

import keras  # noqa: E402

from dawnchorus.metrics import roc  # noqa: E402
from dawnchorus.models import model_files  # noqa: E402
from dawnchorus.scores import inference, score_files  # noqa: E402
from dawnchorus.targets import targets_table  # noqa: E402
from dawnchorus.training import checkpoints, learning, loop  # noqa: E402

STUCK = {"learning_rate": 1e-12}  # the weights stay what they were drawn as


@pytest.fixture(scope="module")
def targets_path(tmp_path_factory, tiny_shard):
    _, ids = tiny_shard
    path = tmp_path_factory.mktemp("targets") / "targets.parquet"
    rows = [("tiny", name, 1 + i // 2 % 2, 0, i % 2) for i, name in enumerate(ids[:16])]
    return write_targets(path, ["bird"], rows)


@pytest.fixture
def train(tmp_path, tiny_shard, targets_path, defaults):
    """Train a member in this process, and return the last row of its history and what is judged."""

    def train(member="f1p0s1", path=targets_path, untaught=None, **training):
        first = defaults["experiments"]["demo"]["stages"]["first"]
        chosen = {"batch_size": 8, "epochs": 2, "steps_per_epoch": 2, "target_range": [0.01, 0.99]}
        settings = FRAMELESS | {
            "seed": 7, "window": 170, "augmentation": first["augmentation"],
            "model": {"name": "bulbul", "filters": [4, 4, 4, 4], "dense": [8, 4]},
            "segments": first["segments"], "pooling": "mean", "validation": "own",
            "training": first["training"] | ALONE | chosen | training, "teachers": [],
            "temperature": None, "untaught": untaught,
            "backend": {"name": "tensorflow", "threads": 1, "deterministic": True},
        }  # fmt: skip
        loop.train_member(
            member, "first", path, {"tiny": [str(tiny_shard[0])]}, settings, {},
            tmp_path / f"{member}.keras", tmp_path / f"{member}.csv", tmp_path / f"{member}.h5",
        )  # fmt: skip
        about = model_files.read_learning(tmp_path / f"{member}.h5")
        rows = artefacts.read_table(tmp_path / f"{member}.csv")
        return rows[-1] if rows else None, about

    return train


def test_the_losses_are_those_of_keras():
    rng = np.random.default_rng(3)
    targets, scores = rng.uniform(size=(2, 6, 4))
    for is_softmax, theirs in (
        (False, keras.losses.binary_crossentropy),
        (True, keras.losses.categorical_crossentropy),
    ):
        expected = np.asarray(theirs(targets, scores))
        np.testing.assert_allclose(
            learning.losses(targets, scores, is_softmax), expected, rtol=1e-5
        )


@pytest.mark.parametrize("is_softmax", [False, True])
def test_no_constant_scores_beat_the_class_prior(is_softmax):
    rng = np.random.default_rng(4)
    targets = 0.01 + 0.98 * np.eye(3)[rng.choice(3, 50, p=[0.6, 0.3, 0.1])]
    weights = rng.uniform(0.5, 2, 50)
    prior, least = learning.prior_loss(targets, weights, is_softmax)
    tried = [
        (weights * learning.losses(targets, np.tile(one, (50, 1)), is_softmax)).mean()
        for one in rng.dirichlet(np.ones(3), 500)
    ]
    assert least < prior <= min(tried)
    assert min(tried) - prior < 0.02


def test_half_and_half_with_smoothed_labels_has_the_entropy_of_a_coin():
    targets = np.tile([[0.01], [0.99]], (5, 1))
    prior, least = learning.prior_loss(targets, np.ones(10), False)
    assert prior == pytest.approx(np.log(2))
    assert least == pytest.approx(-(0.01 * np.log(0.01) + 0.99 * np.log(0.99)))


class Examples:
    """Batches of eight windows that are their own labels."""

    def __init__(self, targets):
        self.targets, self.size, self.steps = targets, 8, len(targets) // 8

    def empty(self):
        return np.empty((8, 1, self.targets.shape[1]), np.float32)

    def fill(self, out, epoch, step):
        own = self.targets[8 * step : 8 * step + 8]
        out[:] = own[:, None]
        return 0.01 + 0.98 * own, None


class Scorer:
    """A training whose scores are a function of the labels, as a model and as a validation."""

    key = (1, "first", "f1p0s1")

    def __init__(self, scored, n_held=0, held=None, loss=0.6):
        self.scored, self.result, self.history = scored, self, [{"loss": loss}]
        self.targets = np.arange(n_held)[:, None] % 2
        self._held = held

    def predict_on_batch(self, windows):
        return self.scored(windows[:, 0]).astype(np.float32)

    def scores(self, _):
        return self._held


def judged(scorer, n_classes=1, loss="binary_crossentropy", keep=()):
    classes = np.arange(64) % (n_classes if n_classes > 1 else 2)
    targets = np.eye(n_classes)[classes] if n_classes > 1 else classes[:, None]
    settings = {"loss": loss, "keep": list(keep)}
    return learning.judge(scorer, Examples(targets.astype(float)), None, scorer, settings)


@pytest.mark.parametrize(
    ("scored", "is_learnt"),
    [
        (lambda t: 0.1 + 0.8 * t, True),
        (lambda t: 0.5 + 0.0 * t, False),  # one number
        (lambda t: 0.5 + 0.01 * (t - 0.5), False),  # at the loss of chance, 0.683
        (lambda t: 0.999 - 0.1 * (1 - t), True),  # a greater loss than the prior, but informed
        (lambda t: 0.9 - 0.8 * t, False),  # the wrong way round
        (lambda t: np.where(t > 0, np.nan, 0.1), False),
    ],
)
def test_what_is_learnt_is_told_by_the_prior_and_by_shuffled_targets(scored, is_learnt):
    found = judged(Scorer(scored))
    assert found["learnt"] is is_learnt, found
    assert bool(found["reasons"]) is not is_learnt
    assert found["loss_prior"] == pytest.approx(np.log(2), abs=1e-6)


def test_an_epoch_whose_weights_are_kept_counts_by_its_loss():
    stuck = Scorer(lambda t: 0.5 + 0.001 * t, loss=0.3)
    assert not judged(stuck)["learnt"]
    assert judged(stuck, keep=["best_val_loss"])["learnt"]


def test_a_softmax_that_names_one_class_did_not_learn():
    def scored(targets):
        return np.full(targets.shape, 0.2) + 0.05 * targets + [[0.2, 0, 0, 0]]

    found = judged(Scorer(scored), 4, "categorical_crossentropy")
    assert "it names one class for all training windows" in found["reasons"]


@pytest.mark.parametrize(("informed", "at_chance"), [(0, True), (1, False)])
def test_validation_at_chance_is_told_and_decides_nothing(informed, at_chance):
    held = 0.5 + 0.1 * informed * (np.arange(40)[:, None] % 2)
    found = judged(Scorer(lambda t: 0.1 + 0.8 * t, 40, held))
    assert found["learnt"]
    assert found["validation"]["at_chance"] is at_chance
    # Mann and Whitney (1947): the deviation of the AUROC of 20 and 20 without ties
    assert found["validation"]["margin"] == pytest.approx(
        1.6449 * np.sqrt(41 / (12 * 400)), rel=1e-4
    )


def test_the_auroc_is_that_of_the_report():
    rng = np.random.default_rng(6)
    is_present, scores = rng.random(50) < 0.4, rng.integers(0, 9, 50) / 8
    expected = roc.auroc(is_present.astype(int), scores)
    assert learning.auroc(is_present, scores) == pytest.approx(expected, abs=1e-12)


def test_a_small_validation_says_nothing():
    found = judged(Scorer(lambda t: 0.1 + 0.8 * t, 6, np.full((6, 1), 0.5)))
    assert found["validation"]["at_chance"] is None


def test_a_stuck_training_is_repeated_twice_from_other_seeds_and_left_out(
    train, tmp_path, monkeypatch
):
    judged, original = [], learning.judge

    def judge(training, *arguments):
        judged.append((training.key, training.arrays()[0].ravel().tolist()))
        return original(training, *arguments)

    monkeypatch.setattr(learning, "judge", judge)
    row, about = train(**STUCK)
    assert [key for key, _ in judged] == [
        (7, "first", "f1p0s1"),
        (7, "first", "f1p0s1", "attempt 1"),
        (7, "first", "f1p0s1", "attempt 2"),
    ]
    assert len({tuple(weights) for _, weights in judged}) == 3
    assert (row["learnt"], row["attempts"]) == ("0", "3")
    assert (about["learnt"], about["left_out"], about["attempts"]) == (False, True, 3)
    assert "by the class prior" in about["reasons"][0]
    assert not list(tmp_path.glob("*.checkpoint.npz"))


@pytest.mark.parametrize(("untrained", "is_left_out"), [("leave_out", True), ("keep", False)])
def test_by_setting_a_stuck_training_is_warned_of_early_and_not_repeated(
    train, untrained, is_left_out, caplog, monkeypatch, tmp_path
):
    monkeypatch.setattr(logging.getLogger("dawnchorus"), "propagate", True)
    with caplog.at_level(logging.INFO, logger="dawnchorus"):
        row, about = train(untrained=untrained, steps=10, epochs=None, **STUCK)
    assert (row["attempts"], about["learnt"]) == ("1", False)
    assert about["left_out"] is is_left_out
    warned = "f1p0s1 has learnt nothing in its first 3 of 5 epochs (6 steps): its loss is"
    assert warned in caplog.text
    rows = artefacts.read_table(tmp_path / "f1p0s1.csv")
    assert [row["learnt"] for row in rows] == ["nan", "nan", "0", "nan", "0"]


def test_targets_of_one_class_cannot_be_learnt():
    found = learning.judge(
        Scorer(lambda t: 0.9 * t), Examples(np.ones((64, 1))), None, Scorer(None),
        {"loss": "binary_crossentropy", "keep": []},
    )  # fmt: skip
    assert (found["learnt"], found["can_learn"]) == (False, False)
    assert found["reasons"][0] == "all its training windows have the same targets"


@pytest.mark.slow  # four trainings
def test_a_retraining_that_is_killed_goes_on_to_the_same_bytes(train, tmp_path, monkeypatch):
    monkeypatch.setattr(learning, "RETRAININGS", 1)
    train(**STUCK)
    expected = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    for path in tmp_path.iterdir():
        if path.is_file():
            path.unlink()
    original, saved = checkpoints.save, []

    def save(path, *arguments):
        original(path, *arguments)
        saved.append(path)
        if len(saved) == 4:  # two epochs and the end of the first attempt, an epoch of the second
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoints, "save", save)
    with pytest.raises(KeyboardInterrupt):
        train(**STUCK)
    assert len(set(saved)) == 2
    monkeypatch.setattr(checkpoints, "save", original)
    resumed, resume = [], loop.resume
    monkeypatch.setattr(
        loop, "resume", lambda *a: (resume(*a), resumed.append(a[0].epoch)) and None
    )
    train(**STUCK)
    assert resumed == [2, 1]
    found = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert found == expected


def save_members(folder, learnt):
    model = keras.Sequential(
        [keras.Input((170, 20)), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    paths = {}
    for name, is_learnt in learnt.items():
        paths[name] = {"model": str(folder / f"{name}.keras"), "kept": str(folder / f"{name}.h5")}
        model_files.save(model, paths[name]["model"])
        model_files.save_kept(
            paths[name]["kept"], {}, {"learnt": is_learnt, "left_out": not is_learnt}
        )
    return paths


def test_no_score_is_made_by_a_model_that_is_left_out(tmp_path, tiny_shard, targets_path, defaults):
    first = defaults["experiments"]["demo"]["stages"]["first"]
    settings = {
        "segments": first["segments"], "window": 170, "batch_size": 8, "use": "last",
    }  # fmt: skip
    targets, shards = targets_table.read(targets_path), [str(tiny_shard[0])]

    def predict(learnt):
        paths = save_members(tmp_path, learnt)
        inference.predict_stage(paths, targets, "tiny", shards, settings, tmp_path / "s.h5")

    predict({"f1p0s1": True, "f1p0s2": False, "f2p0s1": True})
    with score_files.open_windows(tmp_path / "s.h5") as found:
        assert found.members == ["f1p0s1", "f2p0s1"]
        assert [name for name, one in found.learning.items() if not one["learnt"]] == ["f1p0s2"]
    # out of fold, recordings of the second fold would have no score
    with pytest.raises(ValueError, match="1 of 2 models did not learn .*f2p0s1.*untrained: keep"):
        predict({"f1p0s1": True, "f2p0s1": False})
    with pytest.raises(ValueError, match="2 of 2 models did not learn"):
        predict({"f1p0s1": False, "f2p0s1": False})


@pytest.mark.parametrize(
    ("pseudo", "why"),
    [([], "no recording got a pseudo-label"), ([0.9, 0.8], "all 2 pseudo-labels are of one class")],
)
def test_a_stage_without_pseudo_labels_ends(
    train, tmp_path, tiny_shard, defaults, monkeypatch, pseudo, why
):
    names = tiny_shard[1]
    rows = [("tiny", name, 1 + i // 2 % 2, 0, i % 2) for i, name in enumerate(names[:8])]
    rows += [("tiny", name, 0, 1, value) for name, value in zip(names[8:], pseudo, strict=False)]
    path = write_targets(tmp_path / "pseudo.parquet", ["bird"], rows)
    monkeypatch.setattr(loop, "train_epochs", None)  # nothing is trained
    train("f1p1s1", path, untaught="end")
    paths = {
        "f1p1s1": {"model": tmp_path / "f1p1s1.keras", "kept": tmp_path / "f1p1s1.h5"},
    }  # fmt: skip
    assert why in model_files.read_learning(paths["f1p1s1"]["kept"])["ended"]
    first = defaults["experiments"]["demo"]["stages"]["first"]
    settings = {"segments": first["segments"], "window": 170, "batch_size": 8, "use": "last"}
    targets = targets_table.read(path)
    inference.predict_stage(paths, targets, "tiny", [str(tiny_shard[0])], settings, tmp_path / "s")
    with score_files.open_windows(tmp_path / "s") as found:
        assert not found.members
        assert why in found.learning["f1p1s1"]["ended"]


def test_pseudo_labels_of_two_classes_end_no_stage(tmp_path):
    rows = [("tiny", "a", 1, 0, 1), ("tiny", "b", 0, 1, 0.1), ("tiny", "c", 0, 2, 0.9)]
    path = write_targets(tmp_path / "pseudo.parquet", ["bird"], rows)
    assert not targets_table.read(path).lacking()
