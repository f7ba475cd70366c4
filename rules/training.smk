"""Train the members of each stage.

Reads:   results/{experiment}/stages/{stage}/targets.csv, results/spectrograms/{frontend}/...
Writes:  results/{experiment}/stages/{stage}/{member}.keras and {member}.history.csv
"""


def training_shards(wildcards):
    corpora = training_corpora(wildcards.experiment, wildcards.stage)
    return spectrogram_shards(experiment(wildcards)["frontend"], corpora)


def training_settings(wildcards):
    chosen, about = experiment(wildcards), stage(wildcards)
    return {
        **{key: chosen[key] for key in ("seed", "window", "backend")},
        **{key: about[key] for key in ("model", "augmentation", "training")},
    }


def shards_by_corpus(wildcards):
    corpora = training_corpora(wildcards.experiment, wildcards.stage)
    chosen = experiment(wildcards)["frontend"]
    return {corpus: spectrogram_shards(chosen, [corpus]) for corpus in corpora}


def training_library(wildcards):
    return library("train", f"dawnchorus.models.{stage(wildcards)['model']['name']}")


def training_threads(wildcards):
    return experiment(wildcards)["backend"]["threads"]


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
        results=RESULTS,
        training=training_settings,
        shards=shards_by_corpus,
        library=training_library,
    script:
        "../workflow/scripts/train.py"
