"""Average the frame scores of an ensemble (rule ``ensemble_frames``)."""

from dawnchorus.runtime import job

with job.running(snakemake):
    from dawnchorus.scores import ensemble

    ensemble.ensemble_frames(
        snakemake.params.stages, snakemake.output.scores, snakemake.params.average
    )
