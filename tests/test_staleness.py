"""What a change of config, recordings or code makes stale, by the plan alone.

`dawnchorus.plan.jobs.stale` says it in milliseconds; ``test_plan.py`` holds the jobs equal to those of
Snakemake, and ``test_workflow.py`` and ``test_sed_workflow.py`` a few rows to real dry runs.
"""

import contextlib
import copy
import dataclasses
import re
import shutil

import pytest
import test_sed_workflow
import tiny

from dawnchorus.plan import report_rules
from dawnchorus.plan.jobs import stale

AFTER_SCORES = {"ensemble one", "evaluate one", "submit one"}
AFTER_MODELS_ONE = {"predict one first", *AFTER_SCORES}
TRAIN_ONE = {"train one first", *AFTER_MODELS_ONE}
AFTER_SECOND = {"predict two second", "ensemble two", "evaluate two"}
SECOND = {"set_targets two second", "audit two second", "train two second", *AFTER_SECOND}
TRAIN_TWO = {"train two first", "predict two first", *SECOND}
FOLDS_ONE = {"deal_folds one", "fit_baselines one", "set_targets one first", *TRAIN_ONE}
FOLDS_TWO = {"deal_folds two", "fit_baselines two", "set_targets two first", *TRAIN_TWO}
BASELINES = {"fit_baselines one", "fit_baselines two"}
FROM_SPECTROGRAMS = {"make_spectrograms", *BASELINES, *TRAIN_ONE, *TRAIN_TWO}
FROM_AUDIO = {"resample", "judge", "make_spectrograms", *FOLDS_ONE, *FOLDS_TWO}
LEAKS = {"check_leaks one", "check_leaks two"}
FROM_LISTING = {*FROM_AUDIO, *LEAKS}
TARGETS_ONE = {"fit_baselines one", "set_targets one first", *TRAIN_ONE}

# config key -> (value, what it makes stale), as a person writes them
BY_KEY = {
    "audio.tiny.resampler": ("polyphase", FROM_AUDIO),
    "audio.tiny.channels": ("mix", FROM_AUDIO),
    "audio.tiny.max_duration_s": (100.0, FROM_AUDIO),
    "audio.tiny.decoder.seconds": (60, FROM_AUDIO),
    "frontends.tiny.fmax": (3800.0, FROM_SPECTROGRAMS),
    "frontends.tiny.denoise": ("median", FROM_SPECTROGRAMS),
    "frontends.tiny.trim_stddevs": (3.0, FROM_SPECTROGRAMS),
    "corpora.small.shards": (4, FROM_LISTING),
    "corpora.other.shards": (1, {
        "resample", "judge", "make_spectrograms", *AFTER_MODELS_ONE, "predict two first", *SECOND,
        *LEAKS, *BASELINES,
    }),
    "corpora.small.binary_class": ("chirp", {*FOLDS_ONE, *FOLDS_TWO, *LEAKS}),
    "corpora.small.ids": ("stem", FROM_LISTING),
    "corpora.small.fingerprint": ("stat", FROM_LISTING),
    "corpora.small.missing_files": ("exclude", set()),
    "corpora.small.separator": (",", set()),
    "corpora.small.root": (".", set()),
    "corpora.other.max_excluded": (0.4, {"judge", "evaluate one", "evaluate two"}),
    "experiments.one.seed": (1, {*FOLDS_ONE}),
    "experiments.one.seeds": (2, TRAIN_ONE),
    "experiments.one.backend.threads": (2, TRAIN_ONE),
    "experiments.one.window": (180, TRAIN_ONE),
    "experiments.one.folds.kind": ("rotate", FOLDS_ONE),
    "experiments.one.classes": (["bird"], TARGETS_ONE),
    "experiments.one.model.dense": ([6], TRAIN_ONE),
    "experiments.one.augmentation.rotate": (False, TRAIN_ONE),
    "experiments.one.training.learning_rate": (0.01, TRAIN_ONE),
    "experiments.one.training.epochs": (2, TRAIN_ONE),
    "experiments.one.training.schedule.patience": (2, TRAIN_ONE),
    "experiments.one.training.keep": (["best_loss"], TRAIN_ONE),
    "experiments.one.training.standardise": ("scalar", TRAIN_ONE),
    "experiments.one.augmentation.mixup": (0.3, TRAIN_ONE),
    "experiments.one.segments.rescale": (True, TRAIN_ONE),
    "experiments.one.folds.validation": ("own", TRAIN_ONE),
    "experiments.one.training.validation.pooling": ("max", TRAIN_ONE),
    "experiments.one.pooling": ("mean", AFTER_SCORES),
    "experiments.one.average_unit": ("chunk", AFTER_SCORES),
    "experiments.one.average": ("median", AFTER_SCORES),
    "experiments.one.drawn": (["first"], {"draw_segments one first"}),
    "experiments.one.export": (["first"], {"export one"}),
    "experiments.one.database": (True, {"list_segments one first", "build_database one"}),
    "experiments.one.calibration.method": ("platt", {"calibrate one", "evaluate one"}),
    "experiments.one.baselines": (["chance"], {"fit_baselines one", "evaluate one"}),
    "experiments.one.evaluation.replicates": (200, {"evaluate one"}),
    "experiments.one.evaluation.threshold": ("youden", {"evaluate one"}),
    "experiments.one.submission.format": ("none", set()),
    "experiments.two.stages.second.targets.low": (0.4, SECOND),
    "experiments.two.stages.second.targets.pooling": ("mean", SECOND),
    "experiments.two.evaluation.compare": ([], {"evaluate two"}),
    "run": (["one"], set()),
}  # fmt: skip

