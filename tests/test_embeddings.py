"""Embeddings as a table, what is near in it, and a corpus as a map."""

import csv
import json
import struct

import numpy as np
import pretrained_network as small
import pyarrow.parquet as pq
import pytest
import soundfile

from dawnchorus.cli import command
from dawnchorus.evaluation import neighbours
from dawnchorus.evaluation.clip_baselines import nearest_neighbours
from dawnchorus.exported import detections, embeddings
from dawnchorus.plots import embedding_map

TONES = {"low": 900, "high": 2500}  # Hz


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Six recordings of two tones, in a folder each, with the second half of a second silent."""
    folder = tmp_path_factory.mktemp("alike")
    rng = np.random.default_rng(4)
    time_s = np.arange(2 * small.SAMPLE_RATE) / small.SAMPLE_RATE
    for name, hertz in TONES.items():
        (folder / "sound" / name).mkdir(parents=True)
        for number in range(3):
            level = 0.2 + 0.2 * rng.random()
            waveform = level * np.sin(2 * np.pi * hertz * time_s) * (time_s < 1)
            waveform = waveform + 0.003 * rng.standard_normal(len(time_s))
            soundfile.write(
                folder / f"sound/{name}/{name}{number}.wav", waveform, small.SAMPLE_RATE
            )
    small.write_card(folder / "network")
    (folder / "sound/broken.wav").write_bytes(b"nothing")
    return folder


@pytest.fixture(scope="module")
def table(folder):
    out = folder / "all.parquet"
    asked = ["embed", str(folder / "network/card.yaml"), str(folder / "sound"), "--out", str(out)]
    assert command.main([*asked, "--hop", "0.25"]) == 3
    return out


def test_a_table_has_the_windows_of_all_recordings_that_can_be_read(folder, table, capsys):
    held = pq.read_table(table)
    assert held.column_names == list(embeddings.COLUMNS)
    assert held.num_rows == 6 * 8
    found = embeddings.read(table)
    assert found.network["licence"] == "CC0-1.0"
    low = neighbours.rows_of(found, "low0.wav")
    np.testing.assert_allclose(found.onset_s[low], np.arange(8) * 0.25)
    waveform, _ = soundfile.read(folder / "sound/low/low0.wav", dtype="float32")
    # its second window begins an eighth of a second after the first hop's middle less its half
    wanted = small.expected(waveform[None, 1000:5000])[0]
    np.testing.assert_allclose(found.values[low][1], wanted, rtol=1e-4)
    out = folder / "two.parquet"
    files = [str(folder / f"sound/low/low{n}.wav") for n in (0, 1)]
    card = str(folder / "network/card.yaml")
    assert command.main(["embed", card, *files, "--out", str(out)]) == 0
    assert "network Small: licence CC0-1.0, the tests" in capsys.readouterr().err
    first = out.read_bytes()
    assert command.main(["embed", card, *files, "--out", str(out)]) == 0
    assert out.read_bytes() == first


def test_the_nearest_recordings_are_those_of_the_same_tone(folder, table, capsys):
    out = folder / "similar.csv"
    asked = ["similar", str(table), "--to", "low1.wav", "--until", "0.75", "--out", str(out)]
    assert command.main([*asked, "--count", "2", "--class", "hoot"]) == 0
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [row["file"].rpartition("/")[2][:3] for row in rows] == ["low", "low"]
    assert {row["class"] for row in rows} == {"hoot"}
    assert all(float(row["onset"]) < 1 and float(row["score"]) > 0.99 for row in rows)
    assert detections.read(out).num_rows == 2
    capsys.readouterr()
    # what a person has marked as right in a sample is asked for next
    drawn = folder / "drawn"
    root = "/" if str(folder).startswith("/") else "."
    assert command.main(["sample", str(out), "--audio", root, "--out", str(drawn)]) == 0
    sheet = (drawn / "sample.csv").read_text()
    lines = list(csv.reader(sheet.splitlines()))
    place = lines[0].index("correct")
    for line in lines[1:]:
        line[place] = "1"
    with (drawn / "sample.csv").open("w", newline="") as file:
        csv.writer(file).writerows(lines)
    again = folder / "again.csv"
    assert command.main(["similar", str(table), "--sample", str(drawn), "--out", str(again)]) == 0
    found = [
        row["file"].rpartition("/")[2] for row in csv.DictReader(again.read_text().splitlines())
    ]
    assert found[0].startswith("low")
    assert len(found) == 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--to", "no.wav"], "recording 'no.wav' is none of 6 recordings"),
        ([], "expected --to FILE or --sample FOLDER, one of them"),
        (["--to", "low0.wav", "--count", "0"], "--count 0; expected 1 or more"),
    ],
)
def test_what_cannot_be_asked_is_told(table, capsys, arguments, said):
    assert command.main(["similar", str(table), *arguments]) == 2
    assert said in capsys.readouterr().err


def test_a_table_that_is_none_is_told(tmp_path, capsys):
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    assert command.main(["similar", str(tmp_path / "x.parquet"), "--to", "a"]) == 2
    assert "x.parquet is no table of embeddings" in capsys.readouterr().err


def test_a_map_puts_like_recordings_together_and_is_a_picture(folder, table, capsys):
    rng = np.random.default_rng(0)
    groups = np.repeat([0, 1, 2], 12)
    found = embedding_map.places(rng.normal(0, 0.05, (36, 9)) + np.eye(9)[groups])
    centres = np.stack([found[groups == group].mean(axis=0) for group in range(3)])
    nearest = np.linalg.norm(found[:, None] - centres, axis=2).argmin(axis=1)
    assert (nearest == groups).mean() > 0.9
    out = folder / "map.png"
    labels = folder / "labels.csv"
    labels.write_text("file,labels\n" + "".join(f"low{n}.wav,hoot\n" for n in range(3)))
    for more, colours in (([], 2), (["--labels", str(labels)], 2)):
        assert command.main(["map", str(table), "--out", str(out), *more]) == 0
        assert f"6 recordings in {colours} colours" in capsys.readouterr().out
    assert struct.unpack(">II", out.read_bytes()[16:24]) == (1152, 896)
    with pytest.raises(ValueError, match="3 recordings; expected at least 4"):
        embedding_map.places(np.ones((3, 2)))


def test_neighbours_as_a_baseline_give_the_share_of_the_nearest(rng):
    known = rng.normal(0, 0.01, (20, 6, 6)) + np.eye(6)[[0] * 10 + [1] * 10][:, :, None]
    targets = np.repeat(np.eye(2), 10, axis=0)
    scores = nearest_neighbours.fit(known, targets, rng)(known[[0, 15]])
    np.testing.assert_allclose(scores, np.eye(2), atol=1e-6)
    few = nearest_neighbours.fit(known[9:11], targets[9:11], rng)(known[:1])
    np.testing.assert_allclose(few.sum(), 1)
    assert few[0, 0] > few[0, 1]
    json.dumps(few.tolist())
