"""Ground truth, decodings and detected events: what is evaluated, chosen and written."""

import json

import numpy as np
import pytest
from target_rows import write_targets

from dawnchorus.audio.verdicts import VERDICT_COLUMNS
from dawnchorus.corpora import tables
from dawnchorus.events import decoding, decoding_choice, detection
from dawnchorus.events.decoding import ScoredRecording
from dawnchorus.events.detection import read_durations
from dawnchorus.events.tuning_counts import EventF
from dawnchorus.formats.annotations import dcase
from dawnchorus.formats.event import Event, read_events, write_events
from dawnchorus.metrics import events as event_metrics
from dawnchorus.metrics import tuning
from dawnchorus.metrics.event_pairs import Collars
from dawnchorus.runtime import artefacts
from dawnchorus.scores import frame_files, score_files
from dawnchorus.targets.ground_truth import find_event_set, read_event_set, read_test_set

NAMES = ["Bell", "Cat", "Dog"]
FPS = 50.0
GRIDS = {
    "threshold": [0.5, 0.3, 0.7],
    "filter_s": [0.0, 0.1, 0.3],
    "gap_s": [0.0, 0.2],
    "minimum_s": [0.0, 0.1],
}
PLAIN = {
    "threshold": 0.5, "filter_s": 0.1, "gap_s": 0.0, "minimum_s": 0.0, "tune": "none",
    "grids": {"threshold": [0.5, 0.4]}, "together": ["threshold", "filter_s"], "per_class": True,
}  # fmt: skip
COLLAR = {"onset_s": 0.2, "offset_s": 0.2, "offset_share": 0.2}


def write_corpus(folder, rows, events, excluded=()):
    """Write labels, verdicts (4 s each) and events; rows are (id, data set, group, split, labels)."""
    labels = [
        (name, data_set, group, "", "", split, int(data_set != "unlabelled"), known, "", "")
        for name, data_set, group, split, known in rows
    ]
    tables.write_rows(folder / "labels.csv", tables.LABELS, labels)
    verdicts = [
        (
            name,
            "AUDIO_EMPTY" if name in excluded else "used",
            "",
            "",
            0.0 if name in excluded else 4.0,
            0 if name in excluded else 8000,
            "",
        )
        for name in [*(row[0] for row in rows), *(x for x in excluded if x == "unlisted")]
    ]
    artefacts.write_table(folder / "verdicts.csv", VERDICT_COLUMNS, verdicts)
    write_events(folder / "events.csv", events)
    return [folder / f"{name}.csv" for name in ("labels", "verdicts", "events")]


def write_frames(path, scores, names=NAMES, fps=FPS, onset_s=0.0):
    """Write frame scores of one member; scores by id."""
    with frame_files.writing_frames(path, list(scores), ["mean"], names, fps) as put:
        put("mean", np.arange(len(scores)), np.full(len(scores), onset_s), iter(scores.values()))
    return path


def scores_of(spans, low=0.1, n_frames=210):
    """Return frame scores; spans are (class number, first frame, beyond, score)."""
    scores = np.full((n_frames, len(NAMES)), low, np.float32)
    for column, first, beyond, score in spans:
        scores[first:beyond, column] = score
    return scores


# --- ground truth -------------------------------------------------------------------------------------

ROWS = [
    ("a", "strong", "g1", "test", "Bell"),
    ("b", "strong", "", "test", ""),
    ("c", "strong", "g1", "test", "Cat"),
    ("d", "weak", "", "train", "Dog"),
    ("e", "unlabelled", "", "train", ""),
]
EVENTS = [
    Event("a", 1.0, 2.0, "Bell"),
    Event("a", 1.0, 1.5, "Wind"),
    Event("c", 0.5, 0.7, "Cat"),
]


