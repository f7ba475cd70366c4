"""``dawnchorus explain [CODE...]``: what a code of a verdict, warning or message means."""

import argparse

from dawnchorus.cli import codes
from dawnchorus.settings.errors import check_known


def add_to(commands) -> None:
    """Add the command to the parsers of the command line."""
    parser = commands.add_parser("explain", help="what a code such as AUDIO_LENIENT means")
    parser.add_argument("codes", nargs="*", metavar="CODE", help="none: the list of all")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Print what codes mean; return the exit status."""
    wanted = [code.upper() for code in arguments.codes]
    for name in wanted:
        check_known(f"code {name}", name, codes.ALL)
    for name in wanted:
        print(f"{name}: {codes.ALL[name].meaning}\n  {codes.ALL[name].remedy}")
    if not wanted:
        print("\n".join(f"{name:26}{code.meaning}" for name, code in codes.ALL.items()))
    return 0
