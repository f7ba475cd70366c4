"""Export of an ensemble: every frontend and kind of window gives the workflow's scores without it."""

import json
import os
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
from tiny import SAMPLE_RATE

from dawnchorus.audio import verdicts
from dawnchorus.evaluation import model_export
from dawnchorus.exported import model_file, networks
from dawnchorus.frontends import shard_reader, shards
from dawnchorus.models import frame_output, model_files, zoo
from dawnchorus.runtime import artefacts
from dawnchorus.scores import window_scores
from dawnchorus.segments import window_source
from dawnchorus.settings import architecture
from dawnchorus.settings.audio import AudioRecipe
from dawnchorus.settings.errors import validated
from dawnchorus.settings.experiment import SegmentSettings
from dawnchorus.settings.frontend import KINDS
from dawnchorus.training import setup

CLASSES = ["robin", "wren"]
WITHIN = 1e-5  # of scores in [0, 1]
MEMBERS = ("f1p0s1", "f2p0s1")
# frontend (of 8 kHz), segments, window, architecture; each kind of frontend and of window is there
CASES = {
    "log_mel": (
        {"n_fft": 256, "n_mels": 20, "fmax": 3900.0, "trim_stddevs": 1.0, "edge_offset": 0.1},
        {"kind": "windows"}, 161, {"name": "bulbul", "filters": [4] * 4, "dense": [8]},
    ),
    "slaney_mel": (
        {"n_fft": 256, "window_length": 200, "hop": 100, "n_bands": 16, "fmax": 3900.0},
        {"kind": "windows", "padding": "zeros", "min_fill": 0.1}, 100,
        {"name": "crnn", "filters": [4] * 2, "band_pools": [4, 4], "units": [4]},
    ),
    "psd": (
        {"hop": 64, "n_bands": 140}, {"kind": "cells", "factor": 0.9}, 104,
        {"name": "toth2016", "filters": [4] * 4, "dense": [8]},
    ),
    "mel_power": (
        {
            "n_fft": 256, "hop": 64, "n_bands": 20, "fmax": 3900.0, "compression": "power",
            "signal_factor": 0.1, "signal_cells": 1,
        },
        {"kind": "time", "min_max": "always", "step_s": 0.5}, 161,
        {"name": "bulbul_dsr", "filters": [4] * 4},
    ),
    "mel_chunks": (
        {"n_fft": 256, "n_bands": 16, "n_frames": 40, "fmax": 3900.0},
        {"kind": "chunks", "rescale": True, "zero_centre": True}, 40,
        {"name": "baseline", "filters": [4, 4]},
    ),
    "linear_chunks": (
        {"n_bands": 16, "n_frames": 40, "fmax": 3900.0}, {"kind": "chunks"}, 40,
        {"name": "resnet", "filters": [4, 4]},
    ),
}  # fmt: skip
# in a process that has none of what the workflow needs beside
WITHOUT_WORKFLOW = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            raise ModuleNotFoundError(f"{{name}} is not there", name=name)

sys.meta_path.insert(0, Missing())
import numpy as np
from dawnchorus.exported import model_file, networks
from dawnchorus.frontends import base, chunk_images, spectrograms

for name in {cases}:
    model = model_file.load(f"{{name}}.dawnchorus")
    networks.Networks(model)
    settings = model.frontends[name].settings
    by_layout = {{"frames": spectrograms.spectrogram, "chunks": chunk_images.chunk_images}}
    channels = list(np.load("waveform.npy"))
    np.save(f"{{name}}.npy", by_layout[base.layout(settings)](channels, settings))