def test_used_recordings_with_known_events_are_evaluated(tmp_path):
    tables = write_corpus(tmp_path, ROWS, EVENTS, excluded=("c", "unlisted"))
    found = read_event_set("made", *tables, NAMES)
    assert found.ids == ["a", "b"]
    assert found.durations_s == {"a": 4.0, "b": 4.0}
    assert found.events == [Event("a", 1.0, 2.0, "Bell")]
    assert found.classes == NAMES
    assert found.groups.tolist() == ["made group g1", "made recording b"]
    assert found.excluded == {
        "recordings": 6, "used": 4, "excluded": 2, "excluded_by_code": {"AUDIO_EMPTY": 2},
        "unknown_events": 2, "events_of_other_classes": {"Wind": 1},
        "events_dropped": 0, "events_clipped": 0,
    }  # fmt: skip
    of_split = read_event_set("made:test", *tables, NAMES)
    assert of_split.ids == ["a", "b"]
    assert (of_split.excluded["excluded"], of_split.excluded["unknown_events"]) == (1, 0)


def test_events_of_classes_that_are_not_scored_are_left_out_with_a_warning(tmp_path, caplog):
    tables = write_corpus(tmp_path, ROWS, EVENTS)
    with caplog.at_level("INFO", logger="dawnchorus"):
        assert {event.label for event in read_event_set("made", *tables, NAMES).events} == {
            "Bell",
            "Cat",
        }
    assert "warning: 1 of 3 events of made are of classes that are not scored" in caplog.text
    assert "Wind" in caplog.text


def test_clips_and_events_of_a_reference_are_joined_alike(tmp_path):
    labels, verdicts, events = write_corpus(tmp_path, ROWS, EVENTS, excluded=("c", "unlisted"))
    for reference in ("made", "made:test"):
        known = read_event_set(reference, labels, verdicts, events, NAMES)
        truth, counts = read_test_set(
            reference, {"made": labels}, {"made": verdicts}, NAMES, "group"
        )
        assert {("made", name) for name in known.ids} <= set(truth.recordings)
        shared = ("recordings", "used", "excluded", "excluded_by_code")
        assert [counts[key] for key in shared] == [known.excluded[key] for key in shared]


def test_a_reference_without_known_events_can_be_counted(tmp_path):
    tables = write_corpus(tmp_path, ROWS, EVENTS, excluded=("d",))
    for found in (
        find_event_set("made:train", *tables, NAMES),
        find_event_set("made:train", *tables[:2], None, NAMES),
    ):
        assert (found.ids, found.events, found.durations_s, len(found.groups)) == ([], [], {}, 0)
        counts = [found.excluded[key] for key in ("recordings", "used", "unknown_events")]
        assert counts == [2, 1, 1]
    # data set "strong" alone says nothing where the corpus has no table
    assert find_event_set("made", *tables[:2], None, NAMES).ids == []


def test_a_reference_without_known_events_is_refused(tmp_path):
    tables = write_corpus(tmp_path, ROWS, EVENTS)
    with pytest.raises(
        ValueError, match="made:train has no used recording with known events among 2"
    ):
        read_event_set("made:train", *tables, NAMES)
    artefacts.write_table(tables[1], VERDICT_COLUMNS, [("a", "used", "", "", 4.0, 8000, "")])
    with pytest.raises(ValueError, match=r"has no verdict on 4 recordings of made: \['b', 'c'"):
        read_event_set("made", *tables, NAMES)


def test_durations_are_those_of_used_recordings(tmp_path):
    tables = write_corpus(tmp_path, ROWS, EVENTS, excluded=("c",))
    assert read_durations(tables[1]) == {"a": 4.0, "b": 4.0, "d": 4.0, "e": 4.0}


# --- figures of settings ------------------------------------------------------------------------


def plain_f(recordings, events, settings, collars=None):
    """Return F as decoding and event-based metrics have it, recording by recording."""
    found = [
        event for one in recordings for event in decoding.detections(one, NAMES, FPS, **settings)
    ]
    tallied = event_metrics.event_counts(
        events, found, [one.id for one in recordings], NAMES, collars
    )
    return event_metrics.class_rates(tallied)["f"]


