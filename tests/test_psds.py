"""PSDS: worked examples, a reference that follows the paper threshold by threshold, and laws."""

import json
import time

import numpy as np
import psds_oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dawnchorus.formats.event import Event
from dawnchorus.metrics import bootstrap, psds
from dawnchorus.metrics.intersections import Criteria, runs
from dawnchorus.metrics.psds import SCENARIOS, Scenario

TIGHT = 1e-9
STORED = json.loads(psds_oracle.GOLDEN.read_text())
ONE, TWO = SCENARIOS["psds1"], SCENARIOS["psds2"]
MEAN = ONE._replace(alpha_st=0.0)


def frames(n, *columns):
    """Scores (n, C), one frame per second: each column is a dict of (first, beyond) to score."""
    scores = np.zeros((n, len(columns)))
    for label, column in enumerate(columns):
        for (first, beyond), score in column.items():
            scores[first:beyond, label] = score
    return scores


def score(scores, reference, scenario, classes="x", rate=1.0):
    durations_s = {name: len(own) / rate for name, own in scores.items()}
    return psds.described(
        psds.intersections(scores, reference, durations_s, classes, scenario, rate)
    )


# Worked examples: a recording of 36 s is 0.01 h --------------------------------------------------

A_EVENT = [Event("a", 2, 4, "x")]


def two_recordings(hit, alarm):
    """An event found with score ``hit`` and, in a recording without events, a false alarm."""
    return {"a": frames(36, {(2, 4): hit}), "b": frames(36, {(10, 11): alarm})}


def test_a_false_alarm_above_the_event_costs_its_rate():
    # threshold 0.9: nothing found, 1 false positive in 0.02 h: 50 an hour
    # threshold 0.8: 1 of 1 found, still 50 an hour
    # threshold 0: each recording is one detection: 2 false positives, nothing found
    # largest share found: 0 below 50 an hour, 1 from there on; (100 - 50) / 100 = 0.5
    found = score(two_recordings(hit=0.8, alarm=0.9), A_EVENT, ONE)
    assert found["psds"] == pytest.approx(0.5, abs=TIGHT)
    assert found["policy"]["recordings_without_reference"] == 1
    assert found["policy"]["hours"] == pytest.approx(0.02)


def test_a_false_alarm_below_the_event_costs_nothing():
    # threshold 0.8 finds all without false positives, and no threshold has to be lower
    assert score(two_recordings(hit=0.8, alarm=0.7), A_EVENT, ONE)["psds"] == 1


def test_equal_scores_come_at_one_threshold():
    # threshold 0.8 finds the event and has the false positive: as in the first example
    found = score(two_recordings(hit=0.8, alarm=0.8), A_EVENT, ONE)
    assert found["psds"] == pytest.approx(0.5, abs=TIGHT)


def test_the_spread_between_classes_is_taken_off():
    # x as in the first example, y perfect: shares are (0, 1) below 50 an hour and (1, 1) above
    # below: mean 0.5, standard deviation 0.5; above: 1 and 0
    # alpha_ST 1: (0.0 * 50 + 1 * 50) / 100 = 0.5; 0: (0.5 * 50 + 1 * 50) / 100 = 0.75
    # alpha_ST 2: 0.5 - 1 is negative and counts 0: 0.5 again
    scores = {"a": frames(36, {(2, 4): 0.8}, {(20, 30): 0.6}),
              "b": frames(36, {(10, 11): 0.9}, {})}  # fmt: skip
    reference = [*A_EVENT, Event("a", 20, 30, "y")]
    for alpha_st, expected in ((1, 0.5), (0, 0.75), (2, 0.5), (0.5, (0.25 * 50 + 50) / 100)):
        found = score(scores, reference, ONE._replace(alpha_st=alpha_st), "xy")
        assert found["psds"] == pytest.approx(expected, abs=TIGHT)
        assert found["classes"] == pytest.approx({"x": 0.5, "y": 1})


