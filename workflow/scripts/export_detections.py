"""Write detections for Raven and Audacity, with scores and pictures (rule ``export_detections``)."""

from dawnchorus.runtime import job

with job.running(snakemake):
    from dawnchorus.evaluation import detection_files

    detection_files.export(
        snakemake.input.detections,
        snakemake.input.frames,
        snakemake.input.decoders,
        snakemake.params.exports,
        snakemake.output.folder,
    )
