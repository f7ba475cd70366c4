"""Inputs and settings of rules/spectrograms.smk."""

from dataclasses import dataclass

from dawnchorus.plan import paths
from dawnchorus.plan.workflow_run import Params, Run, Wildcards


@dataclass(frozen=True, repr=False, eq=False)
class SpectrogramRules:
    """Rule ``make_spectrograms`` of one run."""

    run: Run

    def audio(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the resampled audio of a shard and its table."""
        names = {
            "audio": self.run.config["frontends"][wildcards.frontend]["audio"],
            "corpus": wildcards.corpus,
            "shard": wildcards.shard,
        }
        return {
            "wav": paths.SHARD_WAV.format(**names),
            "table": paths.SHARD_TABLE.format(**names),
        }

    def frontend(self, wildcards: Wildcards) -> Params:
        """Return the settings of a frontend, with the sample rate of its audio recipe."""
        chosen = self.run.config["frontends"][wildcards.frontend]
        return {
            **chosen,
            "kind": self.run.name_in_jobs(chosen["kind"]),
            # of the audio recipe the transform needs the rate alone; the rest is in the audio
            "sample_rate": self.run.config["audio"][chosen["audio"]]["sample_rate"],
        }

    def library(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the digests of the code behind spectrograms, their own kind's alone."""
        kind = self.run.config["frontends"][wildcards.frontend]["kind"]
        return self.run.library("make_spectrograms", self.run.chosen_code("frontends.kinds", kind))
