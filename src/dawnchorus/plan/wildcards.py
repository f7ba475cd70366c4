"""What a function of plan gets: the wildcards of one job.

Snakemake's own object fits `Wildcards`, and so does a ``types.SimpleNamespace``. A rule has only
those of its outputs.
"""

from typing import Any, Protocol

# Params of a rule: str, int, float, bool, None, list and dict only. Snakemake compares their `repr`
# and drops all others from the comparison.
Params = dict[str, Any]


WILDCARDS = (
    "audio", "frontend", "corpus", "shard", "experiment", "stage", "member", "ensemble", "decoding",
)  # fmt: skip


class Wildcards(Protocol):
    """Values of the wildcards of a job."""

    @property
    def audio(self) -> str:
        """Name of an audio recipe."""

    @property
    def frontend(self) -> str:
        """Name of a frontend."""

    @property
    def corpus(self) -> str:
        """Name of a corpus."""

    @property
    def shard(self) -> str:
        """Name of a shard of a corpus: ``000``, ``001``, ..."""

    @property
    def experiment(self) -> str:
        """Name of an experiment."""

    @property
    def stage(self) -> str:
        """Name of a stage of the experiment."""

    @property
    def member(self) -> str:
        """Name of a member of the stage: ``f1p0s1``."""

    @property
    def ensemble(self) -> str:
        """Name of an ensemble of the experiment."""

    @property
    def decoding(self) -> str:
        """Name of a decoding of the experiment."""