def test_cross_triggers_cost_more_than_other_false_positives():
    # one hour; y sounds for 36 s = 0.01 h, in which x is detected with 0.9; the event of x has 0.8
    # x at 0.9 and at 0.8: 1 false positive: 1 an hour; 1 cross-trigger in 0.01 h of y: 100 an hour,
    # over 1 other class; e = 1 + 0.5 * 100 / 1 = 51
    # y is perfect: mean less deviation is 0.5 - 0.5 below 51, 1 above; (100 - 51) / 100 = 0.49
    scores = {"a": frames(3600, {(100, 136): 0.9, (200, 210): 0.8}, {(100, 136): 1})}
    reference = [Event("a", 100, 136, "y"), Event("a", 200, 210, "x")]
    assert score(scores, reference, TWO, "xy")["psds"] == pytest.approx(0.49, abs=TIGHT)
    # with a third class of 72 s = 0.02 h elsewhere, two others share: e = 1 + 0.5 * 100 / 2 = 26
    # z is never found: shares (0, 1, 0), then (1, 1, 0), each with deviation sqrt(2) / 3 = 0.4714
    # below 26: 1/3 - 0.4714 < 0: 0; above: 2/3 - 0.4714 = 0.19526; * (100 - 26) / 100 = 0.14449
    scores = {"a": np.pad(scores["a"], ((0, 0), (0, 1)))}
    found = score(scores, [*reference, Event("a", 1000, 1072, "z")], TWO, "xyz")
    assert found["psds"] == pytest.approx((2 / 3 - np.sqrt(2) / 3) * 0.74, abs=TIGHT)


def test_a_false_positive_is_a_cross_trigger_where_enough_of_it_is_another_class():
    # 10 s detected as x, of which y covers 3 s (a share of just 0.3) or 2.9 s
    # y has 18 s in all = 0.005 h: 200 an hour; e = 1 + 0.5 * 200 = 101 or 1
    for beyond, expected in ((103, 0.0), (102.9, (100 - 1) / 100)):
        reference = [Event("a", 85 + beyond - 103, beyond, "y"), Event("a", 200, 210, "x")]
        scores = {"a": frames(3600, {(100, 110): 0.9, (200, 210): 0.8}, {(85, 103): 1})}
        found = score(scores, reference, TWO, "xy")["psds"]
        assert found == pytest.approx(expected, abs=TIGHT)


def test_the_shares_that_have_to_be_covered_are_met_by_equality():
    # detected [0, 5), reference [0.56, 4.06): 3.5 s are 70 % of the detection, in binary a bit less
    for onset_s, expected in ((0.56, 1), (0.57, 0)):
        found = score({"a": frames(10, {(0, 5): 1})}, [Event("a", onset_s, 4.06, "x")], ONE)
        assert found["psds"] == expected
    # detected [0, 7), reference [0, 10): 70 % of the event
    for offset_s, expected in ((10, 1), (10.01, 0)):
        found = score({"a": frames(20, {(0, 7): 1})}, [Event("a", 0, offset_s, "x")], ONE)
        assert found["psds"] == expected


def test_an_event_may_be_found_in_pieces_and_a_detection_may_cover_two_events():
    # [0, 4) and [5, 9) cover 8 of 10 s; one detection of 10 s is covered by two events of 4 s
    pieces = {"a": frames(20, {(0, 4): 1, (5, 9): 1})}
    assert score(pieces, [Event("a", 0, 10, "x")], ONE)["psds"] == 1
    both = [Event("a", 0, 4, "x"), Event("a", 6, 10, "x")]
    assert score({"a": frames(20, {(0, 10): 1})}, both, ONE)["psds"] == 1


def test_a_piece_that_is_no_relevant_detection_does_not_count_towards_an_event():
    # [0, 6) is relevant, [8, 14) is covered for 2 of 6 s only: 6 of 10 s found, and a false positive
    scores = {"a": frames(3600, {(0, 6): 1, (8, 14): 1})}
    assert score(scores, [Event("a", 0, 10, "x")], ONE)["psds"] == 0


