"""Metrics against scikit-learn, against explicit resampling, and against cases for one's head."""

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score
from sklearn.metrics import roc_curve as sklearn_roc_curve

from dawnchorus.metrics import bootstrap, checks, roc

TIGHT = 1e-12


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def drawn(rng, n=300, distinct=40):
    """Targets and scores with many ties."""
    scores = rng.integers(distinct, size=n) / distinct
    targets = (rng.random(n) < 0.2 + 0.5 * scores).astype(int)
    return targets, scores


def with_interval(targets, scores, groups, n_replicates, confidence, rng):
    """The AUROC with its group bootstrap interval, and counts."""
    drawn = bootstrap.replicates(
        lambda weights: {"auroc": roc.auroc(targets, scores, weights)}, groups, n_replicates, rng
    )
    return {
        "auroc": roc.auroc(targets, scores),
        **bootstrap.limits(drawn["auroc"], confidence),
        "n": len(targets),
        "n_positive": int(np.sum(targets)),
        "n_groups": len(np.unique(groups)),
    }


def paired_difference(targets, scores_a, scores_b, groups, n_replicates, confidence, rng):
    """The AUROC of b minus that of a, from the same replicates."""
    both = {"a": scores_a, "b": scores_b}
    drawn = bootstrap.replicates(
        lambda weights: {name: roc.auroc(targets, own, weights) for name, own in both.items()},
        groups, n_replicates, rng,
    )  # fmt: skip
    values = [roc.auroc(targets, own) for own in both.values()]
    return bootstrap.difference(values, [drawn["a"], drawn["b"]], confidence)


def test_three_of_four_pairs_in_order_give_three_quarters():
    assert roc.auroc([0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4]) == 0.75


def test_equal_scores_count_one_half():
    assert roc.auroc([0, 1], [0.3, 0.3]) == 0.5
    assert roc.auroc([0, 0, 1], [0.3, 0.1, 0.3]) == 0.75


def test_auroc_equals_scikit_learn_with_ties(rng):
    for distinct in (2, 5, 1000):
        targets, scores = drawn(rng, distinct=distinct)
        expected = roc_auc_score(targets, scores)
        assert roc.auroc(targets, scores) == pytest.approx(expected, abs=TIGHT)


def test_absent_class_gives_nan_and_is_left_out_of_the_macro_mean():
    targets = np.array([[1, 0, 1], [0, 0, 1], [0, 0, 1]])
    scores = np.array([[0.9, 0.1, 0.2], [0.5, 0.3, 0.1], [0.95, 0.2, 0.4]])
    assert checks.scored_classes(targets).tolist() == [True, False, False]
    np.testing.assert_array_equal(roc.auroc_per_class(targets, scores), [0.5, np.nan, np.nan])
    assert roc.macro_auroc(targets, scores) == 0.5
    assert np.isnan(roc.macro_auroc(targets[:, 1:], scores[:, 1:]))
    assert np.isnan(roc.auroc([], []))


def test_one_rule_says_which_classes_are_scored():
    assert checks.is_scored(np.array([0, 1, 2])).tolist() == [False, True, True]
    assert checks.is_scored(np.array([0, 1, 2]), np.array([3, 0, 1])).tolist() == [0, 0, 1]
    np.testing.assert_array_equal(checks.ratio([1, 0], np.array([2, 0])), [0.5, np.nan])
    np.testing.assert_array_equal(checks.mean_of_known(np.full((2, 1), np.nan)), [np.nan])


def test_macro_mean_equals_scikit_learn(rng):
    targets = rng.integers(2, size=(50, 4))
    scores = rng.random((50, 4))
    expected = roc_auc_score(targets, scores, average="macro")
    assert roc.macro_auroc(targets, scores) == pytest.approx(expected, abs=TIGHT)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(-8, 8)), min_size=1, max_size=30))
def test_order_of_recordings_and_monotone_transformations_change_nothing(pairs):
    targets, scores = np.array(pairs).T
    area = roc.auroc(targets, scores)
    np.testing.assert_equal(roc.auroc(targets[::-1], scores[::-1]), area)
    np.testing.assert_equal(roc.auroc(targets, 3.0 * scores**3 - 1), area)
    np.testing.assert_allclose(roc.auroc(targets, -scores), 1 - area, atol=TIGHT)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 4), st.integers(0, 3)), min_size=1),
)
def test_a_whole_weight_equals_standing_that_often_in_the_list(rows):
    targets, scores, weights = np.array(rows).T
    repeated = roc.auroc(np.repeat(targets, weights), np.repeat(scores, weights))
    weighted = roc.auroc(targets, scores, weights[None])
    np.testing.assert_allclose(weighted, [repeated], atol=TIGHT)


