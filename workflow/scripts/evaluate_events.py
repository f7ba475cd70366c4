"""Measure the detected events of an experiment (rule ``evaluate_events``)."""

from dawnchorus.runtime import job

with job.running(snakemake):
    from dawnchorus.evaluation import event_evaluation

    measured = snakemake.params.evaluation
    event_evaluation.evaluate_events(
        measured["frames"],
        measured["decoders"],
        measured["labels"],
        measured["verdicts"],
        measured["events"],
        measured["settings"],
        snakemake.output.figures,
        snakemake.output.summary,
    )
