"""The audit of pseudo-labels on ten recordings that fit in one's head."""

import json
import logging

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from target_rows import write_targets

from dawnchorus.corpora.tables import LABELS, read_labels, write_rows
from dawnchorus.evaluation import audit
from dawnchorus.runtime import artefacts
from dawnchorus.scores import score_files
from dawnchorus.targets import stage_targets, targets_table

# id: mean score of two models over all windows, truth ("" unknown)
FIELD = {
    "a": (0.005, 0),
    "b": (0.04, 0),
    "c": (0.08, 1),  # a miss that is kept
    "d": (0.09, ""),
    "e": (0.25, 0),
    "f": (0.55, 0),  # wrong, but not kept
    "g": (0.75, 1),
    "h": (0.92, 1),
    "i": (0.96, 0),  # a false alarm that is kept
    "j": (0.995, 1),
}
SETTINGS = {
    "from": "predictions",
    "stage": "first",
    "unlabelled": ["field"],
    "low": 0.1,
    "high": 0.9,
    "parts": 2,
    "pooling": "max",
    "average": "mean",
    "seed": 1,
    "classes": ["bird"],
}


class Files:
    """A labelled corpus, a teacher's scores of the field, and the targets made of them."""

    def __init__(self, folder, field):
        self.folder = folder
        self.settings = dict(SETTINGS)
        self.labels = {
            "alpha": self._labels("alpha", {"x": (0, 1), "y": (0, 0)}),
            "field": self._labels("field", field),
        }
        self.scores = {"field": folder / "first.field.h5"}
        self.write_scores({name: score for name, (score, _) in field.items()})
        artefacts.write_table(
            folder / "folds.csv",
            ("corpus", "id", "fold"),
            [("alpha", "x", 1), ("alpha", "y", 2)],
        )

    def _labels(self, corpus, recordings, others=""):
        rows = [
            (
                name,
                "",
                "",
                "",
                "",
                "other" if name in others else "test",
                int(truth != ""),
                "bird" * (truth == 1),
                "",
                "",
            )
            for name, (_, truth) in recordings.items()
        ]
        write_rows(self.folder / f"labels-{corpus}.csv", LABELS, rows)
        return self.folder / f"labels-{corpus}.csv"

    def write_scores(self, scores, class_names=("bird",)):
        index = np.repeat(np.arange(len(scores)), 2)
        values = np.array([v for s in scores.values() for v in (0.0, s)])[:, None]
        values = np.repeat(values, len(class_names), axis=1)
        members = ["f1p0s1", "f2p0s2"]
        path = self.scores["field"]
        with score_files.writing_windows(path, list(scores), members, class_names) as put:
            for member, shift in zip(members, (-0.004, 0.004), strict=True):
                put(member, index, index * 0, index * 0 + 1, values + shift)

    def set_targets(self):
        path = self.folder / "targets.parquet"
        arguments = (["alpha"], self.labels, self.folder / "folds.csv", self.scores, self.settings)
        stage_targets.set_targets(*arguments, path)
        return path

    def run(self, targets_path=None, verdicts=None):
        output = self.folder / "audit.json"
        path = targets_path or self.set_targets()
        audit.audit(self.settings, self.scores, path, self.labels, output, verdicts=verdicts)
        return json.loads(output.read_text())


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path, FIELD)


def test_kept_recordings_are_counted_by_side_and_part(files):
    found = files.run()
    assert (found["candidates"], found["kept"], found["kept_share"]) == (10, 7, 0.7)
    assert found["by_corpus"] == {"field": {"candidates": 10, "kept": 7}}
    assert sorted(found["by_part"].items()) == [("1", 4), ("2", 3)]
    bird = found["classes"]["bird"]
    assert (bird["kept_low"], bird["kept_high"]) == (4, 3)
    assert (found["teacher"], found["low"], found["high"]) == ("first", 0.1, 0.9)


def test_class_balance_counts_what_is_known(files):
    balance = files.run()["classes"]["bird"]["balance"]
    assert balance["candidates"] == {
        "n": 10,
        "known": 9,
        "positive": 4,
        "negative": 5,
        "positive_share": pytest.approx(4 / 9),
    }
    assert (balance["kept"]["n"], balance["kept"]["positive"], balance["kept"]["negative"]) == (
        7,
        3,
        3,
    )


def test_errors_are_counted_on_both_sides(files):
    errors = files.run()["classes"]["bird"]["errors"]
    assert (errors["kept"]["known"], errors["kept"]["wrong"]) == (6, 2)
    assert errors["kept"]["error_rate"] == pytest.approx(1 / 3)
    high = {"known": 3, "false_positives": 1, "error_rate": pytest.approx(1 / 3)}
    assert errors["kept"]["high"] == high
    low = {"known": 3, "false_negatives": 1, "error_rate": pytest.approx(1 / 3)}
    assert errors["kept"]["low"] == low
    assert (errors["candidates"]["known"], errors["candidates"]["wrong"]) == (9, 3)


