"""What an exported model finds in recordings: the scores of the workflow, as rows of tables."""

import dataclasses
import os

import exported_models
import numpy as np
import pytest
import soundfile

from dawnchorus.audio import decoder_process
from dawnchorus.events import decoding
from dawnchorus.exported import input_files, prediction, row_selection
from dawnchorus.frontends import base, spectrograms
from dawnchorus.frontends.kinds import mel_chunks
from dawnchorus.metrics import operating_points
from dawnchorus.scores import pooling
from dawnchorus.segments import window_source

RATE = 8000  # Hz
CLASSES = exported_models.CLASSES
EVERY = (0.0,) * 3


@pytest.fixture(scope="module")
def recipe(defaults):
    return defaults["audio"]["mono-22k"] | {"sample_rate": RATE}


@pytest.fixture(scope="module")
def model(recipe, tiny_frontend):
    return exported_models.model(recipe, tiny_frontend)


@pytest.fixture(scope="module")
def files(tiny_shard):
    return [str(tiny_shard[0].parent / f"{number:02}.wav") for number in range(24)]


def rows_of(model, files, kind, thresholds=EVERY, **others):
    chosen = row_selection.Selection(kind, thresholds, **others)
    recordings = [{"path": path} for path in files]
    found = prediction.predicted(model, exported_models.Bands, recordings, chosen)
    return {one.path: one for one in found}


def workflow_scores(model, shard, identifier):
    """Index and scores (M, W, C) of a recording, from the spectrograms that the workflow made."""
    stage = model.stages[0]
    source = window_source.open_source({"c": [shard]}, stage.segments, stage.window)
    index = source.index([("c", identifier)], prediction=True)
    batch = source.batch([("c", identifier)], index)
    return index, exported_models.Bands().clip_scores("s40", batch), batch


def test_windows_have_the_scores_of_the_workflow(model, files, tiny_shard):
    shard, ids = tiny_shard
    found = rows_of(model, files, "windows")
    for path, identifier in zip(files, ids, strict=True):
        index, scores, _ = workflow_scores(model, shard, identifier)
        rows = np.sort(found[path].rows, order=["onset", "class"])
        np.testing.assert_array_equal(rows["score"].reshape(-1, 3), pooling.average(scores))
        np.testing.assert_array_equal(rows["onset"], np.repeat(index.onset_s, 3))
        np.testing.assert_array_equal(rows["offset"], np.repeat(index.offset_s, 3))
        assert found[path].seconds == 3.0


@pytest.mark.parametrize("unit", ["recording", "chunk"])
def test_recordings_have_the_scores_of_the_workflow(unit, recipe, tiny_frontend, files, tiny_shard):
    how = {
        "pooling": "median",
        "average": "mean",
        "average_unit": unit,
        "ignored_classes": ["wren"],
    }
    model = exported_models.model(recipe, tiny_frontend, pooling=how)
    found = rows_of(model, files[:4], "recordings")
    for path, identifier in zip(files[:4], tiny_shard[1], strict=False):
        _, scores, _ = workflow_scores(model, tiny_shard[0], identifier)
        if unit == "chunk":
            scores = pooling.average(scores)[np.newaxis]
        scores[..., 1] = scores.min(axis=2)
        index = np.zeros(scores.shape[1], int)
        pooled = np.stack([pooling.pool(own, index, 1, "median") for own in scores])
        rows = np.sort(found[path].rows, order="class")
        np.testing.assert_array_equal(rows["score"], pooling.average(pooled)[0])
        assert rows["offset"].tolist() == [3.0] * 3


def test_events_are_those_of_the_frames_of_the_recording(model, files, tiny_shard):
    found = rows_of(model, files[:6], "events", (None,) * 3, decoding="usual")
    assert sum(len(one.rows) for one in found.values()) > 6
    rate = RATE / base.hop_length(model.frontends["tiny"].settings) / 2
    for path, identifier in zip(files[:6], tiny_shard[1], strict=False):
        index, _, batch = workflow_scores(model, tiny_shard[0], identifier)
        frames = [own.reshape(-1, 3) for own in exported_models.Bands().frame_scores("s40", batch)]
        n_sound = int(np.ceil(index.length_s.sum() * rate - 1e-6))
        scores = pooling.average(np.stack(frames))[:n_sound]
        scored = decoding.ScoredRecording("any", float(index.onset_s[0]), 3.0, scores)
        expected = decoding.detections(scored, CLASSES, rate, **model.decodings["usual"])
        rows = found[path].rows
        named = [(float(r["onset"]), float(r["offset"]), CLASSES[r["class"]]) for r in rows]
        assert named == [tuple(event[1:]) for event in expected]
        for row in rows:
            place = np.rint((np.array([row["onset"], row["offset"]]) - index.onset_s[0]) * rate)
            own = scores[slice(*place.astype(int)), row["class"]]
            assert row["score"] == pytest.approx(own.mean(), abs=1e-6)


