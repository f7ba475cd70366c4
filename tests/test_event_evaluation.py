"""Figures of detected events: small experiments whose answers fit in one's head."""

import json

import numpy as np
import pytest
from target_rows import write_targets

from dawnchorus.corpora.source_table import SOURCES
from dawnchorus.corpora.tables import LABELS, write_rows
from dawnchorus.evaluation import baselines, event_evaluation, event_scores, event_summary
from dawnchorus.events import decoding_choice
from dawnchorus.events.decoding import filtered_scores, frame_targets
from dawnchorus.formats.event import Event, write_events
from dawnchorus.metrics import psds
from dawnchorus.metrics.bootstrap import bootstrap_weights
from dawnchorus.metrics.event_pairs import Collars
from dawnchorus.metrics.events import event_counts
from dawnchorus.metrics.intersections import Criteria
from dawnchorus.runtime import artefacts
from dawnchorus.scores.frame_files import writing_frames
from dawnchorus.targets.ground_truth import EventGroundTruth

TIGHT = 1e-12
CLASSES = ("crow", "owl", "wren")
RATE = 10.0  # frames per second
LENGTH_S = 10.0
SETTINGS = ("threshold", "filter_s", "gap_s", "minimum_s")
KINDS = ("labels", "verdicts", "events")  # of tables


