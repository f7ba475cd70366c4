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


def spectrogram_library(wildcards):
    kind = config["frontends"][wildcards.frontend]["kind"]
    return library("make_spectrograms", f"dawnchorus.frontends.kinds.{kind}")


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
    validation = (chosen["events"] or {}).get("validation", [])
    corpora = names_of([*chosen["train"], *unlabelled, *chosen["test"], *validation])
    return {
        "train": chosen["train"],
        "unlabelled": unlabelled,
        "test": chosen["test"],
        "validation": validation,
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
    return [
        *teacher_scores(wildcards).values(),
        *unlabelled_verdicts(wildcards).values(),
    ]


def target_settings(wildcards):
    chosen, targets = experiment(wildcards), stage(wildcards)["targets"]
    references = targets.get("unlabelled", [])
    found, used = teacher_scores(wildcards), unlabelled_verdicts(wildcards)
    # labels of unlabelled corpora are opened only where they have to be looked up in
    split = [reference for reference in references if used or ":" in reference]
    return {
        "settings": {**targets, "seed": chosen["seed"], "classes": chosen["classes"]},
        "train": chosen["train"],
        "labels": labels(names_of([*chosen["train"], *split])),
        "teachers": {r: found[names_of([r])[0]] for r in references if found},
        "verdicts": used,
    }


def is_hard(targets):
    return targets["from"] == "predictions" and targets["labels"] == "hard"


def thresholds_of(wildcards):
    """Thresholds of hard pseudo-labels."""
    if not is_hard(stage(wildcards)["targets"]):
        return []
    return [f"results/{wildcards.experiment}/stages/{wildcards.stage}/thresholds.csv"]


def validation_scores(wildcards):
    """What the earlier stage says of training recordings, out of fold: that chooses thresholds."""
    targets = stage(wildcards)["targets"]
    if not is_hard(targets) or isinstance(targets["thresholds"], (int, float)):
        return {}
    corpora = names_of(experiment(wildcards)["train"])
    return scores(wildcards.experiment, [targets["stage"]], corpora)[targets["stage"]]


def validation_files(wildcards):
    return list(validation_scores(wildcards).values())


def threshold_settings(wildcards):
    chosen = experiment(wildcards)
    return {
        "settings": {**stage(wildcards)["targets"], "classes": chosen["classes"]},
        "train": chosen["train"],
        "labels": labels(names_of(chosen["train"])),
        "scores": validation_scores(wildcards),
    }


def unlabelled_verdicts(wildcards):
    """Verdicts of what a mean teacher's stage uses without labels."""
    targets = stage(wildcards)["targets"]
    if targets["from"] != "mean_teacher":
        return {}
    return verdicts(wildcards.experiment, names_of(targets["unlabelled"]))


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
                    if stage_check.see_alike(seen, own)
                    else shards_seen(wildcards, seen)
                ),
            }
        )
    return found


def teacher_models(wildcards):
    return [about[key] for about in teachers(wildcards) for key in ("model", "kept")]


def pretrained_model(wildcards):
    """The copy of a model from outside the results: its content is its name, its time counts not."""
    chosen = pretrained_settings(wildcards)
    return [ancient(chosen["path"])] if chosen else []


def pretrained_settings(wildcards):
    """The model that a training starts from: where it was copied from is not told."""
    chosen = stage(wildcards)["training"]["pretrained"]
    if not chosen:
        return None
    copy = pretrained_models.model_path(RESULTS, run.digest_of_file(chosen))
    return {**chosen, "path": str(copy)}


def normaliser_file(wildcards):
    if stage(wildcards)["training"]["standardise"] != "corpus":
        return []
    return [f"results/{wildcards.experiment}/stages/{wildcards.stage}/normaliser.csv"]


def normalised_corpora(wildcards):
    name = wildcards.experiment
    return names_of([*experiment(wildcards)["train"], *unlabelled_references(name)])


def normalised_shards(wildcards):
    chosen = stage(wildcards)["frontend"]
    return spectrogram_shards(chosen, normalised_corpora(wildcards))


def normaliser_settings(wildcards):
    corpora = normalised_corpora(wildcards)
    unlabelled = list(dict.fromkeys(unlabelled_references(wildcards.experiment)))
    chosen = stage(wildcards)["frontend"]
    return {
        "shards": {c: spectrogram_shards(chosen, [c]) for c in corpora},
        # only to look splits up: an edit of other labels makes no training stale
        "labels": labels(names_of([r for r in unlabelled if ":" in r])),
        "unlabelled": unlabelled,
        "labelled_twice": stage(wildcards)["training"]["labelled_twice"],
    }


