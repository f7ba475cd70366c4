"""What a run on SLURM is told of its site, and what `doctor --slurm` finds, with made-up clients."""

import os
import re

import pytest
import yaml
from tiny import ROOT

from dawnchorus.cli import slurm_findings
from dawnchorus.plan.job_resources import growing
from dawnchorus.runtime import devices, slurm

CONFIG = """Configuration data as of 2026-11-30T10:00:00
AccountingStorageType   = accounting_storage/{accounting}
ClusterName             = meadow
MaxJobCount             = 10000
MinJobAge               = {age} sec
SLURM_VERSION           = 22.05.8
"""


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """Put clients of a cluster into PATH; return what doctor finds for a profile."""

    def look(age=300, accounting="none", partitions="cpu\ngpu\n", profile=None, site=None):
        for name, text in (
            ("scontrol", CONFIG.format(age=age, accounting=accounting)), ("sinfo", partitions),
        ):  # fmt: skip
            (tmp_path / f"{name}.txt").write_text(text)
            client = tmp_path / name
            client.write_text(f"#!/bin/sh\nexec /bin/cat {tmp_path / name}.txt\n")
            client.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        shipped = ROOT / "profiles/slurm"
        folder = tmp_path / "profile"
        folder.mkdir(exist_ok=True)
        chosen = yaml.safe_load((shipped / "profile.yaml").read_text()) | (profile or {})
        (folder / "profile.yaml").write_text(yaml.safe_dump(chosen))
        (folder / "site.yaml").write_text(site or (shipped / "site.yaml").read_text())
        return {line.what: line for line in slurm_findings.findings(folder)}

    return look


def test_a_cluster_that_fits_the_shipped_profile(cluster):
    found = cluster()
    assert found["SLURM"].text == "22.05.8 (meadow)"
    assert {name: line.state for name, line in found.items() if name != "SLURM plugin"} == {
        "SLURM": "ok", "status of jobs": "ok", "partitions": "ok", "limits": "ok",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "what", "said"),
    [
        (
            {"age": 2},
            "status of jobs",
            "squeue forgets a job 2 s after its end.*no accounting either",
        ),
        ({"age": 2, "accounting": "slurmdbd"}, "status of jobs", "set slurm-status-command: sacct"),
        (
            {"profile": {"slurm-status-command": "sacct"}},
            "status of jobs",
            "never end; set .*squeue",
        ),
        (
            {"partitions": "short\n"},
            "partitions",
            "names cpu, gpu, which sinfo does not list; .* short",
        ),
        (
            {"site": "partitions: {cpu: {}}"},
            "GPU partition",
            "trainings, which ask for a GPU, find no",
        ),
    ],
)
def test_what_would_stop_a_run_is_said(cluster, given, what, said):
    line = cluster(**given)[what]
    assert line.state == "bad"
    assert re.search(said, line.text)


def test_without_a_cluster_one_line_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    lines = list(slurm_findings.findings(ROOT / "profiles/slurm"))
    assert (lines[-1].state, lines[-1].what) == ("bad", "SLURM")


@pytest.mark.parametrize("option", ["--profile", "--workflow-profile"])
@pytest.mark.parametrize("is_joined", [True, False])
def test_a_site_is_told_to_plugin_and_sbatch(option, is_joined, tmp_path, monkeypatch):
    for name in (slurm.PARTITIONS, slurm.ACCOUNT):
        monkeypatch.setenv(name, "before")
        monkeypatch.delenv(name)
    (tmp_path / "site.yaml").write_text("account: birds\npartitions: {long: {max_gpu: 2}}")
    slurm.announce_site([f"{option}={tmp_path}"] if is_joined else ["-n", option, str(tmp_path)])
    assert os.environ[slurm.PARTITIONS] == str(tmp_path / "site.yaml")
    assert os.environ[slurm.ACCOUNT] == "birds"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no partitions"),
        ("partitions: cpu", "names no partitions"),
        (
            "partitions: {cpu: {}}\nacount: birds",
            "acount: unknown key; expected account, partitions",
        ),
    ],
)
def test_a_site_that_says_nothing_is_one_sentence(text, said, tmp_path):
    (tmp_path / "site.yaml").write_text(text)
    with pytest.raises(ValueError, match=said):
        slurm.announce_site(["--profile", str(tmp_path)])


def test_a_profile_without_a_site_file_is_left_alone(monkeypatch):
    monkeypatch.delenv(slurm.PARTITIONS, raising=False)
    slurm.announce_site(["--profile", str(ROOT / "profiles/default"), "--cores"])
    assert slurm.PARTITIONS not in os.environ


def test_each_attempt_asks_for_more():
    assert [growing(2000)(None, attempt) for attempt in (1, 2, 3)] == [2000, 4000, 6000]


def test_every_rule_asks_for_memory_and_time_and_the_profile_for_nothing():
    """What a profile says of a rule would take the place of what the rule says."""
    profile = yaml.safe_load((ROOT / "profiles/slurm/profile.yaml").read_text())
    assert not {"set-resources", "set-threads"} & set(profile)
    # one job of a submission at a time: of no rule
    assert profile["default-resources"] == profile["resources"] == [f"{devices.IN_TURN}=1"]
    assert profile["set-resource-scopes"] == [f"{devices.IN_TURN}=local"]
    shared = yaml.safe_load((ROOT / "profiles/default/profile.yaml").read_text())
    assert {key for key in shared if shared[key] != profile[key]} == {"latency-wait"}
    for path in (ROOT / "rules").glob("*.smk"):
        for rule in path.read_text().split("\nrule ")[1:]:
            if "output:" not in rule:  # a target, which is no job
                continue
            asked = rule.split("resources:")[1].split("params:")[0]
            assert "mem_mb=growing(" in asked, rule
            assert "runtime=growing(" in asked or "runtime=training.minutes" in asked, rule
            # what runs a network
            name = rule.split(":")[0]
            assert ("gpu=1" in asked) == (name in ("train", "predict", "predict_frames")), name
