"""What frames and a decoder reach at most, before anything is trained."""

import copy

import numpy as np
import pytest
import tiny

from dawnchorus.evaluation.ceiling import ceiling, ceiling_sentence
from dawnchorus.formats.event import Event
from dawnchorus.plan.recordings_check import ceiling_notes
from dawnchorus.settings.load import compose

COLLAR = {"onset_s": 0.02, "offset_s": 0.02, "offset_share": 0.2}
PLAIN = {"collar": COLLAR, "decodings": {"plain": {"tune": "none"}}}


def song(gap_s, n=20, length_s=0.05, label="a", recording="r0"):
    """Events of one length at equal distances, off the frames' borders."""
    onsets_s = 0.1037 + (length_s + gap_s) * np.arange(n)
    return [Event(recording, float(x), float(x + length_s), label) for x in onsets_s]


def test_sharp_frames_reach_all_and_coarse_ones_do_not():
    events = song(0.2) + song(0.2, label="b", recording="r1")
    assert ceiling(events, 200.0, PLAIN) == (1.0, {"a": 1.0, "b": 1.0})
    assert ceiling_sentence(events, 200.0, PLAIN) is None
    f, _ = ceiling(events, 12.5, PLAIN)  # frames of 80 ms, a collar of 20 ms
    assert f < 0.5
    said = ceiling_sentence(events, 12.5, PLAIN, n_pooled=4)
    assert said.startswith("frames of 80 ms (4 of the frontend's for each score of the model)")
    assert f"macro event F {f:.2f} at most" in said
    # eight frames in an event, the shortest window, half an event
    assert (
        "events of 50 to 50 ms ask for a hop of 6 ms, windows of 0.5 s and a collar of 20 ms"
        in said
    )
    assert ceiling_sentence([], 12.5, PLAIN) is None


def test_events_that_touch_are_named_with_their_gaps():
    events = song(0.2) + song(0.002, label="b")
    f, by_class = ceiling(events, 200.0, PLAIN)
    assert by_class["a"] == 1.0
    assert by_class["b"] < 0.1
    assert f == pytest.approx(np.mean(list(by_class.values())))
    said = ceiling_sentence(events, 200.0, PLAIN)
    assert f"b {by_class['b']:.2f} (half of its gaps under 2 ms); events" in said


def test_events_that_overlap_another_of_their_class_are_said_to():
    events = [Event("r", k * 0.3, k * 0.3 + 0.5, "a") for k in range(8)]
    assert "a 0.00 (half of its events begin before the one before them ends)" in ceiling_sentence(
        events, 200.0, PLAIN
    )


def test_a_filter_longer_than_events_is_seen_and_a_grid_may_leave_it_out():
    events = song(0.2)
    settings = {"collar": COLLAR, "decodings": {"slow": {"tune": "none", "filter_s": {"a": 0.5}}}}
    assert ceiling(events, 200.0, settings)[0] == 0
    tuned = {"tune": "events", "filter_s": 0.5, "grids": {"filter_s": [0.3, 0.0]}}
    settings["decodings"]["tuned"] = tuned
    assert ceiling(events, 200.0, settings)[0] == 1
    tuned["grids"] = {"filter_s": [0.3], "gap_s": [0.0]}
    assert ceiling(events, 200.0, settings)[0] == 0


def test_of_many_events_a_part_is_looked_at():
    events = [e for i in range(50) for e in song(0.2, n=1000, recording=f"r{i:02d}")]
    assert ceiling(events, 200.0, PLAIN)[0] == 1


def test_the_step_of_the_model_counts_at_the_start_of_a_run():
    """The frontend's frames of 20 ms are fine enough, eight of them for a score are not."""
    overlay = tiny.ROOT / "experiments/serizel2018.yaml"
    config = copy.deepcopy(compose(tiny.ROOT / "config.yaml", [overlay], {}))
    (name,) = config["run"]
    events = song(0.5, length_s=0.4)

    def notes(read=lambda corpus: events, is_new=lambda name: True):
        return ceiling_notes(config, read, is_new)

    experiment = config["experiments"][name]
    experiment["events"]["collar"] = {"onset_s": 0.1, "offset_s": 0.1, "offset_share": 0.2}
    experiment["events"]["decodings"] = {"plain": {"tune": "none"}}
    assert notes() == []
    for stage in experiment["stages"].values():
        stage["model"] = {**stage["model"], "frame_pools": [8, 2, 2]}
    found = notes()
    assert len(found) == 1
    assert found[0].startswith(
        f"experiments.{name}: frames of 640 ms (32 of the frontend's for each"
    )
    assert notes(read=lambda corpus: []) == notes(is_new=lambda name: False) == []
