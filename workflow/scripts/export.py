"""Write an ensemble as one file (rule ``export``)."""

from dawnchorus.runtime import job

with job.running(snakemake):
    # in this order: Keras takes its backend and its device when it is first imported
    from dawnchorus.runtime import backend

    backend.start(snakemake.params.export["backend"])
    from dawnchorus.evaluation import model_export

    model_export.export(
        snakemake.input.metrics,
        snakemake.input.decoders,
        snakemake.input.calibrations,
        snakemake.params.export,
        snakemake.output.model,
    )
