"""Train the members of each stage.

Reads:   results/{experiment}/stages/{stage}/targets.parquet, results/spectrograms/{frontend}/...
Writes:  results/{experiment}/stages/{stage}/{member}.keras, .kept.h5 and .history.csv, segments.png,
         normaliser.csv
"""


rule normalise:
    """Take mean and deviation of every band over all recordings that any stage trains on."""
    input:
        folds="results/{experiment}/folds.csv",
        spectrograms=training.normalised_shards,
    output:
        normaliser="results/{experiment}/stages/{stage}/normaliser.csv",
    log:
        "results/logs/normalise/{experiment}/{stage}.log",
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(120),
    params:
        normaliser=training.normaliser_settings,
        library=run.library("normalise"),
    script:
        "../workflow/scripts/normalise.py"


rule train:
    """Train one member of a stage; a training that was killed goes on from its checkpoint."""
    input:
        targets="results/{experiment}/stages/{stage}/targets.parquet",
        spectrograms=training.shards,
        teachers=training.teacher_models,
        pretrained=ancient(training.pretrained),
        normaliser=training.normaliser,
        frames=training.teacher_frames,
    output:
        model="results/{experiment}/stages/{stage}/{member}.keras",
        kept="results/{experiment}/stages/{stage}/{member}.kept.h5",
        history="results/{experiment}/stages/{stage}/{member}.history.csv",
    log:
        "results/logs/train/{experiment}/{stage}/{member}.log",
    benchmark:
        "results/benchmarks/train/{experiment}/{stage}/{member}.tsv"
    group:
        training.group
    conda:
        "../envs/dawnchorus.yaml"
    threads: training.threads
    resources:
        gpu=1,
        mem_mb=growing(4000),
        runtime=training.minutes,
    params:
        training=training.settings,
        shards=training.shards_by_corpus,
        library=training.library,
    script:
        "../workflow/scripts/train.py"


rule draw_segments:
    """Draw what a stage sees of each class, for a person to scan."""
    input:
        targets="results/{experiment}/stages/{stage}/targets.parquet",
        spectrograms=training.shards,
    output:
        picture="results/{experiment}/stages/{stage}/segments.png",
    log:
        "results/logs/draw_segments/{experiment}/{stage}.log",
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        drawing=training.drawing,
        library=training.drawing_library,
    script:
        "../workflow/scripts/draw_segments.py"
