"""Targets per frame: events, pseudo-labels of frames, and the labels of recordings."""

import dataclasses
import types

import numpy as np
import pytest

from dawnchorus.corpora.tables import write_rows
from dawnchorus.formats.event import Event, write_events
from dawnchorus.scores import frame_files
from dawnchorus.segments import window_source
from dawnchorus.training.frame_targets import FrameTargets

CLASSES = ["Bell", "Dog"]
RATE = 10.0  # frames per second
SETTINGS = {"events": {}, "scores": {}, "frames_each": 1, "padded": False}
LABELS = ("id", "data_set", "group", "recordist", "fold", "split", "labelled", "labels")
LABELS = (*LABELS, "background", "media_id")


def windows(recording, place, onset_s, offset_s):
    """Return an index; places are frames of the frontend."""
    n = len(recording)
    ends = np.array(offset_s, float)
    starts = np.array(onset_s, float)
    return window_source.Index(
        np.array(recording), np.array(place), starts, ends, np.ones(n, np.float32), ends - starts
    )


@pytest.fixture
def events(tmp_path):
    """Write a corpus of a strong clip with events, a strong one without, and a weak one."""
    rows = [
        dict.fromkeys(LABELS, "") | {"id": name, "data_set": kind, "labelled": 1}
        for name, kind in (("empty", "strong"), ("strong", "strong"), ("weak", "weak"))
    ]
    labels, table = tmp_path / "labels.csv", tmp_path / "events.csv"
    write_rows(labels, LABELS, [tuple(row.values()) for row in rows])
    write_events(table, [Event("strong", 0.2, 0.5, "Dog"), Event("strong", 1.0, 1.25, "Bell")])
    return {"c": {"events": str(table), "labels": str(labels)}}


RECORDINGS = [("c", "weak"), ("c", "strong"), ("c", "empty")]
VALUES = np.array([[1, 0], [1, 1], [0, 0]], np.float32)


def test_events_weak_labels_and_silence_each_make_their_frames(events):
    targets = FrameTargets(RECORDINGS, VALUES, CLASSES, SETTINGS | {"events": events}, RATE, 5)
    found = targets.of(windows([0, 1, 1, 2], [0, 0, 10, 0], [0, 0, 1, 0], [0.5, 0.5, 1.5, 0.5]))
    assert found.shape == (4, 5, 2)
    assert (found[0] == [1, 0]).all()  # every frame has what the clip has
    assert found[1, :, 1].tolist() == [0, 0, 1, 1, 1]
    assert found[2, :, 0].tolist() == [1, 1, 1, 0, 0]  # the third is covered in part
    assert not found[1, :, 0].any()
    assert not found[3].any()


def test_events_of_recordings_without_a_label_are_not_looked_at(events):
    """A pseudo-labelled recording of a corpus with a table of events has its pseudo-label alone."""
    part = windows([1], [0], [0], [0.5])
    settings = SETTINGS | {"events": events}
    for labelled, expected in (([True, False, True], VALUES[1]), ([True] * 3, [0, 1])):
        targets = FrameTargets(RECORDINGS, VALUES, CLASSES, settings, RATE, 5, labelled)
        assert targets.of(part)[0, 2].tolist() == list(expected)


@pytest.mark.parametrize("seconds", [0.01, 0.09])
def test_a_recording_shorter_than_a_frame_has_one(events, seconds):
    targets = FrameTargets(RECORDINGS, VALUES, CLASSES, SETTINGS | {"events": events}, RATE, 5)
    part = windows([1], [0], [0.0], [seconds])
    assert targets.of(part).shape == (1, 5, 2)
    assert targets.n_sound(part).tolist() == [1]


def test_rotated_windows_have_rotated_targets(events):
    targets = FrameTargets(RECORDINGS, VALUES, CLASSES, SETTINGS | {"events": events}, RATE, 5)
    part = windows([1, 1], [0, 0], [0, 0], [0.5, 0.5])
    plain, turned = targets.of(part), targets.of(part, [0, 2])
    assert (turned[0] == plain[0]).all()
    assert (turned[1] == np.roll(plain[1], 2, axis=0)).all()


