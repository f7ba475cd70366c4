"""Detect events by energy above a floor, for models to beat (rule ``detect_energy``)."""

from dawnchorus.runtime import job

with job.running(snakemake):
    from dawnchorus.evaluation import energy_baseline

    wanted = snakemake.params.energy
    energy_baseline.detect_energy(
        wanted["shards"],
        snakemake.input.folds,
        wanted["tables"],
        wanted["settings"],
        snakemake.output.scores,
        snakemake.output.decoder,
    )
