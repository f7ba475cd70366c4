"""Detections counted against the hours recorded, and the picture of it."""

import csv
import math
from datetime import datetime

import numpy as np
import pytest
import soundfile

from dawnchorus.cli import command
from dawnchorus.exported import detections
from dawnchorus.exported.detection_counts import (
    Cell,
    Recording,
    counts_of,
    effort_of,
    read_effort,
)
from dawnchorus.plots import activity_plot

RATE = 4000  # Hz
START = datetime(2024, 5, 1, 22, 30)


def table(*rows):
    """Detections (file, onset, class, score[, time]) of a second."""
    rows = [(*row, None)[:5] for row in rows]
    files, onsets, classes, scores, times = zip(*rows, strict=True)
    return detections.table_of({
        "file": files, "onset": onsets, "offset": [one + 1 for one in onsets], "class": classes,
        "score": scores, "time": times,
    })  # fmt: skip


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_recording_counts_in_each_clock_hour_by_its_part():
    found = effort_of([Recording("a", "oak", START, 3 * 3600.0)])
    assert found == {
        Cell("oak", "2024-05-01", "22"): 0.5, Cell("oak", "2024-05-01", "23"): 1.0,
        Cell("oak", "2024-05-02", "00"): 1.0, Cell("oak", "2024-05-02", "01"): 0.5,
    }  # fmt: skip


def test_hours_add_up_whatever_the_recordings(rng):
    given = [
        Recording(str(i), "oak", START.replace(minute=int(rng.integers(60))), float(s))
        for i, s in enumerate(rng.integers(0, 20_000, 50))
    ]
    given.append(Recording("x", "oak", None, 1800.0))
    found = effort_of(given)
    assert math.fsum(found.values()) * 3600 == pytest.approx(sum(one.duration_s for one in given))
    assert found[Cell("oak", "", "")] == 0.5
    timed = [hours for cell, hours in found.items() if cell.date]
    assert all(hours > 0 for hours in timed)


def test_detections_count_where_their_onset_lies():
    found = counts_of(table(
        ("oak_20240501_225900.wav", 59.0, "owl", 0.9),
        ("oak_20240501_225900.wav", 60.0, "owl", 0.9),
        ("oak_20240501_225900.wav", 61.0, "owl", 0.9),
        ("oak_20240501_225900.wav", 61.0, "rail", 0.9),
        ("pond/r1.wav", 5.0, "owl", 0.9),
        ("pond/r2.wav", 5.0, "owl", 0.9, "2024-05-03T04:00:00+02:00"),
    ), 0.5)  # fmt: skip
    assert found == {
        ("owl", Cell("oak", "2024-05-01", "22")): 1, ("owl", Cell("oak", "2024-05-01", "23")): 2,
        ("rail", Cell("oak", "2024-05-01", "23")): 1, ("owl", Cell("pond", "", "")): 1,
        ("owl", Cell("pond", "2024-05-03", "04")): 1,
    }  # fmt: skip


def test_thresholds_may_be_those_of_classes():
    given = table(("a", 0.0, "owl", 0.5), ("a", 1.0, "rail", 0.5), ("a", 2.0, "wren", 1.0))
    assert sum(counts_of(given, 0.5).values()) == 3
    found = counts_of(given, {"owl": 0.5, "rail": 0.6})
    assert found == {("owl", Cell("", "", "")): 1}


def test_the_effort_says_when_and_where_a_recording_was(tmp_path):
    path = tmp_path / "effort.csv"
    path.write_text("file,duration,site,time\na.wav,3600,oak,2024-05-01T10:00:00\n"
                    "pond_20240501_110000.wav,60,,\n")  # fmt: skip
    recordings, unreadable = read_effort(path)
    assert unreadable == []
    assert effort_of(recordings) == {
        Cell("oak", "2024-05-01", "10"): 1.0, Cell("pond", "2024-05-01", "11"): 1 / 60
    }  # fmt: skip
    found = counts_of(table(("a.wav", 1.0, "owl", 0.5)), 0.0, recordings)
    assert found == {("owl", Cell("oak", "2024-05-01", "10")): 1}
    with pytest.raises(
        ValueError, match=r"1 recordings with detections are not in the effort: 'b'"
    ):
        counts_of(table(("b", 1.0, "owl", 0.5)), 0.0, recordings)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("file,seconds\na,1\n", "no column 'duration'"),
        ("file,duration\na,1h\n", "line 2: duration is '1h', expected a finite number"),
        ("file,duration\na,-1\n", "line 2: duration is -1; expected seconds, 0 or more"),
        ("file,duration,time\na,1,noon\n", "line 2: time is 'noon'; expected ISO 8601"),
        ("file,duration\na,1\na,2\n", "has 'a' twice"),
    ],
)
def test_a_bad_table_of_effort_is_one_sentence(tmp_path, content, said):
    (tmp_path / "effort.csv").write_text(content)
    with pytest.raises(ValueError, match=said):
        read_effort(tmp_path / "effort.csv")


def test_a_folder_without_recordings_is_no_effort(tmp_path):
    with pytest.raises(ValueError, match="has no recording that can be read"):
        read_effort(tmp_path)


# the command


@pytest.fixture
def field(tmp_path):
    """Recordings at two sites, of which one cannot be read, and detections."""
    for name, seconds in (
        ("oak/oak_20240501_055930.wav", 60),
        ("pond/pond_20240502_060000.wav", 90),
    ):
        path = tmp_path / "audio" / name
        path.parent.mkdir(parents=True)
        soundfile.write(path, np.zeros(seconds * RATE), RATE)
    (tmp_path / "audio/pond/broken.wav").write_bytes(b"RIFF")
    detections.write(tmp_path / "d.csv", table(
        ("oak/oak_20240501_055930.wav", 0.0, "owl", 0.9),
        ("oak/oak_20240501_055930.wav", 45.0, "owl", 0.8),
        ("pond/pond_20240502_060000.wav", 3.0, "owl", 0.3),
        ("pond/pond_20240502_060000.wav", 4.0, "rail", 0.7),
    ))  # fmt: skip
    return tmp_path


