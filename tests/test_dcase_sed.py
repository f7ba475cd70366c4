"""Facts about corpora of sound events: lists, missing audio, folds, and the table of events."""

import collections
import hashlib
import json
from pathlib import Path

import hypothesis
import numpy as np
import pytest
import sed_tree
from hypothesis import strategies as st

from dawnchorus.corpora import catalog, clip_lists, selection, tables
from dawnchorus.corpora.adapters import dcase_sed
from dawnchorus.formats.event import Event, read_events, write_events

COMMON = {"shards": 3, "fingerprint": "content", "missing_files": "exclude"}
PLAIN = {
    "adapter": "dcase_sed", "weak": None, "strong": None, "unlabelled": None,
    "strong_format": "dcase", "label_column": "Annotation", "sample_rate": 32000,
    "merge_gap_s": None, "min_length_s": None, "sources": None, "parts": None, **COMMON,
}  # fmt: skip


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sed")
    return sed_tree.make(folder, np.random.default_rng(4), sample_rate=2000, duration_s=1.0)


@pytest.fixture(scope="module")
def whole(tree, tmp_path_factory):
    """The tree, listed: index, recordings by id, events, results folder."""
    results = tmp_path_factory.mktemp("results")
    index = catalog.list_corpus("sed", sed_tree.settings(tree) | COMMON, results)
    labels = tables.read_labels(tables.labels_path(results, "sed", index["labels"]))
    events = read_events(tables.events_path(results, "sed", index["events"]))
    return index, {one.id: one for one in labels}, events, results


def write(place: Path, content: str) -> str:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(content, encoding="utf-8")
    return str(place)


def small(tmp_path, names=("a.wav", "b.flac", "c.ogg"), **lists):
    """Settings of a corpus in one folder; lists are given as their text."""
    for name in names:
        write(tmp_path / "audio" / name, f"sound of {name}")
    paths = {
        key: write(tmp_path / f"{key}.tsv", value) if isinstance(value, str) and "\n" in value else value
        for key, value in lists.items()
    }  # fmt: skip
    return PLAIN | {"audio": str(tmp_path / "audio")} | paths


def by_id(found):
    return {recording.id: recording for recording in found.recordings}


# the whole tree


def test_every_clip_with_a_file_is_listed_with_what_is_known_of_it(tree, whole):
    _, labels, _, _ = whole
    expected = {
        clip.id: (
            clip.part if clip.part in ("weak", "unlabelled") else "strong",
            clip.part,
            clip.part != "unlabelled",
            clip.classes if clip.part != "unlabelled" else (),
            clip.fold,
        )
        for clip in tree.clips
        if not clip.is_missing
    }
    assert expected == {
        one.id: (one.data_set, one.split, one.labelled, one.labels, one.fold)
        for one in labels.values()
    }
    counts = collections.Counter(one.split for one in labels.values())
    assert counts == {"weak": 12, "unlabelled": 20, "validation": 6, "test": 5}


def test_the_table_holds_the_events_of_strong_clips_alone(tree, whole):
    _, _, events, _ = whole
    strong = [c for c in tree.clips if c.part in ("validation", "test") and not c.is_missing]
    assert events == sorted(Event(clip.id, *event) for clip in strong for event in clip.events)
    twice, empty = tree.of("test")[:2]
    assert [e.label for e in events if e.id == twice.id] == ["Bell", "Bell"]
    assert not [e for e in events if e.id == empty.id]


def test_a_clip_without_events_has_a_known_truth(tree, whole):
    empty = whole[1][tree.of("validation")[1].id]
    assert (empty.labelled, empty.labels) == (True, ())


def test_missing_audio_is_excluded_with_its_line_and_counted(tree, whole):
    index, _, _, results = whole
    rows = tables.read_excluded(tables.excluded_path(results, "sed", index["excluded"]))
    missing = tree.of("test")[-1]
    lines = tree.labels["test"].read_text().splitlines()
    line = 1 + next(i for i, row in enumerate(lines) if row.startswith(missing.id))
    assert rows == [(missing.id, "MISSING_FILE", f"line {line} of the strong test list")]
    assert "1 of 6 clips of strong test have no recording and are left out" in index["notes"]


def test_missing_audio_can_be_refused(tree):
    with pytest.raises(ValueError, match="MISSING_FILE: 1 clips have no recording.*test.tsv, line"):
        dcase_sed.recordings(sed_tree.settings(tree) | {"missing_files": "error"})


