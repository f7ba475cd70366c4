"""Baselines of recordings: against scikit-learn by hand, and beside the models in the report."""

from types import SimpleNamespace

import audio_shards
import numpy as np
import pytest
import tiny
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler
from test_evaluation import SPECIES, Experiment

from dawnchorus.corpora.tables import LABELS, write_rows
from dawnchorus.evaluation import band_statistics, baseline_scores, clip_scores
from dawnchorus.evaluation.clip_baselines import band_rise, chance, logistic_regression, majority
from dawnchorus.frontends import shard_reader
from dawnchorus.plan.baseline_rules import BaselineRules
from dawnchorus.plan.jobs import jobs
from dawnchorus.runtime import artefacts
from dawnchorus.scores import baseline_files
from dawnchorus.settings.load import load
from dawnchorus.targets.ground_truth import read_test_set, read_training_set

ALL = ["logistic_regression", "band_rise", "majority", "chance"]
N, HELD = 24, 9  # training and test recordings
SETTINGS = {
    "baselines": ALL, "train": ["home"], "classes": None, "seed": 3, "count": 3, "ignored_classes": [],
    "most_work": 1e9,
}  # fmt: skip


def labels_of(kind, i):
    """Labels of a recording: of two species one each, any number of them, or a bird or none."""
    species = ("owl", "rail", "wren")
    return {
        "single": species[i % 3],
        "several": ";".join(name for bit, name in enumerate(species) if i >> bit & 1),
        "presence": "bird" if i % 2 else "",
    }[kind]


@pytest.fixture(scope="module")
def shards(tmp_path_factory, tiny_frontend):
    """Spectrograms of noise, in two shards of a training corpus and one of a test corpus."""
    folder, rng = tmp_path_factory.mktemp("shards"), np.random.default_rng(4)
    tiny_frontend = tiny_frontend | {"denoise": "none"}

    def written(name, numbers):
        found = {
            f"r{i:02d}": [(1 + i % 3) * audio_shards.noise(rng, 1700 + 90 * i)] for i in numbers
        }
        return str(audio_shards.written(folder / name, found, tiny_frontend))

    home = [written("home0", range(0, N, 2)), written("home1", range(1, N, 2))]
    return {"home": home, "field": [written("field", range(HELD))]}


@pytest.fixture
def fitted(shards, tmp_path):
    """Return what fits baselines for a kind of labels, and returns all that there is to compare."""

    def fit(kind, **changes):
        rows = [
            [{"id": f"r{i:02d}", "labelled": 1, "labels": labels_of(kind, i)}.get(c, "") for c in LABELS]
            for i in range(N)
        ]  # fmt: skip
        write_rows(tmp_path / "labels.csv", LABELS, rows)
        folds = [("home", f"r{i:02d}", i % 3 + 1 if i < 20 else 4) for i in range(N)]
        artefacts.write_table(tmp_path / "folds.csv", ("corpus", "id", "fold"), folds)
        path, settings = tmp_path / "baselines.h5", SETTINGS | changes
        labels = {"home": tmp_path / "labels.csv"}
        baseline_scores.fit_baselines(shards, tmp_path / "folds.csv", labels, settings, path)
        names = sorted({name for i in range(N) for name in labels_of(kind, i).split(";")} - {""})
        found = baseline_files.read_baselines(path, settings["baselines"])
        assert found.class_names == names
        targets = np.array([[n in labels_of(kind, i).split(";") for n in names] for i in range(N)])
        return found, targets.astype(int), np.array([fold for *_, fold in folds])

    return fit


def by_hand(shards):
    """Statistics of the training and the test recordings, written down once more."""
    tables = []
    for paths, n in ((shards["home"], N), (shards["field"], HELD)):
        reader = shard_reader.open_shards(paths)
        rows = []
        for i in range(n):
            frames = np.array(reader.frames(f"r{i:02d}"), dtype=float)
            row = []
            for band in frames.T:
                low, middle, high = np.percentile(band, [10, 50, 90])
                row += [band.mean(), band.std(), low, middle, high, band.max() - band.mean()]
            rows.append(row)
        tables.append(np.array(rows))
    return tables