def test_auroc_of_kept_and_candidates_equals_scikit_learn(files):
    found = files.run()["classes"]["bird"]["auroc"]
    known = [(score, truth) for score, truth in FIELD.values() if truth != ""]
    kept = [(score, truth) for score, truth in known if score <= 0.1 or score >= 0.9]
    for name, rows in (("candidates", known), ("kept", kept)):
        scores, truth = zip(*rows, strict=True)
        assert found[name] == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)


def test_histogram_has_twenty_bins_that_hold_everything(files):
    histogram = files.run()["classes"]["bird"]["histogram"]
    assert len(histogram["edges"]) == 21
    expected = np.histogram([score for score, _ in FIELD.values()], 20, (0, 1))[0]
    assert histogram["candidates"] == expected.tolist()
    assert sum(histogram["kept"]) == 7
    assert histogram["kept"][2:18] == [0] * 16


def test_mean_score_by_truth(files):
    means = files.run()["classes"]["bird"]["mean_score"]
    for name, value in (("positive", 1), ("negative", 0), ("unknown", "")):
        expected = np.mean([score for score, truth in FIELD.values() if truth == value])
        assert means[name] == pytest.approx(expected, abs=1e-6)


def test_other_margins_show_what_would_be_kept_and_right(files):
    rows = files.run()["classes"]["bird"]["at_margins"]
    assert [row["margin"] for row in rows] == [0.01, 0.05, 0.1, 0.2, 0.3]
    assert [row["kept"] for row in rows] == [2, 4, 7, 7, 9]
    expected = [1, 3 / 4, 4 / 6, 4 / 6, 6 / 8]
    assert [row["right_share"] for row in rows] == pytest.approx(expected)
    assert (rows[2]["false_positives"], rows[2]["false_negatives"]) == (1, 1)


def test_a_split_limits_the_candidates(tmp_path):
    files = Files(tmp_path, FIELD)
    files._labels("field", FIELD, others="j")
    files.settings["unlabelled"] = ["field:test"]
    files.scores["field:test"] = files.scores.pop("field")
    path = files.set_targets()
    files.scores["field"] = files.scores.pop("field:test")
    found = files.run(path)
    assert (found["candidates"], found["kept"]) == (9, 6)


def test_without_truth_rates_are_null_and_counts_stay(tmp_path):
    files = Files(tmp_path, {name: (score, "") for name, (score, _) in FIELD.items()})
    found = files.run()
    bird = found["classes"]["bird"]
    assert found["kept"] == 7
    assert bird["auroc"] == {"kept": None, "candidates": None}
    assert (bird["errors"]["kept"]["known"], bird["errors"]["kept"]["error_rate"]) == (0, None)
    assert bird["mean_score"]["positive"] is None
    assert bird["balance"]["kept"]["positive_share"] is None


def test_nothing_kept_is_no_error(files):
    files.settings |= {"low": 0.0, "high": 1.0}
    found = files.run()
    assert (found["kept"], found["by_part"]) == (0, {"1": 0, "2": 0})
    assert found["classes"]["bird"]["auroc"]["kept"] is None


def test_the_log_says_it_in_two_lines(files, caplog, monkeypatch):
    path = files.set_targets()
    monkeypatch.setattr(logging.getLogger("dawnchorus"), "propagate", True)
    with caplog.at_level(logging.INFO, logger="dawnchorus"):
        files.run(path)
    assert [record.getMessage() for record in caplog.records] == [
        "7 of 10 recordings kept as pseudo-labels (<= 0.1 or >= 0.9): 4 absent, 3 present",
        "wrong: 2 of 6 kept (33.3%), 3 of 9 candidates (33.3%), where the truth is known",
    ]


def test_equal_work_gives_equal_bytes(files):
    path = files.set_targets()
    files.run(path)
    first = (files.folder / "audit.json").read_bytes()
    files.run(path)
    assert (files.folder / "audit.json").read_bytes() == first


def test_pseudo_labels_without_scores_are_an_error(files):
    path = files.set_targets()
    files.write_scores({name: score for name, (score, _) in FIELD.items() if name != "a"})
    with pytest.raises(ValueError, match=r"1 pseudo-labels have no score .*'field/a'"):
        files.run(path)


def test_other_classes_are_an_error(files):
    path = files.set_targets()
    files.write_scores({name: score for name, (score, _) in FIELD.items()}, ("crow", "owl"))
    with pytest.raises(ValueError, match=r"classes \['crow', 'owl'\], the targets have \['bird'\]"):
        files.run(path)


