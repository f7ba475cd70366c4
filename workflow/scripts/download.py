"""Download the recordings of a corpus (rule ``download``)."""

from dawnchorus.runtime import job

with job.running(snakemake):
    from dawnchorus.acquisition import acquire

    acquire.download_recordings(
        snakemake.input.chosen,
        snakemake.params.acquisition,
        snakemake.params.folder,
        snakemake.output.downloads,
    )
