"""Event, segment and clip metrics: cases for one's head, laws, and what sed_eval says."""

import itertools
import json
import warnings

import numpy as np
import pytest
import sed_eval_oracle
from hypothesis import given, settings
from hypothesis import strategies as st

from dawnchorus.formats import event
from dawnchorus.formats.event import Event
from dawnchorus.metrics import bootstrap
from dawnchorus.metrics import events as event_metrics
from dawnchorus.metrics.event_pairs import Collars, agreements, best_pairs, spans
from dawnchorus.metrics.events import event_counts, segment_counts

TIGHT = 1e-9
SED_EVAL = sed_eval_oracle.find()
STORED = json.loads(sed_eval_oracle.GOLDEN.read_text())
NAMES = {"f": "f_measure", "precision": "precision", "recall": "recall", "error_rate": "error_rate"}
CLASSES = ("x", "y", "z")
# hundredths of a second, so that collars are met exactly now and then
TIMES = st.tuples(st.integers(0, 900), st.integers(10, 300))
ROWS = st.lists(st.tuples(st.sampled_from("abc"), TIMES, st.sampled_from(CLASSES)), max_size=12)


def listed(rows):
    return [Event(one, at / 100, (at + n) / 100, label) for one, (at, n), label in rows]


def event_rates(reference, detected, ids="abc", classes=CLASSES, absent="skip", **options):
    return event_metrics.rates(event_counts(reference, detected, ids, classes, **options), absent)


def all_rates(reference, detected, ids, classes=CLASSES):
    found = (
        event_metrics.present(reference, ids, classes),
        event_metrics.present(detected, ids, classes),
    )
    each = (
        event_counts(reference, detected, ids, classes),
        segment_counts(reference, detected, ids, classes),
        event_metrics.clip_counts(*found, ids, classes),
    )
    return [event_metrics.rates(one) for one in each]