# a key of the complete config, as a regular expression -> what it makes stale; the first that fits
BY_SECTION = {
    r"audio\.tiny\..*": FROM_AUDIO,
    r"frontends\.tiny\..*": FROM_SPECTROGRAMS,
    r"corpora\.small\.max_excluded": {"judge", *FOLDS_ONE, *FOLDS_TWO},
    r"corpora\.other\.max_excluded": {"judge", "evaluate one", "evaluate two"},
    r"experiments\.one\.(backend)\..*": TRAIN_ONE,
    r"experiments\.one\.classes": TARGETS_ONE,
    r"experiments\.one\.seed": FOLDS_ONE,
    r"experiments\.one\.folds\.validation": TRAIN_ONE,
    r"experiments\.one\.folds\.count": {*FOLDS_ONE},
    r"experiments\.one\.folds\..*": FOLDS_ONE,
    r"experiments\.one\.calibration\.method": {"calibrate one", "evaluate one"},
    r"experiments\.one\.calibration\.per_class": set(),  # where there is no method
    r"experiments\.one\.(pooling|average|average_unit)": AFTER_SCORES,
    r"experiments\.one\.ignored_classes": {"fit_baselines one", *AFTER_SCORES},
    r"experiments\.one\.evaluation\..*": {"evaluate one"},
    r"experiments\.one\.submission\..*": {"submit one"},
    r"experiments\.one\.stages\.first\.use": AFTER_MODELS_ONE,
    r"experiments\.one\.stages\.first\..*": TRAIN_ONE,
    r"experiments\.two\.stages\.second\.targets\..*": SECOND,
}

# keys of which no other value is tried: why
NOT_TRIED = {
    r"corpora\.(small|other)\.(?!max_excluded).*":
        "they decide the listing: rows of BY_KEY, and changed recordings",
    r"experiments\.one\.(training|segments|augmentation|model)\..*": "copied to every stage",
    r"experiments\.one\.(window|frontend|output|clip_pooling|predict_frontend|seeds|use)":
        "copied to every stage",
    r"experiments\.(one|two)\.(train|test|ensembles|baselines|events|drawn|export|database)(\..*)?":
        "names: rows of BY_KEY",
    r"experiments\.one\.stages\.first\.(frontend|predict_frontend|seeds|targets\.from)":
        "decides which jobs there are",
    r"experiments\.one\.stages\.first\.(training\.(pretrained|schedule\.kind)|(model|segments)\.\w*(name|kind))":
        "a file, modules",
    r"experiments\.one\.submission\.(ensemble|format|by_corpus)": "decides which jobs there are",
    r"experiments\.two\.stages\.second\.targets\.(from|stage|unlabelled|level|parts)":
        "decides which jobs there are",
    r"frontends\.tiny\.(audio|kind)": "names an audio recipe, a module",
}  # fmt: skip

