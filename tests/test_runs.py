"""The main process: its lock, and what it says of a results folder."""

import errno
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dawnchorus.cli import doctor
from dawnchorus.runtime import run

HOLD = """
import sys, time
from dawnchorus.runtime import run
run.hold_lock(sys.argv[1])
print('held', flush=True)
time.sleep(60)
"""


def test_one_run_at_a_time_and_the_lock_dies_with_its_process(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ValueError, match=f"in use by process {holder.pid} on .*, since"):
            run.hold_lock(tmp_path)
        holder.kill()
        holder.wait()
    run.hold_lock(tmp_path)
    run._kept.pop().release()


@pytest.mark.parametrize(
    ("arguments", "is_looking"),
    [
        (["--cores", "2"], False),
        (["-n"], True),
        (["-np", "--cores", "2"], True),
        (["--dry-run"], True),
        (["--lint"], True),
        (["--unlock"], True),
        (["--configfile", "x.yaml", "--cores", "1", "all"], False),
    ],
)
def test_looking_takes_no_lock(arguments, is_looking):
    assert run.is_only_looking(arguments) is is_looking


def test_lost_metadata_are_told(tmp_path):
    assert run.lost_metadata(tmp_path / "results", tmp_path / ".snakemake") is None
    (tmp_path / "results/demo").mkdir(parents=True)
    (tmp_path / "results/demo/folds.csv").touch()
    assert "is gone" in run.lost_metadata(tmp_path / "results", tmp_path / ".snakemake")
    (tmp_path / ".snakemake/metadata").mkdir(parents=True)
    (tmp_path / ".snakemake/metadata/x").touch()
    assert run.lost_metadata(tmp_path / "results", tmp_path / ".snakemake") is None


@pytest.fixture
def without_locks(monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(run.fcntl, "flock", fail)


def test_a_folder_without_file_locks_is_named_with_the_remedy(tmp_path, without_locks):
    said = rf"{tmp_path} cannot be locked \(No locks available\).*local disk.*NFS"
    with pytest.raises(ValueError, match=said):
        run.hold_lock(tmp_path)
    lines = {line.what: line for line in doctor.findings(tmp_path / "results")}
    assert lines["file locks"].state == "bad"
    assert str(tmp_path) in lines["file locks"].text


def test_a_folder_with_locks_is_fit(tmp_path):
    assert run.lock_fault(tmp_path) is None
    lines = {line.what: line.state for line in doctor.findings(tmp_path)}
    assert lines["file locks"] == "ok"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options", [{"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}]
)
def test_names_are_read_as_utf8_under_any_locale(tmp_path, options):
    """The same under Latin-1, of which few machines have a locale."""
    (tmp_path / "au" / "Mönchsgrasmücke").mkdir(parents=True)
    (tmp_path / "au" / "Mönchsgrasmücke" / "ä.wav").write_bytes(b"RIFF")
    code = (
        "import sys\nfrom dawnchorus.runtime import run\nrun.restart_in_utf8()\n"
        "from dawnchorus.corpora.adapters import folders\n"
        "found = folders.recordings({'root': sys.argv[1], 'pattern': '{class}/{}'})\n"
        "print([row.id for row in found.recordings], found.excluded)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "au")], env=os.environ | options,
        capture_output=True, encoding="utf-8", check=True,
    )  # fmt: skip
    assert done.stdout == "['Mönchsgrasmücke/ä'] []\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--sdm", "conda", "apptainer"],
        ["--sdm=apptainer", "-n"],
        ["--software-deployment-method", "apptainer"],
    ],
)
def test_a_deployment_that_no_rule_has_is_refused(arguments):
    with pytest.raises(ValueError, match="apptainer: no rule names a container"):
        run.refuse_containers(["--cores", "2", *arguments])


def test_conda_is_a_deployment_of_the_rules():
    run.refuse_containers(["--sdm", "conda", "--configfile", "apptainer"])


@pytest.mark.parametrize(
    "arguments", [["-F"], ["--forceall", "-n"], ["-nR", "train"], ["-f"], ["-pF"]]
)
def test_a_forced_run_is_known(arguments):
    assert run.is_forced(arguments)


@pytest.mark.parametrize("arguments", [["-n"], ["--configfile", "F.yaml"], ["--cores", "2", "-k"]])
def test_a_run_that_is_not_forced_is_known(arguments):
    assert not run.is_forced(arguments)


@pytest.mark.parametrize(
    ("process", "host", "job", "status"),
    [
        ("gone", None, None, 143),  # the run was killed before its job could ask to die with it
        ("here", None, None, 0),
        ("gone", "elsewhere", None, 0),
        ("gone", None, "17", 0),  # of SLURM
    ],
)
def test_a_job_whose_run_has_ended_does_not_begin(process, host, job, status):
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    number = ended.pid if process == "gone" else os.getpid()
    environment = os.environ | {run.HEAD: f"{number}@{host or platform.node()}"}
    environment |= {"SLURM_JOB_ID": job} if job else {}
    code = "from dawnchorus.runtime import job"
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == status


_HEAD = """
import subprocess, sys
child = "from dawnchorus.runtime import job; print('begun', flush=True); import time; time.sleep(60)"
job = subprocess.Popen([sys.executable, "-c", child], stdout=subprocess.PIPE, text=True)
job.stdout.readline()
print(job.pid, flush=True)
job.wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the kernel cannot be asked")
def test_a_job_is_killed_with_its_head():
    head = subprocess.Popen([sys.executable, "-c", _HEAD], stdout=subprocess.PIPE, text=True)
    try:
        job = int(head.stdout.readline())
        os.kill(job, 0)  # it is there
    finally:
        head.kill()
        head.wait()
        head.stdout.close()

    def is_there():
        try:
            status = Path(f"/proc/{job}/stat").read_text()
        except OSError:
            return False
        return status.rpartition(")")[2].split()[0] != "Z"  # one that nobody waits for

    until = time.monotonic() + 20
    while is_there():
        assert time.monotonic() < until
        time.sleep(0.02)
