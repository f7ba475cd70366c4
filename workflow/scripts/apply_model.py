"""Detect in the recordings of one shard with an exported model (rule ``apply_model``)."""

from dawnchorus.runtime import job

with job.running(snakemake, keeps=True):
    from dawnchorus.exported import shard_detections

    shard_detections.apply_model(
        snakemake.input.model,
        snakemake.wildcards.corpus,
        snakemake.params.listing,
        snakemake.params.application,
        snakemake.output.detections,
        snakemake.output.recordings,
        archive=snakemake.input.get("archive"),
        threads=snakemake.threads,
        places=["results/pretrained"],
    )