def test_a_bad_recording_is_a_fault_and_the_others_go_on(model, files, tmp_path):
    bad, empty = tmp_path / "bad.wav", tmp_path / "empty.flac"
    bad.write_bytes(b"RIFF nothing that is sound")
    empty.write_bytes(b"")
    listed = [str(bad), files[1], str(empty), str(tmp_path / "none.wav"), files[2], str(tmp_path)]
    found = rows_of(model, listed, "recordings")
    assert list(found) == listed
    assert found[str(bad)].fault.startswith("AUDIO_")
    assert found[str(empty)].fault == "AUDIO_EMPTY: 0 bytes"
    assert found[str(tmp_path / "none.wav")].fault.startswith("MISSING_FILE")
    assert found[str(tmp_path)].fault.startswith("NOT_REGULAR")
    alone = rows_of(model, files[1:3], "recordings")
    for path in files[1:3]:
        np.testing.assert_array_equal(found[path].rows, alone[path].rows)


def test_a_recording_longer_than_the_shared_memory_is_scored_as_a_whole(model, tmp_path, rng):
    samples = (0.1 * rng.standard_normal((RATE * 150, 2))).astype(np.float32)
    assert samples.size > decoder_process.slab_samples(1)
    soundfile.write(tmp_path / "long.wav", samples, RATE, subtype="FLOAT")
    (found,) = rows_of(model, [str(tmp_path / "long.wav")], "windows").values()
    frames = spectrograms.spectrogram(list(samples.T), model.frontends["tiny"].settings)
    windows = frames[: len(frames) // 40 * 40].reshape(-1, 40, frames.shape[1])
    scores = exported_models.Bands().clip_scores("s40", windows).mean(axis=0)
    rows = np.sort(found.rows, order=["onset", "class"])["score"].reshape(-1, 3)
    np.testing.assert_allclose(rows[: len(windows)], scores, atol=1e-6)


def test_the_halves_of_a_recording_have_the_scores_of_the_whole(recipe, tmp_path, rng):
    # chunks at the rate of the recording: no value reaches over the cut
    keys = {"n_bands": 18, "n_frames": 40, "length_s": 0.5, "min_length_s": 0.5, "fmax": 3900.0}
    frontend = mel_chunks.Settings.model_validate(keys).complete() | {"sample_rate": RATE}
    model = exported_models.model(recipe, frontend, kind="chunks")
    samples = (0.1 * rng.standard_normal(8 * RATE)).astype(np.float32)
    parts = {"whole": samples, "first": samples[: 3 * RATE], "second": samples[3 * RATE :]}
    for name, own in parts.items():
        soundfile.write(tmp_path / f"{name}.wav", own, RATE, subtype="FLOAT")
    paths = [str(tmp_path / f"{name}.wav") for name in parts]
    whole, first, second = (one.rows.copy() for one in rows_of(model, paths, "windows").values())
    for key in ("onset", "offset"):
        second[key] += 3
    assert len(whole) == 3 * 16
    np.testing.assert_array_equal(np.concatenate([first, second]), whole)


def test_a_model_whose_stages_see_other_windows_has_no_windows(
    recipe, tiny_frontend, files, tiny_shard
):
    model = exported_models.model(recipe, tiny_frontend, windows=(40, 60))
    with pytest.raises(ValueError, match="other windows of a recording.*ask for recordings"):
        rows_of(model, files[:1], "windows")
    clips = dataclasses.replace(model, decodings={})
    assert row_selection.selection_of(clips, None, [], None, None, None).kind == "recordings"
    (found,) = rows_of(model, files[:1], "recordings").values()
    # the mean over the members of both stages, each with its own windows
    pooled = []
    for stage in model.stages:
        source = window_source.open_source({"c": [tiny_shard[0]]}, stage.segments, stage.window)
        batch = source.batch([("c", "r00")], source.index([("c", "r00")]))
        pooled += [*exported_models.Bands().clip_scores(stage.name, batch).mean(axis=1)]
    rows = np.sort(found.rows, order="class")
    np.testing.assert_allclose(rows["score"], np.mean(pooled, axis=0), atol=1e-6)


# what is selected


def test_the_best_classes_of_a_window_come_first_and_ties_in_their_order():
    scores = np.float32([[0.2, 0.9, 0.5], [0.4, 0.4, 0.4]])
    row, column = row_selection.Selection("windows", EVERY, top=2).chosen(scores)
    assert list(zip(row.tolist(), column.tolist(), strict=True)) == [(0, 1), (0, 2), (1, 0), (1, 1)]
    row, column = row_selection.Selection("windows", (0.3, float("nan"), 0.5)).chosen(scores)
    assert list(zip(row.tolist(), column.tolist(), strict=True)) == [(0, 2), (1, 0)]


@pytest.mark.parametrize(
    ("given", "kind", "expected"),
    [
        ([], "windows", [0.5, 0.7, 0.5]),
        ([], "recordings", [0, 0, 0]),
        ([], "events", [None, None, None]),
        (["0.3"], "windows", [0.3, 0.3, 0.3]),
        (["0.3", "wren=0.9"], "events", [0.3, 0.9, 0.3]),
        (["robin=0.1"], "windows", [0.1, 0.7, 0.5]),
        (["precision=0.8"], "windows", [0.8, np.nan, np.nan]),
    ],
)
def test_thresholds_are_those_that_were_given_then_those_of_the_model(given, kind, expected):
    found = row_selection.thresholds_of(
        given, kind, CLASSES, {"wren": 0.7}, lambda goal, wanted: {"robin": wanted}
    )
    assert found == pytest.approx(expected, nan_ok=True) or found == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("loud", "threshold 'loud'; expected a number from 0 to 1"),
        ("recall=0.9", "threshold 'recall=0.9'; the model does not say what its scores reach"),
        ("1.5", "threshold '1.5'; expected a number from 0 to 1"),
        ("wrens=0.5", "class 'wrens' is none of the 3 of the model; did you mean 'wren'"),
    ],
)
def test_thresholds_that_are_none_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        row_selection.thresholds_of([given], "windows", CLASSES, {})


