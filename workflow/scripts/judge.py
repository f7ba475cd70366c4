"""Add the verdicts of a corpus up (rule ``judge``)."""

from dawnchorus.runtime import job

with job.running(snakemake):
    from dawnchorus.audio import verdicts
    from dawnchorus.targets import event_bounds

    corpus, bounds, lost = snakemake.wildcards.corpus, snakemake.params.bounds, {}
    if bounds:
        lost = event_bounds.hold_events(
            bounds["events"], snakemake.input.tables, bounds["policies"], corpus
        )
    verdicts.write_verdicts(
        snakemake.input.tables,
        snakemake.params.excluded,
        snakemake.params.exclusions,
        corpus,
        snakemake.output.verdicts,
        lost,
    )
