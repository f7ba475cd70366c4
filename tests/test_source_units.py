"""Sources that recordings are composed of: read, listed, counted, and the units of intervals."""

from pathlib import Path

import numpy as np
import pytest
import test_evaluation
import test_event_evaluation
from test_event_evaluation import CLASSES
from test_metrics import TIGHT

from dawnchorus.corpora import catalog, source_table
from dawnchorus.corpora.tables import Recording, write_rows
from dawnchorus.evaluation import event_scores
from dawnchorus.formats.event import Event
from dawnchorus.metrics import bootstrap, roc
from dawnchorus.runtime import seeds
from dawnchorus.settings import load
from dawnchorus.settings.corpus import ADAPTERS
from dawnchorus.targets.ground_truth import EventGroundTruth
from dawnchorus.targets.resampling_units import with_units

ROOT = Path(__file__).parents[1]
TABLE = "part,clip,sources\nalpha,r1,rain wren\nbeta,r2.wav,sea\nbeta,r3,rain  owl rain\nfield,r9,fire\n"
ABOUT = {"recording": "clip", "sources": "sources", "separator": " "}
RECORDINGS = [Recording(f"alpha/r{i}", f"data/r{i}.wav") for i in (1, 2, 3, 4)]


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "sources.csv"
    path.write_text(TABLE)
    return {"path": str(path), **ABOUT}


def test_recordings_are_found_by_id_file_name_or_stem(table):
    rows, notes = source_table.source_rows(table, RECORDINGS)
    assert rows == [
        ("alpha/r1", "rain"), ("alpha/r1", "wren"), ("alpha/r2", "sea"), ("alpha/r3", "owl"),
        ("alpha/r3", "rain"),
    ]  # fmt: skip
    assert notes == [
        "1 recordings have no source in sources.csv and are resampled with their group"
    ]


