"""Pooling and averaging: laws, and NumPy recording by recording."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dawnchorus.scores import pooling

PLAIN = {"max": np.max, "mean": np.mean, "median": np.median, "min": np.min}
LAST_BIT = (2e-7, 2e-45)  # relative and absolute: sums of float64 in another order
FINITE = st.floats(0, 1, width=32)


def power_by_hand(exponent):
    """Return the mean of (2p) ** exponent, at most 1, of chunks x classes."""
    return lambda p, axis: np.minimum(((2 * p) ** exponent).mean(axis=axis), 1)


def median_filtered_by_hand(p, axis):
    """Pool chunks x classes as the published description has it, chunk by chunk."""
    pooled = np.zeros(p.shape[1])
    for chunk in p:
        kept = np.array([score if score >= 1.5 * np.median(chunk) else 0 for score in chunk])
        pooled += (2 * kept) ** 2 / len(p)
    pooled -= min(pooled)
    return pooled / max(pooled) if max(pooled) > 1 else pooled


def log_mean_exp_by_hand(p, axis):
    return np.log(np.exp(pooling.SHARPNESS * p).mean(axis=axis)) / pooling.SHARPNESS


def normalised_by_hand(p, axis):
    mean = p.mean(axis=axis)
    return mean / mean.sum() if mean.any() else mean


def surest_by_hand(p, axis):
    """Return the first of the chunks whose greatest score is the greatest."""
    return p[[max(chunk) for chunk in p].index(p.max())]


BY_HAND = PLAIN | {
    "surest": surest_by_hand,
    "last": lambda p, axis: p[-1],
    "mean_exp": power_by_hand(2),
    "mean_exp_3": power_by_hand(3),
    "median_filtered": median_filtered_by_hand,
    "log_mean_exp": log_mean_exp_by_hand,
    "mean_normalised": normalised_by_hand,
}
N_CLASSES = 3
# a logarithm near 1 is as exact as float64 is near 1
TOLERANCE = dict.fromkeys(BY_HAND, LAST_BIT) | {"log_mean_exp": (2e-7, 1e-15)}
KEEPS_CONSTANTS = [*PLAIN, "log_mean_exp"]


@st.composite
def windows(draw):
    n_windows = draw(st.integers(1, 25))
    scores = draw(arrays(np.float32, (n_windows, N_CLASSES), elements=FINITE))
    return scores, draw(arrays(np.int64, n_windows, elements=st.integers(0, 5)))


@pytest.mark.parametrize("how", pooling.POOLINGS)
@settings(max_examples=40, deadline=None)
@given(case=windows())
def test_pooling_equals_numpy_recording_by_recording(how, case):
    scores, index = case
    pooled = pooling.pool(scores, index, 6, how)
    assert pooled.dtype == np.float32
    for row in range(6):
        own = scores[index == row].astype(np.float64)
        expected = BY_HAND[how](own, axis=0) if len(own) else np.full(N_CLASSES, np.nan)
        np.testing.assert_allclose(pooled[row], expected.astype(np.float32), *TOLERANCE[how])


@pytest.mark.parametrize("how", pooling.POOLINGS)
@settings(max_examples=40, deadline=None)
@given(case=windows())
def test_scores_stay_between_zero_and_one(how, case):
    pooled = pooling.pool(*case, 6, how)
    seen = pooled[~np.isnan(pooled)]
    assert ((seen >= 0) & (seen <= 1)).all()


@pytest.mark.parametrize("how", KEEPS_CONSTANTS)
@settings(max_examples=30, deadline=None)
@given(score=FINITE, n_windows=st.integers(1, 50))
def test_a_constant_stays_itself(how, score, n_windows):
    scores = np.full((n_windows, 1), score, dtype=np.float32)
    assert pooling.pool(scores, np.zeros(n_windows, int), 1, how)[0, 0] == np.float32(score)


@settings(max_examples=40, deadline=None)
@given(case=windows())
def test_minimum_means_and_maximum_stand_in_order(case):
    low, *between, high = (
        pooling.pool(*case, 6, how) for how in ("min", "mean", "median", "log_mean_exp", "max")
    )
    seen = ~np.isnan(low)
    for middle in between:
        assert (low[seen] <= middle[seen]).all()
        assert (middle[seen] <= high[seen]).all()


@pytest.mark.parametrize("how", [how for how in pooling.POOLINGS if how != "last"])
def test_the_order_of_windows_does_not_matter(how):
    rng = np.random.default_rng(1)
    scores, index = rng.random((200, 3), dtype=np.float32), rng.integers(9, size=200)
    order = rng.permutation(200)
    expected = pooling.pool(scores, index, 9, how)
    shuffled = pooling.pool(scores[order], index[order], 9, how)
    np.testing.assert_allclose(shuffled, expected, *TOLERANCE[how])


@pytest.mark.parametrize("how", KEEPS_CONSTANTS)
def test_one_window_is_its_recording_and_none_is_nan(how):
    pooled = pooling.pool(np.float32([[0.3, 0.4]]), [1], 3, how)
    expected = np.float32([[np.nan] * 2, [0.3, 0.4], [np.nan] * 2])
    np.testing.assert_array_equal(pooled, expected)


@pytest.mark.parametrize("how", pooling.POOLINGS)
def test_recordings_without_windows_are_nan(how):
    assert np.isnan(pooling.pool(np.zeros((0, 2)), [], 2, how)).all()
    assert np.isnan(pooling.pool(np.ones((2, 2)), [1, 1], 3, how)[[0, 2]]).all()


def test_median_filtered_of_two_chunks_in_ones_head():
    # medians 0.1 and 0.2: what is below 0.15 and 0.3 goes; means of (2p)**2: 0.98, 0.08, 0
    chunks = np.array([[0.7, 0.1, 0.1], [0.0, 0.2, 0.4]])
    chunks = chunks[:, [0, 2, 1]]
    pooled = pooling.pool(chunks, [0, 0], 1, "median_filtered")
    np.testing.assert_allclose(pooled[0], [0.98, 0.32, 0], rtol=1e-6)
    loud = pooling.pool(np.array([[0.9, 0.05, 0.05]]), [0], 1, "median_filtered")
    np.testing.assert_allclose(loud[0], [1, 0, 0])  # 3.24 of 3.24


def test_mean_exp_rewards_one_confident_chunk_and_is_cut_at_one():
    chunks = np.array([[0.9, 0.2], [0.1, 0.2]])
    np.testing.assert_allclose(pooling.pool(chunks, [0, 0], 1, "mean_exp")[0], [1, 0.16])
    found = pooling.pool(chunks / 2, [0, 0], 1, "mean_exp_3")[0]
    np.testing.assert_allclose(found, [(0.9**3 + 0.1**3) / 2, 0.2**3], rtol=1e-6)


def test_log_mean_exp_does_not_overflow():
    assert pooling.pool(np.array([[1e6], [1e6]]), [0, 0], 1, "log_mean_exp") == 1e6


def test_mean_normalised_adds_up_to_one_or_stays_zero():
    scores = np.array([[0.2, 0.1], [0.4, 0.1], [0.0, 0.0]])
    pooled = pooling.pool(scores, [0, 0, 1], 2, "mean_normalised")
    np.testing.assert_allclose(pooled, [[0.75, 0.25], [0, 0]])


def test_means_are_taken_in_double_precision():
    # a sum in float32 would stick at 1
    scores = np.full((1001, 1), 3e-8, dtype=np.float32)
    scores[0] = 1
    pooled = pooling.pool(scores, np.zeros(1001, int), 1, "mean")[0, 0]
    assert pooled == np.float32((1 + 1000 * np.float64(np.float32(3e-8))) / 1001)


@pytest.mark.parametrize("how", pooling.AVERAGES)
def test_average_of_models_equals_numpy(how):
    stack = np.random.default_rng(2).random((5, 7, 3), dtype=np.float32)
    expected = getattr(np, how)(stack.astype(np.float64), axis=0).astype(np.float32)
    np.testing.assert_array_equal(pooling.average(stack, how), expected)


@pytest.mark.parametrize("how", pooling.AVERAGES)
def test_models_without_a_score_for_a_recording_are_left_out(how):
    stack = np.float32([[[0.2], [0.4], [np.nan]], [[0.6], [np.nan], [np.nan]]])
    averaged = pooling.average(stack, how)
    np.testing.assert_array_equal(averaged, np.float32([[0.4], [0.4], [np.nan]]))


@pytest.mark.parametrize("how", pooling.AVERAGES)
def test_equal_models_average_to_themselves(how):
    scores = np.random.default_rng(3).random((6, 2), dtype=np.float32)
    np.testing.assert_array_equal(pooling.average(np.stack([scores] * 15), how), scores)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros((2, 1)), [0, 1], 2, "maximum"), "pooling 'maximum'; expected one of max"),
        ((np.zeros((2, 1)), [0], 2, "max"), r"scores \(2, 1\) and recording_index \(1,\)"),
        ((np.zeros((2, 1)), [0, 2], 2, "max"), "runs from 0 to 2; expected 0 to 1"),
        ((np.zeros((2, 1)), [0.0, 1.0], 2, "max"), "recording_index is float64"),
        ((np.array([[0.1], [np.nan]]), [0, 1], 2, "max"), r"1 recordings .* \[1\]"),
        ((np.zeros((2, 1)), [0, 0], 1, "median_filtered"), "compares classes, expected 2 or more"),
        ((np.zeros((2, 1)), [0, 0], 1, "mean_normalised"), "'mean_normalised' of 1 class"),
    ],
)
def test_windows_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        pooling.pool(*arguments)


@pytest.mark.parametrize(
    ("stack", "how", "message"),
    [
        (np.zeros((1, 2, 3)), "max", "average 'max'"),
        (np.zeros((2, 3)), "mean", r"shape \(2, 3\); expected \(M, N, C\)"),
        (np.zeros((0, 2, 3)), "mean", "M of 1 or more"),
        (np.array([[[0.1, np.nan]]]), "mean", "1 rows of the stack are NaN in part"),
        (np.array([[[0.1, np.inf]]]), "median", "1 scores infinite"),
    ],
)
def test_a_stack_that_cannot_be_averaged_is_refused(stack, how, message):
    with pytest.raises(ValueError, match=message):
        pooling.average(stack, how)