def test_the_table_of_events_is_named_by_its_rows(whole, tmp_path):
    index, _, events, results = whole
    path = tables.events_path(results, "sed", index["events"])
    write_events(tmp_path / "events.csv", events)
    content = (tmp_path / "events.csv").read_bytes()
    assert hashlib.sha256(content).hexdigest()[:16] == index["events"] == tables.digest_in(path)
    assert read_events(path) == events


def test_listing_again_writes_nothing(tree, whole):
    index, _, _, results = whole

    def times():
        # hashes of files that were new at the first listing are kept from the second on
        files = (p for p in results.rglob("*") if p.is_file() and p.name != ".hashes")
        return {path: path.stat().st_mtime_ns for path in files}

    kept = times()
    assert catalog.list_corpus("sed", sed_tree.settings(tree) | COMMON, results) == index
    assert times() == kept


def test_a_moved_onset_changes_the_digest_of_the_events_alone(tree, whole, tmp_path):
    index = whole[0]
    text = tree.labels["validation"].read_text()
    onset = text.splitlines()[1].split("\t")[1]
    moved = write(tmp_path / "validation.tsv", text.replace(onset, "0.001", 1))
    settings = sed_tree.settings(tree) | COMMON
    settings["strong"] = settings["strong"] | {"validation": moved}
    changed = catalog.list_corpus("sed", settings, tmp_path / "results")
    assert changed["events"] != index["events"]
    assert [changed[key] for key in ("shards", "labels")] == [
        index[k] for k in ("shards", "labels")
    ]


def test_equal_seeds_write_equal_trees(tmp_path):
    trees = [
        sed_tree.make(tmp_path / name, np.random.default_rng(1), sample_rate=500, duration_s=0.5)
        for name in "ab"
    ]
    written = [
        {p.relative_to(t.folder): p.read_bytes() for p in t.folder.rglob("*") if p.is_file()}
        for t in trees
    ]
    assert written[0] == written[1]
    assert len(written[0]) == 12 + 20 + 6 + 5 + 5
    weak = trees[0].labels["weak"].read_text()
    assert "," in weak
    assert ";" in weak


# other corpora are as they were


