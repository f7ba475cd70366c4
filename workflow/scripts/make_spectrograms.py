"""Compute the spectrograms of one shard (rule ``make_spectrograms``)."""

from dawnchorus import job

with job.running(snakemake):
    from dawnchorus import frontends

    frontends.write_shard(
        snakemake.input.wav,
        snakemake.input.table,
        snakemake.params.frontend,
        snakemake.output.spectrograms,
    )
