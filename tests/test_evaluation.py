"""Evaluation: small experiments scored against scikit-learn, the metrics room and one's head."""

import dataclasses
import json

import numpy as np
import pytest
from sklearn.metrics import (
    average_precision_score,
    confusion_matrix,
    label_ranking_average_precision_score,
    precision_recall_fscore_support,
    roc_auc_score,
    top_k_accuracy_score,
)
from test_metrics import paired_difference, with_interval

from dawnchorus.corpora.tables import LABELS, write_rows
from dawnchorus.evaluation import caveats, clip_evaluation, clip_scores, summary
from dawnchorus.metrics import bootstrap, ranks, roc
from dawnchorus.runtime import artefacts, seeds
from dawnchorus.scores import ensemble, score_files
from dawnchorus.settings.frontend import window_s

TIGHT = 1e-12
SPECIES = ("crow", "owl", "rail", "wren")
PART = {"from": "predictions", "stage": "first", "unlabelled": ["field"]}


class Experiment:
    """Files of an experiment with two stages: labels, folds, verdicts and scores."""

    baselines_path = None

    def __init__(self, folder, class_names=("bird",), seed=5):
        self.folder, self.class_names = folder, list(class_names)
        self.rng = np.random.default_rng(seed)
        self.truth, self.labels, self.verdicts = {}, {}, {}
        self.settings = {
            "name": "tiny",
            "seed": 3,
            "train": ["alpha"],
            "test": ["field"],
            "stages": {"first": {"targets": {"from": "labels"}}, "second": {"targets": dict(PART)}},
            "ensembles": {"one": ["first"], "two": ["second"], "all": ["first", "second"]},
            "pooling": "max",
            "average": "mean",
            "average_unit": "recording",
            "ignored_classes": [],
            "folds": {"count": 2, "by": "group", "validation": "none", "split_groups": False},
            "evaluation": {
                "replicates": 50,
                "bootstrap": "groups",
                "confidence": 0.9,
                "threshold": "f1",
                "top_k": 2,
                "compare": [["one", "two"]],
            },
        }
        self.learning = {}
        self.members = {"first": ["f1p0s1", "f2p0s2"], "second": ["f1p1s1", "f2p1s2", "f1p2s1"]}
        self.calibrations = {}
        self.add_corpus("alpha", 30)
        self.add_corpus("field", 24)
        self.fold = {f"r{i:02d}": i % 2 + 1 for i in range(30)}

    def add_corpus(self, name, n, **changes):
        """Write labels and verdicts; ``changes`` by column hold {row: value}."""
        rows, targets = [], {}
        for i in range(n):
            held = self.rng.random(len(self.class_names)) < 0.5
            row = dict.fromkeys(LABELS, "") | {"id": f"r{i:02d}", "data_set": "ab"[i % 2]}
            row |= {"group": f"g{i // 3}", "labelled": 1}
            row["labels"] = ";".join(np.array(self.class_names)[held])
            row |= {column: values[i] for column, values in changes.items() if i in values}
            rows.append([row[column] for column in LABELS])
            targets[row["id"]] = [int(c in row["labels"].split(";")) for c in self.class_names]
        self.truth[name] = targets
        verdict = changes.get("verdict", {})
        self.labels[name] = self.folder / f"labels-{name}.csv"
        write_rows(self.labels[name], LABELS, rows)
        self.verdicts[name] = self.folder / f"verdicts-{name}.csv"
        used = [(row[0], verdict.get(i, "used")) for i, row in enumerate(rows)]
        artefacts.write_table(self.verdicts[name], ("id", "verdict"), used)

    def write_scores(self, stage, members, corpus):
        """Write two windows for each recording that a member may score."""
        path = self.folder / f"{stage}.{corpus}.h5"
        ids = list(self.truth[corpus])
        header = (path, ids, members, self.class_names, self.learning.get(stage))
        with score_files.writing_windows(*header) as put:
            for member in members:
                fold = int(member[1])
                rows = [i for i, n in enumerate(ids) if corpus != "alpha" or self.fold[n] == fold]
                truth = np.array([self.truth[corpus][ids[i]] for i in rows])
                truth = truth.reshape(len(rows), len(self.class_names))
                index = np.repeat(np.array(rows, int), 2)
                noise = self.rng.normal(0.3 + 0.2 * np.repeat(truth, 2, axis=0), 0.15)
                onset = np.tile([0.0, 10.0], len(rows))
                put(member, index, onset, onset + 14.3, np.clip(noise, 0, 1))
        return path

    def run(self, folder=None, seed=8):
        """Write scores and ensembles, evaluate, return metrics and summary."""
        self.rng = np.random.default_rng(seed)
        self.scores = {
            stage: {c: self.write_scores(stage, names, c) for c in self.truth}
            for stage, names in self.members.items()
        }
        self.ensembles = {
            name: {c: self.folder / f"{name}.{c}.h5" for c in self.truth}
            for name in self.settings["ensembles"]
        }
        for name, stages in self.settings["ensembles"].items():
            for corpus, path in self.ensembles[name].items():
                paths = [self.scores[stage][corpus] for stage in stages]
                ensemble.ensemble(paths, path, self.settings)
        folds_path = self.folder / "folds.csv"
        rows = [("alpha", name, fold) for name, fold in self.fold.items()]
        artefacts.write_table(folds_path, ("corpus", "id", "fold"), rows)
        return self.evaluate(folds_path, folder or self.folder)

    def evaluate(self, folds_path, folder):
        outputs = folder / "metrics.json", folder / "summary.txt"
        clip_evaluation.evaluate(
            self.scores,
            self.ensembles,
            self.calibrations,
            self.labels,
            folds_path,
            self.verdicts,
            {**self.settings, "baselines_path": self.baselines_path},
            *outputs,
        )
        return json.loads(outputs[0].read_text()), outputs[1].read_text()

    def arrays(self, ensemble, corpus, kept=lambda name: True):
        """Return ids, targets and scores of an ensemble's file."""
        found = score_files.read_recordings(self.ensembles[ensemble][corpus])
        rows = [i for i, name in enumerate(found.ids) if kept(name)]
        ids = [found.ids[i] for i in rows]
        return ids, np.array([self.truth[corpus][n] for n in ids]), found.scores[rows]


