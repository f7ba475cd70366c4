"""Thresholds for a wanted precision, recall or number of false alarms, and intervals of proportions."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from dawnchorus.metrics.operating_points import (
    operating_curve,
    threshold_for,
    thresholds_for,
)
from dawnchorus.metrics.proportions import stratified_proportion, wilson_interval

# scores 0.9 right, 0.8 wrong, 0.7 right, 0.6 right, 0.5 wrong, 0.4 wrong; half an hour each
TARGETS = np.array([1, 0, 1, 1, 0, 0])
SCORES = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
CURVE = operating_curve(TARGETS, SCORES, 3.0)


@pytest.mark.parametrize(
    ("goal", "wanted", "threshold", "precision", "recall", "alarms"),
    [
        ("precision", 0.75, 0.6, 0.75, 1.0, 1 / 3),
        ("precision", 0.9, 0.9, 1.0, 1 / 3, 0.0),
        ("recall", 0.3, 0.9, 1.0, 1 / 3, 0.0),
        ("recall", 0.5, 0.7, 2 / 3, 2 / 3, 1 / 3),
        ("recall", 1.0, 0.6, 0.75, 1.0, 1 / 3),
        ("false_alarms_per_hour", 0.5, 0.6, 0.75, 1.0, 1 / 3),
        ("false_alarms_per_hour", 0.0, 0.9, 1.0, 1 / 3, 0.0),
    ],
)
def test_six_recordings_by_hand(goal, wanted, threshold, precision, recall, alarms):
    found = threshold_for(CURVE, goal, wanted, "owl")
    assert found["threshold"] == threshold
    assert found["precision"] == pytest.approx(precision)
    assert found["recall"] == pytest.approx(recall)
    assert found["false_alarms_per_hour"] == pytest.approx(alarms)
    assert found["n_predicted"] == (threshold <= SCORES).sum()


def test_a_threshold_is_the_best_of_all_there_are(rng):
    targets = (rng.random(300) < 0.3).astype(int)
    scores = np.round(np.clip(rng.normal(0.4 + 0.2 * targets, 0.2), 0, 1), 2)
    curve = operating_curve(targets, scores, 10.0)
    for goal, wanted in (("precision", 0.6), ("recall", 0.8), ("false_alarms_per_hour", 2.0)):
        reached = []
        for threshold in np.unique(scores):
            is_positive = scores >= threshold
            values = {
                "precision": targets[is_positive].mean(),
                "recall": is_positive[targets == 1].mean(),
                "false_alarms_per_hour": is_positive[targets == 0].sum() / 10.0,
            }
            value = values[goal]
            if value <= wanted if goal == "false_alarms_per_hour" else value >= wanted:
                reached.append(threshold)
        found = threshold_for(curve, goal, wanted, "owl")["threshold"]
        assert found == (max(reached) if goal == "recall" else min(reached))


@pytest.mark.parametrize(
    ("curve", "goal", "wanted", "said"),
    [
        (operating_curve([0, 1, 0, 1], [0.9, 0.8, 0.7, 0.6], 1.0), "precision", 0.9,
         "class 'owl': no threshold gives a precision of at least 0.9; the most is 0.5, at a score "
         r"of 0.8 \(1 of 2 recordings are right\); ask for less"),
        (operating_curve([0, 1], [0.9, 0.8], 2.0), "false_alarms_per_hour", 0.1,
         r"the least is 0.5, at a score of 0.9 \(0 of 1 recordings are right\); ask for more"),
        (operating_curve([0, 0], [0.9, 0.8], 2.0), "recall", 0.5, "none of 2 recordings"),
        (operating_curve([0, 1], [0.9, 0.8], math.nan), "false_alarms_per_hour", 1, "length"),
        (CURVE, "precision", 1.1, "more than 0 and at most 1"),
        (CURVE, "recall", 0.0, "more than 0 and at most 1"),
        (CURVE, "false_alarms_per_hour", -1, "0 or more"),
        (CURVE, "f1", 0.5, "expected one of precision, recall, false_alarms_per_hour"),
    ],
)  # fmt: skip
def test_what_cannot_be_reached_is_one_sentence(curve, goal, wanted, said):
    with pytest.raises(ValueError, match=said):
        threshold_for(curve, goal, wanted, "owl")


def test_a_long_curve_is_thinned_and_keeps_its_ends(rng):
    targets = (rng.random(100_000) < 0.1).astype(int)
    scores = rng.random(100_000)
    whole, thinned = (
        operating_curve(targets, scores, 1.0, 10**6),
        operating_curve(targets, scores, 1.0),
    )
    assert len(whole["threshold"]) > 90_000
    assert len(thinned["threshold"]) <= 200
    for key in ("threshold", "hits", "false_alarms"):
        assert (thinned[key][0], thinned[key][-1]) == (whole[key][0], whole[key][-1])
    wanted = {goal: threshold_for(one, "recall", 0.5, "owl") for goal, one in
              (("whole", whole), ("thinned", thinned))}  # fmt: skip
    assert 0 <= wanted["thinned"]["recall"] - wanted["whole"]["recall"] < 0.02


@pytest.mark.parametrize(("k", "n"), [(0, 1), (1, 1), (0, 10), (3, 10), (10, 10), (50, 200)])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_the_interval_is_wilsons(k, n, confidence):
    found = wilson_interval(k / n, n, confidence)
    reference = binomtest(k, n).proportion_ci(confidence, "wilson")
    assert found == pytest.approx((reference.low, reference.high), abs=1e-12)


def test_nothing_drawn_has_no_interval_and_all_drawn_is_certain():
    assert all(map(math.isnan, wilson_interval(0.5, 0)))
    assert wilson_interval(0.5, math.inf) == (0.5, 0.5)
    assert all(map(math.isnan, stratified_proportion([0], [0], [10])))
    assert stratified_proportion([3, 1], [4, 6], [4, 6]) == (0.4, 0.4, 0.4)
    with pytest.raises(ValueError, match="confidence=1.5"):
        wilson_interval(0.5, 10, 1.5)
    with pytest.raises(ValueError, match="5 successes of 4 drawn of 10"):
        stratified_proportion([5], [4], [10])


def test_strata_count_by_their_size():
    # nine tenths of the detections are in the first stratum, half of the drawn ones in each
    share, low, high = stratified_proportion([5, 10], [10, 10], [900, 100])
    assert share == pytest.approx(0.9 * 0.5 + 0.1 * 1.0)
    assert low < share < high
    # drawn in proportion, of many: as one sample
    share, low, high = stratified_proportion([45, 5], [90, 10], [9 * 10**9, 10**9])
    assert (low, high) == pytest.approx(wilson_interval(0.5, 100), abs=1e-6)


def test_the_interval_covers_as_often_as_it_says():
    rng, sizes, rights = np.random.default_rng(7), [400, 60, 40], [120, 40, 38]
    truth, covered = sum(rights) / sum(sizes), 0
    for _ in range(1000):
        hits = [rng.hypergeometric(k, n - k, 20) for k, n in zip(rights, sizes, strict=True)]
        _, low, high = stratified_proportion(hits, [20] * 3, sizes)
        covered += low <= truth <= high
    assert covered >= 940


def test_classes_that_cannot_reach_a_goal_are_told_and_left_out():
    poor = operating_curve([0, 1, 0, 1], [0.9, 0.8, 0.7, 0.6], 1.0)
    found, sentences = thresholds_for({"owl": CURVE, "rail": poor}, "precision", 0.7)
    assert found == {"owl": 0.6}
    assert [one.split(":")[0] for one in sentences] == ["class 'rail'"]
    with pytest.raises(ValueError, match="class 'rail': no threshold gives"):
        thresholds_for({"rail": poor}, "precision", 0.7)
