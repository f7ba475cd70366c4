"""Add the verdicts of a corpus up (rule ``judge``)."""

from dawnchorus.runtime import job

with job.running(snakemake):
    from dawnchorus.audio import verdicts

    verdicts.write_verdicts(
        snakemake.input.tables,
        snakemake.params.excluded,
        snakemake.params.exclusions,
        snakemake.wildcards.corpus,
        snakemake.output.verdicts,
    )
