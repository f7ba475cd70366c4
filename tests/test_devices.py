import contextlib
import os
import subprocess
import sys
import types

import pytest

from dawnchorus.runtime import devices

HOLD = """
import os
from dawnchorus.runtime import devices
devices._WAIT_S = 0.02
with devices.lease_gpu(1):
    print(os.environ["CUDA_VISIBLE_DEVICES"], flush=True)
    input()
"""


@pytest.fixture
def hold(tmp_path):
    """Start a process that leases a GPU, says which and holds it until it is told to end."""
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "0, 1", "TMPDIR": str(tmp_path)}
    environment.pop("SLURM_JOB_ID", None)
    with contextlib.ExitStack() as started:

        def start(share=1):
            process = subprocess.Popen(
                [sys.executable, "-c", HOLD], env=environment | {devices.SHARE: str(share)}, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            started.enter_context(process)
            started.callback(process.kill)
            return process

        yield start


@pytest.fixture
def on(monkeypatch, tmp_path):
    """Set the variables that choose a device."""
    monkeypatch.setattr(devices.tempfile, "tempdir", str(tmp_path))

    def choose(visible, slurm=None):
        for name, value in (("CUDA_VISIBLE_DEVICES", visible), ("SLURM_JOB_ID", slurm)):
            monkeypatch.delenv(name, raising=False)
            if value is not None:
                monkeypatch.setenv(name, value)

    return choose


def test_each_process_gets_a_gpu_of_its_own_and_the_third_waits(hold):
    first, second = hold(), hold()
    names = [process.stdout.readline().strip() for process in (first, second)]
    assert sorted(names) == ["0", "1"]
    third = hold()
    with pytest.raises(subprocess.TimeoutExpired):
        third.wait(0.5)
    os.set_blocking(third.stdout.fileno(), False)
    assert third.stdout.readline() == ""
    os.set_blocking(third.stdout.fileno(), True)
    first.communicate("\n", timeout=20)
    assert third.stdout.readline().strip() == names[0]


def test_a_killed_process_gives_its_gpu_back(hold):
    first, second = hold(), hold()
    name = first.stdout.readline()
    second.stdout.readline()
    first.kill()
    assert hold().stdout.readline() == name


def test_the_choice_of_a_scheduler_stands(on):
    on("3,4", slurm="17")
    with devices.lease_gpu(1):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "3,4"


@pytest.mark.parametrize("slurm", [None, "17"])
def test_who_asks_for_no_gpu_sees_none(on, slurm):
    on("0,1", slurm)
    with devices.lease_gpu(0):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == ""
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1"


def test_a_lease_ends_with_its_block_even_by_an_error(on):
    on("0,1")

    def fail():
        with devices.lease_gpu(1):
            raise ValueError("no more")

    for _ in range(3):
        with pytest.raises(ValueError, match="no more"):
            fail()
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1"
    with devices.lease_gpu(1):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "0"


def test_the_part_of_a_gpu_may_have_slashes_in_its_name(on):
    on("MIG-GPU-8f6b/1/0")
    with devices.lease_gpu(1):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "MIG-GPU-8f6b/1/0"


@pytest.mark.parametrize(
    ("given", "names"),
    [("0, 1", ["0", "1"]), ("", []), ("-1", []), ("2,-1,3", ["2"]), ("GPU-8f6b", ["GPU-8f6b"])],
)
def test_visible_gpus_are_read_as_cuda_reads_them(on, given, names):
    on(given)
    assert devices.visible_gpus() == names


def test_a_machine_without_the_drivers_tool_has_no_gpus(on, monkeypatch):
    on(None)
    monkeypatch.setenv("PATH", "")
    assert devices.visible_gpus() == []
    with devices.lease_gpu(1):
        assert "CUDA_VISIBLE_DEVICES" not in os.environ


def test_trainings_share_a_gpu_after_each_has_one(hold):
    names = [hold(share=2).stdout.readline().strip() for _ in range(4)]
    assert sorted(names[:2]) == ["0", "1"]
    assert sorted(names) == ["0", "0", "1", "1"]


def test_a_gpu_that_fails_is_not_given_again(on, caplog):
    on("0,1")

    def fail(said):
        with devices.lease_gpu(1):
            raise RuntimeError(said)

    with caplog.at_level("INFO"), pytest.raises(RuntimeError):
        fail("INTERNAL: CUDA_ERROR_ECC_UNCORRECTABLE: uncorrectable ECC error encountered")
    assert "GPU 0 fails (CUDA_ERROR_ECC_UNCORRECTABLE)" in caplog.text
    with devices.lease_gpu(1):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "1"
    with pytest.raises(RuntimeError):
        fail("CUDA_ERROR_OUT_OF_MEMORY: out of memory")  # a full card is sound
    with pytest.raises(RuntimeError):
        fail("GPU is lost")
    with pytest.raises(ValueError, match=r"all GPUs have failed \(0, 1\)"):
        fail("nothing")


class Workflow:
    """What of Snakemake's workflow is asked for cards."""

    is_main_process = True

    def __init__(self, nodes=None, **given):
        self.global_resources = {"_nodes": types.SimpleNamespace(value=nodes), **given}

    def register_resource(self, name, value):
        self.global_resources[name] = value


@pytest.mark.parametrize(
    ("visible", "workflow", "share", "offered"),
    [
        ("0,1", Workflow(), 1, 2),
        ("0,1", Workflow(), 3, 6),
        ("", Workflow(), 1, None),
        ("0,1", Workflow(nodes=100), 1, None),
        ("0,1", Workflow(gpu=8), 1, 8),
    ],
)
def test_snakemake_is_told_how_many_gpus_there_are(
    on, visible, workflow, share, offered, monkeypatch
):
    monkeypatch.setenv(devices.SHARE, "1")
    on(visible)
    devices.limit_jobs(workflow, share)
    assert workflow.global_resources.get("gpu") == offered


def test_a_new_run_gives_a_gpu_that_failed_another_chance(on, monkeypatch):
    monkeypatch.setenv(devices.SHARE, "1")
    on("0")
    with pytest.raises(RuntimeError), devices.lease_gpu(1):
        raise RuntimeError("GPU is lost")
    devices.limit_jobs(Workflow(), 1)
    with devices.lease_gpu(1):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "0"


def test_jobs_of_one_submission_run_one_after_another_on_their_node(on, monkeypatch):
    monkeypatch.setenv(devices.SHARE, "1")
    on("")
    workflow = Workflow(nodes=1)
    devices.limit_jobs(workflow, 1)
    assert devices.IN_TURN not in workflow.global_resources
    workflow.is_main_process = False
    devices.limit_jobs(workflow, 1)
    assert workflow.global_resources[devices.IN_TURN] == 1