# Events and their rules -------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(ROWS)
def test_a_table_of_events_reads_back_as_it_was(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("events") / "events.csv"
    event.write_events(path, listed(rows))
    assert event.read_events(path) == sorted(listed(rows))


@pytest.mark.parametrize(
    "row",
    [("a", -0.1, 1, "x"), ("a", 1, 1, "x"), ("a", 0, "nan", "x"), ("a", 0, "inf", "x"),
     ("a", 0, "soon", "x"), ("a", 0, 1, "x;y"), ("a", 0, 1, ""), ("a", 0, 1, " x"), ("", 0, 1, "x"),
     ("a", 0, 1, "x\ty")],
)  # fmt: skip
def test_events_that_cannot_be_are_refused_with_the_table_named(tmp_path, row):
    path = tmp_path / "events.csv"
    path.write_text("id,onset_s,offset_s,label\n" + ",".join(f'"{field}"' for field in row) + "\n")
    with pytest.raises(ValueError, match=r"events\.csv: .*expected"):
        event.read_events(path)


def test_a_table_with_other_columns_is_refused(tmp_path):
    (tmp_path / "e.csv").write_text("id,onset,offset,label\na,0,1,x\n")
    with pytest.raises(ValueError, match="has columns .*onset_s"):
        event.read_events(tmp_path / "e.csv")


def test_gaps_under_the_limit_are_joined_and_the_limit_itself_is_not():
    events = [Event("a", 0, 1, "x"), Event("a", 1.1, 2, "x"), Event("a", 2.25, 3, "x"),
              Event("a", 1.05, 1.2, "y"), Event("b", 3.1, 4, "x")]  # fmt: skip
    joined = [Event("a", 0, 2, "x"), Event("a", 1.05, 1.2, "y"), Event("a", 2.25, 3, "x"),
              Event("b", 3.1, 4, "x")]  # fmt: skip
    assert event.merge_events(events, 0.15) == event.merge_events(events, 0.25) == joined
    assert len(event.merge_events(events, 0.26)) == 3


def test_an_event_of_just_the_minimum_length_stays():
    events = [Event("a", 1.0, 1.25, "x"), Event("a", 0.1, 0.35, "x"), Event("a", 2, 2.24, "x")]
    assert event.longer_than(events, 0.25) == sorted(events[:2])


def test_overlapping_events_of_one_class_follow_the_named_policy():
    twice = [Event("a", 0, 2, "x"), Event("a", 1, 3, "x"), Event("a", 1, 3, "y")]
    union = [Event("a", 0, 3, "x"), Event("a", 1, 3, "y")]
    assert event.resolve_overlaps(twice, "union") == union
    assert event.resolve_overlaps(twice, "keep") == twice
    # kept, one long detection is none of the two; joined, it is the one event there is
    assert event_rates(twice[:2], union[:1])["micro"]["matched"] == 0
    joined = event_rates(twice[:2], union[:1], overlaps="union")
    assert joined["micro"]["f"] == 1
    assert joined["policy"]["overlaps"] == "union"
    with pytest.raises(ValueError, match="'merge'; expected one of"):
        event_rates(twice, union, overlaps="merge")


# Events, counted by hand ------------------------------------------------------------------------


def test_event_scores_of_a_case_for_ones_head():
    reference = [Event("a", 0, 1, "x"), Event("a", 2, 4, "y"), Event("b", 0, 1, "x")]
    detected = [
        Event("a", 0.2, 1.2, "x"),  # matched: 0.2 s off at both ends is within the collar
        Event("a", 2.1, 4.35, "x"),  # wrong class; 0.35 s is within 20 % of 2 s: substitution
        Event("b", 0.3, 1, "x"),  # onset 0.3 s off: insertion, and b's event a deletion
        Event("c", 5, 6, "y"),  # false alarm where there is no event: insertion
    ]
    found = event_rates(reference, detected)
    micro = {"reference": 3, "detected": 4, "matched": 1,
             "substitutions": 1, "deletions": 1, "insertions": 2}  # fmt: skip
    assert {name: found["micro"][name] for name in micro} == micro
    assert found["micro"]["f"] == pytest.approx(2 / 7)  # 2 m / (n + d)
    assert found["micro"]["error_rate"] == pytest.approx(4 / 3)
    # x: n 2, d 3, m 1; y: n 1, d 1, m 0; z is absent
    assert found["classes"]["x"]["f"] == pytest.approx(2 / 5)
    assert found["classes"]["x"]["error_rate"] == pytest.approx((1 + 2) / 2)
    assert found["macro"]["f"] == pytest.approx((2 / 5 + 0) / 2)
    assert found["macro"]["error_rate"] == pytest.approx((3 / 2 + 2) / 2)
    assert found["policy"]["classes_without_reference"] == ["z"]
    assert found["policy"]["recordings_without_reference_with_detections"] == 1


def test_the_offset_collar_grows_with_the_reference_and_the_onset_collar_does_not():
    long = [Event("a", 1, 6, "x")]
    for one, matched in (
        (Event("a", 1.2, 7, "x"), 1),  # 20 % of 5 s is 1 s
        (Event("a", 1.2, 7.01, "x"), 0),
        (Event("a", 1.21, 6, "x"), 0),
        (Event("a", 0.8, 5, "x"), 1),
    ):
        assert event_rates(long, [one])["micro"]["matched"] == matched


def test_collars_are_options():
    reference, detected = [Event("a", 1, 2, "x")], [Event("a", 1.3, 2, "x")]
    for collars, matched in (
        (Collars(), 0),
        (Collars(onset_s=0.3), 1),
        (Collars(onset_s=None), 1),
        (Collars(onset_s=0.3, offset_s=None), 1),
        (Collars(onset_s=0.29, offset_s=None), 0),
    ):
        found = event_rates(reference, detected, collars=collars)
        assert found["micro"]["matched"] == matched
        assert found["policy"]["collars"] == collars._asdict()


@pytest.mark.parametrize(
    "collars", [Collars(None, None), Collars(-0.1), Collars(0.2, np.nan), Collars(0.2, 0.2, None)]
)
def test_collars_that_compare_nothing_are_refused(collars):
    with pytest.raises(ValueError, match=r"Collars\(.*expected"):
        event_rates([], [], collars=collars)


def test_matching_is_optimal_where_first_come_first_served_is_not():
    # the first reference could take either detection, the second one only the first
    reference = [Event("a", 1.0, 2, "x"), Event("a", 1.3, 2, "x")]
    detected = [Event("a", 1.15, 2, "x"), Event("a", 0.85, 2, "x")]
    assert event_rates(reference, detected)["micro"]["matched"] == 2


def best_by_hand(pairs, same):
    """Return the most pairs of one class, and then of different ones, over all matchings."""
    best = (0, 0)
    for size in range(1, 5):
        for chosen in itertools.combinations(range(len(pairs)), size):
            rows, columns = zip(*(pairs[i] for i in chosen), strict=True)
            if len(set(rows)) == len(set(columns)) == size:
                n_same = sum(same[i] for i in chosen)
                best = max(best, (n_same, size - n_same))
    return best


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(st.tuples(st.integers(0, 3), st.integers(0, 3)), st.booleans(), max_size=9))
def test_no_matching_is_better_than_the_best(agreeing):
    pairs, same = list(agreeing), list(agreeing.values())
    rows, columns = np.array(pairs, dtype=int).reshape(-1, 2).T
    found = np.stack(best_pairs(rows, columns, np.array(same, bool)), axis=1).tolist()
    assert len({i for i, _ in found}) == len({j for _, j in found}) == len(found)
    n_same = sum(agreeing[i, j] for i, j in found)
    assert (n_same, len(found) - n_same) == best_by_hand(pairs, same)


