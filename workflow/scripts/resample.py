"""Decode, judge and resample one shard of a corpus (rule ``resample``)."""

from dawnchorus.runtime import job

with job.running(snakemake, keeps=True):
    from dawnchorus.audio import audio_shards

    audio_shards.resample_shard(
        snakemake.params.listing,
        snakemake.params.audio,
        snakemake.output.wav,
        snakemake.output.table,
        archive=snakemake.input.get("archive"),
    )
