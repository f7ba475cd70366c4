"""Thresholds of hard pseudo-labels, from score files that fit in one's head; what they make known."""

import numpy as np
import pytest

from dawnchorus.corpora.tables import LABELS, write_rows
from dawnchorus.evaluation import caveats
from dawnchorus.metrics import tuning
from dawnchorus.runtime import artefacts
from dawnchorus.scores import score_files
from dawnchorus.targets import thresholds

CLASSES = ["bird", "frog"]
SETTINGS = {"thresholds": "tuned", "pooling": "max", "average": "mean", "classes": None}
# id: fold, labels, scores of bird and frog by the members of that fold
CLIPS = {
    "a": (1, "bird", (0.32, 0.05)),
    "b": (1, "bird;frog", (0.42, 0.95)),
    "c": (2, "", (0.28, 0.88)),
    "d": (2, "frog", (0.12, 0.92)),
}


class Files:
    """Labels and folds of a corpus, and what two members said of it."""

    def __init__(self, folder, clips):
        self.folder, self.clips = folder, clips
        self.output = folder / "thresholds.csv"
        rows = [
            (name, "", "", "", "", "", 1, labels, "", "")
            for name, (_, labels, _) in clips.items()
        ]  # fmt: skip
        write_rows(folder / "labels.csv", LABELS, rows)
        dealt = [("weak", name, fold) for name, (fold, _, _) in clips.items()]
        artefacts.write_table(folder / "folds.csv", ("corpus", "id", "fold"), dealt)
        self.scores = {"weak": folder / "scores.h5"}
        self.write_scores({f"f{fold}p0s1": fold for fold in (1, 2)})

    def write_scores(self, members, extra=()):
        """Members score the clips of one fold each, in two windows; ``extra``: more rows."""
        ids = list(self.clips)
        with score_files.writing_windows(self.scores["weak"], ids, members, CLASSES) as put:
            for member, fold in members.items():
                own = [
                    (name, row) for name, (number, _, row) in self.clips.items() if number == fold
                ]
                own += [(name, row) for who, name, row in extra if who == member]
                index = np.repeat([ids.index(name) for name, _ in own], 2).astype(int)
                onset = np.tile([0.0, 1.0], len(own))
                # the second window is the one that counts
                values = [v for _, row in own for v in (np.zeros(2), row)]
                put(member, index, onset, onset + 1, np.reshape(values, (-1, 2)))

    def choose(self, **settings):
        thresholds.choose_thresholds(
            self.scores, {"weak": self.folder / "labels.csv"}, ["weak"],
            self.folder / "folds.csv", SETTINGS | settings, self.output,
        )  # fmt: skip
        return {row["class"]: row for row in artefacts.read_table(self.output)}


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path, CLIPS)


def test_each_class_has_the_first_best_of_its_grid(files):
    found = files.choose()
    # birds are at 0.32 and above, others at 0.28: 0.3 alone tells them apart; frogs from 0.9
    assert [found[name]["threshold"] for name in CLASSES] == ["0.3", "0.9"]
    assert [row["f"] for row in found.values()] == ["1", "1"]
    assert [(row["positives"], row["recordings"]) for row in found.values()] == [("2", "4")] * 2


def test_published_thresholds_go_up_from_zero(files):
    found = files.choose(thresholds="published")
    assert [found[name]["threshold"] for name in CLASSES] == ["0.3", "0.9"]
    clips = {name: (fold, labels, (s, 0.001)) for name, (fold, labels, (s, _)) in CLIPS.items()}
    never = Files(files.folder, clips)
    # the frog's scores are no better than calling everything: 0 comes first, or 0.5
    assert never.choose(thresholds="published")["frog"]["threshold"] == "0.0"
    assert never.choose()["frog"]["threshold"] == "0.5"
    assert never.choose()["frog"]["f"] == "0"


def test_equals_the_search_on_the_same_clips(tmp_path):
    rng = np.random.default_rng(5)
    known = rng.random((60, 2)) < 0.4
    scores = np.float32(np.clip(known * 0.2 + rng.random((60, 2)) * 0.8, 0, 1))
    clips = {
        f"r{i:02d}": (
            1 + i % 2,
            ";".join(n for n, k in zip(CLASSES, known[i], strict=True) if k),
            s,
        )
        for i, s in enumerate(scores)
    }
    for how, grid in (("tuned", tuning.THRESHOLDS), ("published", tuning.PUBLISHED_THRESHOLDS)):
        expected = tuning.clip_thresholds(known.astype(int), scores, grid)
        found = Files(tmp_path, clips).choose(thresholds=how)
        got = [float(found[name]["threshold"]) for name in CLASSES]
        assert got == expected.settings["threshold"].tolist()
        np.testing.assert_allclose(
            [float(found[name]["f"]) for name in CLASSES], expected.scores, atol=1e-9
        )