@pytest.fixture
def experiment(tmp_path):
    return Experiment(tmp_path)


@pytest.fixture
def species(tmp_path):
    """An experiment of four classes: one in each recording of alpha, none in some of field."""
    found = Experiment(tmp_path, class_names=SPECIES)
    found.add_corpus("alpha", 30, labels={i: SPECIES[i % 7 % 4] for i in range(30)})
    some = ("crow", "owl", "", "wren;owl", "crow")
    found.add_corpus("field", 24, labels={i: some[i % 5] for i in range(24)})
    return found


def test_every_auroc_equals_scikit_learn(experiment):
    found, _ = experiment.run()
    _, targets, scores = experiment.arrays("all", "field")
    whole = found["ensembles"]["all"]["test"]["field"]
    assert whole["auroc"] == pytest.approx(roc_auc_score(targets, scores), abs=TIGHT)
    assert (whole["n"], whole["n_positive"], whole["n_groups"]) == (24, targets.sum(), 8)
    for data_set, rows in (("field/a", slice(0, None, 2)), ("field/b", slice(1, None, 2))):
        expected = roc_auc_score(targets[rows], scores[rows])
        assert whole["data_sets"][data_set]["auroc"] == pytest.approx(expected, abs=TIGHT)
    a, b = (whole["data_sets"][name]["auroc"] for name in ("field/a", "field/b"))
    assert whole["harmonic_mean"]["auroc"] == pytest.approx(2 / (1 / a + 1 / b), abs=TIGHT)
    assert whole["harmonic_mean"]["low"] <= whole["harmonic_mean"]["high"]


def test_out_of_fold_auroc_is_pooled_and_by_fold(experiment):
    found, _ = experiment.run()
    ids, targets, scores = experiment.arrays("one", "alpha")
    pooled = found["ensembles"]["one"]["out_of_fold"]
    assert pooled["auroc"] == pytest.approx(roc_auc_score(targets, scores), abs=TIGHT)
    expected = []
    for fold in (1, 2):
        rows = [experiment.fold[name] == fold for name in ids]
        expected.append(roc_auc_score(targets[rows], scores[rows]))
        assert pooled["folds"][str(fold)]["auroc"] == pytest.approx(expected[-1], abs=TIGHT)
    assert pooled["mean_over_folds"]["auroc"] == pytest.approx(np.mean(expected), abs=TIGHT)
    assert set(pooled["data_sets"]) == {"alpha/a", "alpha/b"}


def test_a_member_is_validated_on_its_own_fold(experiment):
    found, _ = experiment.run()
    ids, names, stack = ensemble.pool_members(experiment.scores["second"]["alpha"], "max")
    rows = [i for i, name in enumerate(ids) if experiment.fold[name] == 2]
    targets = [experiment.truth["alpha"][ids[i]] for i in rows]
    member = found["stages"]["second"]["members"]["f2p1s2"]
    expected = roc_auc_score(targets, stack[names.index("f2p1s2"), rows])
    assert member["validation"]["auroc"] == pytest.approx(expected, abs=TIGHT)
    assert (member["fold"], member["part"], member["seed"]) == (2, 1, 2)


def test_the_spread_of_a_stage_is_over_its_members(experiment):
    found, _ = experiment.run()
    stage = found["stages"]["second"]
    aurocs = [member["test"]["field"]["auroc"] for member in stage["members"].values()]
    spread = stage["test"]["field"]
    assert spread["mean"] == pytest.approx(np.mean(aurocs), abs=TIGHT)
    assert spread["sd"] == pytest.approx(np.std(aurocs, ddof=1), abs=TIGHT)
    assert (spread["min"], spread["max"]) == (min(aurocs), max(aurocs))
    assert spread["models"] == 3


