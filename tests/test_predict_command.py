"""``dawnchorus predict``: files of detections, and what becomes of a run that does not end well."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow.parquet
import pytest
import tiny_model

from dawnchorus.cli import command
from dawnchorus.exported import detections, model_file, partial_results, prediction
from dawnchorus.exported.networks import Networks
from dawnchorus.exported.row_selection import Selection
from dawnchorus.formats.annotations import audacity, raven
from dawnchorus.runtime import artefacts

# says whether pandas came along, and that a table becomes one of pandas all the same
_WITHOUT_PANDAS = """
import sys
from dawnchorus.cli import command

status, loaded = command.main(sys.argv[1:]), "pandas" in sys.modules
import pyarrow

print(loaded, pyarrow.table({"a": [1]}).to_pandas().shape)
sys.exit(status)
"""

# ends the process as power failure does, once some recordings are kept
_KILLED = """
import os, signal, sys
from dawnchorus.cli import command
from dawnchorus.exported import partial_results

partial_results._EVERY_S = 0
keep, kept = partial_results.PartialResults.keep, []


def kept_until(self, *given):
    keep(self, *given)
    kept.append(given)
    if len(kept) == 3:
        os.kill(os.getpid(), signal.SIGKILL)


partial_results.PartialResults.keep = kept_until
command.main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "tiny.dawnchorus"
    tiny_model.write_tiny_model(path)
    return str(path)


@pytest.fixture
def sounds(tmp_path, tiny_shard, monkeypatch):
    """A folder of seven recordings, of which one is damaged."""
    folder = tmp_path / "sounds/night"
    folder.mkdir(parents=True)
    names = [f"20240501_05{number:02}00.WAV" for number in range(5)] + ["SITE,1.wav"]
    for number, name in enumerate(names):
        shutil.copy(tiny_shard[0].parent / f"{number:02}.wav", folder / name)
    (folder / "damaged.wav").write_bytes(b"RIFF and no sound")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "sounds"


def run(*arguments):
    return command.main(["predict", *map(str, arguments)])


def test_a_table_has_the_windows_of_all_recordings_and_the_damaged_is_a_line(model, sounds, capsys):
    options = ("--rows", "windows", "--threshold", "0", "--out", "w.csv", "--recordings", "r.csv")
    assert run(model, sounds, *options) == 3
    said = capsys.readouterr().err
    assert "sounds/night/damaged.wav: AUDIO_" in said
    assert "1 of 7 recordings could not be scored" in said
    table = detections.read("w.csv")
    files = table["file"].to_pylist()
    assert list(dict.fromkeys(files)) == sorted(set(files))
    assert set(Counter(files).values()) == {2 * 4}
    assert set(table["model"].to_pylist()) == {model_file.load(model).short_digest}
    assert set(table["calibration"].to_pylist()) == {"none"}
    assert command.main(["show", str(model)]) == 0
    assert "calibration: none\n" in capsys.readouterr().out
    row = table.slice(8 + 2, 1).to_pylist()[0]
    assert row["file"].endswith("20240501_050100.WAV")
    assert row["time"] == "2024-05-01T05:01:00.997"
    assert table["time"].to_pylist()[-1] is None
    opened = model_file.load(model)
    chosen = Selection("windows", (0.0, 0.0))
    (one,) = prediction.predicted(opened, lambda: Networks(opened), [{"path": files[0]}], chosen)
    assert table["score"].to_pylist()[:8] == one.rows["score"].tolist()
    assert not os.path.exists("w.csv.parts")
    recordings = artefacts.read_table("r.csv")
    assert [row["duration"] for row in recordings] == ["3.0"] * 6 + ["0.0"]
    assert [row["fault"][:6] for row in recordings] == [""] * 6 + ["AUDIO_"]


def test_csv_and_parquet_hold_the_same_and_top_and_classes_choose(model, sounds):
    for name in ("r.csv", "r.parquet"):
        options = ("--rows", "recordings", "--top", 1, "--classes", "high", "--out", name)
        assert run(model, sounds, *options) == 3
    one, other = detections.read("r.csv"), detections.read("r.parquet")
    assert one.equals(other)
    assert set(one["class"].to_pylist()) == {"high"}
    assert one["onset"].to_pylist() == [0.0] * 6
    assert one["offset"].to_pylist() == [3.0] * 6


