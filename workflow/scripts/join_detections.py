"""Join the detections of all shards of an application (rule ``join_detections``)."""

from dawnchorus.runtime import job

with job.running(snakemake):
    from dawnchorus.exported import joined_detections

    joined_detections.join_detections(
        snakemake.input.detections,
        snakemake.input.recordings,
        snakemake.params.exclusions,
        snakemake.output.detections,
        snakemake.output.recordings,
    )
