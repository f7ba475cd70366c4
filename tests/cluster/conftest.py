"""A SLURM for the tests of this folder, and a project whose runs use it."""

import contextlib
import shutil
import subprocess

import pytest
import slurm_daemons
import tiny
from on_cluster import OnCluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    if reason := slurm_daemons.missing():
        pytest.skip(f"no SLURM here: {reason}")
    with slurm_daemons.running_cluster(tmp_path_factory.mktemp("slurm")) as up:
        yield up


def _settings():
    settings = tiny.config()
    settings["run"] = ["one"]
    for corpus in settings["corpora"].values():
        corpus["shards"] = 1
    # long enough to be ended in the middle
    settings["experiments"]["one"]["training"] |= {"epochs": 10, "steps_per_epoch": 2}
    return settings


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """A project that was run on this machine alone, and one up to its trainings."""
    project = tiny.Project(tmp_path_factory.mktemp("undisturbed"))
    project.configure(_settings())
    begun = tmp_path_factory.mktemp("begun")
    targets = [
        "results/one/stages/first/targets.parquet", "results/one/baselines.h5", "results/one/leaks.csv",
    ]  # fmt: skip
    for wanted in (targets, []):
        ran = project.run("--", *wanted)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        if wanted is targets:
            shutil.copytree(project.work, begun / "work", symlinks=True)
    return project, begun / "work"


@pytest.fixture
def project(tmp_path, undisturbed, cluster):
    one = OnCluster(tmp_path, undisturbed, cluster)
    yield one
    one.end()


@pytest.fixture
def full_disk():
    """Put a disk of 200 kB over a folder, with what is in it; only root can."""

    @contextlib.contextmanager
    def mounted(folder):
        kept = folder.with_name("kept")
        shutil.copytree(folder, kept)
        command = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)]
        if subprocess.run(command, capture_output=True).returncode:
            pytest.skip("no file system can be mounted here")
        try:
            shutil.copytree(kept, folder, dirs_exist_ok=True)
            yield
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)

    return mounted
