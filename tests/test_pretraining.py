"""Recordings that a pretrained network has seen: which they are, and what is said of scores on them."""

from types import SimpleNamespace

import pretrained_network as small
import pytest
import test_evaluation
import tiny
from sklearn.metrics import roc_auc_score
from test_pretrained import embedding_config

from dawnchorus.corpora.source_table import SOURCES
from dawnchorus.corpora.tables import write_rows
from dawnchorus.evaluation import pretraining_scores
from dawnchorus.evaluation.caveats import in_words
from dawnchorus.plan.network_use import pretraining
from dawnchorus.targets.leaks import check_test_leaks
from dawnchorus.targets.pretraining import seen

BIRDNET = {"xeno_canto": 694_204, "macaulay": 399_952_111}


@pytest.mark.parametrize(
    ("name", "collection", "expected"),
    [
        ("694204", "xeno_canto", True),
        ("694205", "xeno_canto", False),
        ("694204", None, False),  # whose number it is nobody has said
        ("site/XC12", None, True),
        ("XC12-robin", "macaulay", True),
        ("ML399952111", None, True),
        ("ML399952112", "xeno_canto", False),
        ("1-28135-A", "xeno_canto", False),  # a fold, a clip of another collection, a take
        ("12.mp3", "xeno_canto", True),
        ("robin12", "xeno_canto", False),
    ],
)
def test_numbers_tell_what_was_seen(name, collection, expected):
    found = seen([("field", name)], BIRDNET, {"field": collection}, {})
    assert found.tolist() == [expected]


def test_a_composed_clip_is_seen_where_one_of_its_sources_is():
    sources = {"field": {"a": ["1-28135-A", "12"], "b": ["1-28135-A"]}}
    recordings = [("field", "a"), ("field", "b"), ("field", "c")]
    found = seen(recordings, {"xeno_canto": "all"}, {"field": "xeno_canto"}, sources)
    assert found.tolist() == [True, False, False]


def test_what_teaches_a_stage_has_seen_for_it(tmp_path):
    card = small.write_card(tmp_path / "network", seen={"xeno_canto": 5})
    settings = embedding_config(card)
    settings["corpora"]["small"]["collection"] = "xeno_canto"
    settings["frontends"]["plain"] = tiny.config()["frontends"]["tiny"]
    plain = {"frontend": "plain", "model": {"name": "bulbul"}, "window": 170}
    settings["experiments"]["one"]["stages"] = {
        "alone": {"targets": {"from": "labels"}, **plain},
        "first": {"targets": {"from": "labels"}},
        "student": {
            "targets": {"from": "teachers", "stages": ["first"]}, **plain
        },
    }  # fmt: skip
    settings["experiments"]["one"]["ensembles"] = {"first": ["first"]}
    run = tiny.run_without_recordings(tmp_path, settings)
    about = pretraining(run, "one", ["small", "other"])
    own = {"Small": {"xeno_canto": 5}}
    assert about["stages"] == {"alone": {}, "first": own, "student": own}
    assert about["collections"] == {"small": "xeno_canto", "other": None}
    assert about["networks"]["Small"]["licence"] == "CC0-1.0"
    without = tiny.run_without_recordings(tmp_path, tiny.config())
    assert pretraining(without, "one", ["small"]) is None


def test_scores_on_recordings_that_were_seen_are_marked_and_the_others_stand_beside(tmp_path):
    made = test_evaluation.Experiment(tmp_path, test_evaluation.SPECIES)
    rows = [(f"r{i:02d}", str(100 + i)) for i in range(30)]
    write_rows(tmp_path / "sources.parquet", SOURCES, rows)
    # numbers up to 109: ten of thirty recordings out of fold, none that is tested
    made.settings["pretraining"] = {
        "stages": {"first": {"Small": {"xeno_canto": 109}}, "second": {}},
        "networks": {"Small": {"licence": "CC0-1.0", "source": "the tests", "trained_on": ""}},
        "collections": {"alpha": "xeno_canto", "field": None},
        "sources": {"alpha": str(tmp_path / "sources.parquet")},
    }
    metrics, summary = made.run()
    one, two = metrics["ensembles"]["one"], metrics["ensembles"]["two"]
    assert one["out_of_fold"]["seen_in_pretraining"]
    assert one["pretraining"]["out_of_fold"]["seen"] == 10
    assert not one["test"]["field"]["seen_in_pretraining"]
    assert not two["out_of_fold"]["seen_in_pretraining"]
    # of the ensemble of both as well, and of a difference with it
    assert metrics["ensembles"]["all"]["out_of_fold"]["seen_in_pretraining"]
    assert metrics["comparisons"][0]["out_of_fold"]["seen_in_pretraining"]
    assert in_words(one, metrics["policy"]) == [pretraining_scores.POLICY]
    _, targets, scores = made.arrays("one", "alpha", lambda name: name >= "r10")
    other = one["pretraining"]["out_of_fold"]["scores_not_seen"]
    assert other["auroc"] == pytest.approx(roc_auc_score(targets, scores, average="macro"))
    assert "network Small: CC0-1.0, the tests" in summary
    assert "~ out of fold: 10 of 30 recordings seen in pretraining by Small: one, all" in summary
    assert "one on the 20 not seen: AUROC" in summary


def test_leaks_count_what_was_seen(tmp_path):
    made = test_evaluation.Experiment(tmp_path)
    about = {
        "stages": {"first": {"Small": {"xeno_canto": "all"}}},
        "collections": {"alpha": None, "field": None}, "sources": {},
    }  # fmt: skip
    rows = [(f"r{i:02d}", f"XC{i}") for i in range(3)]
    write_rows(tmp_path / "sources.parquet", SOURCES, rows)
    about["sources"] = {"field": str(tmp_path / "sources.parquet")}
    output = tmp_path / "leaks.csv"
    given = (["alpha"], [], ["field"], made.labels, {}, output)
    check_test_leaks(*given, pretraining=about)
    lines = output.read_text().splitlines()
    assert lines[0].endswith(",seen_in_pretraining")
    assert [line.rpartition(",")[2] for line in lines[1:]] == ["0", "0", "3"]


def test_baselines_see_what_the_first_stage_sees_and_are_marked_as_it_is():
    about = {
        "stages": {"first": {"Small": {"xeno_canto": 9}}, "second": {}}, "networks": {},
        "collections": {"alpha": "xeno_canto", "field": None}, "sources": {},
    }  # fmt: skip
    truths = {"": SimpleNamespace(recordings=[("alpha", "9")]),
              "field": SimpleNamespace(recordings=[("field", "9")])}  # fmt: skip

    def parts():
        return {"out_of_fold": {}, "test": {"field": {}}}

    content = {
        "policy": {}, "ensembles": {"two": parts()}, "comparisons": [],
        "baselines": {
            "scores": {"two": parts()}, "comparisons": [{"first": "two", "second": "two", **parts()}]
        },
    }  # fmt: skip
    settings = {"pretraining": about, "stages": about["stages"], "ensembles": {"two": ["second"]}}
    pretraining_scores.mark_seen(content, {}, truths, settings, "")
    seen_there, not_there = {"seen_in_pretraining": True}, {"seen_in_pretraining": False}
    # the ensemble of the same name is of the other stage
    assert content["ensembles"]["two"]["out_of_fold"] == not_there
    for one in (*content["baselines"]["scores"].values(), *content["baselines"]["comparisons"]):
        assert (one["out_of_fold"], one["test"]["field"]) == (seen_there, not_there)
