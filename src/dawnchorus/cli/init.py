"""``dawnchorus init FOLDER``: look at recordings and write a config that runs as it is.

Nothing is asked and nothing is overwritten. What is looked at is bounded; what was found, and what the
proposal rests on, is printed.
"""

import argparse

from dawnchorus.cli import folder_report, launch, proposed_config
from dawnchorus.settings.proposal import TASKS


def add_to(commands) -> None:
    """Add the command to the parsers of the command line."""
    parser = commands.add_parser("init", help="write a config for a folder of recordings")
    parser.add_argument("folder", metavar="FOLDER")
    parser.add_argument(
        "--output", metavar="FILE", help="the config to write; else the folder's name with .yaml"
    )
    parser.add_argument("--task", choices=TASKS, help="instead of the one that the labels suggest")
    parser.add_argument("--dry-run", action="store_true", help="show the config, write nothing")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Print what was found and write the config; return the exit status."""
    found = folder_report.inspect(arguments.folder, arguments.task)
    path = arguments.output or f"{found.name}.yaml"
    text, said = proposed_config.compose(found, launch.workflow_folder() / "config.yaml")
    print("\n".join([*folder_report.description(found), *said]))
    if arguments.dry_run:
        print(f"\n{path} would be:\n\n{text}", end="")
        return 0
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ValueError(
            f"{path} is there and is not overwritten; name another file with --output, or look with "
            "--dry-run"
        ) from None
    except OSError as error:
        raise ValueError(
            f"{path} cannot be written ({error.strerror}); call this in a folder of your own, where the "
            "results will be as well"
        ) from None
    print(f"\nwrote {path}; look at the steps, then run it:")
    print(f"  dawnchorus run {path} -- -n\n  dawnchorus run {path}")
    return 0
