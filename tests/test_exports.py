"""Detections in the files that people open: each reads back as what it was made from."""

import csv
import json
import os
import string
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from audio_shards import noise, written
from hypothesis import given, settings
from hypothesis import strategies as st

from dawnchorus.corpora.tables import LABELS, NAMES, write_rows
from dawnchorus.evaluation import detection_files
from dawnchorus.formats.annotations import audacity, raven
from dawnchorus.formats.event import EVENTS, Event
from dawnchorus.runtime import artefacts
from dawnchorus.scores.frame_files import writing_frames

CLASSES = ["Dog", "=SUM(A1)", "Zipper, long"]
FRAME_RATE = 12.5
SOUNDS = {  # file of each recording by id
    "a": "/data/a.wav", "b/c": "/data/b/c.FLAC", "d\te": "/data/d\te.wav", "quiet": "/data/quiet.ogg",
}  # fmt: skip
DETECTED = [
    Event("a", 0.08, 0.24, "Dog"), Event("a", 0.4, 0.56, "=SUM(A1)"), Event("a", 0.5, 0.6, "Dog"),
    Event("b/c", 1.2, 1.96, "Zipper, long"), Event("d\te", 0.0, 0.08, "Dog"),
]  # fmt: skip
MEL = {
    "kind": "log_mel", "audio": "tiny", "sample_rate": 8000, "n_fft": 256, "frames_per_second": 50,
    "n_mels": 4, "fmin": 50.0, "fmax": 3900.0, "floor": 1e-10, "denoise": "none",
    "band_attenuation": "none", "edge_offset": 0.0, "cut_edge_frames": 0, "trim_stddevs": 0.0,
    "trim_ignore": 4,
}  # fmt: skip
BLUE, ORANGE = (0x00, 0x72, 0xB2), (0xE6, 0x9F, 0x00)


@pytest.fixture
def made(tmp_path, rng):
    """What an export is made from: paths of tables and scores, and settings."""
    scores = {name: rng.random((25, 3)).astype(np.float32) for name in sorted(SOUNDS)}
    onsets = [0.04 if name == "b/c" else 0.0 for name in scores]
    with writing_frames(tmp_path / "frames.h5", list(scores), ["mean"], CLASSES, FRAME_RATE) as put:
        put("mean", range(4), onsets, iter(scores.values()))
    artefacts.write_table(tmp_path / "detected.csv", EVENTS, DETECTED)
    decoding = {"settings": {"threshold": [0.3, 0.4, 0.5]}, "chosen_on": None, "tuned": None}
    decoders = {"classes": CLASSES, "decodings": {"tuned": decoding}}
    artefacts.write_json(tmp_path / "decoders.json", decoders)
    names = [(name, Path(SOUNDS[name]).name) for name in sorted(SOUNDS)]
    write_rows(tmp_path / "names.csv", NAMES, names)
    write_rows(tmp_path / "fewer-names.csv", NAMES, names[::2])
    kinds = {"a": "strong", "b/c": "weak", "d\te": "weak", "quiet": "strong"}
    rows = [(name, kind, *[""] * (len(LABELS) - 2)) for name, kind in kinds.items()]
    write_rows(tmp_path / "labels.csv", LABELS, rows)
    reference = [Event("a", 0.1, 0.5, "Dog"), Event("a", 0.1, 0.5, "of no score"),
                 Event("b/c", 0.1, 0.5, "Dog")]  # fmt: skip
    artefacts.write_table(tmp_path / "events.csv", EVENTS, reference)
    about = {
        "decoding": "tuned", "names": str(tmp_path / "names.csv"),
        "labels": str(tmp_path / "labels.csv"), "events": str(tmp_path / "events.csv"),
        "subsets": [], "drawn": [], "shards": [],
    }  # fmt: skip
    paths = [tmp_path / name for name in ("detected.csv", "frames.h5", "decoders.json")]
    return paths, about, scores


@pytest.fixture
def shard(tmp_path, rng):
    recordings = {name: [noise(rng, 16000)] for name in SOUNDS}
    return str(written(tmp_path / "shards", recordings, MEL))


def exported(made, folder, **changed):
    paths, about, _ = made
    detection_files.export(*paths, about | changed, folder)
    return folder