def test_the_curve_keeps_what_a_higher_threshold_reached():
    # threshold 0.9 finds the event; at 0.5 the detection has grown too long: found no more, and
    # that threshold's share, 0 with 1 false positive, does not lower the curve
    scores = {"a": frames(3600, {(90, 130): 0.5, (100, 110): 0.9})}
    reference = [Event("a", 100, 110, "x")]
    scored = psds.intersections(scores, reference, {"a": 3600}, "x", ONE, 1)
    changes = scored.of_class[0].changes
    assert changes.score.tolist() == [0.9, 0.5]
    assert changes.found.tolist() == [1, -1]
    assert changes.false.tolist() == [0, 1]
    assert psds.psds(scored) == 1


def test_steps_of_the_curve():
    # 0.01 h: a false positive is 100 an hour; 0.9: one of two events; 0.8: false; 0.7: both events
    scores = {"a": frames(36, {(2, 4): 0.9, (10, 11): 0.8, (20, 22): 0.7})}
    reference = [Event("a", 2, 4, "x"), Event("a", 20, 22, "x")]
    scenario = MEAN._replace(e_max=400.0)
    scored = psds.intersections(scores, reference, {"a": 36}, "x", scenario, 1)
    rate, share = psds.psd_roc(scored)
    np.testing.assert_allclose(rate, [0, 100])
    np.testing.assert_allclose(share, [0.5, 1])
    assert psds.psds(scored) == pytest.approx((0.5 * 100 + 1 * 300) / 400)


def test_classes_without_events_are_left_out_and_named():
    scores = {"a": frames(3600, {(2, 4): 1}, {(100, 110): 1})}
    found = score(scores, A_EVENT, TWO, "xy")
    assert found["psds"] == 1
    assert np.isnan(found["classes"]["y"])
    assert found["policy"]["classes_without_reference"] == ["y"]
    assert np.isnan(score(scores, [], TWO, "xy")["psds"])


def test_overlapping_events_of_one_class_are_one():
    twice = [Event("a", 0, 6, "x"), Event("a", 4, 10, "x")]
    found = psds.intersections({"a": frames(20, {(0, 8): 1})}, twice, {"a": 20}, "x", ONE, 1)
    assert (found.n_annotated.tolist(), found.annotated_s.tolist()) == ([[1]], [[10]])
    assert psds.psds(found) == 1


# Against the definition, threshold by threshold ---------------------------------------------------


def test_runs_of_a_case_for_ones_head():
    found = runs(np.array([1, 3, 3, 2, 5, 1]))
    rows = {tuple(row) for row in zip(*(field.tolist() for field in found), strict=True)}
    assert rows == {(1, 3, 3, 2), (4, 5, 5, 2), (1, 5, 2, 1), (0, 6, 1, -np.inf)}
    assert len(runs(np.zeros(0)).first) == 0


def overlap(one, events):
    return sum(max(0, min(one[1], x[1]) - max(one[0], x[0])) for x in events)


def counted(scores, reference, threshold, label, scenario, rate, classes):
    """Reference events found, effective false positive rate's parts, at one threshold."""
    criteria, n_found, n_false = scenario.criteria, 0, 0
    cross = dict.fromkeys(classes, 0)
    for name, own in scores.items():
        padded = np.concatenate(([False], own[:, classes.index(label)] >= threshold, [False]))
        edges = np.flatnonzero(padded[1:] != padded[:-1]) / rate
        known = {c: [(x[1], x[2]) for x in reference if (x[0], x[3]) == (name, c)] for c in classes}
        relevant = []
        for one in edges.reshape(-1, 2):
            length = one[1] - one[0]
            if overlap(one, known[label]) >= criteria.detection * length - TIGHT:
                relevant.append(one)
                continue
            n_false += 1
            for other in classes:
                if other != label and known[other] and criteria.cross is not None:
                    covered = overlap(one, known[other])
                    cross[other] += covered >= criteria.cross * length - TIGHT
        for event in known[label]:
            least = criteria.reference * (event[1] - event[0]) - TIGHT
            n_found += overlap(event, relevant) >= least
    return n_found, n_false, cross


