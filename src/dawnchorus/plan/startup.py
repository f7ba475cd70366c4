"""What happens before the first rule: config, lock, listed corpora.

* `start`: the run, or one line that says why there is none.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from dawnchorus.plan import paths
from dawnchorus.plan.config_files import write_configs
from dawnchorus.plan.corpora_index import list_corpora
from dawnchorus.plan.pretrained_models import keep_models
from dawnchorus.plan.recordings_check import check_experiments
from dawnchorus.plan.workflow_run import Run
from dawnchorus.runtime import run
from dawnchorus.settings.corpus_check import corpora_of_run
from dawnchorus.settings.load import load


def start(
    base: str | Path,
    overlays: Sequence[str | Path],
    given: Mapping[str, Any],
    is_main: bool,
    arguments: Sequence[str],
) -> Run:
    """Return the run; end the process with one line on the terminal where it cannot begin.

    Parameters
    ----------
    base : path
        Folder of the Snakefile.
    overlays : sequence of path
        Files named with ``--configfile``.
    given : mapping
        Values given with ``--config``.
    is_main : bool
        Whether this is the main process of the run; a cluster job parses the Snakefile again.
    arguments : sequence of str
        The command line of Snakemake, without its name.
    """
    base = Path(base)
    try:
        config = load(base / "config.yaml", overlays, given)
        if is_main:
            _take_lock(arguments)
        names = corpora_of_run(config)
        index = list_corpora(names, config, paths.RESULTS, is_main)
        if is_main:
            check_experiments(config, index, paths.RESULTS)
            keep_models(config)
        if is_main and not run.is_only_looking(arguments):
            write_configs(config, paths.RESULTS)
    except (ValueError, OSError) as error:
        _refuse(error)
    return Run(config, index, base)


def _take_lock(arguments: Sequence[str]) -> None:
    """Take the lock of the results, unless the command only looks; warn of lost metadata."""
    if not run.is_only_looking(arguments):
        run.held(paths.RESULTS)
        run.announce(arguments)
        run.clear_stale_locks()
    if warning := run.lost_metadata(paths.RESULTS):
        print(warning, file=sys.stderr)


def _refuse(error: Exception) -> NoReturn:
    print(f"error: {error}", file=sys.stderr, flush=True)
    sys.exit(2)
