"""Write a submission (rule ``submit``)."""

from dawnchorus.runtime import job

with job.running(snakemake):
    from dawnchorus.evaluation import submission

    submission.submit(
        snakemake.input.scores,
        snakemake.params.submission["windows"],
        snakemake.params.submission["labels"],
        snakemake.params.submission["label_rows"],
        snakemake.params.submission["settings"],
        snakemake.output.submission,
    )
