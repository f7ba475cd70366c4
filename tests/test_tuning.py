"""Tuning: chosen settings by hand, by trying everything, and where figures are equal."""

import math

import numpy as np
import pytest

from dawnchorus.events import decoding
from dawnchorus.formats.event import Event
from dawnchorus.metrics import tuning

NAMES = ("Cat", "Dog")
GRIDS = {  # of `decoding.detections`
    "threshold": tuning.THRESHOLDS,
    "filter_s": (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.02, 1.5),
    "gap_s": (0.0, 0.15, 0.3, 0.5, 1.0),
}


def f1_by_hand(targets, called):
    hits = sum(t and c for t, c in zip(targets, called, strict=True))
    wrong = sum(bool(t) != bool(c) for t, c in zip(targets, called, strict=True))
    return 2 * hits / (2 * hits + wrong) if hits + wrong else 0.0


def published_thresholds(targets, scores):
    """Return thresholds as the description has them: upwards, the first best of each class."""
    chosen = []
    for column in range(targets.shape[1]):
        best, kept = -1.0, None
        for tenth in range(11):
            figure = f1_by_hand(targets[:, column], scores[:, column] >= tenth / 10)
            if figure > best:
                best, kept = figure, tenth / 10
        chosen.append(kept)
    return chosen


def test_thresholds_on_weak_labels_are_the_published_ones(rng):
    targets = (rng.random((40, 5)) < 0.3).astype(int)
    targets[:, 4] = 0
    scores = np.clip(0.4 * targets + rng.random((40, 5)) * 0.6, 0, 1).astype(np.float32)
    found = tuning.clip_thresholds(targets, scores, tuning.PUBLISHED_THRESHOLDS)
    np.testing.assert_array_equal(
        found.settings["threshold"], published_thresholds(targets, scores)
    )
    assert found.settings["threshold"][4] == 0  # never right: everything is called, as published
    expected = [
        f1_by_hand(targets[:, c], scores[:, c] >= found.settings["threshold"][c]) for c in range(5)
    ]
    np.testing.assert_allclose(found.scores, expected)


def test_of_equally_good_thresholds_the_first_is_taken():
    targets, scores = np.array([[1], [0]]), np.array([[0.9], [0.2]])
    assert tuning.clip_thresholds(targets, scores).settings["threshold"] == [0.5]
    found = tuning.clip_thresholds(targets, scores, tuning.PUBLISHED_THRESHOLDS)
    assert found.settings["threshold"] == [0.3]
    assert found.scores == [1.0]


def test_a_class_without_positives_keeps_the_simplest_threshold():
    found = tuning.clip_thresholds(np.zeros((3, 2), int), np.array([[0.9, 0.1]] * 3))
    np.testing.assert_array_equal(found.settings["threshold"], [0.5, 0.5])
    np.testing.assert_array_equal(found.scores, [0, np.nan])


def test_no_figure_is_worse_than_any():
    # not defined at 1 and 2, where nothing is called; a false alarm at 0; found at 3
    figures = np.array([0.0, np.nan, np.nan, 0.2])
    grid = {"x": (0, 1, 2, 3)}
    assert tuning.coordinate_search(lambda s: figures[s["x"].astype(int)], grid, 1).settings[
        "x"
    ] == [3]
    figures[3] = 0
    assert tuning.coordinate_search(lambda s: figures[s["x"].astype(int)], grid, 1).settings[
        "x"
    ] == [0]
    figures[:] = np.nan
    found = tuning.coordinate_search(lambda s: figures[s["x"].astype(int)], grid, 1)
    assert (found.settings["x"], found.is_settled) == ([0], True)


def test_scores_equal_but_for_rounding_are_equal():
    figures = np.array([0.1 + 0.2, 0.3, np.nextafter(0.3, 1)])
    found = tuning.coordinate_search(lambda s: figures[s["x"].astype(int)], {"x": (1, 2, 0)}, 1)
    assert found.settings["x"] == [1]


