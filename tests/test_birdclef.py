"""Facts about BirdCLEF corpora: XML and audio, the sorted tree, the tables of later years."""

import ast
import errno
import json
import math
import os
import unicodedata
from pathlib import Path

import birdclef_tree
import numpy as np
import pytest

from dawnchorus.cli import command
from dawnchorus.cli import sort as sort_command
from dawnchorus.corpora import catalog, selection, tables
from dawnchorus.corpora.adapters import birdclef, birdclef_csv

SETTINGS = {
    "adapter": "birdclef",
    "shards": 2,
    "fingerprint": "content",
    "missing_files": "error",
    "xml": None,
    "metadata": None,
    "sorted": False,
    "class_from": "species",
    "top_classes": None,
    "whitelist": None,
    "quality": None,
    "background": "use",
    "min_per_class": None,
    "max_per_class": None,
    "group_by": "recording",
    "holdout": None,
}
HOLDOUT = {"share": 0.1, "seed": 1337, "single": "train"}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Four classes of 4, 3, 3 and 1 recordings."""
    rng = np.random.default_rng(2018)
    return birdclef_tree.make(tmp_path_factory.mktemp("birdclef"), rng, sample_rate=4000)


@pytest.fixture
def small(tmp_path):
    """The same for tests that change files: two classes of 3 and 1."""
    rng = np.random.default_rng(2018)
    return birdclef_tree.make(tmp_path / "small", rng, counts=(3, 1), sample_rate=4000)


def read(tree, **changes):
    folders = {"audio": str(tree.audio), "xml": str(tree.xml)}
    return birdclef.recordings(SETTINGS | folders | changes)


def by_id(found):
    return {recording.id: recording for recording in found.recordings}


def replaced(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


# XML and audio


def test_every_field_comes_from_the_xml(tree):
    found = by_id(read(tree, class_from="ClassId", group_by="author"))
    assert set(found) == {one.id for one in tree.recordings}
    codes = {" ".join(about[3:5]): about[0] for about in birdclef_tree.SPECIES}
    for one in tree.recordings:
        recording = found[one.id]
        assert recording.path == str(one.path)
        assert (recording.labelled, recording.labels) == (True, one.class_id)
        assert recording.recordist == recording.group == one.author
        assert recording.media_id == one.media_id
        expected = [codes.get(name, name) for name in one.background]
        assert recording.background.split(";") == (expected or [""])


def test_a_listed_corpus_keeps_recordist_background_and_media_id(tree, tmp_path):
    settings = SETTINGS | {"audio": str(tree.audio), "xml": str(tree.xml)}
    index = catalog.list_corpus("c", settings, tmp_path)
    path = tables.labels_path(tmp_path, "c", index["labels"])
    labelled = {one.id: one for one in tables.read_labels(path)}
    for one in tree.recordings:
        row = labelled[one.id]
        assert (row.recordist, row.background, row.media_id) == (
            one.author, one.background, one.media_id
        )  # fmt: skip
        assert row.labels == (one.species,)


@pytest.mark.parametrize(
    ("class_from", "field"),
    [("ClassId", "class_id"), ("species", "species"), ("family", "family"), ("order", "order")],
)
def test_the_class_is_what_class_from_says(tree, class_from, field):
    found = by_id(read(tree, class_from=class_from))
    assert {one.id: found[one.id].labels for one in tree.recordings} == {
        one.id: getattr(one, field) for one in tree.recordings
    }


def test_background_species_become_genera_and_never_the_class_itself(tree):
    found = by_id(read(tree, class_from="family"))
    for one in tree.recordings:
        assert found[one.id].labels not in found[one.id].background.split(";")
    genera = by_id(read(tree, class_from="genus"))
    names = [name for one in genera.values() for name in one.background.split(";")]
    assert "Corvus" in names
    assert all(" " not in name for name in names)


def test_background_codes_and_subspecies_are_understood(small):
    one = next(r for r in small.recordings if r.species == "Turdus migratorius")
    replaced(one.xml, "<BackgroundSpecies />", "<BackgroundSpecies>JUNHYE; x y</BackgroundSpecies>")
    assert by_id(read(small))[one.id].background == "Junco hyemalis;x y"
    replaced(one.xml, "JUNHYE; x y", "Junco hyemalis oreganus,junhye")
    assert by_id(read(small, class_from="ClassId"))[one.id].background == "junhye"


def test_background_without_recordings_is_kept_and_told(tree):
    found = read(tree)
    assert any("1 background species are of no recording" in note for note in found.notes)
    assert any(birdclef_tree.STRANGER in one.background for one in found.recordings)


def test_recordings_with_background_can_be_dropped(tree):
    found = read(tree, background="drop")
    assert set(by_id(found)) == {one.id for one in tree.recordings if not one.background}
    assert "background: drop leaves out 6 recordings" in found.notes


def test_a_session_is_author_date_and_locality(tree):
    found = by_id(read(tree, group_by="session"))
    sessions = {}
    for one in tree.recordings:
        about = (one.author, one.date, one.locality)
        assert sessions.setdefault(found[one.id].group, about) == about
    assert len(sessions) == len({(o.author, o.date, o.locality) for o in tree.recordings})


def test_without_author_a_recording_is_its_own_group(small):
    one = small.recordings[0]
    replaced(one.xml, f"<Author>{one.author}</Author>", "<Author />")
    found = read(small, group_by="author")
    assert by_id(found)[one.id].group == ""
    assert "1 recordings have no author and are groups of their own" in found.notes


def test_a_missing_quality_counts_as_0(tree):
    found = read(tree, quality=[0, 0])
    expected = {one.id for one in tree.recordings if one.quality in ("", "0")}
    assert set(by_id(found)) == expected
    assert "1 recordings have no quality, which counts as 0" in found.notes
    assert set(by_id(read(tree, quality=[1, 5]))) == {o.id for o in tree.recordings} - expected


def test_a_file_name_may_have_another_extension_or_none(small):
    one, other, *_ = small.recordings
    os.rename(one.path, one.path.with_suffix(".FLAC"))
    replaced(other.xml, f"<FileName>{other.path.name}</FileName>", "<FileName />")
    found = by_id(read(small))
    assert found[one.id].path == str(one.path.with_suffix(".FLAC"))
    assert other.id in found


def test_without_xml_nothing_is_known_but_the_media_id(tree):
    found = read(tree, xml=None)
    assert {(one.labelled, one.labels) for one in found.recordings} == {(False, "")}
    assert {one.media_id for one in found.recordings} == {o.media_id for o in tree.recordings}
    assert "11 recordings have no species: their truth is unknown" in found.notes


def test_an_xml_without_class_is_a_test_recording(small):
    one = small.recordings[0]
    replaced(one.xml, "<Genus>Turdus</Genus>", "<Genus />")
    found = by_id(read(small, top_classes=1, holdout=HOLDOUT))
    assert (found[one.id].labelled, found[one.id].split) == (False, "")


# what must not be


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not XML (no element found: line 1, column 0)"),
        ("<Audio><Genus></Audio>", "not XML (mismatched tag: line 1, column 16)"),
        ("<?xml version='1.0' encoding='nope'?><Audio/>", "not XML (unknown encoding: nope)"),
        ("<Video />", "the root element is 'Video', expected 'Audio'"),
        ('<!DOCTYPE Audio [<!ENTITY a "b">]><Audio>&a;</Audio>', "declares a document type"),
        ('<!DOCTYPE Audio SYSTEM "file:///etc/passwd"><Audio />', "declares a document type"),
        (f"<Audio><Comments>{'x' * 1_000_000}</Comments></Audio>", "more than 1000000 bytes"),
        (birdclef_tree.document(FileName="../wav/a.wav"), "file name '../wav/a.wav' leads"),
        (birdclef_tree.document(FileName="/etc/passwd"), "file name '/etc/passwd' leads"),
        (birdclef_tree.document(FileName=".."), "file name '..' leads elsewhere"),
        (birdclef_tree.document(ClassId="a;b"), "class_id 'a;b' holds ';'"),
        (birdclef_tree.document(Author="a\x7fb"), r"author 'a\x7fb' holds control characters"),
        (birdclef_tree.document(MediaId="1;2"), "media_id '1;2' holds ';'"),
        (birdclef_tree.document(Author="a" * 200_000), "200000 characters in its fields, at most"),
        (birdclef_tree.document(FileName="a/" * 99_999), "199998 characters in its fields"),
        (birdclef_tree.document(BackgroundSpecies="x y," * 50_000), "150000 characters in its"),
    ],
)
def test_a_broken_xml_is_one_row_with_one_sentence(small, text, why):
    one = small.recordings[0]
    one.xml.write_text(text, encoding="utf-8")
    found = read(small)
    assert one.id not in by_id(found)
    [(name, code, detail)] = found.excluded
    assert (name, code) == (one.xml.name, "LABEL_UNREADABLE")
    assert why in detail
    assert len(detail) <= 300
    assert "\n" not in detail
    # it is told once: not as a recording without XML too
    assert not any("not described" in note for note in found.notes)


def test_a_listed_corpus_with_an_endless_field_can_be_read(small, tmp_path):
    one, other, *_ = small.recordings
    one.xml.write_text(birdclef_tree.document(FileName=one.path.name, Author="a" * 200_000))
    other.xml.write_text(birdclef_tree.document(FileName=f"{'b' * 200_000}.wav"))
    settings = SETTINGS | {"audio": str(small.audio), "xml": str(small.xml)}
    index = catalog.list_corpus("c", settings, tmp_path)
    read_back = tables.read_labels(tables.labels_path(tmp_path, "c", index["labels"]))
    assert {row.id for row in read_back} == {r.id for r in small.recordings[2:]}
    rows = tables.read_excluded(tables.excluded_path(tmp_path, "c", index["excluded"]))
    assert {name for name, _, _ in rows} == {one.xml.name, other.xml.name}


def test_an_xml_that_is_no_file_is_one_row(small):
    one, other, *_ = small.recordings
    for each in (one, other):
        each.xml.unlink()
    os.mkfifo(one.xml)
    other.xml.symlink_to("nowhere")
    details = {name: detail for name, _, detail in read(small).excluded}
    assert details[one.xml.name] == "not a regular file"
    assert details[other.xml.name] == "cannot be read (No such file or directory)"


def test_a_megabyte_of_nested_elements_does_no_harm(small):
    small.recordings[0].xml.write_text("<Audio>" * 60000 + "</Audio>" * 60000)
    assert len(read(small, missing_files="exclude").recordings) == 4


def test_an_xml_without_recording_follows_missing_files(small):
    one = small.recordings[0]
    one.path.unlink()
    with pytest.raises(ValueError, match=rf"MISSING_FILE: 1 recordings .*{one.id}.*exclude"):
        read(small)
    found = read(small, missing_files="exclude")
    assert found.excluded == [(one.id, "MISSING_FILE", "described by metadata")]


def test_a_class_may_not_lose_all_of_its_recordings(small):
    name = next(r.labels for r in read(small).recordings)
    of_it = {r.id for r in read(small).recordings if r.labels == name}
    for one in small.recordings:
        if one.id in of_it:
            one.path.unlink()
    match = rf"1 classes lose all of their files: '{name}' \({len(of_it)} files\)"
    with pytest.raises(ValueError, match=match):
        read(small, missing_files="exclude")


def test_a_recording_without_xml_is_told(small):
    one = small.recordings[0]
    one.xml.unlink()
    found = read(small)
    assert one.id not in by_id(found)
    assert found.notes[0] == (
        f"1 recordings are not described in xml and are left out: '{one.id}'"
    )  # fmt: skip


def test_two_xml_files_of_one_recording_agree_or_are_refused(small):
    one = small.recordings[0]
    text = one.xml.read_text(encoding="utf-8")
    (small.xml / "copy.xml").write_text(text, encoding="utf-8")
    found = read(small)
    assert one.id in by_id(found)
    assert any("1 repeated label rows agree" in note for note in found.notes)
    (small.xml / "copy.xml").write_text(
        text.replace("<Species>migratorius", "<Species>merula"), encoding="utf-8"
    )
    with pytest.raises(ValueError, match="LABEL_CONFLICT: .*species Turdus m.*keep one of them"):
        read(small)


def test_stems_must_differ(small):
    (small.audio / f"{small.recordings[0].id}.mp3").write_bytes(b"x")
    with pytest.raises(ValueError, match="NAME_COLLISION"):
        read(small)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"class_from": "Species"}, "class_from='Species', expected one of ClassId, species"),
        ({"group_by": "site"}, "group_by='site', expected one of recording, author, session"),
        ({"background": "all"}, "background='all', expected one of use, drop"),
        ({"quality": [3, 9]}, r"quality=\[3, 9\], expected \[least, most\] from 0 to 5"),
        ({"metadata": "m"}, "xml is set beside metadata or sorted"),
        ({"xml": None, "sorted": True, "holdout": HOLDOUT}, "holdout is set for a sorted tree"),
        ({"xml": "nowhere"}, "folder 'nowhere' cannot be read.*it should hold xml files"),
        ({"xml": None, "sorted": True}, r"holds no recordings in train/<class>/"),
    ],
)
def test_settings_that_cannot_be(tree, changes, match):
    with pytest.raises(ValueError, match=match):
        read(tree, **changes)


# choices by class


def test_top_classes_are_those_with_most_recordings_ties_by_name(tree):
    found = read(tree, top_classes=2)  # 4, then 3 and 3
    assert {one.labels for one in found.recordings} == {"Turdus migratorius", "Junco hyemalis"}
    assert found.notes[1].startswith(
        "top_classes 2 leaves out 4 recordings of 2 classes: 'Melozone"
    )


def test_a_whitelist_and_a_least_number(tree):
    found = read(tree, whitelist=["Poecile rufescens", "Junco hyemalis"], min_per_class=2)
    assert {one.labels for one in found.recordings} == {"Junco hyemalis"}
    assert len(found.recordings) == 3


def test_a_slip_in_the_whitelist_is_refused_and_a_stranger_is_not(tree):
    with pytest.raises(ValueError, match="names 'Junco hiemalis', .* 'Junco hyemalis'"):
        read(tree, whitelist=["Junco hiemalis"])
    found = read(tree, whitelist=["Junco hyemalis", "Corvus corax"])
    assert len(found.recordings) == 3
    assert "1 classes of the whitelist are of no recording: 'Corvus corax'" in found.notes


def test_max_per_class_follows_from_the_ids_alone():
    ids = [f"r{i}" for i in range(40)]
    classes = ["ab"[i % 2] for i in range(40)]
    kept, notes = selection.select_recordings(ids, classes, {"max_per_class": 7})
    assert notes == ["max_per_class 7 leaves out 26 recordings"]
    assert [classes[i] for i in kept].count("a") == [classes[i] for i in kept].count("b") == 7
    again, _ = selection.select_recordings(ids[::-1], classes[::-1], {"max_per_class": 7})
    assert {ids[i] for i in kept} == {ids[::-1][i] for i in again}
    fewer, _ = selection.select_recordings(ids, classes, {"max_per_class": 3})
    assert set(fewer) < set(kept)


# held out, as system 002's sorter does


@pytest.mark.parametrize("share", [0.05, 0.1, 0.25])
def test_a_tenth_rounded_up_is_held_out_of_each_class(share):
    counts = {f"c{n:03}": n for n in (1, 2, 9, 10, 11, 20, 30, 70, 100)}
    classes = [name for name, n in counts.items() for _ in range(n)]
    ids = [f"r{i}" for i in range(len(classes))]
    splits, notes = selection.hold_out(ids, classes, HOLDOUT | {"share": share})
    for name, n in counts.items():
        held = sum(c == name and s == "val" for c, s in zip(classes, splits, strict=True))
        whole = round(share * n, 6)  # 0.1 * 70 is more than 7 in binary
        assert held == (0 if n == 1 else max(1, math.ceil(whole)))
    assert notes == [
        "1 classes have one recording, which stays in training: nothing validates them: 'c001'"
    ]


def test_the_fault_of_system_002_can_be_had():
    settings = HOLDOUT | {"single": "val"}
    splits, notes = selection.hold_out(["a", "b", "c"], ["x", "y", "y"], settings)
    assert splits[0] == "val"
    assert "which is held out: nothing trains them" in notes[0]


def test_the_shuffle_follows_from_seed_class_and_ids():
    ids, classes = [f"r{i}" for i in range(60)], ["abc"[i % 3] for i in range(60)]

    def held(order, **changes):
        ordered = [ids[i] for i in order]
        found, _ = selection.hold_out(ordered, [classes[i] for i in order], HOLDOUT | changes)
        return {name for name, split in zip(ordered, found, strict=True) if split == "val"}

    first = held(range(60))
    assert held(range(59, -1, -1)) == first
    assert held(range(60), seed=1338) != first
    assert held([i for i in range(60) if i % 3]) == {n for n in first if int(n[1:]) % 3}


@pytest.mark.parametrize("share", [0, 1, -0.1])
def test_a_share_is_between_0_and_1(share):
    with pytest.raises(ValueError, match=f"share={share} is held out, expected more than 0"):
        selection.hold_out(["a"], ["x"], HOLDOUT | {"share": share})


def test_unknown_truth_is_on_neither_side():
    splits, _ = selection.hold_out(["a", "b", "c"], ["", "x", "x"], HOLDOUT)
    assert splits[0] == ""
    assert sorted(splits[1:]) == ["train", "val"]


# dawnchorus sort, and the tree it writes


def sort(tree, output, *options):
    folders = ["--audio", str(tree.audio), "--xml", str(tree.xml), "--output", str(output)]
    return command.main(["sort", *folders, *options])


def files_of(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def sounds(tree):
    return {one.path.name: one.path.read_bytes() for one in tree.recordings}


def test_the_sorted_tree_says_what_the_xml_said(tree, tmp_path, capsys):
    assert sort(tree, tmp_path / "out") == 0
    said = capsys.readouterr()
    assert "copy 11 recordings (0 are there already) of 4 classes: 8 in train, 3 in val" in said.out
    assert "note: 1 classes have one recording, which stays in training" in said.err
    for changes in ({}, {"class_from": "ClassId"}, {"class_from": "order", "group_by": "session"}):
        first = by_id(read(tree, **changes))
        again = by_id(read(tree, audio=str(tmp_path / "out"), xml=None, sorted=True, **changes))
        assert first.keys() == again.keys()
        for name, one in again.items():
            expected = first[name]._replace(path=one.path, state=one.state, split=one.split)
            assert one == expected
            assert Path(one.path).parts[-3] == one.split


def test_the_tree_and_the_adapter_hold_out_alike(tree, tmp_path):
    sort(tree, tmp_path, "--class-from", "ClassId", "--share", "0.4", "--seed", "7")
    holdout = HOLDOUT | {"share": 0.4, "seed": 7}
    first = by_id(read(tree, holdout=holdout))
    again = by_id(read(tree, audio=str(tmp_path), xml=None, sorted=True))
    assert {name: one.split for name, one in again.items()} == {
        name: one.split for name, one in first.items()
    }


def test_the_metadata_has_the_keys_of_system_002(tree, tmp_path):
    sort(tree, tmp_path)
    one = tree.recordings[1]
    told = json.loads((tmp_path / "metadata" / f"{one.id}.json").read_text())
    assert (
        told
        | {
            "sci-name": "Turdus migratorius",
            "species": "American Robin",
            "background": list(one.background),
            "filename": one.path.name,
            "classid": "turmig",
        }
        == told
    )


def test_a_tree_of_the_original_is_read(tree, tmp_path):
    sort(tree, tmp_path, "--class-from", "ClassId")
    for path in (tmp_path / "metadata").iterdir():
        told = json.loads(path.read_text())
        keys = ("sci-name", "species", "background", "filename", "classid")
        path.write_text(json.dumps({key: told[key] for key in keys}))
    found = by_id(read(tree, audio=str(tmp_path), xml=None, sorted=True))
    for one in tree.recordings:
        assert found[one.id].labels == one.species
        assert found[one.id].background == ";".join(one.background)
        assert found[one.id].media_id == one.media_id
        assert found[one.id].recordist == ""


def test_without_metadata_the_folder_is_the_class(tree, tmp_path):
    sort(tree, tmp_path)
    found = read(tree, audio=str(tmp_path), xml=None, sorted=True, metadata=None)
    for path in (tmp_path / "metadata").iterdir():
        path.unlink()
    bare = read(tree, audio=str(tmp_path), xml=None, sorted=True)
    assert {one.id: one.labels for one in bare.recordings} == {
        one.id: one.labels for one in found.recordings
    }
    assert "11 recordings have no metadata: their folder is their class" in bare.notes


def test_a_file_in_the_folder_of_another_class_is_refused(tree, tmp_path):
    sort(tree, tmp_path)
    one = next((tmp_path / "train" / "Junco hyemalis").iterdir())
    one.rename(tmp_path / "train" / "Turdus migratorius" / one.name)
    with pytest.raises(ValueError, match="LABEL_CONFLICT: .* lies in 'Turdus migratorius', but"):
        read(tree, audio=str(tmp_path), xml=None, sorted=True)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "expected an object with 'background' as a list"),
        ('{"background": "a,b"}', "expected an object with 'background' as a list"),
        ('{"sci-name": ["a"]}', "'sci-name' is list, expected a text"),
        ('{"classid": true}', "'classid' is bool, expected a text"),
        ('{"background": ["a b", null]}', "'background' is NoneType, expected a text"),
        ('{"filename": "../a.wav"}', "file name '../a.wav' leads elsewhere"),
    ],
)
def test_broken_metadata_is_one_row(small, tmp_path, text, why):
    sort(small, tmp_path)
    one = small.recordings[0]
    (tmp_path / "metadata" / f"{one.id}.json").write_text(text)
    found = read(small, audio=str(tmp_path), xml=None, sorted=True)
    [(name, code, detail)] = found.excluded
    assert (name, code) == (f"{one.id}.json", "LABEL_UNREADABLE")
    assert why in detail


@pytest.mark.parametrize("mode", ["copy", "move", "symlink"])
def test_each_mode_puts_every_recording_once(small, tmp_path, mode):
    before = sounds(small)
    assert sort(small, tmp_path / "out", "--mode", mode) == 0
    placed = [p for p in (tmp_path / "out").rglob("*.wav")]
    assert {p.name: p.read_bytes() for p in placed} == before
    assert {p.is_symlink() for p in placed} == {mode == "symlink"}
    assert [p.name for p in small.audio.iterdir()] == [] if mode == "move" else sounds(small)
    again = files_of(tmp_path / "out")
    assert sort(small, tmp_path / "out", "--mode", mode) == 0
    assert files_of(tmp_path / "out") == again


def test_a_dry_run_only_says(small, tmp_path, capsys):
    assert sort(small, tmp_path / "out", "--dry-run") == 0
    assert "copy 4 recordings" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("is_other_disk", [False, True])
@pytest.mark.parametrize("calls", range(1, 12))
def test_a_killed_move_loses_nothing_and_goes_on(
    small, tmp_path, monkeypatch, is_other_disk, calls
):
    before, done = sounds(small), []
    real = {name: getattr(os, name) for name in ("rename", "unlink", "makedirs", "replace")}

    def counted(name):
        def call(*arguments, **options):
            done.append(name)
            if len(done) == calls:
                raise KeyboardInterrupt
            if (
                name == "rename"
                and is_other_disk
                and str(arguments[0]).startswith(str(small.audio))
            ):
                raise OSError(errno.EXDEV, "Invalid cross-device link")
            return real[name](*arguments, **options)

        return call

    for name in real:
        monkeypatch.setattr(os, name, counted(name))
    assert sort(small, tmp_path / "out", "--mode", "move") == 130
    places = [*small.audio.glob("*.wav"), *(tmp_path / "out").rglob("*.wav")]
    assert {p.name: p.read_bytes() for p in places if p.name in before} == before
    calls = 0
    assert sort(small, tmp_path / "out", "--mode", "move") == 0
    assert {p.name: p.read_bytes() for p in (tmp_path / "out").rglob("*.wav")} == before
    assert list(small.audio.iterdir()) == []
    assert not list((tmp_path / "out").rglob("*.part"))


def test_what_a_killed_copy_left_behind_is_no_recording(small, tmp_path):
    folder = tmp_path / "out" / "train" / "Junco hyemalis"
    folder.mkdir(parents=True)
    part = folder / f".{small.recordings[-1].path.name}.part"
    part.write_bytes(b"half")
    assert sort(small, tmp_path / "out") == 0
    assert not part.exists()
    assert {p.name: p.read_bytes() for p in (tmp_path / "out").rglob("*.wav")} == sounds(small)


def test_a_file_that_differs_is_never_written_over(small, tmp_path, capsys):
    sort(small, tmp_path)
    for path in tmp_path.glob("train/*/*.wav"):
        path.write_bytes(b"mine")
    assert sort(small, tmp_path) == 2
    assert "is another file than" in capsys.readouterr().err
    assert {p.read_bytes() for p in tmp_path.glob("train/*/*.wav")} == {b"mine"}


def test_metadata_that_differs_is_never_written_over(small, tmp_path, capsys):
    sort(small, tmp_path)
    path = tmp_path / "metadata" / f"{small.recordings[0].id}.json"
    path.write_text("{}")
    assert sort(small, tmp_path) == 2
    assert "differs from the XML" in capsys.readouterr().err
    assert path.read_text() == "{}"


def test_another_split_does_not_mix_with_the_first(tree, tmp_path, capsys):
    sort(tree, tmp_path)
    before = files_of(tmp_path)
    assert sort(tree, tmp_path, "--share", "0.6") == 2
    assert "from another sorting" in capsys.readouterr().err
    assert files_of(tmp_path) == before


def test_links_are_not_moved_and_a_tree_is_not_moved_into_itself(small, tmp_path, capsys):
    assert sort(small, tmp_path / "links", "--mode", "symlink") == 0
    assert sort(small, tmp_path / "links", "--mode", "move") == 2
    assert "is a link, expected a file to move" in capsys.readouterr().err
    assert len(sounds(small)) == 4
    name = small.recordings[-1].path.name  # the one of a class with one: it stays in train
    place = tmp_path / "out/train/Junco hyemalis" / name
    sort(small, tmp_path / "out")
    sort_command.move(str(place), f"{place.parent}/../Junco hyemalis/{name}")
    assert place.exists()


def test_what_cannot_be_sorted_is_told_and_the_rest_is_sorted(small, tmp_path, capsys):
    one, other, third, _ = small.recordings
    one.xml.write_text("<Audio>")
    replaced(other.xml, "<Genus>Turdus</Genus>", "<Genus>../../Turdus</Genus>")
    third.path.unlink()
    assert sort(small, tmp_path / "out") == 1
    said = capsys.readouterr().err
    assert f"left out: {one.xml.name}: not XML" in said
    assert f"left out: {other.id}: its class '../../Turdus migratorius' cannot be the name" in said
    assert f"left out: {third.id}: its XML has no recording" in said
    assert [p.name for p in (tmp_path / "out").rglob("*.wav")] == [small.recordings[3].path.name]


def test_an_odd_file_or_class_does_not_stop_the_sorting(small, tmp_path, capsys):
    one, other, third, fourth = small.recordings
    one.path.unlink()
    os.mkfifo(one.path)
    other.path.unlink()
    other.path.symlink_to("nowhere")
    replaced(third.xml, "<Genus>Turdus</Genus>", f"<Genus>{'T' * 256}</Genus>")
    for mode in ("symlink", "copy", "move"):
        assert sort(small, tmp_path / mode, "--mode", mode) == 1
        said = capsys.readouterr().err
        assert f"left out: {one.id}: not a regular file" in said
        assert f"left out: {other.id}: not a regular file" in said
        assert f"left out: {third.id}: its class 'TTTT" in said
        assert [p.name for p in (tmp_path / mode).rglob("*.wav")] == [fourth.path.name]


def test_accents_of_a_folder_may_be_stored_in_two_ways(small, tmp_path):
    one = next(r for r in small.recordings if r.species == "Junco hyemalis")
    replaced(one.xml, "<Species>hyemalis</Species>", "<Species>hyemális</Species>")
    sort(small, tmp_path / "out")
    for folder in (tmp_path / "out").glob("*/Junco*"):
        folder.rename(folder.with_name(unicodedata.normalize("NFD", folder.name)))
    found = read(small, audio=str(tmp_path / "out"), xml=None, sorted=True)
    assert by_id(found)[one.id].labels == "Junco hyemális"


def test_a_class_with_one_recording_is_where_single_says(tree, tmp_path):
    sort(tree, tmp_path / "a")
    sort(tree, tmp_path / "b", "--single", "val")
    assert (tmp_path / "a/train/Poecile rufescens").is_dir()
    assert not (tmp_path / "b/train/Poecile rufescens").exists()
    assert (tmp_path / "b/val/Poecile rufescens").is_dir()


# the tables of 2021 and later


def competition(tmp_path, rows, names=("a/1.ogg", "b/2.ogg"), **changes):
    for name in names:
        (tmp_path / "audio" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "audio" / name).write_bytes(name.encode())
    header = "primary_label,secondary_labels,type,author,filename,rating\n"
    (tmp_path / "t.csv").write_text(header + rows)
    settings = {"table": str(tmp_path / "t.csv"), "audio": str(tmp_path / "audio")}
    return settings | {"group_by": "author", "min_rating": None, "missing_files": "error"} | changes


def test_a_competition_table_is_read(tmp_path):
    rows = """a,"['b', 'c', 'a']","['song']",Ann,a/1.ogg,4.5\nb,[],x,Ben,b/2.ogg,0\n"""
    first, second = birdclef_csv.recordings(competition(tmp_path, rows)).recordings
    assert first == tables.Recording(
        id="a/1", path=str(tmp_path / "audio/a/1.ogg"), group="Ann", labelled=True, labels="a",
        state=first.state, recordist="Ann", background="b;c",
    )  # fmt: skip
    assert (second.id, second.labels, second.background) == ("b/2", "b", "")


def test_the_files_of_2021_are_in_the_folder_of_their_label(tmp_path):
    rows = "a,[],x,Ann,1.ogg,4\nb,\"['']\",x,Ben,2.ogg,4\n"
    found = birdclef_csv.recordings(competition(tmp_path, rows, group_by="recording")).recordings
    assert [one.id for one in found] == ["1", "2"]
    assert [Path(one.path).parent.name for one in found] == ["a", "b"]
    assert {one.group for one in found} == {""}


@pytest.mark.parametrize("text", ["['x', 'y']", '["x", "y"]', "[ 'x' ,\"y\", 'x']"])
def test_secondary_labels_as_python_or_json_writes_them(text):
    assert birdclef_csv.listed_names(text) == ("x", "y")
    assert list(birdclef_csv.listed_names(text)) == list(dict.fromkeys(ast.literal_eval(text)))


@pytest.mark.parametrize(
    ("row", "match"),
    [
        ("a,x y,t,A,a/1.ogg,4", r"line 2: secondary_labels is 'x y', expected a list of names"),
        ("a,[1],t,A,a/1.ogg,4", r"secondary_labels is '\[1\]'"),
        ("a,__import__('os'),t,A,a/1.ogg,4", "secondary_labels is .__import__"),
        (f"a,{'[' * 5000},t,A,a/1.ogg,4", "expected a list of names"),
        (f"a,{'[' * 10001},t,A,a/1.ogg,4", "has 10001 characters, at most 10000 are read"),
        (
            "a,[],t,A,../1.ogg,4",
            "line 2: filename is '../1.ogg', expected the path of a file below",
        ),
        ("a,[],t,A,/etc/passwd,4", "filename is '/etc/passwd'"),
        ("a,[],t,A,a/./1.ogg,4", "filename is 'a/./1.ogg'"),
        (",[],t,A,a/1.ogg,4", "label '', expected a class name"),
        ("a;b,[],t,A,a/1.ogg,4", "label 'a;b', expected a class name"),
        ("a,[],t,A,a/1.ogg,nan", "rating is 'nan', expected a number from 0 to 5"),
        ("a,[],t,A,a/1.ogg,good", "rating is 'good'"),
        ("a,[],t,A,a/9.ogg,4", r"MISSING_FILE: 1 rows of .*: 'a/9\.ogg'; the first is line 2"),
        ("a,[],t,A,a/1.ogg,4\nb,[],t,A,a/1.ogg,4", "LABEL_CONFLICT.*line 3.*line 2"),
    ],
)
def test_what_a_competition_table_must_not_be(tmp_path, row, match):
    with pytest.raises(ValueError, match=match) as caught:
        birdclef_csv.recordings(competition(tmp_path, f"{row}\n", min_rating=1))
    assert "\n" not in str(caught.value)


def test_ratings_and_classes_choose(tmp_path):
    names = [f"a/{i}.ogg" for i in range(4)] + ["b/8.ogg", "b/9.ogg"]
    rows = "".join(
        f"{name[0]},[],x,Ann,{name},{'' if i == 5 else i}\n" for i, name in enumerate(names)
    )
    found = birdclef_csv.recordings(competition(tmp_path, rows, names, min_rating=2, top_classes=1))
    assert [one.id for one in found.recordings] == ["a/2", "a/3"]
    assert found.notes[0] == "min_rating 2 leaves out 3 recordings"


def test_recordings_without_an_author_are_told(tmp_path):
    rows = "a,[],x,,a/1.ogg,4\nb,[],x,Ben,b/2.ogg,4\n"
    alone = "1 recordings have no author and are groups of their own"
    assert birdclef_csv.recordings(competition(tmp_path, rows)).notes == [alone]
    assert not birdclef_csv.recordings(competition(tmp_path, rows, group_by="recording")).notes


def test_a_missing_file_of_a_competition_is_excluded(tmp_path):
    settings = competition(
        tmp_path, "a,[],x,A,a/1.ogg,4\na,[],x,A,a/7.ogg,4\n", missing_files="exclude"
    )
    assert birdclef_csv.recordings(settings).excluded == [
        ("a/7", "MISSING_FILE", "line 3 of the table")
    ]


def test_a_class_of_a_competition_may_not_lose_all_of_its_recordings(tmp_path):
    rows = "a,[],x,A,a/1.ogg,4\nowl,[],x,A,owl/7.ogg,4\n"
    with pytest.raises(ValueError, match=r"1 classes lose all of their files: 'owl' \(1 files\)"):
        birdclef_csv.recordings(competition(tmp_path, rows, missing_files="exclude"))


# XML and a person's own table say the same


def test_xml_and_a_table_give_the_same_recordings(tmp_path):
    from dawnchorus.corpora.adapters import table

    rng = np.random.default_rng(5)
    tree = birdclef_tree.make(tmp_path, rng, counts=(3, 2), sample_rate=4000)
    rows = "".join(
        f"wav/{one.path.name},{one.species},{one.author},g{i % 2},{i % 3},x\n"
        for i, one in enumerate(tree.recordings)
    )
    path = tmp_path / "recordings.csv"
    path.write_text("path,species,recordist,group,fold,license\n" + rows)
    columns = {"labels": "species"}
    from_table = by_id(table.recordings({"table": str(path), "columns": columns, "ids": "stem"}))
    from_xml = by_id(read(tree, group_by="author"))
    assert from_table.keys() == from_xml.keys()
    for name, one in from_xml.items():
        other = from_table[name]
        assert os.path.samefile(other.path, one.path)
        assert (other.path, other.labels, other.recordist) == (one.path, one.labels, one.recordist)
        assert one.group == one.recordist
