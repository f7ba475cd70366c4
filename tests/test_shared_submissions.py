"""Which jobs are one submission to a cluster, and which run in the head."""

import math
import re
from collections import defaultdict
from types import SimpleNamespace

import pytest
import test_sed_workflow
import tiny
import yaml

from dawnchorus.plan.jobs import jobs
from dawnchorus.plan.rules import all_rules

PROFILE = yaml.safe_load((tiny.ROOT / "profiles/slurm/profile.yaml").read_text())
_RULE = re.compile(r"^rule (\w+):\n((?:[ \t]+.*\n|\n)*)", re.M)


def declared(directive):
    """Return what each rule that has a directive says there."""
    found = {}
    for path in (tiny.ROOT / "rules").glob("*.smk"):
        for name, body in _RULE.findall(path.read_text()):
            if match := re.search(rf"^    {directive}:\s*(.+)$", body, re.M):
                found[name] = match[1].strip('"')
    return found


def submissions(run):
    """Return the jobs of a run by what submits them: sets of jobs, and those of the head."""
    groups, local, planned = declared("group"), declared("localrule"), jobs(run)
    training = all_rules(run).training

    def group_of(job):
        said = groups.get(job.rule)
        return (
            training.group(SimpleNamespace(**job.wildcards)) if said == "training.group" else said
        )

    makes = {path: job for job in planned for path in job.outputs.values()}
    above = {job.key: [makes[p] for p in job.input_paths if p in makes] for job in planned}
    # jobs of one group that follow from each other, as Snakemake has them
    found = {job.key: {job.key} for job in planned}
    for job in planned:
        for other in above[job.key]:
            if group_of(job) is not None and group_of(job) == group_of(other):
                joined = found[job.key] | found[other.key]
                found |= dict.fromkeys(joined, joined)
    alone = {id(one): one for key, one in found.items() if key[0] not in local}
    return list(alone.values()), [key for key in found if key[0] in local], above


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return tiny.Project(tmp_path_factory.mktemp("demo")).run_of({})


@pytest.fixture(scope="module")
def sound_events(tmp_path_factory):
    overlay = tiny.ROOT / "experiments/serizel2018.yaml"
    folder = tmp_path_factory.mktemp("events")
    return tiny.run_without_recordings(folder, test_sed_workflow.beyond(), overlay)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    settings = tiny.config()
    settings["experiments"]["one"] |= {"drawn": ["first"], "export": ["first"], "database": True}
    settings["experiments"]["one"]["calibration"] = {"method": "platt"}
    settings["apply"] = {"night": {"model": "results/one/first.dawnchorus", "corpora": ["small"]}}
    return tiny.run_without_recordings(tmp_path_factory.mktemp("exported"), settings)


def test_the_demo_is_at_most_twenty_submissions(demo):
    shared, in_head, _ = submissions(demo)
    each = [int(text.partition("=")[2]) for text in PROFILE["group-components"]]
    assert len(each) == 1
    members = [one for one in shared if {rule for rule, _ in one} == {"train"}]
    assert sum(map(len, members)) == 15
    n = len(shared) - len(members) + math.ceil(len(members) / each[0])
    assert n <= 20
    assert len(jobs(demo)) > 50
    assert len(in_head) == 6


@pytest.mark.parametrize("name", ["demo", "sound_events", "exported"])
def test_no_submission_waits_for_what_follows_from_it(name, request):
    shared, _, above = submissions(request.getfixturevalue(name))
    by_key = {key: number for number, one in enumerate(shared) for key in one}
    followers = defaultdict(set)
    for key, others in above.items():
        for other in others:
            followers[other.key].add(key)
    assert any(len(one) > 2 for one in shared)
    for number, one in enumerate(shared):
        # from all that follows from it and is not of it, no way leads back
        waiting, seen = [k for key in one for k in followers[key] if k not in one], set()
        while waiting:
            key = waiting.pop()
            assert by_key.get(key) != number, f"{key} is of a submission that it waits for"
            if key not in seen:
                seen.add(key)
                waiting += followers[key]


def test_a_long_training_is_a_submission_of_its_own(exported):
    settings = tiny.config()["experiments"]["one"]
    wildcards = SimpleNamespace(experiment="one", stage="first", member="f1p0s1")
    training = all_rules(exported).training
    assert training.group(wildcards) == "members"
    assert [training.minutes(wildcards, attempt) for attempt in (1, 2)] == [60, 120]
    stage = exported.config["experiments"]["one"]["stages"]["first"]
    before = stage["training"]
    for changed in (
        {"epochs": 10**7},
        {"epochs": None, "steps": 10**7},
        {"epochs": 10**7, "steps_per_epoch": None},
    ):
        stage["training"] = {**before, **changed}
        assert training.group(wildcards) is None, (changed, settings["training"])
        assert training.minutes(wildcards, 2) == 2880
    stage["training"] = before
