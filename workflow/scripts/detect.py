"""Turn the frame scores of an ensemble into events (rule ``detect``)."""

from dawnchorus.runtime import job

with job.running(snakemake):
    from dawnchorus.events import detection

    detection.detect(
        snakemake.input.frames,
        snakemake.input.decoders,
        snakemake.wildcards.decoding,
        snakemake.input.verdicts,
        snakemake.params.detection,
        snakemake.output.events,
        snakemake.output.challenge,
    )