def noisy(rng, n_recordings=7):
    """Return recordings of unlike length, with events, active edges and pauses, and their events."""
    recordings, events = [], []
    for number in range(n_recordings):
        n_frames = int(rng.integers(1, 120))
        scores = rng.random((n_frames, len(NAMES))) * 0.7
        for column, name in enumerate(NAMES[:2]):  # the last class has no event
            first = int(rng.integers(0, n_frames))
            beyond = int(rng.integers(first, n_frames)) + 1
            scores[first:beyond, column] += 0.3
            events.append(Event(f"r{number}", first / FPS, beyond / FPS, name))
        onset_s = float(rng.choice([0.0, -0.1, 0.04]))
        duration_s = n_frames / FPS * rng.choice([1.0, 0.8])
        recordings.append(
            ScoredRecording(f"r{number}", onset_s, duration_s, scores.astype(np.float32))
        )
    return recordings, events


@pytest.mark.parametrize("collars", [Collars(), Collars(0.02, None), Collars(None, 0.05, 0.5)])
def test_figures_of_settings_are_those_of_the_plain_way(rng, collars):
    recordings, events = noisy(rng)
    events += [
        event._replace(onset_s=event.onset_s + 0.01) for event in events if event.offset_s > 0.1
    ]
    events = [event for event in events if event.onset_s < event.offset_s]  # of which many overlap
    figures = EventF(recordings, events, NAMES, FPS, collars, longest_filter_s=0.5)
    seen = []
    for _ in range(60):
        settings = {
            "threshold": rng.choice([0.0, 0.2, 0.3, 0.5, 0.6, 0.9, 1.0], 3),
            "filter_s": rng.choice([0.0, 0.06, 0.1, 0.5], 3),
            "gap_s": rng.choice([0.0, 0.06, 0.3], 3),
            "minimum_s": rng.choice([0.0, 0.04, 0.2], 3),
        }
        found = figures(settings)
        np.testing.assert_array_equal(found, plain_f(recordings, events, settings, collars))
        seen.append(found)
    assert len(np.unique(np.array(seen)[:, :2])) > 20  # and they tell settings apart


def test_a_filter_sees_no_other_recording():
    # the end of one and the beginning of the next are active: nothing may join or fill them
    recordings = [
        ScoredRecording("a", 0.0, 1.0, scores_of([(0, 40, 50, 0.9)], n_frames=50)),
        ScoredRecording("b", 0.0, 1.0, scores_of([(0, 0, 10, 0.9)], n_frames=50)),
        ScoredRecording("c", 0.0, 0.06, scores_of([(0, 0, 3, 0.9)], n_frames=3)),
    ]
    events = [Event("a", 0.8, 1.0, "Bell"), Event("b", 0.0, 0.2, "Bell")]
    figures = EventF(recordings, events, NAMES, FPS, Collars(), longest_filter_s=0.22)
    settings = {"threshold": np.full(3, 0.5), "gap_s": np.zeros(3), "minimum_s": np.zeros(3)}
    for filter_s, expected in ((0.0, 4 / 5), (0.1, 4 / 5), (0.22, 1.0)):
        found = figures(settings | {"filter_s": np.full(3, filter_s)})
        np.testing.assert_array_equal(found, [expected, np.nan, np.nan])
    with pytest.raises(
        ValueError, match="filter of 0.5 s; expected none that reaches over more than 5"
    ):
        figures(settings | {"filter_s": np.full(3, 0.5)})


def test_a_search_by_fast_figures_chooses_what_the_plain_way_chooses(rng):
    recordings, events = noisy(rng)
    fast = EventF(recordings, events, NAMES, FPS, Collars(), longest_filter_s=0.3)
    for per_class in (True, False):
        ways = {"together": ("threshold", "filter_s"), "per_class": per_class}
        found = tuning.coordinate_search(fast, GRIDS, 3, **ways)
        plain = tuning.coordinate_search(lambda s: plain_f(recordings, events, s), GRIDS, 3, **ways)
        np.testing.assert_array_equal(found.scores, plain.scores)
        for name in GRIDS:
            np.testing.assert_array_equal(found.settings[name], plain.settings[name])


# --- decodings ----------------------------------------------------------------------------------


