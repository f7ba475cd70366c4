"""Measure members and ensembles of an experiment (rule ``evaluate``)."""

from dawnchorus.runtime import job

with job.running(snakemake):
    from dawnchorus.evaluation import clip_evaluation

    measured = snakemake.params.evaluation
    clip_evaluation.evaluate(
        measured["scores"],
        measured["ensembles"],
        measured["calibrations"],
        measured["labels"],
        snakemake.input.folds,
        measured["verdicts"],
        measured["settings"],
        snakemake.output.metrics,
        snakemake.output.summary,
    )
