"""Every shipped experiment: its config holds, its model builds, learns one step and is kept."""

import hashlib
import json
from pathlib import Path

import keras
import numpy as np
import pytest
from fake_readers import Frames

from dawnchorus.frontends import base, filterbanks
from dawnchorus.models import frame_output, model_files, zoo
from dawnchorus.segments import window_source
from dawnchorus.settings import load
from dawnchorus.settings.architecture import ARCHITECTURES
from dawnchorus.settings.frontend import frontend_model
from dawnchorus.training import setup, steps
from dawnchorus.training.training_length import in_epochs

ROOT = Path(__file__).parents[1]
AFTER = {
    "laptop": ["grill2017"],
    "esc50": ["esc10"],
    "sound-events": ["serizel2018"],
    "xc-dsr2019": ["xc-western"],
    "birdnet": ["xc-western", "esc10", "bird-presence", "serizel2018", "sound-events"],
}  # overlays that stand on others
BATCH = 2
# of a stage: what decides its weights
SECTIONS = ("frontend", "window", "segments", "model", "output", "augmentation", "training", "targets",
            "use", "seeds")  # fmt: skip

# the published branches, each by what it differs from the entry of 2017 in
FULL_RATE = {"frontend.audio": "mono-44k", "frontend.n_fft": 2048}
DIFFERENCES = {
    "portable": FULL_RATE,
    "no_aug": {"augmentation.rotate": False, "augmentation.shift_bands": 0},
    "no_aug_shift": {"augmentation.shift_bands": 0},
    "no_denoise": {"frontend.denoise": "none"},
    "do_clipping": {"frontend.trim_stddevs": 2.5},
    "full_sr": FULL_RATE,
    "full_sr_8k": FULL_RATE | {"frontend.fmax": 8000.0},
    "full_sr_att": FULL_RATE | {"frontend.band_attenuation": "shallow"},
    "full_sr_edge": FULL_RATE | {"frontend.edge_offset": 1.0},
    "full_sr_aug_offset": FULL_RATE | {"model.input_offset": 0.2},
    "master_cutedge": {"frontend.cut_edge_frames": 3},
    "master_classify": {
        "model.head": "softmax",
        "training.loss": "categorical_crossentropy",
        "training.target_range": [0.0, 1.0],
    },
    "pseudo1_1x": {
        f"second.targets.{k}": v for k, v in [("low", 0.01), ("high", 0.99), ("parts", 1)]
    },
    "pseudo5_1x": {
        f"second.targets.{k}": v for k, v in [("low", 0.05), ("high", 0.95), ("parts", 1)]
    },
    "fullconv": {"window": 700, "model.name": "fullconv"},
    "sparrow": {"model.name": "sparrow"},
    "soxr_hq": {"frontend.audio": "mono-22k"},
}


def composed(name):
    """Return the complete config of config.yaml and an overlay (None: config.yaml alone)."""
    names = [*AFTER.get(name, []), name] if name else []
    overlays = [ROOT / f"experiments/{overlay}.yaml" for overlay in names]
    return load.compose(ROOT / "config.yaml", overlays, {})


OVERLAYS = [None, *sorted(path.stem for path in (ROOT / "experiments").glob("*.yaml"))]
CONFIGS = {name: composed(name) for name in OVERLAYS}


def shape(complete, stage):
    """Return what a model of a stage sees: frames x bands."""
    return frontend_model(complete["frontends"][stage["frontend"]]).shape(stage["window"])


def learners():
    """Return what the experiments train, each kind once: (model, shape, training)."""
    found = {}
    for complete in CONFIGS.values():
        for experiment in complete["experiments"].values():
            for stage in experiment["stages"].values():
                training = stage["training"]
                if zoo.is_solved(stage["model"]):  # takes no step
                    continue
                kind = {key: training[key] for key in ("optimizer", "optimizer_options", "loss")}
                seen = shape(complete, stage)
                key = json.dumps([stage["model"], seen, kind], sort_keys=True)
                found[key] = (stage["model"], seen, training)
    return list(found.values())


def named(learner):
    model, (frames, bands), training = learner
    options = "-".join(str(value) for value in model.values())
    return f"{options}-{frames}x{bands}-{training['optimizer']}-{training['loss'].split('_')[0]}"


def cost(learner):
    """Return what a step takes time by: a normaliser of each frame, numbers of filters, what it sees."""
    model, (frames, bands), _ = learner
    widths = [each for value in model.values() if isinstance(value, list) for each in value]
    return model.get("norm_axis") == "time", sum(widths) + model.get("k", 0), frames * bands