@settings(max_examples=60, deadline=None)
@given(ROWS, ROWS, st.sampled_from([Collars(), Collars(None), Collars(0.1, None)]))
def test_agreements_are_those_of_comparing_all_pairs(reference, detected, collars):
    reference, detected = (spans(listed(x), "abc", CLASSES) for x in (reference, detected))
    expected = set()
    for i, j in itertools.product(range(len(reference.label)), range(len(detected.label))):
        own, other = ([field[k] for field in x] for x, k in ((reference, i), (detected, j)))
        within = max(0.2, 0.2 * (own[3] - own[2])) + TIGHT
        if (
            own[0] == other[0]
            and (collars[0] is None or abs(own[2] - other[2]) <= collars[0] + TIGHT)
            and (collars[1] is None or abs(own[3] - other[3]) <= within)
        ):
            expected.add((i, j))
    found = agreements(reference, detected, collars)
    assert sorted(zip(*(x.tolist() for x in found), strict=True)) == sorted(expected)


# Segments and clips -----------------------------------------------------------------------------


def test_segment_scores_of_a_case_for_ones_head():
    reference = [Event("a", 0.5, 2.5, "x"), Event("a", 1, 2, "y")]
    detected = [Event("a", 1, 2, "x"), Event("a", 2.2, 2.9, "y"), Event("b", 9, 9.1, "z")]
    # segment of a:  0        1         2       of b: 9
    # reference      x        x y       x
    # detected                x         y             z
    # matched 1; in segment 2, y stands for x: a substitution; missed: x in 0, y in 1; false: z in b
    micro = event_metrics.rates(segment_counts(reference, detected, "ab", CLASSES))["micro"]
    assert [micro[name] for name in ("reference", "detected", "matched")] == [4, 3, 1]
    assert [micro[name] for name in ("substitutions", "deletions", "insertions")] == [1, 2, 1]
    assert micro["f"] == pytest.approx(2 / 7)
    assert micro["error_rate"] == 1


def test_an_event_that_ends_with_a_segment_does_not_reach_into_the_next():
    for onset_s, offset_s, segment_s, n in ((0, 1, 1, 1), (0.3, 0.6, 0.1, 3), (0, 1.001, 1, 2),
                                            (0.7, 0.7 + 1e-12, 0.1, 1), (1, 2, 0.5, 2)):  # fmt: skip
        found = segment_counts([Event("a", onset_s, offset_s, "x")], [], "a", "x", segment_s)
        assert found.annotated.tolist() == [[n]]
    with pytest.raises(ValueError, match="segment_s=0; expected"):
        segment_counts([], [], "a", "x", 0)


