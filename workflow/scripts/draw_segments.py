"""Draw the segments of each class as one picture (rule ``draw_segments``)."""

from dawnchorus import job

with job.running(snakemake):
    from dawnchorus import pictures

    drawing = snakemake.params.drawing
    pictures.draw_segments(
        drawing["shards"],
        snakemake.input.targets,
        drawing["segments"],
        drawing["window"],
        snakemake.output.picture,
        drawing["per_class"],
    )