def is_wide(learner):
    """Return whether a step takes long: of alexnet it is tested elsewhere, of the others by zilpzalp."""
    model, seen, _ = learner
    is_of_2019 = seen == (216, 256) and model["name"] != "zilpzalp"
    return is_of_2019 or model["name"] in ("alexnet", "hawk", "puffin")


def marked(found):
    """Mark as slow all but the cheapest of each architecture, and the wide ones."""
    cheapest = {}
    for learner in sorted(found, key=cost, reverse=True):
        cheapest[learner[0]["name"]] = learner
    for learner in found:
        is_slow = is_wide(learner) or learner is not cheapest[learner[0]["name"]]
        yield pytest.param(learner, id=named(learner), marks=[pytest.mark.slow] * is_slow)


LEARNERS = list(marked(learners()))


@pytest.mark.parametrize("learner", LEARNERS)
def test_model_learns_a_step_and_is_kept(learner, tmp_path, rng):
    model, seen, training = learner
    several = training["loss"] == "categorical_crossentropy" and model.get("head") != "softmax"
    n_classes = 3 if several else 1
    keras.utils.set_random_seed(1)
    built = zoo.build(input_shape=seen, n_classes=n_classes, output="clip", **model)
    learning = steps.Training(built, in_epochs(training, each=1), (2017, "first", "f1p0s1"))
    before = built.get_weights()
    windows = rng.standard_normal((BATCH, *seen)).astype(np.float32)
    wanted = np.eye(BATCH, 3)[:, :n_classes] if several else np.array([[0.01], [0.99]])
    learning.train_step(windows, wanted.astype(np.float32))
    assert np.isfinite(learning.loss_sum)
    assert learning.loss_sum > 0
    assert not all(map(np.array_equal, before, built.get_weights()))
    model_files.save(built, tmp_path / "model.keras")
    kept = model_files.load(tmp_path / "model.keras")
    scores = frame_output.class_scores(built, windows, n_classes)
    np.testing.assert_array_equal(frame_output.class_scores(kept, windows, n_classes), scores)
    assert scores.shape == (BATCH, n_classes)
    assert np.all((scores >= 0) & (scores <= 1))


@pytest.mark.parametrize("name", OVERLAYS)
def test_overlay_runs_what_it_defines(name):
    complete = CONFIGS[name]
    new = set(complete["experiments"]) - set(CONFIGS[None]["experiments"]) if name else {"demo"}
    assert complete["run"]
    assert set(complete["run"]) <= new


@pytest.mark.parametrize("name", OVERLAYS)
def test_frontends_can_be_computed(name):
    for frontend in CONFIGS[name]["frontends"].values():
        rate = CONFIGS[name]["audio"][frontend["audio"]]["sample_rate"]
        base.check(frontend | {"sample_rate": rate})
        if frontend["kind"] == "log_mel":
            keys = ("n_fft", "n_mels", "fmin", "fmax")
            assert (
                filterbanks.mel_filterbank(rate, *(frontend[key] for key in keys)).sum(axis=0).all()
            )


def test_all_overlays_stand_side_by_side():
    first = ["grill2017", "esc10"]
    names = [*first, *(name for name in OVERLAYS[1:] if name not in first)]
    overlays = [ROOT / f"experiments/{name}.yaml" for name in names]
    complete = load.compose(ROOT / "config.yaml", overlays, {})
    assert set(complete["experiments"]) == {
        name for found in CONFIGS.values() for name in found["experiments"]
    }


@pytest.mark.parametrize("name", OVERLAYS)
def test_no_fold_is_held_out_for_epochs_that_chunks_choose(name):
    for experiment in CONFIGS[name]["experiments"].values():
        units = {s["training"]["validation"]["unit"] for s in experiment["stages"].values()}
        assert units != {"chunk"} or experiment["folds"]["validation"] == "none"


@pytest.mark.parametrize("name", ["toth2016", "kahl2018"])
def test_the_originals_hold_no_recording_out(name):
    folds = {
        key: experiment["folds"]["shares"] for key, experiment in CONFIGS[name]["experiments"].items()
        if "-original" in key
    }  # fmt: skip
    assert folds
    assert all(shares == {"test": 0.0, "validation": 0.0} for shares in folds.values())


def test_a_recording_under_a_second_trains_nothing_in_kahl2018():
    complete = CONFIGS["kahl2018"]
    for name, experiment in complete["experiments"].items():
        for stage in experiment["stages"].values() if name != "demo" else ():
            frontend = complete["frontends"][stage["frontend"]]
            assert stage["segments"]["min_length_s"] == frontend["min_length_s"] == 1.0
            assert stage["segments"]["too_short"] == "none"


