"""Set the targets of a stage (rule ``set_targets``)."""

from dawnchorus import job

with job.running(snakemake):
    from dawnchorus import targets

    wanted = snakemake.params.targets
    targets.set_targets(
        wanted["train"],
        wanted["labels"],
        snakemake.input.folds,
        wanted["teachers"],
        wanted["settings"],
        snakemake.output.targets,
        thresholds=next(iter(snakemake.input.get("thresholds", [])), None),
        verdicts=wanted.get("verdicts", {}),
    )
