"""List what is cut from recordings, and put it into a database with what else is known of them.

Reads:   spectrograms and tables of a stage's corpora, labels, what became of downloads
Writes:  results/{experiment}/stages/{stage}/segments.parquet, results/{experiment}/database.sqlite
"""


rule list_segments:
    """List the parts of recordings with signal and without, or the windows of a stage."""
    input:
        spectrograms=databases.shards,
        tables=databases.tables,
    output:
        segments="results/{experiment}/stages/{stage}/segments.parquet",
    log:
        "results/logs/list_segments/{experiment}/{stage}.log",
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        listed=databases.listed,
        library=databases.library,
    script:
        "../workflow/scripts/list_segments.py"


rule build_database:
    """Put recordings, classes, segments and downloads into one SQLite file, which people read."""
    input:
        segments=databases.segments,
    output:
        database="results/{experiment}/database.sqlite",
    log:
        "results/logs/build_database/{experiment}.log",
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        database=databases.database,
        library=run.library("build_database"),
    script:
        "../workflow/scripts/build_database.py"
