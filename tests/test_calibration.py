"""Calibration: maps against scikit-learn, errors against loops, and what is said of both."""

import json
import subprocess
import sys

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit
from sklearn.calibration import _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import brier_score_loss
from test_evaluation import Experiment

from dawnchorus.evaluation.calibration_scores import calibration_scores
from dawnchorus.metrics import calibration, reliability
from dawnchorus.metrics.operating_points import operating_curve
from dawnchorus.runtime import artefacts
from dawnchorus.targets import calibration_fit

TIGHT = 1e-12
NAMES = ("owl", "rail")
OWN = {"method": "platt", "per_class": True}


def sample(rng, n=4000, slope=0.5, intercept=-1.0):
    """Scores (N, 2), and targets for which sigmoid(slope * logit(score) + intercept) is right."""
    scores = expit(rng.normal(0, 2.5, (n, 2)))
    targets = (rng.random((n, 2)) < expit(slope * logit(scores) + intercept)).astype(int)
    return targets, scores


# maps


def test_maps_are_the_formulas_of_the_module():
    classes = {"owl": {"slope": 0.5, "intercept": -1.0}, "rail": {}}
    scores = np.array([[[0.2, 0.2], [0.0, 1.0], [np.nan, 0.5]]], np.float32)
    found = calibration.apply({"method": "platt", "classes": classes}, scores, NAMES)
    assert found.dtype == np.float32
    expected = expit(0.5 * logit([0.2, calibration.LOWEST, np.nan]) - 1)
    np.testing.assert_allclose(found[0, :, 0], expected, rtol=1e-6)
    np.testing.assert_array_equal(found[..., 1], scores[..., 1])
    steps = {"owl": {"x": [0.1, 0.3], "y": [0.0, 0.8]}, "rail": {"x": [0.5, 0.5], "y": [0.2, 0.2]}}
    found = calibration.apply({"method": "isotonic", "classes": steps}, scores, NAMES)
    np.testing.assert_allclose(found[0, :2], [[0.4, 0.2], [0.0, 0.2]], rtol=1e-6)
    assert calibration.apply(None, scores, NAMES) is scores


def test_what_is_said_beside_a_score():
    assert calibration.description(None) == "not calibrated"
    assert calibration.description({"method": "platt"}) == "calibrated: platt"


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"method": "beta", "classes": {}}, "calibration by 'beta'; expected one of temperature"),
        ({"method": "platt", "classes": {"owl": {}}}, r"no map of 1 of 2 classes: \['rail'\]"),
    ],
)
def test_parameters_of_another_model_are_refused(parameters, said):
    with pytest.raises(ValueError, match=said):
        calibration.apply(parameters, np.ones((1, 2)), NAMES)