class Experiment:
    """Files of an experiment with training corpora of weak labels and validation corpora of events."""

    def __init__(self, folder):
        self.folder, self.output = folder, folder / "decoders.json"
        self.frames, self.recording_scores = {}, {}
        self.labels, self.verdicts, self.events = {}, {}, {}
        self.folds, self.targets = folder / "folds.csv", folder / "targets.parquet"
        write_targets(self.targets, NAMES, [("weak", "w0", 1, 0, 1, 0, 0)])
        artefacts.write_table(self.folds, ("corpus", "id", "fold"), [])

    def add(self, corpus, rows, events, frames=None, excluded=()):
        folder = self.folder / corpus
        tables = write_corpus(folder, rows, events, excluded)
        for table, path in zip((self.labels, self.verdicts, self.events), tables, strict=True):
            table[corpus] = path
        if frames is not None:
            self.frames[corpus] = write_frames(folder / "frames.h5", frames)

    def choose(self, decodings, validation=(), train=("weak",)):
        events = {"collar": COLLAR, "validation": list(validation), "decodings": decodings}
        decoding_choice.choose_decodings(
            self.frames, self.recording_scores, self.labels, self.verdicts, self.events, self.folds,
            self.targets, {"events": events, "train": list(train)}, self.output,
        )  # fmt: skip
        return json.loads(self.output.read_text())


@pytest.fixture
def experiment(tmp_path):
    return Experiment(tmp_path)


def with_events(experiment, corpus="val"):
    """Add a corpus whose Bell is low, whose Cat flickers and which has no Dog."""
    flicker = scores_of([(0, 50, 100, 0.35), (1, 20, 80, 0.9), (1, 30, 33, 0.2), (1, 60, 64, 0.2)])
    quiet = scores_of([(1, 120, 121, 0.9)])
    rows = [("a", "strong", "", "v", "Bell;Cat"), ("b", "strong", "", "v", "")]
    rows.append(("c", "weak", "", "v", "Dog"))
    events = [Event("a", 1.0, 2.0, "Bell"), Event("a", 0.4, 1.6, "Cat")]
    experiment.add(corpus, rows, events, {"a": flicker, "b": quiet, "c": quiet})


def test_settings_stand_as_they_are_given(experiment):
    by_class = dict(zip(NAMES, (0.5, 0.25, 0.75), strict=True))
    found = experiment.choose(
        {"published": PLAIN, "mine": PLAIN | {"threshold": by_class, "gap_s": 0.2}}
    )
    assert found["classes"] == NAMES
    assert found["decodings"]["mine"] == {
        "settings": {
            "threshold": [0.5, 0.25, 0.75], "filter_s": [0.1] * 3, "gap_s": [0.2] * 3,
            "minimum_s": [0.0] * 3,
        },
        "chosen_on": None,
        "tuned": None,
    }  # fmt: skip
    known = detection.read_decoders(experiment.output, NAMES)
    assert list(known) == ["mine", "published"]
    np.testing.assert_array_equal(known["mine"]["threshold"], [0.5, 0.25, 0.75])
    with pytest.raises(
        ValueError, match=r"has decodings of classes \['Bell', 'Cat', 'Dog'\], expected"
    ):
        detection.read_decoders(experiment.output, ["Cat", "Bell", "Dog"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"threshold": {"Bell": 0.5, "Cow": 0.5}},
            r"threshold has values of unknown classes \['Cow'\]",
        ),
        ({"gap_s": {"Bell": 0.5, "Dog": 0.5}}, r"gap_s has no values of classes \['Cat'\]"),
        ({"threshold": 1.5}, "threshold 1.5; expected numbers from 0 to 1"),
        ({"filter_s": -1}, "filter_s -1.0; expected seconds, at least 0"),
        ({"grids": {"threshold": [0.5, 2]}}, "threshold 2.0; expected numbers from 0 to 1"),
        ({"grids": {"gap": [0.5]}}, "a grid is of 'gap'; expected some of threshold, filter_s"),
        ({"tune": "test"}, "tune 'test'; expected one of none, clips, events"),
        ({"tune": "events"}, "it is tuned by events, but events.validation is empty"),
        ({"tune": "clips"}, "the ensemble has no scores of training corpus 'weak'"),
    ],
)
def test_decodings_that_cannot_be_are_refused_by_name(experiment, change, message):
    with pytest.raises(ValueError, match=f"decoding 'mine': .*{message}"):
        experiment.choose({"published": PLAIN, "mine": PLAIN | change})
    assert not experiment.output.exists()


