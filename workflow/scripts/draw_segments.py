"""Draw the segments of each class as one picture (rule ``draw_segments``)."""

from dawnchorus.runtime import job

with job.running(snakemake):
    from dawnchorus.plots import segment_plot

    drawing = snakemake.params.drawing
    segment_plot.draw_segments(
        drawing["shards"],
        snakemake.input.targets,
        drawing["segments"],
        drawing["window"],
        snakemake.output.picture,
        drawing["per_class"],
    )
