"""``dawnchorus status [FOLDER]``: how a run is going, from another terminal or another machine.

* `run`: print what is done, running and where, waiting and failed.
"""

import argparse
import json
import os
import shutil
import sys
import time

from dawnchorus.progress import run_files, run_text
from dawnchorus.runtime import artefacts

_UNBOUNDED = 10_000  # cells: what reads a pipe wants whole lines


def add_to(commands) -> None:
    """Add the command to the parsers of the command line."""
    parser = commands.add_parser("status", help="how a run is going, or how the last one went")
    parser.add_argument("folder", nargs="?", default=artefacts.RESULTS, metavar="RESULTS")
    parser.add_argument("--json", action="store_true", help="the state of the run as JSON")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the state of a run; return 0 where it is going on or went well, else 1."""
    folder = arguments.folder
    inside = os.path.join(folder, artefacts.RESULTS)
    # the folder in which a run was started will do as well
    found = run_files.read_run(inside if os.path.isdir(inside) else folder)
    now, state = time.time(), found.state
    is_alive = found.is_alive(now)
    if arguments.json:
        about = {"is_running": is_alive, "pid": found.pid, "host": found.host, **state.as_dict()}
        print(json.dumps(about, indent=1))
    else:
        is_terminal = sys.stdout.isatty()
        width = shutil.get_terminal_size().columns if is_terminal else _UNBOUNDED
        print("\n".join(run_text.status_lines(found, width, now)))
    return 0 if not state.failures and (is_alive or state.n_done == state.n_jobs) else 1
