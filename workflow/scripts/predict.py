"""Score one corpus with the members of a stage (rule ``predict``)."""

from dawnchorus.runtime import job

with job.running(snakemake, keeps=True):
    # in this order: Keras takes its backend and its device when it is first imported
    from dawnchorus.runtime import backend

    backend.start(snakemake.params.prediction["backend"])
    from dawnchorus.scores import inference
    from dawnchorus.targets import targets_table

    inference.predict_stage(
        snakemake.params.models,
        targets_table.read(snakemake.input.targets),
        snakemake.wildcards.corpus,
        snakemake.input.spectrograms,
        snakemake.params.prediction,
        snakemake.output.scores,
    )