def by_definition(scores, reference, scenario, classes, rate):
    """PSDS as the paper has it, over all thresholds, summed over a list of rates."""
    hours = sum(map(len, scores.values())) / rate / 3600
    length = {c: sum(x[2] - x[1] for x in reference if x[3] == c) / 3600 for c in classes}
    present = [c for c in classes if length[c]]
    points = {}
    for c in present:
        points[c] = [(0.0, 0.0)]
        n = sum(x[3] == c for x in reference)
        for threshold in {x for own in scores.values() for x in own[:, classes.index(c)].tolist()}:
            found, false, cross = counted(scores, reference, threshold, c, scenario, rate, classes)
            cost = [cross[k] / length[k] for k in present if k != c]
            e = false / hours + scenario.alpha_ct * (np.mean(cost) if cost else 0)
            points[c].append((e, found / n))
    rates = sorted({e for c in present for e, _ in points[c] if e <= scenario.e_max})
    area = 0.0
    for e, beyond in zip(rates, [*rates[1:], scenario.e_max], strict=True):
        shares = [max(s for x, s in points[c] if x <= e + TIGHT) for c in present]
        area += max(0, np.mean(shares) - scenario.alpha_st * np.std(shares)) * (beyond - e)
    return area / scenario.e_max if present else np.nan


def drawn(seed, n=3, n_frames=12, levels=6):
    """Recordings of a few frames, two per second, with few levels and no overlapping events."""
    rng = np.random.default_rng(seed)
    scores, reference = {}, []
    for number in range(n):
        scores[f"r{number}"] = rng.integers(levels, size=(n_frames, 3)) / levels
        for label in "xyz":
            if rng.random() < 0.6:
                onset_s, length_s = rng.uniform(0, 3), rng.uniform(0.3, 2)
                reference.append(Event(f"r{number}", onset_s, onset_s + length_s, label))
    return scores, reference


SCENARIO = st.builds(
    Scenario,
    st.builds(Criteria, *[st.sampled_from([0.1, 0.3, 0.5, 0.7])] * 3),
    st.sampled_from([0.0, 0.5, 1.0]),
    st.sampled_from([0.0, 1.0]),
    st.sampled_from([500.0, 5000.0]),
)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), SCENARIO)
def test_psds_is_what_the_definition_says(seed, scenario):
    scores, reference = drawn(seed)
    found = score(scores, reference, scenario, "xyz", rate=2.0)["psds"]
    expected = by_definition(scores, reference, scenario, "xyz", 2.0)
    assert found == pytest.approx(expected, abs=TIGHT, nan_ok=True)


@pytest.mark.parametrize("name", psds_oracle.SCENARIOS)
@pytest.mark.parametrize("case", STORED, ids=lambda case: case["name"])
def test_psds_is_what_sed_scores_eval_says(case, name):
    options = psds_oracle.SCENARIOS[name]
    shares = (options.get(f"{x}_threshold") for x in ("dtc", "gtc", "cttc"))
    rates = (options[x] for x in ("alpha_ct", "alpha_st", "max_efpr"))
    scenario = Scenario(Criteria(*shares), *rates)
    scores = {one: np.array(own) for one, own in case["scores"].items()}
    durations_s = dict.fromkeys(scores, psds_oracle.DURATION_S)
    found = psds.described(psds.intersections(scores, case["reference"], durations_s, psds_oracle.CLASSES,
                                  scenario, psds_oracle.PER_SECOND))  # fmt: skip
    expected = case["sed_scores_eval"][name]
    assert found["psds"] == pytest.approx(expected["psds"], abs=TIGHT)
    assert found["classes"] == pytest.approx(expected["classes"], abs=TIGHT)


