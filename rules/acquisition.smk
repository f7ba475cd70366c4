"""Get the recordings of a corpus from xeno-canto.org; asked for by `acquire` alone.

Reads:   the API and files of xeno-canto.org, a lock file where there is one
Writes:  results/acquired/{corpus}/metadata.parquet, chosen.parquet, downloads.parquet, and the folder
         of the corpus: audio/, lock.csv, ATTRIBUTION.csv, downloads.parquet
"""


rule fetch_metadata:
    """Ask the API what there is."""
    output:
        metadata="results/acquired/{corpus}/metadata.parquet",
    log:
        "results/logs/fetch_metadata/{corpus}.log",
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=2000,
        runtime=240,
    params:
        acquisition=acquisition.query,
        library=run.library("fetch_metadata"),
    script:
        "../workflow/scripts/fetch_metadata.py"


rule choose_recordings:
    """Choose the recordings that a corpus is to have."""
    input:
        metadata="results/acquired/{corpus}/metadata.parquet",
    output:
        chosen="results/acquired/{corpus}/chosen.parquet",
    log:
        "results/logs/choose_recordings/{corpus}.log",
    conda:
        "../envs/dawnchorus.yaml"
    params:
        choice=acquisition.choice,
        library=run.library("choose_recordings"),
    script:
        "../workflow/scripts/choose_recordings.py"


rule download:
    """Download them, one after another, and look at each."""
    input:
        chosen="results/acquired/{corpus}/chosen.parquet",
    output:
        downloads="results/acquired/{corpus}/downloads.parquet",
    log:
        "results/logs/download/{corpus}.log",
    benchmark:
        "results/benchmarks/download/{corpus}.tsv"
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=2000,
        runtime=2880,
    params:
        acquisition=acquisition.access,
        folder=acquisition.folder,
        library=run.library("download"),
    script:
        "../workflow/scripts/download.py"


rule acquire:
    """All corpora of the run that are downloaded."""
    input:
        acquisition.downloads(),
