"""The config, the recordings, and what rules ask of both. No rule stands here."""

import re
import sys
from pathlib import Path

from dawnchorus.settings import corpus_check, evaluation as evaluation_settings, load, stage_check
from dawnchorus.corpora import tables
from dawnchorus.plan import corpora_index, pretrained_models, recordings_check
from dawnchorus.runtime import provenance, run

RESULTS = "results"
BASE = Path(workflow.basedir)
SCRIPTS = BASE / "workflow/scripts"


def refuse(error):
    """End with one line: what is wrong, before any job has started."""
    print(f"error: {error}", file=sys.stderr, flush=True)
    sys.exit(2)


try:
    config = load.load(
        BASE / "config.yaml",
        workflow.config_settings.configfiles,
        workflow.config_settings.config,
    )
    CORPORA = corpus_check.corpora_of_run(config)
    if workflow.is_main_process and not run.is_only_looking(sys.argv[1:]):
        run.held(RESULTS)
        run.announce(sys.argv[1:])
        run.clear_stale_locks()
    if workflow.is_main_process and run.lost_metadata(RESULTS):
        print(run.lost_metadata(RESULTS), file=sys.stderr)
    INDEX = corpora_index.list_corpora(
        CORPORA, config, RESULTS, workflow.is_main_process
    )
    if workflow.is_main_process:
        recordings_check.check_experiments(config, INDEX, RESULTS)
        pretrained_models.keep_models(config, RESULTS)
except (ValueError, OSError) as error:
    refuse(error)


def either(names):
    """A wildcard constraint: one of some names."""
    return "|".join(re.escape(name) for name in sorted(names)) or "(?!)"


def stage_names():
    return {name for e in config["experiments"].values() for name in e["stages"]}


def ensemble_names():
    return {name for e in config["experiments"].values() for name in e["ensembles"]}


def decoding_names():
    experiments = config["experiments"].values()
    return {
        name for e in experiments for name in (e["events"] or {}).get("decodings", [])
    }


def experiment(wildcards):
    return config["experiments"][wildcards.experiment]


def stage(wildcards):
    return experiment(wildcards)["stages"][wildcards.stage]


def frontend(wildcards):
    """Settings of a frontend, with the sample rate of its audio recipe."""
    chosen = config["frontends"][wildcards.frontend]
    return {**chosen, "sample_rate": config["audio"][chosen["audio"]]["sample_rate"]}


def sight(name, stage_name):
    """What decides how a stage sees a recording."""
    about = config["experiments"][name]["stages"][stage_name]
    return {key: about[key] for key in ("frontend", "window", "segments")}


def library(script, *chosen):
    return provenance.library(SCRIPTS / f"{script}.py", *chosen)


def names_of(references):
    """Corpora of some references, in order and once each."""
    return list(dict.fromkeys(tables.parse_reference(r)[0] for r in references))


def listing(wildcards):
    """The immutable listing of a shard: its path names its digest."""
    digest = INDEX[wildcards.corpus]["shards"][wildcards.shard]["digest"]
    return str(tables.listing_path(RESULTS, wildcards.corpus, wildcards.shard, digest))


def listings(corpora):
    return {
        corpus: [
            str(tables.listing_path(RESULTS, corpus, shard, about["digest"]))
            for shard, about in INDEX[corpus]["shards"].items()
        ]
        for corpus in corpora
    }


def labels(corpora):
    """The immutable label tables of some corpora: their paths name their digests."""
    return {c: str(tables.labels_path(RESULTS, c, INDEX[c]["labels"])) for c in corpora}


def names(corpus):
    """The immutable table of a corpus' file names: its path names its digest."""
    return str(tables.names_path(RESULTS, corpus, INDEX[corpus]["names"]))


def label_rows(corpus):
    """Columns and rows of a corpus' label files, where a submission can repeat them."""
    found = INDEX[corpus].get("label_rows")
    if found is None:
        return None
    table = tables.label_rows_path(RESULTS, corpus, found["digest"])
    return {"columns": found["columns"], "table": str(table)}


def excluded_at_listing(corpus):
    return str(tables.excluded_path(RESULTS, corpus, INDEX[corpus]["excluded"]))


def shards(pattern, corpora, **names):
    """Paths of all shards of some corpora, after a pattern."""
    return [
        pattern.format(corpus=corpus, shard=shard, **names)
        for corpus in corpora
        for shard in INDEX[corpus]["shards"]
    ]


def spectrogram_shards(chosen, corpora):
    pattern = f"{RESULTS}/spectrograms/{chosen}/{{corpus}}/{{shard}}.h5"
    return shards(pattern, corpora)


