"""``dawnchorus run [CONFIG...] [-- OPTIONS]``: Snakemake with this workflow, from any folder.

The workflow (Snakefile, rules, scripts, profiles, environments, experiments) is the clone that the
package is installed from for editing, or else the copy inside the installed package. Results are
written to ``results/`` of the working directory.

* `workflow_folder`: where the Snakefile is.
* `chosen_configs`: which configs a run without names has.
* `command_line`: the command of Snakemake.
"""

import argparse
import importlib.util
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import dawnchorus

WRITTEN_BY = "# dawnchorus init"  # how a config begins that `dawnchorus init` has written
_CONFIG = "config.yaml"
_WITH_CORES = re.compile(r"(-c|-j)\d*|--(cores|jobs|executor|workflow-profile|profile)(=.*)?")


def add_to(commands) -> None:
    """Add the command to the parsers of the command line."""
    parser = commands.add_parser(
        "run",
        help="run the workflow from any folder",
        usage="dawnchorus run [CONFIG ...] [-- OPTIONS OF SNAKEMAKE]",
    )
    parser.add_argument("configs", nargs="*", metavar="CONFIG")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Become Snakemake; return the exit status only where that cannot begin."""
    folder = workflow_folder()
    if importlib.util.find_spec("snakemake") is None:
        raise ValueError(
            "snakemake is not installed, which runs the workflow; install it with "
            "`pip install 'dawnchorus[workflow]'`"
        )
    configs = chosen_configs(arguments.configs, folder, arguments.after_dashes)
    command = command_line(folder, configs, arguments.after_dashes)
    # in place of this process: signals reach Snakemake and its trainings as they always do; -P: a file
    # of the working directory called random.py is not imported
    os.execv(sys.executable, [sys.executable, "-P", "-m", *command])


def workflow_folder() -> Path:
    """Return the folder of the Snakefile.

    Raises
    ------
    ValueError
        Where neither the package nor a clone around it has one.
    """
    package = Path(dawnchorus.__file__).parent
    places = (package.parents[1], package / "workflow")  # src/dawnchorus of a clone; a wheel
    for place in places:
        # a Snakefile of somebody else may lie two folders above site-packages
        if (place / "Snakefile").is_file() and (place / "rules/corpora.smk").is_file():
            return place
    raise ValueError(
        f"no Snakefile in {str(places[1])!r} or {str(places[0])!r}; install dawnchorus from its wheel, "
        "or from a clone with `pip install -e .`"
    )


def chosen_configs(given: Sequence[str], workflow: Path, options: Sequence[str]) -> list[str]:
    """Return the configs of a run.

    Parameters
    ----------
    given : sequence of str
        Those that were named; none: the one that lies in the working directory, ``config.yaml`` or
        what ``dawnchorus init`` wrote. In the folder of the workflow that is the demonstration.
    workflow : path
        The folder of the Snakefile, whose own ``config.yaml`` is read anyway.
    options : sequence of str
        Those of Snakemake: with ``--configfile`` among them nothing is looked for.

    Raises
    ------
    ValueError
        Where a config is missing, or there are none or several to choose from.
    """
    if missing := [path for path in given if not os.path.isfile(path)]:
        raise ValueError(
            f"config {missing[0]!r} is not there; expected a YAML file, or none to take the one in "
            "this folder (options of Snakemake stand after --)"
        )
    if given or any(
        option.split("=")[0] in ("--configfile", "--configfiles") for option in options
    ):
        return list(given)
    here = sorted(str(path) for path in Path().glob("*.yaml") if path.is_file())
    is_workflow = os.path.samefile(workflow, os.curdir)
    found = []
    for path in here:
        with open(path, encoding="utf-8", errors="replace") as file:
            if file.readline().startswith(WRITTEN_BY):
                found.append(path)
    if _CONFIG in here and not is_workflow and _CONFIG not in found:
        found.append(_CONFIG)
    if len(found) > 1:
        raise ValueError(
            f"{len(found)} configs are in this folder: {', '.join(found)}; say which one: "
            f"`dawnchorus run {found[0]}`"
        )
    if not found and not is_workflow:
        others = f"; of YAML there is {', '.join(here[:5])}" if here else ""
        raise ValueError(
            f"no {_CONFIG} and no config of `dawnchorus init` in {os.getcwd()}{others}; write one with "
            "`dawnchorus init FOLDER`, or name it: `dawnchorus run CONFIG`"
        )
    return found


def command_line(workflow: Path, configs: Sequence[str], options: Sequence[str]) -> list[str]:
    """Return Snakemake's command line, its name first.

    All cores that this process may use are given to it, unless the options say how many, where jobs
    run, or which profile says so.
    """
    command = ["snakemake", "--snakefile", str(workflow / "Snakefile")]
    if configs:
        command += ["--configfile", *configs]
    if not any(_WITH_CORES.fullmatch(option) for option in options):
        has_affinity = hasattr(os, "sched_getaffinity")
        n_cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
        command += ["--cores", str(n_cores)]
    command += options
    for at, option in enumerate(command):
        name, sign, value = option.partition("=")
        if name == "--workflow-profile":
            # a profile of the workflow, such as profiles/slurm, is found from any folder
            at, value = (at, value) if sign else (at + 1, "".join(command[at + 1 : at + 2]))
            inside = workflow / value
            if value and not os.path.exists(value) and inside.is_dir():
                command[at] = f"{name}={inside}" if sign else str(inside)
    return command
