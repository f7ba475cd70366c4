"""Exported models whose frontend is a pretrained network: brought along, or asked for."""

import hashlib
import json
import zipfile

import numpy as np
import onnx
import pretrained_network as small
import pytest
import soundfile
import tiny_model
from onnx import TensorProto, helper
from test_pretrained import settings_of

from dawnchorus.cli import command
from dawnchorus.exported import frontend_networks, model_file, operators
from dawnchorus.exported.networks import Networks
from dawnchorus.exported.prediction import predicted
from dawnchorus.exported.row_selection import selection_of
from dawnchorus.settings.audio import AudioRecipe
from dawnchorus.settings.experiment import SegmentSettings

WINDOW = 2  # rows


def exported(path, card, bundled):
    """Write a model on the small network and return what was written."""
    settings = settings_of(card, store="float32")
    network = frontend_networks.bundled(settings, settings["about"] | {"may_bundle": bundled})
    frontend = model_file.Frontend(
        {**settings, "file": None}, AudioRecipe(sample_rate=small.SAMPLE_RATE).complete(), network
    )
    members = tuple(
        model_file.Network("f1p0s1", "last", tiny_model.network(small.N_VALUES, WINDOW), True)
        for _ in range(1)
    )
    stage = model_file.Stage(
        "first", "small", SegmentSettings().complete(), WINDOW, "average", 1, members
    )
    about = {"networks": {"Small": {"licence": "CC0-1.0", "source": "the tests"}}, "caveats": []}
    model = tiny_model.tiny_model(frontends={"small": frontend}, stages=(stage,), about=about)
    model_file.write(path, model)
    return model


@pytest.fixture
def card(tmp_path):
    return small.write_card(tmp_path / "network")


@pytest.fixture
def recording(tmp_path, rng):
    waveform = (0.05 * rng.standard_normal(3 * small.SAMPLE_RATE)).astype(np.float32)
    path = tmp_path / "recording.wav"
    soundfile.write(path, waveform, small.SAMPLE_RATE, "FLOAT")
    return path, waveform


@pytest.mark.parametrize("bundled", [True, False])
def test_scores_are_those_of_the_network_wherever_it_lies(card, recording, tmp_path, bundled):
    path, waveform = recording
    exported(tmp_path / "small.dawnchorus", card, bundled)
    held = model_file.load(tmp_path / "small.dawnchorus")
    assert bool(held.frontends["small"].network) is bundled
    if bundled:  # what is beside it does not matter then
        (card.parent / "small.onnx").unlink()
    model = frontend_networks.with_networks(held, [card.parent])
    selection = selection_of(model, "windows", ["0"], None, None, None)
    (found,) = predicted(model, lambda: Networks(model), [{"path": str(path)}], selection)
    assert found.fault == ""
    rows = small.expected(waveform.reshape(6, -1)).reshape(3, WINDOW, -1)
    weights = np.repeat(np.eye(2) / 3, 3, axis=0)
    wanted = (1 / (1 + np.exp(-(rows @ weights + 4)))).max(axis=1)
    np.testing.assert_allclose(found.rows["score"].reshape(3, 2), wanted, atol=1e-4)


def test_a_network_that_is_not_there_is_asked_for_before_anything_is_decoded(
    card, recording, tmp_path, capsys, monkeypatch
):
    (tmp_path / "elsewhere").mkdir()
    exported(tmp_path / "elsewhere/small.dawnchorus", card, bundled=False)
    monkeypatch.chdir(tmp_path)
    asked = ["predict", "elsewhere/small.dawnchorus", str(recording[0]), "--out", "found.csv"]
    assert command.main(asked) == 2
    said = capsys.readouterr().err
    assert all(what in said for what in ("network 'Small'", "licence CC0-1.0", "--network"))
    assert not list(tmp_path.glob("found*"))
    assert command.main(["serve", "elsewhere/small.dawnchorus"]) == 2
    assert "network 'Small'" in capsys.readouterr().err
    assert command.main([*asked, "--network", str(card.parent / "small.onnx")]) == 0
    assert "network Small: licence CC0-1.0, the tests" in capsys.readouterr().err
    assert (tmp_path / "found.csv").read_text().count("recording.wav") > 0


def test_another_network_in_the_file_is_refused(card, tmp_path):
    path = tmp_path / "small.dawnchorus"
    exported(path, card, bundled=True)
    small.write_network(tmp_path / "other.onnx", seed=2)
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    held["frontends/small.network.onnx"] = (tmp_path / "other.onnx").read_bytes()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in held.items():
            archive.writestr(name, content)
    with pytest.raises(
        ValueError, match="small.network.onnx is another network; get the file again"
    ):
        model_file.load(path)
    # a path in a stranger's file names nothing on this machine
    content = json.loads(held["model.json"])
    content["frontends"]["small"]["settings"] |= {"file": "/etc/passwd", "card": "/etc/passwd"}
    exported(path, card, bundled=False)
    with zipfile.ZipFile(path, "w") as archive:
        content["frontends"]["small"].pop("has_network")
        held.pop("frontends/small.network.onnx")
        for name, one in {**held, "model.json": json.dumps(content).encode()}.items():
            archive.writestr(name, one)
    settings = model_file.load(path).frontends["small"].settings
    assert settings["file"] is settings["card"] is None


def check_bundled(content):
    operators.check_bundled(content, hashlib.sha256(content).hexdigest())


def network_of(*nodes):
    infos = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["B", 4]) for n in ("x", "y")]
    return helper.make_model(helper.make_graph(list(nodes), "g", infos[:1], infos[1:]))


def test_networks_that_reach_beyond_their_file_are_not_brought_along(card):
    branch = helper.make_graph([], "b", [], [])
    outside = TensorProto(data_location=TensorProto.EXTERNAL, data_type=1, dims=[1])
    entry = outside.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    for node, said in (
        (helper.make_node("Relu", ["x"], ["y"], domain="own"), "none of ONNX itself"),
        (helper.make_node("Loop", ["x"], ["y"], body=branch), "a loop or a branch"),
        (helper.make_node("Constant", [], ["y"], value=outside), "in another file"),
    ):
        with pytest.raises(ValueError, match=said):
            check_bundled(network_of(node).SerializeToString())
    plain = network_of(helper.make_node("Relu", ["x"], ["y"])).SerializeToString()
    check_bundled(plain)
    with pytest.raises(ValueError, match="is another network"):
        operators.check_bundled(plain, None)
    settings = settings_of(card)
    whole = onnx.load(settings["file"])
    network = settings["network"]
    whole.graph.initializer[0].data_location = TensorProto.EXTERNAL
    content = whole.SerializeToString()
    (card.parent / "small.onnx").write_bytes(content)
    network["sha256"] = hashlib.sha256(content).hexdigest()
    assert frontend_networks.bundled(settings, settings["about"] | {"may_bundle": True}) == b""