def test_members_of_a_fold_are_averaged(files):
    files.write_scores({"f1p0s1": 1, "f1p0s2": None, "f2p0s1": 2}, [("f1p0s2", "a", (0.0, 0.05))])
    bird = files.choose()["bird"]
    # a is at 0.16 now: to find it costs one false alarm, at 0.28
    assert (bird["threshold"], float(bird["f"])) == ("0.15", pytest.approx(0.8))


def test_members_of_other_folds_say_nothing(files):
    before = files.choose()
    trained_on = [("f1p0s1", "c", (0.99, 0.0)), ("f2p0s1", "a", (0.0, 0.99))]
    files.write_scores({"f1p0s1": 1, "f2p0s1": 2}, trained_on)
    assert files.choose() == before


def test_the_training_fold_of_a_holdout_does_not_count(files):
    files.write_scores({"f1p0s1": 1})
    found = files.choose()
    assert [(row["positives"], row["recordings"]) for row in found.values()] == [
        ("2", "2"),
        ("1", "2"),
    ]


def test_no_recording_with_both_is_an_error(files):
    files.write_scores({"f3p0s1": 3})
    with pytest.raises(ValueError, match="none of 4 training recordings has both a label and"):
        files.choose()


def test_a_number_needs_no_scores(files):
    files.scores = {}
    found = files.choose(thresholds=0.35)
    assert found == {
        name: {"class": name, "threshold": "0.35", "f": "", "positives": "0", "recordings": "0"}
        for name in CLASSES
    }
    assert list(files.choose(thresholds=1, classes=["frog"])) == ["frog"]


@pytest.mark.parametrize("odd", ["best", 1.5, -0.1, None])
def test_thresholds_that_are_none_are_refused(files, odd):
    with pytest.raises(ValueError, match="expected tuned, published, or a number from 0 to 1"):
        files.choose(thresholds=odd)


def test_scores_of_other_corpora_and_classes_are_refused(files):
    with pytest.raises(
        ValueError, match=r"scores the classes \['bird', 'frog'\]; expected \['bird'"
    ):
        files.choose(classes=["bird"])
    files.scores = {"else": files.scores["weak"]}
    with pytest.raises(ValueError, match="no scores of corpus 'weak'"):
        files.choose()


def test_equal_work_gives_equal_bytes(files):
    files.choose()
    first = files.output.read_bytes()
    files.choose()
    assert files.output.read_bytes() == first
    assert first.splitlines()[0] == b"class,threshold,f,positives,recordings"


PSEUDO = {"from": "predictions", "stage": "first", "unlabelled": ["pool"]}
MEAN = {"from": "mean_teacher", "unlabelled": ["pool:more"]}


def stages(**sources):
    return {name: {"targets": source} for name, source in sources.items()}


def test_labels_that_validate_have_chosen_the_epoch():
    chosen = stages(first={"from": "labels"}, second=PSEUDO | {"labelled": "validate"})
    settings = {"stages": chosen, "folds": {"validation": "next", "split_groups": False}}
    assert caveats.marks(["second"], settings, "chose_epoch") == {"chose_epoch": True}
    assert caveats.marks(["first"], settings, "chose_epoch") == {"chose_epoch": False}
    assert caveats.marks(["first", "second"], settings)["chose_epoch"]
    chosen["second"] = {"targets": PSEUDO | {"labelled": "train"}}
    assert not caveats.marks(["second"], settings)["chose_epoch"]


@pytest.mark.parametrize(
    ("reference", "expected"), [("pool", True), ("pool:more", True), ("pool:test", False)]
)
def test_a_mean_teacher_is_transductive_where_it_hears_what_is_tested(reference, expected):
    chosen = stages(
        mean=MEAN,
        later={"from": "predictions", "stage": "mean", "unlabelled": ["elsewhere"]},
        student={"from": "teachers", "stages": ["mean"]},
    )
    for name in chosen:
        assert caveats.is_transductive(chosen, name, reference) is expected
    informed = [caveats.has_informed_teachers(chosen, name) for name in chosen]
    assert informed == [False, True, False]
