"""Render one shard of a synthetic corpus (rule ``make_corpus``)."""

from dawnchorus.runtime import job

with job.running(snakemake):
    from dawnchorus.corpora.adapters import synthetic

    synthetic.make_shard(
        snakemake.params.listing, snakemake.params.corpus, snakemake.output.archive
    )