def files_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def has_colour(picture, colour):
    """Whether a picture has pixels of a colour below its head, where the legend is."""
    shown = np.round(matplotlib.image.imread(picture)[62:, :, :3] * 255).astype(int)
    return bool((shown == colour).all(axis=2).any())


# the folder


def test_a_folder_holds_a_table_for_each_tool_and_says_whose_it_is(made, tmp_path):
    folder = exported(made, tmp_path / "out")
    heard = ["a", "b%2Fc", "d%09e"]
    assert files_in(folder) == sorted(
        ["index.csv"]
        + [f"raven/{name}.selections.txt" for name in heard]
        + [f"audacity/{name}.txt" for name in heard]
        + [f"scores/{name}.tsv" for name in [*heard, "quiet"]]
    )
    rows = [tuple(row.values()) for row in artefacts.read_table(folder / "index.csv")]
    assert rows == [
        ("a", "a", "3"), ("b/c", "b%2Fc", "1"), ("d\te", "d%09e", "1"), ("quiet", "quiet", "0"),
    ]  # fmt: skip


def test_only_recordings_of_test_references_are_exported(made, shard, tmp_path):
    kinds = {"a": "heard", "b/c": "other", "d\te": "other", "quiet": "more"}
    rows = [dict.fromkeys(LABELS, "") | {"id": name, "split": kinds[name]} for name in kinds]
    write_rows(made[1]["labels"], LABELS, [list(row.values()) for row in rows])
    asked = {"subsets": ["x:heard", "x:more"], "drawn": ["all"], "shards": [shard]}
    with pytest.raises(ValueError, match="of 2 recordings that are not tested or without scores"):
        exported(made, tmp_path / "out", **asked)
    artefacts.write_table(made[0][0], EVENTS, DETECTED[:3])
    folder = exported(made, tmp_path / "out", **asked)
    assert [row["id"] for row in artefacts.read_table(folder / "index.csv")] == ["a", "quiet"]
    assert files_in(folder) == [
        "audacity/a.txt", "index.csv", "pictures/a.png", "pictures/quiet.png",
        "raven/a.selections.txt", "scores/a.tsv", "scores/quiet.tsv",
    ]  # fmt: skip