def calibrated(model):
    """The model with a map of each class, and a curve of one."""
    maps = {name: {"slope": 2.0, "intercept": number - 1.0} for number, name in enumerate(CLASSES)}
    curve = operating_points.operating_curve(
        np.array([1, 1, 0, 1, 0]), np.array([0.9, 0.8, 0.6, 0.5, 0.2]), 1.0
    )
    return dataclasses.replace(
        model,
        calibration={"method": "platt", "unit": "recording", "classes": maps},
        about={"operating_curves": {"robin": curve}},
    )


def test_scores_of_recordings_are_calibrated_and_those_of_windows_are_not(model, files):
    own = calibrated(model)
    for kind, mapped in (("recordings", True), ("windows", False)):
        raw = rows_of(model, files[:1], kind)[files[0]].rows
        found = rows_of(own, files[:1], kind)[files[0]].rows
        raw, found = (np.sort(rows, order=["onset", "class"])["score"] for rows in (raw, found))
        expected = raw
        assert own.calibration_of(kind) == ("platt" if mapped else "none")
        if mapped:
            logit = np.log(raw / (1 - raw.astype(float)))
            expected = 1 / (1 + np.exp(-(2 * logit + np.arange(3) - 1)))
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_wanted_precision_is_the_threshold_that_reached_it_as_a_calibrated_score(model):
    own = calibrated(model)
    chosen = row_selection.selection_of(own, "windows", ["precision=0.75"], None, None, None)
    assert chosen.thresholds == pytest.approx((0.5, np.nan, np.nan), nan_ok=True)
    chosen = row_selection.selection_of(own, "recordings", ["recall=0.6"], None, None, None)
    # 0.8, whose logit is ln 4
    mapped = 1 / (1 + np.exp(-(2 * np.log(4) - 1)))
    assert chosen.thresholds == pytest.approx((mapped, np.nan, np.nan), nan_ok=True)


# which recordings


@pytest.fixture
def tree(tmp_path):
    for name in ("b/2.wav", "b/1.FLAC", "b/notes.txt", "b/.hidden.wav", "a.mp3", "c/d/x.ogg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    os.symlink(tmp_path, tmp_path / "c/d/up")
    os.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("paths", "listed", "expected"),
    [
        (["a.mp3", "b"], [], ["a.mp3", "b/1.FLAC", "b/2.wav"]),
        (["."], [], ["./a.mp3", "./b/1.FLAC", "./b/2.wav", "./c/d/x.ogg"]),
        (["b/*.wav", "b"], [], ["b/2.wav", "b/1.FLAC"]),
        (["**/*.ogg"], [], ["c/d/x.ogg"]),
        (["-"], ["a.mp3\n", "\n", "gone.wav\r\n"], ["a.mp3", "gone.wav"]),
        (["b/notes.txt"], [], ["b/notes.txt"]),
    ],
)
def test_files_folders_patterns_and_lists_name_recordings_once(tree, paths, listed, expected):
    assert input_files.recordings_in(paths, listed) == expected


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (["c/*.wav"], "no recording matches 'c/[*].wav'"),
        (["-"], "no recording is named"),
        (["empty"], "folder 'empty' holds no recording"),
    ],
)
def test_names_of_nothing_are_refused(tree, paths, message):
    (tree / "empty").mkdir()
    with pytest.raises(ValueError, match=message):
        input_files.recordings_in(paths, [])
