"""Turn the frame scores of an ensemble into events (rule ``detect``)."""

from dawnchorus import job

with job.running(snakemake):
    from dawnchorus.detection import detecting

    detecting.detect(
        snakemake.input.frames,
        snakemake.input.decoders,
        snakemake.wildcards.decoding,
        snakemake.input.verdicts,
        snakemake.params.detection["labels"],
        snakemake.params.detection["references"],
        snakemake.output.events,
        snakemake.output.challenge,
        detecting.annotation_rows(snakemake.params.detection["events"]),
    )
