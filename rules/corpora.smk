"""Make the corpora that are made, not found.

Reads:   the recipe in the config
Writes:  results/corpora/{corpus}/made/{shard}.zip
"""


rule make_corpus:
    """Render the recordings of one shard of a synthetic corpus."""
    output:
        archive="results/corpora/{corpus}/made/{shard}.zip",
    log:
        "results/logs/make_corpus/{corpus}/{shard}.log",
    group:
        "shard"
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(60),
    params:
        listing=corpora.listing,
        corpus=corpora.recipe,
        library=run.library("make_corpus"),
    script:
        "../workflow/scripts/make_corpus.py"
