"""Exported models: the file, what it refuses, and scores without the workflow."""

import io
import json
import zipfile

import numpy as np
import onnx
import pytest
import tiny_model
from onnx import TensorProto, helper, numpy_helper

from dawnchorus.events import decoding
from dawnchorus.exported import model_file, networks
from dawnchorus.frontends import spectrograms
from dawnchorus.scores import pooling


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "first.dawnchorus"
    return path, tiny_model.write_tiny_model(path)


def changed(path, target, **members):
    """Copy an exported model with other content in some members; None leaves one out."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as archive:
        held = {name: source.read(name) for name in source.namelist()} | members
        for name, content in held.items():
            if content is not None:
                archive.writestr(name, content)
    return target


def with_content(path, target, change):
    """Copy an exported model with another ``model.json``."""
    with zipfile.ZipFile(path) as archive:
        content = json.loads(archive.read("model.json"))
    change(content)
    return changed(path, target, **{"model.json": json.dumps(content)})


# the file


def test_what_is_written_is_read(written):
    _, model = written
    assert (model.name, model.classes) == ("tiny/first", ("low", "high"))
    assert [n.member for n in model.stages[0].networks] == ["f1p0s1", "f2p0s1"]
    given, found = tiny_model.tiny_model(), model
    assert found.stages[0].segments == given.stages[0].segments
    assert found.frontends["tiny"].audio == given.frontends["tiny"].audio
    bank = found.frontends["tiny"].settings["bank"]
    np.testing.assert_array_equal(
        bank.toarray(), given.frontends["tiny"].settings["bank"].toarray()
    )
    assert found.thresholds == {"low": 0.5, "high": 0.25}
    assert len(model.digest) == 64
    assert model.short_digest == model.digest[:12]
    assert model.has_frames


def test_equal_models_give_equal_bytes(written, tmp_path):
    path, model = written
    tiny_model.write_tiny_model(tmp_path / "again.dawnchorus")
    assert (tmp_path / "again.dawnchorus").read_bytes() == path.read_bytes()
    other = tiny_model.write_tiny_model(tmp_path / "other", thresholds={"low": 0.5, "high": 0.3})
    assert other.digest != model.digest


def test_a_threshold_that_is_never_reached_stays_so(tmp_path):
    never = tiny_model.tiny_model().decodings["plain"] | {"threshold": [float("nan"), 0.5]}
    model = tiny_model.write_tiny_model(tmp_path / "never", decodings={"plain": never})
    np.testing.assert_array_equal(model.decodings["plain"]["threshold"], [np.nan, 0.5])
    recording = decoding.ScoredRecording("r", 0.0, np.inf, np.ones((10, 2), np.float32))
    found = decoding.detections(recording, model.classes, 10.0, **model.decodings["plain"])
    assert [event.label for event in found] == ["high"]
    assert model.pooling == tiny_model.POOLING


def test_members_have_no_dates_and_are_stored_as_they_are(written):
    with zipfile.ZipFile(written[0]) as archive:
        for info in archive.infolist():
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
            assert info.compress_type == zipfile.ZIP_STORED


# what is refused


def refuses(path, message):
    with pytest.raises(ValueError, match=message) as caught:
        model_file.load(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_that_is_no_model_is_refused(tmp_path):
    for number, content in enumerate((b"", b"RIFF....WAVE", b"PK\x03\x04" + bytes(40))):
        path = tmp_path / f"{number}.dawnchorus"
        path.write_bytes(content)
        refuses(path, "is no exported model")
    with zipfile.ZipFile(tmp_path / "foreign.zip", "w") as archive:
        archive.writestr("metadata.json", "{}")
    refuses(tmp_path / "foreign.zip", "it holds no model.json")
    refuses(tmp_path / "none.dawnchorus", "cannot be read .No such file or directory.; expected")


def test_a_damaged_file_is_refused(written, tmp_path):
    path, whole = tmp_path / "damaged.dawnchorus", written[0].read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refuses(path, "is no exported model|is damaged")

    def content(model):
        networks = [network.onnx for stage in model.stages for network in stage.networks]
        return networks, model.classes, model.pooling, model.thresholds, model.about

    sound = content(model_file.load(written[0]))
    rng = np.random.default_rng(0)
    # the directory of the archive, at its end, has no check sum
    places = {*rng.integers(0, len(whole), 200).tolist(), *range(len(whole) - 500, len(whole), 2)}
    for place in sorted(places):
        flipped = bytearray(whole)
        flipped[place] ^= 0xFF
        path.write_bytes(flipped)
        try:
            found = model_file.load(path)
        except ValueError as error:
            assert str(path) in str(error)  # noqa: PT017
        else:
            assert content(found) == sound


def test_a_newer_file_says_so(written, tmp_path):
    def newer(content):
        content["format"] = 2
        content["something"] = "new"

    path = with_content(written[0], tmp_path / "newer", newer)
    refuses(path, "has format 2, .* reads formats up to 1; update dawnchorus")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("format"), "its format is None"),
        (lambda c: c.update(more=1), "more: unknown key"),
        (lambda c: c["stages"][0].update(window=0), "window: 0; expected at least 1"),
        (lambda c: c["stages"][0].update(frontend="x"), "its frontend 'x' is missing"),
        (lambda c: c["stages"][0].update(name="../x"), "becomes part of paths"),
        (lambda c: c["stages"][0]["segments"].update(kind="x"), "kind: 'x'; expected"),
        (lambda c: c["frontends"]["tiny"]["settings"].update(n_fft=7), "n_fft: 7"),
        (lambda c: c["frontends"]["tiny"]["settings"].update(n_mels=21), r"has shape \(20, 129\)"),
        (lambda c: c["frontends"]["tiny"]["settings"].update(kind="me.py"), "a file is no kind"),
        (lambda c: c["frontends"]["tiny"]["settings"].update(sample_rate=9000), "sample_rate 9000"),
        (lambda c: c["frontends"]["tiny"]["audio"].update(resampler="x"), "resampler: 'x'"),
        (lambda c: c.update(calibration={"method": "platt"}), "calibration: cannot be applied"),
        (lambda c: c["thresholds"].pop("low"), "thresholds are not those"),
        (lambda c: c["decodings"]["plain"].pop("gap_s"), "decodings.plain has"),
        (lambda c: c["pooling"].update(pooling="x"), "pooling: 'x'; expected"),
    ],
)
def test_settings_out_of_their_range_are_refused(written, tmp_path, change, message):
    refuses(with_content(written[0], tmp_path / "other", change), message)


def test_no_json_is_refused(written, tmp_path):
    for content in (b"{", b"[" * 100_000, b"\xff\xfe", b'{"format": NaN}', b"[1]"):
        path = changed(written[0], tmp_path / "other", **{"model.json": content})
        refuses(path, "is no JSON|is no exported model")


def test_a_missing_or_foreign_member_is_refused(written, tmp_path):
    name = "networks/first.f1p0s1.last.onnx"
    refuses(changed(written[0], tmp_path / "less", **{name: None}), f"{name} is missing")
    refuses(changed(written[0], tmp_path / "more", **{"run.py": b""}), "holds 'run.py', which no")


def test_a_compressed_member_is_refused_before_it_is_read(written, tmp_path):
    path = tmp_path / "bomb"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.json", bytes(50 << 20))
    assert path.stat().st_size < 100_000
    refuses(path, "compressed, encrypted or twice")


def test_an_array_is_compared_with_its_bytes_before_it_is_made(written, tmp_path):
    name, held = "frontends/tiny.bank.npy", io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": (1 << 40, 129)}
    np.lib.format.write_array_header_1_0(held, header)
    refuses(changed(written[0], tmp_path / "large", **{name: held.getvalue()}), "no float32 array")
    held = io.BytesIO()
    np.save(held, np.array([{"a": 1}], object), allow_pickle=True)
    refuses(changed(written[0], tmp_path / "pickle", **{name: held.getvalue()}), "no float32 array")
    held = io.BytesIO()
    np.save(held, np.full((20, 129), np.nan, np.float32))
    refuses(changed(written[0], tmp_path / "nan", **{name: held.getvalue()}), "not finite")


def graph_with(node=None, tensor=None, outputs=("scores", "frame_scores")):
    """Return the tiny network with one more node or tensor."""
    model = onnx.load_from_string(tiny_model.network())
    if node is not None:
        model.graph.node.append(node)
    if tensor is not None:
        model.graph.initializer.append(tensor)
    for one, name in zip(model.graph.output, outputs, strict=True):
        one.name = name
    return model.SerializeToString()


def external_tensor():
    tensor = numpy_helper.from_array(np.zeros(3, np.float32), "outside")
    onnx.external_data_helper.set_external_data(tensor, "/etc/passwd")
    tensor.data_location = TensorProto.EXTERNAL
    return tensor


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no network", "is no (whole )?ONNX file|graphs"),
        (b"", "holds 0 graphs"),
        (graph_with(helper.make_node("Loop", ["a"], ["b"])), "operator 'Loop'"),
        (graph_with(helper.make_node("Relu", ["a"], ["b"], domain="other")), "none of ONNX itself"),
        (
            graph_with(
                helper.make_node("Relu", ["a"], ["b"], t=numpy_helper.from_array(np.zeros(2)))
            ),
            "neither number nor text",
        ),
        (graph_with(tensor=external_tensor()), "stands in another file"),
        (graph_with(outputs=("scores", "others")), r"outputs \['scores', 'others'\]"),
    ],
)
def test_networks_hold_known_operators_and_their_own_numbers(written, tmp_path, content, message):
    name = "networks/first.f1p0s1.last.onnx"
    refuses(changed(written[0], tmp_path / "other", **{name: content}), f"{name} .*{message}")


def test_a_network_that_the_runtime_refuses_is_named(written, tmp_path):
    node = helper.make_node("Relu", ["nothing"], ["more"])
    name = "networks/first.f1p0s1.last.onnx"
    path = changed(written[0], tmp_path / "other", **{name: graph_with(node)})
    with pytest.raises(ValueError, match="network f1p0s1 of stage 'first' cannot be loaded"):
        networks.Networks(model_file.load(path))


# scores


@pytest.fixture
def windows(rng):
    return rng.normal(-4, 1, (5, tiny_model.WINDOW, 20)).astype(np.float32)


def by_hand(windows, shift):
    """Scores (B, T, C) of the tiny network, computed with NumPy."""
    means = np.stack([windows[..., :10].mean(-1), windows[..., 10:].mean(-1)], axis=-1)
    return 1 / (1 + np.exp(-(means + 4 + shift)))


def test_scores_are_those_of_the_network(written, windows):
    found = networks.Networks(written[1])
    frames = np.stack([by_hand(windows, 0.2), by_hand(windows, 0.4)])
    np.testing.assert_allclose(found.frame_scores("first", windows), frames, atol=1e-6)
    np.testing.assert_allclose(found.clip_scores("first", windows), frames.max(axis=2), atol=1e-6)


def test_weights_of_one_member_are_averaged_before_their_frames_are_pooled(tmp_path, windows):
    given = tiny_model.tiny_model()
    several = tuple(
        model_file.Network("f1p0s1", f"epoch_{n}", tiny_model.network(shift=n), True)
        for n in (1, 2)
    )
    stage = model_file.Stage(
        "first", "tiny", given.stages[0].segments, tiny_model.WINDOW, "average", 1, several
    )
    model = tiny_model.write_tiny_model(tmp_path / "several", stages=(stage,))
    found = networks.Networks(model).frame_scores("first", windows)
    expected = (by_hand(windows, 1) + by_hand(windows, 2)) / 2
    np.testing.assert_allclose(found, expected[np.newaxis], atol=1e-6)


def test_members_become_one_as_in_an_ensemble(rng):
    by_stage = [rng.uniform(size=(2, 4, 3)).astype(np.float32) for _ in range(2)]
    members = np.concatenate(by_stage)
    classes, settings = ("a", "b", "Noise"), tiny_model.POOLING | {"ignored_classes": ["Noise"]}
    held = tiny_model.tiny_model(classes=classes, pooling=settings)
    before = [scores.copy() for scores in by_stage]
    expected = members.max(axis=1).astype(np.float64).mean(axis=0)
    expected[2] = members.min(axis=2).max(axis=1).mean()
    np.testing.assert_allclose(networks.recording_scores(held, by_stage), expected, rtol=1e-6)
    settings = settings | {"average_unit": "chunk", "pooling": "mean_exp"}
    held = tiny_model.tiny_model(classes=classes, pooling=settings)
    averaged = members.astype(np.float64).mean(axis=0).astype(np.float32)
    averaged[:, 2] = averaged.min(axis=1)
    np.testing.assert_allclose(networks.window_scores(held, by_stage), averaged, rtol=1e-6)
    pooled = pooling.pool(averaged, np.zeros(4, int), 1, "mean_exp")[0]
    np.testing.assert_allclose(networks.recording_scores(held, by_stage), pooled, rtol=1e-6)
    assert all(map(np.array_equal, by_stage, before))  # what was given is as it was


def test_stages_with_other_windows_have_no_common_window_scores(rng):
    by_stage = [rng.uniform(size=(1, n, 2)).astype(np.float32) for n in (3, 4)]
    with pytest.raises(ValueError, match=r"have \[3, 4\] windows"):
        networks.window_scores(tiny_model.tiny_model(), by_stage)
    assert networks.recording_scores(tiny_model.tiny_model(), by_stage).shape == (2,)


def test_the_bank_of_the_file_is_used(written, rng):
    settings = dict(written[1].frontends["tiny"].settings)
    waveform = rng.normal(size=8000).astype(np.float32)
    plain = {key: value for key, value in settings.items() if key != "bank"}
    expected = spectrograms.spectrogram([waveform], plain)
    np.testing.assert_array_equal(spectrograms.spectrogram([waveform], settings), expected)
    settings["bank"] = settings["bank"] * 2
    doubled = spectrograms.spectrogram([waveform], settings)
    np.testing.assert_allclose(doubled - expected, np.log(2), atol=1e-5)
