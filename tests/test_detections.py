"""Tables of detections: the columns, both formats, and what is said of a bad table."""

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from dawnchorus.exported import detections

ROWS = {
    "file": ["a.wav", "folder/b, 2.wav", 'say "c".wav'],
    "onset": [0.0, 1.1, 1 / 3],
    "offset": [3.0, 4.1, 10_800.0],
    "class": ["Great Tit", "x,y", "Ünsal"],
    "score": [0.1, 1.0, 0.0],
    "model": ["0123456789ab", "", "0123456789ab"],
    "time": ["2024-05-01T05:30:00.000", None, "2024-05-01T05:30:00.333+00:00"],
    "calibration": ["platt", "none", ""],
}


def changed(**columns):
    return {**ROWS, **columns}


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_what_is_written_is_read(tmp_path, ending):
    path, again = tmp_path / f"d.{ending}", tmp_path / f"e.{ending}"
    detections.write(path, detections.table_of(ROWS))
    found = detections.read(path)
    assert found.schema == detections.schema()
    expected = {**ROWS, "score": np.float32(ROWS["score"]).tolist()}
    assert found.to_pydict() == expected
    detections.write(again, found)
    assert path.read_bytes() == again.read_bytes()


def test_csv_has_the_columns_in_the_first_line_without_quotes(tmp_path):
    detections.write(tmp_path / "d.csv", detections.table_of(ROWS))
    lines = (tmp_path / "d.csv").read_text().splitlines()
    assert lines[0] == "file,onset,offset,class,score,model,time,calibration"
    assert lines[1] == "a.wav,0,3,Great Tit,0.1,0123456789ab,2024-05-01T05:30:00.000,platt"


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_without_detections_is_a_table(tmp_path, ending):
    path = tmp_path / f"d.{ending}"
    detections.write(path, detections.table_of({name: [] for name in detections.COLUMNS}))
    assert detections.read(path).num_rows == 0


def test_a_folder_of_shards_is_one_table(tmp_path):
    for number in (1, 0):
        table = detections.table_of({k: v[number : number + 1] for k, v in ROWS.items()})
        detections.write(tmp_path / f"{number}.parquet", table)
    assert detections.read(tmp_path)["file"].to_pylist() == ROWS["file"][:2]
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="without a .parquet file"):
        detections.read(tmp_path / "empty")


def test_tables_of_other_programs_need_five_columns_and_may_have_more(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("class,score,File,file,onset,offset\r\nx,.5,ignored,a.wav,1,2\r\n", "utf-8-sig")
    found = detections.read(path)
    assert found.to_pylist() == [
        {"file": "a.wav", "onset": 1.0, "offset": 2.0, "class": "x", "score": 0.5, "model": "",
         "time": None, "calibration": ""}
    ]  # fmt: skip
    typed = pa.table({"file": pa.array(["a"]).dictionary_encode(), "onset": pa.array([0]),
                      "offset": pa.array([2]), "class": pa.array(["x"], pa.large_string()),
                      "score": pa.array([0.25])})  # fmt: skip
    pa.parquet.write_table(typed, tmp_path / "d.parquet")
    assert detections.read(tmp_path / "d.parquet").schema == detections.schema()


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (changed(score=[0.1, 1.5, 0.0]), "row 2: score is 1.5; expected 0 to 1"),
        (changed(score=[0.1, float("nan"), 0.0]), "row 2: score is nan"),
        (changed(onset=[0.0, -1.0, 0.0]), "row 2: onset is -1.0; expected seconds from 0"),
        (changed(offset=[3.0, 4.1, 0.1]), "row 3: offset is 0.1; expected seconds above the onset"),
        (changed(offset=[3.0, float("inf"), 1.0]), "row 2: offset is inf"),
        (changed(file=["a", "", "c"]), "row 2: file is ''; expected the name of a recording"),
        (changed(**{"class": ["a", None, "c"]}), "row 2: class is None"),
        (changed(onset=["0", "1,5", "2"]), "row 2: onset is '1,5'; expected a number"),
        (changed(time=[None, "noon", None]), "row 2: time is 'noon'; expected ISO 8601"),
    ],
)
def test_a_bad_value_is_one_sentence_with_its_row(columns, said):
    with pytest.raises(ValueError, match="^table, row ") as error:
        detections.table_of(columns, "table")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"file,start,offset,class,score\n", r"no column 'onset'.*'start'"),
        (b"file,onset,offset,classes,score\n", "rename 'classes', if that is it"),
        (b"file;onset;offset;class;score\n", "between commas"),
        (b"file,onset,offset,class,score,score\n", "column 'score' twice"),
        (b"file,onset,offset,class,score\na,0,1\n", "cannot be read as CSV"),
        (b"file,onset,offset,class,score\na,0,1,\xff,1\n", "cannot be read as CSV in UTF-8"),
        (b"", "no column 'file'"),
        (b"PAR1", "cannot be read as Parquet"),
    ],
)
def test_a_file_that_is_no_table_is_one_sentence(tmp_path, content, said):
    path = tmp_path / "d.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=said) as error:
        detections.read(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_and_another_ending_are_refused(tmp_path):
    with pytest.raises(ValueError, match="cannot be read"):
        detections.read(tmp_path / "none.csv")
    with pytest.raises(ValueError, match=r"ends in '.txt'; expected .csv or .parquet"):
        detections.write(tmp_path / "d.txt", detections.table_of(ROWS))