@pytest.mark.parametrize("kind", ["raven", "audacity"])
def test_events_are_files_that_the_tools_read(model, sounds, kind):
    assert run(model, sounds, "--out", "e.csv") == 3
    assert run(model, sounds, "--format", kind, "--out", "tables") == 3
    expected = Counter()
    for row in detections.read("e.csv").to_pylist():
        name = os.path.basename(row["file"]).rpartition(".")[0]
        expected[name, row["class"], round(row["onset"], 6), round(row["offset"], 6)] += 1
    found = Counter()
    for path in sorted((sounds.parent / "tables").iterdir()):
        name = path.name.removesuffix(".txt").removesuffix(".Table.1.selections")
        read = raven.read(path, name) if kind == "raven" else audacity.read(path, name)
        for event in read.events:
            found[event.id, event.label, event.onset_s, event.offset_s] += 1
    assert len(list((sounds.parent / "tables").iterdir())) == 6
    assert found == expected


def test_a_run_that_is_killed_goes_on_with_nothing_lost_and_nothing_twice(model, sounds):
    options = (model, sounds, "--rows", "windows", "--threshold", "0.4", "--out")
    assert run(*options, "whole.parquet") == 3
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, "predict", *map(str, options), "k.parquet"],
        capture_output=True, check=False,
    )  # fmt: skip
    assert killed.returncode == -9, killed.stderr
    assert not os.path.exists("k.parquet")
    parts = sorted(name for name in os.listdir("k.parquet.parts") if name.endswith(".parquet"))
    assert len(parts) == 3
    # with other options it would be half of this and half of that
    assert run(model, sounds, "--rows", "recordings", "--out", "k.parquet") == 2
    with open("k.parquet.parts/lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert run(*options, "k.parquet") == 2
    again = subprocess.run(
        [sys.executable, "-c", _WITHOUT_PANDAS, "predict", *map(str, options), "k.parquet"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (again.returncode, again.stdout) == (3, "False (1, 1)\n"), again.stderr
    assert Path("k.parquet").read_bytes() == Path("whole.parquet").read_bytes()
    assert not os.path.exists("k.parquet.parts")


def test_only_what_is_not_done_is_scored_again(model, sounds, monkeypatch, capsys):
    scored, predicted = [], prediction.predicted
    monkeypatch.setattr(partial_results, "_EVERY_S", 0)

    def interrupted(*given):
        for one in predicted(*given):
            scored.append(one.path)
            yield one
            if len(scored) == 4:
                raise KeyboardInterrupt

    monkeypatch.setattr(prediction, "predicted", interrupted)
    options = (model, sounds, "--rows", "windows", "--out", "i.csv")
    assert run(*options) == 130
    assert run(*options) == 3
    assert "4 of 7 recordings are done already" in capsys.readouterr().err
    assert len(scored) == 7
    assert len(set(scored)) == 7


def test_parts_with_other_columns_are_refused(model, sounds, monkeypatch, capsys):
    def stopped(*given):
        yield from list(predicted(*given))[:4]
        raise KeyboardInterrupt

    predicted = prediction.predicted
    monkeypatch.setattr(prediction, "predicted", stopped)
    options = (model, sounds, "--rows", "windows", "--out", "i.csv")
    assert run(*options) == 130
    # as written before rows said whether their score is calibrated
    (part,) = Path("i.csv.parts").glob("*.parquet")
    table = pyarrow.parquet.read_table(part).drop_columns("calibration")
    about = json.loads(pyarrow.parquet.read_metadata(part).metadata[b"dawnchorus"])
    about["about"].pop("columns", None)
    metadata = {b"dawnchorus": json.dumps(about).encode()}
    pyarrow.parquet.write_table(table.replace_schema_metadata(metadata), part)
    monkeypatch.setattr(prediction, "predicted", predicted)
    assert run(*options) == 2
    assert "of other options or of another version; give those again" in capsys.readouterr().err
    assert not os.path.exists("i.csv")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sounds", "--out", "table"], "--out table has no ending"),
        (["sounds", "--out", "a.txt", "--format", "csv"], "expected a name that ends in .csv"),
        (["sounds", "--top", "0"], "--top 0; expected 1 or more"),
        (["sounds", "--classes", "hihg"], "did you mean 'high'"),
        (["sounds", "--rows", "events", "--decoding", "no"], "no decoding 'no'; there is plain"),
        (["sounds", "--format", "raven", "--out", "sounds"], "no empty folder; choose another"),
        (["none/*.wav"], "no recording matches 'none/[*].wav'"),
    ],
)
def test_wrong_uses_end_in_a_sentence(model, sounds, arguments, message, capsys):
    assert run(model, *arguments) == 2
    assert message.replace("[*]", "*") in capsys.readouterr().err
    assert not list(sounds.parent.glob("*.parts"))
