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
        "settings": {
            **{
                key: value
                for key, value in chosen["folds"].items()
                if key != "validation"
            },
            "seed": chosen["seed"],
        },
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
    if targets["from"] != "predictions":
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
    """Spectrograms of what is trained on, and of what other teachers see it as."""
    corpora = training_corpora(wildcards.experiment, wildcards.stage)
    seen = [stage(wildcards)["frontend"]]
    seen += [about["frontend"] for about in teachers(wildcards) if about["shards"]]
    return [
        path
        for name in dict.fromkeys(seen)
        for path in spectrogram_shards(name, corpora)
    ]


def teacher_stages(wildcards):
    return stage(wildcards)["targets"].get("stages", [])


def teachers(wildcards):
    """The same fold's and seed's models of earlier stages, and how they see a recording."""
    name, own = wildcards.experiment, sight(wildcards.experiment, wildcards.stage)
    stem = f"{RESULTS}/{name}/stages"
    found = []
    for teacher in teacher_stages(wildcards):
        seen = sight(name, teacher)
        path = f"{stem}/{teacher}/{wildcards.member}"
        found.append(
            {
                **seen,
                "stage": teacher,
                "model": f"{path}.keras",
                "kept": f"{path}.kept.h5",
                "use": experiment(wildcards)["stages"][teacher]["use"],
                "shards": (
                    None
                    if settings.see_alike(seen, own)
                    else shards_seen(wildcards, seen)
                ),
            }
        )
    return found


def teacher_models(wildcards):
    return [about[key] for about in teachers(wildcards) for key in ("model", "kept")]


def pretrained_model(wildcards):
    """A model from outside the results: its content counts, not its time."""
    chosen = stage(wildcards)["training"]["pretrained"]
    return [ancient(chosen["path"])] if chosen else []


def training_settings(wildcards):
    chosen, about = experiment(wildcards), stage(wildcards)
    kept = ("frontend", "window", "segments", "model", "augmentation", "training")
    pretrained = about["training"]["pretrained"]
    return {
        **{key: chosen[key] for key in ("seed", "backend")},
        **{key: about[key] for key in kept},
        "pooling": about["training"]["validation"]["pooling"],
        "validation": chosen["folds"]["validation"],
        "teachers": teachers(wildcards),
        "temperature": about["targets"].get("temperature"),
        "pretrained_digest": runs.digest_of_file(pretrained),
    }


def shards_seen(wildcards, seen):
    corpora = training_corpora(wildcards.experiment, wildcards.stage)
    return {
        corpus: spectrogram_shards(seen["frontend"], [corpus]) for corpus in corpora
    }


def shards_by_corpus(wildcards):
    return shards_seen(wildcards, stage(wildcards))


def training_library(wildcards):
    return library("train", f"dawnchorus.models.{stage(wildcards)['model']['name']}")


def training_threads(wildcards):
    return experiment(wildcards)["backend"]["threads"]


def drawing_settings(wildcards):
    return {
        **sight(wildcards.experiment, wildcards.stage),
        "shards": shards_by_corpus(wildcards),
        "per_class": 12,
    }


# predictions.smk


def stage_models(wildcards):
    return [
        path
        for about in models_by_member(wildcards).values()
        for path in about.values()
    ]


def models_by_member(wildcards):
    stem = f"results/{wildcards.experiment}/stages/{wildcards.stage}"
    return {
        name: {"model": f"{stem}/{name}.keras", "kept": f"{stem}/{name}.kept.h5"}
        for name in members(wildcards.experiment, wildcards.stage)
    }


def prediction_library(wildcards):
    return library("predict")


def corpus_shards(wildcards):
    about = stage(wildcards)
    chosen = about["predict_frontend"] or about["frontend"]
    return spectrogram_shards(chosen, [wildcards.corpus])


def prediction_settings(wildcards):
    about = stage(wildcards)
    return {
        **{key: about[key] for key in ("window", "segments", "use")},
        "batch_size": about["training"]["batch_size"],
        "backend": experiment(wildcards)["backend"],
    }


def ensemble_scores(wildcards):
    stages = experiment(wildcards)["ensembles"][wildcards.ensemble]
    found = scores(wildcards.experiment, stages, [wildcards.corpus])
    return [found[name][wildcards.corpus] for name in stages]


def pooling_settings(wildcards):
    kept = ("pooling", "average", "average_unit", "ignored_classes")
    return {key: experiment(wildcards)[key] for key in kept}


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
    kept = (
        "seed",
        "train",
        "test",
        "folds",
        "ensembles",
        "pooling",
        "average",
        "average_unit",
        "ignored_classes",
        "evaluation",
    )
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


def submission_format(wildcards):
    chosen = experiment(wildcards)["submission"]
    return settings.format_of(chosen, wildcards.corpus)


def submitted_windows(wildcards):
    """Window scores, for what is submitted by intervals."""
    if submission_format(wildcards) != "birdclef2018_soundscape":
        return []
    chosen = experiment(wildcards)
    stages = chosen["ensembles"][chosen["submission"]["ensemble"]]
    found = scores(wildcards.experiment, stages, [wildcards.corpus])
    return [by_corpus[wildcards.corpus] for by_corpus in found.values()]


def submission_labels(wildcards):
    """Label files that a submission repeats the rows of."""
    data_sets = config["corpora"][wildcards.corpus].get("data_sets", {})
    return sorted({about["labels"] for about in data_sets.values() if about["labels"]})


def submission_settings(wildcards):
    chosen, corpus = experiment(wildcards), wildcards.corpus
    kept = ("best", "interval_s", "keep_trailing")
    return {
        "settings": {
            "format": submission_format(wildcards),
            **{key: chosen["submission"][key] for key in kept},
            **{key: chosen[key] for key in ("pooling", "average", "ignored_classes")},
            "test": [r for r in chosen["test"] if names_of([r]) == [corpus]],
        },
        "labels": labels([corpus])[corpus],
        "corpus": {"data_sets": config["corpora"][corpus].get("data_sets", {})},
    }
