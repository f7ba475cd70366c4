"""Pool and average the scores of an ensemble (rule ``ensemble``)."""

from dawnchorus import job

with job.running(snakemake):
    from dawnchorus import predictions

    predictions.ensemble(snakemake.input.scores, snakemake.output.scores, snakemake.params.pooling)
