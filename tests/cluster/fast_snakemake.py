"""Snakemake that asks SLURM for the state of its jobs every second: for tests alone."""

import sys

from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

RemoteExecutor.next_seconds_between_status_checks = property(lambda self: 1.0, lambda *_: None)

sys.exit(main())
