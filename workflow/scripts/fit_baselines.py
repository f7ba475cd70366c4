"""Fit what the models of an experiment are to beat (rule ``fit_baselines``)."""

from dawnchorus.runtime import job

with job.running(snakemake, keeps=True):
    from dawnchorus.evaluation import baseline_scores

    wanted = snakemake.params.baselines
    baseline_scores.fit_baselines(
        wanted["shards"],
        snakemake.input.folds,
        wanted["labels"],
        wanted["settings"],
        snakemake.output.baselines,
    )
