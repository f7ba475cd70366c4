"""The system of dsr2019 whole: from an API on this machine to an exported model that is applied.

Its own experiment file runs at widths for a CPU on recordings that are synthesised here.
"""

import contextlib
import csv
import io
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import page_server
import pytest
import soundfile
import xeno_canto_server as made
import yaml

from dawnchorus.exported import detections, model_file
from dawnchorus.scores import score_files

pytestmark = pytest.mark.slow  # a minute or more of whole runs

ROOT = Path(__file__).parents[1]
RATE = 22_050
KEY = "a-key-that-is-written-nowhere"
SPECIES = {"Turdus merula": 1500, "Parus major": 3500, "Sylvia atricapilla": 6000}  # Hz


def song(hertz, seconds, rng):
    """Return phrases of a species over noise, as a WAV file."""
    times = np.arange(int(seconds * RATE)) / RATE
    waveform = rng.normal(0, 0.003, len(times))
    # two phrases with a pause of 2 s between them
    for onset, offset in ((0.5, 0.45 * seconds), (0.45 * seconds + 2, seconds - 0.5)):
        inside = (times > onset) & (times < offset)
        sweep = hertz * (1 + 0.15 * np.sin(2 * np.pi * 5 * times[inside] + rng.uniform(0, 6)))
        waveform[inside] += 0.3 * np.sin(2 * np.pi * np.cumsum(sweep) / RATE)
    file = io.BytesIO()
    soundfile.write(file, waveform, RATE, format="WAV")
    return file.getvalue()


def overlay(server, pages=2):
    """Return the experiment with a narrow network, its corpus behind a server of this machine."""
    narrow = {
        "like": "dsr2019-zilpzalp", "train": ["birds"], "model": {"filters": [4, 8, 8, 8]},
        "training": {"epochs": 3, "batch_size": 8, "learning_rate": 0.01, "resample": {"most": 12}},
        "segments": {"step_s": 1.25}, "folds": {"shares": {"test": 0.25}},
        "evaluation": {"replicates": 100, "top_k": 2}, "drawn": ["first"],
    }  # fmt: skip
    return {
        "run": ["small", "small-faults"],
        "corpora": {
            "birds": {
                "like": "xeno-canto", "shards": 1, "folder": "birds", "max_excluded": 0.1,
                "query": {"country": None, "species": list(SPECIES)},
                "choice": {"classes": 3, "slices": 30, "safety": 1.0},
                "access": {
                    "api": server.api, "hosts": [server.host], "requests_per_second": 500.0,
                    "key_variable": "TEST_KEY_OF_XC",
                },
            },
        },
        "experiments": {
            "small": narrow,
            "small-faults": {
                "like": "small", "segments": {"min_max": "training", "predict_from": "signal"},
                "pooling": "last", "drawn": [], "export": [], "database": False,
                "augmentation": {"count": 3, "methods": {"roll_axes": {}, "normal_noise": {}}},
            },
        },
    }  # fmt: skip