@pytest.mark.parametrize("kind", ["single", "several", "presence"])
def test_logistic_regression_equals_a_script_with_scikit_learn(fitted, shards, kind):
    found, targets, fold = fitted(kind)
    home, field = by_hand(shards)
    expected = np.full((N, targets.shape[1]), np.nan)
    tested = []
    for number in (1, 2, 3):
        train = fold != number
        scaler = StandardScaler().fit(home[train])

        def predict(model, labels, rows, scaler=scaler, train=train):
            model.fit(scaler.transform(home[train]), labels[train])
            return model.predict_proba(scaler.transform(rows))

        def model():
            return LogisticRegression(C=0.01, max_iter=300)

        for rows, target in ((home, expected), (field, None)):
            if kind == "single":
                scores = predict(model(), targets.argmax(axis=1), rows)
            else:
                scores = np.stack([predict(model(), y, rows)[:, 1] for y in targets.T], axis=1)
            if target is None:
                tested.append(scores)
            else:
                target[fold == number] = scores[fold == number]
    ids, scores = found.scores["logistic_regression"]["home"]
    assert ids == [f"r{i:02d}" for i in range(20)]  # fold 4 has no member, so no score
    np.testing.assert_allclose(scores, expected[:20], atol=1e-4)
    ids, scores = found.scores["logistic_regression"]["field"]
    assert ids == [f"r{i:02d}" for i in range(HELD)]
    np.testing.assert_allclose(scores, np.mean(tested, axis=0), atol=1e-4)


def test_band_rise_is_the_largest_rise_of_a_band_and_needs_one_class(fitted, shards):
    found, *_ = fitted("presence")
    scores = found.scores["band_rise"]["field"][1][:, 0]
    rise = by_hand(shards)[1].reshape(HELD, -1, 6)[:, :, 5].max(axis=1)
    np.testing.assert_allclose(scores / (1 - scores), rise, rtol=1e-4)
    found, *_ = fitted("single")
    assert "band_rise" not in found.scores
    assert found.about == {"band_rise": "left out: it says nothing of more than 1 class"}


def test_majority_is_the_share_in_the_other_folds_and_chance_is_drawn(fitted):
    found, targets, fold = fitted("several")
    expected = np.stack([targets[fold != number].mean(axis=0) for number in fold[:20]])
    np.testing.assert_allclose(found.scores["majority"]["home"][1], expected, rtol=1e-6)
    drawn = found.scores["chance"]["home"][1]
    assert len(np.unique(drawn)) == drawn.size
    again = fitted("several", baselines=["chance"])[0].scores["chance"]["home"][1]
    np.testing.assert_array_equal(again, drawn)  # it does not depend on the other baselines
    other = fitted("several", seed=4)[0].scores["chance"]["home"][1]
    assert not np.array_equal(other, drawn)


def test_an_experiment_without_a_test_has_baselines_out_of_fold(fitted, shards, monkeypatch):
    monkeypatch.delitem(shards, "field")
    found, *_ = fitted("presence")
    assert {name: list(own) for name, own in found.scores.items()} == {n: ["home"] for n in ALL}


def test_ignored_classes_have_the_lowest_score_of_each_recording(fitted):
    scores = fitted("single", ignored_classes=["rail"])[0].scores["majority"]["field"][1]
    np.testing.assert_array_equal(scores[:, 1], scores.min(axis=1))


def test_equal_work_gives_equal_bytes_and_shards_do_not_matter(fitted, shards, tmp_path):
    fitted("single")
    first = (tmp_path / "baselines.h5").read_bytes()
    shards["home"].reverse()
    fitted("single")
    assert (tmp_path / "baselines.h5").read_bytes() == first


def test_a_class_that_no_training_recording_of_a_fold_has_gets_0():
    rng = np.random.default_rng(1)
    statistics = rng.normal(size=(9, 2, 6))
    single = np.eye(3, dtype=int)[[0, 1] * 4 + [0]]
    scores = logistic_regression.fit(statistics, single, rng)(statistics)
    np.testing.assert_array_equal(scores[:, 2], 0)
    np.testing.assert_allclose(scores.sum(axis=1), 1)
    none = np.zeros((9, 2), int)
    none[:4, 0] = 1
    np.testing.assert_array_equal(
        logistic_regression.fit(statistics, none, rng)(statistics)[:, 1], 0
    )


def test_every_baseline_gives_scores_between_0_and_1():
    rng = np.random.default_rng(2)
    statistics, targets = rng.normal(scale=50, size=(12, 4, 6)), np.arange(12)[:, None] % 2
    statistics[:, :, 5] = abs(statistics[:, :, 5])
    for module in (band_rise, chance, logistic_regression, majority):
        scores = module.fit(statistics, targets, rng)(statistics)
        assert scores.shape == (12, 1)
        assert 0 <= scores.min() <= scores.max() <= 1


