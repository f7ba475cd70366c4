"""Write a submission (rule ``submit``)."""

from dawnchorus import job

with job.running(snakemake):
    from dawnchorus import submissions

    submissions.submit(
        snakemake.input.scores,
        snakemake.input.windows,
        snakemake.params.submission["labels"],
        snakemake.params.submission["label_rows"],
        snakemake.params.submission["settings"],
        snakemake.output.submission,
    )
