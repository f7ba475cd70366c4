"""`dawnchorus plot`: figures from what a run has made, and from a sound and a config."""

import json
import shutil
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import soundfile
import yaml

from dawnchorus.cli import command
from dawnchorus.corpora import tables
from dawnchorus.corpora.tables import Labelled
from dawnchorus.formats.event import EVENTS, Event, write_events
from dawnchorus.plots import corpus_plot
from dawnchorus.runtime import artefacts
from dawnchorus.scores import score_files

SVG = "{http://www.w3.org/2000/svg}"


def texts(path):
    """What is written in an SVG."""
    return [element.text for element in ElementTree.parse(path).iter(f"{SVG}text")]


def labelled(name, group, *labels, is_labelled=True):
    return Labelled(name, "", group, "", "", is_labelled, labels)


def test_hours_by_class_site_and_month():
    recordings = [
        labelled("a/SITE7_20260501_040000.wav", "", "robin", "wren"),
        labelled("a/SITE7_20260601_040000.wav", "north", "robin"),
        labelled("b.wav", "", is_labelled=True),
        labelled("c.wav", "", is_labelled=False),
        labelled("excluded.wav", "north", "robin"),
    ]
    durations = {one.id: 3600.0 * (n + 1) for n, one in enumerate(recordings[:4])}
    assert corpus_plot.hours_of(recordings, durations) == {
        "class": {"robin": 3.0, "wren": 1.0, corpus_plot.NONE: 3.0, corpus_plot.UNKNOWN: 4.0},
        "site": {"SITE7": 1.0, "north": 2.0, corpus_plot.UNKNOWN: 7.0},
        "month": {"2026-05": 1.0, "2026-06": 2.0, corpus_plot.UNKNOWN: 7.0},
    }


@pytest.fixture
def experiment(tmp_path, tiny_shard):
    """Results of an experiment of two models on the recordings of a shard."""
    stored, ids = tiny_shard
    results = tmp_path / "results"
    (results / "spectrograms/tiny/c").mkdir(parents=True)
    shutil.copy(stored, results / "spectrograms/tiny/c/000.h5")
    stages = {"first": {"frontend": "tiny", "predict_frontend": None}}
    (results / "demo").mkdir()
    settings = {"experiments": {"demo": {"stages": stages}}}
    (results / "demo/config.yaml").write_text(yaml.safe_dump(settings))
    path = results / "demo/stages/first/scores.c.h5"
    onsets = np.arange(3.0)
    scores = np.linspace(0, 1, 18).reshape(3, 6)
    with score_files.writing_windows(path, ids, ["m1", "m2"], list("uvwxyz")) as put:
        put("m1", [1] * 3, onsets, onsets + 1, scores)
        put("m2", [1] * 3, onsets, onsets + 1, scores / 2)
    tables.write_rows(tables.events_path(results, "c", "1"), EVENTS, [(ids[1], 0.5, 1.0, "z")])
    index = tables.index_path(results, "c")
    index.write_text(json.dumps({"events": "1"}))
    write_events(results / "demo/detections/first.high.c.csv", [Event(ids[1], 0.25, 1.5, "z")])
    return results / "demo", ids[1]


def test_a_recording_has_its_scores_and_events(experiment, tmp_path):
    folder, name = experiment
    written = []
    for number in range(2):
        out = tmp_path / f"{number}.svg"
        assert command.main(["plot", "recording", str(folder), name, "--out", str(out)]) == 0
        written.append(out.read_bytes())
    assert written[0] == written[1]
    found = texts(tmp_path / "0.svg")
    assert f"{name}, stage first" in found
    # the five classes with the highest scores, and the lanes of both tables
    assert {"v", "w", "x", "y", "z", "known", "detected"} < set(found)
    assert "u" not in found


def test_a_recording_without_scores_is_named(experiment, tmp_path, capsys):
    folder, _ = experiment
    out = str(tmp_path / "x.svg")
    for arguments, said in (
        ([str(folder), "nosuch"], "recording 'nosuch' has no scores in 1 files"),
        ([str(tmp_path), "r01"], "has no config.yaml; expected the results of an experiment"),
        (
            [str(folder), "r01", "--stage", "last"],
            "stage 'last' is not there; expected one of first",
        ),
    ):
        assert command.main(["plot", "recording", *arguments, "--out", out]) == 2
        assert said in capsys.readouterr().err
    assert command.main(["plot", "corpus", "c", "--out", "x.pdf"]) == 2
    assert "x.pdf ends in '.pdf'; expected one of .svg, .png" in capsys.readouterr().err


def test_a_corpus_is_drawn_once_it_is_judged(tmp_path, capsys):
    results, out = tmp_path / "results", tmp_path / "hours.svg"
    row = {"id": "a.wav", "group": "north", "labelled": "1", "labels": "robin"}
    columns = tables.LABELS
    tables.write_rows(
        tables.labels_path(results, "c", "1"), columns, [[row.get(c, "") for c in columns]]
    )
    tables.index_path(results, "c").write_text(json.dumps({"labels": "1"}))
    drawn = ["plot", "corpus", "c", "--results", str(results), "--out", str(out)]
    assert command.main(drawn) == 2
    assert "run the workflow as far as rule judge" in capsys.readouterr().err
    verdicts = results / "audio/mono/c/verdicts.csv"
    columns = ("id", "verdict", "duration_s")
    rows = [("a.wav", "used", 7200), ("b.wav", "AUDIO_DECODE", 0)]
    artefacts.write_table(verdicts, columns, rows)
    assert command.main(drawn) == 0
    assert {"c: 1 recordings, 2.0 h", "robin", "north", "recorded hours"} < set(texts(out))


def test_a_frontend_and_an_augmentation_are_drawn_of_a_sound(tmp_path, rng, capsys):
    sound, out = tmp_path / "song.wav", tmp_path / "x.svg"
    soundfile.write(sound, 0.1 * rng.standard_normal(22050 * 15), 22050)
    assert command.main(["plot", "frontend", "bulbul", str(sound), "--out", str(out)]) == 0
    assert {"frontend bulbul", "song.wav, 80 bands"} < set(texts(out))
    png = tmp_path / "x.png"
    assert command.main(["plot", "augmentations", "demo", str(sound), "--out", str(png)]) == 0
    assert png.read_bytes().startswith(b"\x89PNG")
    sound.write_text("no sound")
    assert command.main(["plot", "frontend", "bulbul", str(sound), "--out", str(out)]) == 2
    assert "cannot be used: AUDIO_" in capsys.readouterr().err
    assert command.main(["plot", "frontend", "nosuch", str(sound), "--out", str(out)]) == 2
    assert "frontend 'nosuch' is not there; expected one of bulbul" in capsys.readouterr().err