def teacher_frames(wildcards):
    """What an earlier stage says of the frames that get pseudo-labels: corpus to path."""
    targets = stage(wildcards)["targets"]
    if targets.get("level") != "frame":
        return {}
    corpora = names_of(targets["unlabelled"])
    found = frame_scores(wildcards.experiment, [targets["stage"]], corpora)
    return found[targets["stage"]]


def teacher_frame_files(wildcards):
    return list(teacher_frames(wildcards).values())


def frame_targets(wildcards):
    """What is known of frames, for stages that are trained on them; else None."""
    about = stage(wildcards)
    if about["output"] == "clip" and about["segments"]["labels"] == "recording":
        return None
    targets = about["targets"]
    events = event_tables(names_of(experiment(wildcards)["train"]))
    kept = ("labels", "frame_threshold", "filter_s", "average")
    return {
        "events": {
            c: {"events": path, "labels": labels([c])[c]} for c, path in events.items()
        },
        "scores": teacher_frames(wildcards),
        **{key: targets[key] for key in kept if key in targets},
    }


def mean_teacher_settings(wildcards):
    targets = stage(wildcards)["targets"]
    if targets["from"] != "mean_teacher":
        return None
    return {k: v for k, v in targets.items() if k not in ("from", "unlabelled")}


def validated_by(wildcards):
    """Which labelled recordings choose the epoch."""
    is_all = stage(wildcards)["targets"].get("labelled") == "validate"
    return "all" if is_all else experiment(wildcards)["folds"]["validation"]


def training_settings(wildcards):
    chosen, about = experiment(wildcards), stage(wildcards)
    kept = (
        "frontend",
        "window",
        "segments",
        "model",
        "augmentation",
        "output",
        "clip_pooling",
    )
    return {
        **{key: chosen[key] for key in ("seed", "backend")},
        **{key: about[key] for key in kept},
        "training": {
            **about["training"],
            "pretrained": pretrained_settings(wildcards),
            "mean_teacher": mean_teacher_settings(wildcards),
        },
        "pooling": about["training"]["validation"]["pooling"],
        "validation": validated_by(wildcards),
        "teachers": teachers(wildcards),
        "temperature": about["targets"].get("temperature"),
        "normaliser": next(iter(normaliser_file(wildcards)), None),
        "frame_targets": frame_targets(wildcards),
    }


def shards_seen(wildcards, seen):
    corpora = training_corpora(wildcards.experiment, wildcards.stage)
    return {
        corpus: spectrogram_shards(seen["frontend"], [corpus]) for corpus in corpora
    }


def shards_by_corpus(wildcards):
    return shards_seen(wildcards, stage(wildcards))


def training_library(wildcards):
    about = stage(wildcards)
    methods = about["augmentation"]["methods"]
    return library(
        "train",
        f"dawnchorus.models.architectures.{about['model']['name']}",
        f"dawnchorus.training.schedules.{about['training']['schedule']['kind']}",
        f"dawnchorus.segments.kinds.{about['segments']['kind']}",
        *(f"dawnchorus.augmentation.methods.{name}" for name in methods),
    )


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
        **{key: about[key] for key in ("window", "segments", "use", "clip_pooling")},
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


def average_settings(wildcards):
    return experiment(wildcards)["average"]


def ensemble_frames(wildcards):
    stages = experiment(wildcards)["ensembles"][wildcards.ensemble]
    found = frame_scores(wildcards.experiment, stages, [wildcards.corpus])
    return [found[name][wildcards.corpus] for name in stages]


# events.smk


def is_tuned_by(wildcards, what):
    decodings = experiment(wildcards)["events"]["decodings"].values()
    return any(about["tune"] == what for about in decodings)


def validation_frames(wildcards):
    """Frame scores by which decodings are chosen: corpus to path."""
    if not is_tuned_by(wildcards, "events"):
        return {}
    corpora = names_of(experiment(wildcards)["events"]["validation"])
    return frame_ensembles(wildcards.experiment, corpora)[wildcards.ensemble]


def out_of_fold_scores(wildcards):
    """Clip scores by which thresholds are chosen: corpus to path."""
    if not is_tuned_by(wildcards, "clips"):
        return {}
    corpora = names_of(experiment(wildcards)["train"])
    return ensembles(wildcards.experiment, corpora)[wildcards.ensemble]


def decoding_files(wildcards):
    found = [
        *validation_frames(wildcards).values(),
        *out_of_fold_scores(wildcards).values(),
    ]
    corpora = names_of(experiment(wildcards)["events"]["validation"])
    return [*found, *verdicts(wildcards.experiment, corpora).values()]


def first_targets(wildcards):
    """Targets of a stage of the ensemble: they name the classes."""
    first = experiment(wildcards)["ensembles"][wildcards.ensemble][0]
    return f"results/{wildcards.experiment}/stages/{first}/targets.csv"