def test_settings_are_chosen_by_events(experiment):
    with_events(experiment)
    tuned = PLAIN | {"tune": "events", "grids": GRIDS, "minimum_s": 0.0}
    found = experiment.choose({"tuned": tuned}, validation=["val:v"])["decodings"]["tuned"]
    # Bell needs the lower threshold; Cat a filter over its pauses and specks; Dog stays simple
    assert found["settings"] == {
        "threshold": [0.3, 0.5, 0.5], "filter_s": [0.0, 0.3, 0.0], "gap_s": [0.0] * 3,
        "minimum_s": [0.0] * 3,
    }  # fmt: skip
    assert found["chosen_on"] == "val:v (2 recordings, 2 events)"
    how = found["tuned"]
    assert how["figures"] == {"Bell": 1.0, "Cat": 1.0, "Dog": None}
    assert (how["references"], how["n_recordings"]) == (["val:v"], 2)
    assert how["positives"] == {"Bell": 1, "Cat": 1, "Dog": 0}
    assert (how["grids"], how["is_settled"], how["collar"]) == (GRIDS, True, COLLAR)


def test_the_line_of_a_tuning_counts_classes_with_truth_and_says_where_a_grid_ends(
    experiment, caplog
):
    with_events(experiment)
    tuned = PLAIN | {"tune": "events", "minimum_s": 0.0}
    # at 0.1 Dog is detected where it is not: F is 0, and says nothing as there is no Dog
    tuned["grids"] = {**GRIDS, "threshold": [0.3, 0.2, 0.1]}
    with caplog.at_level("INFO", logger="dawnchorus"):
        found = experiment.choose({"tuned": tuned}, validation=["val:v"])["decodings"]["tuned"]
    how = found["tuned"]
    known = [how["figures"][label] for label in ("Bell", "Cat")]
    assert f"event-based F {np.mean(known):.3f}, the mean of 2 classes, by val:v" in caplog.text
    ends = [
        label
        for label, value in zip(("Bell", "Cat"), found["settings"]["threshold"], strict=False)
        if value in (0.1, 0.3)
    ]
    assert how["at_grid_end"] == ({"threshold": ends} if ends else {})
    assert ends
    assert f"threshold of {len(ends)} classes is at the end of its grid" in caplog.text


def test_what_has_no_grid_stays_as_given(experiment):
    with_events(experiment)
    tuned = PLAIN | {
        "tune": "events", "grids": {"threshold": [0.5, 0.3]}, "together": [], "minimum_s": 0.3,
        "filter_s": {"Bell": 0.1, "Cat": 0.3, "Dog": 0.0}, "gap_s": 0.06,
    }  # fmt: skip
    found = experiment.choose({"tuned": tuned}, validation=["val"])["decodings"]["tuned"]
    assert found["settings"]["filter_s"] == [0.1, 0.3, 0.0]
    assert found["settings"]["threshold"] == [0.3, 0.5, 0.5]
    assert found["settings"]["minimum_s"] == [0.3] * 3
    assert found["settings"]["gap_s"] == [0.06] * 3


def test_one_value_for_all_classes_is_chosen_by_their_mean(experiment):
    with_events(experiment)
    tuned = PLAIN | {"tune": "events", "grids": GRIDS, "per_class": False}
    settings = experiment.choose({"tuned": tuned}, ["val"])["decodings"]["tuned"]["settings"]
    assert all(len(set(values)) == 1 for values in settings.values())
    assert (settings["threshold"], settings["filter_s"]) == ([0.3] * 3, [0.3] * 3)


def test_recordings_of_several_references_count_once_and_keep_apart(experiment, monkeypatch):
    seen = []

    def kept(recordings, events, *rest):
        seen.append(([one.id for one in recordings], len(list(events))))
        return EventF(recordings, events, *rest)

    monkeypatch.setattr(decoding_choice, "EventF", kept)
    with_events(experiment)
    with_events(experiment, "other")
    tuned = PLAIN | {"tune": "events", "grids": GRIDS}
    decodings = {"tuned": tuned, "again": tuned | {"per_class": False}}
    found = experiment.choose(decodings, validation=["val", "val:v", "other"])
    assert seen == [(["val/a", "val/b", "other/a", "other/b"], 4)]  # read once for both
    assert found["decodings"]["tuned"]["tuned"]["n_recordings"] == 4
    assert found["decodings"]["tuned"]["settings"]["filter_s"] == [0.0, 0.3, 0.0]


