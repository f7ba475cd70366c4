"""Put recordings, classes, segments and downloads into one file (rule ``build_database``)."""

from dawnchorus.runtime import job

with job.running(snakemake):
    from dawnchorus.corpora import database

    tables = snakemake.params.database
    database.write_database(
        tables["labels"],
        tables["segments"],
        tables["downloads"],
        snakemake.output.database,
    )