def test_several_classes_are_kept_where_all_are_confident(files):
    path = files.folder / "targets.parquet"
    write_targets(path, ["bird", "owl"], [("alpha", "x", 1, 0, 1, 0), ("field", "b", 0, 1, 0, 0)])
    files.write_scores({name: score for name, (score, _) in FIELD.items()}, ("bird", "owl"))
    found = files.run(path)
    assert (found["kept"], set(found["classes"])) == (1, {"bird", "owl"})
    owl = found["classes"]["owl"]
    assert (owl["balance"]["candidates"]["positive"], owl["auroc"]["candidates"]) == (0, None)
    assert owl["at_margins"][2]["kept"] == 7


@pytest.fixture
def hard(files):
    """All of the field with hard labels at 0.6 and above: 4 present, 6 absent."""
    files.settings |= {"select": "all", "labels": "hard", "thresholds": 0.6, "parts": 1}
    rows = [("bird", 0.6, "", 0, 0)]
    columns = ("class", "threshold", "f", "positives", "recordings")
    artefacts.write_table(files.folder / "thresholds.csv", columns, rows)
    return files


def audited(files, targets_path=None):
    path, table = files.folder / "targets.parquet", files.folder / "thresholds.csv"
    if targets_path is None:
        folds = files.folder / "folds.csv"
        arguments = (["alpha"], files.labels, folds, files.scores, files.settings, path, table)
        stage_targets.set_targets(*arguments)
    audit.audit(
        files.settings, files.scores, path, files.labels, files.folder / "audit.json", table
    )
    return json.loads((files.folder / "audit.json").read_text())


def test_a_class_that_went_with_its_events_is_no_truth(files):
    before = files.run()["classes"]["bird"]["balance"]["candidates"]
    recordings = {row.id: row for row in read_labels(files.labels["field"])}
    name = next(name for name, row in recordings.items() if "bird" in row.labels)
    columns = ("id", "verdict", "lost_classes")
    rows = [(one, "used", "bird" * (one == name)) for one in recordings]
    path = files.folder / "verdicts.csv"
    artefacts.write_table(path, columns, rows)
    after = files.run(verdicts={"field": str(path)})["classes"]["bird"]["balance"]["candidates"]
    assert (after["n"], after["known"]) == (before["n"], before["known"])
    assert after["positive"] == before["positive"] - 1


def test_hard_labels_are_scored_by_what_they_say(hard):
    found = audited(hard)
    assert (found["kept"], found["by_part"], found["thresholds"]) == (10, {"1": 10}, {"bird": 0.6})
    bird = found["classes"]["bird"]
    assert (bird["kept_low"], bird["kept_high"]) == (6, 4)
    # c is missed and i a false alarm; f, at 0.55, is right
    assert bird["errors"]["kept"]["high"]["false_positives"] == 1
    assert bird["errors"]["kept"]["low"]["false_negatives"] == 1
    assert bird["errors"]["kept"] == bird["errors"]["candidates"]


def test_a_kept_row_says_what_the_training_was_told(hard):
    audited(hard)
    path = hard.folder / "targets.parquet"
    told = targets_table.read(path)
    row = told.recordings.index(("field", "j"))
    assert (told.fold[row], told.part[row], told.values[row]) == (0, 1, 1)
    told.values[row] = 0
    targets_table.write(path, told)
    bird = audited(hard, path)["classes"]["bird"]
    assert (bird["kept_low"], bird["kept_high"]) == (7, 3)
    assert bird["errors"]["kept"]["low"]["false_negatives"] == 2


def test_what_was_not_kept_is_scored_by_its_threshold(hard):
    hard.settings["select"] = "confident"
    found = audited(hard)
    errors = found["classes"]["bird"]["errors"]
    assert (found["kept"], errors["kept"]["known"], errors["kept"]["wrong"]) == (7, 6, 2)
    assert (errors["candidates"]["known"], errors["candidates"]["wrong"]) == (9, 2)


def test_soft_labels_have_no_thresholds(files):
    found = files.run()
    assert (found["labels"], found["select"], found["thresholds"]) == ("soft", "confident", None)


def test_an_audit_of_hard_labels_needs_their_thresholds(hard):
    audited(hard)
    with pytest.raises(ValueError, match="choose_thresholds"):
        hard.run(hard.folder / "targets.parquet")


def test_all_recordings_are_said_to_be_kept(hard, caplog, monkeypatch):
    audited(hard)
    monkeypatch.setattr(logging.getLogger("dawnchorus"), "propagate", True)
    with caplog.at_level(logging.INFO, logger="dawnchorus"):
        audited(hard, hard.folder / "targets.parquet")
    said = "10 of 10 recordings kept as pseudo-labels (all): 6 absent, 4 present"
    assert caplog.records[0].getMessage() == said
