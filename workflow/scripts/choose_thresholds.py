"""Choose the thresholds of a stage's hard pseudo-labels (rule ``choose_thresholds``)."""

from dawnchorus import job

with job.running(snakemake):
    from dawnchorus import thresholds

    wanted = snakemake.params.thresholds
    thresholds.choose_thresholds(
        wanted["scores"],
        wanted["labels"],
        wanted["train"],
        snakemake.input.folds,
        wanted["settings"],
        snakemake.output.thresholds,
    )
