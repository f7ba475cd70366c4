"""What each rule reads and is set to, without Snakemake; and that Snakemake agrees."""

import ast
import copy
import dataclasses
import hashlib
import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import test_sed_workflow
import tiny
import yaml

from dawnchorus.corpora import source_table, tables
from dawnchorus.corpora.adapters import xeno_canto
from dawnchorus.formats import download_lock
from dawnchorus.plan import paths
from dawnchorus.plan.jobs import jobs, stale
from dawnchorus.plan.rules import all_rules, read_rules, result_files, show_summaries
from dawnchorus.plan.shard_runs import runs_of_shards
from dawnchorus.plan.startup import copy_models, start, write_attributions, write_configs
from dawnchorus.plan.workflow_run import Run, corpora_in, references_of
from dawnchorus.runtime import artefacts
from dawnchorus.settings.corpus_check import (
    corpora_of_run,
    experiments_of_run,
    learnt_corpora,
)
from dawnchorus.settings.load import compose

RULE_FILES = sorted((tiny.ROOT / "rules").glob("*.smk"))
PATTERNS = {value for name, value in vars(paths).items() if name.isupper()}
PLAIN = (str, int, float, bool, type(None))


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return tiny.Project(tmp_path_factory.mktemp("plan"))


@pytest.fixture(scope="module")
def run(project):
    return project.run_of(tiny.config())


@pytest.fixture(scope="module")
def sound_events(tmp_path_factory):
    """A run of an experiment with events, hard pseudo-labels of frames, and a mean teacher."""
    overlay = tiny.ROOT / "experiments/serizel2018.yaml"
    folder = tmp_path_factory.mktemp("events")
    return tiny.run_without_recordings(folder, test_sed_workflow.beyond(), overlay)


@pytest.fixture(scope="module")
def all_jobs(run, sound_events, tmp_path_factory):
    """Jobs of every rule."""
    settings = tiny.config()
    settings["experiments"]["one"] |= {"drawn": ["first"], "export": ["first"], "database": True}
    settings["experiments"]["one"]["calibration"] = {"method": "platt"}
    settings["apply"] = {"night": {"model": "results/one/first.dawnchorus", "corpora": ["small"]}}
    folder = tmp_path_factory.mktemp("drawn")
    settings |= {
        "run": ["one", "two", "demo"],
        "compare": {"both": {"experiments": ["one", "two"]}},
    }
    drawn = tiny.run_without_recordings(folder, settings)
    birds = xeno_canto.Settings(folder="birds").complete()
    corpora = {**run.config["corpora"], "birds": birds}
    empty = {**run.config, "run": [], "apply": {}, "corpora": corpora}
    acquired = dataclasses.replace(run, config=empty, acquired=("birds",))
    return [job for each in (run, sound_events, drawn, acquired) for job in jobs(each)]


def distilled(folder, stages=("first",), models=(), **second):
    """Return a run whose second stage is taught, by the first or by what is said."""
    settings = tiny.config()
    targets = {"from": "teachers", "stages": list(stages), "models": list(models)}
    settings["experiments"]["two"]["stages"]["second"] = {"targets": targets, **second}
    return tiny.run_without_recordings(folder, settings)


def wildcards(**names):
    return SimpleNamespace(**names)


def test_an_exported_stage_says_how_many_frames_its_chunks_have(tmp_path):
    settings = tiny.config()
    settings["frontends"]["chunks"] = {
        "kind": "mel_chunks", "audio": "tiny", "n_bands": 64, "n_frames": 48, "fmax": 4000.0,
    }  # fmt: skip
    settings["experiments"]["one"] |= {
        "frontend": "chunks", "segments": {"kind": "chunks"}, "model": {"name": "pi"},
        "augmentation": {"rotate": False, "shift_bands": 0},
    }  # fmt: skip
    run = tiny.run_without_recordings(tmp_path, settings | {"run": ["one"]})
    exported = all_rules(run).exports.settings(wildcards(experiment="one", ensemble="first"))
    assert exported["stages"]["first"]["window"] == 48


# the rules as they are written


def test_rule_files_hold_rules_and_nothing_else():
    for path in RULE_FILES:
        outside = re.sub(r"^rule \w+:\n(?:    .*\n|\n)*", "", path.read_text(), flags=re.M)
        assert re.fullmatch(r'"""[^"]*"""\s*', outside), path.name
    for path in [*RULE_FILES, tiny.ROOT / "Snakefile"]:
        assert not re.search(r"^\s*def |\blambda\b", path.read_text(), re.M), path.name