# module -> what an edit of its logic makes stale
BY_CODE = {
    "metrics/sparse.py": {*TRAIN_ONE, *TRAIN_TWO},
    "metrics/ranks.py": {"evaluate one", "evaluate two"},
    "scores/inference.py": {*AFTER_MODELS_ONE, "predict two first", *SECOND},
    "training/loop.py": {*TRAIN_ONE, *TRAIN_TWO},
    "metrics/roc.py": {"audit two second", "evaluate one", "evaluate two"},
    "evaluation/clip_baselines/chance.py": {*BASELINES, "evaluate one", "evaluate two"},
    "evaluation/summary.py": {"evaluate one", "evaluate two"},
    "formats/submissions/bad2017.py": {"submit one"},
    "report/rule_graph.py": {"report one", "report two"},
    "report/static/report.css": {"report one", "report two"},
    "models/architectures/bulbul.py": TRAIN_ONE,
    "models/architectures/sparrow.py": TRAIN_TWO,
    "frontends/kinds/log_mel.py": FROM_SPECTROGRAMS,
    "frontends/kinds/psd.py": set(),
    "augmentation/methods/crop.py": set(),
    "segments/kinds/windows.py": {*TRAIN_ONE, *TRAIN_TWO},
    "segments/kinds/chunks.py": set(),
    "training/schedules/plateau.py": {*TRAIN_ONE, *TRAIN_TWO},
    "training/schedules/cosine.py": set(),
    "targets/leaks.py": {*LEAKS, "evaluate one", "evaluate two", "submit one"},
    "augmentation/engine.py": {*TRAIN_ONE, *TRAIN_TWO},
    "plan/training_rules.py": set(),
    "runtime/logs.py": set(),
    "runtime/job.py": set(),
    "cli/command.py": set(),
}

# of experiments with events: key -> (value, rules that it makes stale)
AFTER_DECODERS = {"detect", "export_detections", "evaluate_events"}
AFTER_FIRST = {
    "set_targets", "audit", "train", "predict", "predict_frames", "ensemble", "ensemble_frames",
    "choose_decodings", "evaluate", *AFTER_DECODERS,
}  # fmt: skip
BY_EVENT_KEY = {
    "events.segment_s": (0.5, {"evaluate_events"}),
    "events.absent": ("zero", {"evaluate_events"}),
    "events.collar": ({"onset_s": 0.1}, {"detect_energy", "choose_decodings", *AFTER_DECODERS}),
    "events.decodings.published":
        ({"threshold": 0.4, "filter_s": 0.1}, {"choose_decodings", *AFTER_DECODERS}),
    "events.drawn": ([], {"export_detections"}),
    "events.baselines": (["oracle"], {"evaluate_events"}),
    "events.duplicate_rows": (True, AFTER_DECODERS),
    "training.labelled_twice": (True, {"normalise", "choose_thresholds", *AFTER_FIRST}),
    "stages.second.targets.thresholds": ("tuned", {"choose_thresholds", *AFTER_FIRST}),
}  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return tiny.Project(tmp_path_factory.mktemp("staleness"))


@pytest.fixture(scope="module")
def before(project):
    return project.run_of(tiny.config())


def named(keys):
    """Return jobs as ``rule experiment stage``."""
    found = set()
    for rule, wildcards in keys:
        about = dict(wildcards)
        found.add(" ".join([rule, *(about[k] for k in ("experiment", "stage") if k in about)]))
    return found


def with_reports(expected, key=""):
    """Return jobs with those of reports: they show scores, audits and the settings of experiments."""
    shown = {job.split()[1] for job in expected if job.startswith(("evaluate ", "audit "))}
    shown |= set(re.findall(r"^experiments\.(one|two)\.", key))
    return {*expected, *(f"report {name}" for name in shown)}


