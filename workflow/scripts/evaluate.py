"""Measure members and ensembles of an experiment (rule ``evaluate``)."""

from dawnchorus import job

with job.running(snakemake):
    from dawnchorus import evaluation

    measured = snakemake.params.evaluation
    evaluation.evaluate(
        measured["scores"],
        measured["ensembles"],
        measured["labels"],
        snakemake.input.folds,
        measured["verdicts"],
        measured["settings"],
        snakemake.output.metrics,
        snakemake.output.summary,
    )
