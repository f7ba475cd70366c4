"""Add the verdicts of a corpus up (rule ``judge``)."""

from dawnchorus.runtime import job

with job.running(snakemake):
    from dawnchorus.audio import verdicts
    from dawnchorus.targets import event_bounds

    verdicts.write_verdicts(
        snakemake.input.tables,
        snakemake.params.excluded,
        snakemake.params.exclusions,
        snakemake.wildcards.corpus,
        snakemake.output.verdicts,
    )
    if bounds := snakemake.params.bounds:
        event_bounds.check_bounds(
            bounds["events"],
            snakemake.output.verdicts,
            bounds["policies"],
            snakemake.wildcards.corpus,
        )