def bowl(centre):
    """Return figures, highest where settings are at a class' centre, that tilt them together."""

    def figures(settings):
        x, y = settings["x"] - centre[0], settings["y"] - centre[1]
        return -(x**2 + y**2 + x * y)

    return figures


def test_coordinates_find_the_best_of_all_combinations_of_each_class(rng):
    centre = rng.integers(0, 7, size=(2, 4))
    grids = {"x": tuple(range(7)), "y": tuple(range(7))}
    found = tuning.coordinate_search(bowl(centre), grids, 4, max_sweeps=20)
    np.testing.assert_array_equal(found.settings["x"], centre[0])
    np.testing.assert_array_equal(found.settings["y"], centre[1])
    np.testing.assert_array_equal(found.scores, 0)
    assert found.is_settled
    # a sweep more than is needed shows that nothing changes
    assert tuning.coordinate_search(bowl(centre), grids, 4, max_sweeps=found.sweeps).is_settled
    assert not tuning.coordinate_search(bowl(centre), grids, 4, max_sweeps=1).is_settled


def test_one_setting_for_all_classes_is_the_best_on_average():
    centre = np.array([[0, 0, 6], [3, 3, 3]])
    grids = {"x": tuple(range(7)), "y": tuple(range(7))}
    found = tuning.coordinate_search(bowl(centre), grids, 3, per_class=False)
    np.testing.assert_array_equal(found.settings["x"], [2, 2, 2])
    np.testing.assert_array_equal(found.settings["y"], [3, 3, 3])


def test_nothing_is_measured_twice():
    seen = []

    def figures(settings):
        seen.append(tuple(np.concatenate([settings["x"], settings["y"]])))
        return bowl(np.array([[1, 2], [2, 0]]))(settings)

    found = tuning.coordinate_search(figures, {"x": (0, 1, 2), "y": (0, 1, 2)}, 2)
    assert len(set(seen)) == len(seen) == found.n_tried


def test_a_search_only_improves_on_the_simplest_settings(rng):
    table = rng.random((5, 4, 3))  # figures without any shape

    def figures(settings):
        return table[settings["x"].astype(int), settings["y"].astype(int), range(3)]

    grids = {"x": tuple(range(5)), "y": tuple(range(4))}
    found = tuning.coordinate_search(figures, grids, 3)
    assert (found.scores >= table[0, 0]).all()
    again = tuning.coordinate_search(figures, grids, 3)
    for name in grids:
        np.testing.assert_array_equal(found.settings[name], again.settings[name])
    # no single change of a setting is better
    x, y = (found.settings[name].astype(int) for name in grids)
    assert (table[:, y, range(3)] <= found.scores).all()
    assert (table[x, :, range(3)] <= found.scores[:, None]).all()


def exact_share(reference, detected, name):
    """Return the F of events of a class that are there to the hundredth of a second."""
    rounded = [
        {(round(e.onset_s, 2), round(e.offset_s, 2)) for e in events if e.label == name}
        for events in (reference, detected)
    ]
    return 2 * len(rounded[0] & rounded[1]) / max(sum(map(len, rounded)), 1)


@pytest.fixture
def figures():
    """How well events are found in the scores of two unlike classes.

    Those of Cat are low and flicker; those of Dog are high, with specks beside the event.
    """
    scores = np.full((200, 2), 0.05)
    scores[50:100, 0] = 0.3
    scores[[60, 75], 0] = 0.0
    scores[20:80, 1] = 0.9
    scores[[110, 150], 1] = 0.95
    reference = [Event("r", 1.0, 2.0, "Cat"), Event("r", 0.4, 1.6, "Dog")]

    def measure(settings):
        recording = decoding.ScoredRecording("r", 0.0, math.inf, scores)
        found = decoding.detections(recording, NAMES, 50, **settings)
        return np.array([exact_share(reference, found, name) for name in NAMES])

    return measure