def test_corpora_without_events_are_listed_byte_for_byte_as_before(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.wav", "sound")
    write(tmp_path / "t.csv", "path,labels\na.wav,lark\n")
    settings = COMMON | {
        "adapter": "table", "table": "t.csv", "root": ".", "separator": ";", "binary_class": None,
    }  # fmt: skip
    index = catalog.list_corpus("c", settings, tmp_path / "results")
    assert sorted(index) == [
        "all",
        "excluded",
        "labels",
        "names",
        "notes",
        "recordings",
        "shards",
        "subsets",
    ]
    assert GOLDEN == {key: index[key] for key in GOLDEN}
    assert not list((tmp_path / "results").rglob("events*"))
    stored = (tmp_path / "results/corpora/c/index.json").read_text()
    assert stored == json.dumps(index, sort_keys=True, indent=1) + "\n"


# digests of what the code wrote before there were events, but for the paths in listings
GOLDEN = {
    "shards": {"002": {"digest": "9b0c4316155f27d6", "recordings": 1, "bytes": 5}},
    "labels": "df22de2c40192ab5",
    "excluded": "8d29f09632aaa621",
}


def test_a_corpus_of_weak_labels_has_no_table_of_events(tmp_path):
    settings = small(tmp_path, weak="a.wav\tlark\n")
    assert "events" not in catalog.list_corpus("c", settings, tmp_path / "results")


def test_a_corpus_in_which_nothing_sounds_has_an_empty_one(tmp_path):
    settings = small(tmp_path, strong="filename\tonset\toffset\tevent_label\na.wav\t\t\t\n")
    index = catalog.list_corpus("c", settings, tmp_path / "results")
    assert read_events(tables.events_path(tmp_path / "results", "c", index["events"])) == []


def test_events_of_strangers_are_refused(tmp_path, monkeypatch):
    settings = small(tmp_path, weak="a.wav\tlark\n")
    found = dcase_sed.recordings(settings)._replace(events=[Event("x", 0.0, 1.0, "lark")])
    monkeypatch.setattr(dcase_sed, "recordings", lambda settings: found)
    with pytest.raises(ValueError, match="corpus 'c' has events of no recording of it: 'x'"):
        catalog.list_corpus("c", settings, tmp_path / "results")


# lists


def test_lists_and_files_meet_by_name_without_extension_and_folder(tmp_path):
    settings = small(tmp_path, weak="sub/a.wav\tlark\nb\twren;lark\n", unlabelled="c.mp3\n")
    found = by_id(dcase_sed.recordings(settings))
    assert {name: row.labels for name, row in found.items()} == {
        "a": "lark",
        "b": "lark;wren",
        "c": "",
    }
    assert found["c"].path == str(tmp_path / "audio" / "c.ogg")
    assert (found["c"].labelled, found["c"].split, found["c"].data_set) == (
        False, "unlabelled", "unlabelled",
    )  # fmt: skip


def test_a_clip_in_two_lists_counts_in_the_stronger(tmp_path):
    settings = small(
        tmp_path,
        strong="a.wav\t0\t1\tlark\n",
        weak="a.wav\twren\nb.wav\twren\n",
        unlabelled="b.wav\na.wav\nc.wav\n",
    )
    found = dcase_sed.recordings(settings)
    assert {n: (r.data_set, r.labels) for n, r in by_id(found).items()} == {
        "a": ("strong", "lark"), "b": ("weak", "wren"), "c": ("unlabelled", ""),
    }  # fmt: skip
    assert found.notes == [
        "weak.tsv: 1 clips are in a strong list too and count there",
        "unlabelled.tsv: 1 clips are in a weak list too and count there",
        "unlabelled.tsv: 1 clips are in a strong list too and count there",
    ]


def test_a_clip_in_two_splits_is_refused(tmp_path):
    lists = {
        name: write(tmp_path / f"{name}.tsv", "x.wav\na.wav\n" if name == "one" else "a.wav\n")
        for name in ("one", "two")
    }
    with pytest.raises(
        ValueError, match=r"LABEL_CONFLICT: clip 'a' is in .*one.tsv, line 2, and in"
    ):
        dcase_sed.recordings(small(tmp_path, unlabelled=lists))


def test_repeated_rows_count_once_where_they_agree(tmp_path):
    found = dcase_sed.recordings(small(tmp_path, weak="a\tlark,wren\na.wav\twren;lark\nb\tx,x\n"))
    assert {name: row.labels for name, row in by_id(found).items()} == {"a": "lark;wren", "b": "x"}
    assert any("1 repeated label rows agree" in note for note in found.notes)
    assert "weak.tsv: 1 clips name a class twice, which counts once" in found.notes
    with pytest.raises(ValueError, match="LABEL_CONFLICT: .*line 2 says 'wren' of 'a'"):
        dcase_sed.recordings(small(tmp_path, weak="a\tlark\na\twren\n"))


def test_repeated_events_count_once(tmp_path):
    found = dcase_sed.recordings(small(tmp_path, strong="a\t0\t1\tx\na\t0\t1\tx\na\t0\t1\ty\n"))
    assert found.events == [Event("a", 0.0, 1.0, "x"), Event("a", 0.0, 1.0, "y")]
    assert "strong.tsv: 1 events stand there again and count once" in found.notes


def test_rules_for_events_join_before_they_leave_out(tmp_path):
    rows = ["a\t0.0\t0.2\tx", "a\t0.3\t0.5\tx", "a\t0.65\t1\tx", "b\t0\t0.249\ty", "b\t1\t1.25\tz"]
    settings = small(tmp_path, strong="\n".join([*rows, ""]))
    assert len(dcase_sed.recordings(settings).events) == 5
    found = dcase_sed.recordings(settings | {"merge_gap_s": 0.15, "min_length_s": 0.25})
    # 150 ms stay a gap and 250 ms an event
    assert found.events == [
        Event("a", 0.0, 0.5, "x"), Event("a", 0.65, 1.0, "x"), Event("b", 1.0, 1.25, "z"),
    ]  # fmt: skip
    assert {name: row.labels for name, row in by_id(found).items()} == {"a": "x", "b": "z"}
    assert "merge_gap_s joins 5 events to 4" in found.notes
    assert "min_length_s leaves out 1 of 4 events" in found.notes


def test_what_is_no_list_is_refused(tmp_path):
    with pytest.raises(ValueError, match="expected one list at least"):
        dcase_sed.recordings(small(tmp_path))
    with pytest.raises(
        ValueError, match="strong_format='csv', expected one of audacity, birdsong_xml, dcase"
    ):
        dcase_sed.recordings(small(tmp_path, strong="a\t0\t1\tx\n", strong_format="csv"))
    with pytest.raises(ValueError, match="is a folder, expected a file of format dcase"):
        dcase_sed.recordings(small(tmp_path, strong=str(tmp_path)))
    with pytest.raises(ValueError, match="weak.tsv, line 1: a class name holds control characters"):
        dcase_sed.recordings(small(tmp_path, weak="a\tla\x07rk\n"))


def test_names_that_differ_in_the_folder_alone_are_refused(tmp_path):
    with pytest.raises(ValueError, match="NAME_COLLISION: .*'x/a' and 'y/a'"):
        dcase_sed.recordings(small(tmp_path, unlabelled="x/a.wav\ny/a.wav\n"))
    write(tmp_path / "more" / "a.ogg", "sound")
    both = [str(tmp_path / "audio"), str(tmp_path / "more")]
    with pytest.raises(ValueError, match="NAME_COLLISION: a clip is in '.*a.wav' and in '.*a.ogg'"):
        dcase_sed.recordings(small(tmp_path, unlabelled="a\n") | {"audio": both})
    assert (
        len(dcase_sed.recordings(small(tmp_path, unlabelled="b\n") | {"audio": both}).recordings)
        == 1
    )


def test_recordings_in_no_list_are_told(tmp_path):
    found = dcase_sed.recordings(small(tmp_path, unlabelled="a\n"))
    assert found.notes == ["2 recordings are in no list and are left out: 'b', 'c'"]
    # files without a label count as excluded
    assert found.excluded == [("b", "NO_LABEL", "in no list"), ("c", "NO_LABEL", "in no list")]


# other formats of strong labels

RAVEN = "Selection\tView\tBegin Time (s)\tEnd Time (s)\tSpecies\n"


def test_a_folder_of_selection_tables(tmp_path):
    write(tmp_path / "tables" / "a.Table.1.selections.txt", RAVEN + "1\tWaveform 1\t0\t1\tlark\n")
    write(tmp_path / "tables" / "b.Table.1.selections.txt", RAVEN)
    write(tmp_path / "tables" / "read.me", "no table")
    settings = small(
        tmp_path, strong=str(tmp_path / "tables"), strong_format="raven", label_column="Species"
    )
    found = dcase_sed.recordings(settings)
    assert found.events == [Event("a", 0.0, 1.0, "lark")]
    assert {name: (r.labelled, r.labels) for name, r in by_id(found).items()} == {
        "a": (True, "lark"), "b": (True, ""),
    }  # fmt: skip


def test_one_selection_table_of_several_recordings(tmp_path):
    table = (
        "Begin Time (s)\tEnd Time (s)\tBegin File\tFile Offset (s)\tAnnotation\n"
        "0\t1\ta.wav\t0\tlark\n7\t8\tb.wav\t2\twren\n"
    )
    found = dcase_sed.recordings(small(tmp_path, strong=table, strong_format="raven"))
    assert found.events == [Event("a", 0.0, 1.0, "lark"), Event("b", 2.0, 3.0, "wren")]


def test_a_folder_of_label_tracks(tmp_path):
    write(tmp_path / "tracks" / "a.txt", "0\t1\tlark\n\\\t100\t200\n")
    write(tmp_path / "tracks" / "c.txt", "")
    settings = small(tmp_path, strong=str(tmp_path / "tracks"), strong_format="audacity")
    found = dcase_sed.recordings(settings)
    assert (found.events, set(by_id(found))) == ([Event("a", 0.0, 1.0, "lark")], {"a", "c"})
    with pytest.raises(ValueError, match=r"folder .*audio holds no .txt, expected audacity files"):
        dcase_sed.recordings(settings | {"strong": str(tmp_path / "audio")})


def test_birdsong_xml_says_wav_where_files_are_flac(tmp_path):
    document = (
        "<Sequences><NumSequence>1</NumSequence><Sequence><WaveFileName>b.wav</WaveFileName>"
        "<Position>400</Position><Length>900</Length><NumNote>1</NumNote>"
        "<Note><Position>100</Position><Length>200</Length><Label>3</Label></Note>"
        "</Sequence></Sequences>\n"
    )
    settings = small(tmp_path, strong=document, strong_format="birdsong_xml", sample_rate=1000)
    found = dcase_sed.recordings(settings)
    assert found.events == [Event("b", 0.5, 0.7, "3")]
    assert found.recordings[0].path.endswith("b.flac")


# sources

TABLE = {
    "clip": "clip", "fold": "part", "fold_pattern": r"fold(\d+)$", "group": "sources",
    "group_separator": " ",
}  # fmt: skip
COMPOSED = (
    "part,clip,sources\n"
    "train/weak/fold0,a.ogg,1-A 2-B\n"
    "train/weak/fold0,b.ogg,3-C 2-B\n"
    "train/weak/fold1,c.ogg,4-D\n"
    "train/unlabelled/fold0,z.ogg,3-C\n"
)


def test_clips_that_share_sources_are_a_group(tmp_path):
    table = write(tmp_path / "sources.csv", COMPOSED)
    settings = small(tmp_path, unlabelled="a\nb\nc\n") | {"sources": TABLE | {"table": table}}
    found = by_id(dcase_sed.recordings(settings))
    assert {name: (row.fold, row.group) for name, row in found.items()} == {
        "a": ("0", "a"), "b": ("0", "a"), "c": ("1", ""),
    }  # fmt: skip


def test_a_group_may_be_a_column_as_it_stands(tmp_path):
    table = write(tmp_path / "sources.csv", "clip,site\na,north\nb,south\nc,north\n")
    about = {"table": table, "clip": "clip", "fold": None, "fold_pattern": None, "group": "site",
             "group_separator": None}  # fmt: skip
    found = by_id(dcase_sed.recordings(small(tmp_path, unlabelled="a\nb\nc\n", sources=about)))
    assert [found[name].group for name in "abc"] == ["north", "south", "north"]


def test_clips_that_the_sources_do_not_know_are_told(tmp_path):
    table = write(tmp_path / "sources.csv", COMPOSED.replace("b.ogg", "x.ogg"))
    about = TABLE | {"table": table}
    found = dcase_sed.recordings(small(tmp_path, unlabelled="a\nb\nc\n", sources=about))
    assert any(note.startswith("1 recordings are not in sources.csv") for note in found.notes)
    write(tmp_path / "sources.csv", "part,clip,sources\nfold0,x,1\n")
    with pytest.raises(
        ValueError, match="no clip of .*sources.csv is a recording.*the first is 'x'"
    ):
        dcase_sed.recordings(small(tmp_path, unlabelled="a\n", sources=about))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fold_pattern": "("}, r"fold_pattern '\(' is no expression"),
        ({"fold_pattern": "fold"}, "has 0 groups, expected 1"),
        (
            {"fold_pattern": r"fold([1-9])"},
            "line 2: part is 'train/weak/fold0', which fold_pattern",
        ),
        ({"group": "source"}, "no column 'source'.*did you mean 'sources'"),
        ({"groups": "x"}, "sources has keys"),
    ],
)
def test_sources_that_say_something_else_are_refused(tmp_path, changes, message):
    table = write(tmp_path / "sources.csv", COMPOSED)
    with pytest.raises(ValueError, match=message):
        clip_lists.read_origins(TABLE | {"table": table} | changes)


@hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
@hypothesis.given(st.lists(st.lists(st.integers(0, 12), max_size=3), min_size=1, max_size=10))
def test_linked_clips_are_those_that_a_walk_over_shared_sources_reaches(lists):
    used = {f"clip{i}": {str(source) for source in own} for i, own in enumerate(lists)}
    groups = clip_lists.linked_groups(used)
    for name in used:
        reached, waiting = {name}, [name]
        while waiting:
            at = waiting.pop()
            near = {other for other in used if used[other] & used[at]} - reached
            reached |= near
            waiting += near
        assert groups[name] == (min(reached) if len(reached) > 1 else "")


# parts

SHARES = {"train": 0.6, "validation": 0.15, "test": 0.25}


def deal(sizes, seed=1, shares=SHARES):
    """Deal groups of these sizes; return the part of each group and the recordings per part."""
    groups = [f"g{i}" for i, size in enumerate(sizes) for _ in range(size)]
    names = selection.deal_subsets(
        [f"r{i}" for i in range(len(groups))], groups, {"shares": shares, "seed": seed}
    )
    part_of = dict(zip(groups, names, strict=True))
    assert [part_of[group] for group in groups] == names  # no group is divided
    return part_of, collections.Counter(names)


def deal_alone(ids, seed=1, shares=SHARES):
    """Deal recordings without groups; return the part of each."""
    names = selection.deal_subsets(ids, [""] * len(ids), {"shares": shares, "seed": seed})
    return dict(zip(ids, names, strict=True))


