"""Deal folds and set the targets of each stage.

Reads:   results/corpora/{corpus}/labels-*.parquet, results/audio/{audio}/{corpus}/verdicts.csv,
         results/{experiment}/stages/{stage}/scores.{corpus}.{shards}.h5 of earlier stages
Writes:  results/{experiment}/folds.csv, leaks.csv, results/{experiment}/stages/{stage}/thresholds.csv, targets.parquet,
         audit.json
"""


rule deal_folds:
    """Deal the used recordings of an experiment's training corpora into folds."""
    input:
        verdicts=targets.training_verdicts,
    output:
        folds="results/{experiment}/folds.csv",
    log:
        "results/logs/deal_folds/{experiment}.log",
    localrule: True
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(20),
    params:
        folds=targets.folds,
        library=run.library("deal_folds"),
    script:
        "../workflow/scripts/deal_folds.py"


rule check_leaks:
    """Make sure that nothing tested is trained on: no content, no group of a corpus."""
    output:
        leaks="results/{experiment}/leaks.csv",
    log:
        "results/logs/check_leaks/{experiment}.log",
    priority: 100  # before hours of training that a leak would make worthless
    localrule: True
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(20),
    params:
        leaks=targets.leaks,
        library=run.library("check_leaks"),
    script:
        "../workflow/scripts/check_leaks.py"


rule choose_thresholds:
    """Choose the thresholds of hard pseudo-labels by an earlier stage's out-of-fold scores."""
    input:
        folds="results/{experiment}/folds.csv",
        scores=targets.validation_files,
    output:
        thresholds="results/{experiment}/stages/{stage}/thresholds.csv",
    log:
        "results/logs/choose_thresholds/{experiment}/{stage}.log",
    localrule: True
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(20),
    params:
        thresholds=targets.threshold_settings,
        library=run.library("choose_thresholds"),
    script:
        "../workflow/scripts/choose_thresholds.py"


rule set_targets:
    """Set the targets of a stage: labels, and confident predictions of an earlier stage."""
    input:
        folds="results/{experiment}/folds.csv",
        teachers=targets.teacher_files,
        thresholds=targets.thresholds,
    output:
        targets="results/{experiment}/stages/{stage}/targets.parquet",
    log:
        "results/logs/set_targets/{experiment}/{stage}.log",
    localrule: True
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(20),
    params:
        targets=targets.settings,
        library=run.library("set_targets"),
    script:
        "../workflow/scripts/set_targets.py"


rule audit:
    """Hold pseudo-labels against the truth, where it is known; nothing is built on this."""
    input:
        targets="results/{experiment}/stages/{stage}/targets.parquet",
        teachers=targets.teacher_files,
        thresholds=targets.thresholds,
        verdicts=targets.audited_verdicts,
    output:
        audit="results/{experiment}/stages/{stage}/audit.json",
    log:
        "results/logs/audit/{experiment}/{stage}.log",
    group:
        "scores"
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(20),
    params:
        audit=targets.audit,
        library=run.library("audit"),
    script:
        "../workflow/scripts/audit.py"