def decoding_settings(wildcards):
    name, chosen = wildcards.experiment, experiment(wildcards)
    corpora = names_of([*chosen["train"], *chosen["events"]["validation"]])
    kept = ("collar", "validation", "decodings")
    return {
        "frames": validation_frames(wildcards),
        "recording_scores": out_of_fold_scores(wildcards),
        "labels": labels(corpora),
        "verdicts": verdicts(name, corpora),
        "events": event_tables(corpora),
        "settings": {
            "events": {key: chosen["events"][key] for key in kept},
            "train": chosen["train"],
        },
    }


def detected_frames(wildcards):
    return frame_ensembles(wildcards.experiment, [wildcards.corpus])[
        wildcards.ensemble
    ][wildcards.corpus]


def corpus_verdicts(wildcards):
    return verdicts(wildcards.experiment, [wildcards.corpus])[wildcards.corpus]


def tested_references(wildcards):
    """Test references of the experiment to one corpus."""
    tested = experiment(wildcards)["test"]
    return [r for r in tested if names_of([r]) == [wildcards.corpus]]


def detection_settings(wildcards):
    about = experiment(wildcards)["events"]
    twice = about["duplicate_rows"]
    return {
        "references": tested_references(wildcards),
        "labels": labels([wildcards.corpus])[wildcards.corpus],
        "decoding": wildcards.decoding,
        "duplicate_rows": twice,
        "events": (
            event_tables([wildcards.corpus]).get(wildcards.corpus) if twice else None
        ),
    }


def drawn_shards(wildcards):
    chosen = experiment(wildcards)
    if not chosen["events"]["drawn"]:
        return []
    first = chosen["ensembles"][wildcards.ensemble][0]
    return spectrogram_shards(chosen["stages"][first]["frontend"], [wildcards.corpus])


def export_settings(wildcards):
    corpus = wildcards.corpus
    return {
        "names": names(corpus),
        "shards": drawn_shards(wildcards),
        "events": event_tables([corpus]).get(corpus),
        "labels": labels([corpus])[corpus],
        "references": tested_references(wildcards),
        "drawn": experiment(wildcards)["events"]["drawn"],
        "decoding": wildcards.decoding,
    }


def all_frames(wildcards):
    found = frame_ensembles(wildcards.experiment, event_corpora(wildcards.experiment))
    return [path for by_corpus in found.values() for path in by_corpus.values()]


def all_decoders(wildcards):
    stem = f"results/{wildcards.experiment}/decoders"
    return [f"{stem}/{name}.json" for name in experiment(wildcards)["ensembles"]]


def event_verdicts(wildcards):
    corpora = event_corpora(wildcards.experiment)
    return list(verdicts(wildcards.experiment, corpora).values())


def event_settings(wildcards):
    name, chosen = wildcards.experiment, experiment(wildcards)
    corpora = event_corpora(name)
    kept = ("seed", "train", "test", "ensembles", "folds", "evaluation", "events")
    stages = {s: {"targets": about["targets"]} for s, about in chosen["stages"].items()}
    counted = {
        k: v for k, v in chosen["events"].items() if k not in ("exports", "drawn")
    }
    return {
        "frames": frame_ensembles(name, corpora),
        "decoders": dict(zip(chosen["ensembles"], all_decoders(wildcards))),
        "labels": labels(corpora),
        "verdicts": verdicts(name, corpora),
        "events": event_tables(corpora),
        "settings": {
            "name": name,
            "stages": stages,
            **{key: chosen[key] for key in kept},
            "events": counted,
            "models": {
                ensemble: sum(len(members(name, stage)) for stage in of)
                for ensemble, of in chosen["ensembles"].items()
            },
        },
    }


# evaluation.smk again: submissions


def submitted_scores(wildcards):
    chosen = experiment(wildcards)["submission"]["ensemble"]
    return f"results/{wildcards.experiment}/ensembles/{chosen}.{wildcards.corpus}.h5"


def submission_format(wildcards):
    chosen = experiment(wildcards)["submission"]
    return evaluation_settings.format_of(chosen, wildcards.corpus)


def submission_library(wildcards):
    return library(
        "submit", f"dawnchorus.formats.submissions.{submission_format(wildcards)}"
    )


def submitted_windows(wildcards):
    """Window scores, for what is submitted by intervals."""
    if submission_format(wildcards) != "birdclef2018_soundscape":
        return []
    chosen = experiment(wildcards)
    stages = chosen["ensembles"][chosen["submission"]["ensemble"]]
    found = scores(wildcards.experiment, stages, [wildcards.corpus])
    return [by_corpus[wildcards.corpus] for by_corpus in found.values()]


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
        "label_rows": label_rows(corpus),
    }
