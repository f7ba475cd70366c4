"""Set or choose the decodings of an ensemble (rule ``choose_decodings``)."""

from dawnchorus import job

with job.running(snakemake):
    from dawnchorus.detection import decoders

    wanted = snakemake.params.decoding
    decoders.choose_decodings(
        wanted["frames"],
        wanted["recording_scores"],
        wanted["labels"],
        wanted["verdicts"],
        wanted["events"],
        snakemake.input.folds,
        snakemake.input.targets,
        wanted["settings"],
        snakemake.output.decoders,
    )
