"""`dawnchorus run`: Snakemake with the right Snakefile, configs and profile, from any folder."""

import os
from pathlib import Path

import pytest

from dawnchorus.cli import command, launch

ROOT = Path(__file__).parents[1]


@pytest.fixture
def work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def started(monkeypatch):
    """What would be executed in place of the process."""
    found = []
    monkeypatch.setattr(os, "execv", lambda program, arguments: found.append(arguments))
    return found


def test_options_behind_the_dashes_go_to_snakemake(work, started):
    Path("mine.yaml").write_text("run: [demo]\n")
    command.main(["run", "mine.yaml", "--", "-n", "--cores", "3", "--", "x"])
    (arguments,) = started
    snakefile = str(ROOT / "Snakefile")
    expected = [
        "--snakefile",
        snakefile,
        "--configfile",
        "mine.yaml",
        "-n",
        "--cores",
        "3",
        "--",
        "x",
    ]
    assert arguments[arguments.index("snakemake") + 1 :] == expected


@pytest.mark.parametrize(
    ("options", "is_given"),
    [
        (["-n"], True),
        (["-c1"], False),
        (["--cores=1"], False),
        (["--workflow-profile", "x"], False),
    ],
)
def test_all_cores_are_given_unless_the_options_say(options, is_given):
    assert ("--cores" in launch.command_line(ROOT, [], options)[3:4]) is is_given


def test_a_profile_of_the_workflow_is_found_from_elsewhere(work):
    found = launch.command_line(ROOT, [], ["--workflow-profile", "profiles/slurm"])
    assert found[-1] == str(ROOT / "profiles/slurm")
    found = launch.command_line(ROOT, [], ["--workflow-profile=profiles/slurm", "-n"])
    assert found[-2:] == [f"--workflow-profile={ROOT / 'profiles/slurm'}", "-n"]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"config.yaml": "run: [x]"}, ["config.yaml"]),
        ({"mine.yaml": f"{launch.WRITTEN_BY}: 3"}, ["mine.yaml"]),
        ({"mine.yaml": f"{launch.WRITTEN_BY}: 3", "other.yaml": "run: [x]"}, ["mine.yaml"]),
        ({"config.yaml": f"{launch.WRITTEN_BY}: 3"}, ["config.yaml"]),
    ],
)
def test_the_only_config_of_a_folder_is_taken(work, files, expected):
    for name, content in files.items():
        Path(name).write_text(content)
    assert launch.chosen_configs([], ROOT, []) == expected


def test_several_configs_or_none_are_named(work):
    Path("note.yaml").write_text("x: 1")
    with pytest.raises(ValueError, match="no config.yaml .* there is note.yaml; write one with"):
        launch.chosen_configs([], ROOT, [])
    assert launch.chosen_configs([], ROOT, ["--configfile", "note.yaml"]) == []
    Path("a.yaml").write_text(f"{launch.WRITTEN_BY}: 3")
    Path("config.yaml").write_text("run: [x]")
    with pytest.raises(ValueError, match="2 configs are in this folder: a.yaml, config.yaml"):
        launch.chosen_configs([], ROOT, [])
    with pytest.raises(ValueError, match="config 'b.yaml' is not there"):
        launch.chosen_configs(["b.yaml"], ROOT, [])


def test_the_folder_of_the_workflow_has_its_demonstration(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert launch.chosen_configs([], ROOT, []) == []


def test_an_installed_package_has_the_workflow_in_it(tmp_path, monkeypatch):
    package = tmp_path / "lib/site-packages/dawnchorus"
    (package / "workflow/rules").mkdir(parents=True)
    monkeypatch.setattr(launch.dawnchorus, "__file__", str(package / "__init__.py"))
    with pytest.raises(ValueError, match="no Snakefile in '.*dawnchorus/workflow'"):
        launch.workflow_folder()
    # somebody else's Snakefile above the packages is none of ours
    for place in (tmp_path / "lib", package / "workflow"):
        (place / "Snakefile").touch()
    (package / "workflow/rules/corpora.smk").touch()
    assert launch.workflow_folder() == package / "workflow"