def test_applying_needs_numpy_alone():
    code = (
        "import sys, dawnchorus.metrics.calibration, dawnchorus.metrics.operating_points\n"
        "print([n for n in ('scipy', 'sklearn', 'pandas', 'pyarrow') if n in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.stdout.strip() == "[]", ran.stderr


# fitting


def test_platt_is_that_of_scikit_learn(rng):
    targets, scores = sample(rng, 500)
    maps = calibration_fit.fit_maps(targets, scores, NAMES, OWN)
    for column, name in enumerate(NAMES):
        reference = _SigmoidCalibration().fit(logit(scores[:, column]), targets[:, column])
        assert maps[name]["slope"] == pytest.approx(-reference.a_, rel=1e-4)
        assert maps[name]["intercept"] == pytest.approx(-reference.b_, rel=1e-4)
        assert (maps[name]["n"], maps[name]["fitted"]) == (500, "own")


def test_temperature_has_the_least_cross_entropy(rng):
    targets, scores = sample(rng, 500, 0.5, 0.0)
    maps = calibration_fit.fit_maps(targets, scores, NAMES, {**OWN, "method": "temperature"})
    n_positive = targets[:, 0].sum()
    soft = np.where(targets[:, 0], (n_positive + 1) / (n_positive + 2), 1 / (502 - n_positive))

    def cross_entropy(slope):
        linear = slope * logit(scores[:, 0])
        return (np.logaddexp(0, linear) - soft * linear).sum()

    expected = minimize_scalar(cross_entropy, (0.1, 2.0), tol=1e-10).x
    assert maps["owl"]["slope"] == pytest.approx(expected, rel=1e-5)
    assert "intercept" not in maps["owl"]


def test_isotonic_is_that_of_scikit_learn(rng):
    targets, scores = sample(rng, 500)
    maps = calibration_fit.fit_maps(targets, scores, NAMES, {**OWN, "method": "isotonic"})
    found = calibration.apply({"method": "isotonic", "classes": maps}, scores, NAMES)
    for column in range(2):
        model = IsotonicRegression(out_of_bounds="clip")
        expected = model.fit_transform(scores[:, column], targets[:, column])
        np.testing.assert_allclose(found[:, column], expected, atol=1e-9)


@pytest.mark.parametrize("method", calibration.METHODS)
def test_scores_with_a_known_fault_become_probabilities(rng, method):
    settings = {"method": method, "per_class": True}
    fault = (0.5, 0.0) if method == "temperature" else (0.5, -1.0)
    maps = calibration_fit.fit_maps(*sample(rng, 4000, *fault), NAMES, settings)
    targets, scores = sample(rng, 4000, *fault)
    after = calibration.apply({"method": method, "classes": maps}, scores, NAMES)
    error = reliability.expected_calibration_error
    assert error(targets, scores) > 0.1
    assert error(targets, after) < 0.03


def test_many_pairs_are_fitted_as_few(rng, monkeypatch):
    targets, scores = sample(rng)
    exact = calibration_fit.fit_maps(targets, scores, NAMES, OWN)["owl"]
    monkeypatch.setattr(calibration_fit, "_MOST_PAIRS", 100)
    rounded = calibration_fit.fit_maps(targets, scores, NAMES, OWN)["owl"]
    assert rounded != exact
    assert rounded["slope"] == pytest.approx(exact["slope"], abs=1e-4)
    assert rounded["intercept"] == pytest.approx(exact["intercept"], abs=1e-3)


@pytest.mark.parametrize("method", calibration.METHODS)
def test_a_class_with_few_positives_gets_the_map_of_all(rng, method):
    targets, scores = sample(rng, 400)
    targets[np.flatnonzero(targets[:, 1])[calibration_fit.LEAST - 1 :], 1] = 0
    settings = {"method": method, "per_class": True}
    maps = calibration_fit.fit_maps(targets, scores, NAMES, settings)
    together = calibration_fit.fit_maps(targets, scores, NAMES, {**settings, "per_class": False})
    assert (maps["owl"]["fitted"], maps["rail"]["fitted"]) == ("own", "pooled")
    assert maps["rail"] == together["rail"]
    keys = ("slope", "intercept", "x", "y")
    assert [together["owl"].get(key) for key in keys] == [maps["rail"].get(key) for key in keys]


@pytest.mark.parametrize("method", calibration.METHODS)
def test_scores_that_fall_with_the_labels_stay_as_they_are(rng, method):
    targets, scores = sample(rng, 400, 1.0, 0.0)
    settings = {"method": method, "per_class": True}
    maps = calibration_fit.fit_maps(1 - targets, scores, NAMES, settings)
    assert maps["owl"] == {"n": 400, "n_positive": 400 - targets[:, 0].sum(), "fitted": "none"}
    # and so do classes without a positive anywhere
    maps = calibration_fit.fit_maps(0 * targets, scores, NAMES, settings)
    assert maps["owl"] == {"n": 400, "n_positive": 0, "fitted": "none"}


@pytest.mark.parametrize("method", calibration.METHODS)
def test_separated_scores_have_a_finite_map(method):
    scores = np.repeat([[0.1], [0.9]], 50, axis=0)
    targets = (scores > 0.5).astype(int)
    maps = calibration_fit.fit_maps(targets, scores, ["owl"], {"method": method, "per_class": True})
    found = calibration.apply({"method": method, "classes": maps}, scores, ["owl"])
    assert np.isfinite(found).all()
    assert found[0] < 0.05 < 0.95 < found[-1]


# errors


def slow_error(targets, scores, counts):
    """Expected calibration error of one class, bin by bin."""
    total = 0.0
    for number in range(reliability.BINS):
        low, high = number / reliability.BINS, (number + 1) / reliability.BINS
        own = [i for i, s in enumerate(scores) if low <= s < high or (s == high == 1)]
        n = sum(counts[i] for i in own)
        if n:
            mean = sum(counts[i] * scores[i] for i in own) / n
            share = sum(counts[i] * targets[i] for i in own) / n
            total += n / sum(counts) * abs(mean - share)
    return total


def test_error_is_that_of_the_definition_also_weighted(rng):
    targets, scores = sample(rng, 60)
    scores[0] = 1.0
    weights = rng.integers(0, 4, (3, 60))
    found = reliability.expected_calibration_error(targets, scores, weights)
    expected = [
        np.mean([slow_error(targets[:, c], scores[:, c], counts) for c in range(2)])
        for counts in weights
    ]
    np.testing.assert_allclose(found, expected, atol=TIGHT)
    plain = reliability.expected_calibration_error(targets, scores)
    np.testing.assert_allclose(
        plain, reliability.expected_calibration_error(targets, scores, np.ones((1, 60)))[0]
    )
    repeated = np.repeat(np.arange(60), weights[0])
    again = reliability.expected_calibration_error(targets[repeated], scores[repeated])
    np.testing.assert_allclose(again, found[0], atol=TIGHT)


def test_brier_is_that_of_scikit_learn(rng):
    targets, scores = sample(rng, 60)
    weights = rng.integers(0, 4, (1, 60))
    expected = [
        brier_score_loss(targets[:, c], scores[:, c], sample_weight=weights[0]) for c in range(2)
    ]
    found = reliability.brier_score(targets, scores, weights)
    np.testing.assert_allclose(found, [np.mean(expected)], atol=TIGHT)


def test_four_recordings_by_hand():
    # bins of 0.2 and 0.8 hold two each: distances |0.2 - 0.5| and |0.8 - 1|
    targets, scores = np.array([[0], [1], [1], [1]]), np.array([[0.2], [0.2], [0.8], [0.8]])
    assert reliability.expected_calibration_error(targets, scores) == pytest.approx(0.25)
    assert reliability.brier_score(targets, scores) == pytest.approx((0.04 + 0.64 + 2 * 0.04) / 4)
    curve = reliability.reliability_curve(targets, scores)
    assert curve["n"].tolist() == [0] * 3 + [2] + [0] * 8 + [2] + [0] * 2
    assert curve["positive"][[3, 12]].tolist() == [0.5, 1.0]
    shares = reliability.positive_shares(targets, scores, np.array([[1, 3, 0, 0]]))
    assert shares[0, 3] == 0.75
    assert np.isnan(shares[0, 12])


def test_an_absent_class_is_left_out_and_nothing_left_is_nan(rng):
    targets, scores = sample(rng, 60)
    alone = reliability.expected_calibration_error(targets[:, :1], scores[:, :1])
    targets[:, 1] = 0
    for error in (reliability.expected_calibration_error, reliability.brier_score):
        assert error(targets, scores) == error(targets[:, :1], scores[:, :1])
        assert np.isnan(error(0 * targets, scores))
        assert np.isnan(error(0 * targets, scores, np.ones((2, 60)))).all()
    assert alone > 0
    with pytest.raises(ValueError, match="scores are from 0 to 2; expected 0 to 1"):
        reliability.brier_score(np.array([[0], [1]]), np.array([[0.0], [2.0]]))


# an ensemble


@pytest.fixture
def calibrated(tmp_path):
    """An experiment whose ensemble "one" is calibrated; its metrics and summary."""
    experiment = Experiment(tmp_path)
    experiment.settings["calibration"] = OWN
    experiment.run()
    path = tmp_path / "one.calibration.json"
    calibration_fit.calibrate(
        {"alpha": experiment.ensembles["one"]["alpha"]}, experiment.labels,
        tmp_path / "folds.csv", experiment.settings, path,
    )  # fmt: skip
    experiment.calibrations = {"one": path}
    return experiment, json.loads(path.read_text())


def test_a_calibration_is_fitted_on_out_of_fold_scores_alone(calibrated):
    experiment, found = calibrated
    ids, targets, scores = experiment.arrays("one", "alpha")
    maps = calibration_fit.fit_maps(targets, scores, ["bird"], OWN)
    assert found["classes"] == json.loads(json.dumps(maps))
    assert found["fitted_on"] == "out-of-fold scores of alpha (30 labelled recordings)"
    rows = [i for i, name in enumerate(ids) if experiment.fold[name] != 1]
    maps = calibration_fit.fit_maps(targets[rows], scores[rows], ["bird"], OWN)
    assert found["folds"]["1"] == json.loads(json.dumps(maps))
    assert set(found["folds"]) == {"1", "2"}


def test_metrics_say_errors_before_and_after(calibrated):
    experiment, parameters = calibrated
    measured, text = experiment.evaluate(experiment.folder / "folds.csv", experiment.folder)
    found = measured["ensembles"]["one"]["calibration"]
    assert (found["said"], found["fitted"]) == ("calibrated: platt", {"own": 1})
    _, targets, scores = experiment.arrays("one", "field")
    scores = scores.astype(np.float64)
    after = calibration.apply(parameters, scores, ["bird"])
    for name, given in (("before", scores), ("after", after)):
        errors = found["test"]["field"][name]
        expected = reliability.expected_calibration_error(targets, given)
        assert errors["ece"]["value"] == pytest.approx(expected, abs=TIGHT)
        assert errors["ece"]["low"] <= errors["ece"]["high"]
        assert errors["brier"]["low"] <= errors["brier"]["value"] <= errors["brier"]["high"]
        assert sum(row["n"] for row in errors["reliability"]) == len(targets)
    difference = found["test"]["field"]["difference"]["ece"]
    values = [found["test"]["field"][name]["ece"]["value"] for name in ("before", "after")]
    assert difference["difference"] == pytest.approx(values[1] - values[0], abs=TIGHT)
    assert "calibrated: platt, fitted on out-of-fold scores of alpha (30" in text
    assert "calibration of" in text
    # the others of the experiment are not
    assert measured["ensembles"]["two"]["calibration"]["said"] == "not calibrated"
    assert "scores are not calibrated" in text


def test_out_of_fold_each_recording_goes_through_maps_that_have_not_seen_it(calibrated):
    experiment, parameters = calibrated
    measured, _ = experiment.evaluate(experiment.folder / "folds.csv", experiment.folder)
    ids, targets, scores = experiment.arrays("one", "alpha")
    after = np.array([
        calibration.apply(
            {**parameters, "classes": parameters["folds"][str(experiment.fold[name])]},
            scores[i : i + 1], ["bird"],
        )[0]
        for i, name in enumerate(ids)
    ], np.float64)  # fmt: skip
    found = measured["ensembles"]["one"]["calibration"]["out_of_fold"]["after"]["brier"]["value"]
    assert found == pytest.approx(reliability.brier_score(targets, after), abs=1e-9)


def test_maps_of_a_single_fold_are_not_measured_on_what_they_have_seen(calibrated):
    experiment, parameters = calibrated
    artefacts.write_json(experiment.calibrations["one"], {**parameters, "folds": {}})
    measured, _ = experiment.evaluate(experiment.folder / "folds.csv", experiment.folder)
    found = measured["ensembles"]["one"]["calibration"]
    assert set(found["out_of_fold"]) == {"before"}
    assert "after" in found["test"]["field"]


def test_without_a_calibration_the_error_is_there_all_the_same(tmp_path):
    measured, text = Experiment(tmp_path).run()
    found = measured["ensembles"]["one"]["calibration"]
    assert set(found) == {"said", "out_of_fold", "test"}
    assert 0 < found["test"]["field"]["before"]["ece"]["value"] < 1
    assert text.count("scores are not calibrated") == 1
    assert "calibration of" not in text


def test_nothing_scored_out_of_fold_is_one_sentence(tmp_path):
    experiment = Experiment(tmp_path)
    experiment.run()
    artefacts.write_table(tmp_path / "folds.csv", ("corpus", "id", "fold"), [("alpha", "r00", 9)])
    with pytest.raises(ValueError, match="hold some out .folds., or set calibration.method: none"):
        calibration_fit.calibrate(
            {"alpha": experiment.ensembles["one"]["alpha"]}, experiment.labels,
            tmp_path / "folds.csv", experiment.settings, tmp_path / "c.json",
        )  # fmt: skip


def test_a_single_group_has_no_interval(calibrated):
    experiment, parameters = calibrated
    from dawnchorus.targets.ground_truth import read_test_set

    truth, _ = read_test_set("field", experiment.labels, experiment.verdicts, ["bird"], "group")
    truth.groups[:] = "one"
    _, _, scores = experiment.arrays("one", "field")
    found = calibration_scores(
        {**parameters, "folds": {}}, {"": scores}, {"": truth}, "", experiment.settings
    )
    assert found["out_of_fold"]["before"]["ece"].keys() == {"value"}
    found = calibration_scores(
        parameters, {"": scores, "t": scores}, {"": truth, "t": truth}, "", experiment.settings
    )
    assert np.isnan(found["test"]["t"]["after"]["ece"]["low"])


def test_operating_curves_of_out_of_fold_scores_stand_beside_the_thresholds(tmp_path):
    experiment = Experiment(tmp_path, class_names=("owl", "rail"))
    ids = list(experiment.truth["alpha"])
    columns = ("id", "verdict", "duration_s")
    experiment.verdicts["alpha"] = tmp_path / "verdicts.csv"
    artefacts.write_table(tmp_path / "verdicts.csv", columns, [(one, "used", 120) for one in ids])
    measured, _ = experiment.run()
    found = measured["ensembles"]["one"]["threshold"]["operating_curves"]
    _, targets, scores = experiment.arrays("one", "alpha")
    assert found["rail"] == operating_curve(targets[:, 1], scores[:, 1], 1.0)
    artefacts.write_table(tmp_path / "verdicts.csv", columns[:2], [(one, "used") for one in ids])
    measured, _ = experiment.evaluate(tmp_path / "folds.csv", tmp_path)
    assert measured["ensembles"]["one"]["threshold"]["operating_curves"]["owl"]["hours"] is None