def test_a_recording_may_have_several_rows(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("recording,source\nalpha/r1,rain\nalpha/r1,wren;owl\n")
    about = {"path": str(path), "recording": "recording", "sources": "source", "separator": ";"}
    rows, _ = source_table.source_rows(about, RECORDINGS)
    assert rows == [("alpha/r1", one) for one in ("owl", "rain", "wren")]


@pytest.mark.parametrize(
    ("text", "recordings", "message"),
    [
        ("clip,sources\nr9,rain\n", RECORDINGS, r"names no source of a recording: the first is 'r9', "
         "expected names such as 'alpha/r1'"),
        (TABLE, [*RECORDINGS, Recording("beta/r1", "more/r1.ogg")],
         r"sources.csv, line 2: 'r1' may be 'alpha/r1', 'beta/r1'; expected a name .* write its id"),
        ("clip,source\nr1,rain\n", RECORDINGS, "no column 'sources'.*did you mean 'source'"),
    ],
)  # fmt: skip
def test_tables_that_say_something_else_are_refused(table, tmp_path, text, recordings, message):
    (tmp_path / "sources.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        source_table.source_rows(table, recordings)


def test_a_listed_corpus_has_a_table_of_sources_and_its_other_tables_stay(tmp_path, table):
    config = {"adapter": "folders", "root": str(tmp_path / "sound"), "shards": 1}
    for name in ("wren/r1.wav", "wren/r2.wav", "owl/r3.wav"):
        path = tmp_path / "sound" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    plain, composed = (
        catalog.list_corpus("c", ADAPTERS.validate(config | more), tmp_path / "results")
        for more in ({}, {"source_table": table})
    )
    digest = composed.pop("sources")
    found = source_table.read_sources(source_table.sources_path(tmp_path / "results", "c", digest))
    assert found == {"owl/r3": ["owl", "rain"], "wren/r1": ["rain", "wren"], "wren/r2": ["sea"]}
    assert composed == plain


def truth_of(groups):
    ids = [f"r{i}" for i in range(len(groups))]
    return EventGroundTruth(ids, {}, [], [], np.array(groups), {})


@pytest.fixture
def sources(tmp_path):
    """Paths of tables of two corpora: r0 and r1 share rain, r2 stands alone, r3 has none."""
    rows = [("r0", "rain"), ("r0", "wren"), ("r1", "rain"), ("r2", "owl"), ("r2", "sea")]
    write_rows(tmp_path / "sources.parquet", source_table.SOURCES, rows)
    return {"c": tmp_path / "sources.parquet"}


def units(truth, sources, how, corpora="cccc"):
    recordings = list(zip(corpora, truth.ids, strict=True))
    settings = {"evaluation": {"bootstrap": how}, "sources": sources}
    return with_units(truth, recordings, settings)


def test_groups_stay_where_they_are_the_units(sources):
    truth = truth_of(["a", "a", "b", "c"])
    assert units(truth, sources, "groups") == (truth, {})


def test_units_are_the_sources_or_the_group_of_a_recording_without_one(sources):
    found, counts = units(truth_of(["a", "a", "b", "c"]), sources, "sources")
    assert found.groups.tolist() == [
        ["source rain", "source wren"], ["source rain", ""], ["source owl", "source sea"], ["c", ""],
    ]  # fmt: skip
    assert counts == {"groups": 5, "sources": 5, "connected_sources": 3, "without_source": 1}


def test_recordings_that_share_a_source_through_others_are_one(sources, tmp_path):
    rows = [("r0", "a"), ("r0", "b"), ("r1", "b"), ("r1", "c"), ("r2", "c"), ("r3", "d")]
    write_rows(tmp_path / "sources.parquet", source_table.SOURCES, rows)
    found, counts = units(truth_of(list("wxyz")), sources, "connected_sources")
    _, codes = np.unique(found.groups, return_inverse=True)
    assert codes.tolist() == [0, 0, 0, 1]
    assert counts == {"groups": 2, "sources": 4, "connected_sources": 2, "without_source": 0}


@pytest.mark.parametrize("how", ["sources", "connected_sources"])
def test_no_recording_has_no_unit(sources, how):
    found, counts = units(truth_of(np.array([], np.str_)), sources, how, "")
    assert set(counts.values()) == {0}
    drawn = bootstrap.bootstrap_weights(found.groups, 3, np.random.default_rng(1))
    assert drawn.shape == (3, 0)


def test_a_source_of_two_corpora_is_one(sources):
    truth = truth_of(["a", "a", "b", "c"])
    both = sources | {"d": sources["c"]}
    assert units(truth, both, "sources", "cddd")[1]["connected_sources"] == 3
    assert units(truth, sources, "sources", "cddd")[0].groups[1].tolist() == ["a", ""]


def sources_of(experiment, corpus, n):
    """Write two of seven sources for each of n recordings; return them as pairs of numbers."""
    pairs = [(i % 7, (i + 1 + i // 7) % 7) for i in range(n)]
    names = [f"r{i:02d}" for i in range(n)]
    rows = [(name, f"s{one}") for name, own in zip(names, pairs, strict=True) for one in own]
    path = experiment.folder / f"sources-{corpus}.parquet"
    write_rows(path, source_table.SOURCES, sorted(set(rows)))
    experiment.settings["evaluation"]["bootstrap"] = "sources"
    experiment.settings.setdefault("sources", {})[corpus] = path
    return np.array(pairs)


def brute_force(pairs, n_replicates, seed):
    """Yield the recordings of each replicate, each as often as its sources' copies meet."""
    rng = seeds.generator(seed, "evaluation")
    for _ in range(n_replicates):
        drawn = rng.integers(7, size=7).tolist()
        yield [
            row for row, own in enumerate(pairs)
            for _ in range(np.prod([drawn.count(one) for one in set(own)]))
        ]  # fmt: skip


def test_intervals_of_clips_and_their_differences_are_those_of_two_way_resampling(tmp_path):
    experiment = test_evaluation.Experiment(tmp_path)
    pairs = sources_of(experiment, "field", 24)
    found, summary = experiment.run()
    replicates = list(brute_force(pairs, 50, 3))
    drawn = {}
    for name in ("one", "two"):
        _, targets, scores = experiment.arrays(name, "field")
        drawn[name] = np.array([roc.auroc(targets[r, 0], scores[r, 0]) for r in replicates])
        own = found["ensembles"][name]["test"]["field"]
        expected = bootstrap.interval(drawn[name], 0.9)
        np.testing.assert_allclose((own["low"], own["high"]), expected, atol=TIGHT)
        assert own["n_groups"] == 7
    pair = found["comparisons"][0]["test"]["field"]
    expected = bootstrap.interval(drawn["two"] - drawn["one"], 0.9)
    np.testing.assert_allclose((pair["low"], pair["high"]), expected, atol=TIGHT)
    assert found["policy"]["resampled"] == "sources"
    assert "(50 replicates over sources)" in summary
    assert "field: 24 recordings of 7 sources, connected sets: 1\n" in summary
    assert "units: sources, a recording weighs the product of their draws" in summary
    assert found["test"]["field"]["groups"] == 7
    assert found["training"]["without_source"] == 30


def copied(known, rows):
    """Return the events of some recordings, each time a recording comes under an id of its own."""
    return [
        event._replace(id=f"r{place}") for place, row in enumerate(rows)
        for event in known if event.id == f"r{row}"
    ]  # fmt: skip


def test_intervals_of_events_and_their_differences_are_those_of_two_way_resampling(rng, tmp_path):
    settings = test_event_evaluation.Experiment(tmp_path).settings
    pairs = np.array([(i % 7, (i + 1 + i // 7) % 7) for i in range(12)])
    events = [
        Event(f"r{i}", 2.0 * j, 2.0 * j + 1, rng.choice(CLASSES))
        for i in range(12)
        for j in range(3)
    ]
    found = [[one for one in events if rng.random() < share] for share in (0.4, 0.8)]
    truth = test_event_evaluation.known(events, 12, groups=pairs)
    measured = [event_scores.event_scores(truth, own, settings) for own in found]
    replicates = list(brute_force(pairs, 20, 3))
    drawn = np.full((2, 20), np.nan)
    for number, rows in enumerate(replicates):
        again = test_event_evaluation.known(copied(events, rows), len(rows))
        for one, own in enumerate(found):
            content = event_scores.event_scores(again, copied(own, rows), settings).content
            drawn[one, number] = content["events"]["macro"]["f"]
    for own, values in zip(measured, drawn, strict=True):
        interval = own.content["events"]["intervals"]["macro_f"]
        expected = bootstrap.interval(values, 0.9)
        np.testing.assert_allclose((interval["low"], interval["high"]), expected, atol=TIGHT)
    fields = {name: {"psds1": one, "psds2": one} for name, one in (("v", 0.0), ("r", np.zeros(20)))}
    whole = [
        one._replace(values=one.values | fields["v"], replicates=one.replicates | fields["r"])
        for one in measured
    ]
    change = event_scores.difference(*whole, settings)["event_macro_f"]
    expected = bootstrap.interval(drawn[1] - drawn[0], 0.9)
    np.testing.assert_allclose((change["low"], change["high"]), expected, atol=TIGHT)


def test_events_say_what_their_units_are(tmp_path):
    experiment = test_event_evaluation.Experiment(tmp_path)
    groups, _ = experiment.run()
    sources_of(experiment, "field", 12)
    found, text = experiment.evaluate()
    assert found["test"]["field"]["groups"] == found["test"]["field"]["sources"] == 7
    assert found["validation"]["pond"]["without_source"] == 6
    assert "replicates over sources" in text
    assert "field: 12 recordings of 7 sources, connected sets: 1\n" in text
    for ensemble in ("perfect", "guess"):
        own, before = (
            one["ensembles"][ensemble]["decodings"]["published"]["test"]["field"]
            for one in (found, groups)
        )
        for name in ("psds1", "psds2"):
            assert own[name]["psds"] == before[name]["psds"]
            assert (
                own[name]["high"] - own[name]["low"] >= before[name]["high"] - before[name]["low"]
            )
    assert before["psds1"]["high"] > before["psds1"]["low"]


CONFIG = """
corpora:
  c: {adapter: folders, root: sound%s}
experiments:
  e: {like: demo, train: [c], test: [], evaluation: {bootstrap: sources}, submission: {format: none}}
run: [e]
"""


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            "",
            r"experiments.e.evaluation.bootstrap: 'sources'; expected source_table in one of c, demo",
        ),
        (
            ", source_table: {path: none.csv}",
            r"corpora.c.source_table.path: 'none.csv' does not exist",
        ),
    ],
)
def test_a_bootstrap_over_sources_needs_a_table(tmp_path, monkeypatch, more, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sound").mkdir()
    (tmp_path / "own.yaml").write_text(CONFIG % more)
    with pytest.raises(ValueError, match=message):
        load.load(ROOT / "config.yaml", [tmp_path / "own.yaml"], {})
