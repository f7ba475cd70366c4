"""Average precision, MLRAP and top-k against scikit-learn, written-out loops and known traps."""

import contextlib
import math
import time
import warnings
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import (
    average_precision_score,
    confusion_matrix,
    label_ranking_average_precision_score,
    roc_auc_score,
    top_k_accuracy_score,
)

from dawnchorus.metrics import checks, precision, ranks, roc

TIGHT = 1e-12


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def drawn(rng, n=120, n_classes=6, distinct=12, share=0.3):
    """Targets and scores in [0, 1] with many ties."""
    scores = rng.integers(distinct + 1, size=(n, n_classes)) / distinct
    targets = (rng.random((n, n_classes)) < share * (0.3 + scores)).astype(int)
    return targets, scores


@st.composite
def cases(draw, n_classes=3):
    """A few recordings with scores of five distinct values."""
    n = draw(st.integers(1, 8))
    targets = draw(arrays(np.int64, (n, n_classes), elements=st.integers(0, 1)))
    return targets, draw(arrays(np.int64, (n, n_classes), elements=st.integers(0, 4))) / 4


def precision_by_hand(targets, scores):
    """Mean, over positives, of the precision among all that score at least as much."""
    values = [targets[scores >= own].sum() / (scores >= own).sum() for own in scores[targets == 1]]
    return np.mean(values) if values else np.nan


def ranking_by_hand(targets, scores):
    """The label ranking average precision of one recording."""
    values = [
        sum(t for t, s in zip(targets, scores, strict=True) if s >= own)
        / sum(s >= own for s in scores)
        for target, own in zip(targets, scores, strict=True)
        if target
    ]
    return np.mean(values) if values else np.nan


def top_k_by_hand(targets, scores, k):
    """The share of all orders of the classes in which a true one is among the k best."""
    hits = []
    for order in permutations(range(len(scores))):
        best = sorted(order, key=lambda c: -scores[c])[:k]
        hits.append(any(targets[c] for c in best))
    return np.mean(hits) if any(targets) else np.nan


# --- average precision


def test_two_positives_at_ranks_one_and_three():
    assert precision.average_precision([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1]) == pytest.approx(5 / 6)


def test_equal_scores_are_called_together():
    assert precision.average_precision([1, 0], [0.5, 0.5]) == 0.5
    assert precision.average_precision([1, 0, 1], [0.5, 0.5, 0.9]) == pytest.approx((1 + 2 / 3) / 2)


@pytest.mark.parametrize("distinct", [1, 3, 10_000])
def test_average_precision_equals_scikit_learn(rng, distinct):
    targets, scores = drawn(rng, distinct=distinct)
    expected = average_precision_score(targets, scores, average=None)
    found = precision.average_precision_per_class(targets, scores)
    np.testing.assert_allclose(found, expected, atol=TIGHT)
    assert precision.average_precision(targets[:, 0], scores[:, 0]) == found[0]
    for ours, average in (
        (precision.mean_average_precision(targets, scores), "macro"),
        (precision.average_precision_micro(targets, scores), "micro"),
    ):
        expected = average_precision_score(targets, scores, average=average)
        assert ours == pytest.approx(expected, abs=TIGHT)


@settings(max_examples=80, deadline=None)
@given(cases())
def test_average_precision_equals_a_loop_over_positives(case):
    targets, scores = case
    expected = [precision_by_hand(*column) for column in zip(targets.T, scores.T, strict=True)]
    found = precision.average_precision_per_class(targets, scores)
    np.testing.assert_allclose(found, expected, atol=TIGHT)
    micro = precision_by_hand(targets.ravel(), scores.ravel())
    np.testing.assert_allclose(precision.average_precision_micro(*case), micro, atol=TIGHT)


def test_padded_equals_the_definition_of_birdclef_2023(rng):
    targets, scores = drawn(rng, distinct=5)  # some scores are 1, tied with the padding
    targets[:, 2] = 0
    ones = np.ones((5, targets.shape[1]))
    padded = [np.concatenate((array, ones)) for array in (targets, scores)]
    expected = average_precision_score(*padded, average="macro")
    found = precision.mean_average_precision(targets, scores, policy="padded")
    assert found == pytest.approx(expected, abs=TIGHT)


