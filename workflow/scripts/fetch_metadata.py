"""Ask xeno-canto what there is (rule ``fetch_metadata``)."""

from dawnchorus.runtime import job

with job.running(snakemake):
    from dawnchorus.acquisition import acquire

    acquire.fetch_metadata(snakemake.params.acquisition, snakemake.output.metadata)