def test_weighted_auroc_equals_scikit_learn_sample_weights_in_chunks(rng, monkeypatch):
    targets, scores = drawn(rng)
    weights = rng.random((5, len(targets)))
    monkeypatch.setattr(checks, "CHUNK_BYTES", 2 * 40 * len(targets))
    expected = [roc_auc_score(targets, scores, sample_weight=row) for row in weights]
    values = roc.auroc(targets, scores, weights)
    np.testing.assert_allclose(values, expected, atol=TIGHT)


def test_replicates_draw_whole_groups_as_many_as_there_are(rng):
    groups = np.array(["a", "a", "b", "c", "b"])
    weights = bootstrap.bootstrap_weights(groups, 500, rng)
    np.testing.assert_array_equal(weights[:, [0, 2]], weights[:, [1, 4]])
    np.testing.assert_array_equal(weights[:, [0, 2, 3]].sum(axis=1), 3)
    # a group is drawn once on average, by a binomial of three draws with variance 2/3
    assert weights[:, 3].mean() == pytest.approx(1, abs=4 * np.sqrt(2 / 3 / 500))


def test_a_recording_of_several_groups_weighs_the_product_of_their_draws():
    """The pigeonhole bootstrap of a table, written out: rows and columns are drawn, cells repeated."""
    rows, columns = np.divmod(np.arange(12), 4)  # of a table of 3 rows and 4 columns
    targets, scores = np.arange(12) % 3 == 0, np.random.default_rng(2).random(12)
    groups = np.stack(
        [[f"row {row}" for row in rows], [f"column {column}" for column in columns]], 1
    )
    weights = bootstrap.bootstrap_weights(groups, 40, np.random.default_rng(1))
    names, rng = np.unique(groups), np.random.default_rng(1)
    for row in weights:
        drawn = names[rng.integers(len(names), size=len(names))].tolist()
        cells = [
            cell for cell in range(12)
            for _ in [None] * (drawn.count(groups[cell, 0]) * drawn.count(groups[cell, 1]))
        ]  # fmt: skip
        np.testing.assert_array_equal(row, np.bincount(cells, minlength=12))
        expected = roc.auroc(targets[cells], scores[cells]) if cells else np.nan
        np.testing.assert_allclose(roc.auroc(targets, scores, row[None]), [expected], atol=TIGHT)


def test_weights_of_several_groups_have_the_moments_of_all_draws():
    groups = np.array([["a", "b", ""], ["b", "c", ""], ["c", "", ""], ["a", "b", "c"]])
    every = [np.bincount(drawn, minlength=3) for drawn in itertools.product(range(3), repeat=3)]
    exact = np.array([[a * b, b * c, c, a * b * c] for a, b, c in every])
    found = bootstrap.bootstrap_weights(groups, 20_000, np.random.default_rng(1))
    np.testing.assert_allclose(found.mean(axis=0), exact.mean(axis=0), atol=0.03)
    np.testing.assert_allclose(np.cov(found.T), np.cov(exact.T, ddof=0), atol=0.06)


def test_one_group_each_is_drawn_as_ever_and_blanks_are_no_group():
    groups = np.array(["b", "a", "a", "c"])
    once = bootstrap.bootstrap_weights(groups, 30, np.random.default_rng(1))
    for padded in (groups[:, None], np.stack([groups, [""] * 4], axis=1)):
        assert bootstrap.n_groups(padded) == 3
        again = bootstrap.bootstrap_weights(padded, 30, np.random.default_rng(1))
        np.testing.assert_array_equal(again, once)
    assert bootstrap.group_codes(np.array([[5, -1], [3, 5]]))[0].tolist() == [[1, -1], [0, 1]]


def composed(rng, names, effect):
    """Return the scores of clips that have a part of each of their sources, and one of their own."""
    effects = dict(zip(np.unique(names), rng.normal(size=len(np.unique(names))), strict=True))
    of_sources = np.array([sum(effects[name] for name in own) for own in names])
    return effect * of_sources + rng.normal(size=len(names))


def test_intervals_over_sources_cover_where_those_over_clips_do_not(rng):
    covered = {"clips": 0, "sources": 0}
    for _ in range(60):
        names = np.stack([rng.choice(25, 2, replace=False) for _ in range(100)])
        scores = composed(rng, names, 1.0)
        for unit, groups in (("clips", np.arange(100)), ("sources", names)):
            weights = bootstrap.bootstrap_weights(groups, 150, rng)
            means = (weights @ scores) / weights.sum(axis=1)
            low, high = bootstrap.interval(means, 0.9)
            covered[unit] += low <= 0 <= high
    assert covered["clips"] < 36  # of 54 that are promised
    assert covered["sources"] >= 50


