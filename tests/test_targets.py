"""Folds over corpora, leaks, labels and pseudo-labels as numbers."""

import csv
import hashlib
import tracemalloc

import numpy as np
import pandas
import pytest
from target_rows import write_targets

from dawnchorus.corpora import tables as contents_of_corpora
from dawnchorus.runtime import artefacts, seeds
from dawnchorus.scores import score_files
from dawnchorus.targets import folds, leaks, pseudo_labels, stage_targets, targets_table

SETTINGS = {
    "kind": "stratified", "count": 2, "seed": 1, "by": "group", "split_groups": False,
    "validation": "none",
}  # fmt: skip


def write_rows(path, columns, rows):
    if columns in (contents_of_corpora.LABELS, contents_of_corpora.LISTING):
        contents_of_corpora.write_rows(path, columns, rows)
        return str(path)
    with open(path, "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([columns, *rows])
    return str(path)


@pytest.fixture
def corpus(tmp_path):
    """A corpus of n recordings r0, r1, ...: odd ones have a bird."""

    def make(name, n, groups=None, contents=None, splits=None, recordists=None):
        empty = [""] * n
        label_rows = [
            (
                f"r{i}", "", (groups or empty)[i], (recordists or empty)[i], "",
                (splits or empty)[i], 1, "bird" * (i % 2), "", "",
            )
            for i in range(n)
        ]  # fmt: skip
        columns = contents_of_corpora.LABELS
        labels = write_rows(tmp_path / f"{name}-labels.csv", columns, label_rows)
        digests = [hashlib.sha256(f"{name}{i}".encode()).hexdigest() for i in range(n)]
        for i, content in (contents or {}).items():
            digests[i] = content
        rows = [(f"r{i}", "wav", 1, "", digests[i]) for i in range(n)]
        listing = write_rows(tmp_path / f"{name}.csv", contents_of_corpora.LISTING, rows)
        verdicts = write_rows(
            tmp_path / f"{name}-verdicts.csv", ("id", "verdict"),
            [(f"r{i}", "AUDIO_EMPTY" if i == 0 else "used") for i in range(n)],
        )  # fmt: skip
        return labels, listing, verdicts

    return make


def deal(tmp_path, name, files, **settings):
    labels, listing, verdicts = files
    output = tmp_path / "folds.csv"
    folds.deal_folds(
        [name], {name: labels}, {name: verdicts}, {name: [listing]}, SETTINGS | settings, output
    )
    return output


def test_folds_are_dealt_over_what_is_used(tmp_path, corpus):
    rows = artefacts.read_table(deal(tmp_path, "a", corpus("a", 9)))
    assert [row["id"] for row in rows] == [f"r{i}" for i in range(1, 9)]
    assert sorted(row["fold"] for row in rows) == ["1"] * 4 + ["2"] * 4


def test_a_group_in_two_folds_is_an_error_that_names_it(tmp_path, corpus):
    files = corpus("a", 9, groups=["pond"] * 9)
    with pytest.raises(ValueError, match="pond"):
        deal(tmp_path, "a", files)


def test_equal_content_in_two_folds_is_an_error(tmp_path, corpus):
    files = corpus("a", 40, contents={i: "f" * 64 for i in range(1, 40)})
    with pytest.raises(ValueError, match="equal content in two folds"):
        deal(tmp_path, "a", files)


def test_nothing_tested_may_be_trained_on(tmp_path, corpus):
    one, other = corpus("a", 4), corpus("b", 4)
    labels, listings = {"a": one[0], "b": other[0]}, {"a": [one[1]], "b": [other[1]]}
    leaks.check_test_leaks(["a"], [], ["b"], labels, listings, tmp_path / "leaks.csv")
    assert artefacts.read_table(tmp_path / "leaks.csv")[2]["contents"] == "4"
    same = hashlib.sha256(b"a2").hexdigest()
    copied = corpus("b", 4, contents={3: same})
    with pytest.raises(ValueError, match=r"a/r2 is in train and b/r3 in test, of one content"):
        leaks.check_test_leaks(
            ["a"], [], ["b"], labels, {"a": [one[1]], "b": [copied[1]]}, tmp_path / "l.csv"
        )
    with pytest.raises(
        ValueError, match=r"a/r2 is in train and b/r3 in unlabelled, of one content"
    ):
        leaks.check_test_leaks(
            ["a"], ["b"], [], labels, {"a": [one[1]], "b": [copied[1]]}, tmp_path / "l.csv"
        )


def test_what_is_tested_may_lend_its_pseudo_label_under_its_own_name_only(tmp_path, corpus):
    one, test = corpus("a", 4), corpus("b", 4)
    pool = corpus("c", 4, contents={0: hashlib.sha256(b"b1").hexdigest()})
    labels = {"a": one[0], "b": test[0], "c": pool[0]}
    listings = {"a": [one[1]], "b": [test[1]], "c": [pool[1]]}
    leaks.check_test_leaks(["a"], ["b"], ["b"], labels, listings, tmp_path / "l.csv")
    with pytest.raises(ValueError, match=r"c/r0 is in unlabelled and b/r1 in test"):
        leaks.check_test_leaks(["a"], ["b", "c"], ["b"], labels, listings, tmp_path / "l.csv")


@pytest.mark.parametrize("part", ["train", "unlabelled", "test"])
def test_what_chooses_decodings_is_nothing_else(tmp_path, corpus, part):
    one = corpus("a", 4)
    other = corpus("b", 4, contents={3: hashlib.sha256(b"a2").hexdigest()})
    parts = dict.fromkeys(("train", "unlabelled", "test"), ()) | {part: ["a"]}
    labels, listings = {"a": one[0], "b": other[0]}, {"a": [one[1]], "b": [other[1]]}
    with pytest.raises(ValueError, match=f"a/r2 is in {part} and b/r3 in validation, of one"):
        leaks.check_test_leaks(
            *parts.values(), labels, listings, tmp_path / "l.csv", validation=["b"]
        )


def test_a_group_on_both_sides_is_an_error(tmp_path, corpus):
    splits = ["train", "train", "test", "test"]
    labels, listing, _ = corpus("a", 4, groups=["x", "y", "y", "z"], splits=splits)
    with pytest.raises(ValueError, match=r"group y"):
        leaks.check_test_leaks(
            ["a:train"], [], ["a:test"], {"a": labels}, {"a": [listing]}, tmp_path / "l.csv"
        )


@pytest.fixture
def teacher(tmp_path):
    """Scores of two members on ten recordings; their mean is 0, 0.1, ... 0.9."""
    path = tmp_path / "scores.h5"
    with score_files.writing_windows(
        path, [f"t{i}" for i in range(10)], ["m1", "m2"], ["bird"]
    ) as put:
        for member, shift in (("m1", -0.0), ("m2", 0.0)):
            scores = np.arange(10)[:, None] / 10 + shift
            put(member, np.arange(10), np.zeros(10), np.ones(10), scores)
    return str(path)


def set_targets(
    tmp_path, corpus, teachers, *, thresholds=None, tables=None, verdicts=None, **settings
):
    files = corpus("a", 9)
    folds = deal(tmp_path, "a", files)
    chosen = {"seed": 3, "classes": None, "low": 0.2, "high": 0.8, "parts": 2, "pooling": "max",
              "average": "mean"} | settings  # fmt: skip
    output = tmp_path / "targets.parquet"
    tables = {"a": files[0]} | (tables or {})
    stage_targets.set_targets(["a"], tables, folds, teachers, chosen, output, thresholds, verdicts)
    return targets_table.read(output)


def pseudo_rows(found):
    """Scores of what has no fold, by id."""
    return {
        found.recordings[row][1]: found.values[row, 0] for row in np.flatnonzero(found.fold == 0)
    }


def test_labels_become_targets_of_their_fold(tmp_path, corpus):
    found = set_targets(tmp_path, corpus, {})
    assert found.class_names == ["bird"]
    assert found.recordings == [("a", f"r{i}") for i in range(1, 9)]
    np.testing.assert_array_equal(found.values[:, 0], [1, 0, 1, 0, 1, 0, 1, 0])
    assert set(found.fold) == {1, 2}
    assert set(found.part) == {0}


def test_pseudo_labels_are_soft_confident_and_dealt_into_parts(tmp_path, corpus, teacher):
    found = set_targets(tmp_path, corpus, {"b": teacher})
    pseudo = {
        name: value[0]
        for (where, name), value in zip(found.recordings, found.values, strict=True)
        if where == "b"
    }
    # both bounds belong to what is kept
    assert pseudo == {f"t{i}": np.float32(i / 10) for i in (0, 1, 2, 8, 9)}
    parts = found.part[found.fold == 0]
    assert abs(int((parts == 1).sum()) - int((parts == 2).sum())) <= 1
    assert found.part[found.fold > 0].max() == 0


def test_pseudo_labels_may_be_empty(tmp_path, corpus, teacher):
    found = set_targets(tmp_path, corpus, {"b": teacher}, low=-1.0, high=1.1)
    assert (found.fold > 0).all()


def test_a_class_that_is_given_must_have_a_positive(tmp_path, corpus):
    found = set_targets(tmp_path, corpus, {}, classes=["bird"])
    assert found.class_names == ["bird"]
    with pytest.raises(ValueError, match=r"'brid' has no positive .* did you mean 'bird'"):
        set_targets(tmp_path, corpus, {}, classes=["brid"])


def test_a_member_name_that_is_none_is_refused():
    with pytest.raises(ValueError, match="f<fold>p<part>s<seed>"):
        targets_table.Member.named("model_1")


def test_groups_may_be_split_only_where_that_is_asked_for(tmp_path, corpus, caplog):
    files = corpus("a", 9, groups=["g"] * 9)
    with pytest.raises(ValueError, match="group 'a/g' is in two folds"):
        deal(tmp_path, "a", files)
    rows = artefacts.read_table(deal(tmp_path, "a", files, split_groups=True))
    assert {row["fold"] for row in rows} == {"1", "2"}


def test_folds_by_recordist_keep_recordists_together(tmp_path, corpus):
    recordists = ["ann", "ben", "cat"] * 4
    files = corpus("a", 12, recordists=recordists, groups=[f"g{i}" for i in range(12)])
    rows = artefacts.read_table(deal(tmp_path, "a", files, kind="grouped", count=3, by="recordist"))
    found = {(recordists[int(row["id"][1:])], row["fold"]) for row in rows}
    assert len(found) == 3


def test_the_next_fold_chooses_the_epoch_and_is_not_trained_on():
    fold = np.array([1, 2, 3, 1, 2, 3, 0])
    found = targets_table.Targets(
        recordings=[("a", f"r{i}") for i in range(7)], fold=fold,
        part=np.array([0] * 6 + [1]), values=np.zeros((7, 1), np.float32), class_names=["bird"],
    )  # fmt: skip
    last = targets_table.Member.named("f3p1s1")
    assert fold[found.validation_rows(last, "next")].tolist() == [1, 1]
    assert fold[found.training_rows(last, "next")].tolist() == [2, 2, 0]
    assert fold[found.validation_rows(last, "own")].tolist() == [3, 3]
    assert fold[found.training_rows(last, "own")].tolist() == [1, 2, 1, 2, 0]
    assert fold[found.validation_rows(last)].tolist() == [3, 3]


def test_targets_of_many_classes_need_little_memory(tmp_path):
    n, n_classes = 300, 800
    values = np.eye(n, n_classes) * 0.987654321
    rows = [("c", f"r{i}", 1, 0, *values[i]) for i in range(n)]
    path = write_targets(tmp_path / "t.parquet", map(str, range(n_classes)), rows)
    del rows
    tracemalloc.start()
    found = targets_table.read(path)
    assert tracemalloc.get_traced_memory()[1] < 2 * found.values.nbytes
    tracemalloc.stop()
    np.testing.assert_array_equal(found.values, values.astype(np.float32))
    assert found.class_names == [str(k) for k in range(n_classes)]
    assert found.recordings[7] == ("c", "r7")


@pytest.fixture
def thresholds(tmp_path):
    def make(value, name="bird"):
        columns = ("class", "threshold", "f", "positives", "recordings")
        path = tmp_path / "thresholds.csv"
        artefacts.write_table(path, columns, [("none", 0.1, "", 0, 0), (name, value, "", 0, 0)])
        return path

    return make


HARD = {"select": "all", "labels": "hard", "parts": 1}


def test_hard_labels_of_all_that_is_scored(tmp_path, corpus, teacher, thresholds):
    found = set_targets(tmp_path, corpus, {"b": teacher}, thresholds=thresholds(0.5), **HARD)
    # what is at the threshold is of the class; what is of none stays
    assert pseudo_rows(found) == {f"t{i}": float(i >= 5) for i in range(10)}
    assert found.part[found.fold == 0].tolist() == [1] * 10


def test_hard_labels_of_confident_recordings_alone(tmp_path, corpus, teacher, thresholds):
    chosen = HARD | {"select": "confident"}
    found = set_targets(tmp_path, corpus, {"b": teacher}, thresholds=thresholds(0.15), **chosen)
    assert pseudo_rows(found) == {"t0": 0, "t1": 0, "t2": 1, "t8": 1, "t9": 1}


def test_soft_labels_of_all_that_is_scored(tmp_path, corpus, teacher):
    found = set_targets(tmp_path, corpus, {"b": teacher}, select="all")
    assert pseudo_rows(found) == {f"t{i}": np.float32(i / 10) for i in range(10)}
    assert sorted(found.part[found.fold == 0]) == [1] * 5 + [2] * 5


def test_a_recording_that_nobody_scored_is_no_row(tmp_path, corpus, thresholds):
    path = tmp_path / "gaps.h5"
    with score_files.writing_windows(path, ["t0", "t1"], ["f1p0s1"], ["bird"]) as put:
        put("f1p0s1", [1], [0.0], [1.0], [[0.7]])
    found = set_targets(tmp_path, corpus, {"b": path}, thresholds=thresholds(0.5), **HARD)
    assert pseudo_rows(found) == {"t1": 1}


def test_hard_labels_without_a_threshold_are_refused(tmp_path, corpus, teacher, thresholds):
    with pytest.raises(ValueError, match="hard labels have no thresholds.*choose_thresholds"):
        set_targets(tmp_path, corpus, {"b": teacher}, **HARD)
    other = thresholds(0.5, "owl")
    with pytest.raises(ValueError, match=r"no threshold for 1 classes: \['bird'\]"):
        set_targets(tmp_path, corpus, {"b": teacher}, thresholds=other, **HARD)


@pytest.mark.parametrize("odd", [{"select": "most"}, {"labels": "firm"}])
def test_a_choice_that_is_none_is_refused(tmp_path, corpus, teacher, odd):
    with pytest.raises(ValueError, match=r"(select|labels) of pseudo-labels is '(most|firm)'"):
        set_targets(tmp_path, corpus, {"b": teacher}, **odd)


def test_a_mean_teacher_has_rows_that_say_nothing(tmp_path, corpus):
    labels, _, verdicts = corpus("b", 4, splits=["", "more", "more", "test"])
    about = {"tables": {"b": labels}, "verdicts": {"b": verdicts}, "from": "mean_teacher"}
    found = set_targets(tmp_path, corpus, {}, unlabelled=["b"], **about)
    rows = found.unlabelled_rows()
    # r0 cannot be used
    assert [found.recordings[row] for row in rows] == [("b", f"r{i}") for i in (1, 2, 3)]
    assert not found.values[rows].any() | found.fold[rows].any() | found.part[rows].any()
    member = targets_table.Member(fold=1, part=0, seed=1)
    assert set(found.fold[found.training_rows(member)]) == {2}
    assert set(found.fold[found.validation_rows(member)]) == {1}
    found = set_targets(tmp_path, corpus, {}, unlabelled=["b:more"], **about)
    assert [found.recordings[row][1] for row in found.unlabelled_rows()] == ["r1", "r2"]


def test_a_labelled_recording_is_no_second_row_of_a_mean_teacher(tmp_path, corpus):
    verdicts = {"a": corpus("a", 9)[2]}
    found = set_targets(
        tmp_path, corpus, {}, unlabelled=["a"], verdicts=verdicts, **{"from": "mean_teacher"}
    )
    assert len(set(found.recordings)) == len(found.recordings) == 8
    assert len(found.unlabelled_rows()) == 0


def test_a_mean_teacher_without_unlabelled_recordings_is_an_error(tmp_path, corpus):
    labels, _, verdicts = corpus("b", 1)
    about = {"tables": {"b": labels}, "unlabelled": ["b"], "from": "mean_teacher"}
    with pytest.raises(ValueError, match="no used recording in b"):
        set_targets(tmp_path, corpus, {}, verdicts={"b": verdicts}, **about)
    with pytest.raises(ValueError, match="no verdicts of b"):
        set_targets(tmp_path, corpus, {}, **about)


def test_all_labelled_rows_may_choose_the_epoch_and_none_is_trained_on():
    fold, part = np.array([1, 2, 3, 0, 0, 0]), np.array([0, 0, 0, 1, 2, 0])
    found = targets_table.Targets(
        recordings=[("a", f"r{i}") for i in range(6)], fold=fold, part=part,
        values=np.zeros((6, 1), np.float32), class_names=["bird"],
    )  # fmt: skip
    member = targets_table.Member.named("f2p1s1")
    assert found.training_rows(member, "all").tolist() == [3]
    assert found.validation_rows(member, "all").tolist() == [0, 1, 2]
    assert found.training_rows(member, "own").tolist() == [0, 2, 3]
    assert found.unlabelled_rows().tolist() == [5]


def some_targets(n, n_classes):
    values = np.random.default_rng(1).random((n, n_classes), np.float32)
    values[:, 0] = np.nextafter(np.float32(1), np.float32(0))
    return targets_table.Targets(
        recordings=[("garden", f"a,{i}\u00e4") for i in range(n)],
        fold=np.arange(n) % 3, part=np.arange(n) % 2, values=values,
        class_names=[f"class {k}: \u00e9" for k in range(n_classes)],
    )  # fmt: skip


def test_targets_are_read_as_they_were_written_and_equal_ones_are_equal_bytes(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(targets_table, "_AT_ONCE", 21)  # row groups of three rows
    wanted, paths = some_targets(8, 7), [tmp_path / f"{name}.parquet" for name in "ab"]
    for path in paths:
        targets_table.write(path, wanted)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    found = targets_table.read(paths[0])
    assert found.recordings == wanted.recordings
    assert found.class_names == targets_table.read_class_names(paths[0]) == wanted.class_names
    assert found.values.dtype == np.float32
    np.testing.assert_array_equal(found.values, wanted.values)
    np.testing.assert_array_equal([found.fold, found.part], [wanted.fold, wanted.part])


def test_any_program_that_reads_parquet_reads_targets(tmp_path):
    wanted = some_targets(4, 3)
    targets_table.write(tmp_path / "t.parquet", wanted)
    frame = pandas.read_parquet(tmp_path / "t.parquet")
    assert list(frame.columns) == ["corpus", "id", "fold", "part", "targets"]
    np.testing.assert_array_equal(np.stack(frame["targets"]), wanted.values)


def test_a_file_without_targets_is_refused_by_name(tmp_path):
    (tmp_path / "t.parquet").write_text("corpus,id\n")
    with pytest.raises(ValueError, match=r"t\.parquet is damaged"):
        targets_table.read(tmp_path / "t.parquet")
    pandas.DataFrame({"id": ["a"]}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=r"t\.parquet holds no targets"):
        targets_table.read_class_names(tmp_path / "t.parquet")


def test_parts_keep_groups_together_and_are_dealt_in_turn_without(tmp_path):
    rng = np.random.default_rng(2)
    groups = [f"bird{number}" if number else "" for number in rng.integers(0, 9, 80)]
    part = pseudo_labels.deal_parts(groups, 3, seed=4)
    for name in set(groups) - {""}:
        assert len({own for own, group in zip(part, groups, strict=True) if group == name}) == 1
    assert np.ptp(np.bincount(part)[1:]) <= 1  # those without a group fill the parts up
    order = seeds.generator(4, "pseudo-labels").permutation(80)
    expected = np.empty(80, int)
    expected[order] = 1 + np.arange(80) % 3
    assert (pseudo_labels.deal_parts([""] * 80, 3, seed=4) == expected).all()


@pytest.mark.parametrize("by", ["group", "recordist"])
def test_parts_keep_what_folds_keep_together(tmp_path, corpus, teacher, by, caplog):
    rows = [
        dict.fromkeys(contents_of_corpora.LABELS, "")
        | {"id": f"t{i}", "labelled": 0, by: f"bird{i // 5}"}
        for i in range(10)
    ]
    columns = contents_of_corpora.LABELS
    labels = write_rows(tmp_path / "b.csv", columns, [tuple(row.values()) for row in rows])
    about = {"tables": {"b": labels}, "select": "all", "by": by}
    with caplog.at_level("INFO"):
        found = set_targets(tmp_path, corpus, {"b": teacher}, **about)
    part = {name: int(found.part[i]) for i, (c, name) in enumerate(found.recordings) if c == "b"}
    assert len({part[f"t{i}"] for i in range(5)}) == len({part[f"t{i}"] for i in range(5, 10)}) == 1
    assert part["t0"] != part["t9"]
    assert "no group" not in caplog.text
    with caplog.at_level("INFO"):
        set_targets(tmp_path, corpus, {"b": teacher}, select="all", by=by)
    assert "no group of 10 recordings is known" in caplog.text
