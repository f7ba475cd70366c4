"""Train the members of each stage.

Reads:   results/{experiment}/stages/{stage}/targets.csv, results/spectrograms/{frontend}/...
Writes:  results/{experiment}/stages/{stage}/{member}.keras and {member}.history.csv
"""


rule train:
    """Train one member of a stage; a training that was killed goes on from its checkpoint."""
    input:
        targets="results/{experiment}/stages/{stage}/targets.csv",
        spectrograms=training_shards,
    output:
        model="results/{experiment}/stages/{stage}/{member}.keras",
        history="results/{experiment}/stages/{stage}/{member}.history.csv",
    log:
        "results/logs/train/{experiment}/{stage}/{member}.log",
    benchmark:
        "results/benchmarks/train/{experiment}/{stage}/{member}.tsv"
    conda:
        "../envs/dawnchorus.yaml"
    threads: training_threads
    resources:
        gpu=1,
        mem_mb=6000,
        runtime=1440,
    params:
        training=training_settings,
        shards=shards_by_corpus,
        library=training_library,
    script:
        "../workflow/scripts/train.py"