def test_the_four_numbers_called_cmap_of_classes_of_which_a_fifth_is_absent(rng):
    # skip, scikit-learn's macro (absent: 0) and padded over all (absent: 1) or present classes
    targets, scores = drawn(rng, n=200, n_classes=50, distinct=10_000, share=0.05)
    targets[0] = np.arange(50) < 40
    targets[:, 40:] = 0
    scores *= 0.99
    skip = precision.mean_average_precision(targets, scores, "skip")
    padded = precision.mean_average_precision(targets, scores, "padded")
    present = precision.mean_average_precision(targets[:, :40], scores[:, :40], "padded")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        macro = average_precision_score(targets, scores, average="macro")
    assert macro == pytest.approx(0.8 * skip, abs=TIGHT)
    assert padded == pytest.approx(0.8 * present + 0.2, abs=TIGHT)
    assert len({round(value, 3) for value in (skip, macro, padded, present)}) == 4


def test_absent_classes_are_nan_alone_and_left_out_of_skip():
    targets, scores = np.array([[1, 0], [0, 0]]), np.array([[0.2, 0.3], [0.4, 0.1]])
    np.testing.assert_array_equal(
        precision.average_precision_per_class(targets, scores), [0.5, np.nan]
    )
    assert precision.mean_average_precision(targets, scores) == 0.5
    assert math.isnan(precision.mean_average_precision(targets * 0, scores))
    assert precision.mean_average_precision(targets * 0, scores, "padded") == 1
    assert math.isnan(precision.average_precision([], []))
    for policy in precision.POLICIES:
        assert math.isnan(precision.mean_average_precision(targets[:0], scores[:0], policy))


def test_a_recording_without_classes_lowers_precision_where_it_scores_high():
    # a false alarm in an empty recording must cost
    targets, scores = np.array([[1, 0], [0, 1]]), np.array([[0.8, 0.1], [0.2, 0.7]])
    alarmed = np.vstack((targets, [[0, 0]])), np.vstack((scores, [[0.9, 0.0]]))
    for metric in (precision.mean_average_precision, precision.average_precision_micro):
        assert metric(targets, scores) == 1
        assert metric(*alarmed) < 1


# --- label ranking


@pytest.mark.parametrize("distinct", [1, 4, 10_000])
def test_mlrap_equals_scikit_learn_which_counts_empty_rows_as_one(rng, distinct):
    targets, scores = drawn(rng, distinct=distinct, share=0.15)
    held = targets.any(axis=1)
    assert not held.all()
    for empty, rows in (("one", slice(None)), ("skip", held)):
        expected = label_ranking_average_precision_score(targets[rows], scores[rows])
        found = ranks.label_ranking_average_precision(targets, scores, empty=empty)
        assert found == pytest.approx(expected, abs=TIGHT)


@settings(max_examples=80, deadline=None)
@given(cases(n_classes=4))
def test_mlrap_equals_a_loop_over_recordings(case):
    expected = [ranking_by_hand(*row) for row in zip(*case, strict=True)]
    found = ranks.label_ranking_per_recording(*case)
    np.testing.assert_allclose(found, expected, atol=TIGHT)
    mean = ranks.label_ranking_average_precision(*case)
    np.testing.assert_allclose(mean, np.nan if np.isnan(expected).all() else np.nanmean(expected))


def test_mlrap_of_one_class_each_is_the_mean_reciprocal_rank():
    scores = np.array([[0.9, 0.5, 0.1], [0.9, 0.5, 0.1], [0.5, 0.5, 0.1]])
    targets = np.eye(3, dtype=int)[[0, 2, 0]]
    expected = (1 + 1 / 3 + 1 / 2) / 3
    assert ranks.label_ranking_average_precision(targets, scores) == pytest.approx(expected)


def test_empty_rows_flatter_and_constant_scores_are_worth_little(rng):
    targets, scores = drawn(rng, n=100, n_classes=10, share=0.4)
    targets[:43] = 0
    one, skip = (
        ranks.label_ranking_average_precision(targets, scores, empty=empty)
        for empty in ("one", "skip")
    )
    n_empty = (~targets.any(axis=1)).sum()
    assert one == pytest.approx((n_empty + (100 - n_empty) * skip) / 100, abs=TIGHT)
    constant = ranks.label_ranking_average_precision(targets, np.full((100, 10), 0.7))
    share = targets[targets.any(axis=1)].mean()
    assert constant == pytest.approx(share, abs=TIGHT)


