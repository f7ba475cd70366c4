"""Choose the recordings that are downloaded (rule ``choose_recordings``)."""

from dawnchorus.runtime import job

with job.running(snakemake):
    from dawnchorus.acquisition import acquire

    acquire.choose_recordings(
        snakemake.input.metadata, snakemake.params.choice, snakemake.output.chosen
    )
