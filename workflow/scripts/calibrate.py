"""Fit the calibration of an ensemble (rule ``calibrate``)."""

from dawnchorus.runtime import job

with job.running(snakemake):
    from dawnchorus.targets import calibration_fit

    wanted = snakemake.params.calibration
    calibration_fit.calibrate(
        wanted["scores"],
        wanted["labels"],
        snakemake.input.folds,
        wanted["settings"],
        snakemake.output.calibration,
    )