@hypothesis.settings(deadline=None, max_examples=60)
@hypothesis.given(st.integers(3, 300), st.integers(0, 50), st.permutations([0.6, 0.15, 0.25]))
def test_each_part_has_its_share_to_within_a_recording(n, seed, values):
    shares = dict(zip("abc", values, strict=True))
    counts = collections.Counter(deal_alone([f"r{i}" for i in range(n)], seed, shares).values())
    assert set(counts) == set(shares)
    for part, share in shares.items():
        assert counts[part] == 1 or abs(counts[part] - share * n) <= 1


@pytest.mark.parametrize(
    ("sizes", "counts"),
    [
        ([60, 15, 25], {"train": 60, "validation": 15, "test": 25}),
        ([25, 15, 60], {"train": 60, "validation": 15, "test": 25}),
        ([20] * 5, {"train": 60, "validation": 20, "test": 20}),
        ([20] * 3, {"train": 20, "validation": 20, "test": 20}),  # none stays empty
        ([50, *[1] * 50], {"train": 60, "validation": 15, "test": 25}),
        ([90, 1, 1], {"train": 90, "validation": 1, "test": 1}),
    ],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_shares_are_met_as_groups_allow(sizes, counts, seed):
    assert deal(sizes, seed)[1] == counts


@hypothesis.settings(deadline=None, max_examples=60)
@hypothesis.given(st.lists(st.integers(1, 9), min_size=3, max_size=40), st.integers(0, 9))
def test_no_part_is_farther_from_its_share_than_the_largest_group(sizes, seed):
    counts = deal(sizes, seed)[1]
    assert set(counts) == set(SHARES)
    for part, share in SHARES.items():
        assert counts[part] - share * sum(sizes) <= max(sizes)


def test_the_draw_is_one_of_seed_and_ids():
    ids = [f"r{i}" for i in range(60)]
    found = deal_alone(ids)
    assert deal_alone(ids[::-1]) == found
    assert deal_alone(ids, seed=2) != found


def test_one_more_recording_moves_few():
    ids = [f"r{i}" for i in range(200)]
    before = deal_alone(ids)
    for name in ("new", "other", "a third"):
        after = deal_alone([*ids, name])
        assert sum(after[one] != before[one] for one in ids) <= len(SHARES)


def test_a_group_and_a_recording_of_one_name_are_two():
    with pytest.raises(ValueError, match="3 parts .* for 3 recordings in 2 groups"):
        selection.deal_subsets(["a", "b", "c"], ["x", "", "x"], {"shares": SHARES, "seed": 1})
    names = selection.deal_subsets(["a", "b", "x"], ["x", "", ""], {"shares": SHARES, "seed": 1})
    assert set(names) == set(SHARES)


def test_a_strong_list_without_a_split_gets_one(tmp_path):
    rows = "".join(f"s{i}\t0\t1\tlark\n" for i in range(20))
    clips_of = {"strong": rows, "weak": "w\twren\n", "unlabelled": "u\n"}
    names = [*(f"s{i}.wav" for i in range(20)), "w.wav", "u.wav"]
    settings = small(tmp_path, names, **clips_of) | {"parts": {"shares": SHARES, "seed": 3}}
    found = dcase_sed.recordings(settings)
    strong = {name: row for name, row in by_id(found).items() if name.startswith("s")}
    assert {row.data_set for row in strong.values()} == {"strong"}
    assert {name: row.split for name, row in strong.items()} == deal_alone(list(strong), seed=3)
    assert (by_id(found)["w"].split, by_id(found)["u"].split) == ("weak", "unlabelled")
    assert found.notes == ["parts deals 20 recordings: 12 train, 3 validation, 5 test"]
    assert len(found.events) == 20


def test_parts_keep_to_the_groups_of_the_sources(tmp_path):
    sites = {f"s{i}": f"site{i % 4}" for i in range(20)}
    table = "clip,site\n" + "".join(f"{name},{site}\n" for name, site in sites.items())
    about = {"table": write(tmp_path / "sites.csv", table), "clip": "clip", "fold": None,
             "fold_pattern": None, "group": "site", "group_separator": None}  # fmt: skip
    rows = "".join(f"{name}\t0\t1\tlark\n" for name in sites)
    settings = small(tmp_path, [f"{name}.wav" for name in sites], strong=rows, sources=about)
    found = dcase_sed.recordings(settings | {"parts": {"shares": SHARES, "seed": 1}})
    splits = collections.defaultdict(set)
    for row in found.recordings:
        splits[row.group].add(row.split)
    assert sorted(len(of) for of in splits.values()) == [1, 1, 1, 1]
    assert collections.Counter(row.split for row in found.recordings) == {
        "train": 10, "validation": 5, "test": 5,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"shares": {"train": 0.6, "test": 0.5}},
            r"are 1.1 in all \(train 0.6, test 0.5\), expected 1",
        ),
        ({"shares": {"train": 0.9}}, "are 0.9 in all"),
        ({"shares": {"train": 1.5, "test": -0.5}}, "shares.train is 1.5, expected more than 0"),
        ({"shares": {"train": 1, "test": 0}}, "shares.test is 0, expected more than 0"),
        ({"shares": {"train": True}}, "shares.train is True"),
        ({"shares": {"": 1.0}}, "a part '', expected a name"),
        ({"shares": {}}, "shares is {}, expected names"),
        ({"shares": None}, "shares is None, expected names"),
        ({"seed": 1.0}, "seed is 1.0, expected a whole number"),
        ({"seeds": 1}, r"keys \['seed', 'seeds', 'shares'\], expected shares, seed"),
        (
            {"shares": dict.fromkeys("abcd", 0.25)},
            r"4 parts \(a, b, c, d\) for 3 recordings in 3 g",
        ),
    ],
)
def test_parts_that_cannot_be_dealt_are_refused(tmp_path, changes, message):
    settings = small(tmp_path, strong="a\t0\t1\tx\nb\t0\t1\tx\nc\t0\t1\tx\n")
    with pytest.raises(ValueError, match=message):
        dcase_sed.recordings(settings | {"parts": {"shares": SHARES, "seed": 1} | changes})


