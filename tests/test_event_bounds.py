"""Annotated events beyond the end of their recording: refused, dropped or cut, never unseen."""

import pytest

from dawnchorus.audio.verdicts import VERDICT_COLUMNS
from dawnchorus.corpora import tables
from dawnchorus.formats.event import Event, write_events
from dawnchorus.runtime import artefacts
from dawnchorus.targets.event_bounds import check_bounds, within
from dawnchorus.targets.ground_truth import read_event_set

INSIDE = Event("a", 0.5, 1.0, "wren")
TO_THE_END = Event("a", 2.5, 3.0, "wren")
A_FRAME_LATE = Event("a", 2.5, 3.02, "wren")
CROSSING = Event("a", 2.9, 9.0, "wren")
AT_THE_END = Event("a", 3.0, 3.5, "wren")
OUTSIDE = Event("b", 30.0, 31.0, "robin")
EXCLUDED = Event("c", 30.0, 31.0, "robin")
EVENTS = [INSIDE, TO_THE_END, A_FRAME_LATE, CROSSING, AT_THE_END, OUTSIDE, EXCLUDED]
DEFAULT = {"outside": "error", "crossing": "clip"}


@pytest.fixture
def corpus(tmp_path):
    """Return a function that writes the tables of a corpus and returns events and verdicts."""

    def write(events):
        rows = [(n, "used", "", "", 3.0) for n in "ab"] + [("c", "AUDIO_EMPTY", "", "", 0.0)]
        artefacts.write_table(tmp_path / "verdicts.csv", VERDICT_COLUMNS, rows)
        write_events(tmp_path / "events.csv", events)
        return tmp_path / "events.csv", tmp_path / "verdicts.csv"

    return write


def test_events_in_their_recordings_pass_without_a_word(corpus, caplog):
    with caplog.at_level("INFO", logger="dawnchorus"):
        check_bounds(
            *corpus([INSIDE, TO_THE_END, A_FRAME_LATE, EXCLUDED]),
            {"outside": "error", "crossing": "error"}, "field",
        )  # fmt: skip
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("events", "policies", "words"),
    [
        ([OUTSIDE], DEFAULT, ["1 events of corpus field begin after", "b robin 30-31 s of 3 s",
                              "corpora.field.outside: drop"]),
        ([AT_THE_END], DEFAULT, ["a wren 3-3.5 s of 3 s"]),
        ([CROSSING], {"outside": "drop", "crossing": "error"},
         ["1 events of corpus field end after", "a wren 2.9-9 s of 3 s",
          "corpora.field.crossing: clip"]),
        ([OUTSIDE._replace(onset_s=t, offset_s=t + 1.0) for t in range(4, 11)], DEFAULT,
         ["7 events", "b robin 8-9 s of 3 s, ..."]),
    ],
)  # fmt: skip
def test_events_beyond_the_end_are_refused_with_their_times(corpus, events, policies, words):
    with pytest.raises(ValueError, match="end of their recording") as error:
        check_bounds(*corpus(events), policies, "field")
    assert all(word in str(error.value) for word in words), error.value


@pytest.mark.parametrize(
    ("crossing", "kept", "counts"),
    [
        ("clip", [INSIDE, TO_THE_END, A_FRAME_LATE, CROSSING._replace(offset_s=3.0)], (2, 1)),
        ("drop", [INSIDE, TO_THE_END, A_FRAME_LATE], (3, 0)),
    ],
)
def test_what_is_dropped_or_cut_is_counted(corpus, caplog, crossing, kept, counts):
    paths = corpus(EVENTS)
    with caplog.at_level("INFO", logger="dawnchorus"):
        check_bounds(*paths, {"outside": "drop", "crossing": crossing}, "field")
    assert "2 of 6 events of corpus field are dropped" in caplog.text
    assert "1 of 6 events of corpus field are" in caplog.text
    found = within(EVENTS[:-1], {"a": 3.0, "b": 3.0}, crossing)
    assert found.events == kept
    assert (found.dropped, found.clipped) == counts


def test_scores_know_only_events_in_their_recordings(corpus, tmp_path):
    events, verdicts = corpus(EVENTS)
    labels = tmp_path / "labels.csv"
    rows = [(name, "strong", "", "", "", "", 1, "robin;wren", "", "") for name in "abc"]
    tables.write_rows(labels, tables.LABELS, rows)
    for crossing, ends in (("clip", [1.0, 3.0, 3.0, 3.02]), ("drop", [1.0, 3.0, 3.02])):
        found = read_event_set("field", labels, verdicts, events, ["robin", "wren"], crossing)
        assert sorted(event.offset_s for event in found.events) == ends
        assert found.excluded["events_dropped"] == 6 - len(ends)
        assert found.excluded["events_clipped"] == (crossing == "clip")
