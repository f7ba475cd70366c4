"""Deal folds and set the targets of each stage.

Reads:   results/corpora/{corpus}/labels-*.csv, results/audio/{audio}/{corpus}/verdicts.csv,
         results/{experiment}/stages/{stage}/scores.{corpus}.h5 of earlier stages
Writes:  results/{experiment}/folds.csv, results/{experiment}/stages/{stage}/targets.csv, audit.json
"""


def training_verdicts(wildcards):
    corpora = names_of(experiment(wildcards)["train"])
    return list(verdicts(wildcards.experiment, corpora).values())


def fold_settings(wildcards):
    chosen = experiment(wildcards)
    corpora = names_of(chosen["train"])
    return {
        "settings": {**chosen["folds"], "seed": chosen["seed"]},
        "train": chosen["train"],
        "labels": labels(corpora),
        "listings": listings(corpora),
        "verdicts": verdicts(wildcards.experiment, corpora),
    }


def teacher_scores(wildcards):
    targets = stage(wildcards)["targets"]
    if targets["from"] == "labels":
        return {}
    paths = scores(wildcards.experiment, [targets["stage"]], names_of(targets["unlabelled"]))
    return paths[targets["stage"]]


def teacher_files(wildcards):
    return list(teacher_scores(wildcards).values())


def target_settings(wildcards):
    chosen, targets = experiment(wildcards), stage(wildcards)["targets"]
    references = targets.get("unlabelled", [])
    # labels of unlabelled corpora are opened only where a split has to be looked up in them
    split = [reference for reference in references if ":" in reference]
    found = teacher_scores(wildcards)
    return {
        "settings": {**targets, "seed": chosen["seed"], "classes": chosen["classes"]},
        "train": chosen["train"],
        "labels": labels(names_of([*chosen["train"], *split])),
        "teachers": {r: found[names_of([r])[0]] for r in references},
    }


def audit_settings(wildcards):
    targets = stage(wildcards)["targets"]
    return {
        "targets": targets,
        "scores": teacher_scores(wildcards),
        "labels": labels(names_of(targets["unlabelled"])),
    }


rule deal_folds:
    """Deal the used recordings of an experiment's training corpora into folds."""
    input:
        verdicts=training_verdicts,
    output:
        folds="results/{experiment}/folds.csv",
    log:
        "results/logs/deal_folds/{experiment}.log",
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        results=RESULTS,
        folds=fold_settings,
        library=library("deal_folds"),
    script:
        "../workflow/scripts/deal_folds.py"


rule set_targets:
    """Set the targets of a stage: labels, and confident predictions of an earlier stage."""
    input:
        folds="results/{experiment}/folds.csv",
        teachers=teacher_files,
    output:
        targets="results/{experiment}/stages/{stage}/targets.csv",
    log:
        "results/logs/set_targets/{experiment}/{stage}.log",
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        results=RESULTS,
        targets=target_settings,
        library=library("set_targets"),
    script:
        "../workflow/scripts/set_targets.py"


rule audit:
    """Hold pseudo-labels against the truth, where it is known; nothing is built on this."""
    input:
        targets="results/{experiment}/stages/{stage}/targets.csv",
        teachers=teacher_files,
    output:
        audit="results/{experiment}/stages/{stage}/audit.json",
    log:
        "results/logs/audit/{experiment}/{stage}.log",
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        results=RESULTS,
        audit=audit_settings,
        library=library("audit"),
    script:
        "../workflow/scripts/audit.py"
