"""Write the pages that a person looks at, from what experiments have made.

Reads:   metrics, events, audits, histories and recording scores of an experiment, verdicts, folds
Writes:  results/{experiment}/report.html, results/compare/{comparison}.html
"""


rule report:
    """Write the report of an experiment: scores, curves, recordings to listen to, settings."""
    input:
        metrics="results/{experiment}/metrics.json",
        folds="results/{experiment}/folds.csv",
        results=reports.results,
    output:
        page="results/{experiment}/report.html",
    log:
        "results/logs/report/{experiment}.log",
    group:
        "scores"
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(20),
    params:
        report=reports.settings,
        library=run.library("report"),
    script:
        "../workflow/scripts/report.py"


rule compare:
    """Write experiments side by side: paired differences, curves, settings that differ."""
    input:
        results=reports.compared_results,
    output:
        page="results/compare/{comparison}.html",
    log:
        "results/logs/compare/{comparison}.log",
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        comparison=reports.comparison,
        library=run.library("compare"),
    script:
        "../workflow/scripts/compare.py"