def test_rules_are_short():
    assert len((tiny.ROOT / "Snakefile").read_text().splitlines()) <= 50
    for path in RULE_FILES:
        text = path.read_text()
        assert len(text.splitlines()) <= 120, path.name
        for rule in re.split(r"^(?=rule )", text, flags=re.M)[1:]:
            assert len(rule.strip().splitlines()) <= 40, rule[:40]


def test_every_path_in_a_rule_is_a_pattern_of_paths(run):
    for rule in read_rules(run):
        literal = [path for path in rule.inputs.values() if isinstance(path, str)]
        assert {*literal, *rule.outputs.values()} <= PATTERNS, rule.name
        found = paths.wildcards_of(next(iter(rule.outputs.values())))
        assert rule.log == paths.log(rule.name, found)
        assert rule.benchmark in (None, paths.benchmark(rule.name, found))


def test_every_path_of_rules_is_used(run):
    text = "".join(path.read_text() for path in RULE_FILES)
    listed = {
        paths.LISTING, paths.LABELS, paths.EXCLUDED, paths.EVENTS, paths.NAMES, paths.LABEL_ROWS,
        paths.SOURCES, paths.LOCK, paths.DOWNLOADED, paths.ATTRIBUTION, paths.PRETRAINED,
        paths.APPLIED_ATTRIBUTION, paths.NETWORK, paths.APPLIED_MODEL, paths.OWN_CODE,
        paths.CONFIG, paths.RESULTS,
    }  # fmt: skip
    assert {p for p in PATTERNS if p not in text} == {*listed, paths.MEMBER} - {paths.RESULTS}


def test_tables_of_corpora_lie_where_corpora_writes_them():
    for pattern, path in (
        (paths.LISTING, tables.listing_path("results", "c", "000", "d")),
        (paths.LABELS, tables.labels_path("results", "c", "d")),
        (paths.EXCLUDED, tables.excluded_path("results", "c", "d")),
        (paths.EVENTS, tables.events_path("results", "c", "d")),
        (paths.NAMES, tables.names_path("results", "c", "d")),
        (paths.LABEL_ROWS, tables.label_rows_path("results", "c", "d")),
        (paths.SOURCES, source_table.sources_path("results", "c", "d")),
    ):
        assert pattern.format(corpus="c", shard="000", digest="d") == str(path)


def test_every_rule_digests_the_code_of_its_own_script(run, all_jobs):
    for rule in read_rules(run):
        assert rule.script == f"../workflow/scripts/{rule.name}.py"
    for job in all_jobs:
        assert job.params["library"]["script"] == run.library(job.rule)["script"], job.rule


def test_modules_that_are_loaded_by_name_are_digested(all_jobs):
    for job in all_jobs:
        reached = set(job.params["library"]) - {"script"}
        for name in reached:
            path = tiny.ROOT / "src" / f"{name.replace('.', '/')}.py"
            folders = set(re.findall(r'import_module\(f"([\w.]+)\.\{', path.read_text()))
            if job.rule == "train" and not job.params["training"]["augmentation"]["methods"]:
                folders.discard("dawnchorus.augmentation.methods")
            # which reader, the network of a frontend says, and none here has one
            folders.discard("dawnchorus.frontends.network_readers")
            for folder in folders:
                assert any(n.startswith(f"{folder}.") for n in reached), (job.rule, folder)


def test_functions_of_plan_take_wildcards_alone(run):
    for module in all_rules(run):
        for name, function in inspect.getmembers(module, inspect.ismethod):
            if not name.startswith("_"):
                # what a resource is asked for with, Snakemake counts
                given = set(inspect.signature(function).parameters) - {"attempt"}
                assert given == {"wildcards"}