def test_selections_read_back_with_their_classes_files_and_mean_scores(made, tmp_path):
    folder = exported(made, tmp_path / "out")
    found = raven.read(folder / "raven/a.selections.txt")
    assert found.events == [one for one in DETECTED if one.id == "a"]
    with open(folder / "raven/a.selections.txt", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [row["Begin File"] for row in rows] == ["a.wav"] * 3
    scores = made[2]["a"].astype(float)
    # 0.08 to 0.24 s are frames 1 and 2; 0.4 to 0.56 s are 5 and 6; 0.5 to 0.6 s touch 6 and 7
    expected = [scores[1:3, 0].mean(), scores[5:7, 1].mean(), scores[6:8, 0].mean()]
    np.testing.assert_allclose([float(row["Score"]) for row in rows], expected, atol=6e-7)


def test_scores_of_a_selection_count_from_the_first_frame_of_the_scores(made, tmp_path):
    folder = exported(made, tmp_path / "out")
    with open(folder / "raven/b%2Fc.selections.txt", newline="") as file:
        (row,) = csv.DictReader(file, delimiter="\t")
    assert row["Begin File"] == "c.FLAC"
    expected = made[2]["b/c"][14:24, 2].astype(float).mean()  # 1.16 to 1.96 s hold frames 14 to 23
    assert float(row["Score"]) == pytest.approx(expected, abs=6e-7)


def test_a_file_name_that_cannot_stand_in_a_table_is_left_out_of_it(made, tmp_path):
    path = exported(made, tmp_path / "out") / "raven/d%09e.selections.txt"
    assert "Begin File" not in path.read_text()
    (event,) = raven.read(path, "d\te").events
    assert event == DETECTED[-1]


def test_label_tracks_read_back(made, tmp_path):
    folder = exported(made, tmp_path / "out")
    assert (folder / "audacity/a.txt").read_text() == (
        "0.080000\t0.240000\tDog\n0.400000\t0.560000\t=SUM(A1)\n0.500000\t0.600000\tDog\n"
    )
    assert audacity.read(folder / "audacity/b%2Fc.txt", "b/c").events == [DETECTED[3]]


@pytest.mark.parametrize(("name", "onset"), [("quiet", 0.0), ("b/c", 0.04)])
def test_score_tables_have_a_row_per_frame_without_gaps(made, tmp_path, name, onset):
    folder = exported(made, tmp_path / "out")
    file = detection_files.safe_file_names([name])[name]
    header, *rows = [
        line.split("\t") for line in (folder / f"scores/{file}.tsv").read_text().splitlines()
    ]
    assert header == ["onset", "offset", *CLASSES]
    assert [row[1] for row in rows[:-1]] == [row[0] for row in rows[1:]]
    np.testing.assert_allclose([float(row[0]) for row in rows], onset + np.arange(25) * 0.08)
    assert float(rows[-1][1]) == pytest.approx(onset + 2)
    assert {len(value.partition(".")[2]) for row in rows for value in row} == {6}
    np.testing.assert_allclose(np.array(rows, float)[:, 2:], made[2][name], atol=6e-7)


def test_equal_work_gives_equal_bytes_and_nothing_of_a_former_folder(made, shard, tmp_path):
    first = exported(made, tmp_path / "one", drawn=["a"], shards=[shard])
    (tmp_path / "two").mkdir()
    (tmp_path / "two/former.txt").write_text("former")
    second = exported(made, tmp_path / "two", drawn=["a"], shards=[shard])
    assert files_in(first) == files_in(second)
    for name in files_in(first):
        assert (first / name).read_bytes() == (second / name).read_bytes()


# pictures


def test_pictures_show_the_reference_only_where_it_is_known(made, shard, tmp_path):
    folder = exported(made, tmp_path / "out", drawn=["all"], shards=[shard])
    shown = {
        path.stem: (has_colour(path, BLUE), has_colour(path, ORANGE))
        for path in (folder / "pictures").iterdir()
    }
    assert shown == {
        "a": (True, True), "b%2Fc": (False, True), "d%09e": (False, True), "quiet": (False, False),
    }  # fmt: skip


def test_without_a_truth_of_events_no_picture_has_a_reference(made, shard, tmp_path):
    folder = exported(made, tmp_path / "out", drawn=["a"], shards=[shard], events=None)
    assert not has_colour(folder / "pictures/a.png", BLUE)


def test_recordings_of_other_corpora_are_not_drawn(made, shard, tmp_path):
    folder = exported(made, tmp_path / "out", drawn=["elsewhere", "quiet"], shards=[shard])
    assert [path.name for path in (folder / "pictures").iterdir()] == ["quiet.png"]
    assert not (exported(made, tmp_path / "none", drawn=["elsewhere"]) / "pictures").exists()


def test_a_recording_without_a_frame_has_tables_and_no_picture(made, shard, tmp_path):
    with writing_frames(made[0][1], ["quiet"], ["mean"], CLASSES, FRAME_RATE) as put:
        put("mean", [0], [0.0], iter([np.zeros((0, 3))]))
    artefacts.write_table(made[0][0], EVENTS, [])
    folder = exported(made, tmp_path / "out", drawn=["all"], shards=[shard])
    assert files_in(folder) == ["index.csv", "scores/quiet.tsv"]


# names


def test_ordinary_ids_are_names_of_files():
    ids = ["Y00868871cf5_0.000_10.000", "Müller 鳥 (2)", "a'b&c,d"]
    assert detection_files.safe_file_names(ids) == {one: one for one in ids}


def test_what_systems_take_for_something_else_is_spelled_out():
    ids = ["a/b", "a%2Fb", "..", ".x", "a\\b:c", " a ", "-rf", "a\n", "a~b"]
    assert list(detection_files.safe_file_names(ids).values()) == [
        "a%2Fb", "a%252Fb", "%2E%2E", "%2Ex", "a%5Cb%3Ac", "%20a%20", "%2Drf", "a%0A", "a%7Eb",
    ]  # fmt: skip


def test_long_names_and_those_that_differ_in_case_only_end_with_a_digest():
    long = ["x" * 300, "x" * 299 + "y"]
    names = detection_files.safe_file_names([*long, "Wren", "wren", "é", "e\u0301", "owl"])
    assert len(set(map(str.casefold, names.values()))) == 7
    assert all(names[one].startswith("x" * 100) for one in long)
    assert [one for one, name in names.items() if "~" not in name] == ["owl"]


@settings(max_examples=100, deadline=None)
@given(st.sets(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), max_size=20))
def test_any_ids_have_names_that_differ_and_fit(ids):
    names = detection_files.safe_file_names(ids)
    assert set(names) == ids
    assert len(set(names.values())) == len(ids)
    for name in names.values():
        assert len(f".{name}.selections.txt".encode()) < 255
        assert not set(name) & {"/", "\\", ":", "\0", *string.whitespace[1:]}
        assert os.path.basename(Path("folder") / name) == name