def rows_of(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def pairs(value):
    """Yield keys and values of a JSON document, at any depth."""
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield key, inner
        yield from pairs(inner)


def ran(folder, *arguments):
    return subprocess.run(
        [
            sys.executable, "-m", "snakemake", "--cores", "2", "-s", str(ROOT / "Snakefile"),
            "--directory", str(folder), "--configfile", str(ROOT / "experiments/dsr2019.yaml"),
            str(folder / "small.yaml"), "--", *arguments,
        ],
        env={**os.environ, "TEST_KEY_OF_XC": KEY}, capture_output=True, text=True, timeout=1800,
    )  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder in which the system was acquired and built, and what was asked of the server."""
    folder = tmp_path_factory.mktemp("dsr2019")
    rng = np.random.default_rng(2019)
    with made.running() as server:
        server.page = 7
        number = 100
        for species, hertz in SPECIES.items():
            for _ in range(8):
                number += 1
                genus, _, epithet = species.partition(" ")
                server.recordings.append(
                    made.api_recording(
                        number, genus, epithet, server.host, length="0:16", also=["Corvus corax"]
                    )
                )
                server.files[f"/{number}/download"] = song(hertz, 16.0, rng)
        server.files["/103/download"] = b"<html>log in</html>"
        server.faults["/104/download"] = [made.cut(5000), made.status(429, Retry_After="0")]
        (folder / "small.yaml").write_text(yaml.safe_dump(overlay(server), sort_keys=False))
        before = ran(folder)
        assert before.returncode != 0
        assert "birds/lock.csv does not exist; expected the recordings" in before.stderr
        acquired = ran(folder, "acquire")
        assert acquired.returncode == 0, acquired.stdout + acquired.stderr
        asked = list(server.asked)
    # the server is gone: nothing from here on may need it
    done = ran(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, asked


def test_what_was_acquired_is_locked_and_attributed(built):
    folder, asked = built
    lock = rows_of(folder / "birds/lock.csv")
    assert len(lock) == 23  # one was no sound
    files = {path.name for path in (folder / "birds/audio").iterdir()}
    assert files == {row["file"] for row in lock}
    assert sum(path == "/103/download" for path, *_ in asked) == 1
    named = (folder / "results/small/ATTRIBUTION.csv").read_text()
    assert named == (folder / "birds/ATTRIBUTION.csv").read_text()
    assert "https://creativecommons.org/licenses/by-nc-sa/4.0/" in named
    for path in folder.rglob("*"):
        if path.is_file():
            assert KEY.encode() not in path.read_bytes(), path


def test_the_scores_are_those_of_the_clip_rules(built):
    folder, _ = built
    for experiment in ("small", "small-faults"):
        metrics = json.loads((folder / f"results/{experiment}/metrics.json").read_text())
        found = {key for key, _ in pairs(metrics["ensembles"]["first"])}
        assert {"top1_accuracy", "top2_accuracy", "confusion"} <= found
    history = rows_of(folder / "results/small/stages/first/f1p0s1.history.csv")
    rates = [float(row["rate"]) for row in history]
    np.testing.assert_allclose(rates, [0.01, 0.0095, 0.009025], rtol=1e-5)
    assert all(0 <= float(row["val_accuracy"]) <= 1 for row in history)
    assert (folder / "results/small/stages/first/segments.png").stat().st_size > 1000


def test_people_ask_the_database(built, capsys):
    folder, _ = built
    path = folder / "results/small/database.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as database:
        counts = dict(database.execute("SELECT status, count(*) FROM downloads GROUP BY status"))
        assert counts == {"downloaded": 23, "no_audio": 1}
        classes = dict(database.execute("SELECT class, family FROM taxonomy"))
        assert set(classes) == {*SPECIES, "Corvus corax"}
        assert classes["Parus major"] == "Turdidae"  # as the server says
        kinds = dict(database.execute("SELECT kind, count(*) FROM segments GROUP BY kind"))
        assert set(kinds) == {"signal", "noise"}
    from dawnchorus.cli import command

    assert command.main(["segments", str(path), "--recording", "XC101", "--kind", "signal"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert rows[0]["classes"] == "Turdus merula"
    # two phrases, with the pause between them left out
    assert len(rows) == 2
    np.testing.assert_allclose(
        [[float(row["start_s"]), float(row["stop_s"])] for row in rows],
        [[0.5, 7.2], [9.2, 15.5]], atol=0.4,
    )  # fmt: skip
    assert command.main(["segments", str(path), "--class", "Pica pica"]) == 2
    assert "has no segment of class 'Pica pica'" in capsys.readouterr().err


def test_the_exported_model_names_the_recordists_and_gives_the_workflows_scores(built, tmp_path):
    folder, _ = built
    path = folder / "results/small/first.dawnchorus"
    model = model_file.load(path)
    recorded_by = model.about["recordings"]["birds"]["recorded_by"]
    assert len(recorded_by) == 23
    assert recorded_by[0][:3] == ["XC101", "Turdus merula", "Recordist 2"]
    found = score_files.read_recordings(folder / "results/small/ensembles/first.birds.h5")
    ids, scores = found.ids, found.scores
    row = next(i for i, one in enumerate(scores) if np.isfinite(one).all())
    found = subprocess.run(
        [
            sys.executable, "-m", "dawnchorus", "predict", str(path),
            str(folder / f"birds/audio/{ids[row]}.wav"), "--rows", "recordings",
            "--out", str(tmp_path / "out.parquet"),
        ],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    table = detections.read(tmp_path / "out.parquet").to_pylist()
    given = {one["class"]: one["score"] for one in table}
    np.testing.assert_allclose([given[name] for name in model.classes], scores[row], atol=1e-5)


def test_the_page_gives_the_scores_of_a_held_out_recording(built):
    folder, _ = built
    model = model_file.load(folder / "results/small/first.dawnchorus")
    found = score_files.read_recordings(folder / "results/small/ensembles/first.birds.h5")
    row = next(i for i, one in enumerate(found.scores) if np.isfinite(one).all())
    recording = f"{found.ids[row]}.wav"
    with page_server.served(model) as port:
        answer = page_server.classify(
            port, (folder / "birds/audio" / recording).read_bytes(), recording
        )
        about = json.loads(page_server.ask(port, path="/model").text)
    assert answer.status == 200, answer.text
    best = answer.found["best"]
    assert [score for _, score in best] == sorted((score for _, score in best), reverse=True)
    scores = dict(best)
    np.testing.assert_allclose(
        [scores[name] for name in model.classes], found.scores[row], atol=1e-3
    )
    assert answer.found["duration_s"] == 16.0
    assert answer.found["picture"]["n_columns"] > 100
    # who is to be named for the model is told, too
    assert len(about["corpora"]["birds"]["recorded_by"]) == 23


def test_nothing_is_left_to_do_and_nothing_is_downloaded_again(built):
    folder, _ = built
    again = ran(folder)
    assert "Nothing to be done" in again.stdout + again.stderr


def test_a_picture_of_a_recording_shows_mask_and_parts(built, tmp_path, capsys):
    folder, _ = built
    from dawnchorus.cli import command

    pictures = [tmp_path / "a.png", tmp_path / "b.png"]
    for picture in pictures:
        recording = str(folder / "birds/audio/XC110.wav")
        assert command.main(["segments", recording, "--picture", str(picture)]) == 0
    assert pictures[0].read_bytes() == pictures[1].read_bytes()
    assert "% of 16.0 s is signal" in capsys.readouterr().err