def test_functions_of_plan_are_short():
    lengths = []
    for path in (tiny.ROOT / "src/dawnchorus/plan").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                lengths.append(node.end_lineno - node.lineno + 1)
    assert max(lengths) <= 40
    assert sorted(lengths)[len(lengths) // 2] <= 15


# the jobs


def dry_run(folder, *arguments):
    """Return the jobs of a dry run: rule, wildcards, inputs, outputs."""
    ran = subprocess.run(
        [sys.executable, "-m", "snakemake", "-n", "-s", str(tiny.ROOT / "Snakefile"),
         "--directory", str(folder), *arguments],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = set()
    for rule, body in tiny.dry_jobs(ran.stdout + ran.stderr):
        about = dict(re.findall(r"^    (\w+): (.*)$", body, re.M))
        lists = {key: (*sorted(about.get(key, "").split(", ")),) for key in ("input", "output")}
        if rule != "all":
            names = (*sorted(w for w in about.get("wildcards", "").split(", ")),)
            found.add((rule, names, lists["input"], lists["output"]))
    return found


def planned(run):
    return {
        (
            job.rule,
            (*sorted(f"{name}={value}" for name, value in job.wildcards.items()),),
            (*sorted(dict.fromkeys(job.input_paths or [""])),),
            (*sorted(job.outputs.values()),),
        )
        for job in jobs(run)
    }


def test_jobs_are_those_of_snakemake(project, run):
    with_settings = ["--configfile", str(project.work / "tiny.yaml")]
    assert planned(run) == dry_run(project.work, *with_settings)


@pytest.mark.slow  # the same of another run above
def test_jobs_of_the_default_experiment_are_those_of_snakemake(tmp_path):
    made = tiny.Project(tmp_path)
    assert planned(made.run_of({"run": ["demo"]})) == dry_run(made.work)


def test_params_are_plain_values(all_jobs):
    def check(value):
        if isinstance(value, dict):
            assert all(isinstance(key, str) for key in value)
            value = list(value.values())
        if isinstance(value, list):
            return [check(item) for item in value]
        assert type(value) in PLAIN

    for job in all_jobs:
        check(dict(job.params))


def test_jobs_come_after_those_that_make_their_inputs(run, sound_events):
    for planned_run in (run, sound_events):
        made = set()
        for job in jobs(planned_run):
            inside = {path for path in job.input_paths if path.startswith("results/")}
            assert inside <= made
            made.update(job.outputs.values())
        assert set(result_files(planned_run)) <= made


def test_every_rule_has_a_job_somewhere(run, all_jobs):
    assert {job.rule for job in all_jobs} == {rule.name for rule in read_rules(run)}


def test_a_new_job_and_what_reads_it_are_stale(run):
    experiments = run.config["experiments"]
    more = {**experiments["one"], "drawn": ["first"]}
    config = {**run.config, "experiments": {**experiments, "one": more}}
    found = stale(run, dataclasses.replace(run, config=config))
    assert found == {
        ("draw_segments", (("experiment", "one"), ("stage", "first"))),
        ("report", (("experiment", "one"),)),  # it shows the settings
    }


def test_a_rule_that_plan_cannot_read_is_refused(run, tmp_path):
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "x.smk").write_text('rule x:\n    output:\n        a="results/x",\n    params:\n'
                                 '        b=1 + 1,\n    script:\n        "x.py"\n')  # fmt: skip
    with pytest.raises(
        ValueError, match=r"rule x holds more than paths and functions of plan.*1 \+ 1"
    ):
        read_rules(dataclasses.replace(run, base=tmp_path))


def test_a_path_that_no_rule_makes_is_refused(run, tmp_path):
    (tmp_path / "rules").mkdir()
    with pytest.raises(ValueError, match=r"metrics\.json is made by no rule; expected one"):
        jobs(dataclasses.replace(run, base=tmp_path))


# single functions


def test_corpora_of_references_are_named_once():
    assert corpora_in(["b:x", "a", "b"]) == ["b", "a"]
    assert references_of("b", ["b:x", "a", "b"]) == ["b:x", "b"]


def test_wildcards_are_constrained_to_names_there_are(run):
    assert run.constraint("experiment") == "demo|one|two"
    assert run.constraint("ensemble") == "final|first|second"
    assert run.constraint("decoding") == "(?!)"
    assert re.fullmatch(run.constraint("member"), "f1p0s12")
    assert not re.fullmatch(run.constraint("member"), "f1p0")


def test_members_are_folds_by_parts_by_seeds(run):
    assert run.members("one", "first") == ["f1p0s1", "f2p0s1"]
    assert run.members("two", "second") == ["f1p1s1", "f2p1s1"]
    changed = tiny.changed(run.config, "experiments.two.stages.second.seeds", 2)
    changed = tiny.changed(changed, "experiments.two.stages.second.targets.parts", 2)
    found = dataclasses.replace(run, config=changed).members("two", "second")
    assert found[:4] == ["f1p1s1", "f1p1s2", "f1p2s1", "f1p2s2"]
    assert len(found) == 8


def test_only_made_corpora_have_an_archive(run):
    audio = all_rules(run).audio
    assert audio.archive(wildcards(corpus="small", shard="000")) == {}
    made = audio.archive(wildcards(corpus="demo-train", shard="000"))
    assert made == {"archive": "results/corpora/demo-train/made/000.zip"}


def test_folds_do_not_know_who_validates(run):
    found = all_rules(run).targets.folds(wildcards(experiment="one"))
    assert found["settings"]["seed"] == run.config["experiments"]["one"]["seed"]
    assert "validation" not in found["settings"]
    assert found["verdicts"] == {"small": "results/audio/tiny/small/verdicts.csv"}


def test_pseudo_labels_read_the_scores_of_the_earlier_stage_and_no_labels(run):
    targets = all_rules(run).targets
    second = wildcards(experiment="two", stage="second")
    path = "results/two/stages/first/scores.other.000-001.h5"
    assert targets.teacher_files(second) == [path]
    found = targets.settings(second)
    assert found["teachers"] == {"other": [path]}
    assert list(found["labels"]) == ["small"]
    assert targets.teacher_files(wildcards(experiment="two", stage="first")) == []


@pytest.mark.parametrize(
    ("n_shards", "recordings", "n_bytes", "per_job", "expected"),
    [
        (4, 120, 0, None, ["000-003"]),
        (16, 1000, 0, None, ["000-003", "004-007", "008-011", "012-015"]),
        (20, 600, 0, None, ["000-007", "008-015", "016-019"]),
        (16, 10, 10**9, None, [f"{n:03d}-{n + 1:03d}" for n in range(0, 16, 2)]),
        (3, 5000, 0, None, ["000-000", "001-001", "002-002"]),
        (3, 5, 10**10, 10, ["000-001", "002-002"]),  # of bytes a number of recordings says nothing
    ],
)
def test_a_job_of_predict_scores_as_many_shards_as_its_start_is_worth(
    n_shards, recordings, n_bytes, per_job, expected
):
    shards = {f"{n:03d}": {"recordings": recordings, "bytes": n_bytes} for n in range(n_shards)}
    found = runs_of_shards(shards, n_shards, per_job)
    assert list(found) == expected
    assert [shard for run in found.values() for shard in run] == list(shards)


def test_hard_pseudo_labels_have_thresholds_chosen_out_of_fold(sound_events):
    targets = all_rules(sound_events).targets
    frames = wildcards(experiment="small", stage="frames")
    assert targets.thresholds(frames) == ["results/small/stages/frames/thresholds.csv"]
    assert targets.validation_files(frames) == [
        "results/small/stages/first/scores.clips.000-000.h5"
    ]
    assert targets.thresholds(wildcards(experiment="small", stage="mean")) == []


def test_a_mean_teacher_reads_verdicts_of_what_it_uses_without_labels(sound_events):
    rules, mean = all_rules(sound_events), wildcards(experiment="small", stage="mean")
    verdicts = sound_events.verdicts("small", ["clips"])
    assert rules.targets.teacher_files(mean) == list(verdicts.values())
    settings = rules.training.settings(wildcards(experiment="small", stage="mean", member="f1p0s1"))
    assert settings["training"]["mean_teacher"]["unlabelled_batch"] == 4
    assert "from" not in settings["training"]["mean_teacher"]


def test_stages_of_frames_read_the_frame_scores_of_their_teacher(sound_events):
    training = all_rules(sound_events).training
    frames = wildcards(experiment="small", stage="frames", member="f1p1s1")
    path = "results/small/stages/first/frames.clips.000-000.h5"
    assert training.teacher_frames(frames) == [path]
    assert training.settings(frames)["frame_targets"]["scores"] == {"clips": [path]}
    assert training.settings(frames)["validation"] == "all"


def test_distilled_stages_read_the_models_of_the_same_member(tmp_path):
    training = all_rules(distilled(tmp_path)).training
    second = wildcards(experiment="two", stage="second", member="f2p0s1")
    stem = "results/two/stages/first/f2p0s1"
    assert training.teacher_models(second) == [f"{stem}.keras", f"{stem}.kept.h5"]
    (teacher,) = training.settings(second)["teachers"]
    assert teacher["shards"] is None


def test_a_teacher_may_be_a_stage_of_another_experiment(tmp_path):
    run = distilled(tmp_path, stages=["first", "one/first"])
    training = all_rules(run).training
    second = wildcards(experiment="two", stage="second", member="f2p0s1")
    stems = [f"results/{name}/stages/first/f2p0s1" for name in ("two", "one")]
    expected = [f"{stem}.{end}" for stem in stems for end in ("keras", "kept.h5")]
    assert training.teacher_models(second) == expected
    found = training.settings(second)["teachers"]
    assert [(one["stage"], one["shards"]) for one in found] == [
        ("first", None),
        ("one/first", None),
    ]


def test_the_experiments_of_teachers_belong_to_the_run(tmp_path):
    settings = distilled(tmp_path, stages=["one/first"]).config | {"run": ["two"]}
    assert experiments_of_run(settings) == ["two", "one"]
    assert corpora_of_run(settings) == ["other", "small"]
    files = result_files(Run(settings, distilled(tmp_path).index, tiny.ROOT))
    assert not any(path.startswith("results/one/") for path in files)  # as far as they are needed


def test_whoever_recorded_what_teaches_or_is_applied_to_is_named(tmp_path, monkeypatch):
    settings = distilled(tmp_path, stages=["one/first"]).config | {"run": ["two"]}
    monkeypatch.chdir(tmp_path)
    birds = {}
    for number, name in enumerate(("taught", "teaching", "applied"), 1):
        birds[name] = xeno_canto.Settings(folder=name).complete()
        file = f"XC{number}.wav"
        row = download_lock.LockedRecording(
            str(number),
            file,
            "0" * 64,
            "9",
            "Turdus merula",
            "",
            f"Recordist {number}",
            "by",
            "url",
        )
        Path(name).mkdir()
        Path(name, "lock.csv").write_text(download_lock.lock_text([row]))
    settings["corpora"] = {**settings["corpora"], **birds}
    one, two = (copy.deepcopy(settings["experiments"][name]) for name in ("one", "two"))
    one["stages"]["second"] = copy.deepcopy(one["stages"]["first"])
    one["stages"]["second"]["targets"] = {
        "from": "predictions",
        "stage": "first",
        "unlabelled": ["applied"],
    }
    one["train"], two["train"] = ["teaching"], ["taught"]
    settings["experiments"] = {**settings["experiments"], "one": one, "two": two}
    settings["apply"] = {
        "near": {"model": "results/two/second.dawnchorus", "corpora": ["applied"]},
        "far": {"model": "elsewhere.dawnchorus", "corpora": ["small"]},
    }
    write_attributions(settings)
    assert not Path("results/apply/far").exists()
    found = {}
    for path in ("two", "one", "apply/near"):
        text = Path(f"results/{path}/ATTRIBUTION.csv").read_text()
        found[path] = [line.split(",")[2] for line in text.splitlines()[1:]]
    assert found["two"] == ["Recordist 3", "Recordist 1", "Recordist 2"]
    assert found["one"] == ["Recordist 3", "Recordist 2"]
    assert found["apply/near"] == ["Recordist 3", "Recordist 1", "Recordist 2"]
    # a model names what its own stages learn from, no more
    assert learnt_corpora(settings, "two", ["second"]) == ["taught", "teaching"]
    assert learnt_corpora(settings, "one", ["second"]) == ["applied", "teaching"]
    assert learnt_corpora(settings, "one", ["first"]) == ["teaching"]


def test_a_teacher_may_be_a_model_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("old.keras").write_bytes(b"a model")
    run = distilled(tmp_path, stages=[], models=["old.keras"])
    training = all_rules(run).training
    second = wildcards(experiment="two", stage="second", member="f2p0s1")
    digest = hashlib.sha256(b"a model").hexdigest()[:16]
    copy = f"results/pretrained/{digest}.keras"
    assert training.pretrained(second) == [copy]
    assert training.teacher_models(second) == []
    (teacher,) = training.settings(second)["teachers"]
    about = {key: teacher[key] for key in ("stage", "model", "kept", "use", "shards")}
    assert about == {"stage": None, "model": copy, "kept": None, "use": "last", "shards": None}
    copy_models(run.config)
    assert Path(copy).read_bytes() == b"a model"


def test_teachers_with_other_windows_bring_their_spectrograms(tmp_path):
    run = distilled(tmp_path, frontend="bulbul")
    training = all_rules(run).training
    second = {"experiment": "two", "stage": "second"}
    (teacher,) = training.settings(wildcards(**second, member="f1p0s1"))["teachers"]
    assert teacher["shards"] == {"small": ["results/spectrograms/tiny/small/000.h5"]}
    # a picture of the stage has no member
    assert training.shards(wildcards(**second)) == [
        "results/spectrograms/bulbul/small/000.h5", "results/spectrograms/tiny/small/000.h5",
    ]  # fmt: skip


def test_a_pretrained_model_counts_by_its_content(run, tmp_path):
    model = tmp_path / "model.keras"
    model.write_bytes(b"weights")
    key = "experiments.one.stages.first.training.pretrained"
    changed = tiny.changed(run.config, key, {"path": str(model)})
    training = all_rules(dataclasses.replace(run, config=changed)).training
    first = wildcards(experiment="one", stage="first", member="f1p0s1")
    copy = f"results/pretrained/{hashlib.sha256(b'weights').hexdigest()[:16]}.keras"
    assert training.pretrained(first) == [copy]
    assert training.settings(first)["training"]["pretrained"] == {"path": copy}
    moved = model.rename(tmp_path / "moved.keras")
    moved.touch()
    changed = tiny.changed(run.config, key, {"path": str(moved)})
    elsewhere = all_rules(dataclasses.replace(run, config=changed)).training
    assert elsewhere.settings(first) == training.settings(first)
    assert elsewhere.pretrained(first) == [copy]
    other = tmp_path / "other.keras"
    other.write_bytes(b"others!")
    changed = tiny.changed(run.config, key, {"path": str(other)})
    replaced = all_rules(dataclasses.replace(run, config=changed)).training
    assert replaced.pretrained(first) != [copy]
    assert all_rules(run).training.settings(first)["training"]["pretrained"] is None


def test_only_the_model_of_a_stage_is_in_its_digests(run):
    library = all_rules(run).training.library(wildcards(experiment="one", stage="first"))
    models = {name for name in library if name.startswith("dawnchorus.models.architectures.")}
    assert models == {"dawnchorus.models.architectures.bulbul"}


def test_a_model_that_is_not_there_is_refused(run):
    with pytest.raises(
        ValueError, match=r"dawnchorus\.models\.no is chosen by name and is no module"
    ):
        run.library("train", "dawnchorus.models.no")


def test_summaries_are_shown_where_there_are_some(run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results/two").mkdir(parents=True)
    (tmp_path / "results/two/summary.txt").write_text("all is well")
    show_summaries(run)
    assert capsys.readouterr().err == "\nall is well\n"


# the start


def started(project, *arguments, is_main=True, given=None):
    with tiny.unchanged_environment():
        return start(tiny.ROOT, [project.work / "tiny.yaml"], given or {}, is_main, arguments)


def test_a_start_lists_the_corpora_of_the_run(project, run, monkeypatch):
    monkeypatch.chdir(project.work)
    found = started(project, "-n")
    assert isinstance(found, Run)
    assert found.index == run.index
    assert not Path("results/.run.lock").exists()
    assert planned(started(project, is_main=False)) == planned(run)


def test_a_start_that_cannot_be_ends_with_one_line(project, monkeypatch, capsys):
    monkeypatch.chdir(project.work)
    with pytest.raises(SystemExit) as ended:
        started(project, "-n", given={"run": "three"})
    assert ended.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: run: 'three'")


def test_the_complete_config_of_an_experiment_stands_beside_its_results(tmp_path):
    config = compose(tiny.ROOT / "config.yaml", [], {})
    results = tmp_path / "results"
    write_configs(config, results)
    path = results / "demo/config.yaml"
    written = yaml.safe_load(path.read_text())
    assert written["experiments"] == {"demo": config["experiments"]["demo"]}
    assert written["corpora"] == config["corpora"]
    assert list(written["frontends"]) == ["bulbul"]
    assert artefacts.read_record(path, results)["sha256"] == artefacts.sha256(path)
    stamp = path.stat().st_mtime_ns
    write_configs(config, results)
    assert path.stat().st_mtime_ns == stamp  # an unchanged config leaves the file alone
    write_configs(tiny.changed(config, "experiments.demo.training.epochs", 3), results)
    assert yaml.safe_load(path.read_text())["experiments"]["demo"]["training"]["epochs"] == 3
