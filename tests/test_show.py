"""``dawnchorus show``: artefacts in readable form."""

import io
import json
import zipfile

import h5py
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import soundfile

from dawnchorus.cli import command, show
from dawnchorus.plots import png
from dawnchorus.scores import score_files


def shown(path, n_rows=10, is_terminal=False):
    out = io.StringIO()
    show.write(show.content_of(path, n_rows), out, is_terminal)
    return out.getvalue()


@pytest.fixture
def parquet(tmp_path):
    path = tmp_path / "targets.parquet"
    names = [f"class {number} [x]" for number in range(30)]
    columns = {"id": [f"r{row}" for row in range(1000)]}
    columns |= {name: np.linspace(0, 1, 1000, dtype=np.float32) for name in names}
    table = pyarrow.table(columns).replace_schema_metadata({"digest": "0a1b"})
    pyarrow.parquet.write_table(table, path)
    return path


def test_of_a_parquet_table_shape_types_and_first_rows_are_shown(parquet):
    lines = shown(parquet, 3).splitlines()
    assert lines[:4] == ["kind: table (Parquet)", "rows: 1000", "columns: 31", "digest: 0a1b"]
    assert lines[6].split("\t")[:2] == ["id", "class 0 [x] (float)"]
    assert [line.split("\t")[0] for line in lines[7:]] == ["r0", "r1", "r2"]


def test_on_a_terminal_a_table_fits_and_says_what_is_left_out(parquet):
    text = shown(parquet, 3, is_terminal=True)
    assert "and 19 more columns" in text
    assert "[x]" in text  # no markup
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(("ending", "delimiter"), [("csv", ","), ("tsv", "\t")])
def test_of_a_delimited_table_all_rows_are_counted(ending, delimiter, tmp_path):
    path = tmp_path / f"folds.{ending}"
    path.write_text("".join(f"r{row}{delimiter}{row % 3}\n" for row in range(50)))
    assert shown(path, 2).splitlines() == [
        f"kind: table ({ending.upper()})", "rows: 49", "columns: 2", "", "first rows", "r0\t0", "r1\t1",
        "r2\t2",
    ]  # fmt: skip


def test_of_scores_members_classes_and_arrays_are_shown(tmp_path):
    path = tmp_path / "all.garden.h5"
    scores = np.array([[0.25, 0.5], [0.75, 1]], np.float32)
    content = score_files.RecordingScores(
        ["a", "b"], scores, np.array([2, 2]), ["Wren", "Robin"], ["f1p0s1"]
    )
    score_files.write_recordings(path, content)
    text = shown(path)
    assert "kind: recording scores (HDF5)" in text
    assert 'class_names: ["Wren", "Robin"]' in text
    assert "scores\t[2, 2]\tfloat32" in text
    assert (
        "arrays of length 2, first rows\nids\tmodels\tscores\na\t2\t[0.25, 0.5]\nb\t2\t[0.75, 1]"
        in text
    )


def test_of_spectrograms_the_layout_is_named_and_few_values_are_read(tmp_path):
    path = tmp_path / "000.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layout"], file.attrs["frontend"] = "chunks", json.dumps({"kind": "mel_chunks"})
        file["images"] = np.zeros((4, 80, 100), np.uint8)
        file["complete"] = 1
        file["empty"] = np.zeros((0, 3))
    text = shown(path)
    assert "kind: spectrograms of a shard, as chunks (HDF5)" in text
    assert 'frontend: {"kind": "mel_chunks"}' in text
    assert "images\t[4, 80, 100]\tuint8" in text
    assert max(map(len, text.splitlines())) < 500


def test_of_a_model_layers_and_weights_are_shown_without_keras(tmp_path):
    path = tmp_path / "f1p0s1.keras"
    layers = [
        {"class_name": "InputLayer", "config": {"name": "input", "batch_shape": [None, 9, 4]}},
        {
            "class_name": "Dense",
            "config": {"name": "dense", "units": 3, "activation": "relu"},
            "build_config": {"input_shape": [None, 4]},
        },
    ]
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        file["layers/dense/vars/0"], file["layers/dense/vars/1"] = np.ones((4, 3)), np.ones(3)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({"config": {"name": "net", "layers": layers}}))
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
        archive.writestr("model.weights.h5", weights.getvalue())
    lines = shown(path).splitlines()
    assert lines[:5] == [
        "kind: model (Keras)", "name: net", "layers: 2", "weights: 15", "Keras: 3.15.1",
    ]  # fmt: skip
    assert lines[-1] == 'dense\tDense\t[null, 4]\t{"units": 3, "activation": "relu"}'


def test_of_json_values_have_the_keys_above_them(tmp_path):
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps({"ensembles": {"all": {"auroc": 0.123456789, "limits": [0, 1]}}}))
    assert shown(path).splitlines()[-2:] == [
        "ensembles.all.auroc\t0.123457", "ensembles.all.limits\t[0, 1]",
    ]  # fmt: skip


def test_of_a_shard_of_audio_rate_and_duration_are_shown(tmp_path):
    path = tmp_path / "000.wav"
    soundfile.write(path, np.zeros(4410), 22050, subtype="FLOAT", format="RF64")
    lines = shown(path).splitlines()
    assert lines[0] == "kind: audio (RF64)"
    assert {"samples: 4410", "sample rate [Hz]: 22050", "duration [s]: 0.2"} <= set(lines)


def test_pictures_archives_and_texts_are_shown(tmp_path):
    png.write(tmp_path / "a.png", (2, 3), [np.zeros((2, 3), np.uint8)])
    assert "rows [pixels]: 2\ncolumns [pixels]: 3" in shown(tmp_path / "a.png")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("r1.wav", "12345")
    assert "r1.wav\t5" in shown(tmp_path / "a.zip")
    (tmp_path / "a.txt").write_text("AUROC 0.9\nAP 0.8\n")
    assert shown(tmp_path / "a.txt") == "kind: text\nlines: 2\n\nAUROC 0.9\nAP 0.8\n"


@pytest.mark.parametrize("is_terminal", [False, True])
def test_no_value_can_steer_a_terminal(is_terminal, tmp_path):
    path = tmp_path / "names.csv"
    path.write_text('id,name\n"a\tb","\x1b[31mred\x07"\n')
    text = shown(path, is_terminal=is_terminal)
    assert "\x1b[31m" not in text
    assert r"\x1b[31mred\x07" in text
    assert r"a\tb" in text


@pytest.mark.parametrize(
    "ending", ["parquet", "h5", "keras", "json", "wav", "png", "zip", "txt", "csv"]
)
def test_a_damaged_file_is_one_sentence(ending, tmp_path, capsys):
    path = tmp_path / f"a.{ending}"
    path.write_bytes(b"\xff\xfe\x00PAR1")
    assert command.main(["show", str(path)]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error: {path} cannot be read as .{ending} (")
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [("none.csv", "is not there"), ("folder", "is a folder"), ("a.mp3", "ends in '.mp3'; expected one")],
)  # fmt: skip
def test_what_cannot_be_shown_is_said(name, message, tmp_path, capsys):
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.mp3").touch()
    assert command.main(["show", str(tmp_path / name)]) == 2
    assert message in capsys.readouterr().err
    assert command.main(["show", str(tmp_path / "a.mp3"), "--rows", "-1"]) == 2


def test_an_empty_table_is_shown(tmp_path, capsys):
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"id": pyarrow.array([], "string")}), path)
    assert command.main(["show", str(path)]) == 0
    assert "rows: 0" in capsys.readouterr().out
    (tmp_path / "a.csv").touch()
    assert command.main(["show", str(tmp_path / "a.csv")]) == 0