@pytest.mark.parametrize("padded", [False, True])
def test_the_end_of_a_recording_is_followed_by_its_beginning_or_by_silence(events, padded):
    settings = SETTINGS | {"events": events, "padded": padded}
    targets = FrameTargets(RECORDINGS, VALUES, CLASSES, settings, RATE, 10)
    # a recording of 13 frames in windows of 10: the second holds frames 10 to 12, then 0 to 6
    found = targets.of(windows([1], [10], [1.0], [1.3]))[0]
    assert found[:3, 0].tolist() == [1, 1, 1]
    assert found[3:, 1].tolist() == ([0] * 7 if padded else [0, 0, 1, 1, 1, 0, 0])


def test_two_frames_of_the_frontend_make_one_of_the_targets(events):
    settings = SETTINGS | {"events": events, "frames_each": 2}
    targets = FrameTargets(RECORDINGS, VALUES, CLASSES, settings, RATE / 2, 5)
    found = targets.of(windows([1], [10], [1.0], [1.3]))[0]
    assert found[:2, 0].tolist() == [1, 1]
    assert found[2:, 1].tolist() == [0, 1, 1]  # from the beginning: 0 to 0.2, 0.2 to 0.4, ...


@pytest.fixture
def scores(tmp_path):
    """Write frame scores of the weak clip, 20 frames by two members."""
    rng, path = np.random.default_rng(3), tmp_path / "frames.h5"
    values = rng.uniform(0, 1, (2, 20, 2)).astype(np.float32)
    with frame_files.writing_frames(path, ["weak"], ["f1p0s1", "f2p0s1"], CLASSES, RATE) as put:
        for member, rows in zip(("f1p0s1", "f2p0s1"), values, strict=True):
            put(member, [0], [0.0], iter([rows]))
    about = {"scores": {"c": str(path)}, "average": "mean"}
    return types.SimpleNamespace(settings=SETTINGS | about, mean=values.mean(axis=0))


def test_soft_pseudo_labels_are_the_mean_scores_of_the_members(scores):
    targets = FrameTargets(
        RECORDINGS, VALUES, CLASSES, scores.settings | {"labels": "soft"}, RATE, 5
    )
    found = targets.of(windows([0], [10], [1.0], [1.5]))[0]
    np.testing.assert_allclose(found, scores.mean[10:15], atol=1e-6)


def test_hard_pseudo_labels_are_active_frames_of_the_classes_a_clip_has(scores):
    chosen = {"labels": "hard", "frame_threshold": 0.4, "filter_s": 0.0}
    targets = FrameTargets(RECORDINGS, VALUES, CLASSES, scores.settings | chosen, RATE, 20)
    found = targets.of(windows([0], [0], [0.0], [2.0]))[0]
    assert (found[:, 0] == (scores.mean[:, 0] >= 0.4)).all()
    assert not found[:, 1].any()  # its clip has no Dog
    assert 0 < found[:, 0].mean() < 1


def test_scores_of_other_classes_are_refused(scores):
    settings = scores.settings | {"labels": "soft"}
    with pytest.raises(ValueError, match="scores other classes than the targets; predict again"):
        FrameTargets(RECORDINGS, VALUES[:, :1], CLASSES[:1], settings, RATE, 5)


def test_an_index_is_all_that_is_asked(events):
    """A window is known by its recording and its onset: the cache may not mix two of them."""
    targets = FrameTargets(RECORDINGS, VALUES, CLASSES, SETTINGS | {"events": events}, RATE, 5)
    part = windows([1, 2, 1], [0, 0, 10], [0, 0, 1], [0.5, 0.5, 1.5])
    together = targets.of(part)
    alone = [targets.of(part.take(np.array([row])))[0] for row in range(3)]
    assert (together == np.stack(alone)).all()
    assert dataclasses.is_dataclass(part)
