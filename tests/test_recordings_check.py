"""What a run refuses before its first job, because the recordings cannot serve it."""

from pathlib import Path

import pytest

from dawnchorus.cli import command
from dawnchorus.corpora import catalog
from dawnchorus.plan.recordings_check import check_experiments, experiment_notes


@pytest.fixture
def table(tmp_path, monkeypatch):
    """List a table corpus of four recordings, two groups, splits train and test."""
    monkeypatch.chdir(tmp_path)

    def make(**columns):
        rows = {"group": ["x", "x", "y", "z"], "fold": [""] * 4, "split": ["train"] * 3 + ["test"]}
        rows["labels"] = ["bird"] * 4
        rows |= columns
        lines = ["path,labels,group,fold,split"]
        for i in range(4):
            (tmp_path / f"{i}.wav").write_bytes(f"RIFF{i}".encode())
            columns = ("labels", "group", "fold", "split")
            lines.append(",".join([f"{i}.wav", *(rows[column][i] for column in columns)]))
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


def test_classes_with_fewer_recordings_than_folds_are_noted_with_counts(table):
    labels = ["robin;wren", "robin", "robin;lark", "robin"]
    indexes = table(labels=labels)
    notes = experiment_notes(config(kind="stratified", count=3), indexes)
    assert notes == [
        "experiments.e: 2 of 3 classes have fewer recordings than the 3 folds: 'lark (1)', "
        "'wren (1)'; in some folds they are not scored, or not trained"
    ]
    chosen = config(kind="stratified", count=3)
    chosen["experiments"]["e"]["classes"] = ["robin"]
    assert experiment_notes(chosen, indexes) == []
    assert experiment_notes(config(kind="holdout", count=1), indexes) == []


def test_corpora_of_another_experiment_are_noted(table):
    indexes = table()
    chosen = config(kind="rotate", count=2)
    assert experiment_notes(chosen, indexes) == []
    chosen["experiments"]["e"]["events"] = {"validation": ["other:valid"]}
    # a corpus of its own for validation is nothing odd, nor is a variant with the same recordings
    chosen["experiments"]["variant"] = dict(chosen["experiments"]["e"])
    assert experiment_notes(chosen, indexes) == []
    chosen["experiments"]["parent"] = chosen["experiments"]["e"] | {"train": ["other:train"]}
    (note,) = experiment_notes(chosen, indexes)
    assert note.startswith("experiments.e.events.validation: 'other:valid' is neither trained nor")
    targets = {"from": "mean_teacher", "unlabelled": ["mine", "night"]}
    for name in ("e", "parent"):
        chosen["experiments"][name] |= {"events": None, "stages": {"s": {"targets": targets}}}
    (note,) = experiment_notes(chosen, indexes)
    assert note.startswith("experiments.e.stages.s.targets.unlabelled: 'night' is neither")


def test_check_says_what_is_odd_without_listing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = ["robin", "Robin", "wren", "robin", "robin", "robin"]
    lines = [f"{n}.wav,{label}" for n, label in enumerate(rows)]
    (tmp_path / "m.csv").write_text("\n".join(["path,labels", *lines]) + "\n")
    for n in range(len(rows)):
        (tmp_path / f"{n}.wav").write_bytes(b"RIFF")
    (tmp_path / "x.yaml").write_text(
        "run: [x]\ncorpora: {c: {adapter: table, table: m.csv}}\n"
        "experiments: {x: {train: [c], folds: {kind: stratified, count: 3}}}\n"
    )
    arguments = ["check", "--workflow", str(Path(__file__).parents[1]), "x.yaml"]
    assert command.main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("corpus c: 1 class names differ only in case")
    assert lines[1].startswith(
        "experiments.x: 2 of 3 classes have fewer recordings than the 3 folds"
    )
    assert lines[2] == "sound: runs x on c"
    assert not (tmp_path / "results").exists()
    (tmp_path / "m.csv").write_text("path,labels\n0.wav,0\n1.wav,1\n")
    assert command.main(arguments) == 2
    assert "set binary_class" in capsys.readouterr().err


def test_label_files_without_a_column_for_the_label_are_no_submission(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "1.wav").write_bytes(b"x")
    (tmp_path / "x.csv").write_text("itemid\n1\n")
    corpus = {
        "adapter": "bird_detection", "shards": 1, "fingerprint": "content", "groups": None,
        "missing_files": "error",
        "data_sets": {"x": {"audio": str(tmp_path / "x"), "labels": str(tmp_path / "x.csv")}},
    }  # fmt: skip
    indexes = {"mine": catalog.list_corpus("mine", corpus, tmp_path / "results")}
    chosen = config("mine", kind="rotate", count=2) | {"corpora": {"mine": corpus}}
    experiment = chosen["experiments"]["e"] | {"test": ["mine"]}
    chosen["experiments"]["e"] = experiment
    check_experiments(chosen, indexes, tmp_path / "results")
    experiment["submission"]["format"] = "bad2017"
    with pytest.raises(
        ValueError, match=r"e\.submission: corpus 'mine': label files have the columns itemid, "
    ):
        check_experiments(chosen, indexes, tmp_path / "results")
