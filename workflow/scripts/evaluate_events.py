"""Measure the detected events of an experiment (rule ``evaluate_events``)."""

from dawnchorus import job

with job.running(snakemake):
    from dawnchorus.detection import evaluation

    measured = snakemake.params.evaluation
    evaluation.evaluate_events(
        measured["frames"],
        measured["decoders"],
        measured["labels"],
        measured["verdicts"],
        measured["events"],
        measured["settings"],
        snakemake.output.figures,
        snakemake.output.summary,
    )
