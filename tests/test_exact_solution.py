"""Models that are solved at once: logistic regression, and a network's own class scores."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from dawnchorus.models import frame_output, zoo

WITHIN = 1e-4  # of a score; float32 against scikit-learn's float64


def solved(rows, targets, weights=None, names=(None, ()), **options):
    model = zoo.build(options.pop("name", "linear_probe"), (2, rows.shape[1]), targets.shape[1], "clip",
                      **options)  # fmt: skip
    settings = {"name": model.name, **options}
    weights = np.ones(len(rows)) if weights is None else weights
    zoo.solve(model, rows, targets, weights, settings, names)
    return model


def row_scores(model, rows):
    pairs = np.repeat(rows[:, None], 2, axis=1).astype(np.float32)
    return frame_output.frame_scores(model, pairs)[:, 0]


@pytest.fixture
def data(rng):
    rows = rng.normal(0, 1, (90, 7))
    labels = np.argmax(rows[:, :3] + 0.5 * rng.normal(0, 1, (90, 3)), axis=1)
    return rows, np.eye(3)[labels], rng.uniform(0.2, 1, 90)


def test_a_softmax_is_the_multinomial_regression_of_scikit_learn(data):
    rows, targets, weights = data
    model = solved(rows, targets, weights, solver="exact", head="softmax", strength=2.0)
    fitted = LogisticRegression(C=0.5, max_iter=1000)
    fitted.fit(rows, targets.argmax(axis=1), sample_weight=weights)
    np.testing.assert_allclose(row_scores(model, rows), fitted.predict_proba(rows), atol=WITHIN)


def test_a_sigmoid_is_a_regression_for_each_class_and_soft_targets_are_shares(data):
    rows, targets, weights = data
    soft = 0.1 + 0.7 * targets
    model = solved(rows, soft, weights, solver="exact")
    both, labels = np.concatenate([rows, rows]), np.repeat([1, 0], len(rows))
    for column, score in zip(soft.T, row_scores(model, rows).T, strict=True):
        fitted = LogisticRegression(max_iter=1000)
        each = np.concatenate([column * weights, (1 - column) * weights])
        fitted.fit(both, labels, sample_weight=each)
        np.testing.assert_allclose(score, fitted.predict_proba(rows)[:, 1], atol=WITHIN)


def test_classes_that_all_or_no_training_windows_have_get_a_score_all_the_same(data):
    rows, targets, _ = data
    targets = np.column_stack([targets[:, 0], np.ones(90), np.zeros(90)])
    scores = row_scores(solved(rows, targets, solver="exact"), rows)
    assert scores[:, 1].min() > 0.99 > 0.01 > scores[:, 2].max()
    # of two classes out of three under a softmax, the third is all but impossible
    rare = np.column_stack([data[1][:, 0], 1 - data[1][:, 0], np.zeros(90)])
    scores = row_scores(solved(rows, rare, solver="exact", head="softmax"), rows)
    fitted = LogisticRegression(max_iter=1000).fit(rows, 1 - rare[:, 0])
    np.testing.assert_allclose(scores[:, :2], fitted.predict_proba(rows), atol=1e-2)
    assert scores[:, 2].max() < 0.01


def test_one_class_under_a_softmax_is_the_last_of_absent_and_present(data):
    rows, targets, _ = data
    model = solved(rows, targets[:, :1], solver="exact", head="softmax")
    fitted = LogisticRegression(max_iter=1000).fit(rows, targets[:, 0])
    np.testing.assert_allclose(row_scores(model, rows), fitted.predict_proba(rows), atol=WITHIN)


def test_class_scores_are_those_of_the_network_by_name(data):
    rows, targets, _ = data
    names = (["wren", "robin", *"abcde"], ["robin", "wren", "dog"])
    model = solved(rows, targets, names=names, name="class_scores")
    np.testing.assert_allclose(row_scores(model, rows)[:, :2], rows[:, [1, 0]], rtol=1e-6)
    assert not row_scores(model, rows)[:, 2].any()
    for theirs in (None, ["crow", *"abcdef"]):
        with pytest.raises(
            ValueError, match="class_scores: the frontend has classes .*; expected a"
        ):
            solved(rows, targets, names=(theirs, names[1]), name="class_scores")
