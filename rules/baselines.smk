"""Score recordings and detect events by what takes seconds: what a model has to beat.

Reads:   spectrograms, labels, events and verdicts of an experiment, its folds
Writes:  results/{experiment}/baselines.h5, energy.h5, energy.json
"""


rule fit_baselines:
    """Score recordings by what takes seconds, on the folds of the models."""
    input:
        spectrograms=baselines.clip_shards,
        folds="results/{experiment}/folds.csv",
    output:
        baselines="results/{experiment}/baselines.h5",
    log:
        "results/logs/fit_baselines/{experiment}.log",
    benchmark:
        "results/benchmarks/fit_baselines/{experiment}.tsv"
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        baselines=baselines.clip_settings,
        library=baselines.clip_library,
    script:
        "../workflow/scripts/fit_baselines.py"


rule detect_energy:
    """Detect events by energy above a floor, with settings chosen on validation recordings."""
    input:
        spectrograms=baselines.event_shards,
        verdicts=baselines.event_verdicts,
        folds="results/{experiment}/folds.csv",
    output:
        scores="results/{experiment}/energy.h5",
        decoder="results/{experiment}/energy.json",
    log:
        "results/logs/detect_energy/{experiment}.log",
    benchmark:
        "results/benchmarks/detect_energy/{experiment}.tsv"
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        energy=baselines.energy_settings,
        library=run.library("detect_energy"),
    script:
        "../workflow/scripts/detect_energy.py"
