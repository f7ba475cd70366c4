"""Compute the mean and deviation of the bands of an experiment (rule ``normalise``)."""

from dawnchorus.runtime import job

with job.running(snakemake):
    from dawnchorus.training import normaliser

    wanted = snakemake.params.normaliser
    normaliser.write_normaliser(
        wanted["shards"],
        snakemake.input.folds,
        wanted["labels"],
        wanted["unlabelled"],
        wanted["labelled_twice"],
        snakemake.output.normaliser,
    )