def test_clip_scores_of_a_case_for_ones_head():
    targets = [[1, 1, 0], [0, 0, 0], [1, 0, 0]]
    decisions = [[1, 0, 1], [0, 1, 0], [1, 0, 0]]
    # clip a: x right, z for y (a substitution); b: y is false; c: x right
    found = event_metrics.rates(
        event_metrics.clip_counts(targets, decisions, "abc", CLASSES), "zero"
    )
    assert found["micro"]["f"] == pytest.approx(4 / 7)
    assert found["micro"]["error_rate"] == pytest.approx((1 + 0 + 1) / 3)
    assert found["macro"]["f"] == pytest.approx((1 + 0 + 0) / 3)


def test_clip_counts_want_a_row_for_each_recording():
    with pytest.raises(ValueError, match=r"\(1, 2\) and decisions \(1, 2\); both must be \(1, 3\)"):
        event_metrics.clip_counts([[0, 1]], [[0, 1]], "a", CLASSES)


# Policies ---------------------------------------------------------------------------------------


def test_absent_classes_follow_the_named_policy():
    # x is right; y has a false alarm and no reference; z has neither
    reference, detected = [Event("a", 0, 1, "x")], [Event("a", 0, 1, "x"), Event("b", 0, 1, "y")]
    for absent, mean, n in (("skip", 1, 1), ("false_alarms", 1 / 2, 2), ("zero", 1 / 3, 3)):
        found = event_rates(reference, detected, absent=absent)
        assert found["macro"]["f"] == found["macro"]["precision"] == pytest.approx(mean)
        assert found["macro"]["n_classes"] == n
        assert (found["macro"]["recall"], found["macro"]["error_rate"]) == (1, 0)
        assert found["policy"]["absent_classes"] == absent
        assert found["micro"]["precision"] == 0.5
    with pytest.raises(ValueError, match="'drop'; expected one of"):
        event_rates(reference, detected, absent="drop")


def test_a_class_that_is_never_detected_counts_zero():
    found = event_rates([Event("a", 0, 1, "x"), Event("a", 0, 1, "y")], [Event("a", 0, 1, "x")])
    assert found["macro"]["f"] == found["macro"]["precision"] == found["macro"]["recall"] == 0.5
    assert found["policy"]["classes_without_detections"] == ["y"]


def test_nothing_to_find_and_nothing_found_is_not_defined():
    found = event_rates([], [])
    rates = [found[level][rate] for level in ("micro", "macro") for rate in event_metrics.RATES]
    assert np.isnan(rates).all()
    false = event_rates([], [Event("a", 0, 1, "x")])["micro"]
    assert (false["f"], false["precision"], false["insertions"]) == (0, 0, 1)
    assert np.isnan([false["recall"], false["error_rate"]]).all()


def test_events_of_unknown_recordings_and_classes_and_repeated_names_are_refused():
    event = Event("a", 0, 1, "x")
    with pytest.raises(
        ValueError, match=r"1 recordings of events are not among the 1 given: \['a'"
    ):
        event_counts([event], [], "b", "x")
    with pytest.raises(ValueError, match="classes of events are not among"):
        segment_counts([], [event], "a", "y")
    with pytest.raises(ValueError, match=r"recording ids repeat: \['a'\]"):
        event_counts([event], [], "aba", "x")


# Laws -------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(ROWS.filter(len))
def test_perfect_detections_score_one(rows):
    events = listed(rows)
    for found in all_rates(events, events, "abc"):
        for level in ("micro", "macro"):
            assert [found[level][rate] for rate in event_metrics.RATES] == [1, 1, 1, 0]


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.tuples(st.sampled_from("abc"), st.sampled_from(CLASSES)), TIMES, min_size=1)
)
def test_one_event_per_class_and_file_shifted_by_more_than_the_collar_scores_zero(known):
    events = listed((one, times, label) for (one, label), times in known.items())
    moved = [[x._replace(onset_s=x.onset_s + by, offset_s=x.offset_s + by) for x in events]
             for by in (0.19, 0.2, 0.21)]  # fmt: skip
    scores = [event_rates(events, detected)["micro"]["f"] for detected in moved]
    assert scores == [1, 1, 0]