def test_intervals_and_differences_are_those_of_the_metrics(experiment):
    found, _ = experiment.run()
    ids, targets, first = experiment.arrays("one", "field")
    _, _, second = experiment.arrays("two", "field")
    groups = [int(name[1:]) // 3 for name in ids]
    rng = (seeds.generator(3, "evaluation") for _ in range(2))
    one = with_interval(targets[:, 0], first[:, 0], groups, 50, 0.9, next(rng))
    scored = found["ensembles"]["one"]["test"]["field"]
    assert {key: scored[key] for key in one} == pytest.approx(one, abs=TIGHT)
    scores = (first[:, 0], second[:, 0])
    pair = paired_difference(targets[:, 0], *scores, groups, 50, 0.9, next(rng))
    scored = found["comparisons"][0]["test"]["field"]
    assert {key: scored[key] for key in pair} == pytest.approx(pair, abs=TIGHT)


def test_thresholds_come_from_out_of_fold_scores_alone(experiment):
    found, _ = experiment.run()
    _, trained, own = experiment.arrays("one", "alpha")
    _, targets, scores = experiment.arrays("one", "field")
    chosen = found["ensembles"]["one"]["threshold"]
    threshold = roc.best_threshold(trained[:, 0], own[:, 0], "f1")
    assert chosen["thresholds"] == {"bird": threshold}
    assert chosen["chosen_on"] == "out-of-fold scores of alpha"
    expected = precision_recall_fscore_support(
        targets[:, 0], scores[:, 0] >= threshold, average="binary"
    )[:3]
    figures = [chosen["test"]["field"][key] for key in ("precision", "recall", "f1")]
    assert figures == pytest.approx(expected, abs=TIGHT)


def test_the_second_stage_is_transductive_wherever_it_is_written(experiment):
    found, text = experiment.run()
    assert not found["stages"]["first"]["test"]["field"]["transductive"]
    assert found["stages"]["second"]["test"]["field"]["transductive"]
    member = found["stages"]["second"]["members"]["f1p2s1"]
    assert member["test"]["field"]["transductive"]
    flags = {name: e["test"]["field"]["transductive"] for name, e in found["ensembles"].items()}
    assert flags == {"one": False, "two": True, "all": True}
    assert found["comparisons"][0]["test"]["field"]["transductive"]
    assert found["ensembles"]["two"]["threshold"]["test"]["field"]["transductive"]
    assert found["ensembles"]["two"]["out_of_fold"]["teachers_saw_fold"]
    assert not found["ensembles"]["one"]["out_of_fold"]["teachers_saw_fold"]
    # stage, two ensembles, a difference and two thresholds
    assert sum(line.endswith("transductive") for line in text.splitlines()) == 6


@pytest.mark.parametrize(
    ("used", "reference", "expected"),
    [
        ("field", "field", True),
        ("field", "field:test", True),
        ("field:test", "field", True),
        ("field:more", "field:test", False),
        ("other", "field", False),
    ],
)
def test_transductive_follows_the_recordings_that_are_shared(used, reference, expected):
    first = {"targets": {"from": "labels"}}
    second = {"targets": {"from": "predictions", "stage": "first", "unlabelled": [used]}}
    third = {"targets": {"from": "predictions", "stage": "second", "unlabelled": ["elsewhere"]}}
    stages = {"first": first, "second": second, "third": third}
    found = [caveats.is_transductive(stages, name, reference) for name in stages]
    assert found == [False, expected, expected]


def test_unknown_truth_and_excluded_recordings_are_counted_and_not_scored(experiment):
    verdict = {0: "AUDIO_EMPTY", 5: "AUDIO_EMPTY", 6: "MISSING_FILE"}
    experiment.add_corpus(
        "field", 24, labelled={1: 0, 2: 0}, labels={1: "", 2: ""}, verdict=verdict
    )
    found, text = experiment.run()
    about = found["test"]["field"]
    counts = ("recordings", "used", "excluded", "unknown_truth", "scored")
    assert [about[key] for key in counts] == [24, 21, 3, 2, 19]
    assert about["excluded_by_code"] == {"AUDIO_EMPTY": 2, "MISSING_FILE": 1}
    left_out = {f"r{i:02d}" for i in (0, 1, 2, 5, 6)}
    _, targets, scores = experiment.arrays("one", "field", lambda name: name not in left_out)
    scored = found["ensembles"]["one"]["test"]["field"]
    assert scored["n"] == 19
    assert scored["auroc"] == pytest.approx(roc_auc_score(targets, scores), abs=TIGHT)
    assert "excluded of field: AUDIO_EMPTY 2, MISSING_FILE 1" in text


def test_what_was_excluded_at_listing_counts_too(experiment):
    with open(experiment.verdicts["field"], "a") as file:
        file.write("gone,MISSING_FILE\n")
    found, _ = experiment.run()
    about = found["test"]["field"]
    assert (about["recordings"], about["used"], about["excluded"]) == (25, 24, 1)


def test_recordings_shorter_than_a_window_are_counted_as_padded(experiment):
    stages = experiment.settings["stages"]
    log_mel = {"kind": "log_mel", "frames_per_second": 100.0}
    stages["first"]["window_s"] = window_s(1000, log_mel, 8000)
    stages["second"]["window_s"] = window_s(7, {"kind": "mel_chunks", "length_s": 10.0}, 8000)
    for name, path in experiment.verdicts.items():
        rows = [line.split(",") for line in path.read_text().splitlines()[1:]]
        lengths = (4.0, 9.95, 10.0) if name == "field" else (10.0,)  # half a frame is no padding
        written = [(*row, lengths[i % len(lengths)]) for i, row in enumerate(rows)]
        artefacts.write_table(path, ("id", "verdict", "duration_s"), written)
    found, text = experiment.run()
    about = {"window_s": 10.0, "recordings": 8}
    assert found["test"]["field"]["padded"] == {"first": about, "second": about}
    assert found["training"]["padded"] == {}
    assert (
        "field: 8 recordings are shorter than a window (10 s, first, second) and are padded" in text
    )
    assert "training: " not in text
    del stages["second"]["window_s"]
    stages["first"]["window_s"] = 20.0
    found, text = experiment.run()
    assert found["training"]["padded"]["first"]["recordings"] > 0
    assert "training: " in text


def test_a_test_corpus_without_truth_is_not_available(experiment):
    experiment.add_corpus("field", 24, labelled=dict.fromkeys(range(24), 0))
    found, text = experiment.run()
    scored = found["ensembles"]["one"]["test"]["field"]
    assert (scored["auroc"], scored["low"], scored["n"]) == (None, None, 0)
    assert found["stages"]["first"]["test"]["field"]["mean"] is None
    assert found["comparisons"][0]["test"]["field"]["p_two_sided"] is None
    assert found["test"]["field"]["classes_left_out"] == ["bird"]
    assert found["ensembles"]["one"]["out_of_fold"]["auroc"] is not None
    assert "n/a" not in text
    assert "left out on" not in text
    [about] = [line.split() for line in text.splitlines() if line.startswith("field ")]
    assert about == ["field", "24", "0", "24", "0", "0", "0"]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ("bird", "n/a on field: all 24 recordings are of bird, none is negative"),
        ("", "n/a on field: none of 24 recordings is of a class that is scored"),
    ],
)
def test_one_class_only_is_said_where_nothing_is_defined(experiment, labels, said):
    experiment.add_corpus("field", 24, labels=dict.fromkeys(range(24), labels))
    _, text = experiment.run()
    assert said in text.splitlines()
    content, _ = experiment.run()
    training = content["training"] | {"positives": {"bird": 7}, "scored": 7}
    training |= {
        "classes_left_out": ["bird"],
        "excluded": 2,
        "excluded_by_code": {"AUDIO_EMPTY": 2},
    }
    lines = summary.text(content | {"training": training}).splitlines()
    assert "n/a out of fold: all 7 recordings are of bird, none is negative" in lines
    assert "excluded of the training: AUDIO_EMPTY 2" in lines