def members(name, stage_name):
    """Names of a stage's members: a fold, a part of the pseudo-labels, a seed each."""
    chosen = config["experiments"][name]
    about = chosen["stages"][stage_name]
    parts = (
        range(1, about["targets"]["parts"] + 1) if "parts" in about["targets"] else [0]
    )
    return [
        f"f{fold}p{part}s{seed}"
        for fold in range(1, chosen["folds"]["count"] + 1)
        for part in parts
        for seed in range(1, about["seeds"] + 1)
    ]


def training_corpora(name, stage_name):
    """Corpora that the targets of a stage speak of."""
    chosen = config["experiments"][name]
    pseudo = chosen["stages"][stage_name]["targets"].get("unlabelled", [])
    return names_of([*chosen["train"], *pseudo])


def unlabelled_references(name):
    """What any stage of an experiment takes pseudo-labels of."""
    stages = config["experiments"][name]["stages"].values()
    return [
        reference
        for about in stages
        for reference in about["targets"].get("unlabelled", [])
    ]


def scored_corpora(name):
    """Corpora that every stage of an experiment scores."""
    chosen = config["experiments"][name]
    return names_of([*chosen["train"], *chosen["test"], *unlabelled_references(name)])


def verdicts(name, corpora):
    audio = config["frontends"][config["experiments"][name]["frontend"]]["audio"]
    return {
        corpus: f"{RESULTS}/audio/{audio}/{corpus}/verdicts.csv" for corpus in corpora
    }


def scores(name, stages, corpora):
    """Window scores: stage to corpus to path."""
    return {
        s: {c: f"{RESULTS}/{name}/stages/{s}/scores.{c}.h5" for c in corpora}
        for s in stages
    }


def ensembles(name, corpora):
    """Recording scores: ensemble to corpus to path."""
    chosen = config["experiments"][name]["ensembles"]
    return {
        e: {c: f"{RESULTS}/{name}/ensembles/{e}.{c}.h5" for c in corpora}
        for e in chosen
    }


def frame_scores(name, stages, corpora):
    """Frame scores: stage to corpus to path."""
    return {
        s: {c: f"{RESULTS}/{name}/stages/{s}/frames.{c}.h5" for c in corpora}
        for s in stages
    }


def frame_ensembles(name, corpora):
    """Averaged frame scores: ensemble to corpus to path."""
    chosen = config["experiments"][name]["ensembles"]
    return {
        e: {c: f"{RESULTS}/{name}/ensembles/{e}.{c}.frames.h5" for c in corpora}
        for e in chosen
    }


def event_corpora(name):
    """Corpora in which events are detected: those that choose decodings, and those tested."""
    chosen = config["experiments"][name]
    return names_of([*chosen["test"], *chosen["events"]["validation"]])


def event_tables(corpora):
    """Immutable tables of events, of corpora that have one."""
    return {
        c: str(tables.events_path(RESULTS, c, INDEX[c]["events"]))
        for c in corpora
        if "events" in INDEX[c]
    }


def results_of_run():
    return [path for name in config["run"] for path in results_of(name)]


def results_of(name):
    """What an experiment is built for."""
    chosen = config["experiments"][name]
    paths = [f"{RESULTS}/{name}/metrics.json"]
    paths += [
        f"{RESULTS}/{name}/stages/{stage}/segments.png" for stage in chosen["drawn"]
    ]
    for stage_name, about in chosen["stages"].items():
        if about["targets"]["from"] == "predictions":
            paths.append(f"{RESULTS}/{name}/stages/{stage_name}/audit.json")
    if chosen["events"]:
        paths += results_of_events(name, chosen)
    paths += [
        f"{RESULTS}/{name}/submission.{corpus}.csv"
        for corpus in names_of(chosen["test"])
        if evaluation_settings.format_of(chosen["submission"], corpus) != "none"
    ]
    return paths


def results_of_events(name, chosen):
    stem, corpora = f"{RESULTS}/{name}/detections", names_of(chosen["test"])
    found = [
        f"{stem}/{ensemble}.{decoding}.{corpus}.tsv"
        for ensemble in chosen["ensembles"]
        for decoding in chosen["events"]["decodings"]
        for corpus in corpora
    ]
    found += [
        f"{stem}/{ensemble}.{decoding}.{corpus}"
        for ensemble, decoding in chosen["events"]["exports"]
        for corpus in corpora
    ]
    return [f"{RESULTS}/{name}/events.json", *found]


def show_summaries():
    for name in config["run"]:
        for file in ("summary.txt", "events.txt"):
            path = Path(RESULTS, name, file)
            if path.exists():
                print(f"\n{path.read_text()}", file=sys.stderr)