class Experiment:
    """Files of an experiment with three ensembles: one perfect, its twin, and a poor one."""

    def __init__(self, folder):
        self.folder = folder
        self.settings = {
            "name": "tiny",
            "seed": 3,
            "test": ["field"],
            "stages": {
                "first": {"targets": {"from": "labels"}},
                "second": {
                    "targets": {"from": "predictions", "stage": "first", "unlabelled": ["field"]}
                },
            },
            "ensembles": {"perfect": ["first"], "twin": ["second"], "guess": ["first"]},
            "models": {"perfect": 4},
            "evaluation": {
                "replicates": 20,
                "bootstrap": "groups",
                "confidence": 0.9,
                "compare": [["perfect", "twin"], ["guess", "perfect"]],
            },
            "events": {
                "collar": {"onset_s": 0.2, "offset_s": 0.2, "offset_share": 0.2},
                "segment_s": 1.0,
                "absent": "skip",
                "validation": ["pond"],
                "decodings": {"published": {"tune": "none"}, "tuned": {"tune": "events"}},
                "baselines": ["oracle", "whole_clips", "clicks"],
                "duplicate_rows": False,
            },
        }
        self.filters = {"published": 1.1, "tuned": 0.3}
        self.events, self.scores = {}, {}
        self.add_corpus("field", 12)
        self.add_corpus("pond", 6)

    def add_corpus(self, corpus, n):
        """Set two events of 2 s in each recording but every fourth."""
        self.events[corpus] = {f"r{i:02d}": [] for i in range(n)}
        for i, (name, own) in enumerate(self.events[corpus].items()):
            if i % 4 != 3:
                own.append(Event(name, 1.0, 3.0, CLASSES[i % 3]))
                own.append(Event(name, 6.0, 8.0, CLASSES[(i + i // 3) % 3]))

    def targets(self, corpus, name):
        return frame_targets(self.events[corpus][name], 100, RATE, CLASSES)

    def write(self, corpus, order=1, data_set="strong"):
        rows = [
            dict.fromkeys(LABELS, "")
            | {"id": name, "data_set": data_set, "group": f"g{i // 2}", "labelled": 1}
            for i, name in enumerate(self.events[corpus])
        ]
        labels = [[row[column] for column in LABELS] for row in rows][::order]
        write_rows(self.path(f"labels-{corpus}.csv"), LABELS, labels)
        verdicts = [(name, "used", LENGTH_S) for name in self.events[corpus]][::order]
        columns = ("id", "verdict", "duration_s")
        artefacts.write_table(self.path(f"verdicts-{corpus}.csv"), columns, verdicts)
        every = [event for own in self.events[corpus].values() for event in own]
        write_events(self.path(f"events-{corpus}.csv"), every)
        for ensemble in self.settings["ensembles"]:
            self.write_frames(ensemble, corpus, order)

    def write_frames(self, ensemble, corpus, order):
        rng = np.random.default_rng(5)
        blocks = {name: self.targets(corpus, name) for name in self.events[corpus]}
        if ensemble == "guess":  # hears every other recording, and a click of two frames
            noise = {name: 0.3 * rng.random(one.shape) for name, one in blocks.items()}
            blocks = {
                name: noise[name] + (0.6 * one if i % 2 else 0)
                for i, (name, one) in enumerate(blocks.items())
            }
            for one in blocks.values():
                one[45:47] = 0.9
        ids = list(blocks)[::order]
        path = self.path(f"{ensemble}.{corpus}.h5")
        with writing_frames(path, ids, ["mean"], CLASSES, RATE) as put:
            onsets = np.zeros(len(ids))
            put("mean", np.arange(len(ids)), onsets, (blocks[name] for name in ids))

    def write_decoders(self):
        found = {
            name: {
                "settings": {key: [0.5 if key == "threshold" else 0.0] * 3 for key in SETTINGS}
                | {"filter_s": [filter_s] * 3},
                "chosen_on": "pond: 6 recordings with 8 events" if name == "tuned" else None,
                "tuned": {"sweeps": 2} if name == "tuned" else None,
            }
            for name, filter_s in self.filters.items()
        }
        for ensemble in self.settings["ensembles"]:
            content = {"classes": list(CLASSES), "decodings": found}
            artefacts.write_json(self.path(f"{ensemble}.json"), content)

    def path(self, name):
        return self.folder / name

    def only(self, *baselines, validation=()):
        """Leave one ensemble and these rows, for runs that take less."""
        self.settings["ensembles"] = {"perfect": ["first"]}
        self.settings["evaluation"]["compare"] = []
        self.settings["events"] |= {"baselines": list(baselines), "validation": list(validation)}

    def write_all(self, order=1):
        for corpus in self.events:
            self.write(corpus, order)
        self.write_decoders()

    def run(self, order=1):
        self.write_all(order)
        return self.evaluate()

    def evaluate(self, without_events=()):
        def tables(kind):
            left = without_events if kind == "events" else ()
            return {c: self.path(f"{kind}-{c}.csv") for c in self.events if c not in left}

        outputs = self.path("events.json"), self.path("events.txt")
        ensembles = self.settings["ensembles"]
        event_evaluation.evaluate_events(
            {e: {c: self.path(f"{e}.{c}.h5") for c in self.events} for e in ensembles},
            {e: self.path(f"{e}.json") for e in ensembles},
            *(tables(kind) for kind in KINDS),
            self.settings,
            *outputs,
        )
        return json.loads(outputs[0].read_text()), outputs[1].read_text()


@pytest.fixture
def experiment(tmp_path):
    return Experiment(tmp_path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The same experiment, evaluated once for all tests that only read."""
    found = Experiment(tmp_path_factory.mktemp("whole"))
    found.run()
    return found


@pytest.fixture
def done(whole):
    """Its figures and its text."""
    return json.loads(whole.path("events.json").read_text()), whole.path("events.txt").read_text()


def known(events, n=2, groups=None, duration_s=LENGTH_S):
    """Return n recordings r0, r1, ... of which these events are known."""
    ids = [f"r{i}" for i in range(n)]
    excluded = {"recordings": n, "used": n, "excluded": 0, "excluded_by_code": {}}
    excluded |= {"events_of_other_classes": {}, "events_dropped": 0, "events_clipped": 0}
    groups = np.array(ids if groups is None else groups)
    durations = dict.fromkeys(ids, duration_s)
    return EventGroundTruth(ids, durations, list(events), list(CLASSES), groups, excluded)


def shown_for(found, ensemble="perfect", decoding="published"):
    return found["ensembles"][ensemble]["decodings"][decoding]["test"]["field"]


def test_perfect_frames_score_one(done):
    found, _ = done
    for decoding in ("published", "tuned"):
        own = shown_for(found, decoding=decoding)
        for kind in ("events", "segments", "clips"):
            for mean in ("macro", "micro"):
                assert (own[kind][mean]["f"], own[kind][mean]["error_rate"]) == (1, 0)
                assert own[kind]["intervals"][f"{mean}_f"] == {"low": 1, "high": 1}
        for name in ("psds1", "psds2"):
            assert (own[name]["psds"], own[name]["low"], own[name]["high"]) == (1, 1, 1)
    assert shown_for(found, "guess")["events"]["macro"]["f"] < 0.6
    unfiltered = found["ensembles"]["perfect"]["psds_unfiltered"]["test"]["field"]
    assert unfiltered["psds1"]["psds"] == 1


def test_scores_and_intervals_are_those_of_counts(experiment):
    """By the definition: two events, one found, one false alarm in the other recording."""
    reference = [Event("r0", 1, 3, "crow"), Event("r0", 5, 6, "crow")]
    detected = [Event("r0", 1, 3, "crow"), Event("r1", 5, 6, "crow")]
    own = event_scores.event_scores(known(reference), detected, experiment.settings).content
    assert own["events"]["macro"]["f"] == own["events"]["micro"]["f"] == 0.5
    assert own["events"]["micro"]["error_rate"] == 1
    assert own["segments"]["micro"]["f"] == 2 * 2 / (3 + 3)
    assert own["clips"]["micro"]["f"] == 2 / 3
    limits = own["events"]["intervals"]["micro_f"]
    # r0 twice: 2 of 2 + 1; r1 twice: no match
    assert (limits["low"], limits["high"]) == pytest.approx((0, 2 / 3), abs=TIGHT)


def test_reference_events_that_overlap_count_each_as_in_sed_eval(experiment):
    reference = [Event("r0", 1, 3, "crow"), Event("r0", 2, 4, "crow")]
    detected = [Event("r0", 1, 4, "crow")]
    own = event_scores.event_scores(known(reference), detected, experiment.settings).content[
        "events"
    ]
    assert (own["micro"]["reference"], own["micro"]["matched"]) == (2, 0)
    assert own["policy"]["overlaps"] == "keep"
    assert own["policy"]["collars"] == experiment.settings["events"]["collar"]


def test_a_single_group_has_no_interval(experiment):
    one = known([Event("r0", 1, 3, "crow")], groups=["g", "g"])
    own = event_scores.event_scores(one, [Event("r0", 1, 3, "crow")], experiment.settings).content
    assert own["events"]["macro"]["f"] == 1
    assert all(np.isnan(list(own["events"]["intervals"]["macro_f"].values())))


def test_frames_may_begin_at_different_times(experiment):
    reference = [Event("r0", 1, 3, "crow"), Event("r1", 0, 2, "crow")]
    scored = known(reference)
    own = [e for e in reference if e.id == "r0"], [e for e in reference if e.id == "r1"]
    starts = 0.55, -0.35
    scores = {
        name: (start, frame_targets(events, 120, RATE, CLASSES, onset_s=start, edges="soft"))
        for name, start, events in zip(("r0", "r1"), starts, own, strict=True)
    }
    found = event_scores.frame_scores(scored, scores, RATE, experiment.settings)
    assert found.content["psds1"]["psds"] == 1
    late = {"r0": scores["r0"], "r1": (5.0, scores["r1"][1])}
    assert (
        event_scores.frame_scores(scored, late, RATE, experiment.settings).content["psds1"]["psds"]
        < 1
    )


def test_the_oracle_of_sharp_events_scores_one_and_of_short_ones_does_not(experiment, done):
    found, _ = done
    (published, tuned) = found["baselines"]["oracle"]
    assert [one["ensemble"] for one in published["of"]] == ["perfect", "twin", "guess"]
    assert {one["decoding"] for one in tuned["of"]} == {"tuned"}
    assert published["test"]["field"]["events"]["macro"]["f"] == 1
    experiment.events["field"]["r00"] = [Event("r00", 4.0, 4.5, "crow")]
    experiment.only("oracle")
    (published, tuned) = experiment.run()[0]["baselines"]["oracle"]
    # 5 frames go in a filter of 11, not in one of 3
    missed = published["test"]["field"]["events"]["micro"]
    assert missed["reference"] - missed["matched"] == 1
    assert tuned["test"]["field"]["events"]["micro"]["f"] == 1


def test_whole_clips_find_classes_but_no_short_events(done):
    found, _ = done
    own = found["baselines"]["whole_clips"]["test"]["field"]
    assert own["events"]["macro"]["f"] == own["psds1"]["psds"] == 0
    assert own["clips"]["macro"]["f"] == 1
    assert 0 < own["segments"]["macro"]["f"] < 1


def test_whole_clips_are_right_where_events_are_whole(experiment):
    reference = [Event("r0", 0, LENGTH_S, "owl")]
    assert baselines.whole_clips(known(reference)) == reference


def test_clicks_find_periodic_events_that_validation_shows():
    train = [Event("r0", 2.0 + 2 * i, 2.5 + 2 * i, "owl") for i in range(4)]
    chosen = baselines.choose_trains([known(train)], Collars())
    assert list(chosen) == ["owl"]
    assert chosen["owl"][:3] == (0.0, 2.0, 0.5)
    # 4 of 5 clicks in r0, none of 5 in r1
    assert chosen["owl"].f == 2 * 4 / (4 + 10)
    events = baselines.click_events(known(train), chosen)
    assert [e.onset_s for e in events if e.id == "r1"] == [0, 2, 4, 6, 8]
    counts = event_counts(train, events, ("r0", "r1"), CLASSES)
    assert counts.matched.sum() == 4


def test_a_train_stays_in_its_recording():
    train = {
        "owl": baselines.Train(9.5, 10.0, 2.0, 0.0),
        "wren": baselines.Train(10.0, 10.0, 2.0, 0.0),
    }
    assert baselines.click_events(known([], n=1), train) == [Event("r0", 9.5, 10.0, "owl")]


def test_clicks_never_touch_and_one_event_is_enough_to_choose():
    chosen = baselines.choose_trains([known([Event("r0", 0, 4, "crow")])], Collars())
    assert chosen["crow"].period_s > 4
    assert chosen["crow"].f == 2 / 3
    events = baselines.click_events(known([], n=1), {"crow": chosen["crow"]})
    assert events == [Event("r0", 0, 4, "crow")]


def test_clicks_are_chosen_on_validation_alone(experiment, done):
    before, _ = done
    chosen = before["baselines"]["clicks"]
    assert chosen["chosen_on"] == ["pond"]
    assert chosen["validation"]["pond"]["chosen_here"]
    for own in experiment.events["field"].values():
        own[:] = [event._replace(onset_s=event.onset_s / 2) for event in own]
    experiment.only("clicks", validation=["pond"])
    after, _ = experiment.run()
    assert after["baselines"]["clicks"]["trains"] == chosen["trains"]
    assert after["baselines"]["clicks"]["test"] != chosen["test"]


def test_without_validation_there_are_no_clicks(experiment):
    experiment.only("clicks")
    found, text = experiment.run()
    assert "validation recordings" in found["baselines"]["clicks"]["left_out"]
    assert "clicks are left out" in text
    assert not any(line.startswith("clicks ") and "0." in line for line in text.splitlines())


def test_duplicate_rows_lower_the_event_scores_alone(experiment, done):
    clean = shown_for(done[0])
    experiment.only()
    experiment.settings["events"]["duplicate_rows"] = True
    found, text = experiment.run()
    own = shown_for(found)
    # two annotated events in each recording that has any: every detection once more
    assert own["events"]["micro"]["detected"] == 2 * clean["events"]["micro"]["detected"]
    assert own["events"]["micro"]["f"] == pytest.approx(2 / 3, abs=TIGHT)
    assert own["events"]["micro"]["error_rate"] == 1
    for kind in ("segments", "clips", "psds1"):
        assert own[kind] == clean[kind]
    assert "k times" in found["policy"]["duplicates"]
    assert "fault of serizel2018" in text


def test_a_clip_without_events_has_its_false_alarms_once(experiment):
    experiment.settings["events"]["duplicate_rows"] = True
    reference = [Event("r0", 1 + i, 1.5 + i, "owl") for i in range(3)]
    detected = [reference[0], Event("r1", 1, 2, "owl")]
    own = event_scores.event_scores(known(reference), detected, experiment.settings).content
    assert own["events"]["micro"]["detected"] == 3 + 1
    assert own["events"]["micro"]["matched"] == 1


def test_equal_ensembles_do_not_differ(done):
    found, _ = done
    twins = [pair for pair in found["comparisons"] if pair["second"]["ensemble"] == "twin"]
    assert [pair["first"] for pair in twins[:2]] == [
        {"ensemble": "perfect", "decoding": "tuned"},
        {"ensemble": "perfect", "decoding": "published"},
    ]
    for pair in twins[:2]:
        for name in ("event_macro_f", "segment_macro_f", "psds1", "psds2"):
            own = pair["test"]["field"][name]
            assert (own["difference"], own["low"], own["high"]) == (0, 0, 0)
            assert own["p_two_sided"] == 1


def test_differences_are_paired_and_signed(done):
    found, _ = done
    (pair,) = [
        pair
        for pair in found["comparisons"]
        if (pair["first"]["ensemble"], pair["second"]["ensemble"]) == ("guess", "perfect")
        and pair["first"]["decoding"] == "tuned"
    ]
    own = pair["test"]["field"]["event_macro_f"]
    values = [
        shown_for(found, name, "tuned")["events"]["macro"]["f"] for name in ("guess", "perfect")
    ]
    assert own["difference"] == pytest.approx(values[1] - values[0], abs=TIGHT)
    assert 0 < own["low"] <= own["difference"] <= own["high"] <= 1
    assert own["p_two_sided"] == 2 / 21


def test_tuned_decodings_are_held_against_the_others(done):
    found, _ = done
    pairs = [(p["first"], p["second"]) for p in found["comparisons"]]
    for name in ("perfect", "twin", "guess"):
        first, second = ({"ensemble": name, "decoding": d} for d in ("published", "tuned"))
        assert (first, second) in pairs
        assert (second, first) not in pairs
    assert len(pairs) == 2 * 2 + 3


def test_the_order_of_files_changes_nothing(experiment, whole):
    experiment.run(order=-1)
    for name in ("events.json", "events.txt"):
        assert experiment.path(name).read_bytes() == whole.path(name).read_bytes()


def test_what_is_optimistic_is_marked(done):
    found, text = done
    for name, is_chosen in (("published", False), ("tuned", True)):
        about = found["ensembles"]["perfect"]["decodings"][name]
        assert about["validation"]["pond"]["chosen_here"] is is_chosen
    assert shown_for(found, "twin")["transductive"]
    assert not shown_for(found, "perfect")["transductive"]
    assert found["ensembles"]["perfect"]["models"] == 4
    assert found["ensembles"]["twin"]["models"] is None
    assert "twin ^" in text
    assert "tuned: settings chosen on pond: 6 recordings" in text


def test_counts_of_the_reference_are_told(done):
    found, _ = done
    about = found["test"]["field"]
    assert (about["scored"], about["without_events"], about["groups"]) == (12, 3, 6)
    assert about["events"] == sum(about["events_by_class"].values()) == 18
    assert about["hours"] == pytest.approx(120 / 3600)


def test_the_policy_is_in_the_file(done):
    found, _ = done
    policy = found["policy"]
    assert policy["collar"] == {"onset_s": 0.2, "offset_s": 0.2, "offset_share": 0.2}
    assert policy["rounding_tolerance_s"] == 1e-9
    assert policy["psds_scenarios"]["psds1"]["criteria"]["detection"] == 0.7
    assert (policy["replicates"], policy["confidence"], policy["segment_s"]) == (20, 0.9, 1.0)
    assert "optimal" in policy["matching"]
    assert "count each" in policy["overlaps"]


def test_the_text_shows_the_scores_of_the_file(done):
    found, text = done
    own = shown_for(found, "guess")
    limits = own["events"]["intervals"]["macro_f"]
    shown = f"{own['events']['macro']['f']:.3f} [{limits['low']:.3f}, {limits['high']:.3f}]"
    (line,) = [line for line in text.splitlines() if line.startswith("guess ") and shown in line]
    assert line.split()[1] == "published"
    for name in ("psds1", "psds2"):
        assert f"{own[name]['psds']:.3f}" in line
    assert "oracle, all" in text
    assert "whole clips " in text
    assert "scores of frames and events are not calibrated" in text


def test_the_text_fits_a_screen_however_much_there_is(done):
    found, text = done
    one = found["ensembles"]["twin"]
    many = {f"an ensemble of a rather long name {i}": one for i in range(9)}
    pairs = found["comparisons"] * 6
    crowded = event_summary.text(found | {"ensembles": many, "comparisons": pairs})
    shown = [line for line in crowded.splitlines() if line.startswith("an ens")]
    assert len(shown) == 18  # differences and frames give way first
    more = {f"an ensemble of a rather long name {i}": one for i in range(40)}
    for screen in (text, crowded, event_summary.text(found | {"ensembles": more})):
        assert len(screen.splitlines()) <= 45
        assert max(map(len, screen.splitlines())) <= 100
        assert screen.isascii()
    assert "more in events.json" in crowded
    assert "more in events.json" not in text


def test_several_references_have_a_table_each(done):
    found, _ = done
    both = json.loads(json.dumps(found))
    for about in (both["test"], both["baselines"]["whole_clips"]["test"]):
        about["lake"] = about["field"]
    for item in (*both["baselines"]["oracle"], both["baselines"]["clicks"], *both["comparisons"]):
        item["test"]["lake"] = item["test"]["field"]
    for ensemble in both["ensembles"].values():
        for about in ensemble["decodings"].values():
            about["test"]["lake"] = about["test"]["field"]
    text = event_summary.text(both)
    assert "ensemble on field" in text
    assert "ensemble on lake" in text


@pytest.mark.parametrize("has_table", [True, False])
def test_a_reference_without_known_events_is_counted_beside_those_that_are_scored(
    experiment, has_table
):
    experiment.add_corpus("marsh", 5)
    experiment.only("oracle", "whole_clips", "clicks", validation=["pond"])
    experiment.settings["test"] = ["field", "marsh"]
    experiment.write_all()
    experiment.write("marsh", data_set="weak")
    found, text = experiment.evaluate(without_events=[] if has_table else ["marsh"])
    assert list(found["test"]) == ["field"]
    assert found["not_scored"]["marsh"] == {
        "recordings": 5, "used": 5, "excluded": 0, "excluded_by_code": {}, "unknown_events": 5,
        "events_of_other_classes": {}, "events_dropped": 0, "events_clipped": 0,
    }  # fmt: skip
    assert shown_for(found)["events"]["macro"]["f"] == 1
    assert list(found["baselines"]["whole_clips"]["test"]) == ["field"]
    assert "marsh is not scored: none of its 5 used recordings has known events" in text
    assert "counted, not scored" in found["policy"]["not_scored"]


@pytest.mark.parametrize("validation", [[], ["pond"]])
def test_where_no_reference_has_known_events_scores_are_empty(experiment, validation):
    experiment.settings["events"]["validation"] = validation
    experiment.write_all()
    experiment.write("field", data_set="unlabelled")
    found, text = experiment.evaluate(without_events=["field"])
    assert (found["test"], list(found["not_scored"])) == ({}, ["field"])
    for about in found["ensembles"]["guess"]["decodings"].values():
        assert about["test"] == {}
        assert list(about["validation"]) == validation
        assert about["settings"]["threshold"] == [0.5] * 3
    assert "nothing is scored: no test subset has recordings with known events" in text


def test_a_validation_reference_has_to_have_events(experiment):
    experiment.write_all()
    with pytest.raises(ValueError, match="validation 'pond': its corpus has no table of events"):
        experiment.evaluate(without_events=["pond"])
    experiment.write("pond", data_set="weak")
    with pytest.raises(ValueError, match="pond has no used recording with known events among 6"):
        experiment.evaluate()


def test_an_experiment_without_any_reference_has_nothing_to_score(experiment):
    experiment.only("clicks")
    experiment.settings["test"] = []
    experiment.write_all()
    with pytest.raises(ValueError, match="'tiny' has no events to score: test and events.validat"):
        experiment.evaluate()


def test_events_of_classes_that_are_not_scored_are_told(experiment):
    experiment.only()
    experiment.write_all()
    own = [event for events in experiment.events["field"].values() for event in events]
    other = [Event("r00", 1, 3, "rook"), Event("r00", 2, 4, "rook"), Event("r01", 1, 3, "jay")]
    write_events(experiment.path("events-field.csv"), own + other)
    found, text = experiment.evaluate()
    assert found["test"]["field"]["events_of_other_classes"] == {"jay": 1, "rook": 2}
    assert found["test"]["field"]["events"] == 18
    assert "events of field whose class is not scored: jay 1, rook 2" in text
    assert "not scored" in found["policy"]["other_classes"]


def test_a_decoding_is_chosen_by_the_scores_it_is_scored_by(experiment):
    """Validation events overlap and touch: each is to be found, in the choice and in the figures."""
    for name in ("r00", "r03"):
        experiment.events["pond"][name] += [
            Event(name, 2.0, 4.5, CLASSES[0]), Event(name, 4.5, 5.0, CLASSES[0])
        ]  # fmt: skip
    experiment.only(validation=["pond"])
    experiment.settings["ensembles"] = {"guess": ["first"]}
    grids = {"threshold": [0.9, 0.5], "filter_s": [0.3, 0.0]}
    about = dict.fromkeys(("gap_s", "minimum_s"), 0.0) | {"threshold": 0.5, "filter_s": 0.0}
    tuned = about | {"tune": "events", "grids": grids, "together": [], "per_class": True}
    experiment.settings["events"]["decodings"] = {"tuned": tuned}
    experiment.write_all()
    targets = experiment.path("targets.parquet")
    write_targets(targets, CLASSES, [("weak", "w0", 1, 0, 1, 0, 0)])
    tables = ({"pond": experiment.path(f"{kind}-pond.csv")} for kind in KINDS)
    decoding_choice.choose_decodings(
        {"pond": experiment.path("guess.pond.h5")}, {}, *tables, experiment.path("folds.csv"),
        targets, {"events": experiment.settings["events"], "train": ["weak"]},
        experiment.path("guess.json"),
    )  # fmt: skip
    found = experiment.evaluate()[0]
    own = found["ensembles"]["guess"]["decodings"]["tuned"]
    scored = own["validation"]["pond"]["events"]["classes"]
    assert own["tuned"]["figures"] == {name: scored[name]["f"] for name in CLASSES}
    assert own["tuned"]["figures"]["crow"] > 0
    assert sum(own["tuned"]["positives"].values()) == found["validation"]["pond"]["events"]


def test_differences_give_way_before_the_rows_that_frame_and_these_before_ensembles(done):
    found = json.loads(json.dumps(done[0]))
    decodings = found["ensembles"]["twin"]["decodings"]
    many = {**decodings, "by clips": decodings["tuned"]}
    found["ensembles"] = {
        f"ensemble {i}": found["ensembles"]["twin"] | {"decodings": many} for i in range(6)
    }
    found["baselines"]["oracle"] *= 4
    found["comparisons"] = (found["comparisons"] * 3)[:15]
    field = found["test"]["field"]
    field |= {"excluded": 1, "excluded_by_code": {"AUDIO_EMPTY": 1}}
    field["events_of_other_classes"] = {"rook": 2}
    found["not_scored"] = {f"marsh{i}": {"used": 3, "excluded": 0} for i in range(2)}
    lines = event_summary.text(found).splitlines()
    assert len(lines) <= 45
    assert sum(line.startswith("ensemble ") and "0." in line for line in lines) == 18
    assert "  and 14 more in events.json" in lines  # of 15 differences
    assert not any("more remarks" in line for line in lines)
    found["not_scored"] = {}
    field |= {"excluded": 0, "events_of_other_classes": {}}
    found["ensembles"].popitem()
    lines = event_summary.text(found).splitlines()
    assert sum(line.startswith("oracle") for line in lines) == 8  # all of them
    assert sum(line.endswith("more in events.json") for line in lines) == 1


def test_undefined_scores_are_null_and_shown_as_such(experiment):
    experiment.only()
    experiment.events["field"] = {name: [] for name in experiment.events["field"]}
    found, text = experiment.run()
    own = shown_for(found)
    assert own["events"]["macro"]["f"] is None
    assert own["psds1"]["psds"] is None
    assert "n/a [n/a, n/a]" in text


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["easy", "psds2"])
def test_thresholds_that_are_left_out_decide_nothing(name, seed):
    easy = psds.Scenario(Criteria(0.2, 0.2), alpha_ct=0.0, alpha_st=1.0, e_max=100.0)
    scenario = psds.SCENARIOS.get(name, easy)
    rng = np.random.default_rng(seed)
    n, n_frames = (6, 400) if seed % 2 else (3, 2000)
    rate = 10.0 if seed % 2 else 1.0  # long recordings: e_max is reached late
    ids = [f"r{i}" for i in range(n)]
    onsets = rng.uniform(0, 0.9 * n_frames / rate, (3 * n, 1))
    spans = np.hstack([onsets, onsets + 0.05 * n_frames / rate])
    events = [Event(ids[i % n], *s.tolist(), CLASSES[i % 2]) for i, s in enumerate(spans)]
    own = {one: [event for event in events if event.id == one] for one in ids}
    scores = {
        one: filtered_scores(
            0.15 * frame_targets(own[one], n_frames, rate, CLASSES)
            + 0.85 * rng.random((n_frames, len(CLASSES))),
            rate,
            9 / rate,
        )
        for one in ids
    }
    durations = dict.fromkeys(ids, n_frames / rate)
    found = psds.intersections(scores, events, durations, CLASSES, scenario, rate)
    weights = bootstrap_weights(np.array(ids), 40, rng)
    small = psds.trimmed(found, weights)
    assert len(small.of_class[0].recording) < len(found.of_class[0].recording) / 2
    expected = psds.psds(found, weights)
    assert 0 < expected.mean() < 1
    np.testing.assert_allclose(psds.psds(small, weights), expected, rtol=0, atol=TIGHT)


def test_files_that_do_not_belong_together_are_an_error(experiment):
    experiment.write_all()
    settings = experiment.settings
    settings["evaluation"]["compare"] = [["perfect", "strange"]]
    with pytest.raises(ValueError, match=r"compare names 'strange'; expected .*'perfect'"):
        experiment.evaluate()
    settings["evaluation"]["compare"] = []
    settings["events"]["decodings"]["other"] = {"tune": "none"}
    with pytest.raises(ValueError, match=r"perfect.json has no decoding 'other'"):
        experiment.evaluate()
    del settings["events"]["decodings"]["other"]
    settings["test"] = ["sea"]
    with pytest.raises(ValueError, match="ensemble 'perfect' has no frame scores of corpus 'sea'"):
        experiment.evaluate()
    settings["ensembles"] = {}
    with pytest.raises(ValueError, match="no ensemble to score events of"):
        experiment.evaluate()


def test_a_recording_without_frame_scores_is_an_error(experiment):
    experiment.write_all()
    experiment.events["field"]["r99"] = []
    blocks = [experiment.targets("field", "r00")]
    with writing_frames(experiment.path("twin.field.h5"), ["r00"], ["mean"], CLASSES, RATE) as put:
        put("mean", [0], [0.0], blocks)
    with pytest.raises(ValueError, match=r"twin.field.h5 has no scores of recording 'r01'"):
        experiment.evaluate()


def test_ensembles_of_other_classes_are_an_error(experiment):
    experiment.write_all()
    content = json.loads(experiment.path("twin.json").read_text()) | {"classes": ["a", "b", "c"]}
    artefacts.write_json(experiment.path("twin.json"), content)
    with pytest.raises(ValueError, match=r"twin.json has decodings of classes \['a', 'b', 'c'\]"):
        experiment.evaluate()


def test_scores_on_recordings_that_were_seen_in_pretraining_are_marked(experiment):
    rows = [(name, f"XC{i}") for i, name in enumerate(experiment.events["field"])]
    write_rows(experiment.path("sources.parquet"), SOURCES, rows)
    experiment.settings["pretraining"] = {
        "stages": {"first": {"Small": {"xeno_canto": 4}}, "second": {}},
        "networks": {"Small": {"licence": "CC0-1.0", "source": "the tests", "trained_on": ""}},
        "collections": {"field": None, "pond": None},
        "sources": {"field": experiment.path("sources.parquet")},
    }
    found, text = experiment.run()
    guess, twin = found["ensembles"]["guess"], found["ensembles"]["twin"]
    counted = {key: guess["pretraining"]["field"][key] for key in ("networks", "seen", "not_seen")}
    assert counted == {"networks": ["Small"], "seen": 5, "not_seen": 7}
    for marked, ensemble in ((True, guess), (False, twin)):
        shown = [one["test"]["field"] for one in ensemble["decodings"].values()]
        shown.append(ensemble["psds_unfiltered"]["test"]["field"])
        assert [one["seen_in_pretraining"] for one in shown] == [marked] * 3
    difference = next(one for one in found["comparisons"] if one["second"]["ensemble"] == "twin")
    assert difference["test"]["field"]["seen_in_pretraining"]
    assert "network Small: CC0-1.0, the tests" in text
    assert "~ field: 5 of 12 recordings seen in pretraining by Small: perfect, guess" in text
    macro_f = guess["pretraining"]["field"]["scores_not_seen"]["tuned"]["events"]["macro"]["f"]
    assert f"guess, tuned, on the 7 not seen: macro event F {macro_f:.3f}" in text
    # as if the others were all there is
    verdicts = [
        (name, "used" if i > 4 else "AUDIO_BROKEN", LENGTH_S) for i, (name, _) in enumerate(rows)
    ]
    columns = ("id", "verdict", "duration_s")
    artefacts.write_table(experiment.path("verdicts-field.csv"), columns, verdicts)
    others = experiment.evaluate()[0]["ensembles"]["guess"]
    for decoding, own in guess["pretraining"]["field"]["scores_not_seen"].items():
        expected = others["decodings"][decoding]["test"]["field"]
        assert own["events"]["macro"]["f"] == expected["events"]["macro"]["f"] < 1