def test_steps_of_serizel2018_follow_the_clips():
    for name in ("serizel2018", "serizel2018-original"):
        stages = CONFIGS["serizel2018"]["experiments"][name]["stages"].values()
        steps = {stage["training"]["steps_per_epoch"] for stage in stages}
        assert steps == {"whole_batches"}


@pytest.mark.parametrize("stage", ["first", "second"])
def test_a_clip_shorter_than_the_window_ends_in_zeros_after_standardising_in_serizel2018(
    rng, stage
):
    complete = CONFIGS["serizel2018"]
    about = complete["experiments"]["serizel2018"]["stages"][stage]
    n_frames = base.n_frames(3 * 44100, complete["frontends"][about["frontend"]])
    sound, (mean, deviation) = rng.normal(5, 2, (n_frames, 64)), (5.0, 2.0)
    readers = {"c": Frames({"short": sound.astype(np.float32)})}
    source = window_source.source_from_readers(readers, about["segments"], about["window"])
    windows = source.batch([("c", "short")], source.index([("c", "short")]))
    seen = keras.Input((500, 64))
    padded = about["segments"]["padding"] == "zeros"
    model = setup.with_standardised_input(
        keras.Model(seen, keras.layers.Identity()(seen)), np.asarray(mean), np.asarray(deviation**2),
        padded,
    )  # fmt: skip
    (found,) = model.predict_on_batch(windows)
    assert 140 < n_frames < 160
    np.testing.assert_allclose(found[:n_frames], (sound - mean) / deviation, atol=1e-5)
    assert not found[n_frames:].any()


def test_the_limit_of_128_chunks_is_none_of_soundscapes():
    for name, experiment in CONFIGS["kahl2018"]["experiments"].items():
        if "birdclef2018-soundscapes" in experiment["test"]:
            most = {
                stage["segments"]["max_per_recording"] for stage in experiment["stages"].values()
            }
            assert most == {None}, name
    original = CONFIGS["kahl2018"]["experiments"]["kahl2018-original"]
    assert original["segments"]["max_per_recording"] == 128


def flat(value, path=""):
    if not isinstance(value, dict):
        return {path: value}
    return {k: v for key in value for k, v in flat(value[key], f"{path}.{key}".lstrip(".")).items()}


def trainings(complete, keys):
    """Return a digest of what decides the weights of each stage of an overlay, of these keys."""
    found = {}
    for name, experiment in complete["experiments"].items():
        # the demo shows the settings of today
        for stage, about in experiment["stages"].items() if name != "demo" else ():
            decides = {key: about[key] for key in SECTIONS} | {
                key: experiment[key] for key in ("folds", "seed", "pooling", "average")
            }
            chosen = {k: v for k, v in flat(decides).items() if k in keys}
            text = json.dumps(chosen, sort_keys=True)
            found[f"{name}/{stage}"] = hashlib.sha256(text.encode()).hexdigest()[:12]
    return found


def beyond_defaults(model):
    """Return the name of an architecture and the options that are not its own defaults."""
    own = ARCHITECTURES.validate({"name": model["name"]})
    return {key: value for key, value in model.items() if key == "name" or value != own[key]}


def facts(complete, name):
    """Return all that an experiment is, flat, with its frontend and its second stage."""
    experiment = complete["experiments"][name]
    stages = {
        f"{stage}.{key}": value for stage, about in experiment["stages"].items()
        for key, value in flat({"targets": about["targets"]}).items()
    }  # fmt: skip
    chosen = {key: value for key, value in experiment.items() if key not in ("stages", "frontend")}
    chosen["model"] = beyond_defaults(experiment["model"])
    return flat(chosen | {"frontend": complete["frontends"][experiment["frontend"]]}) | stages


@pytest.mark.parametrize("variant", DIFFERENCES)
def test_variant_differs_as_published(variant):
    complete = CONFIGS["grill2017"]
    entry, found = facts(complete, "grill2017"), facts(complete, variant)
    assert {k: v for k, v in found.items() if k not in entry or entry[k] != v} == DIFFERENCES[
        variant
    ]
    assert set(entry) <= set(found)


PUBLISHED = json.loads((ROOT / "tests/golden/published_trainings.json").read_text())


@pytest.mark.parametrize("overlay", PUBLISHED["overlays"])
def test_defaults_that_move_leave_the_trainings_of_shipped_experiments(overlay):
    """Equal keys to the day the defaults were measured; what has been added since is left out."""
    known, keys = PUBLISHED["overlays"][overlay], set(PUBLISHED["keys"])
    assert trainings(CONFIGS[overlay], keys) == known


