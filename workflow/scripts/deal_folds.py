"""Deal the folds of an experiment (rule ``deal_folds``)."""

from dawnchorus import job

with job.running(snakemake):
    from dawnchorus import targets

    folds = snakemake.params.folds
    targets.deal_folds(
        folds["train"],
        folds["labels"],
        folds["verdicts"],
        folds["listings"],
        folds["settings"],
        snakemake.output.folds,
    )