def leaves(value, above=()):
    """Return every key of a complete config that holds no mapping, with its value."""
    if isinstance(value, dict) and value:
        return [leaf for key, below in value.items() for leaf in leaves(below, (*above, key))]
    return [(".".join(above), value)]


def other(value):
    """Return a value of the same type that is another."""
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return f"{value}-other"
    return {"crop": {}} if isinstance(value, dict) else [*value, 1]


def first_fit(table, key):
    """Return the value of the first expression of a table that a key fits, or None."""
    return next((value for pattern, value in table.items() if re.fullmatch(pattern, key)), None)


def test_nothing_changed_is_nothing_stale(project, before):
    assert stale(before, project.run_of(tiny.config())) == set()


@pytest.mark.parametrize("key", BY_KEY)
def test_a_config_key_makes_stale_what_uses_it(project, before, key):
    value, expected = BY_KEY[key]
    after = project.run_of(tiny.changed(tiny.config(), key, value))
    assert named(stale(before, after)) == with_reports(expected, key)


def test_sources_make_the_intervals_that_ask_for_them_stale_alone(project, before):
    def run(text, how):
        (project.work / "sources.csv").write_text(f"recording,source\n{text}\n")
        config = tiny.changed(tiny.config(), "corpora.other.source_table", {"path": "sources.csv"})
        return project.run_of(tiny.changed(config, "experiments.one.evaluation.bootstrap", how))

    assert named(stale(before, run("001,rain", "groups"))) == set()
    drawn = run("001,rain", "sources")
    assert named(stale(before, drawn)) == {"evaluate one", "report one"}
    assert named(stale(drawn, run("001,sea", "sources"))) == {"evaluate one", "report one"}
    assert stale(drawn, run("field/001,rain", "sources")) == set()  # the same in other words


def test_every_key_of_the_complete_config_makes_stale_what_its_section_does(before, monkeypatch):
    # values of this test need not be valid; what differs from the defaults is looked for in valid ones
    monkeypatch.setattr(report_rules, "differences", lambda _, settings: settings)
    sections = (r"(audio|frontends)\.tiny\.|corpora\.(small|other)\.|experiments\.one\.|"
                r"experiments\.two\.stages\.second\.targets\.")  # fmt: skip
    tried, missing, wrong = set(), [], {}
    for key, value in leaves(before.config):
        if not re.match(sections, key):
            continue
        if first_fit(NOT_TRIED, key):
            continue
        expected = first_fit(BY_SECTION, key)
        if expected is None:
            missing.append(key)
            continue
        tried.add(key)
        changed = tiny.changed(before.config, key, other(value))
        found = named(stale(before, dataclasses.replace(before, config=changed)))
        if found != (wanted := with_reports(expected, key)):
            wrong[key] = found ^ wanted
    assert not missing
    assert not wrong
    assert len(tried) > 100


def test_reordered_keys_make_nothing_stale(project, before):
    def turned(value):
        if isinstance(value, dict):
            in_order = {"stages", "ensembles"}
            return {k: value[k] if k in in_order else turned(value[k]) for k in reversed(value)}
        return value

    assert stale(before, project.run_of(turned(tiny.config()))) == set()


@pytest.fixture(scope="module")
def package(project, tmp_path_factory):
    """Return what copies the library with one module edited, and the run on that copy."""

    def edited(run, module, edit):
        copied = tmp_path_factory.mktemp("copy") / "dawnchorus"
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(project.tree / "src/dawnchorus", copied, ignore=ignored)
        path = copied / module
        path.write_text(edit(path.read_text()))
        return dataclasses.replace(run, package=copied)

    return edited


@pytest.mark.parametrize("module", BY_CODE)
def test_an_edit_of_the_library_makes_stale_what_reaches_it(package, before, module):
    added = "\n.added { margin: 0; }\n" if module.endswith(".css") else "\nADDED = 1\n"
    after = package(before, module, lambda text: text + added)
    assert named(stale(before, after)) == with_reports(BY_CODE[module])


def test_an_edit_of_docstrings_and_comments_makes_nothing_stale(package, before):
    def edit(text):
        return re.sub(r'^"""', '"""Edited. ', text, count=1) + "\n# a comment\n"

    assert stale(before, package(before, "training/loop.py", edit)) == set()