def test_shares_of_thirds_need_not_be_exact():
    shares = dict.fromkeys("abc", 0.3333333)
    assert collections.Counter(deal_alone(list("rstuvw"), 1, shares).values()) == dict.fromkeys(
        "abc", 2
    )


def test_parts_of_no_list_and_names_in_use_are_refused(tmp_path):
    about = {"parts": {"shares": {"weak": 0.5, "test": 0.5}, "seed": 1}}
    rows = "a\t0\t1\tx\nb\t0\t1\tx\n"
    with pytest.raises(ValueError, match="shares has 'weak', which another list has for its split"):
        dcase_sed.recordings(small(tmp_path, strong=rows, weak="c\tx\n") | about)
    with pytest.raises(ValueError, match="strong is None and parts deals a strong list"):
        dcase_sed.recordings(small(tmp_path, weak="c\tx\n") | about)
    split = {"all": write(tmp_path / "strong.tsv", rows)}
    with pytest.raises(ValueError, match="strong is {'all': .*expected one path, or parts: null"):
        dcase_sed.recordings(small(tmp_path, strong=split) | about)


# rows as the lists of DCASE 2018 have them: a class twice, a clip without events, names without Y


def test_rows_of_the_kinds_in_the_lists_of_the_challenge(tmp_path):
    weak = (
        "filename\tevent_labels\n"
        "Y-6p32k2WUCs_0.000_10.000.wav\tBell\n"
        "YKK227gPpRn4_30.000_40.000.wav\tBell,Speech\n"
        "Y79rmTWPTE4k_20.000_30.000.wav\tBell,Bell\n"
    )
    strong = (
        "filename\tonset\toffset\tevent_label\n"
        "1Ro0FgMWTUE_120_130.wav\t2.618\t10.115\tSpeech\n"
        "YU0Cg_t_3TdI_30.000_40.000.wav\t\t\t\n"
    )
    settings = small(tmp_path, weak=weak, strong=strong)
    read = clip_lists.read_clips(settings)
    assert {name: clip.classes for name, clip in read.clips.items()} == {
        "1Ro0FgMWTUE_120_130": ("Speech",),
        "YU0Cg_t_3TdI_30.000_40.000": (),
        "Y-6p32k2WUCs_0.000_10.000": ("Bell",),
        "YKK227gPpRn4_30.000_40.000": ("Bell", "Speech"),
        "Y79rmTWPTE4k_20.000_30.000": ("Bell",),
    }
    assert read.events == [Event("1Ro0FgMWTUE_120_130", 2.618, 10.115, "Speech")]
