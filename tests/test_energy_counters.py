"""Energy of jobs: counters of made-up files and of a made-up library; nothing where there are none."""

import json

import pytest
import report_results

from dawnchorus.report import costs
from dawnchorus.report.job_records import read_jobs
from dawnchorus.report.result_data import read_results
from dawnchorus.runtime import artefacts, devices, energy

RANGE_UJ = 10_000_000


def write_counter(folder, name, title, microjoules):
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    (place / "name").write_text(f"{title}\n")
    (place / "max_energy_range_uj").write_text(f"{RANGE_UJ}\n")
    (place / "energy_uj").write_text(f"{microjoules}\n")


@pytest.fixture
def powercap(tmp_path, monkeypatch):
    """A folder as Linux has it: two processors, a part of one, and the whole machine beside them."""
    monkeypatch.setenv(devices.VARIABLE, "")
    folder = tmp_path / "powercap"
    write_counter(folder, "intel-rapl:0", "package-0", 1_000_000)
    write_counter(folder, "intel-rapl:1", "package-1", 9_000_000)
    write_counter(folder, "intel-rapl:0:0", "core", 500_000)
    write_counter(folder, "intel-rapl:2", "psys", 10_000)
    return folder


def test_processors_are_counted_once_and_a_full_counter_begins_again(powercap):
    about = {}
    with energy.counting(about, powercap):
        assert dict(about[energy.KEY]) == {"processors": 0.0}
        write_counter(powercap, "intel-rapl:0", "package-0", 3_500_000)
        assert dict(about[energy.KEY]) == {"processors": 2.5}
        # 9 of 10 J, then 2: it has gone through 10
        write_counter(powercap, "intel-rapl:1", "package-1", 2_000_000)
        assert dict(about[energy.KEY]) == {"processors": 5.5}
        # what is counted by part or for all together is in it already
        write_counter(powercap, "intel-rapl:0:0", "core", 9_500_000)
        write_counter(powercap, "intel-rapl:2", "psys", 9_500_000)
        assert dict(about[energy.KEY]) == {"processors": 5.5}


def test_a_counter_that_nobody_may_read_is_none(powercap, tmp_path):
    (powercap / "intel-rapl:0/energy_uj").unlink()
    (powercap / "intel-rapl:1/energy_uj").write_text("")
    for folder in (powercap, tmp_path / "none"):
        about = {}
        with energy.counting(about, folder):
            assert about == {}


def test_records_say_what_was_counted_until_they_were_written(powercap, tmp_path):
    results, about = tmp_path / "results", {"rule": "train", "inputs": {}, "wildcards": {}}
    with (
        energy.counting(about, powercap),
        artefacts.record_job({"results": results, "about": about}),
    ):
        write_counter(powercap, "intel-rapl:0", "package-0", 2_000_000)
        artefacts.write_text(results / "a.txt", "a")
        write_counter(powercap, "intel-rapl:0", "package-0", 5_000_000)
        artefacts.write_text(results / "b.txt", "b")
    said = [
        artefacts.read_record(results / name, results)[energy.KEY] for name in ("a.txt", "b.txt")
    ]
    assert said == [{"processors": 1.0}, {"processors": 4.0}]
    found = read_jobs([str(results / "a.txt"), str(results / "b.txt")], str(results))
    assert [job.energy_j for job in found.by_rule["train"]] == [4.0]


class Nvml:
    """The functions of NVML that are asked, on one card that counts and one that does not."""

    def __init__(self):
        self.millijoules = 7_000

    def nvmlInit_v2(self):
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, number, handle):
        handle._obj.value = number + 1
        return 0 if number < 2 else 6

    def nvmlDeviceGetHandleByUUID(self, name, handle):
        handle._obj.value = 1
        return 0 if name == b"GPU-1" else 6

    def nvmlDeviceGetTotalEnergyConsumption(self, handle, counted):
        counted._obj.value = self.millijoules
        return 0 if handle.value == 1 else 3


def test_the_gpus_of_a_job_are_counted_where_they_count(monkeypatch, tmp_path):
    nvml = Nvml()
    monkeypatch.setattr(energy.ctypes, "CDLL", lambda name: nvml)
    for names in ("0", "GPU-1", "0,1,5"):  # the second card does not count, and there is no sixth
        monkeypatch.setenv(devices.VARIABLE, names)
        about = {}
        with energy.counting(about, tmp_path):
            nvml.millijoules += 1_500
            assert dict(about[energy.KEY]) == {"gpus": 1.5}
    monkeypatch.setenv(devices.VARIABLE, "")  # a job that asked for none
    assert energy.leased_gpus() == []


def test_a_report_says_energy_where_it_was_counted_alone(tmp_path, monkeypatch):
    asked = report_results.written(tmp_path)
    data = read_results(asked, str(tmp_path))
    assert not data.jobs.by_rule
    record = artefacts.record_path(asked["metrics"], tmp_path)
    record.parent.mkdir(parents=True, exist_ok=True)
    about = {
        "rule": "evaluate",
        "wildcards": {},
        "inputs": {},
        "seconds": 2.0,
        "command": "snakemake <b>",
    }
    for counted, said in ((None, "No energy was counted"), ({"processors": 7.2e6}, "2.000 kWh")):
        extra = {} if counted is None else {energy.KEY: counted}
        record.write_text(json.dumps(about | extra))
        text = costs.costs(read_results(asked, str(tmp_path)))
        assert said in text
        assert ("energy (kJ)" in text) == (counted is not None)
        assert "<code>snakemake &lt;b&gt;</code>" in text