def test_a_decoder_is_tuned_to_what_its_classes_are_like(figures):
    found = tuning.coordinate_search(figures, GRIDS, 2, together=("threshold", "filter_s"))
    np.testing.assert_array_equal(found.scores, [1, 1])
    assert found.settings["threshold"].tolist() == [0.3, 0.5]
    assert found.settings["filter_s"].tolist() == [0.1, 0.1]
    assert found.settings["gap_s"].tolist() == [0, 0]


def test_what_no_single_change_makes_better_stays_as_it_is(figures):
    found = tuning.coordinate_search(figures, GRIDS, 2)
    np.testing.assert_array_equal(found.scores, [0, 1])
    assert found.settings["threshold"].tolist() == [0.5, 0.5]
    assert found.settings["filter_s"].tolist() == [0.0, 0.1]
    assert found.n_tried < len(tuning.THRESHOLDS) * len(GRIDS["filter_s"])


def test_settings_together_are_the_best_of_all_their_combinations(rng):
    table = rng.integers(0, 3, size=(5, 4, 3))  # figures without any shape, many of them equal
    grids = {"x": (0, 1, 2, 3, 4), "y": (2, 0, 1, 3)}

    def figures(settings):
        return table[settings["x"].astype(int), settings["y"].astype(int), range(3)]

    found = tuning.coordinate_search(figures, grids, 3, together=("y", "x"))
    for column in range(3):
        ordered = [(y, x) for y in grids["y"] for x in grids["x"]]
        best = max(ordered, key=lambda pair: table[pair[1], pair[0], column])  # the first of equals
        assert (found.settings["y"][column], found.settings["x"][column]) == best
    assert found.n_tried <= 20 + 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (({}, 1), "grids are empty"),
        (({"x": ()}, 1), r"grid of x \(\); expected values"),
        (({"x": (1, 2, 1)}, 1), r"grid of x \(1, 2, 1\); expected values, each once"),
        (({"x": (1, 2)}, 0), "n_classes=0 and max_sweeps=6; expected 1 or more"),
        (({"x": (1, 2)}, 3), r"scores have shape \(2,\); expected \(3,\), one per class"),
        (({"x": (1, 2)}, 2), "a score is infinite"),
    ],
)
def test_what_cannot_be_searched_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        tuning.coordinate_search(lambda settings: np.array([0.0, np.inf]), *arguments)


def test_only_settings_with_a_grid_go_together():
    with pytest.raises(ValueError, match=r"together names \['gap'\]; expected settings of \['x'\]"):
        tuning.coordinate_search(
            lambda settings: np.zeros(1), {"x": (1, 2)}, 1, together=("x", "gap")
        )


@pytest.mark.parametrize(
    ("targets", "scores", "message"),
    [
        (np.zeros((3, 2)), np.zeros((3, 1)), r"targets \(3, 2\) and scores \(3, 1\)"),
        (np.full((3, 2), 0.5), np.zeros((3, 2)), "other numbers than 0 and 1"),
        (np.zeros((3, 2)), np.full((3, 2), np.nan), "scores hold other than numbers from 0 to 1"),
    ],
)
def test_clips_without_sound_targets_or_scores_are_refused(targets, scores, message):
    with pytest.raises(ValueError, match=message):
        tuning.clip_thresholds(targets, scores)


def test_thresholds_at_the_end_of_their_grid_are_named_where_there_is_truth():
    settings = {"threshold": np.array([0.1, 0.5, 0.9, 0.1]), "filter_s": np.array([0.0] * 4)}
    grids = {"threshold": (0.5, 0.1, 0.9), "filter_s": (0.0, 1.0, 2.0)}
    found = tuning.at_grid_end(settings, grids, list("abcd"), [3, 2, 1, 0])
    assert found == {"threshold": ["a", "c"]}
    assert tuning.at_grid_end(settings, {"threshold": (0.1, 0.9)}, list("abcd"), [3, 2, 1, 0]) == {}
    assert tuning.at_grid_end(settings, {"filter_s": (0.0, 1.0, 2.0)}, list("abcd"), [1] * 4) == {}
