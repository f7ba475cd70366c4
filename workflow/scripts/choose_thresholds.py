"""Choose the thresholds of a stage's hard pseudo-labels (rule ``choose_thresholds``)."""

from dawnchorus.runtime import job

with job.running(snakemake):
    from dawnchorus.targets import thresholds

    wanted = snakemake.params.thresholds
    thresholds.choose_thresholds(
        wanted["scores"],
        wanted["labels"],
        wanted["train"],
        snakemake.input.folds,
        wanted["settings"],
        snakemake.output.thresholds,
        wanted["verdicts"],
    )