def test_of_too_many_recordings_each_class_has_equally_many():
    targets = np.zeros((100, 3), int)
    targets[:80, 0] = targets[80:95, 1] = 1  # five have no class, and none has the third
    rows = baseline_scores.chosen_rows(targets, 30, np.random.default_rng(1))
    assert len(set(rows.tolist())) == 30
    assert targets[rows].sum(axis=0).tolist() in ([13, 12, 0], [12, 13, 0])
    every = baseline_scores.chosen_rows(targets, 100, np.random.default_rng(1))
    assert every.tolist() == list(range(100))


def test_a_part_of_the_recordings_is_said(fitted, monkeypatch):
    # by name, as the work does
    monkeypatch.setattr(logistic_regression, "MOST_WORK", 10.0)
    assert fitted("presence")[0].about["logistic_regression"].startswith("fitted on 4 of ")


def test_what_a_short_training_leaves_for_baselines_is_a_limit(fitted):
    about = fitted("presence", most_work=10.0)[0].about
    assert about["logistic_regression"].startswith("fitted on 4 of ")


def test_baselines_may_take_a_twentieth_of_the_trainings():
    def most_work(**training):
        found = load(tiny.ROOT / "config.yaml", [], {})
        chosen = found["experiments"]["demo"]
        for stage in chosen["stages"].values():
            stage["training"] |= training
        about = SimpleNamespace(
            experiment=lambda wildcards: chosen,
            stage=lambda wildcards: chosen["stages"][wildcards.stage],
        )
        return BaselineRules(about).most_work(SimpleNamespace(experiment="demo"))

    frames_s = 3.2e-6 * load(tiny.ROOT / "config.yaml", [], {})["experiments"]["demo"]["window"]
    few, many = (most_work(epochs=None, steps=n, batch_size=32) for n in (10, 10000))
    for n, found in ((10, few), (10000, many)):
        # two stages; a product takes 4e-8 s, and a training begins after eight seconds
        most = 0.05 * 2 * (8 + n * 32 * frames_s) / 4e-8
        assert most / 2 < found <= most
    assert few < many


def test_pictures_count_as_their_columns(monkeypatch):
    images = np.random.default_rng(3).integers(0, 255, (2, 5, 7)).astype(np.uint8)  # (n, F, T)

    class Pictures:
        layout, ids = "chunks", ["a"]

        def images(self, name):
            return images

    monkeypatch.setattr(shard_reader, "open_shards", lambda paths: Pictures())
    ids, found = band_statistics.read_statistics(["one"])
    assert (ids, found.shape) == (["a"], (1, 5, 6))
    for band in range(5):
        own = images[:, band].astype(float).ravel()
        assert found[0, band, 0] == pytest.approx(own.mean())
        assert found[0, band, 5] == pytest.approx(own.max() - own.mean())


def test_silence_without_a_floor_has_finite_statistics():
    found = band_statistics.band_statistics(np.full((3, 2), -np.inf, np.float32))
    assert np.isfinite(found).all()


# the report


class Beside(Experiment):
    """An experiment with baselines of which it is known how good they are."""

    def write(self, **quality):
        """Write a baseline per name; its scores are noise and a share of the truth."""
        rng, self.settings["baselines"] = np.random.default_rng(5), list(quality)
        names = [(corpus, name) for corpus, own in self.truth.items() for name in own]
        truth = np.array([self.truth[corpus][name] for corpus, name in names])
        scores = {
            name: np.clip(rng.normal(0.4 + share * truth, 0.15), 0, 1)
            for name, share in quality.items()
        }
        path = self.folder / "baselines.h5"
        about = {"weak": "fitted on 3 of 9 training recordings"}
        baseline_files.write_baselines(path, names, scores, self.class_names, about)
        return path


def evaluated(experiment, **quality):
    """Evaluate an experiment beside baselines; return its metrics, its summary and their file."""
    experiment.baselines_path = experiment.write(**quality)
    found, text = experiment.run()
    path = experiment.baselines_path
    return found, text, baseline_files.read_baselines(path, experiment.settings["baselines"])


