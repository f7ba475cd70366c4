"""Write detections for Raven and Audacity, with scores and pictures (rule ``export_detections``)."""

from dawnchorus import job

with job.running(snakemake):
    from dawnchorus import exports

    exports.export(
        snakemake.input.detections,
        snakemake.input.frames,
        snakemake.input.decoders,
        snakemake.params.exports,
        snakemake.output.folder,
    )
