"""Compute the spectrograms of one shard (rule ``make_spectrograms``)."""

from dawnchorus.runtime import job

with job.running(snakemake, keeps=True):
    from dawnchorus.frontends import shards

    shards.write_shard(
        snakemake.input.wav,
        snakemake.input.table,
        snakemake.params.frontend,
        snakemake.output.spectrograms,
    )