def test_the_best_baseline_is_that_of_the_highest_auroc_out_of_fold(tmp_path):
    experiment = Beside(tmp_path)
    found, text, known = evaluated(experiment, weak=0.02, strong=0.5)
    simple = found["baselines"]
    assert simple["best"] == "strong"
    _, scores = known.scores["strong"]["alpha"]
    targets = np.array(list(experiment.truth["alpha"].values()))
    auroc = simple["scores"]["strong"]["out_of_fold"]["auroc"]
    assert auroc == pytest.approx(roc_auc_score(targets, scores), abs=1e-12)
    assert simple["about"] == {"weak": "fitted on 3 of 9 training recordings"}
    assert "weak: fitted on 3 of 9 training recordings\n" in text
    lines = [line.split()[:2] for line in text.splitlines()]
    assert ["strong", "field"] in lines  # the best stays where the screen is full
    # tested recordings choose nothing
    for row in experiment.truth["field"].values():
        row[0] = 1 - row[0]
    turned = Beside(tmp_path)
    turned.truth["field"] = experiment.truth["field"]
    assert evaluated(turned, weak=0.02, strong=0.5)[0]["baselines"]["best"] == "strong"


def test_differences_to_the_best_baseline_are_paired(tmp_path):
    experiment = Beside(tmp_path)
    found, _, known = evaluated(experiment, strong=0.5)
    truth, _ = read_test_set(
        "field", experiment.labels, experiment.verdicts, experiment.class_names, "group"
    )
    _, second = known.scores["strong"]["field"], experiment.arrays("all", "field")[2]
    expected = clip_scores.difference(
        truth, known.scores["strong"]["field"][1], second, experiment.settings
    )
    pair = next(p for p in found["baselines"]["comparisons"] if p["second"] == "all")
    assert pair["first"] == "strong"
    assert {key: pair["test"]["field"][key] for key in expected} == pytest.approx(expected)
    assert pair["test"]["field"]["transductive"] is True
    training, _ = read_training_set(
        experiment.labels, tmp_path / "folds.csv", experiment.class_names, {"by": "group", "count": 2}
    )  # fmt: skip
    out_of_fold = clip_scores.difference(
        training, known.scores["strong"]["alpha"][1], experiment.arrays("all", "alpha")[2],
        experiment.settings,
    )  # fmt: skip
    assert {key: pair["out_of_fold"][key] for key in out_of_fold} == pytest.approx(out_of_fold)


def test_a_sentence_says_that_an_ensemble_does_not_beat_a_baseline(tmp_path):
    found, text, _ = evaluated(Beside(tmp_path), strong=0.9)
    sentences = found["baselines"]["not_beaten"]
    assert len(sentences) == 3
    assert sentences[0].startswith("one does not beat strong on field: AUROC -")
    assert sentences[0] in text
    found, text, _ = evaluated(Beside(tmp_path), weak=-0.5)
    assert found["baselines"]["not_beaten"] == []
    assert "does not beat" not in text


def test_of_several_classes_top_1_is_compared_too(tmp_path):
    experiment = Beside(tmp_path, class_names=SPECIES)
    experiment.add_corpus("alpha", 30, labels={i: SPECIES[i % 7 % 4] for i in range(30)})
    found, text, _ = evaluated(experiment, logistic_regression=0.9)
    pair = found["baselines"]["comparisons"][0]
    assert set(pair["test"]["field"]["identification"]) == {"top1_accuracy"}
    assert ", top-1 " in found["baselines"]["not_beaten"][0]
    assert "one does not beat logistic regression on field" in text


def test_without_held_out_recordings_the_first_baseline_is_the_best(tmp_path):
    experiment = Beside(tmp_path)
    experiment.fold = dict.fromkeys(experiment.fold, 3)
    found, *_ = evaluated(experiment, weak=0.0, strong=0.5)
    assert found["baselines"]["best"] == "weak"


# the config


def test_an_unknown_baseline_is_refused_by_name(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("experiments: {mine: {like: demo, baselines: [random]}}\n")
    with pytest.raises(ValueError, match=r"mine\.baselines: 'random'.*chance"):
        load(tiny.ROOT / "config.yaml", [str(path)], {})


def test_no_baselines_are_no_job(tmp_path):
    settings = tiny.config()
    settings["experiments"]["one"]["baselines"] = []
    run = tiny.run_without_recordings(tmp_path, settings)
    fitted = [job.wildcards["experiment"] for job in jobs(run) if job.rule == "fit_baselines"]
    assert fitted == ["two"]
