"""Score the scores, and write what a challenge wants.

Reads:   window and recording scores of an experiment, labels, verdicts
Writes:  results/{experiment}/metrics.json, summary.txt, submission.{corpus}.csv
"""


def all_scores(wildcards):
    name = wildcards.experiment
    found = scores(name, experiment(wildcards)["stages"], scored_corpora(name))
    return [path for by_corpus in found.values() for path in by_corpus.values()]


def all_ensembles(wildcards):
    found = ensembles(wildcards.experiment, scored_corpora(wildcards.experiment))
    return [path for by_corpus in found.values() for path in by_corpus.values()]


def all_verdicts(wildcards):
    corpora = scored_corpora(wildcards.experiment)
    return list(verdicts(wildcards.experiment, corpora).values())


def evaluation_settings(wildcards):
    name, chosen = wildcards.experiment, experiment(wildcards)
    corpora = scored_corpora(name)
    kept = ("seed", "train", "test", "ensembles", "pooling", "average", "evaluation")
    stages = {stage: {"targets": about["targets"]} for stage, about in chosen["stages"].items()}
    return {
        "settings": {"name": name, "stages": stages, **{key: chosen[key] for key in kept}},
        "scores": scores(name, chosen["stages"], corpora),
        "ensembles": ensembles(name, corpora),
        "labels": labels(corpora),
        "verdicts": verdicts(name, corpora),
    }


def submitted_scores(wildcards):
    chosen = experiment(wildcards)["submission"]["ensemble"]
    return f"results/{wildcards.experiment}/ensembles/{chosen}.{wildcards.corpus}.h5"


def submission_labels(wildcards):
    """Label files that a submission repeats the rows of."""
    data_sets = config["corpora"][wildcards.corpus].get("data_sets", {})
    return sorted({about["labels"] for about in data_sets.values() if about["labels"]})


def submission_settings(wildcards):
    return {
        "submission": experiment(wildcards)["submission"],
        "corpus": config["corpora"][wildcards.corpus],
    }


rule evaluate:
    """Measure every member and every ensemble of an experiment."""
    input:
        scores=all_scores,
        ensembles=all_ensembles,
        folds="results/{experiment}/folds.csv",
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
        results=RESULTS,
        evaluation=evaluation_settings,
        library=library("evaluate"),
    script:
        "../workflow/scripts/evaluate.py"


rule submit:
    """Write the submission of an experiment for one test corpus."""
    input:
        scores=submitted_scores,
        labels=submission_labels,
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
        results=RESULTS,
        submission=submission_settings,
        library=library("submit", "dawnchorus.corpora.bird_detection"),
    script:
        "../workflow/scripts/submit.py"