# what does not fit


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (
            ("x", 0.0, 1.0, "Dog"),
            r"of 1 recordings that are not tested or without scores in .*: \['x'\]",
        ),
        (("a", 0.0, 1.0, "Cat"), r"events of 1 classes without scores in .*: \['Cat'\]"),
    ],
)
def test_detections_of_other_scores_are_refused(made, tmp_path, event, message):
    artefacts.write_table(made[0][0], EVENTS, [*DETECTED, event])
    with pytest.raises(ValueError, match=message):
        exported(made, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_recording_has_to_be_listed(made, tmp_path):
    with pytest.raises(ValueError, match=r"'b/c' of .*frames\.h5 is not in .*fewer-names\.csv"):
        exported(made, tmp_path / "out", names=str(tmp_path / "fewer-names.csv"))
    assert not list(tmp_path.glob("*out*"))


def test_a_decoding_has_to_be_one_of_the_ensemble(made, tmp_path):
    with pytest.raises(ValueError, match=r"has no decoding 'other', only \['tuned'\]"):
        exported(made, tmp_path / "out", decoding="other")


def test_spectrograms_that_are_chunks_are_not_drawn(made, tmp_path, rng):
    chunks = {
        "kind": "mel_chunks", "audio": "tiny", "sample_rate": 8000, "length_s": 0.5,
        "overlap_s": 0.0, "min_length_s": 0.5, "last": "drop", "padding": "zeros", "n_bands": 20,
        "n_frames": 40, "n_fft": 512, "fmin": 100.0, "fmax": 3900.0, "pre_emphasis": 0.0,
        "power": 1.0, "top_db": 80.0, "scale": "min_max", "flip": True, "store": "uint8",
    }  # fmt: skip
    path = written(tmp_path / "chunks", {"a": [noise(rng, 16000)]}, chunks)
    with pytest.raises(ValueError, match="holds chunks, which have no place in time"):
        exported(made, tmp_path / "out", drawn=["a"], shards=[str(path)])


@pytest.mark.parametrize(
    ("further", "message"),
    [
        ({"Score": []}, "column 'Score' has 0 texts for 1 events"),
        ({"begin file": ["x"]}, "a further column 'begin file', but a selection table has its own"),
        ({"Score": ["a\tb"]}, "text of column 'Score' 'a\\tb' cannot stand"),
    ],
)
def test_further_columns_have_to_fit_a_selection_table(tmp_path, further, message):
    with pytest.raises(ValueError) as refused:  # noqa: PT011  the text is compared as it is
        raven.write(tmp_path / "t.txt", DETECTED[:1], extension=".wav", further=further)
    assert message.replace("\\t", r"\t") in str(refused.value)


def test_an_export_is_a_rules_work(made, shard, tmp_path, start_script):
    (detections, frames, decoders), about, _ = made
    about |= {"drawn": ["a"], "shards": [shard]}
    process = start_script(
        "export_detections", "results/log.txt", folder=tmp_path,
        params={"exports": about, "library": {}},
        input={"detections": str(detections), "frames": str(frames), "decoders": str(decoders)},
        output={"folder": "results/out"},
    )  # fmt: skip
    assert process.wait(60) == 0, process.stderr.read()
    own = exported(made, tmp_path / "own", **about)
    assert files_in(tmp_path / "results/out") == files_in(own)
    record = artefacts.read_record(tmp_path / "results/out/index.csv", tmp_path / "results")
    assert record["rule"] == "export_detections"
    assert json.loads(json.dumps(about)) == record["settings"]["exports"]
