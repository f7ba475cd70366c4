import json
import math
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dawnchorus.runtime import artefacts

ABOUT = {"rule": "train", "wildcards": {"member": "f1p0s1"}, "settings": {"seed": 7}}

IN_A_JOB = """
import os, resource, sys
from dawnchorus.runtime import artefacts
job = {"results": "results", "about": {"rule": "train"}}
with artefacts.record_job(job):
"""


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Path("results")


def in_a_job(code):
    """Run code in a job in a process of its own, in the present folder."""
    lines = "".join(f"    {line}\n" for line in code.strip().splitlines())
    return subprocess.run(
        [sys.executable, "-c", IN_A_JOB + lines], capture_output=True, text=True, timeout=60
    )


def recorded(path, results, **about):
    with artefacts.record_job({"results": results, "about": ABOUT | about}):
        artefacts.write_text(path, "seven\n", rows=7)
    return artefacts.read_record(path, results)


def files_in(folder):
    return sorted(path.name for path in Path(folder).rglob("*") if path.is_file())


def test_the_file_appears_only_when_the_block_has_ended(tmp_path):
    path = tmp_path / "deep" / "scores.h5"
    with artefacts.writing(path) as temporary:
        temporary.write_bytes(b"whole")
        assert not path.exists()
        assert temporary.parent == path.parent
        assert temporary.suffix == ".h5"
    assert path.read_bytes() == b"whole"
    assert files_in(tmp_path) == ["scores.h5"]


def test_a_failing_block_leaves_the_former_file_and_nothing_else(tmp_path):
    path = tmp_path / "scores.csv"
    artefacts.write_text(path, "former")

    def fail():
        with artefacts.writing(path) as temporary:
            temporary.write_text("half")
            raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        fail()
    assert path.read_text() == "former"
    assert files_in(tmp_path) == ["scores.csv"]


def test_a_failing_check_keeps_the_former_file(tmp_path):
    path = tmp_path / "scores.csv"
    artefacts.write_text(path, "former")

    def check(temporary):
        raise ValueError(f"{temporary.read_text()} is wrong")

    def write():
        with artefacts.writing(path, check=check) as temporary:
            temporary.write_text("new")

    with pytest.raises(ValueError, match="new is wrong"):
        write()
    assert path.read_text() == "former"
    assert files_in(tmp_path) == ["scores.csv"]


def test_a_long_name_in_a_wide_script_fits(tmp_path):
    path = tmp_path / ("鳥" * 80 + ".csv")
    artefacts.write_text(path, "x")
    assert path.read_text() == "x"


def test_without_a_job_there_is_no_record(results):
    artefacts.write_text(results / "a.csv", "x")
    assert files_in(results) == ["a.csv"]
    assert artefacts.read_record(results / "a.csv", results) is None


def test_a_record_says_what_the_file_holds_and_what_made_it(results):
    record = recorded("results/demo/a.csv", results)
    assert record.items() >= ABOUT.items()
    assert record["bytes"] == 6
    assert record["rows"] == 7
    assert record["sha256"] == artefacts.sha256("results/demo/a.csv")
    assert record["seconds"] >= 0
    age = datetime.now(UTC) - datetime.fromisoformat(record["made"])
    assert timedelta(seconds=-1) <= age < timedelta(minutes=1)


def test_a_file_that_is_no_artefact_has_no_record(results):
    with (
        artefacts.record_job({"results": results, "about": ABOUT}),
        artefacts.writing(results / "a.npz", record=False) as temporary,
    ):
        temporary.write_bytes(b"x")
    assert files_in(results) == ["a.npz"]


def test_a_damaged_record_counts_as_none(results):
    recorded("results/a.csv", results)
    artefacts.record_path("results/a.csv", results).write_text("{")
    assert artefacts.read_record("results/a.csv", results) is None


def test_a_folder_of_the_results_may_be_a_link(results, tmp_path):
    (tmp_path / "disk").mkdir()
    results.mkdir()
    (results / "audio").symlink_to(tmp_path / "disk")
    assert recorded("results/audio/a.csv", results)["bytes"] == 6
    assert (results / ".provenance/audio/a.csv.json").is_file()


def test_what_lies_outside_the_results_has_no_record(results):
    with pytest.raises(ValueError, match=r"elsewhere\.csv is not below results"):
        artefacts.record_path("elsewhere.csv", results)


def test_a_process_that_dies_while_writing_leaves_no_file(results):
    died = in_a_job(
        "with artefacts.writing('results/a.csv') as temporary:\n"
        "    temporary.write_text('half')\n"
        "    os._exit(9)"
    )
    assert died.returncode == 9
    assert not (results / "a.csv").exists()


