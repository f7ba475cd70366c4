"""Decode, check and resample recordings.

Reads:   the recordings of a shard's listing, or results/corpora/{corpus}/made/{shard}.zip
Writes:  results/audio/{audio}/{corpus}/{shard}.wav and .csv, and verdicts.csv
"""


rule resample:
    """Decode, check and resample the recordings of one shard."""
    input:
        unpack(audio.archive),
    output:
        wav="results/audio/{audio}/{corpus}/{shard}.wav",
        table="results/audio/{audio}/{corpus}/{shard}.csv",
    log:
        "results/logs/resample/{audio}/{corpus}/{shard}.log",
    benchmark:
        "results/benchmarks/resample/{audio}/{corpus}/{shard}.tsv"
    group:
        "shard"
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(120),
    params:
        listing=audio.listing,
        audio=audio.recipe,
        library=run.library("resample"),
    script:
        "../workflow/scripts/resample.py"


rule judge:
    """Join the verdicts on a corpus; stop at too many exclusions, or events beyond the sound."""
    input:
        tables=audio.tables,
    output:
        verdicts="results/audio/{audio}/{corpus}/verdicts.csv",
    log:
        "results/logs/judge/{audio}/{corpus}.log",
    localrule: True
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(20),
    params:
        excluded=audio.excluded,
        exclusions=audio.exclusions,
        bounds=audio.bounds,
        library=run.library("judge"),
    script:
        "../workflow/scripts/judge.py"