def test_mlrap_in_pieces_is_the_same(rng, monkeypatch):
    targets, scores = drawn(rng)
    whole = ranks.label_ranking_per_recording(targets, scores)
    monkeypatch.setattr("dawnchorus.metrics.ranks._ENTRIES", 40)
    np.testing.assert_array_equal(ranks.label_ranking_per_recording(targets, scores), whole)


# --- top k, confusion


def test_top_k_equals_scikit_learn_without_ties(rng):
    labels, scores = rng.integers(6, size=200), rng.random((200, 6))
    targets = np.eye(6, dtype=int)[labels]
    for k in (1, 2, 5):
        expected = top_k_accuracy_score(labels, scores, k=k)
        found = ranks.top_k_accuracy(targets, scores, k)
        assert found == pytest.approx(expected, abs=TIGHT)
    assert ranks.accuracy(targets, scores) == ranks.top_k_accuracy(targets, scores, 1)
    assert ranks.top_k_accuracy(targets, scores, 6) == 1
    assert ranks.top_k_accuracy(targets, scores, 60) == 1


@settings(max_examples=60, deadline=None)
@given(cases(n_classes=4), st.integers(1, 5))
def test_ties_of_top_k_give_the_mean_over_all_orders(case, k):
    expected = [top_k_by_hand(*row, k) for row in zip(*case, strict=True)]
    np.testing.assert_allclose(ranks.top_k_per_recording(*case, k), expected, atol=TIGHT)


def test_constant_scores_are_no_better_than_chance_and_empty_rows_do_not_count():
    targets = np.vstack((np.eye(5, dtype=int), np.zeros((3, 5), dtype=int)))
    scores = np.full((8, 5), 0.2)
    assert ranks.top_k_accuracy(targets, scores, 1) == pytest.approx(1 / 5)
    assert ranks.top_k_accuracy(targets, scores, 2) == pytest.approx(2 / 5)
    assert math.isnan(ranks.top_k_accuracy(targets[5:], scores[5:], 1))
    assert math.isnan(ranks.accuracy(np.zeros((0, 5)), np.zeros((0, 5))))


def test_confusion_equals_scikit_learn_and_its_trace_is_the_accuracy(rng):
    labels, scores = rng.integers(4, size=100), rng.random((100, 4))
    targets = np.eye(4, dtype=int)[labels]
    found = ranks.confusion(targets, scores)
    np.testing.assert_array_equal(found, confusion_matrix(labels, scores.argmax(axis=1)))
    assert np.trace(found) / 100 == pytest.approx(ranks.accuracy(targets, scores), abs=TIGHT)


def test_confusion_shares_ties_and_leaves_out_recordings_of_several_classes():
    targets = np.array([[1, 0, 0], [0, 1, 1], [0, 0, 0], [0, 0, 1]])
    scores = np.array([[0.5, 0.5, 0.1], [0.9, 0.1, 0.1], [0.9, 0.1, 0.1], [0.2, 0.3, 0.1]])
    expected = [[0.5, 0.5, 0], [0, 0, 0], [0, 1, 0]]
    np.testing.assert_array_equal(ranks.confusion(targets, scores), expected)


# --- laws


def measured(targets, scores):
    """Every metric of this room, by name."""
    return {
        "skip": precision.mean_average_precision(targets, scores),
        "micro": precision.average_precision_micro(targets, scores),
        "mlrap": ranks.label_ranking_average_precision(targets, scores),
        "top 1": ranks.accuracy(targets, scores),
        "top 2": ranks.top_k_accuracy(targets, scores, 2),
    }


@settings(max_examples=60, deadline=None)
@given(cases())
def test_order_copies_and_monotone_maps_change_nothing(case):
    targets, scores = case
    expected = pytest.approx(measured(targets, scores), abs=TIGHT, nan_ok=True)
    assert measured(targets[::-1], scores[::-1]) == expected
    assert measured(targets[:, ::-1], scores[:, ::-1]) == expected
    assert measured(np.tile(targets, (3, 1)), np.tile(scores, (3, 1))) == expected
    assert measured(targets, 7 * scores**3 - 2) == expected  # scores need be no probabilities


