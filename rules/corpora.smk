"""Make the corpora that are made, not found.

Reads:   the recipe in the config
Writes:  results/corpora/{corpus}/made/{shard}.zip
"""


def corpus_recipe(wildcards):
    counted = ("max_excluded", "missing_files", "fingerprint")
    about = config["corpora"][wildcards.corpus]
    return {key: value for key, value in about.items() if key not in counted}


rule make_corpus:
    """Render the recordings of one shard of a synthetic corpus."""
    output:
        archive="results/corpora/{corpus}/made/{shard}.zip",
    log:
        "results/logs/make_corpus/{corpus}/{shard}.log",
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        results=RESULTS,
        listing=listing,
        corpus=corpus_recipe,
        library=library("make_corpus"),
    script:
        "../workflow/scripts/make_corpus.py"