def test_tests_without_truth_leave_the_screen_to_the_others(species):
    """As in BirdCLEF 2018: a split with labels, and two test sets without any."""
    for name in ("monophone", "soundscapes"):
        nothing = dict.fromkeys(range(24), 0)
        species.add_corpus(name, 24, labelled=nothing, labels=dict.fromkeys(range(24), ""))
    species.settings["test"] = ["field", "monophone", "soundscapes"]
    _, text = species.run()
    assert "more in metrics.json" not in text
    for name in ("one", "two", "all"):
        lines = [line for line in text.splitlines() if line.split()[:1] == [name]]
        assert any(" out of fold" in line for line in lines)


def test_a_split_of_a_corpus_is_scored_alone(experiment):
    split = {i: "test" if i % 4 else "other" for i in range(24)}
    experiment.add_corpus("field", 24, split=split)
    experiment.settings["test"] = ["field:test"]
    found, _ = experiment.run()
    assert found["test"]["field:test"]["scored"] == 18
    _, targets, scores = experiment.arrays("one", "field", lambda name: int(name[1:]) % 4)
    scored = found["ensembles"]["one"]["test"]["field:test"]["auroc"]
    assert scored == pytest.approx(roc_auc_score(targets, scores), abs=TIGHT)


def test_several_classes_give_the_macro_mean_of_those_defined(tmp_path):
    experiment = Experiment(tmp_path, class_names=("crow", "owl", "wren"))
    rows = ("crow", "crow;owl", "owl")
    experiment.add_corpus("field", 24, labels={i: rows[i % 3] for i in range(24)})
    found, text = experiment.run()
    _, targets, scores = experiment.arrays("one", "field")
    scored = found["ensembles"]["one"]["test"]["field"]
    expected = [roc_auc_score(targets[:, c], scores[:, c]) for c in (0, 1)]
    assert scored["auroc"] == pytest.approx(np.mean(expected), abs=TIGHT)
    assert scored["n_classes"] == 2
    assert scored["per_class"]["owl"] == pytest.approx(expected[1], abs=TIGHT)
    assert scored["per_class"]["wren"] is None
    assert found["test"]["field"]["classes_left_out"] == ["wren"]
    chosen = found["ensembles"]["one"]["threshold"]
    f1 = [chosen["test"]["field"]["classes"][c]["f1"] for c in ("crow", "owl")]
    assert chosen["test"]["field"]["f1"] == pytest.approx(np.mean(f1), abs=TIGHT)
    assert text.startswith("tiny: macro AUROC of 3 classes with 90% interval")
    assert "left out on field, no positives or no negatives: wren" in text


def values(figure):
    """The values of identification by name."""
    return {name: about["value"] for name, about in figure["identification"].items()}


def test_identification_equals_scikit_learn(species):
    found, _ = species.run()
    _, targets, scores = species.arrays("one", "field")
    held = targets.any(axis=1)
    present = targets.any(axis=0)  # the rail is nowhere
    padded = [np.vstack((array, np.ones((5, 4)))) for array in (targets, scores)]
    scored = found["ensembles"]["one"]["test"]["field"]
    best = np.take_along_axis(targets, np.argsort(-scores, axis=1), axis=1)[held]
    expected = {
        "top1_accuracy": best[:, 0].mean(),
        "top2_accuracy": best[:, :2].any(axis=1).mean(),
        "mlrap": label_ranking_average_precision_score(targets[held], scores[held]),
        "map_micro": average_precision_score(targets, scores, average="micro"),
        "map_macro_skip_absent": average_precision_score(targets[:, present], scores[:, present]),
        "cmap_padded5": average_precision_score(*padded),
    }
    assert values(scored) == pytest.approx(expected, abs=TIGHT)
    assert scored["average_precision"]["rail"] is None
    owl = average_precision_score(targets[:, 1], scores[:, 1])
    assert scored["average_precision"]["owl"] == pytest.approx(owl, abs=TIGHT)
    for about in scored["identification"].values():
        assert about["low"] <= about["value"] <= about["high"]
        assert about["policy"]


