"""Add the verdicts of a corpus up (rule ``judge``)."""

from dawnchorus import job

with job.running(snakemake):
    from dawnchorus import audio

    audio.write_verdicts(
        snakemake.input.tables,
        snakemake.params.excluded,
        snakemake.params.exclusions,
        snakemake.wildcards.corpus,
        snakemake.output.verdicts,
    )