@settings(max_examples=40, deadline=None)
@given(cases())
def test_right_scores_are_perfect(case):
    targets, _ = case
    for name, value in measured(targets, targets.astype(float)).items():
        assert np.isnan(value) or value == 1, name
    assert precision.mean_average_precision(targets, targets, "padded") == 1


def test_low_scores_of_a_rare_class_are_ranked_exactly(rng):
    # 50 or 200 thresholds between 0 and 1 see next to nothing of them
    targets = (rng.random(3000) < 0.01).astype(int)
    scores = 1 / (1 + np.exp(7 - rng.normal(size=3000) - 1.5 * targets))
    for metric, reference in (
        (precision.average_precision, average_precision_score),
        (roc.auroc, roc_auc_score),
    ):
        exact = reference(targets, scores)
        assert metric(targets, scores) == pytest.approx(exact, abs=TIGHT)
        binned = np.floor(scores * 50)
        assert abs(metric(targets, binned) - exact) > 0.02


def test_rounding_scores_costs_and_float32_does_not(rng):
    targets = (rng.random(3000) < 0.01).astype(int)
    scores = 1 / (1 + np.exp(7 - rng.normal(size=3000) - 1.5 * targets))
    for metric in (precision.average_precision, roc.auroc):
        exact = metric(targets, scores)
        assert metric(targets, scores.astype(np.float32)) == pytest.approx(exact, abs=1e-6)
        assert abs(metric(targets, scores.round(3)) - exact) > 1e-4


def test_offsets_between_folds_hurt_what_is_pooled_and_not_what_is_averaged(rng):
    # so both are reported
    targets = rng.integers(2, size=(5, 200))
    scores = rng.normal(size=(5, 200)) + 1.4 * targets
    offset = scores + 2 * np.arange(5)[:, None]
    for metric in (roc.auroc, precision.average_precision):
        each = [metric(*fold) for fold in zip(targets, offset, strict=True)]
        assert np.mean(each) > metric(targets.ravel(), offset.ravel()) + 0.1
        assert np.mean(each) == pytest.approx(metric(targets.ravel(), scores.ravel()), abs=0.03)


# --- weights


