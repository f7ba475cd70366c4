"""Set the targets of a stage (rule ``set_targets``)."""

from dawnchorus.runtime import job

with job.running(snakemake):
    from dawnchorus.targets import stage_targets

    wanted = snakemake.params.targets
    stage_targets.set_targets(
        wanted["train"],
        wanted["labels"],
        snakemake.input.folds,
        wanted["teachers"],
        wanted["settings"],
        snakemake.output.targets,
        thresholds=next(iter(snakemake.input.get("thresholds", [])), None),
        verdicts=wanted.get("verdicts", {}),
    )
