"""Models and frontends in files outside the package, named by path."""

import json
import shutil
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from tiny import changed, run_without_recordings

from dawnchorus.cli import command
from dawnchorus.frontends import shard_reader, shards
from dawnchorus.plan import startup, workflow_run
from dawnchorus.plan.jobs import jobs, stale
from dawnchorus.runtime import artefacts, backend, provenance
from dawnchorus.settings.architecture import ARCHITECTURES
from dawnchorus.settings.documentation import config_schema
from dawnchorus.settings.errors import validated

MODEL = '''"""A network of one's own: the mean over time, and one dense layer."""

from dawnchorus.settings.architecture import ArchitectureSettings
from dawnchorus.settings.section import Few


class Settings(ArchitectureSettings):
    """Mean over time."""

    units: Few = 3
    """Units of the hidden layer."""


def build(input_shape, n_classes, output, settings):
    import keras

    spectrogram = keras.Input(input_shape)
    x = keras.layers.GlobalAveragePooling1D()(spectrogram)
    x = keras.layers.Dense(settings.units, activation="relu")(x)
    return keras.Model(spectrogram, keras.layers.Dense(n_classes, activation="sigmoid")(x))
'''
TOO_DEEP = '''"""A convolution of 100 bands."""

from dawnchorus.settings.architecture import ArchitectureSettings


class Settings(ArchitectureSettings):
    """Nothing to be set."""


def build(input_shape, n_classes, output, settings):
    import keras

    spectrogram = keras.Input(input_shape)
    x = keras.layers.Reshape((*input_shape, 1))(spectrogram)
    x = keras.layers.Conv2D(1, (1, 100), padding="valid")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(spectrogram, keras.layers.Dense(n_classes, activation="sigmoid")(x))
'''
FRONTEND = '''"""A frontend of one's own: the mean magnitude of four parts of each frame."""

import numpy as np

from dawnchorus.frontends import spectra
from dawnchorus.settings.frontend import FrontendSettings
from dawnchorus.settings.section import Count


class Settings(FrontendSettings):
    """Mean magnitudes."""

    hop: Count = 80
    """Samples of a frame."""
    n_mels: Count = 4
    """Parts of a frame."""

    def frame_s(self, sample_rate):
        return self.hop / sample_rate


def hop_length(settings):
    return settings["hop"]


def n_frames(n_samples, settings):
    return -(-n_samples // settings["hop"])


def n_bands(settings):
    return settings["n_mels"]


def onset_s(frame, settings):
    return frame * settings["hop"] / settings["sample_rate"]


def blocks(channels, settings, first, last):
    def magnitudes(waveform, start, stop):
        hop = settings["hop"]
        frames = spectra.frames(waveform, start * hop, hop, hop, stop - start)
        return np.abs(frames).reshape(stop - start, settings["n_mels"], -1).mean(axis=2)

    return spectra.mean_blocks(channels, magnitudes, first, last)
'''
EXPERIMENT = {
    "frontend": "parts", "window": 170, "train": ["demo-train"], "test": ["demo-test"],
    "folds": {"kind": "stratified", "count": 2},
}  # fmt: skip


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A working directory with a file of each kind."""
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(MODEL)
    Path("parts.py").write_text(FRONTEND)
    return tmp_path


def config(model="net.py", frontend="parts.py"):
    return {
        "run": ["own", "other"],
        "frontends": {"parts": {"kind": frontend, "hop": 160}},
        "experiments": {
            "own": EXPERIMENT | {"model": {"name": model, "units": 5}},
            "other": EXPERIMENT | {"frontend": "bulbul", "model": {"name": "sparrow"}},
        },
    }


def run_of(folder, **names):
    workflow_run.script_library.cache_clear()
    return run_without_recordings(folder, config(**names))


def test_a_model_of_ones_own_trains_a_step_and_is_loaded(work):
    backend.start({"name": "tensorflow", "threads": 1, "deterministic": True})
    from dawnchorus.models import model_files, zoo

    model = zoo.build("net.py", (20, 4), 2, "clip", units=7)
    assert model.count_params() == 5 * 7 + 8 * 2
    model.compile("sgd", "binary_crossentropy")
    before = model.get_weights()
    features, targets = np.ones((3, 20, 4), np.float32), np.ones((3, 2), np.float32)
    assert np.isfinite(model.train_on_batch(features, targets))
    assert not np.array_equal(before[-1], model.get_weights()[-1])
    model.save("net.keras")
    loaded = model_files.load("net.keras")
    np.testing.assert_array_equal(loaded(features), model(features))


def test_a_layer_that_a_saved_model_would_not_find_is_refused(work):
    backend.start({"name": "tensorflow", "threads": 1, "deterministic": True})
    from dawnchorus.models import zoo

    layer = "    class Mean(keras.layers.GlobalAveragePooling1D):\n        pass\n\n"
    text = MODEL.replace("import keras\n\n", f"import keras\n\n{layer}")
    Path("net.py").write_text(
        text.replace("x = keras.layers.GlobalAveragePooling1D()", "x = Mean()")
    )
    with pytest.raises(ValueError, match=r"model net.py: layers Mean are defined in it; expected"):
        zoo.build("net.py", (20, 4), 2, "clip")


def test_a_frontend_of_ones_own_makes_spectrograms(work, tiny_shard):
    wav, table = (tiny_shard[0].with_suffix(ending) for ending in (".wav", ".csv"))
    settings = {
        "kind": "parts.py",
        "audio": "mono-22k",
        "hop": 80,
        "n_mels": 4,
        "sample_rate": 8000,
    }
    shards.write_shard(wav, table, settings, "parts.h5")
    reader = shard_reader.open_shards(["parts.h5"])
    assert reader.settings["kind"] == "parts.py"
    assert len(reader.ids) == len(tiny_shard[1])


def test_jobs_are_given_the_copy_and_records_its_digest(work):
    run = run_of(work)
    startup.copy_code(run.config)
    found = {job.rule: job for job in jobs(run) if "other" not in job.wildcards.values()}
    name = found["train"].params["training"]["model"]["name"]
    assert name == f"results/code/{provenance.code_digest('net.py')}.py"
    assert Path(name).read_text() == MODEL
    assert artefacts.read_record(name, "results")["settings"] == {"from": "net.py"}
    digest = provenance.code_digest("net.py")
    assert found["train"].params["library"][f"{digest}.py"] == digest
    spectrograms = {
        job.wildcards["frontend"]: job for job in jobs(run) if job.rule == "make_spectrograms"
    }
    kind = spectrograms["parts"].params["frontend"]["kind"]
    assert Path(kind).read_text() == FRONTEND
    assert Path(kind).name in spectrograms["parts"].params["library"]
    assert Path(kind).name not in spectrograms["bulbul"].params["library"]
    assert validated("model", ARCHITECTURES, {"name": name})["units"] == 3


def test_what_a_file_imports_from_the_package_is_digested_too(work):
    other = MODEL.replace("import keras", "from dawnchorus.models import recurrent")
    Path("net.py").write_text(other)
    library = next(job for job in jobs(run_of(work)) if job.rule == "train").params["library"]
    assert "dawnchorus.models.recurrent" in library


def test_a_file_that_is_moved_or_gets_a_comment_makes_nothing_stale(work):
    before = run_of(work)
    shutil.copytree(work, work / "elsewhere", ignore=shutil.ignore_patterns("*.yaml"))
    (work / "elsewhere/net.py").rename(work / "elsewhere/better name.py")
    Path("parts.py").write_text(f"# why\n{FRONTEND}")
    after = run_of(work, model="elsewhere/better name.py")
    assert stale(before, after) == set()
    assert jobs(before)


def test_a_file_with_other_code_makes_stale_what_uses_it(work):
    before = run_of(work)
    known = jobs(before)
    Path("net.py").write_text(MODEL.replace('"relu"', '"tanh"'))
    after = {job.key: job for job in jobs(run_of(work))}
    changed_rules = {
        (job.rule, job.wildcards.get("experiment"))
        for job in known
        if after[job.key].params != job.params
    }
    assert changed_rules == {("train", "own"), ("report", "own")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"expected a file that can be read from the working directory \(No such file"),
        ("import os\nx = (\n", r"a file that Python can import; line 2: SyntaxError: '\(' was never"),
        ("\n\nx = 1 / 0\n", "line 3: ZeroDivisionError: division by zero"),
        ("import no_such_package\n", "line 1: ModuleNotFoundError: No module named 'no_such_package'"),
        ("import sys\nsys.exit(3)\n", "line 2: SystemExit: 3"),
        ("class Settings: pass\n", "expected a file that defines build too"),
        ("class Settings: pass\nbuild = 1\n", "its class Settings to be derived from dawnchorus.se"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_one_sentence(text, message, work):
    Path("net.py").unlink()
    if text is not None:
        Path("net.py").write_text(text)
    with pytest.raises(
        ValueError, match=f"^experiments.own.model.name: 'net.py'; .*{message}"
    ) as told:
        run_of(work)
    assert "\n" not in str(told.value)


def test_a_key_that_the_file_does_not_have_is_refused(work):
    settings = changed(config(), "experiments.own.model.unit", 3)
    with pytest.raises(
        ValueError, match="experiments.own.model.unit: unknown key; expected name, units"
    ):
        run_without_recordings(work, settings)


def test_other_choices_have_no_files_of_ones_own(work):
    settings = changed(config(), "experiments.own.training", {"schedule": {"kind": "net.py"}})
    with pytest.raises(ValueError, match="schedule.kind: 'net.py'"):
        run_without_recordings(work, settings)


def test_the_schema_accepts_paths_where_the_config_does(work):
    schema = json.loads(config_schema())
    jsonschema.validate(config(), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(config(model="net.txt"), schema)


def test_check_builds_a_network_that_declares_no_least_input(tmp_path, capsys):
    for name, text in (("deep.py", TOO_DEEP), ("mean.py", MODEL)):
        (tmp_path / name).write_text(text)
    tree, status = str(Path(__file__).parents[1]), {}
    for name in ("deep", "mean"):
        overlay = tmp_path / f"{name}.yaml"
        model = f"model: {{name: {tmp_path / name}.py}}"
        overlay.write_text(f"run: [x]\nexperiments: {{x: {{train: [demo-train], {model}}}}}\n")
        status[name] = command.main(["check", "--workflow", tree, str(overlay)])
    assert status == {"deep": 2, "mean": 0}
    said = capsys.readouterr().err
    assert said.startswith("error: experiments.x.stages.first.model: ")
    assert "frames x 80 bands of frontend 'log-mel'" in said
    assert said.count("\n") == 1
