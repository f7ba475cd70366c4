"""What each rule reads and is set to, in the order of the rule files. No rule stands here."""

# corpora.smk


def corpus_recipe(wildcards):
    counted = ("max_excluded", "missing_files", "fingerprint")
    about = config["corpora"][wildcards.corpus]
    return {key: value for key, value in about.items() if key not in counted}


# audio.smk


def archive(wildcards):
    if config["corpora"][wildcards.corpus]["adapter"] == "synthetic":
        return {
            "archive": f"results/corpora/{wildcards.corpus}/made/{wildcards.shard}.zip"
        }
    return {}


def shard_tables(wildcards):
    pattern = f"results/audio/{wildcards.audio}/{{corpus}}/{{shard}}.csv"
    return shards(pattern, [wildcards.corpus])


def exclusion_settings(wildcards):
    return {"max_excluded": config["corpora"][wildcards.corpus]["max_excluded"]}


def excluded_of(wildcards):
    return excluded_at_listing(wildcards.corpus)


def audio_recipe(wildcards):
    return config["audio"][wildcards.audio]


# spectrograms.smk


def resampled(wildcards):
    audio = config["frontends"][wildcards.frontend]["audio"]
    stem = f"results/audio/{audio}/{wildcards.corpus}/{wildcards.shard}"
    return {"wav": f"{stem}.wav", "table": f"{stem}.csv"}


# targets.smk


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


def leak_settings(wildcards):
    chosen = experiment(wildcards)
    unlabelled = unlabelled_references(wildcards.experiment)
    corpora = names_of([*chosen["train"], *unlabelled, *chosen["test"]])
    return {
        "train": chosen["train"],
        "unlabelled": unlabelled,
        "test": chosen["test"],
        "labels": labels(corpora),
        "listings": listings(corpora),
    }


def teacher_scores(wildcards):
    targets = stage(wildcards)["targets"]
    if targets["from"] == "labels":
        return {}
    paths = scores(
        wildcards.experiment, [targets["stage"]], names_of(targets["unlabelled"])
    )
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


# training.smk


def training_shards(wildcards):
    corpora = training_corpora(wildcards.experiment, wildcards.stage)
    return spectrogram_shards(experiment(wildcards)["frontend"], corpora)


def training_settings(wildcards):
    chosen, about = experiment(wildcards), stage(wildcards)
    return {
        **{key: chosen[key] for key in ("seed", "window", "backend")},
        **{key: about[key] for key in ("model", "augmentation", "training")},
    }


def shards_by_corpus(wildcards):
    corpora = training_corpora(wildcards.experiment, wildcards.stage)
    chosen = experiment(wildcards)["frontend"]
    return {corpus: spectrogram_shards(chosen, [corpus]) for corpus in corpora}


def training_library(wildcards):
    return library("train", f"dawnchorus.models.{stage(wildcards)['model']['name']}")


def training_threads(wildcards):
    return experiment(wildcards)["backend"]["threads"]


# predictions.smk


def stage_models(wildcards):
    stem = f"results/{wildcards.experiment}/stages/{wildcards.stage}"
    return [
        f"{stem}/{name}.keras"
        for name in members(wildcards.experiment, wildcards.stage)
    ]


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


# evaluation.smk


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
    stages = {
        stage: {"targets": about["targets"]}
        for stage, about in chosen["stages"].items()
    }
    return {
        "settings": {
            "name": name,
            "stages": stages,
            **{key: chosen[key] for key in kept},
        },
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
        "corpus": {
            "data_sets": config["corpora"][wildcards.corpus].get("data_sets", {})
        },
    }
