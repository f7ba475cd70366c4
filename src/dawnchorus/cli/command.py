"""The command ``dawnchorus``: to begin and run the workflow, and what is no step of it.

* ``dawnchorus init FOLDER``: look at recordings and write a config for them.
* ``dawnchorus run [CONFIG...] [-- OPTIONS]``: Snakemake with this workflow, from any folder.
* ``dawnchorus status [FOLDER]``: how a run is going, from another terminal.
* ``dawnchorus predict MODEL PATH...``: what an exported model finds in recordings.
* ``dawnchorus serve MODEL``: a page on which a person classifies a recording.
* ``dawnchorus show FILE``: any artefact in readable form.
* ``dawnchorus why FILE``: what a file was made from.
* ``dawnchorus verify PATH...``: compare results with their records.
* ``dawnchorus check CONFIG...``: look for errors in a config; nothing in it is run.
* ``dawnchorus config [KEY]``: what a key of the config means.
* ``dawnchorus explain [CODE...]``: what a code of a verdict, warning or message means.
* ``dawnchorus doctor``: whether machine and environment are fit for a run.
* ``dawnchorus segments``: what of recordings is signal, from a database of the results.
* ``dawnchorus sample``: draw detections for a person to check, and read the answers.
* ``dawnchorus embed MODEL PATH...``: embeddings of recordings by a pretrained network.
* ``dawnchorus similar EMBEDDINGS``: recordings that sound like one, or like a sample.
* ``dawnchorus map EMBEDDINGS``: a picture in which like recordings lie near each other.
* ``dawnchorus summarise``: detections by class, site, date and hour, against the hours recorded.
* ``dawnchorus plot``: figures of recordings, corpora, frontends and augmentations.
* ``dawnchorus compare FOLDER...``: runs side by side, or beside published scores.
* ``dawnchorus sort``: a BirdCLEF corpus as a tree of classes, for training and validation.

A command is a function of a module with ``add_to(commands)``. Only the module of the command that is
asked for is imported: using a model starts at once, and needs none of the packages of the workflow. Exit
status: 0 where all is well, 1 where something is not, 2 for a wrong use, with one sentence.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from dawnchorus.runtime import logs, run

# module of each command, in the order of the help
COMMANDS = {
    "init": "init", "run": "launch", "status": "status", "predict": "predict", "serve": "serve",
    "show": "show", "why": "why", "verify": "verify", "config": "config", "check": "config",
    "explain": "codes", "doctor": "doctor", "segments": "segments", "sample": "sample",
    "embed": "embed", "similar": "similar", "map": "similar", "summarise": "summarise",
    "plot": "plot", "compare": "compare", "sort": "sort",
}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    parser = argparse.ArgumentParser(
        "dawnchorus", description="Begin and run the workflow, and look at what it made."
    )
    parser.add_argument("--version", action="version", version=version("dawnchorus"))
    parser.set_defaults(command=None)
    commands = parser.add_subparsers(title="commands", metavar="")
    asked = [COMMANDS[name] for name in given[:1] if name in COMMANDS]
    for name in asked or dict.fromkeys(COMMANDS.values()):
        try:
            importlib.import_module(f"dawnchorus.cli.{name}").add_to(commands)
        except ModuleNotFoundError as error:
            if asked:
                return _refuse_without(error)
            for absent in (command for command, module in COMMANDS.items() if module == name):
                commands.add_parser(absent, help="needs dawnchorus[workflow]: not installed")
    # argparse would take options of Snakemake for its own, or drop the dashes before them
    here = given.index("--") if given[:1] == ["run"] and "--" in given else len(given)
    chosen = parser.parse_args(given[:here])
    chosen.after_dashes = given[here + 1 :]
    if chosen.command is None:
        parser.print_help(sys.stderr)
        return 2
    try:
        if arguments is None:  # of this process
            run.restart_in_utf8()
        return chosen.command(chosen)
    except ModuleNotFoundError as error:
        return _refuse_without(error)
    except (ValueError, OSError) as error:
        if isinstance(error, BrokenPipeError):  # `dawnchorus verify results | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        print(f"error: {logs.one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _refuse_without(error: ModuleNotFoundError) -> int:
    """Say what to install where a package of the workflow is missing; return the exit status."""
    if (error.name or "dawnchorus").partition(".")[0] == "dawnchorus":
        raise error  # a module of our own: a fault, and no matter of what is installed
    print(
        f"error: this command needs {error.name}, a package of the workflow; install it by "
        "pip install 'dawnchorus[workflow]'",
        file=sys.stderr,
    )
    return 2


if __name__ == "__main__":
    sys.exit(main())