def test_validation_needs_scores_of_these_classes_in_equal_frames(experiment):
    tuned = {"tuned": PLAIN | {"tune": "events", "grids": GRIDS}}
    with_events(experiment)
    with pytest.raises(
        ValueError, match="'more' has no frames, labels, verdicts, events; expected"
    ):
        experiment.choose(tuned, validation=["more"])
    with_events(experiment, "more")
    blank = dict.fromkeys("abc", scores_of([]))
    write_frames(experiment.frames["more"], blank, fps=25.0)
    with pytest.raises(
        ValueError, match=r"validation corpora have \[25.0, 50.0\] frames per second"
    ):
        experiment.choose(tuned, validation=["val", "more"])
    write_frames(experiment.frames["more"], blank, names=["Bell", "Cat", "Cow"])
    with pytest.raises(ValueError, match=r"scores the classes \['Bell', 'Cat', 'Cow'\]; expected"):
        experiment.choose(tuned, validation=["more"])


def with_weak(experiment, rng, n=30, unscored=()):
    """Add a weak corpus with folds and recording scores; return targets and scores that may choose."""
    targets = (rng.random((n, 3)) < 0.4).astype(int)
    scores = np.clip(0.3 * targets + 0.6 * rng.random((n, 3)), 0, 1).astype(np.float32)
    names = [f"w{number:02}" for number in range(n)]
    known = [";".join(np.array(NAMES)[row == 1].tolist()) for row in targets]
    rows = [(x, "weak", "", "", label) for x, label in zip(names, known, strict=True)]
    rows += [("x", "weak", "", "", "Bell"), ("y", "unlabelled", "", "", "")]
    experiment.add("weak", rows, [])
    folds = [("weak", name, 1 + number % 2) for number, name in enumerate([*names, "y"])]  # not x
    artefacts.write_table(experiment.folds, ("corpus", "id", "fold"), folds)
    content = score_files.RecordingScores(
        ids=[*names, "x", "y"],
        scores=np.concatenate([scores, np.ones((2, 3), np.float32)]),
        models=np.array([name not in unscored for name in [*names, "x", "y"]], np.int32),
        class_names=NAMES,
        members=["f1p0s1"],
    )
    path = experiment.folder / "weak" / "scores.h5"
    score_files.write_recordings(path, content)
    experiment.recording_scores["weak"] = path
    kept = np.array([name not in unscored for name in names])
    return targets[kept], scores[kept]


def test_thresholds_are_chosen_by_clips_that_have_a_label_a_fold_and_a_score(experiment, rng):
    targets, scores = with_weak(experiment, rng, unscored=("w00", "w07"))
    expected = tuning.clip_thresholds(targets, scores)
    grids = {"filter_s": [0.0, 0.3]}  # without one of thresholds
    found = experiment.choose({"clips": PLAIN | {"tune": "clips", "gap_s": 0.2, "grids": grids}})
    settings, how = (found["decodings"]["clips"][key] for key in ("settings", "tuned"))
    assert settings["threshold"] == expected.settings["threshold"].tolist()
    assert settings["threshold"] != [0.5] * 3
    assert (settings["filter_s"], settings["gap_s"]) == ([0.1] * 3, [0.2] * 3)
    assert how["figures"] == dict(zip(NAMES, expected.scores.tolist(), strict=True))
    assert how["positives"] == dict(zip(NAMES, targets.sum(axis=0).tolist(), strict=True))
    assert how["n_recordings"] == len(targets) == 28


