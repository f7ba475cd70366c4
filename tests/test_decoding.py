"""Decoding: frames and events by hand, by loops, and there and back."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dawnchorus.events import decoding
from dawnchorus.formats import event
from dawnchorus.formats.event import Event

NAMES = ("Cat", "Dog", "Speech")
EVENLY = st.floats(0, 1, width=32)
SCORES = st.integers(0, 40).flatmap(lambda n: arrays(np.float32, (n, 3), elements=EVENLY))
LENGTHS_S = st.sampled_from([0.0, 0.02, 0.05, 0.06, 0.1, 0.3, 2.0])
EXACT_S = 1e-9


def scores_of(*spans, n=100, column=1):
    """Return scores (n, 3) of 0.1, with 0.9 in spans of frames of one class."""
    scores = np.full((n, 3), 0.1)
    for first, last in spans:
        scores[first:last, column] = 0.9
    return scores


def times(events):
    return [(round(e.onset_s, 9), round(e.offset_s, 9)) for e in events]


def decoded(scores, fps=50, onset_s=0.0, duration_s=math.inf, **options):
    recording = decoding.ScoredRecording("r", onset_s, duration_s, scores)
    return decoding.detections(recording, NAMES, fps, **options)


def detections_by_loops(scores, fps, threshold, filter_s, gap_s, minimum_s):
    """Return events as one would write them down: frame by frame, class by class."""
    events = []
    n = int(filter_s * fps + 1e-6)
    half = (n + 1 - n % 2) // 2
    for column, name in enumerate(NAMES):
        called = [score >= threshold for score in scores[:, column]]
        padded = [False] * half + called + [False] * half
        smooth = [np.median(padded[t : t + 2 * half + 1]) for t in range(len(called))]
        spans = []
        for t, is_active in enumerate(smooth):
            if is_active and spans and spans[-1][1] == t:
                spans[-1][1] = t + 1
            elif is_active:
                spans.append([t, t + 1])
        events += [Event("r", first / fps, last / fps, name) for first, last in spans]
    return event.longer_than(event.merge_events(events, gap_s), minimum_s)


@settings(deadline=None)
@given(SCORES, st.sampled_from([0.25, 0.5, 1.0]), LENGTHS_S, LENGTHS_S, LENGTHS_S)
def test_events_are_those_found_frame_by_frame(scores, threshold, filter_s, gap_s, minimum_s):
    found = decoded(
        scores, threshold=threshold, filter_s=filter_s, gap_s=gap_s, minimum_s=minimum_s
    )
    assert found == detections_by_loops(scores, 50, threshold, filter_s, gap_s, minimum_s)


@settings(deadline=None)
@given(SCORES, st.sampled_from([1e-3, 0.25, 0.5, 1.0]), st.lists(LENGTHS_S, min_size=3, max_size=3))
def test_filtered_scores_reach_a_threshold_where_filtered_activity_does(scores, threshold, filters):
    soft = decoding.filtered_scores(scores, 50, filters)
    hard = decoding.activity(scores, 50, threshold=threshold, filter_s=filters)
    np.testing.assert_array_equal(soft >= threshold, hard)
    assert soft.dtype == scores.dtype


def test_the_published_filter_takes_out_runs_of_less_than_26_frames():
    published = decoding.PRESETS["dcase2018"]
    assert decoding.filter_frames(published["filter_s"], 50) == 51
    for n_frames, expected in ((25, []), (26, [(0.8, 1.32)]), (60, [(0.8, 2.0)])):
        scores = scores_of((40, 40 + n_frames), n=500)
        assert times(decoded(scores, **published)) == expected
    # at the edges as well: beyond them nothing is active
    for n_frames, expected in ((25, []), (26, [(9.48, 10.0)])):
        scores = scores_of((500 - n_frames, 500), n=500)
        assert times(decoded(scores, **published)) == expected
    # next to other activity, less is enough
    assert times(decoded(scores_of((40, 60), (70, 90), n=500), **published)) == [(1.0, 1.6)]


def test_the_published_threshold_is_reached_by_its_own_value():
    scores = np.array([[0.5, np.nextafter(0.5, 0), 0.51]] * 60)
    found = decoded(scores, **decoding.PRESETS["dcase2018"])
    assert found == [Event("r", 0.0, 1.2, "Cat"), Event("r", 0.0, 1.2, "Speech")]


def test_frames_become_seconds_from_the_onset_of_the_first():
    found = decoded(scores_of((2, 5), (7, 8)), fps=10, onset_s=3.0)
    assert found == [Event("r", 3.2, 3.5, "Dog"), Event("r", 3.7, 3.8, "Dog")]


def test_events_end_within_the_recording():
    scores = scores_of((0, 2), (4, 7), (9, 10), n=10)
    assert times(decoded(scores, 10, onset_s=-0.2, duration_s=0.45)) == [(0.2, 0.45)]
    # what lies before the start joins nothing
    assert times(decoded(scores, 10, onset_s=-0.2, duration_s=0.45, gap_s=1)) == [(0.2, 0.45)]
    assert times(decoded(scores, 10)) == [(0.0, 0.2), (0.4, 0.7), (0.9, 1.0)]


def test_short_gaps_are_joined_before_short_events_are_left_out():
    scores = scores_of((10, 20), (27, 32), (60, 65))  # 0.14 s between the first two
    rules = {"gap_s": 0.15, "minimum_s": 0.25}
    assert times(decoded(scores, **rules)) == [(0.2, 0.64)]
    assert times(decoded(scores, gap_s=0.14)) == [(0.2, 0.4), (0.54, 0.64), (1.2, 1.3)]
    assert times(decoded(scores, minimum_s=0.1)) == [(0.2, 0.4), (0.54, 0.64), (1.2, 1.3)]
    assert decoded(scores_of((10, 20)), minimum_s=0.21) == []


def test_settings_may_differ_by_class():
    scores = np.full((100, 3), 0.0)
    scores[10:14] = scores[16:20] = 0.6  # two runs of 0.08 s, 0.04 s between them
    found = decoded(scores, threshold=[0.6, 0.5, np.nan], filter_s=[1, 0, 0], gap_s=[0, 0.05, 0])
    assert found == [Event("r", 0.2, 0.4, "Dog")]
    found = decoded(scores, threshold=[0.7, 0.5, 0.5], minimum_s=np.array([0, 0.1, 0.05]))
    assert {event.label for event in found} == {"Speech"}


def test_nothing_is_detected_in_no_frames():
    assert decoded(np.zeros((0, 3)), filter_s=1.0, gap_s=1.0) == []
    assert decoding.filtered_scores(np.zeros((0, 3)), 50, 1.0).shape == (0, 3)


@pytest.mark.parametrize(
    ("filter_s", "fps", "n"),
    [(0, 50, 1), (0.02, 50, 1), (0.039, 50, 1), (0.04, 50, 3), (0.06, 50, 3), (0.54, 50, 27),
     (1.0, 50, 51), (1.02, 50, 51), (1.04, 50, 53), (0.3, 10, 3), (51 / 43.07, 43.07, 51)],
)  # fmt: skip
def test_filters_have_the_nearest_odd_number_of_frames(filter_s, fps, n):
    assert decoding.filter_frames(filter_s, fps) == n


@settings(deadline=None)
@given(arrays(np.bool_, (30, 3)))
def test_events_of_whole_frames_go_there_and_back(active):
    events = decoded(active.astype(float), 43.07, onset_s=1.5)
    for edges in decoding.EDGES:
        targets = decoding.frame_targets(events, 30, 43.07, NAMES, edges=edges, onset_s=1.5)
        np.testing.assert_array_equal(targets, active)


def targets_by_loops(events, n_frames, fps, edges):
    targets = np.zeros((n_frames, len(NAMES)))
    for t in range(n_frames):
        for column, name in enumerate(NAMES):
            fine = t / fps + (np.arange(100) + 0.5) / (100 * fps)  # hundredths of a frame
            is_on = [any(e.onset_s < s < e.offset_s and e.label == name for e in events)
                     for s in fine]  # fmt: skip
            targets[t, column] = np.mean(is_on) if edges == "soft" else any(is_on)
    return targets


@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.tuples(st.integers(0, 1300), st.integers(1, 400), st.sampled_from(NAMES)), max_size=6
    ),
    st.sampled_from(decoding.EDGES),
)
def test_targets_are_those_found_frame_by_frame(spans, edges):
    # ten frames of 0.1 s; onsets and lengths in thousandths of a second; some overlap or lie outside
    events = [Event("r", on / 1000, (on + length) / 1000, name) for on, length, name in spans]
    targets = decoding.frame_targets(events, 10, 10, NAMES, edges=edges)
    assert targets.dtype == np.float32
    np.testing.assert_allclose(targets, targets_by_loops(events, 10, 10, edges), atol=1e-6)


def test_a_frame_in_part_is_whole_or_its_share():
    events = [Event("r", 0.15, 0.42, "Cat"), Event("r", 0.36, 0.44, "Cat")]
    any_part = decoding.frame_targets(events, 6, 10, NAMES)[:, 0]
    share = decoding.frame_targets(events, 6, 10, NAMES, edges="soft")[:, 0]
    np.testing.assert_array_equal(any_part, [0, 1, 1, 1, 1, 0])
    np.testing.assert_allclose(share, [0, 0.5, 1, 1, 0.4, 0], atol=1e-7)


def test_a_border_but_for_rounding_is_the_border():
    events = [Event("r", 0.1 + 1e-12, 0.3 + 1e-12, "Cat")]
    for edges in decoding.EDGES:
        targets = decoding.frame_targets(events, 5, 10, NAMES, edges=edges)[:, 0]
        np.testing.assert_array_equal(targets, [0, 1, 1, 0, 0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": np.zeros((5, 2))}, r"shape \(5, 2\); expected \(T, 3\)"),
        ({"scores": np.zeros(5)}, r"shape \(5,\); expected \(T, 3\)"),
        ({"scores": np.full((5, 3), np.nan)}, "15 of 15 frame scores are not numbers from 0 to 1"),
        ({"scores": np.eye(3) * 1.5}, "3 of 9 frame scores are not numbers from 0 to 1"),
        ({"fps": 0}, "frames_per_second=0; expected a number above 0"),
        ({"threshold": 1.5}, "threshold 1.5; expected numbers from 0 to 1, or NaN"),
        ({"threshold": [0.5, 0.5]}, r"threshold has shape \(2,\); expected one number or 3"),
        ({"filter_s": -1}, "filter_s -1.0; expected seconds, at least 0"),
        ({"gap_s": [0, 0, np.nan]}, "gap_s nan; expected seconds"),
        ({"minimum_s": np.inf}, "minimum_s inf; expected seconds"),
    ],
)
def test_what_cannot_be_decoded_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        decoded(**({"scores": scores_of((1, 3))} | change))


@pytest.mark.parametrize(
    ("events", "options", "message"),
    [
        ([Event("a", 0, 1, "Cat"), Event("b", 0, 1, "Cat")], {}, r"2 recordings, \['a', 'b'\]"),
        ([Event("a", 0, 1, "Crow")], {}, r"\['Crow'\] are not among the 3 classes \['Cat'"),
        ([], {"edges": "hard"}, "edges 'hard'; expected one of any, soft"),
    ],
)
def test_what_no_targets_can_be_made_of_is_refused(events, options, message):
    with pytest.raises(ValueError, match=message):
        decoding.frame_targets(events, 10, 10, NAMES, **options)