@settings(max_examples=40, deadline=None)
@given(ROWS, ROWS, st.permutations("abc"))
def test_the_order_of_recordings_and_events_changes_nothing(reference, detected, ids):
    first = all_rates(listed(reference), listed(detected), "abc")
    other = all_rates(listed(reference)[::-1], listed(detected)[::-1], ids)
    np.testing.assert_equal(other, first)


@settings(max_examples=40, deadline=None)
@given(ROWS, ROWS)
def test_the_whole_set_once_more_under_new_names_changes_no_rate(reference, detected):
    names = dict(zip("abc", "def", strict=True))
    twice = [
        listed(rows) + [event._replace(id=names[event.id]) for event in listed(rows)]
        for rows in (reference, detected)
    ]
    once = all_rates(listed(reference), listed(detected), "abc")
    for first, second in zip(once, all_rates(*twice, "abcdef"), strict=True):
        for level in ("micro", "macro"):
            rates = [[x[level][rate] for rate in event_metrics.RATES] for x in (first, second)]
            np.testing.assert_allclose(*rates, rtol=TIGHT)


@settings(max_examples=40, deadline=None)
@given(ROWS.filter(len), ROWS)
def test_a_false_alarm_where_there_is_no_event_lowers_precision(reference, detected):
    reference, detected = listed(reference), listed(detected) + listed(reference)[:1]
    alarm = Event("empty", 1, 2, "x")
    ids = ["a", "b", "c", "empty"]
    before = all_rates(reference, detected, ids)
    after = all_rates(reference, [*detected, alarm], ids)
    for first, second in zip(before, after, strict=True):
        assert second["micro"]["precision"] < first["micro"]["precision"]
        assert second["micro"]["insertions"] == first["micro"]["insertions"] + 1


# Bootstrap --------------------------------------------------------------------------------------