def test_thresholds_by_clips_come_from_the_grid_and_may_be_one_for_all(experiment, rng):
    targets, scores = with_weak(experiment, rng)
    grid = [0.2, 0.45, 0.33]
    tried = PLAIN | {"tune": "clips", "grids": {"threshold": grid}}
    found = experiment.choose({"each": tried, "one": tried | {"per_class": False}})["decodings"]
    expected = tuning.clip_thresholds(targets, scores, grid)
    assert found["each"]["settings"]["threshold"] == expected.settings["threshold"].tolist()
    assert found["each"]["tuned"]["grids"] == {"threshold": grid}
    called = {x: targets * (scores >= np.float64(x)) for x in grid}
    f = {
        x: 2 * called[x].sum(axis=0) / (targets.sum(axis=0) + (scores >= x).sum(axis=0))
        for x in grid
    }
    best = max(grid, key=lambda x: f[x].mean())
    assert found["one"]["settings"]["threshold"] == [best] * 3
    assert found["one"]["tuned"]["per_class"] is False
    assert list(found["one"]["tuned"]["figures"].values()) == pytest.approx(f[best].tolist())


def test_clips_without_any_score_choose_nothing(experiment, rng):
    with_weak(experiment, rng, n=2, unscored=("w00", "w01"))
    with pytest.raises(
        ValueError, match="decoding 'clips': .* none of 2 labelled recordings with a fold"
    ):
        experiment.choose({"clips": PLAIN | {"tune": "clips"}})


def test_equal_decodings_are_equal_bytes(experiment, rng):
    with_weak(experiment, rng)
    with_events(experiment)
    decodings = {"a": PLAIN | {"tune": "clips"}, "b": PLAIN | {"tune": "events", "grids": GRIDS}}
    experiment.choose(decodings, ["val"])
    first = experiment.output.read_bytes()
    experiment.choose(decodings, ["val"])
    assert experiment.output.read_bytes() == first


# --- detected events ----------------------------------------------------------------------------


@pytest.fixture
def detect(experiment):
    """Detect the events of four recordings of 4 s, whose frames go on to 4.2 s."""
    experiment.choose({"plain": PLAIN | {"filter_s": 0.0}})
    kinds = {"a": "heard", "b": "heard", "c": "quiet", "d": "more"}
    rows = [(name, "strong", "", split, "") for name, split in kinds.items()]
    experiment.add("test", [*rows, ("e", "unlabelled", "", "quiet", "")], [], excluded=("e",))
    found = {
        "a": scores_of([(1, 25, 50, 0.9), (0, 100, 110, 0.8)]),
        "b": scores_of([]),
        "c": scores_of([(2, 190, 210, 0.7)]),
        "d": scores_of([(2, 203, 210, 0.7)]),
    }
    frames = write_frames(experiment.folder / "test.h5", found)

    def run(decoding="plain", references=("test",), events=None, names=None):
        paths = [experiment.folder / f"found.{kind}" for kind in ("csv", "tsv")]
        tested = {"references": references, "events": events, "names": names}
        detection.detect(
            frames, experiment.output, decoding, experiment.verdicts["test"],
            tested | {"labels": experiment.labels["test"]}, *paths,
        )  # fmt: skip
        return paths

    return run


DETECTED = [
    Event("a", 0.5, 1.0, "Cat"),
    Event("a", 2.0, 2.2, "Bell"),
    Event("c", 3.8, 4.0, "Dog"),  # cut where the recording ends; what is beyond it is nothing
]


def test_events_are_written_as_a_table_and_as_the_challenge_wants_them(detect):
    table, challenge = detect()
    assert read_events(table) == DETECTED
    assert challenge.read_text().splitlines() == [
        "filename\tonset\toffset\tevent_label",
        "a.wav\t0.500\t1.000\tCat",
        "a.wav\t2.000\t2.200\tBell",
        "c.wav\t3.800\t4.000\tDog",
        "b.wav\t\t\t",
        "d.wav\t\t\t",
    ]
    assert list(dcase.read_strong(challenge).recordings) == ["a", "c", "b", "d"]


def test_the_fault_of_duplicate_rows_writes_detections_once_per_annotated_event(detect, tmp_path):
    annotated = [
        Event("a", 0.0, 1.0, "Cat"),
        Event("a", 1.0, 2.0, "Cat"),
        Event("c", 0.0, 1.0, "Dog"),
    ]
    write_events(tmp_path / "annotated.csv", [*annotated, Event("b", 0.0, 1.0, "Dog")])
    times = detection.annotation_rows(tmp_path / "annotated.csv")
    assert times == {"a": 2, "b": 1, "c": 1}
    assert detection.annotation_rows(None) == {}
    table, challenge = detect(events=tmp_path / "annotated.csv")
    assert read_events(table) == DETECTED
    rows = [line.split("\t")[0] for line in challenge.read_text().splitlines()[1:]]
    assert rows == ["a.wav"] * 4 + ["c.wav", "b.wav", "d.wav"]