@pytest.mark.parametrize("per_recording", [False, True])
def test_a_metric_that_is_registered_is_reported_with_its_interval(
    species, monkeypatch, per_recording
):
    def mean_score(targets, scores, weights=None):
        values = scores.mean(axis=1)
        return ranks.mean_over_recordings(values, weights) if weights is not None else values

    policy = "all recordings, mean of {n_classes}"
    metric = clip_scores.Metric(mean_score, policy, per_recording)
    monkeypatch.setitem(clip_scores.METRICS, "mean_score", metric)
    found, _ = species.run()
    _, _, scores = species.arrays("one", "field")
    own = found["ensembles"]["one"]["test"]["field"]["identification"]["mean_score"]
    expected = scores.mean(dtype=np.float64)  # the file holds float32
    assert own["value"] == pytest.approx(expected, abs=TIGHT)
    assert own["low"] < own["value"] < own["high"]
    assert (own["n"], own["policy"]) == (24, "all recordings, mean of 4")


def test_recordings_without_a_class_are_skipped_in_rankings_and_counted(species):
    found, _ = species.run()
    scored = found["ensembles"]["one"]["test"]["field"]["identification"]
    for name, expected in (("mlrap", (19, 5)), ("top1_accuracy", (19, 5)), ("map_micro", (24, 0))):
        assert (scored[name]["n"], scored[name]["n_skipped"]) == expected


def test_accuracy_is_pooled_and_by_fold(species):
    found, _ = species.run()
    ids, targets, scores = species.arrays("one", "alpha")
    labels = targets.argmax(axis=1)
    pooled = found["ensembles"]["one"]["out_of_fold"]
    accuracy = (scores.argmax(axis=1) == labels).mean()
    assert values(pooled)["top1_accuracy"] == pytest.approx(accuracy, abs=TIGHT)
    top = top_k_accuracy_score(labels, scores, k=2)
    assert values(pooled)["top2_accuracy"] == pytest.approx(top, abs=TIGHT)
    expected = []
    for fold in (1, 2):
        rows = [species.fold[name] == fold for name in ids]
        expected.append((scores[rows].argmax(axis=1) == labels[rows]).mean())
        own = values(pooled["folds"][str(fold)])["top1_accuracy"]
        assert own == pytest.approx(expected[-1], abs=TIGHT)
    mean = pooled["mean_over_folds"]["identification"]["top1_accuracy"]
    assert mean["value"] == pytest.approx(np.mean(expected), abs=TIGHT)
    assert mean["n"] == 30
    assert mean["low"] <= mean["value"] <= mean["high"]


def test_folds_whose_scores_are_offset_are_pooled_lower_than_averaged(species):
    species.settings["ensembles"] = {"one": ["first"]}
    species.settings["evaluation"]["compare"] = []
    species.run()
    paths = species.ensembles["one"]
    found = score_files.read_recordings(paths["alpha"])
    shift = np.array([species.fold[name] for name in found.ids])[:, None] == 2
    content = dataclasses.replace(found, scores=found.scores / 2 + shift / 2)
    score_files.write_recordings(paths["alpha"], content)
    scored, _ = species.evaluate(species.folder / "folds.csv", species.folder)
    pooled = scored["ensembles"]["one"]["out_of_fold"]
    assert pooled["auroc"] < pooled["mean_over_folds"]["auroc"] - 0.1
    for name in ("map_micro", "map_macro_skip_absent"):
        mean = pooled["mean_over_folds"]["identification"][name]["value"]
        assert values(pooled)[name] < mean - 0.05
    # what is ranked within a recording knows no offset
    assert values(pooled)["mlrap"] == pytest.approx(
        pooled["mean_over_folds"]["identification"]["mlrap"]["value"], abs=0.02
    )