# Laws ---------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([ONE, TWO]))
def test_perfect_scores_give_one(seed, scenario):
    scores, reference = drawn(seed, levels=1)
    reference = [x._replace(onset_s=np.floor(2 * x.onset_s) / 2, offset_s=np.ceil(2 * x.offset_s) / 2)
                 for x in reference]  # fmt: skip
    for event in reference:
        heard = slice(int(2 * event.onset_s), int(2 * event.offset_s))
        scores[event.id][heard, "xyz".index(event.label)] = 0.7
    found = score(scores, reference, scenario, "xyz", rate=2.0)["psds"]
    assert found == (
        pytest.approx(1, abs=TIGHT) if reference else pytest.approx(np.nan, nan_ok=True)
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), SCENARIO)
def test_order_monotone_maps_and_a_second_copy_of_everything_change_nothing(seed, scenario):
    scores, reference = drawn(seed)
    first = score(scores, reference, scenario, "xyz", 2.0)
    turned = dict(reversed(scores.items()))
    copies = scores | {f"copy {name}": own for name, own in scores.items()}
    copied = reference + [x._replace(id=f"copy {x.id}") for x in reference]
    for other in (
        score(turned, reference[::-1], scenario, "xyz", 2.0),
        score({k: v**3 / 2 for k, v in scores.items()}, reference, scenario, "xyz", 2.0),
        score(copies, copied, scenario, "xyz", 2.0),
    ):
        assert other["psds"] == pytest.approx(first["psds"], abs=TIGHT, nan_ok=True)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), SCENARIO)
def test_a_whole_weight_equals_standing_that_often_in_the_list(seed, scenario):
    scores, reference = drawn(seed)
    durations_s = dict.fromkeys(scores, 6.0)
    scored = psds.intersections(scores, reference, durations_s, "xyz", scenario, 2.0)
    weights = np.array([[1, 1, 1], [2, 0, 1], [0, 3, 0]])
    expected = []
    for row in weights:
        names = [(f"{one}-{k}", one) for one, n in zip(scores, row, strict=True) for k in range(n)]
        drawn_scores = {new: scores[one] for new, one in names}
        events = [x._replace(id=new) for new, one in names for x in reference if x.id == one]
        expected.append(score(drawn_scores, events, scenario, "xyz", 2.0)["psds"])
    found = psds.psds(scored, weights)
    np.testing.assert_allclose(found, expected, atol=TIGHT)


def test_eighty_recordings_are_scored_in_seconds(rng):
    scores = {f"r{number}": rng.random((500, 7)) for number in range(80)}
    reference = [Event(name, 1 + k, 1.7 + k, "abcdefg"[k]) for name in scores for k in range(3)]
    start = time.process_time()
    scored = psds.intersections(
        scores, reference, dict.fromkeys(scores, 10.0), "abcdefg", TWO, 50.0
    )
    weights = bootstrap.bootstrap_weights(np.arange(80), 50, rng)
    low, high = bootstrap.interval(psds.psds(scored, weights))
    assert low <= psds.psds(scored) <= high
    assert time.process_time() - start < 20  # about 1 s on one core


# What is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"scores": {}}, "'a' has no scores"),
        (
            {"scores": {"a": np.zeros((5, 2))}},
            r"shape \(5, 2\); expected finite numbers .*\(T, 1\)",
        ),
        ({"scores": {"a": np.full((5, 1), np.nan)}}, "expected finite"),
        ({"durations_s": {"a": 0}}, "lasts 0 s; expected more"),
        ({"frames_per_second": 0}, "frames_per_second=0; expected"),
        ({"scenario": ONE._replace(alpha_ct=0.5)}, "without a share that makes them"),
        ({"scenario": ONE._replace(criteria=Criteria(0, 0.7))}, "expected shares above 0"),
        ({"scenario": ONE._replace(e_max=0)}, "e_max above 0"),
        ({"annotated": [Event("b", 0, 1, "x")]}, "recordings of events are not among"),
    ],
)
def test_what_cannot_be_scored_is_refused(changed, match):
    given = {"scores": {"a": np.zeros((5, 1))}, "annotated": A_EVENT, "durations_s": {"a": 5.0},
             "classes": "x", "scenario": ONE, "frames_per_second": 1.0} | changed  # fmt: skip
    with pytest.raises(ValueError, match=match):
        psds.intersections(**given)


def test_weights_are_whole():
    scored = psds.intersections({"a": frames(5, {})}, [], {"a": 5.0}, "x", ONE, 1.0)
    with pytest.raises(ValueError, match="weights are float64; expected whole"):
        psds.psds(scored, np.ones((2, 1)))
