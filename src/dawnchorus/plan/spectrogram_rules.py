"""Inputs and settings of rules/spectrograms.smk."""

from dataclasses import dataclass

from dawnchorus.plan import paths
from dawnchorus.plan.network_use import copied_network
from dawnchorus.plan.workflow_run import Params, Run, Wildcards


@dataclass(frozen=True, repr=False, eq=False)
class SpectrogramRules:
    """Rule ``make_spectrograms`` of one run."""

    run: Run

    def audio(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the resampled audio of a shard, its table, and the network where there is one."""
        names = {
            "audio": self.run.config["frontends"][wildcards.frontend]["audio"],
            "corpus": wildcards.corpus,
            "shard": wildcards.shard,
        }
        network = copied_network(self.run, wildcards.frontend)
        return {
            "wav": paths.SHARD_WAV.format(**names),
            "table": paths.SHARD_TABLE.format(**names),
            **({"network": network} if network else {}),
        }

    def threads(self, wildcards: Wildcards) -> int:
        """Return the threads of a pretrained network; every other frontend has one."""
        return int(self.run.config["frontends"][wildcards.frontend].get("threads", 1))

    def frontend(self, wildcards: Wildcards) -> Params:
        """Return the settings of a frontend, with the sample rate of its audio recipe."""
        chosen = self.run.config["frontends"][wildcards.frontend]
        if network := copied_network(self.run, wildcards.frontend):
            # a network by its content; what its card says in words makes no shard stale
            said = dict.fromkeys(("card", "about"))
            chosen = {**chosen, **said, "file": network, "output": "embedding"}
        return {
            **chosen,
            "kind": self.run.name_in_jobs(chosen["kind"]),
            # of the audio recipe the transform needs the rate alone; the rest is in the audio
            "sample_rate": self.run.config["audio"][chosen["audio"]]["sample_rate"],
        }

    def library(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the digests of the code behind spectrograms, their own kind's alone."""
        chosen = self.run.config["frontends"][wildcards.frontend]
        modules = [self.run.chosen_code("frontends.kinds", chosen["kind"])]
        if network := chosen.get("network"):
            modules.append(f"dawnchorus.frontends.network_readers.{network['format']}")
        return self.run.library("make_spectrograms", *modules)
