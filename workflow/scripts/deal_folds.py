"""Deal the folds of an experiment (rule ``deal_folds``)."""

from dawnchorus.runtime import job

with job.running(snakemake):
    from dawnchorus.targets import folds

    wanted = snakemake.params.folds
    folds.deal_folds(
        wanted["train"],
        wanted["labels"],
        wanted["verdicts"],
        wanted["listings"],
        wanted["settings"],
        snakemake.output.folds,
    )
