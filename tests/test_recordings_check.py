"""What a run refuses before its first job, because the recordings cannot serve it."""

import pytest

from dawnchorus.corpora import catalog
from dawnchorus.plan.recordings_check import check_experiments


@pytest.fixture
def table(tmp_path, monkeypatch):
    """List a table corpus of four recordings, two groups, splits train and test."""
    monkeypatch.chdir(tmp_path)

    def make(**columns):
        rows = {"group": ["x", "x", "y", "z"], "fold": [""] * 4, "split": ["train"] * 3 + ["test"]}
        rows |= columns
        lines = ["path,labels,group,fold,split"]
        for i in range(4):
            (tmp_path / f"{i}.wav").write_bytes(f"RIFF{i}".encode())
            lines.append(f"{i}.wav,bird,{rows['group'][i]},{rows['fold'][i]},{rows['split'][i]}")
        (tmp_path / "mine.csv").write_text("\n".join(lines) + "\n")
        settings = {
            "adapter": "table", "table": "mine.csv", "root": None, "separator": ";", "shards": 1,
            "binary_class": None, "fingerprint": "content", "missing_files": "error",
        }  # fmt: skip
        return {"mine": catalog.list_corpus("mine", settings, "results")}

    return make


def config(train="mine:train", **folds):
    experiment = {
        "train": [train], "test": ["mine:test"], "folds": {"by": "group"} | folds,
        "stages": {"first": {"targets": {"from": "labels"}}}, "events": None,
        "submission": {"format": "none", "by_corpus": {}},
    }  # fmt: skip
    return {"run": ["e"], "experiments": {"e": experiment}}


def test_a_split_that_no_recording_is_in_is_refused(table):
    with pytest.raises(ValueError, match=r"experiments\.e: 'mine:trian': .*'trian'.*train"):
        check_experiments(config("mine:trian", kind="rotate", count=2), table(), "results")


def test_more_folds_than_groups_are_refused(table):
    indexes = table()
    check_experiments(config(kind="grouped", count=2), indexes, "results")
    with pytest.raises(ValueError, match=r"folds\.count: 3; the 3 labelled .* 2 groups"):
        check_experiments(config(kind="grouped", count=3), indexes, "results")


def test_recordings_without_events_choose_no_decoding(table):
    chosen, indexes = config(kind="rotate", count=2), table()
    chosen["experiments"]["e"]["events"] = {"validation": ["mine:test"]}
    said = r"experiments\.e\.events\.validation: 'mine:test' has no recording with known events"
    with pytest.raises(ValueError, match=said):
        check_experiments(chosen, indexes, "results")


def test_given_folds_have_to_be_there(table):
    check_experiments(config(kind="given", count=2), table(fold=["a", "b", "b", ""]), "results")
    with pytest.raises(ValueError, match="has 1 folds, and is empty for some"):
        check_experiments(config(kind="given", count=2), table(fold=["a", "", "a", ""]), "results")


def test_label_files_that_no_submission_can_repeat_are_refused(tmp_path):
    data_sets = {}
    for name, header in (("x", "itemid,hasbird"), ("y", "itemid,datasetid,hasbird")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.wav").write_bytes(name.encode())
        row = "1,1" if name == "x" else "1,y,1"
        (tmp_path / f"{name}.csv").write_text(f"{header}\n{row}\n")
        data_sets[name] = {"audio": str(tmp_path / name), "labels": str(tmp_path / f"{name}.csv")}
    corpus = {
        "adapter": "bird_detection", "shards": 1, "fingerprint": "content", "groups": None,
        "missing_files": "error", "data_sets": data_sets,
    }  # fmt: skip
    indexes = {"mine": catalog.list_corpus("mine", corpus, tmp_path / "results")}
    chosen = config("mine", kind="rotate", count=2) | {"corpora": {"mine": corpus}}
    experiment = chosen["experiments"]["e"] | {"test": ["mine"]}
    chosen["experiments"]["e"] = experiment
    check_experiments(chosen, indexes, tmp_path / "results")
    experiment["submission"]["format"] = "bad2017"
    said = r"e\.submission: corpus 'mine': .*/y\.csv has columns .*give each a corpus of its own"
    with pytest.raises(ValueError, match=said):
        check_experiments(chosen, indexes, tmp_path / "results")
