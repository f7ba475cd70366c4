"""Deal the folds of an experiment (rule ``deal_folds``)."""

from dawnchorus.runtime import job

with job.running(snakemake):
    from dawnchorus.targets import experiment_folds

    folds = snakemake.params.folds
    experiment_folds.deal_folds(
        folds["train"],
        folds["labels"],
        folds["verdicts"],
        folds["listings"],
        folds["settings"],
        snakemake.output.folds,
    )
