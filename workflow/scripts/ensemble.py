"""Pool and average the scores of an ensemble (rule ``ensemble``)."""

from dawnchorus.runtime import job

with job.running(snakemake):
    from dawnchorus.scores import ensemble

    ensemble.ensemble(snakemake.params.stages, snakemake.output.scores, snakemake.params.pooling)
