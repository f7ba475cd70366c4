"""Score recordings with the members of each stage, and average what they say.

Reads:   results/{experiment}/stages/{stage}/{member}.keras, results/spectrograms/{frontend}/...
Writes:  results/{experiment}/stages/{stage}/scores.{corpus}.h5,
         results/{experiment}/ensembles/{ensemble}.{corpus}.h5
"""


def stage_models(wildcards):
    stem = f"results/{wildcards.experiment}/stages/{wildcards.stage}"
    return [f"{stem}/{name}.keras" for name in members(wildcards.experiment, wildcards.stage)]


def models_by_member(wildcards):
    names = members(wildcards.experiment, wildcards.stage)
    return dict(zip(names, stage_models(wildcards)))


def corpus_shards(wildcards):
    return spectrogram_shards(experiment(wildcards)["frontend"], [wildcards.corpus])


def prediction_settings(wildcards):
    chosen, about = experiment(wildcards), stage(wildcards)
    return {
        "window": chosen["window"],
        "batch_size": about["training"]["batch_size"],
        "backend": chosen["backend"],
    }


def ensemble_scores(wildcards):
    stages = experiment(wildcards)["ensembles"][wildcards.ensemble]
    found = scores(wildcards.experiment, stages, [wildcards.corpus])
    return [found[name][wildcards.corpus] for name in stages]


def pooling_settings(wildcards):
    return {key: experiment(wildcards)[key] for key in ("pooling", "average")}


rule predict:
    """Score one corpus with all members of a stage, each only where it may."""
    input:
        models=stage_models,
        targets="results/{experiment}/stages/{stage}/targets.csv",
        spectrograms=corpus_shards,
    output:
        scores="results/{experiment}/stages/{stage}/scores.{corpus}.h5",
    log:
        "results/logs/predict/{experiment}/{stage}/{corpus}.log",
    benchmark:
        "results/benchmarks/predict/{experiment}/{stage}/{corpus}.tsv"
    conda:
        "../envs/dawnchorus.yaml"
    threads: training_threads
    resources:
        gpu=1,
        mem_mb=4000,
        runtime=240,
    params:
        results=RESULTS,
        models=models_by_member,
        prediction=prediction_settings,
        library=training_library,
    script:
        "../workflow/scripts/predict.py"


rule ensemble:
    """Pool windows to recordings and average the members of an ensemble's stages."""
    input:
        scores=ensemble_scores,
    output:
        scores="results/{experiment}/ensembles/{ensemble}.{corpus}.h5",
    log:
        "results/logs/ensemble/{experiment}/{ensemble}/{corpus}.log",
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=4000,
        runtime=20,
    params:
        results=RESULTS,
        pooling=pooling_settings,
        library=library("ensemble"),
    script:
        "../workflow/scripts/ensemble.py"