def test_variants_are_all_there():
    assert set(CONFIGS["grill2017"]["experiments"]) == {"demo", "grill2017", *DIFFERENCES}


def test_entry_of_2017_is_the_published_recipe():
    complete = CONFIGS["grill2017"]
    found = facts(complete, "grill2017")
    recipe = {
        "window": 1000, "folds.kind": "rotate", "folds.count": 5, "model.name": "bulbul",
        "training.optimizer": "adam", "training.learning_rate": 0.001, "training.batch_size": 64,
        "training.steps_per_epoch": 1500, "training.target_range": [0.01, 0.99],
        "training.optimizer_options.epsilon": 1e-8,
        "training.schedule.factor": 0.1, "training.schedule.patience": 3,
        "training.schedule.stop_rate": 1e-5, "augmentation.rotate": True,
        "augmentation.shift_bands": 1, "pooling": "max", "average": "mean", "seeds": 1,
        "first.targets.from": "labels", "second.targets.stage": "first",
        "second.targets.low": 0.1, "second.targets.high": 0.9, "second.targets.parts": 2,
        "ensembles.final": ["first", "second"], "ensembles.second": ["second"],
        "submission.format": "bad2017", "submission.ensemble": "final",
        "frontend.n_fft": 1024, "frontend.frames_per_second": 70, "frontend.n_mels": 80,
        "frontend.fmin": 50.0, "frontend.fmax": 11000.0, "frontend.floor": 2.22e-16,
        "frontend.denoise": "mean", "frontend.trim_stddevs": 0.0,
    }  # fmt: skip
    assert {key: found[key] for key in recipe} == recipe
    audio = complete["audio"][found["frontend.audio"]]
    found = (audio["sample_rate"], audio["resampler"], audio["channels"])
    assert found == (22050, "shallow", "each")
    assert complete["audio"]["mono-22k"] == audio | {"resampler": "soxr_hq"}


def test_dcase2018_leaves_out_one_data_set_at_a_time():
    found = facts(CONFIGS["dcase2018"], "dcase2018")
    sets = CONFIGS["dcase2018"]["corpora"]["dcase2018-train"]["data_sets"]
    assert list(sets) == ["BirdVox-DCASE-20k", "ff1010bird", "warblrb10k"]
    assert (found["folds.kind"], found["folds.count"]) == ("leave_one_data_set_out", 3)
    assert list(CONFIGS["dcase2018"]["experiments"]["dcase2018"]["stages"]) == ["first"]


def test_dcase2018_hears_through_the_frontend_of_the_entry():
    one, other = CONFIGS["dcase2018"], CONFIGS["grill2017"]
    names = [
        c["experiments"][key]["frontend"] for c, key in ((one, "dcase2018"), (other, "grill2017"))
    ]
    assert one["frontends"][names[0]] == other["frontends"][names[1]]
    assert one["audio"][one["frontends"][names[0]]["audio"]]["resampler"] == "shallow"


def test_dcase2018_is_tested_on_the_sets_of_the_challenge():
    experiment = CONFIGS["dcase2018"]["experiments"]["dcase2018"]
    assert experiment["test"] == ["dcase2018-test"]
    sets = CONFIGS["dcase2018"]["corpora"]["dcase2018-test"]["data_sets"]
    assert sorted(sets) == ["Chernobyl", "PolandNFC", "warblrb10k-eval"]
    assert experiment["submission"]["format"] == "bad2017"


@pytest.mark.parametrize("name", ["grill2017", "dcase2018", "kahl2018"])
def test_adam_of_lasagne_has_its_own_epsilon(name):
    for experiment, settings in CONFIGS[name]["experiments"].items():
        if experiment != "demo":
            options = settings["training"]["optimizer_options"]
            assert options["epsilon"] == 1e-8


def test_laptop_and_the_full_recipe_differ_by_the_length_of_training():
    complete = CONFIGS["laptop"]
    entry, found = facts(complete, "grill2017"), facts(complete, "grill2017-laptop")
    assert {key for key in found if entry[key] != found[key]} == {
        "training.epochs", "training.steps_per_epoch",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["defaults", "defaults-events"])
def test_the_arms_that_defaults_were_chosen_from_are_valid(name):
    complete = load.compose(ROOT / "config.yaml", [ROOT / f"benchmarks/{name}.yaml"], {})
    for experiment in complete["run"]:
        assert complete["experiments"][experiment]["ensembles"]