@contextlib.contextmanager
def ways(few, entries=4 * 10**6):
    """Classes with more positives than ``few`` are sorted, others are products in pieces."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dawnchorus.metrics.precision.FEW", few)
        patch.setattr("dawnchorus.metrics.precision.ENTRIES", entries)
        yield


WAYS = pytest.mark.parametrize("way", [(0,), (2,), (10**6,), (10**6, 7)])


@WAYS
@settings(max_examples=40, deadline=None)
@given(case=cases(), data=st.data())
def test_a_whole_weight_equals_standing_that_often_in_the_list(way, case, data):
    targets, scores = case
    weights = data.draw(arrays(np.int64, len(targets), elements=st.integers(0, 3)))
    rows = np.repeat(np.arange(len(targets)), weights)
    one = (targets[:, 0], scores[:, 0])
    for metric, arguments in (
        (precision.average_precision_micro, case),
        (precision.mean_average_precision, case),
        (roc.macro_auroc, case),
        (precision.average_precision, one),
    ):
        expected = metric(*(array[rows] for array in arguments))
        with ways(*way):
            found = metric(*arguments, weights=weights[None])
        np.testing.assert_allclose(found, [expected], atol=TIGHT)


@settings(max_examples=40, deadline=None)
@given(cases(), st.data())
def test_the_weighted_mean_is_that_of_repeated_recordings(case, data):
    targets, scores = case
    weights = data.draw(arrays(np.int64, len(targets), elements=st.integers(0, 3)))
    rows = np.repeat(np.arange(len(targets)), weights)
    values = ranks.label_ranking_per_recording(targets, scores)
    expected = ranks.label_ranking_average_precision(targets[rows], scores[rows])
    np.testing.assert_allclose(ranks.mean_over_recordings(values, weights[None]), [expected])
    found = ranks.label_ranking_average_precision(targets, scores, weights=weights[None])
    np.testing.assert_allclose(found, [expected])
    found = ranks.top_k_accuracy(targets, scores, 2, weights[None])
    np.testing.assert_allclose(found, [ranks.top_k_accuracy(targets[rows], scores[rows], 2)])


@WAYS
def test_the_padding_weighs_one_whatever_the_recordings_weigh(rng, way):
    targets, scores = drawn(rng)
    targets[:, 3] = 0
    weights = rng.integers(4, size=(3, len(targets)))
    expected = []
    for row in weights:
        rows = np.repeat(np.arange(len(targets)), row)
        expected.append(precision.mean_average_precision(targets[rows], scores[rows], "padded"))
    with ways(*way):
        found = precision.mean_average_precision(targets, scores, "padded", weights)
    np.testing.assert_allclose(found, expected, atol=TIGHT)


@WAYS
def test_weighted_metrics_equal_scikit_learn_sample_weights_in_chunks(rng, monkeypatch, way):
    targets, scores = drawn(rng)
    weights = rng.random((7, len(targets)))
    monkeypatch.setattr(checks, "CHUNK_BYTES", 3 * 40 * len(targets))
    expected = [roc_auc_score(targets, scores, sample_weight=row) for row in weights]
    with ways(*way):
        found = roc.macro_auroc(targets, scores, weights=weights)
    np.testing.assert_allclose(found, expected, atol=TIGHT)
    for average, metric in (
        ("macro", precision.mean_average_precision),
        ("micro", precision.average_precision_micro),
    ):
        expected = [
            average_precision_score(targets, scores, average=average, sample_weight=row)
            for row in weights
        ]
        with ways(*way):
            found = metric(targets, scores, weights=weights)
        np.testing.assert_allclose(found, expected, atol=TIGHT)


def test_weights_that_leave_nothing_give_nan(rng):
    targets, scores = drawn(rng, n=5)
    nothing = np.zeros((2, 5))
    for metric in (
        precision.mean_average_precision,
        precision.average_precision_micro,
        roc.macro_auroc,
    ):
        assert np.isnan(metric(targets, scores, weights=nothing)).all()
        assert np.isnan(metric(targets * 0, scores, weights=nothing + 1)).all()
        assert np.isnan(metric(targets[:0], scores[:0], weights=np.zeros((2, 0)))).all()
    assert np.isnan(ranks.mean_over_recordings([0.5], [[0], [0]])).all()
    assert np.isnan(ranks.mean_over_recordings([np.nan], [[1]])).all()


def test_two_hundred_rare_classes_are_no_slower_than_their_products(rng):
    # sorted one by one they would take several times as long
    targets = np.eye(200, dtype=int)[rng.integers(200, size=1000)]
    scores = rng.random((1000, 200))
    weights = rng.integers(3, size=(500, 1000))
    start = time.process_time()
    precision.mean_average_precision(targets, scores, weights=weights)
    precision.average_precision_micro(targets, scores, weights=weights)
    roc.macro_auroc(targets, scores, weights=weights)
    assert time.process_time() - start < 3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda t, s: precision.mean_average_precision(t, s, "macro"),
            "policy='macro'; .* skip, pad",
        ),
        (lambda t, s: precision.mean_average_precision(t, 2 + s, "padded"), "up to .*at most 1"),
        (lambda t, s: ranks.label_ranking_average_precision(t, s, "zero"), "empty='zero'"),
        (lambda t, s: ranks.top_k_accuracy(t, s, 0), "k=0; expected a whole number of 1"),
        (lambda t, s: ranks.top_k_accuracy(t, s, 1.0), "k=1.0; expected a whole number"),
        (lambda t, s: precision.average_precision(t, s), r"shape \(4, 3\); expected \(N,\)"),
        (lambda t, s: ranks.confusion(t, s[:2]), "targets .* and scores .* differ"),
        (lambda t, s: precision.average_precision_micro(t, s * np.nan), "12 of 12 scores are not"),
        (
            lambda t, s: precision.average_precision_micro(t, s, weights=np.ones((2, 5))),
            r"weights have shape \(2, 5\); expected \(R, 4\)",
        ),
        (lambda t, s: ranks.mean_over_recordings([0.1], [[-1]]), "at least 0"),
    ],
)
def test_wrong_input_is_refused_with_what_was_wrong(rng, call, message):
    with pytest.raises(ValueError, match=message):
        call(*drawn(rng, n=4, n_classes=3))
