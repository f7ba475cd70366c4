"""Annotated events beyond their recording: refused, dropped or cut, never unseen."""

from pathlib import Path

import pytest

from dawnchorus.audio import verdicts
from dawnchorus.audio.verdicts import Resampled
from dawnchorus.corpora import tables
from dawnchorus.formats.event import BANDS, PLACES, Event, places_path
from dawnchorus.formats.event import EVENTS as COLUMNS
from dawnchorus.plan.workflow_run import Run
from dawnchorus.runtime import artefacts
from dawnchorus.targets.event_bounds import Extent, hold_events, read_within, within
from dawnchorus.targets.ground_truth import read_event_set, read_test_set, read_training_set
from dawnchorus.targets.labels import labelled_recordings, training_labels

INSIDE = Event("a", 0.5, 1.0, "wren")
TO_THE_END = Event("a", 2.5, 3.0, "wren")
A_FRAME_LATE = Event("a", 2.5, 3.02, "wren")
CROSSING = Event("a", 2.9, 9.0, "wren")
AT_THE_END = Event("a", 3.0, 3.5, "wren")
OUTSIDE = Event("b", 30.0, 31.0, "robin")
EXCLUDED = Event("c", 30.0, 31.0, "robin")
EVENTS = [INSIDE, TO_THE_END, A_FRAME_LATE, CROSSING, AT_THE_END, OUTSIDE, EXCLUDED]
DEFAULT = {"outside": "error", "crossing": "clip"}


NO_BAND = (0.0, float("inf"))


@pytest.fixture
def corpus(tmp_path):
    """Return a function that writes the tables of a corpus; a and b are 3 s at 8 kHz, c is excluded."""

    def write(events, bands=None, places=False):
        bands = dict(zip(events, bands or [NO_BAND] * len(events), strict=True))
        rows = [Resampled(n, "used", "", 1, 0, 24000, 3.0, 8000, ()) for n in "ab"]
        rows.append(Resampled("c", "AUDIO_EMPTY", "", 0, 0, 0, 0.0, 0, ()))
        verdicts.write_shard_table(tmp_path / "000.csv", rows)
        table = tmp_path / "events.parquet"
        rows = [(*map(repr_of, one), *map(repr_of, bands[one])) for one in sorted(events)]
        tables.write_rows(table, (*COLUMNS, *BANDS), rows)
        if places:
            rows = [(f"t/{one.id}.txt, line {n}",) for n, one in enumerate(sorted(events), 2)]
            tables.write_rows(places_path(table), PLACES, rows)
        return table, [tmp_path / "000.csv"]

    return write


def repr_of(value):
    return value if isinstance(value, str) else repr(float(value))


def test_events_in_their_recordings_pass_without_a_word(corpus, caplog):
    with caplog.at_level("INFO", logger="dawnchorus"):
        policies = {"outside": "error", "crossing": "error"}
        inside = [INSIDE, TO_THE_END, A_FRAME_LATE, EXCLUDED]
        assert hold_events(*corpus(inside, [(0, 4000)] * 4), policies, "field") == {}
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("events", "policies", "words"),
    [
        ([OUTSIDE], DEFAULT, ["1 events of corpus field are outside of", "b robin 30-31 s of 3 s",
                              "corpora.field.outside: drop"]),
        ([AT_THE_END], DEFAULT, ["a wren 3-3.5 s of 3 s"]),
        ([CROSSING], {"outside": "drop", "crossing": "error"},
         ["1 events of corpus field are partly outside of", "a wren 2.9-9 s of 3 s",
          "corpora.field.crossing: clip"]),
        ([OUTSIDE._replace(onset_s=t, offset_s=t + 1.0) for t in range(4, 11)], DEFAULT,
         ["7 events", "b robin 8-9 s of 3 s; ..."]),
    ],
)  # fmt: skip
def test_events_beyond_the_end_are_refused_with_their_times(corpus, events, policies, words):
    with pytest.raises(ValueError, match="their recording") as error:
        hold_events(*corpus(events), policies, "field")
    assert all(word in str(error.value) for word in words), error.value


def test_a_message_names_file_and_line(corpus):
    with pytest.raises(ValueError, match=r"b robin 30-31 s of 3 s \(t/b.txt, line 3\); mend"):
        hold_events(*corpus([INSIDE, OUTSIDE], places=True), DEFAULT, "field")


@pytest.mark.parametrize(
    ("band", "key", "counts"),
    [
        ((4000.0, 9000.0), "outside", (1, 0)),
        ((3000.0, 5000.0), "crossing", (0, 1)),
        ((3000.0, 4000.5), "", (0, 0)),
        ((3000.0, float("inf")), "", (0, 0)),
    ],
)
def test_frequencies_over_those_of_the_recording(corpus, tmp_path, band, key, counts):
    paths = corpus([INSIDE, TO_THE_END], [NO_BAND, band])
    strict = {"outside": "error", "crossing": "error"}
    if key:
        with pytest.raises(ValueError, match=rf"{band[0]:g}-{band[1]:g} Hz of 4000 Hz.*{key}: "):
            hold_events(*paths, strict, "field")
    else:
        hold_events(*paths, strict, "field")
    found = read_within(paths[0], frame(tmp_path), "ab", "clip")
    assert (found.dropped, found.clipped) == counts
    assert [event.offset_s for event in found.events] == [1.0, 3.0][: 2 - counts[0]]
    assert read_within(paths[0], frame(tmp_path), "ab", "drop").dropped == sum(counts)


