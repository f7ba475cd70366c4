"""Hold the pseudo-labels of a stage against the truth (rule ``audit``)."""

from dawnchorus.runtime import job

with job.running(snakemake):
    from dawnchorus.evaluation import audit

    audited = snakemake.params.audit
    audit.audit(
        audited["targets"],
        audited["scores"],
        snakemake.input.targets,
        audited["labels"],
        snakemake.output.audit,
        next(iter(snakemake.input.thresholds), None),
        audited["verdicts"],
    )