def test_intervals_of_mlrap_are_those_of_resampled_groups(species):
    found, _ = species.run()
    ids, targets, scores = species.arrays("one", "field")
    groups = np.array([int(name[1:]) // 3 for name in ids])
    weights = bootstrap.bootstrap_weights(groups, 50, seeds.generator(3, "evaluation"))
    drawn = []
    for row in weights:
        rows = np.repeat(np.arange(24), row)
        drawn.append(ranks.label_ranking_average_precision(targets[rows], scores[rows]))
    scored = found["ensembles"]["one"]["test"]["field"]["identification"]["mlrap"]
    assert (scored["low"], scored["high"]) == pytest.approx(np.quantile(drawn, [0.05, 0.95]))


def test_ensembles_are_compared_by_every_statistic(species):
    found, _ = species.run()
    pair = found["comparisons"][0]
    for where in (lambda item: item["out_of_fold"], lambda item: item["test"]["field"]):
        first, second = (values(where(found["ensembles"][name])) for name in ("one", "two"))
        compared = where(pair)["identification"]
        assert set(compared) == set(first)
        for name, about in compared.items():
            assert about["difference"] == pytest.approx(second[name] - first[name], abs=TIGHT)
            assert about["low"] <= about["high"]
            assert 0 < about["p_two_sided"] <= 1


def test_single_models_have_plain_values_and_stages_their_spread(species):
    found, _ = species.run()
    stage = found["stages"]["second"]
    accuracies = []
    for name, member in stage["members"].items():
        ids, names, stack = ensemble.pool_members(species.scores["second"]["field"], "max")
        scores = stack[names.index(name)]
        targets = np.array([species.truth["field"][identifier] for identifier in ids])
        about = member["test"]["field"]["identification"]
        assert set(about) == {"top1_accuracy", "mlrap"}
        assert "low" not in about["mlrap"]
        accuracies.append(ranks.accuracy(targets, scores))
        assert about["top1_accuracy"]["value"] == pytest.approx(accuracies[-1], abs=TIGHT)
    spread = stage["test"]["field"]["identification"]["top1_accuracy"]
    assert spread["mean"] == pytest.approx(np.mean(accuracies), abs=TIGHT)
    assert spread["max"] == max(accuracies)


def test_confusion_counts_recordings_of_one_class(species):
    found, _ = species.run()
    _, targets, scores = species.arrays("one", "alpha")
    counts = confusion_matrix(targets.argmax(axis=1), scores.argmax(axis=1))
    confused = found["ensembles"]["one"]["out_of_fold"]["confusion"]
    table = [[confused.get(row, {}).get(column, 0) for column in SPECIES] for row in SPECIES]
    np.testing.assert_array_equal(table, counts)
    confused = found["ensembles"]["one"]["test"]["field"]["confusion"]
    assert sum(sum(row.values()) for row in confused.values()) == 14  # not those of two classes


def test_one_class_has_nothing_to_be_identified(experiment):
    found, text = experiment.run()
    assert "identification" not in found["ensembles"]["one"]["test"]["field"]
    assert "identification" not in found["comparisons"][0]["out_of_fold"]
    assert "MLRAP" not in text


def test_background_species_that_are_classes_are_right_answers_too(species):
    background = {0: "rail", 1: "crow;stranger", 2: "wren", 7: "stranger"}
    species.add_corpus(
        "field", 24, labels={0: "crow", 1: "owl", 2: "", 7: "crow"}, background=background
    )
    found, text = species.run()
    ids, targets, scores = species.arrays("one", "field")
    relevant = targets.copy()
    for row, column in ((0, 2), (1, 0), (2, 3)):
        relevant[ids.index(f"r{row:02d}"), column] = 1
    for name, truth in (("mlrap", targets), ("mlrap_with_background", relevant)):
        about = found["ensembles"]["one"]["test"]["field"]["identification"][name]
        held = truth.any(axis=1)
        expected = label_ranking_average_precision_score(truth[held], scores[held])
        assert about["value"] == pytest.approx(expected, abs=TIGHT)
        assert about["n"] == held.sum()
    assert found["test"]["field"]["background"] == 3
    # no recording of alpha has a background
    assert "mlrap_with_background" not in values(found["ensembles"]["one"]["out_of_fold"])
    assert "+bg" in text
    assert max(map(len, text.splitlines())) <= 100
    # narrow columns, and still each optimistic score has its mark
    narrow = [line for line in text.splitlines() if line[:3] in ("two", "all") and "out" in line]
    assert len(narrow) == 5
    assert all(" * " in line for line in narrow)


@pytest.mark.parametrize("change", ["chose_epoch", "split_groups"])
def test_optimistic_folds_are_marked_wherever_they_are_written(species, change):
    found, text = species.run()
    one = found["ensembles"]["one"]["out_of_fold"]
    assert not one["chose_epoch"] | one["split_groups"]
    assert "optimistic" not in text
    species.settings["folds"] |= {
        "chose_epoch": {"validation": "own"}, "split_groups": {"split_groups": True},
    }[change]  # fmt: skip
    found, text = species.evaluate(species.folder / "folds.csv", species.folder)
    for marked in (
        found["ensembles"]["one"]["out_of_fold"],
        found["comparisons"][0]["out_of_fold"],
        found["stages"]["first"]["validation"],
        found["stages"]["first"]["members"]["f1p0s1"]["validation"],
    ):
        assert marked[change]
        assert not marked[{"chose_epoch": "split_groups"}.get(change, "chose_epoch")]
    assert change not in found["ensembles"]["one"]["test"]["field"]
    mark = {"chose_epoch": "+", "split_groups": "!"}[change]
    assert f"out of fold {mark}" in text
    assert f"out of fold *{mark}" in text  # pseudo-labels as well
    assert "optimistic" in text


def test_folds_without_members_are_counted_and_not_scored(experiment):
    experiment.fold = {f"r{i:02d}": 1 + (i >= 12) + (i >= 15) for i in range(30)}
    experiment.settings["folds"]["count"] = 1
    experiment.members = {"first": ["f1p0s1"], "second": ["f1p1s1", "f1p2s1"]}
    found, _ = experiment.run()
    counts = [found["training"][key] for key in ("recordings", "without_member", "scored")]
    assert counts == [30, 18, 12]
    scored = found["ensembles"]["one"]["out_of_fold"]
    assert scored["n"] == 12
    assert "folds" not in scored
    _, targets, scores = experiment.arrays("one", "alpha")
    assert scored["auroc"] == pytest.approx(roc_auc_score(targets, scores), abs=TIGHT)


def test_folds_by_recordist_are_resampled_by_recordist_where_it_is_known(experiment):
    people = {i: f"person {i % 2}" for i in range(18)}
    experiment.add_corpus("field", 24, recordist=people)
    experiment.settings["folds"]["by"] = "recordist"
    found, text = experiment.run()
    assert found["test"]["field"]["recordists"] == 2
    # two people, and two groups of three whose recordist is unknown
    assert found["ensembles"]["one"]["test"]["field"]["n_groups"] == 4
    assert "replicates over recordists" in text


def test_students_are_as_transductive_and_as_informed_as_their_teachers():
    stages = {
        "first": {"targets": {"from": "labels"}},
        "pseudo": {"targets": dict(PART)},
        "student": {"targets": {"from": "teachers", "stages": ["first"]}},
        "late": {"targets": {"from": "teachers", "stages": ["student", "pseudo"]}},
        "foreign": {"targets": {"from": "teachers", "stages": ["other/first"], "models": []}},
        "of-file": {"targets": {"from": "teachers", "stages": [], "models": ["old.keras"]}},
    }
    found = [caveats.is_transductive(stages, name, "field") for name in stages]
    assert found == [False, True, False, True, False, False]
    found = [caveats.has_informed_teachers(stages, name) for name in stages]
    assert found == [False, True, False, True, False, True]


def test_a_student_of_the_same_fold_is_not_marked(experiment):
    experiment.settings["stages"]["second"]["targets"] = {"from": "teachers", "stages": ["first"]}
    found, text = experiment.run()
    two = found["ensembles"]["two"]
    assert not two["out_of_fold"]["teachers_saw_fold"]
    assert not two["test"]["field"]["transductive"]
    assert "pseudo-labels" not in text


def test_ignored_classes_are_ignored_in_single_models_too(species):
    species.settings["ignored_classes"] = ["crow"]
    found, _ = species.run()
    members = found["stages"]["first"]["members"].values()
    assert all(member["test"]["field"]["per_class"]["crow"] < 0.9 for member in members)
    assert found["policy"]["ignored_classes"] == ["crow"]
    _, targets, scores = species.arrays("one", "field")
    expected = ranks.accuracy(targets, scores)
    assert values(found["ensembles"]["one"]["test"]["field"])["top1_accuracy"] == expected


def test_the_summary_of_several_classes_fits_a_screen(species):
    species.settings["folds"] |= {"validation": "own", "split_groups": True}
    found, text = species.run()
    lines = [line for line in text.splitlines() if line.startswith("one ")]
    scored = found["ensembles"]["one"]["test"]["field"]["identification"]
    for name in ("top1_accuracy", "mlrap", "map_macro_skip_absent"):
        about = scored[name]
        figure = f"{about['value']:.3f} [{about['low']:.3f}, {about['high']:.3f}]"
        assert any(figure in line for line in lines)
    assert any("field ^" in line for line in text.splitlines())  # transductive
    many = {f"an ensemble of a rather long name {i}": found["ensembles"]["all"] for i in range(9)}
    pairs = found["comparisons"] * 5
    for shown in (text, summary.text(found | {"ensembles": many, "comparisons": pairs})):
        assert len(shown.splitlines()) <= 45
        assert max(map(len, shown.splitlines())) <= 100


def test_equal_work_gives_equal_bytes(experiment, tmp_path):
    experiment.run()
    experiment.evaluate(tmp_path / "folds.csv", tmp_path / "again")
    for name in ("metrics.json", "summary.txt"):
        assert (tmp_path / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_the_summary_fits_a_screen_however_much_there_is(experiment):
    found, text = experiment.run()
    all_stages = found["ensembles"]["all"]
    many = {f"an ensemble of a rather long name {i}": all_stages for i in range(30)}
    tests = {f"a test corpus that has a long name {i}": found["test"]["field"] for i in range(9)}
    crowded = summary.text(found | {"ensembles": many, "test": tests})
    for shown in (text, crowded):
        lines = shown.splitlines()
        assert len(lines) <= 45
        assert max(map(len, lines)) <= 100
    assert "more in metrics.json" in crowded
    assert "more in metrics.json" not in text


def test_remarks_that_do_not_fit_are_counted(experiment):
    found, text = experiment.run()
    about = found["test"]["field"] | {"excluded": 1, "excluded_by_code": {"AUDIO_EMPTY": 1}}
    tests = {f"corpus {i}": about | {"classes_left_out": ["bird"]} for i in range(20)}
    lines = summary.text(found | {"test": tests}).splitlines()
    shown = sum(line.startswith(("excluded of", "n/a on")) for line in lines)
    assert len(lines) == 45
    assert lines[-1] == f"and {40 - shown} more remarks; what they say is in metrics.json"
    assert "more remarks" not in text


def test_the_title_of_many_classes_over_recordists_is_whole(experiment):
    found, _ = experiment.run()
    content = found | {"experiment": "kahl2018-original-soundscapes", "classes": ["x"] * 1500}
    policy = found["policy"] | {"replicates": 1000, "resampled": "recordists"}
    title = summary.text(content | {"policy": policy}).splitlines()[0]
    assert title.endswith("(1000 replicates over recordists)")
    assert len(title) <= 100


def test_the_summary_shows_the_scores_of_the_file(experiment):
    found, text = experiment.run()
    lines = {tuple(line.split()[:3]): line for line in text.splitlines()}
    scored = found["ensembles"]["one"]["test"]["field"]
    figure = f"{scored['auroc']:.3f} [{scored['low']:.3f}, {scored['high']:.3f}]"
    assert figure in lines["one", "2", "field"]
    spread = found["stages"]["first"]["test"]["field"]
    assert f"{spread['mean']:.3f} +- {spread['sd']:.3f}" in lines["first", "2", "field"]
    pair = found["comparisons"][0]["test"]["field"]
    assert f"{pair['difference']:+.3f} [" in lines["two", "one", "field"]


def test_a_recording_without_a_score_is_an_error(experiment):
    experiment.run()
    experiment.add_corpus("field", 25)
    with pytest.raises(ValueError, match=r"ensemble one has no score for 1 of 25 .*'field/r24'"):
        experiment.evaluate(experiment.folder / "folds.csv", experiment.folder)


def test_a_recording_without_a_verdict_or_labels_is_an_error(experiment):
    experiment.run()
    folds_path = experiment.folder / "folds.csv"
    artefacts.write_table(experiment.verdicts["field"], ("id", "verdict"), [("r00", "used")])
    with pytest.raises(ValueError, match="no verdict on 23 recordings of field"):
        experiment.evaluate(folds_path, experiment.folder)
    artefacts.write_table(folds_path, ("corpus", "id", "fold"), [("alpha", "strange", 1)])
    with pytest.raises(ValueError, match=r"1 of 1 recordings of .* have no labels"):
        experiment.evaluate(folds_path, experiment.folder)


def test_a_test_corpus_without_tables_is_an_error(experiment):
    experiment.run()
    del experiment.verdicts["field"]
    with pytest.raises(ValueError, match="test 'field': no labels or verdicts of corpus 'field'"):
        experiment.evaluate(experiment.folder / "folds.csv", experiment.folder)


def test_files_that_do_not_belong_together_are_an_error(experiment, tmp_path):
    experiment.run()
    folds_path = tmp_path / "folds.csv"
    experiment.settings["evaluation"]["compare"] = [["one", "three"]]
    with pytest.raises(ValueError, match=r"compare names 'three'; expected .*'one', 'two', 'all'"):
        experiment.evaluate(folds_path, tmp_path)
    del experiment.ensembles["two"]["field"]
    with pytest.raises(ValueError, match="ensemble 'two' has no scores of corpus 'field'"):
        experiment.evaluate(folds_path, tmp_path)
    with score_files.writing_windows(experiment.scores["second"]["field"], ["r"], [], ["owl"]):
        pass
    with pytest.raises(ValueError, match=r"second.field.h5 scores the classes \['owl'\]"):
        experiment.evaluate(folds_path, tmp_path)


def learnt(is_learnt=True, attempts=1, is_left_out=False, at_chance=False):
    return {
        "learnt": is_learnt, "attempts": attempts, "left_out": is_left_out,
        "reasons": [] if is_learnt else ["its loss is 0.6890, 0.6931 by the class prior"],
        "validation": {"auroc": 0.5, "margin": 0.1, "at_chance": at_chance},
    }  # fmt: skip


def test_all_models_are_counted_with_those_that_did_not_learn(experiment):
    experiment.learning = {
        "first": {
            "f1p0s1": learnt(),
            "f2p0s1": learnt(False, 3, is_left_out=True),
            "f2p0s2": learnt(attempts=2),
        },
        "second": {"f1p1s1": learnt(False, at_chance=True), "f2p1s2": learnt(), "f1p2s1": learnt()},
    }
    metrics, summary = experiment.run()
    assert metrics["stages"]["first"]["learning"] == experiment.learning["first"]
    for line in (
        "learnt: 4 of 6 models; trained again: first f2p0s1, first f2p0s2",
        "did not learn, left out of ensembles: first f2p0s1: its loss is 0.6890, 0.6931 by the class",
        "did not learn, averaged in all the same: second f1p1s1: its loss is 0.6890",
        "validation at chance (one-sided 5 % of Mann-Whitney): second f1p1s1",
    ):
        assert line in summary


def test_where_all_models_learnt_one_line_says_so(experiment):
    experiment.learning = {
        stage: {member: learnt() for member in members}
        for stage, members in experiment.members.items()
    }
    _, summary = experiment.run()
    assert "learnt: 5 of 5 models\n" in summary
    assert "did not learn" not in summary


def test_an_ensemble_does_without_a_stage_that_ended(experiment):
    whole, _ = experiment.run()
    assert whole["ensembles"]["all"]["test"]["field"]["transductive"]
    ended = learnt(False, 0, is_left_out=True) | {"ended": "no recording got a pseudo-label"}
    experiment.learning = {"second": dict.fromkeys(experiment.members["second"], ended)}
    experiment.members["second"] = []
    found, summary = experiment.run()
    assert found["ended"] == {"second": "no recording got a pseudo-label"}
    assert list(found["stages"]) == ["first"]
    assert set(found["ensembles"]) == {"one", "all"}
    assert found["comparisons"] == []
    # that of the first stage alone, to the last digit, and not transductive
    assert found["ensembles"]["all"] == found["ensembles"]["one"]
    assert "stage second ended, and no ensemble has it: no recording got a pseudo-label" in summary
    assert "transductive" not in summary
