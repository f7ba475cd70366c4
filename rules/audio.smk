"""Decode, judge and resample recordings.

Reads:   the recordings of a shard's listing, or results/corpora/{corpus}/made/{shard}.zip
Writes:  results/audio/{audio}/{corpus}/{shard}.wav and .csv, and verdicts.csv
"""


rule resample:
    """Decode the recordings of one shard once, judge them, resample what can be used."""
    input:
        unpack(archive),
    output:
        wav="results/audio/{audio}/{corpus}/{shard}.wav",
        table="results/audio/{audio}/{corpus}/{shard}.csv",
    log:
        "results/logs/resample/{audio}/{corpus}/{shard}.log",
    benchmark:
        "results/benchmarks/resample/{audio}/{corpus}/{shard}.tsv"
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=1000,
        runtime=120,
    params:
        listing=listing,
        audio=audio_recipe,
        library=library("resample"),
    script:
        "../workflow/scripts/resample.py"


rule judge:
    """Add the verdicts of a corpus up; stop where too many recordings are excluded."""
    input:
        tables=shard_tables,
    output:
        verdicts="results/audio/{audio}/{corpus}/verdicts.csv",
    log:
        "results/logs/judge/{audio}/{corpus}.log",
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=1000,
        runtime=20,
    params:
        excluded=excluded_of,
        exclusions=exclusion_settings,
        library=library("judge"),
    script:
        "../workflow/scripts/judge.py"
