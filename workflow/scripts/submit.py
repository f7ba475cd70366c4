"""Write a submission (rule ``submit``)."""

from dawnchorus import job

with job.running(snakemake):
    from dawnchorus import submissions

    submissions.submit(
        snakemake.input.scores,
        snakemake.params.submission["corpus"],
        snakemake.output.submission,
    )
