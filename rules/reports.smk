"""Write a page that a person looks at, from what an experiment has made.

Reads:   metrics, events, audits, histories and recording scores of an experiment, verdicts, folds
Writes:  results/{experiment}/report.html
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