"""
BEYOND = (
    "tensorflow", "keras", "jax", "torch", "pandas", "sklearn", "librosa", "snakemake", "h5py", "onnx",
    "matplotlib", "yaml", "defusedxml", "packaging",
)  # fmt: skip


class Exported:
    """An ensemble of one stage: its files, and what the workflow has of it."""

    def __init__(self, case, folder, tiny_shard):
        given, segments, window, chosen = CASES[case]
        frontend = validated("frontends.x", KINDS, {"kind": case, "audio": "tiny", **given})
        self.case, self.frontend = case, frontend | {"sample_rate": SAMPLE_RATE}
        self.shard = folder / f"{case}.h5"
        self.wav, self.table = (tiny_shard[0].with_suffix(end) for end in (".wav", ".csv"))
        shards.write_shard(self.wav, self.table, self.frontend, self.shard)
        self.segments = SegmentSettings.model_validate(segments).complete()
        self.source = window_source.open_source({"c": [self.shard]}, self.segments, window)
        self.models, self.paths = [], {}
        for seed, member in enumerate(MEMBERS):
            model = self._trained(chosen, seed)
            files = {kind: str(folder / f"{case}.{member}.{kind}") for kind in ("keras", "h5")}
            model_files.save(model, files["keras"])
            model_files.save_kept(files["h5"], {})
            self.models.append(model)
            self.paths[member] = {"model": files["keras"], "kept": files["h5"]}
        frames = "frame" in architecture.architecture_model(chosen).OUTPUTS
        self.settings = {
            "name": f"mine/{case}", "ensemble": "first",
            "stages": {
                "one": {
                    "frontend": case, "segments": self.segments, "window": window, "use": "last",
                    "clip_pooling": "average", "frames_per_score": 1, "has_frames": frames,
                    "models": self.paths,
                }
            },
            "frontends": {
                case: {
                    "settings": self.frontend,
                    "audio": AudioRecipe(sample_rate=SAMPLE_RATE).complete(),
                    "outside": {},
                }
            },
            "pooling": {
                "pooling": "mean", "average": "mean", "average_unit": "recording",
                "ignored_classes": [],
            },
            "recordings": {"c": {"licence": "CC BY 4.0", "attribution": None, "labels": "0"}},
        }  # fmt: skip
        self.metrics = folder / "metrics.json"
        self.metrics.write_text(json.dumps(MEASURED))
        self.output = folder / f"{case}.dawnchorus"
        model_export.export(self.metrics, [], [], self.settings, self.output)

    def _trained(self, chosen, seed):
        keras.utils.set_random_seed(seed)
        rng = np.random.default_rng(seed)
        model = zoo.build(
            input_shape=self.source.shape, n_classes=len(CLASSES), output="clip", **chosen
        )
        # sums of levels far from 0 would leave no score between 0 and 1
        recordings = [("c", name) for name in self.source.ids("c")]
        index = self.source.index(recordings)
        moments = setup.input_moments(self.source, recordings, index, "band", rng)
        padded = self.segments["padding"] == "zeros"
        model = setup.with_standardised_input(model, *moments, padded)
        for weight in model.weights:
            if weight.name in ("moving_mean", "bias", "beta"):
                weight.assign(rng.normal(0, 0.3, weight.shape))
            elif weight.name in ("moving_variance", "gamma"):
                weight.assign(rng.uniform(0.5, 2, weight.shape))
        return model


MEASURED = {
    "classes": CLASSES,
    "policy": {"chose_epoch": "the fold has chosen the epoch: optimistic"},
    "ensembles": {
        "first": {
            "out_of_fold": {"auroc": {"value": 0.8, "interval": [0.7, 0.9]}, "chose_epoch": True},
            "test": {"c": {"auroc": {"value": 0.7}, "transductive": False}},
            "models": 2,
            "threshold": {
                "criterion": "f1", "chosen_on": "out-of-fold scores of c",
                "thresholds": {"robin": 0.5, "wren": None},
            },
        }
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory, tiny_shard):
    folder = tmp_path_factory.mktemp("export")
    return {case: Exported(case, folder, tiny_shard) for case in CASES}


def test_every_kind_of_frontend_and_window_is_tested():
    # networks of others: the run in tests/test_pretrained.py exports one and predicts with it
    assert set(CASES) == set(KINDS.names()) - {"pretrained"}
    assert {case[1]["kind"] for case in CASES.values()} == {"windows", "cells", "time", "chunks"}


@pytest.mark.parametrize("case", CASES)
def test_scores_are_those_of_the_workflow(made, case):
    one = made[case]
    recordings = [("c", name) for name in one.source.ids("c")]
    index = one.source.index(recordings, prediction=True)
    expected = np.stack([
        window_scores.window_scores(model, one.source, recordings, index, 16, len(CLASSES))
        for model in one.models
    ])  # fmt: skip
    model = model_file.load(one.output)
    # windows are cut as the file says, of the workflow's spectrograms
    stage = model.stages[0]
    source = window_source.open_source({"c": [one.shard]}, stage.segments, stage.window)
    found = networks.Networks(model).clip_scores("one", source.batch(recordings, index))
    assert expected.std() > 1e-3
    np.testing.assert_allclose(found, expected, rtol=0, atol=WITHIN)


def test_frames_have_the_scores_of_the_workflow(made):
    one = made["slaney_mel"]
    recordings = [("c", name) for name in one.source.ids("c")]
    windows = one.source.batch(recordings, one.source.index(recordings, prediction=True))
    model = model_file.load(one.output)
    assert model.has_frames
    found = networks.Networks(model).frame_scores("one", windows)
    expected = np.stack([frame_output.frame_scores(each, windows) for each in one.models])
    np.testing.assert_allclose(found, expected, rtol=0, atol=WITHIN)


def test_spectrograms_are_those_of_the_workflow_without_its_packages(made):
    one = made["log_mel"]
    used = [row for row in verdicts.read_shard_table(one.table) if row.verdict == "used"]
    channels = shards.recording_channels(one.wav, used, SAMPLE_RATE)[3]
    folder = one.output.parent
    np.save(folder / "waveform.npy", np.stack([channel[:] for channel in channels]))
    command = WITHOUT_WORKFLOW.format(names=BEYOND, cases=list(CASES))
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ran = subprocess.run(
        [sys.executable, "-c", command], cwd=folder, capture_output=True, text=True, env=own
    )
    assert ran.returncode == 0, ran.stderr
    for case, each in made.items():
        reader = shard_reader.open_shards([each.shard])
        rows = reader.images if reader.layout == "chunks" else reader.frames
        np.testing.assert_array_equal(np.load(folder / f"{case}.npy"), rows(used[3].id))


def test_what_is_known_of_a_model_travels_with_it(made):
    model = model_file.load(made["psd"].output)
    assert (model.name, model.classes) == ("mine/psd", tuple(CLASSES))
    assert model.thresholds == {"robin": 0.5, "wren": None}
    assert model.about["threshold_rule"] == "f1, out-of-fold scores of c"
    assert model.about["caveats"] == [
        "the fold has chosen the epoch: optimistic",
        "scores are not calibrated: no score is a probability",
    ]
    assert model.about["scores"]["out_of_fold"]["auroc"]["interval"] == [0.7, 0.9]
    assert model.about["recordings"]["c"]["licence"] == "CC BY 4.0"
    inputs = model.about["provenance"]["inputs"]
    assert len(inputs) == 1 + 2 * len(MEMBERS)
    assert {len(digest) for digest in inputs.values()} == {64}


def test_calibration_and_decodings_travel_with_a_model(made, tmp_path):
    one = made["slaney_mel"]
    maps = {"robin": {"slope": 0.8, "intercept": -1.2}, "wren": {}}
    fitted = {"method": "platt", "unit": "recording", "classes": maps, "folds": {"1": maps}}
    decoding = {
        "threshold": [0.5, None],
        "filter_s": [0.1, 0.2],
        "gap_s": [0, 0],
        "minimum_s": [0, 0],
    }
    chosen = {"plain": {"settings": decoding, "chosen_on": "events of v", "tuned": None}}
    files = [tmp_path / "calibration.json", tmp_path / "decoders.json"]
    files[0].write_text(json.dumps(fitted))
    files[1].write_text(json.dumps({"classes": CLASSES, "decodings": chosen}))
    output = tmp_path / "both.dawnchorus"
    model_export.export(one.metrics, files[1:], files[:1], one.settings, output)
    model = model_file.load(output)
    assert model.calibration == {"method": "platt", "unit": "recording", "classes": maps}
    np.testing.assert_array_equal(model.decodings["plain"]["threshold"], [0.5, np.nan])
    assert model.about["decodings"] == {"plain": "events of v"}
    said = "scores of recordings are calibrated by platt; those of windows and events are not"
    assert said in model.about["caveats"]
    assert {str(path) for path in files} <= set(model.about["provenance"]["inputs"])


def test_equal_work_gives_equal_bytes(made, tmp_path):
    one = made["linear_chunks"]
    # as a job: what it writes has a record, and nothing else is left
    with artefacts.record_job({"results": tmp_path, "about": {}}):
        model_export.export(one.metrics, [], [], one.settings, tmp_path / "again.dawnchorus")
    records = tmp_path / ".provenance"
    assert [path.name for path in records.iterdir()] == ["again.dawnchorus.json"]
    assert (tmp_path / "again.dawnchorus").read_bytes() == one.output.read_bytes()


def test_kept_weights_are_exported_by_their_name(made, tmp_path):
    one = made["linear_chunks"]
    held = str(tmp_path / "kept.h5")
    other = one.models[1].get_weights()
    model_files.save_kept(held, {"best_loss": other})
    files = {"f1p0s1": {**one.paths["f1p0s1"], "kept": held}}
    stage = one.settings["stages"]["one"] | {"use": ["last", "best_loss"], "models": files}
    settings = one.settings | {"stages": {"one": stage}}
    model_export.export(one.metrics, [], [], settings, tmp_path / "both.dawnchorus")
    model = model_file.load(tmp_path / "both.dawnchorus")
    found = [(network.member, network.weights) for network in model.stages[0].networks]
    assert found == [("f1p0s1", "last"), ("f1p0s1", "best_loss")]
    windows = one.source.batch(*_some_windows(one))
    expected = np.mean([each.predict_on_batch(windows) for each in one.models], axis=0)
    scores = networks.Networks(model).clip_scores("one", windows)
    np.testing.assert_allclose(scores, expected[np.newaxis], rtol=0, atol=WITHIN)


def test_the_keras_files_beside_the_networks_can_be_trained_on(made, tmp_path):
    one = made["linear_chunks"]
    with zipfile.ZipFile(one.output) as archive:
        (tmp_path / "m.keras").write_bytes(archive.read("networks/one.f2p0s1.last.keras"))
    weights = zip(
        model_files.load(tmp_path / "m.keras").get_weights(),
        one.models[1].get_weights(),
        strict=True,
    )
    assert all(np.array_equal(*pair) for pair in weights)


def _some_windows(one):
    recordings = [("c", name) for name in one.source.ids("c")[:3]]
    return recordings, one.source.index(recordings)
