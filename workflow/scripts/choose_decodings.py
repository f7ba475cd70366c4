"""Set or choose the decodings of an ensemble (rule ``choose_decodings``)."""

from dawnchorus.runtime import job

with job.running(snakemake, keeps=True):
    from dawnchorus.events import decoding_choice

    wanted = snakemake.params.decoding
    decoding_choice.choose_decodings(
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