def test_only_recordings_of_test_references_are_shown(detect, caplog):
    with caplog.at_level("INFO", logger="dawnchorus"):
        table, challenge = detect(references=["test:quiet", "test:more"])
    assert read_events(table) == DETECTED[2:]
    rows = [line.split("\t")[0] for line in challenge.read_text().splitlines()[1:]]
    assert rows == ["c.wav", "d.wav"]
    assert (
        "1 of 3 recordings have no scores, such as excluded ones: they have no row" in caplog.text
    )
    whole = [path.read_bytes() for path in detect(references=["test"])]
    assert [path.read_bytes() for path in detect(references=[])] == whole
    with pytest.raises(ValueError, match="no recording is in split 'none'"):
        detect(references=["test:none"])


def test_file_names_end_in_one_extension_and_differ():
    found = detection.file_names(
        ["a", "b.wav", "c.FLAC", "d.x", "e", "e.wav", "e.wav.wav", "f.Wav"]
    )
    assert found == {
        "a": "a.wav", "b.wav": "b.wav", "c.FLAC": "c.FLAC", "d.x": "d.x.wav", "e": "e.wav",
        "e.wav": "e.wav.wav", "e.wav.wav": "e.wav.wav.wav", "f.Wav": "f.Wav",
    }  # fmt: skip


def test_file_names_keep_the_extension_of_the_recording():
    sounds = {"a": "a.flac", "b": "B.MP3", "c": "c", "e": "e.flac", "e.flac": "e.flac.wav"}
    found = detection.file_names(["a", "b", "c", "d", "e", "e.flac"], sounds)
    assert found == {
        "a": "a.flac", "b": "b.MP3", "c": "c.wav", "d": "d.wav", "e": "e.flac",
        "e.flac": "e.flac.wav",
    }  # fmt: skip


def test_the_challenges_table_has_the_names_of_the_files(detect, experiment):
    names = {"a": "a.flac", "b": "b.wav", "c": "c.flac"}
    tables.write_rows(experiment.folder / "names", tables.NAMES, names.items())
    _, challenge = detect(names=experiment.folder / "names")
    files = [line.split("\t")[0] for line in challenge.read_text().splitlines()[1:]]
    assert set(files) == {"a.flac", "b.wav", "c.flac", "d.wav"}


def test_a_name_that_no_reader_gives_back_is_left_out_of_the_challenge_alone(
    experiment, tmp_path, caplog
):
    experiment.choose({"plain": PLAIN})
    names = [" a", "b ", "c\td", "e"]
    rows = [(name, "unlabelled", "", "", "") for name in names]
    labels, verdicts, _ = write_corpus(tmp_path / "odd", rows, [])
    found = dict.fromkeys(names, scores_of([(1, 25, 50, 0.9)]))
    frames = write_frames(tmp_path / "odd.h5", found)
    table, challenge = tmp_path / "odd.csv", tmp_path / "odd.tsv"
    with caplog.at_level("INFO", logger="dawnchorus"):
        tested = {"labels": labels, "references": ["odd"], "events": None, "names": None}
        detection.detect(frames, experiment.output, "plain", verdicts, tested, table, challenge)
    assert {event.id for event in read_events(table)} == set(names)
    assert list(dcase.read_strong(challenge).recordings) == ["b ", "e"]
    assert "2 of 4 recordings are left out of the challenge's table" in caplog.text


def test_what_cannot_be_detected_is_refused(detect, experiment):
    with pytest.raises(ValueError, match="has no decoding 'tuned'; expected one of plain"):
        detect("tuned")
    artefacts.write_table(
        experiment.verdicts["test"], VERDICT_COLUMNS, [("a", "used", "", "", 4.0, 8000, "")]
    )
    with pytest.raises(
        ValueError, match="recording 'b' of .*test.h5 has no duration among those of 1"
    ):
        detect()