def frame(folder, lost=None):
    """The verdicts of the corpus, as its rule writes and reads them."""
    tables.write_rows(folder / "excluded.parquet", tables.EXCLUDED, [])
    verdicts.write_verdicts(
        [folder / "000.csv"], folder / "excluded.parquet", {"max_excluded": 1.0}, "field",
        folder / "verdicts.csv", lost,
    )  # fmt: skip
    return verdicts.read_verdicts(folder / "verdicts.csv")


@pytest.mark.parametrize(
    ("crossing", "kept", "counts"),
    [
        ("clip", [INSIDE, TO_THE_END, A_FRAME_LATE, CROSSING._replace(offset_s=3.0)], (2, 1)),
        ("drop", [INSIDE, TO_THE_END, A_FRAME_LATE], (3, 0)),
    ],
)
def test_what_is_dropped_or_cut_is_counted(corpus, caplog, crossing, kept, counts):
    with caplog.at_level("INFO", logger="dawnchorus"):
        hold_events(*corpus(EVENTS), {"outside": "drop", "crossing": crossing}, "field")
    assert "2 of 6 events of corpus field are outside of their recording and dropped" in caplog.text
    assert "1 of 6 events of corpus field are partly outside" in caplog.text
    found = within(EVENTS[:-1], {"a": Extent(3.0), "b": Extent(3.0)}, crossing)
    assert found.events == kept
    assert (found.dropped, found.clipped) == counts


def test_scores_know_only_events_in_their_recordings(corpus, tmp_path):
    events, _ = corpus(EVENTS)
    frame(tmp_path)
    rows = [(name, "strong", "", "", "", "", 1, "robin;wren", "", "") for name in "abc"]
    tables.write_rows(tmp_path / "labels.csv", tables.LABELS, rows)
    for crossing, ends in (("clip", [1.0, 3.0, 3.0, 3.02]), ("drop", [1.0, 3.0, 3.02])):
        found = read_event_set(
            "field", tmp_path / "labels.csv", tmp_path / "verdicts.csv", events, ["robin", "wren"],
            crossing,
        )  # fmt: skip
        assert sorted(event.offset_s for event in found.events) == ends
        assert found.excluded["events_dropped"] == 6 - len(ends)
        assert found.excluded["events_clipped"] == (crossing == "clip")


def test_a_class_without_events_left_is_no_label(corpus, tmp_path):
    """In folds, targets and the truth that scores are held against; a part of its events is enough."""
    policies = {"outside": "drop", "crossing": "drop"}
    lost = hold_events(*corpus(EVENTS), policies, "field")
    assert lost == {"b": ["robin"]}
    frame(tmp_path, lost)
    labels, path = {"field": tmp_path / "labels.csv"}, {"field": tmp_path / "verdicts.csv"}
    rows = [(name, "strong", "", "", "", "", 1, "robin;wren", "", "") for name in "abc"]
    tables.write_rows(labels["field"], tables.LABELS, rows)
    found = {r.id: r.labels for _, r in labelled_recordings(["field"], labels, path)}
    assert found == {"a": ("robin", "wren"), "b": ("wren",)}
    artefacts.write_table(
        tmp_path / "folds.csv", ("corpus", "id", "fold"), [("field", "a", 1), ("field", "b", 2)]
    )
    _, truth = training_labels(["field"], labels, tmp_path / "folds.csv", path)
    assert truth["field", "b"] == ("wren",)
    tested, _ = read_test_set("field", labels, path, ["robin", "wren"], "group")
    assert tested.targets.tolist() == [[1, 1], [0, 1]]
    trained, counts = read_training_set(
        labels, tmp_path / "folds.csv", ["robin", "wren"], {"by": "group", "count": None}, path,
        ["field"],
    )  # fmt: skip
    assert trained.targets.tolist() == [[1, 1], [0, 1]]
    assert counts["excluded_by_code"] == {"AUDIO_EMPTY": 1}


def test_jobs_read_the_verdicts_of_corpora_that_may_lose_classes():
    policies = {"a": ("drop", "clip"), "b": ("error", "drop"), "c": ("error", "clip")}
    config = {
        "corpora": {k: {"outside": o, "crossing": c} for k, (o, c) in policies.items()},
        "frontends": {"f": {"audio": "r"}},
        "experiments": {"x": {"frontend": "f"}},
    }
    index = {name: {"events": "0"} for name in policies} | {"d": {}}
    found = Run(config, index, Path()).losing("x", ["a", "b", "c", "d"])
    assert found == {name: f"results/audio/r/{name}/verdicts.csv" for name in "ab"}
