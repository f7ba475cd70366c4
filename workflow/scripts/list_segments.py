"""List the segments of a stage (rule ``list_segments``)."""

from dawnchorus.runtime import job

with job.running(snakemake):
    from dawnchorus.segments import segment_table

    listed = snakemake.params.listed
    segment_table.write_segments(
        listed["shards"],
        listed["tables"],
        listed["segments"],
        listed["window"],
        snakemake.output.segments,
    )