@pytest.mark.parametrize("point", ["fsync", "replace"])
def test_a_process_that_dies_before_the_rename_keeps_the_former_file(results, point):
    results.mkdir()
    (results / "a.csv").write_text("former")
    died = in_a_job(
        f"os.{point} = lambda *_: os._exit(9)\nartefacts.write_text('results/a.csv', 'new, longer')"
    )
    assert died.returncode == 9
    assert (results / "a.csv").read_text() == "former"


def test_a_process_that_dies_before_its_record_leaves_a_file_without_one(results):
    recorded("results/a.csv", results)
    died = in_a_job(
        "artefacts._write_record = lambda *_: os._exit(9)\n"
        "artefacts.write_text('results/a.csv', 'new')"
    )
    assert died.returncode == 9
    assert (results / "a.csv").read_text() == "new"
    assert artefacts.read_record("results/a.csv", results) is None


@pytest.mark.parametrize(
    "write",
    ["artefacts.write_bytes(path, bytes(100_000))", "artefacts.write_json(path, [0] * 50_000)"],
)
def test_a_file_that_does_not_fit_is_an_error_and_leaves_the_former_one(results, write):
    recorded("results/a.csv", results)
    done = in_a_job(
        f"path = 'results/a.csv'\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        f"try:\n    {write}\n"
        f"except OSError as error:\n    print(error.strerror)"
    )
    assert "File too large" in done.stdout
    assert Path("results/a.csv").read_text() == "seven\n"
    assert files_in(results) == ["a.csv", "a.csv.json"]


def test_nan_and_infinity_become_null(tmp_path):
    artefacts.write_json(tmp_path / "a.json", {"auroc": [math.nan, 1.0], 2: (math.inf, "nan")})
    assert json.loads((tmp_path / "a.json").read_text()) == {
        "auroc": [None, 1.0],
        "2": [None, "nan"],
    }


def test_equal_values_give_equal_json():
    assert artefacts.canonical_json({"b": 1, "a": 2}) == artefacts.canonical_json({"a": 2, "b": 1})


def test_a_table_reads_back_as_it_was_written(tmp_path):
    rows = [("007", 'a "b", c'), ("x\ny", "ü")]
    artefacts.write_table(tmp_path / "a.csv", ("id", "text"), iter(rows))
    read = artefacts.read_table(tmp_path / "a.csv")
    assert [(row["id"], row["text"]) for row in read] == rows
    assert (tmp_path / "a.csv").read_bytes().startswith(b"id,text\n")


def test_records_of_equal_work_differ_in_time_only(results):
    first = recorded("results/a.csv", results)
    second = recorded("results/b.csv", results)
    assert {key for key in first if first[key] != second[key]} <= {"made", "seconds"}


def test_a_folder_that_cannot_be_is_an_error(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError, match="file"):
        artefacts.write_text(tmp_path / "file" / "a.csv", "x")


def exported(path, results, names):
    with (
        artefacts.record_job({"results": results, "about": ABOUT}),
        artefacts.writing_folder(path) as folder,
    ):
        for name in names:
            artefacts.write_text(folder / name, name)


def test_a_folder_appears_whole_and_each_of_its_files_has_a_record(results):
    exported("results/out", results, ["a.csv", "deep/b.tsv"])
    for name in ("a.csv", "deep/b.tsv"):
        record = artefacts.read_record(f"results/out/{name}", results)
        assert record.items() >= ABOUT.items()
        assert record["sha256"] == artefacts.sha256(f"results/out/{name}")
    assert files_in(results) == ["a.csv", "a.csv.json", "b.tsv", "b.tsv.json"]


def test_a_former_folder_goes_with_its_files_and_records(results):
    exported("results/out", results, ["a.csv", "b.csv"])
    recorded("results/outside.csv", results)
    exported("results/out", results, ["b.csv"])
    assert files_in("results/out") == ["b.csv"]
    assert files_in(results / ".provenance") == ["b.csv.json", "outside.csv.json"]
    assert sorted(path.name for path in results.iterdir()) == [
        ".provenance", "out", "outside.csv",
    ]  # fmt: skip


def test_a_folder_whose_block_fails_leaves_the_former_one(results):
    exported("results/out", results, ["a.csv"])
    with pytest.raises(ValueError, match="embedded null"):
        exported("results/out", results, ["b.csv", "\0"])
    assert files_in(results) == ["a.csv", "a.csv.json"]
    assert sorted(path.name for path in results.iterdir()) == [".provenance", "out"]


def test_a_process_that_dies_while_writing_a_folder_leaves_none(results):
    died = in_a_job(
        "with artefacts.writing_folder('results/out') as folder:\n"
        "    artefacts.write_text(folder / 'a.csv', 'x')\n"
        "    os._exit(9)"
    )
    assert died.returncode == 9
    assert not (results / "out").exists()
    assert not (results / ".provenance").exists()
