"""Compute the mean and deviation of the bands of an experiment (rule ``normalise``)."""

from dawnchorus import job

with job.running(snakemake):
    from dawnchorus import normalising

    wanted = snakemake.params.normaliser
    normalising.write_normaliser(
        wanted["shards"],
        snakemake.input.folds,
        wanted["labels"],
        wanted["unlabelled"],
        wanted["labelled_twice"],
        snakemake.output.normaliser,
    )