def test_a_whole_weight_equals_standing_that_often_in_the_list():
    case = sed_eval_oracle.drawn_case(np.random.default_rng(3))
    reference, detected, ids = case["reference"], case["detected"], case["ids"]
    rng = np.random.default_rng(4)
    weights = bootstrap.bootstrap_weights(np.arange(8) // 2, 20, rng)
    for counted in (event_counts, segment_counts):
        values = event_metrics.mean_rates(counted(reference, detected, ids, CLASSES), weights)
        for number, row in enumerate(weights):
            copies = [f"{one}-{k}" for one, n in zip(ids, row, strict=True) for k in range(n)]
            drawn = [
                [[copy, *x[1:]] for copy in copies for x in rows if x[0] == copy.split("-")[0]]
                for rows in (reference, detected)
            ]
            expected = event_metrics.rates(counted(*drawn, copies, CLASSES))
            for level, rate in itertools.product(("micro", "macro"), event_metrics.RATES):
                one = values[f"{level}_{rate}"][number]
                assert one == pytest.approx(expected[level][rate], abs=TIGHT, nan_ok=True)


# sed_eval ---------------------------------------------------------------------------------------


def said(case):
    """What sed_eval says of a case: asked where it is installed, else as stored."""
    if SED_EVAL is None:
        return case["sed_eval"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # means of nothing, old NumPy names
        return sed_eval_oracle.figures(SED_EVAL, case)


def ours(case):
    given = case["reference"], case["detected"], case["ids"], case["classes"]
    return {
        "event": event_metrics.rates(event_counts(*given)),
        "segment": event_metrics.rates(segment_counts(*given, case["segment_s"])),
    }


def stored(name):
    return next(case for case in STORED if case["name"] == name)


def assert_equal_rates(found, expected):
    for level in ("micro", "macro"):
        for rate, name in NAMES.items():
            assert found[level][rate] == pytest.approx(expected[level][name], abs=TIGHT)
    for kind in ("substitution", "deletion", "insertion"):
        rate = found["micro"][f"{kind}s"] / found["micro"]["reference"]
        assert rate == pytest.approx(expected["micro"][f"{kind}_rate"], abs=TIGHT)
    for name, expected_class in expected["classes"].items():
        for rate, other in NAMES.items():
            value = found["classes"][name][rate]
            assert value == pytest.approx(expected_class[other], abs=TIGHT)


NEEDS_SED_EVAL = pytest.mark.skipif(
    SED_EVAL is None, reason="sed_eval is not installed: only its stored figures are compared"
)


@NEEDS_SED_EVAL
@pytest.mark.parametrize("case", STORED, ids=lambda case: case["name"])
def test_sed_eval_still_says_what_is_stored(case):
    assert json.loads(json.dumps(said(case))) == case["sed_eval"]


@pytest.mark.parametrize("number", range(3))
def test_ordinary_cases_score_as_in_sed_eval(number):
    case = stored(f"random-{number}")
    expected, found = said(case), ours(case)
    assert_equal_rates(found["event"], expected["event_zero_score"])
    assert_equal_rates(found["segment"], expected["segment"])


@NEEDS_SED_EVAL
def test_fresh_cases_score_as_in_sed_eval():
    rng = np.random.default_rng(11)
    for _ in range(10):
        case = sed_eval_oracle.drawn_case(rng)
        expected, found = said(case), ours(case)
        assert_equal_rates(found["event"], expected["event_zero_score"])
        assert_equal_rates(found["segment"], expected["segment"])


def test_trap_a_class_without_detections_is_dropped_by_sed_evals_macro_f():
    case = stored("macro_nanmean")
    expected, found = said(case), ours(case)["event"]
    # z is in the class list only: neither counts it in F, but sed_eval does in the error rate
    assert expected["event_nan"]["macro"]["f_measure"] == 1
    assert found["macro"]["f"] == expected["event_zero_score"]["macro"]["f_measure"] == 0.5
    assert found["macro"]["error_rate"] == 0.5
    assert expected["event_nan"]["macro"]["error_rate"] == pytest.approx(0.5 * 2 / 3)


def test_trap_an_absent_class_counts_in_sed_evals_macro_precision_and_error_rate():
    case = stored("absent_class")
    expected, found = said(case)["event_zero_score"], ours(case)["event"]
    assert found["macro"]["f"] == expected["macro"]["f_measure"] == 1
    assert (found["macro"]["precision"], found["macro"]["error_rate"]) == (1, 0)
    assert expected["macro"]["precision"] == pytest.approx(1 / 3)
    assert expected["macro"]["error_rate"] > 1e15
    for rate, name in NAMES.items():
        assert found["micro"][rate] == pytest.approx(expected["micro"][name])


def test_trap_an_empty_reference_gives_sed_eval_a_huge_error_rate():
    case = stored("empty_reference")
    expected, found = said(case)["event_zero_score"]["micro"], ours(case)["event"]["micro"]
    assert expected["error_rate"] > 1e15
    assert np.isnan(found["error_rate"])
    assert expected["f_measure"] is None  # not a number
    assert found["f"] == found["precision"] == expected["precision"] == 0


def test_trap_empty_system_output_has_no_f_in_sed_eval_unless_it_is_told():
    case = stored("empty_system_output")
    expected, found = said(case), ours(case)["event"]["micro"]
    assert expected["event_nan"]["micro"]["f_measure"] is None
    assert found["f"] == expected["event_zero_score"]["micro"]["f_measure"] == 0
    assert found["error_rate"] == expected["event_nan"]["micro"]["error_rate"] == 1


def test_trap_sed_eval_compares_times_without_tolerance():
    case = stored("collar_without_tolerance")
    assert said(case)["event_nan"]["micro"]["f_measure"] == 0
    assert ours(case)["event"]["micro"]["f"] == 1
    case = stored("segments_without_tolerance")
    assert said(case)["segment"]["micro"]["f_measure"] == pytest.approx(2 / 5)
    assert ours(case)["segment"]["micro"]["f"] == 0


def test_trap_sed_eval_takes_substitutions_first_come_first_served():
    case = stored("greedy_substitutions")
    assert said(case)["event_nan"]["micro"]["substitution_rate"] == pytest.approx(1 / 2)
    assert said(case)["event_nan"]["micro"]["error_rate"] == pytest.approx(3 / 2)
    found = ours(case)["event"]["micro"]
    assert (found["substitutions"], found["error_rate"]) == (2, 1)
