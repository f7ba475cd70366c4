import fcntl
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dawnchorus.cli import command, doctor
from dawnchorus.corpora import tables
from dawnchorus.formats import parquet
from dawnchorus.runtime import artefacts

LIBRARY = {"dawnchorus.runtime.seeds": "13b60af16337", "script": "14e36e79bd4f"}
VERSIONS = {"numpy": "2.4.6", "python": "3.11.7"}
ASIDE = (  # what lies among results and is no artefact
    "results/logs/train.log",
    "results/benchmarks/a.csv",
    "results/demo/.a.csv",
    "results/demo/stages/first/f1p0s1.0123.checkpoint.npz",
    "results/demo/notes.md",
)


def table(path_of, *names, row):
    """Write a table of a listed corpus under the name that its rows give it."""
    digest = tables.digest_of(parquet.csv_text(("id",), [(row,)]))
    path = path_of("results", "garden", *names, digest)
    tables.write_rows(path, ("id",), [(row,)])
    return str(path)


def make(output, rule, text, inputs=(), **settings):
    """Write an artefact as a job does."""
    about = {
        "rule": rule,
        "wildcards": {"experiment": "demo"},
        "inputs": {str(path): artefacts.sha256(path) for path in inputs},
        "settings": {**settings, "results": "results"},
        "library": LIBRARY,
        "versions": VERSIONS,
        "machine": "Linux x86_64",
        "command": f"snakemake {output}",
    }
    with artefacts.record_job({"results": Path("results"), "about": about}):
        artefacts.write_text(output, text)
    return output


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A small finished run in a folder of its own."""
    before = os.getcwd()
    run = tmp_path_factory.mktemp("run")
    os.chdir(run)
    listing = table(tables.listing_path, "000", row="r1")
    labels = table(tables.labels_path, row="r1 bird")
    excluded = table(tables.excluded_path, row="r2 AUDIO_EMPTY")
    digests = [Path(path).stem.split("-")[-1] for path in (listing, labels, excluded)]
    shards = {"000": {"digest": digests[0], "recordings": 1}}
    index = {"shards": shards, "labels": digests[1], "excluded": digests[2]}
    artefacts.write_json("results/corpora/garden/index.json", index)
    Path("own-labels.csv").write_text("itemid,hasbird\n")
    audio = make("results/audio/mono/garden/000.csv", "resample", "audio", listing=listing)
    folds = make("results/demo/folds.csv", "deal_folds", "folds", [audio],
                 folds={"labels": {"garden": labels}, "settings": {"seed": 2017}})  # fmt: skip
    model = make("results/demo/stages/first/f1p0s1.keras", "train", "model" * 99, [folds, audio],
                 training={"seed": 2017, "epochs": 14})  # fmt: skip
    make("results/demo/metrics.json", "evaluate", "{}", [model, folds])
    make("results/demo/submission.csv", "submit", "id", [folds, "own-labels.csv"])
    for aside in ASIDE:
        Path(aside).parent.mkdir(parents=True, exist_ok=True)
        Path(aside).write_text("aside")
    os.chdir(before)
    return run


@pytest.fixture
def run(finished, tmp_path, monkeypatch):
    """A copy of the finished run, as the working directory."""
    copy = tmp_path / "run"
    shutil.copytree(finished, copy, symlinks=True)
    monkeypatch.chdir(copy)
    return copy


@pytest.fixture
def said(capsys):
    """Run a command line: exit status, lines of the output, text of the error."""

    def call(*arguments):
        status = command.main([str(argument) for argument in arguments])
        told = capsys.readouterr()
        return status, told.out.splitlines(), told.err

    return call


def flip(path):
    """Change one bit and keep the time."""
    path = Path(path)
    stat = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def state_of(lines, name):
    """Return what `verify` says of a file: its state and the detail."""
    found = [line for line in lines if line.split()[1:2] == [f"{name}:"]]
    return [(line.split()[0], line.partition(": ")[2]) for line in found]


WHOLE = "9 artefacts whole, 0 damaged, 0 missing, 0 unrecorded, 0 stale"


def test_a_finished_run_is_whole(run, said):
    status, lines, errors = said("verify", "results")
    assert (status, lines, errors) == (0, [WHOLE.replace("9", "10")], "")


def test_verify_follows_inputs_out_of_the_folder(run, said):
    assert said("verify", "results/demo")[:2] == (0, [WHOLE.replace("9", "8")])
    assert said("verify", "results/demo/folds.csv")[1] == [WHOLE.replace("9", "4")]


@pytest.mark.parametrize("fast", [[], ["--fast"]])
def test_verify_works_from_anywhere(run, said, monkeypatch, fast):
    monkeypatch.chdir("/")
    assert said("verify", run / "results/demo", *fast)[0] == 0
    monkeypatch.chdir(run / "results/demo/stages")
    assert said("verify", "..", *fast)[0] == 0


def test_verify_finds_results_that_were_moved_and_renamed(run, said):
    (run / "results").rename(run / "kept")
    shutil.copy("own-labels.csv", run / "kept")
    assert said("verify", "kept/demo/metrics.json")[0] == 0


def test_verify_finds_a_flipped_bit_whose_time_was_kept(run, said):
    flip("results/demo/stages/first/f1p0s1.keras")
    status, lines, _ = said("verify", "results/demo")
    assert status == 1
    assert state_of(lines, "results/demo/stages/first/f1p0s1.keras") == [
        ("damaged", "its content has changed since it was made; 1 file was made from it")
    ]
    assert lines[-1] == "7 artefacts whole, 1 damaged, 0 missing, 0 unrecorded, 0 stale"
    assert "    rm results/demo/stages/first/f1p0s1.keras" in lines
    assert "    snakemake --cores 2 results/demo/stages/first/f1p0s1.keras" in lines


def test_sizes_do_not_show_a_flipped_bit_but_a_cut_file(run, said):
    flip("results/demo/stages/first/f1p0s1.keras")
    assert said("verify", "--fast", "results")[0] == 0
    os.truncate("results/demo/stages/first/f1p0s1.keras", 90)
    for fast in ([], ["--fast"]):
        status, lines, _ = said("verify", *fast, "results")
        assert status == 1
        [(state, detail)] = state_of(lines, "results/demo/stages/first/f1p0s1.keras")
        assert state == "damaged"
        assert detail.startswith("90 bytes, made with 495")


def test_verify_finds_a_damaged_input_of_an_input(run, said):
    flip("results/audio/mono/garden/000.csv")
    lines = said("verify", "results/demo/metrics.json")[1]
    assert state_of(lines, "results/audio/mono/garden/000.csv")[0][0] == "damaged"
    assert lines[-1].startswith("5 artefacts whole, 1 damaged")


def test_verify_finds_a_missing_file_by_its_record(run, said):
    os.unlink("results/demo/folds.csv")
    for path in ("results", "results/demo", "results/demo/folds.csv"):
        status, lines, _ = said("verify", path)
        assert status == 1
        assert state_of(lines, "results/demo/folds.csv")[0][0] == "missing"
        assert not any(line.strip().startswith("rm ") for line in lines)


def test_verify_finds_a_missing_input_from_outside_the_results(run, said):
    os.unlink("own-labels.csv")
    lines = said("verify", "results/demo")[1]
    assert state_of(lines, "own-labels.csv")[0][0] == "missing"
    assert not any("snakemake" in line for line in lines)


def test_verify_names_a_file_without_a_record(run, said):
    Path("results/demo/copy.h5").write_text("x")
    status, lines, _ = said("verify", "results/demo")
    assert status == 1
    assert state_of(lines, "results/demo/copy.h5")[0][0] == "unrecorded"


def test_verify_names_a_file_whose_record_is_damaged(run, said):
    artefacts.record_path("results/demo/metrics.json", "results").write_text("{")
    lines = said("verify", "results")[1]
    assert state_of(lines, "results/demo/metrics.json")[0][0] == "unrecorded"


@pytest.mark.parametrize("name", ["listings/000", "labels", "excluded"])
def test_verify_finds_a_changed_table(run, said, name):
    [path] = Path("results/corpora/garden").glob(f"{name}-*.parquet")
    tables.write_rows(path, ("id",), [("other",)])
    status, lines, _ = said("verify", "results")
    assert status == 1
    [(state, detail)] = state_of(lines, path)
    assert state == "damaged"
    assert detail.startswith("its content is not what its name says")


def test_verify_finds_a_missing_table_by_the_index_and_by_the_records(run, said):
    for path in Path("results/corpora/garden").glob("*-*.parquet"):
        path.unlink()
    lines = said("verify", "results")[1]
    assert lines[-1] == "8 artefacts whole, 0 damaged, 2 missing, 0 unrecorded, 0 stale"
    assert said("verify", "results/demo")[1][-1].startswith(
        "7 artefacts whole, 0 damaged, 1 missing"
    )


def test_verify_finds_a_damaged_index(run, said):
    Path("results/corpora/garden/index.json").write_text("{")
    lines = said("verify", "results/corpora")[1]
    assert state_of(lines, "results/corpora/garden/index.json") == [
        ("damaged", "the index cannot be read")
    ]


@pytest.mark.parametrize("fast", [[], ["--fast"]])
def test_what_was_made_from_another_content_is_stale(run, said, fast):
    make("results/audio/mono/garden/000.csv", "resample", "other")
    status, lines, _ = said("verify", *fast, "results/demo")
    assert status == 1
    for name in ("folds.csv", "stages/first/f1p0s1.keras"):
        assert state_of(lines, f"results/demo/{name}") == [
            ("stale", "made from another content of results/audio/mono/garden/000.csv")
        ]
    assert lines[-1].startswith("5 artefacts whole, 0 damaged, 0 missing, 0 unrecorded, 2 stale")


def test_a_changed_input_from_outside_makes_stale(run, said):
    Path("own-labels.csv").write_text("itemid,hasbird\nr1,1\n")
    lines = said("verify", "results")[1]
    [(state, detail)] = state_of(lines, "results/demo/submission.csv")
    assert (state, detail) == ("stale", "made from another content of own-labels.csv")


def test_verify_says_that_a_run_is_at_work(run, said):
    with open("results/.run.lock", "w") as lock:
        json.dump({"process": 7, "host": platform.node(), "since": "today"}, lock)
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        status, _, errors = said("verify", "results")
        assert doctor.holder("results") == f"process 7 on {platform.node()}, since today"
    assert status == 0
    assert "process 7 on" in errors
    assert doctor.holder("results") is None


def test_a_link_that_leads_back_does_not_loop(run, said):
    (run / "results/demo/up").symlink_to(run / "results")
    assert said("verify", "results/audio")[0] == 0
    assert said("verify", "results/demo")[0] in (0, 1)


def test_why_shows_inputs_settings_and_seed(run, said):
    status, lines, _ = said("why", "results/demo/folds.csv")
    text = "\n".join(lines)
    assert status == 0
    assert lines[0] == "results/demo/folds.csv"
    assert "rule deal_folds, experiment=demo" in text
    assert re.search(
        r"made      20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00, [\d.]+ s into its job", text
    )
    assert "2017 (folds.settings.seed)" in text
    digest = artefacts.sha256("results/audio/mono/garden/000.csv")[:12]
    assert f"  {digest}  results/audio/mono/garden/000.csv  (unchanged)" in lines
    assert "    settings:\n      seed: 2017" in text
    assert "  13b60af16337  dawnchorus.runtime.seeds" in lines
    assert "  numpy 2.4.6" in lines
    assert "command   snakemake results/demo/folds.csv" in lines


def test_why_shows_which_inputs_still_match(run, said):
    flip("results/demo/folds.csv")
    os.unlink("own-labels.csv")
    lines = said("why", "results/demo/submission.csv")[1]
    assert any(line.endswith("results/demo/folds.csv  (CHANGED)") for line in lines)
    assert any(line.endswith("own-labels.csv  (missing)") for line in lines)


def test_why_says_that_an_input_has_no_record(run, said):
    artefacts.record_path("results/demo/folds.csv", "results").unlink()
    lines = said("why", "results/demo/submission.csv")[1]
    assert any(line.endswith("folds.csv  (unchanged; no record)") for line in lines)
    outside = "own-labels.csv  (unchanged; from outside the results, no record)"
    assert any(line.endswith(outside) for line in lines)


def test_why_deep_leads_to_the_listing_and_tells_nothing_twice(run, said):
    lines = said("why", "--deep", "results/demo/metrics.json")[1]
    [listing] = Path("results/corpora/garden/listings").iterdir()
    assert lines[0].startswith("results/demo/metrics.json  evaluate ")
    assert f"      {listing} (listed)" in lines
    assert sum(str(listing) in line for line in lines) == 1
    assert sum("folds.csv" in line and line.endswith("(see above)") for line in lines) == 1


def test_why_json_prints_the_record(run, said):
    lines = said("why", "--json", "results/demo/folds.csv")[1]
    record = artefacts.read_record("results/demo/folds.csv", "results")
    assert json.loads("\n".join(lines)) == record


def test_why_knows_tables_and_the_index(run, said):
    [listing] = Path("results/corpora/garden/listings").iterdir()
    assert said("why", listing)[1][-1].endswith("what its name says")
    listing.write_bytes(b"PAR1 damaged")
    assert said("why", listing)[1][-1].endswith("NOT what its name says")
    assert said("why", "results/corpora/garden/index.json")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["why", "results/demo/nothing.h5"], "is not there and has no record"),
        (["why", "results/demo/notes.md"], "has no record"),
        (["why", "own-labels.csv"], "in no results folder"),
        (["verify", "results/nothing"], "no such file, and no record"),
        (["verify", "/nothing"], "in no results folder"),
        (["verify", "results/logs"], "holds no artefacts"),
        (["verify", "results/.provenance/demo"], "is a record"),
    ],
)
def test_wrong_use_is_one_line_and_status_2(run, said, arguments, words):
    status, lines, errors = said(*arguments)
    assert status == 2
    assert not lines
    assert errors.startswith("error: ")
    assert words in errors
    assert errors.count("\n") == 1


def test_no_command_is_a_wrong_use(said):
    status, _, errors = said()
    assert status == 2
    assert "verify" in errors


def test_doctor_finds_a_fit_environment(run, said, monkeypatch):
    monkeypatch.setattr(doctor, "_CUDA", "no-such-package")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    status, lines, _ = said("doctor")
    found = {line[6:24].strip(): line for line in lines}
    assert status == 0
    assert found["numpy"].startswith("ok")
    assert found["GPUs"].split()[-1] == "7"
    assert found["CUDA"].startswith("note")
    assert "uv sync --extra gpu" in found["CUDA"]
    assert found["metadata"].startswith("note")
    assert "none at work" in found["run"]


def test_doctor_finds_an_old_package_and_a_missing_one(run, said, monkeypatch):
    wanted = ["numpy>=999", "no-such-package>=1", "jax>=0.5; extra == 'jax'"]
    monkeypatch.setattr(doctor.importlib.metadata, "requires", lambda _: wanted)
    status, lines, _ = said("doctor")
    bad = [line.split()[1] for line in lines if line.startswith("bad")]
    assert status == 1
    assert bad == ["numpy", "no-such-package"]


def test_doctor_finds_what_killed_jobs_left(run, said):
    Path("results/demo/.metrics.0123456789ab.tmp.json").write_text("half")
    Path("results/.provenance/demo/.0123456789ab.tmp").write_text("half")
    lines = said("doctor")[1]
    assert any("half-written files" in line and " 2 left by killed jobs" in line for line in lines)


def test_check_reads_a_config_without_running_what_is_in_it(tmp_path, capsys):
    tree = str(Path(__file__).parents[1])
    assert command.main(["check", "--workflow", tree]) == 0
    assert capsys.readouterr().out == "sound: runs demo on demo-test, demo-train\n"
    code = f"?open({str(tmp_path / 'RAN')!r}, 'w').close()"
    bomb = "a: &a {x: 1, y: 2, z: 3}\n" + "".join(
        f"{b}: &{b} {{" + ", ".join(f"k{i}: *{a}" for i in range(9)) + "}\n"
        for a, b in zip("abcdefghijk", "bcdefghijkl", strict=True)
    )
    for name, text, said in (
        ("yte.yaml", f"__use_yte__: true\nx: {code!r}\n", "__use_yte__"),
        ("bomb.yaml", bomb, "aliases"),
    ):
        (tmp_path / name).write_text(text)
        assert command.main(["check", "--workflow", tree, str(tmp_path / name)]) == 2
        shown = capsys.readouterr().err
        assert shown.count("\n") == 1
        assert said in shown
    assert not (tmp_path / "RAN").exists()


def test_commands_and_the_start_of_a_run_import_no_heavy_package():
    heavy = (
        "h5py",
        "keras",
        "librosa",
        "matplotlib",
        "numpy",
        "pandas",
        "pyarrow",
        "rich",
        "scipy",
    )
    text = (
        "import sys, dawnchorus.cli.command, dawnchorus.plan.startup, dawnchorus.plan.rules\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
