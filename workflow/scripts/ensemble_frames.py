"""Average the frame scores of an ensemble (rule ``ensemble_frames``)."""

from dawnchorus import job

with job.running(snakemake):
    from dawnchorus import predictions

    predictions.ensemble_frames(
        snakemake.input.scores, snakemake.output.scores, snakemake.params.average
    )
