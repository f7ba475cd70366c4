"""Train one member of a stage (rule ``train``)."""

from dawnchorus.runtime import job

with job.running(snakemake, keeps=True):
    # in this order: Keras takes its backend and its device when it is first imported
    from dawnchorus.runtime import backend

    backend.start(snakemake.params.training["backend"])
    from dawnchorus.training import loop

    loop.train_member(
        snakemake.wildcards.member,
        snakemake.wildcards.stage,
        snakemake.input.targets,
        snakemake.params.shards,
        snakemake.params.training,
        snakemake.params.library,
        snakemake.output.model,
        snakemake.output.history,
        snakemake.output.kept,
    )
