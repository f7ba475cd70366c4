"""Get recordings from xeno-canto.org, asked for by `acquire` alone; list what is known of them.

Reads:   the API and files of xeno-canto.org, a lock file where there is one; spectrograms and labels
Writes:  results/acquired/{corpus}/*.parquet, the folder of the corpus (audio/, lock.csv, ATTRIBUTION.csv),
         results/{experiment}/stages/{stage}/segments.parquet, results/{experiment}/database.sqlite
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
        mem_mb=growing(2000),
        runtime=growing(240),
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
    localrule: True
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
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
        mem_mb=growing(2000),
        runtime=growing(2880),
    params:
        acquisition=acquisition.access,
        folder=acquisition.folder,
        library=run.library("download"),
    script:
        "../workflow/scripts/download.py"


rule acquire:
    """All corpora of the run that are downloaded."""
    input:
        acquisition.downloads,


rule list_segments:
    """List the parts of recordings with signal and without, or the windows of a stage."""
    input:
        spectrograms=acquisition.shards,
        tables=acquisition.tables,
    output:
        segments="results/{experiment}/stages/{stage}/segments.parquet",
    log:
        "results/logs/list_segments/{experiment}/{stage}.log",
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        listed=acquisition.listed,
        library=acquisition.library,
    script:
        "../workflow/scripts/list_segments.py"


rule build_database:
    """Put recordings, classes, segments and downloads into one SQLite file, which people read."""
    input:
        segments=acquisition.segments,
    output:
        database="results/{experiment}/database.sqlite",
    log:
        "results/logs/build_database/{experiment}.log",
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        database=acquisition.database,
        library=run.library("build_database"),
    script:
        "../workflow/scripts/build_database.py"
