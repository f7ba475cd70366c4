"""Score the scores, beside simple ones and calibrated, and write what a challenge wants.

Reads:   window and recording scores of an experiment, baselines, labels, verdicts
Writes:  results/{experiment}/ensembles/{ensemble}.calibration.json, metrics.json, summary.txt,
         submission.{corpus}.csv
"""


rule calibrate:
    """Fit the maps from scores of an ensemble to probabilities, on out-of-fold scores."""
    input:
        scores=evaluation.out_of_fold_scores,
        folds="results/{experiment}/folds.csv",
    output:
        calibration="results/{experiment}/ensembles/{ensemble}.calibration.json",
    log:
        "results/logs/calibrate/{experiment}/{ensemble}.log",
    group:
        "scores"
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        calibration=evaluation.calibration,
        library=run.library("calibrate"),
    script:
        "../workflow/scripts/calibrate.py"


rule evaluate:
    """Measure every member and every ensemble of an experiment."""
    input:
        scores=evaluation.scores,
        ensembles=evaluation.ensembles,
        calibrations=evaluation.calibrations,
        baselines=evaluation.baselines,
        folds="results/{experiment}/folds.csv",
        leaks="results/{experiment}/leaks.csv",
        verdicts=evaluation.verdicts,
    output:
        metrics="results/{experiment}/metrics.json",
        summary="results/{experiment}/summary.txt",
    log:
        "results/logs/evaluate/{experiment}.log",
    benchmark:
        "results/benchmarks/evaluate/{experiment}.tsv"
    group:
        "scores"
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        evaluation=evaluation.settings,
        library=run.library("evaluate"),
    script:
        "../workflow/scripts/evaluate.py"


rule submit:
    """Write the submission of an experiment for one test corpus."""
    input:
        scores=evaluation.submitted_scores,
        windows=evaluation.submitted_windows,
        leaks="results/{experiment}/leaks.csv",
    output:
        submission="results/{experiment}/submission.{corpus}.csv",
    log:
        "results/logs/submit/{experiment}/{corpus}.log",
    group:
        "scores"
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(20),
    params:
        submission=evaluation.submission,
        library=evaluation.submission_library,
    script:
        "../workflow/scripts/submit.py"