def summarise(folder, *given):
    given = ["summarise", folder / "d.csv", "--out", folder / "out", *given]
    return command.main(list(map(str, given)))


def test_counts_stand_beside_the_hours_recorded(field, capsys):
    assert summarise(field, "--effort", field / "audio", "--threshold", 0.5) == 0
    rows = [tuple(row.values()) for row in rows_of(field / "out/counts.csv")]
    assert rows == [
        ("owl", "oak", "2024-05-01", "05", "1", "0.00833333", "120"),
        ("owl", "oak", "2024-05-01", "06", "1", "0.00833333", "120"),
        ("rail", "pond", "2024-05-02", "06", "1", "0.025", "40"),
    ]
    assert len(rows_of(field / "out/effort.csv")) == 3
    told = capsys.readouterr()
    assert "left out of the effort: pond/broken.wav" in told.err
    assert told.out.startswith("3 detections in 0.0 recorded hours\n")
    assert (field / "out/activity.png").read_bytes().startswith(b"\x89PNG")


def test_the_folder_that_was_scored_is_the_effort_however_it_was_named(field, monkeypatch):
    assert summarise(field, "--effort", field / "audio") == 0
    expected = (field / "out/counts.csv").read_bytes()
    monkeypatch.chdir(field)
    rows = detections.read("d.csv").to_pylist()
    for start in (
        "audio",
        field / "audio",
    ):  # as `predict audio` and `predict /data/audio` name files
        moved = [(f"{start}/{r['file']}", r["onset"], r["class"], r["score"]) for r in rows]
        detections.write(field / "d.csv", table(*moved))
        assert summarise(field, "--effort", "audio") == 0
        assert (field / "out/counts.csv").read_bytes() == expected


def test_thresholds_of_a_review_are_taken(field, capsys):
    (field / "t.csv").write_text("class,threshold,precision\nowl,0.85,0.9\n")
    assert summarise(field, "--threshold", field / "t.csv") == 0
    rows = rows_of(field / "out/counts.csv")
    assert [(row["class"], row["detections"], row["hours"]) for row in rows] == [("owl", "1", "")]
    assert "(no --effort, so no rates)" in capsys.readouterr().out
    assert summarise(field, "--threshold", "high") == 2
    assert "expected a number or a CSV of thresholds" in capsys.readouterr().err


def test_without_a_time_there_is_no_picture_and_a_note(tmp_path, capsys):
    detections.write(tmp_path / "d.csv", table(("r1.wav", 0.0, "owl", 0.9)))
    assert summarise(tmp_path) == 0
    told = capsys.readouterr()
    assert "note: no picture: no detection has a time" in told.err
    assert "1 of them have no time" in told.out
    assert not (tmp_path / "out/activity.png").exists()


# the picture


def picture(tmp_path, counts, effort):
    import matplotlib.image

    activity_plot.draw_activity(counts, effort, tmp_path / "p.png", "title")
    return (matplotlib.image.imread(tmp_path / "p.png")[..., :3] * 255).round().astype(int)


def test_hours_without_a_recording_are_grey_and_silent_ones_white(tmp_path):
    cells = [Cell("oak", "2024-05-01", f"{hour:02}") for hour in (5, 6)]
    found = picture(tmp_path, {("owl", cells[0]): 3}, dict.fromkeys(cells, 1.0))
    left, width = activity_plot._PANELS["hour"]
    row = activity_plot._TOP + activity_plot._LEAST // 2
    hours = [tuple(found[row, left + round(width * (hour + 0.5) / 24)]) for hour in range(24)]
    grey, white = (0xD9,) * 3, (255,) * 3
    assert [hours[hour] for hour in (4, 6, 7)] == [grey, white, grey]
    assert hours[5] not in (grey, white)


def test_equal_content_is_an_equal_picture_and_many_classes_are_cut(tmp_path):
    cell = Cell("oak", "2024-05-01", "05")
    counts = {(f"class $x$ {i}", cell): i + 1 for i in range(activity_plot.MOST_CLASSES + 5)}
    activity_plot.draw_activity(counts, None, tmp_path / "a.png")
    activity_plot.draw_activity(counts, None, tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    few = dict(list(counts.items())[5:])
    activity_plot.draw_activity(few, None, tmp_path / "c.png")
    shapes = [(tmp_path / f"{name}.png").read_bytes()[16:24] for name in "ac"]
    assert shapes[0] == shapes[1]


def test_a_gap_in_the_dates_is_drawn_and_one_of_years_is_not(tmp_path):
    grey = (0xD9,) * 3
    left, width = activity_plot._PANELS["date"]
    row = activity_plot._TOP + activity_plot._LEAST // 2
    for last, n_columns in (("2024-05-04", 4), ("2026-05-01", 2)):
        cells = [Cell("oak", day, "05") for day in ("2024-05-01", last)]
        found = picture(tmp_path, {("owl", cell): 1 for cell in cells}, dict.fromkeys(cells, 1.0))
        columns = [
            tuple(found[row, left + round(width * (i + 0.5) / n_columns)]) for i in range(n_columns)
        ]
        assert [column == grey for column in columns] == [False, *[True] * (n_columns - 2), False]