def test_an_edit_of_a_script_makes_its_rule_stale(project, before, tmp_path):
    for folder in ("rules", "workflow"):
        shutil.copytree(project.tree / folder, tmp_path / folder)
    with open(tmp_path / "workflow/scripts/submit.py", "a") as file:
        file.write("\nADDED = 1\n")
    assert named(stale(before, dataclasses.replace(before, base=tmp_path))) == {"submit one"}


@pytest.fixture
def recording(project):
    """Return what changes a recording of the project and returns the run; put back afterwards."""
    with contextlib.ExitStack() as undo:

        def edited(name, edit):
            path = project.work / name
            undo.callback(path.write_bytes, path.read_bytes())
            path.write_bytes(edit(path.read_bytes()))
            return project.run_of(tiny.config())

        yield edited


def test_a_changed_test_recording_retrains_nothing(before, recording):
    found = stale(before, recording("field/003.wav", lambda content: content[:-2] + b"\1\1"))
    assert {job for job in named(found) if "one" in job} == {
        *AFTER_MODELS_ONE, "check_leaks one", "fit_baselines one", "report one",
    }  # fmt: skip
    assert not {job for job in named(found) if job.startswith("train")} - {"train two second"}
    assert sum(rule == "resample" for rule, _ in found) == 1


def test_a_changed_test_recording_is_scored_again_with_the_shards_of_its_job_alone(
    project, recording
):
    settings = tiny.changed(tiny.config(), "corpora.other.recordings_per_job", 1)
    before = project.run_of(settings)
    recording("field/003.wav", lambda content: content[:-2] + b"\1\1")
    scored = [
        dict(about) for rule, about in stale(before, project.run_of(settings)) if rule == "predict"
    ]
    first = [about for about in scored if about["stage"] == "first"]
    assert sorted(about["experiment"] for about in first) == ["one", "two"]
    assert len({about["shards"] for about in first}) == 1
    # the models of the second stage are others, as pseudo-labels have changed
    assert len(scored) - len(first) == 3


def test_a_changed_training_recording_makes_one_shard_stale_and_what_follows(before, recording):
    found = stale(before, recording("recordings/it's.wav", lambda content: content[:-2] + b"\1\1"))
    assert named(found) == with_reports(FROM_LISTING)
    assert [sum(rule == name for rule, _ in found) for name in ("resample", "judge")] == [1, 1]


def test_a_new_test_label_makes_evaluation_audit_and_submission_stale(before, recording):
    after = recording("field.csv", lambda content: content.replace(b"003,1", b"003,0"))
    expected = {"audit two second", "evaluate one", "evaluate two", "submit one", *LEAKS}
    assert named(stale(before, after)) == with_reports(expected)


def test_moved_data_make_nothing_stale_but_what_changes_there(project, before, tmp_path):
    moved = copy.copy(project)
    moved.work = tmp_path / "work"
    shutil.copytree(project.work, moved.work)
    settings = tiny.move_data(moved.work)
    assert stale(before, moved.run_of(settings)) == set()
    path = moved.work / "disk 2/recordings/it's.wav"
    path.write_bytes(path.read_bytes()[:-2] + b"\1\1")
    found = stale(before, moved.run_of(settings))
    assert named(found) == with_reports(FROM_LISTING)
    assert [sum(rule == name for rule, _ in found) for name in ("resample", "judge")] == [1, 1]


@pytest.mark.parametrize("key", BY_EVENT_KEY)
def test_a_key_of_an_experiment_with_events_makes_stale_what_uses_it(tmp_path, key):
    value, expected = BY_EVENT_KEY[key]
    overlay = tiny.ROOT / "experiments/serizel2018.yaml"
    settings = test_sed_workflow.overlay()
    changed = tiny.changed(settings, f"experiments.small.{key}", value)
    before, after = (tiny.run_without_recordings(tmp_path, s, overlay) for s in (settings, changed))
    assert {rule for rule, _ in stale(before, after)} == {*expected, "report"}
