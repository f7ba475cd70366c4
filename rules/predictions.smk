"""Score recordings with the members of each stage, and average what they say.

Reads:   results/{experiment}/stages/{stage}/{member}.keras, results/spectrograms/{frontend}/...
Writes:  results/{experiment}/stages/{stage}/scores.{corpus}.{shards}.h5,
         results/{experiment}/ensembles/{ensemble}.{corpus}.h5,
         both again of frames: frames.{corpus}.{shards}.h5, {ensemble}.{corpus}.frames.h5
"""


rule predict:
    """Score some shards of a corpus with all members of a stage, each only where it may."""
    input:
        models=predictions.models,
        targets="results/{experiment}/stages/{stage}/targets.parquet",
        spectrograms=predictions.shards,
    output:
        scores="results/{experiment}/stages/{stage}/scores.{corpus}.{shards}.h5",
    log:
        "results/logs/predict/{experiment}/{stage}/{corpus}/{shards}.log",
    benchmark:
        "results/benchmarks/predict/{experiment}/{stage}/{corpus}/{shards}.tsv"
    conda:
        "../envs/dawnchorus.yaml"
    threads: predictions.threads
    resources:
        gpu=1,
        mem_mb=growing(4000),
        runtime=growing(240),
    params:
        models=predictions.models_by_member,
        prediction=predictions.settings,
        library=predictions.library,
    script:
        "../workflow/scripts/predict.py"


rule ensemble:
    """Pool windows to recordings and average the members of an ensemble's stages."""
    input:
        scores=predictions.scores,
    output:
        scores="results/{experiment}/ensembles/{ensemble}.{corpus}.h5",
    log:
        "results/logs/ensemble/{experiment}/{ensemble}/{corpus}.log",
    group:
        "scores"
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(20),
    params:
        stages=predictions.scores_by_stage,
        pooling=predictions.pooling,
        library=run.library("ensemble"),
    script:
        "../workflow/scripts/ensemble.py"


rule predict_frames:
    """Score the frames of some shards with all members of a stage, each only where it may."""
    input:
        models=predictions.models,
        targets="results/{experiment}/stages/{stage}/targets.parquet",
        spectrograms=predictions.shards,
    output:
        frames="results/{experiment}/stages/{stage}/frames.{corpus}.{shards}.h5",
    log:
        "results/logs/predict_frames/{experiment}/{stage}/{corpus}/{shards}.log",
    benchmark:
        "results/benchmarks/predict_frames/{experiment}/{stage}/{corpus}/{shards}.tsv"
    conda:
        "../envs/dawnchorus.yaml"
    threads: predictions.threads
    resources:
        gpu=1,
        mem_mb=growing(4000),
        runtime=growing(240),
    params:
        models=predictions.models_by_member,
        prediction=predictions.settings,
        library=predictions.frames_library,
    script:
        "../workflow/scripts/predict_frames.py"


rule ensemble_frames:
    """Average the frame scores of the members of an ensemble's stages."""
    input:
        scores=predictions.frames,
    output:
        scores="results/{experiment}/ensembles/{ensemble}.{corpus}.frames.h5",
    log:
        "results/logs/ensemble_frames/{experiment}/{ensemble}/{corpus}.log",
    group:
        "scores"
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        stages=predictions.frames_by_stage,
        average=predictions.average,
        library=run.library("ensemble_frames"),
    script:
        "../workflow/scripts/ensemble_frames.py"
