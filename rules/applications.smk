"""Score recordings without labels with an exported model.

Reads:   an exported model, and the recordings of a shard's listing
Writes:  results/apply/{application}/{corpus}/{shard}.parquet and .csv,
         results/apply/{application}/detections.parquet and recordings.csv
"""


rule apply_model:
    """Detect in the recordings of one shard, as `dawnchorus predict` does."""
    input:
        unpack(applications.files),
    output:
        detections="results/apply/{application}/{corpus}/{shard}.parquet",
        recordings="results/apply/{application}/{corpus}/{shard}.csv",
    log:
        "results/logs/apply_model/{application}/{corpus}/{shard}.log",
    benchmark:
        "results/benchmarks/apply_model/{application}/{corpus}/{shard}.tsv"
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(240),
    params:
        listing=applications.listing,
        application=applications.settings,
        library=applications.library,
    script:
        "../workflow/scripts/apply_model.py"


rule join_detections:
    """Join what was found in all shards; stop where too many recordings could not be scored."""
    input:
        detections=applications.detections,
        recordings=applications.recordings,
    output:
        detections="results/apply/{application}/detections.parquet",
        recordings="results/apply/{application}/recordings.csv",
    log:
        "results/logs/join_detections/{application}.log",
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(60),
    params:
        exclusions=applications.exclusions,
        library=run.library("join_detections"),
    script:
        "../workflow/scripts/join_detections.py"