def test_chunks_of_replicates_are_the_replicates(monkeypatch, rng):
    for groups in (np.arange(50) // 3, rng.integers(-1, 20, (50, 3))):
        chunks_are_whole(groups, monkeypatch)


def chunks_are_whole(groups, monkeypatch):
    whole = bootstrap.bootstrap_weights(groups, 23, np.random.default_rng(1))
    monkeypatch.setattr(checks, "CHUNK_BYTES", 4 * 40 * 50)
    chunks = list(bootstrap.weight_chunks(groups, 23, np.random.default_rng(1)))
    assert [len(chunk) for chunk in chunks] == [4, 4, 4, 4, 4, 3]
    np.testing.assert_array_equal(np.concatenate(chunks), whole)


def test_interval_holds_the_asked_share_and_leaves_out_nan():
    values = np.concatenate((np.arange(101.0), [np.nan]))
    assert bootstrap.interval(values, 0.9) == pytest.approx((5, 95))
    assert all(np.isnan(bootstrap.interval([np.nan], 0.9)))


def test_nine_of_ten_intervals_cover_the_known_auroc(rng):
    truth = norm.cdf(1 / np.sqrt(2))  # scores one standard deviation apart
    targets, groups, covered = np.repeat([0, 1], 60), np.arange(120), 0
    for _ in range(150):
        scores = rng.normal(size=120) + targets
        found = with_interval(targets, scores, groups, 200, 0.9, rng)
        covered += found["low"] <= truth <= found["high"]
    assert 0.84 <= covered / 150 <= 0.96


def test_interval_comes_with_counts_and_repeats_with_the_seed(rng):
    targets, scores = drawn(rng)
    groups = np.arange(300) // 3
    first, second = (
        with_interval(targets, scores, groups, 50, 0.9, np.random.default_rng(3)) for _ in range(2)
    )
    assert first == second
    assert (first["n"], first["n_groups"], first["n_positive"]) == (300, 100, targets.sum())
    assert first["low"] < first["auroc"] < first["high"]


def test_copies_of_recordings_do_not_narrow_a_group_interval(rng):
    targets, scores = drawn(rng, n=80)
    groups = np.arange(80)
    once = with_interval(targets, scores, groups, 400, 0.9, rng)
    copied = [np.tile(x, 4) for x in (targets, scores, groups)]
    grouped = with_interval(*copied, 400, 0.9, rng)
    single = with_interval(*copied[:2], np.arange(320), 400, 0.9, rng)
    width, expected, narrow = (x["high"] - x["low"] for x in (grouped, once, single))
    assert width == pytest.approx(expected, rel=0.2)
    assert narrow < 0.7 * expected


def test_scores_do_not_differ_from_themselves(rng):
    targets, scores = drawn(rng)
    found = paired_difference(targets, scores, scores, np.arange(300), 100, 0.9, rng)
    assert found == {"difference": 0, "low": 0, "high": 0, "p_two_sided": 1}


def test_better_scores_differ_and_the_sign_is_b_minus_a(rng):
    targets = np.repeat([0, 1], 100)
    scores_a = rng.normal(size=200) + 0.5 * targets
    scores_b = scores_a + 0.5 * targets
    found = paired_difference(targets, scores_a, scores_b, np.arange(200), 200, 0.9, rng)
    expected = roc_auc_score(targets, scores_b) - roc_auc_score(targets, scores_a)
    assert found["difference"] == pytest.approx(expected, abs=TIGHT)
    assert 0 < found["low"] < expected < found["high"]
    assert found["p_two_sided"] == pytest.approx(2 / 201)


def test_ten_thousand_recordings_a_thousand_times_in_three_seconds(rng):
    targets, scores = rng.integers(2, size=10_000), rng.random(10_000)
    start = time.process_time()
    with_interval(targets, scores, np.arange(10_000) // 2, 1000, 0.95, rng)
    assert time.process_time() - start < 3


def test_harmonic_mean_leaves_out_nan():
    assert roc.harmonic_mean([0.5, 1.0]) == pytest.approx(2 / 3)
    assert roc.harmonic_mean([0.5, np.nan, 1.0]) == pytest.approx(2 / 3)
    assert roc.harmonic_mean([0.0, 1.0]) == 0
    assert np.isnan(roc.harmonic_mean([np.nan]))
    with pytest.raises(ValueError, match="at least 0"):
        roc.harmonic_mean([-0.1, 0.5])


def test_roc_curve_equals_scikit_learn_and_its_area_is_the_auroc(rng):
    targets, scores = drawn(rng)
    curve = roc.roc_curve(targets, scores)
    expected = sklearn_roc_curve(targets, scores, drop_intermediate=False)
    for ours, theirs in zip(curve, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=TIGHT)
    area = np.trapezoid(curve[1], curve[0])
    assert area == pytest.approx(roc.auroc(targets, scores), abs=TIGHT)


def test_roc_curve_rate_of_an_absent_class_is_nan():
    false_positive_rate, true_positive_rate, _ = roc.roc_curve([1, 1], [0.2, 0.4])
    assert np.isnan(false_positive_rate).all()
    assert true_positive_rate.tolist() == [0, 0.5, 1]
    assert len(roc.roc_curve([], [])[2]) == 1


def test_precision_recall_and_f1_equal_scikit_learn(rng):
    targets, scores = drawn(rng)
    found = roc.precision_recall_at(targets, scores, 0.5)
    expected = precision_recall_fscore_support(targets, scores >= 0.5, average="binary")[:3]
    values = (found["precision"], found["recall"], found["f1"])
    assert values == pytest.approx(expected, abs=TIGHT)
    assert sum(found["counts"].values()) == 300


def test_a_score_at_the_threshold_is_called():
    found = roc.precision_recall_at([1, 1, 0, 0], np.float32([0.3, 0.1, 0.3, 0.2]), 0.3)
    assert found["n_predicted"] == 2  # float32 0.3 is above 0.3
    assert list(found["counts"].values()) == [1, 1, 1, 1]
    assert roc.precision_recall_at([1], [0.5], 0.5)["recall"] == 1


def test_ratios_with_nothing_below_the_line_are_nan():
    nothing_called = roc.precision_recall_at([1, 0], [0.1, 0.2], 0.5)
    assert np.isnan(nothing_called["precision"])
    assert nothing_called["recall"] == nothing_called["f1"] == 0
    assert np.isnan(roc.precision_recall_at([0], [0.1], 0.5)["f1"])
    assert roc.precision_recall_at([1, 0], [0.1, 0.2], np.nan)["counts"] is None


@pytest.mark.parametrize("criterion", ["f1", "youden"])
def test_best_threshold_equals_trying_every_score(rng, criterion):
    targets, scores = drawn(rng, n=60)
    tried = []
    for threshold in np.unique(scores):
        called = scores >= threshold
        found = roc.precision_recall_at(targets, scores, threshold)
        youden = called[targets == 1].mean() - called[targets == 0].mean()
        tried.append((round(found["f1"] if criterion == "f1" else youden, 12), threshold))
    assert roc.best_threshold(targets, scores, criterion) == max(tried)[1]


def test_of_equal_thresholds_the_highest_is_taken():
    assert roc.best_threshold([1, 0, 1, 0], [0.9, 0.7, 0.5, 0.3], "youden") == 0.9
    assert roc.best_threshold([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4]) == 0.3
    assert np.isnan(roc.best_threshold([1, 1], [0.1, 0.2]))


def test_auroc_never_falls_when_a_positive_rises(rng):
    targets, scores = drawn(rng, n=40)
    areas = []
    for _ in range(20):
        areas.append(roc.auroc(targets, scores))
        scores = scores + 0.05 * targets
    assert all(later >= earlier for earlier, later in itertools.pairwise(areas))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 1], [0.1, 0.2, 0.3]), r"targets \(2,\) and scores \(3,\) differ"),
        (([[0, 1]], [[0.1, 0.2]]), r"targets have shape \(1, 2\); expected \(N,\)"),
        (([0, 0.5], [0.1, 0.2]), r"targets hold \[0.5\]; expected 0 and 1"),
        (([0, 1], [0.1, np.nan]), "1 of 2 scores are not finite"),
    ],
)
def test_wrong_input_is_refused_with_what_was_wrong(arguments, message):
    with pytest.raises(ValueError, match=message):
        roc.auroc(*arguments)


def test_wrong_weights_groups_and_settings_are_refused(rng):
    with pytest.raises(ValueError, match=r"shape \(2, 3\); expected \(R, 2\)"):
        roc.auroc([0, 1], [0.1, 0.2], np.ones((2, 3)))
    with pytest.raises(ValueError, match="at least 0"):
        roc.auroc([0, 1], [0.1, 0.2], [[1, -1]])
    with pytest.raises(ValueError, match=r"weights have shape \(10, 3\); expected \(R, 2\)"):
        with_interval([0, 1], [0.1, 0.2], [1, 2, 3], 10, 0.9, rng)
    with pytest.raises(ValueError, match="n_replicates=0"):
        with_interval([0, 1], [0.1, 0.2], [1, 2], 0, 0.9, rng)
    with pytest.raises(ValueError, match="confidence=95"):
        bootstrap.interval([0.1], 95)
    with pytest.raises(ValueError, match="criterion='accuracy'"):
        roc.best_threshold([0, 1], [0.1, 0.2], "accuracy")
