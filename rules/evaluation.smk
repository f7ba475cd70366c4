"""Score the scores, and write what a challenge wants.

Reads:   window and recording scores of an experiment, labels, verdicts
Writes:  results/{experiment}/metrics.json, summary.txt, submission.{corpus}.csv
"""


rule evaluate:
    """Measure every member and every ensemble of an experiment."""
    input:
        scores=all_scores,
        ensembles=all_ensembles,
        folds="results/{experiment}/folds.csv",
        leaks="results/{experiment}/leaks.csv",
        verdicts=all_verdicts,
    output:
        metrics="results/{experiment}/metrics.json",
        summary="results/{experiment}/summary.txt",
    log:
        "results/logs/evaluate/{experiment}.log",
    benchmark:
        "results/benchmarks/evaluate/{experiment}.tsv"
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        evaluation=evaluation_settings,
        library=library("evaluate"),
    script:
        "../workflow/scripts/evaluate.py"


rule submit:
    """Write the submission of an experiment for one test corpus."""
    input:
        scores=submitted_scores,
        windows=submitted_windows,
        leaks="results/{experiment}/leaks.csv",
    output:
        submission="results/{experiment}/submission.{corpus}.csv",
    log:
        "results/logs/submit/{experiment}/{corpus}.log",
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        submission=submission_settings,
        library=submission_library,
    script:
        "../workflow/scripts/submit.py"
