"""Folders of annotations as people have them: joined, told or refused in whole sentences."""

import pytest

from dawnchorus.corpora import catalog, tables
from dawnchorus.corpora.adapters import dcase_sed
from dawnchorus.formats.event import Event, read_bands, read_events, read_places

HEAD = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)"
TABLE = f"{HEAD}\tAnnotation\n"
ROW = "1\tSpectrogram 1\t1\t0.2\t0.6\t100\t900\t{}\n"
NAMED = f"{HEAD}\tBegin File\tBegin Path\tFile Offset (s)\tAnnotation\n"


@pytest.fixture
def corpus(tmp_path):
    """Return a function from files (path below the folder to text) to the settings of a corpus."""

    def make(files, **settings):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return {
            "adapter": "dcase_sed", "audio": str(tmp_path / "au"), "strong": str(tmp_path / "t"),
            "weak": None, "unlabelled": None, "strong_format": "raven", "label_column": "Annotation",
            "sample_rate": 32000, "merge_gap_s": None, "min_length_s": None, "sources": None,
            "parts": None, "shards": 1, "fingerprint": "content", "missing_files": "error",
            "outside": "error", "crossing": "clip", "blank_classes": "error",
        } | settings  # fmt: skip

    return make


def labels(found):
    return {row.id: row.labels for row in found.recordings}


def test_an_empty_table_without_the_column_of_the_class_is_a_recording_without_events(corpus):
    found = dcase_sed.recordings(
        corpus(
            {
                "au/a.wav": "a",
                "au/b.wav": "b",
                "t/a.Table.1.selections.txt": TABLE + ROW.format("robin"),
                "t/b.Table.1.selections.txt": f"{HEAD}\n",
            }
        )
    )
    assert labels(found) == {"a": "robin", "b": ""}
    assert [row.labelled for row in found.recordings] == [True, True]


def test_tables_beside_the_recordings_are_read_and_not_ignored(corpus, tmp_path):
    files = {
        "au/site 1/a.wav": "a",
        "au/site 1/a.Table.1.selections.txt": TABLE + ROW.format("robin"),
        "au/b.wav": "b",
        "au/b.Table.1.selections.txt": TABLE + ROW.format("wren"),
    }
    settings = corpus(files, strong=str(tmp_path / "au"))
    assert dcase_sed.recordings(settings).notes == []
    (tmp_path / "au" / "notes.pdf").write_text("-")
    (said,) = dcase_sed.recordings(settings).notes
    assert said == "au: 1 files that are no raven tables are ignored: 'notes.pdf'"
    # a list beside the recordings is read, too; what else lies there is not
    (tmp_path / "au" / "weak.tsv").write_text("filename\tevent_labels\nb.wav\twren\n")
    weak = str(tmp_path / "au" / "weak.tsv")
    (told, *_) = dcase_sed.recordings(settings | {"strong": None, "weak": weak}).notes
    assert told == "au: 3 files ignored, not audio by the extension"


def test_all_tables_that_cannot_be_read_are_named(corpus):
    files = {f"t/{n}.Table.1.selections.txt": f"{HEAD}\n{ROW.format('')}" for n in range(7)}
    with pytest.raises(ValueError, match="7 rows cannot be used: .*0.Table.1.*; and 2 more$"):
        dcase_sed.recordings(corpus(files | {f"au/{n}.wav": "" for n in range(7)}))


def test_several_tables_of_a_recording_are_joined(corpus):
    second = TABLE + ROW.format("wren") + ROW.format("robin").replace("0.6", "0.7")
    found = dcase_sed.recordings(
        corpus(
            {
                "au/a.wav": "a",
                "t/a.Table.1.selections.txt": TABLE + ROW.format("robin"),
                "t/a.Table.2.selections.txt": second + ROW.format("robin"),
            }
        )
    )
    assert labels(found) == {"a": "robin;wren"}
    assert found.events == [
        Event("a", 0.2, 0.6, "robin"), Event("a", 0.2, 0.6, "wren"), Event("a", 0.2, 0.7, "robin"),
    ]  # fmt: skip
    assert found.notes == [
        "t: 1 recordings have several tables, joined: 'a'",
        "t: 1 events stand there again and count once",
    ]


def test_other_text_among_the_tables_is_ignored_with_a_note(corpus):
    files = {
        "au/a.wav": "a", "t/a.Table.1.selections.txt": TABLE + ROW.format("robin"),
        "t/README.txt": "my tables\n", "t/sites.txt": "Site\tObserver\nx\ty\n", "t/notes.md": "x",
        "t/.hidden.txt": "x",
    }  # fmt: skip
    found = dcase_sed.recordings(corpus(files))
    assert labels(found) == {"a": "robin"}
    told = "t: 3 files that are no raven tables are ignored: 'README.txt', 'notes.md', 'sites.txt'"
    assert found.notes == [told]
    settings = corpus(files)
    alone = settings | {"strong": settings["strong"] + "/README.txt"}
    with pytest.raises(ValueError, match="t/README.txt, line 1: 0 columns 'Begin Time"):
        dcase_sed.recordings(alone)


def test_recordings_in_folders_per_site_are_found(corpus):
    found = dcase_sed.recordings(
        corpus({"au/s1/a.wav": "a", "t/a.Table.1.selections.txt": TABLE + ROW.format("robin")})
    )
    assert labels(found) == {"a": "robin"}
    assert found.recordings[0].path.endswith("au/s1/a.wav")


def test_equal_names_in_two_sites_are_told_apart_by_folders(corpus):
    """Of the table, of Begin Path, and of a relative name; without any the recording is not known."""
    audio = {f"au/{site}/0400.wav": site for site in ("s1", "s2", "s3")} | {"au/s1/b.wav": "b"}
    path = "1\tSpectrogram 1\t1\t0.2\t0.6\t100\t900\t0400.wav\t{}\t0.2\tlark\n"
    files = {
        **audio,
        "t/s1/0400.Table.1.selections.txt": TABLE + ROW.format("robin"),
        "t/s3.txt": NAMED + path.format("C:\\rec\\S3\\0400.WAV"),
        "t/all.txt": NAMED + path.format("/data/s2/0400.wav").replace("lark", "wren"),
    }
    found = dcase_sed.recordings(corpus(files))
    assert labels(found) == {"s1/0400": "robin", "s2/0400": "wren", "s3/0400": "lark"}
    assert [row[:2] for row in found.excluded] == [("b", "NO_LABEL")]
    weak = corpus({**audio, "weak.tsv": "s2/0400.wav\twren\ns1/0400\tlark\nb\trobin\n"})
    weak |= {"strong": None, "weak": weak["audio"].replace("au", "weak.tsv")}
    assert labels(dcase_sed.recordings(weak)) == {
        "s2/0400": "wren", "s1/0400": "lark", "b": "robin",
    }  # fmt: skip
    corpus({"weak.tsv": "0400.wav\twren\nb\trobin\n"})
    with pytest.raises(ValueError, match=r"'0400' names 3 recordings: 's1/0400'.*put its folder"):
        dcase_sed.recordings(weak)


def test_a_file_may_be_named_in_another_case(corpus):
    row = "1\tSpectrogram 1\t1\t0.2\t0.6\t100\t900\tA.WAV\t\t0.2\trobin\n"
    found = dcase_sed.recordings(corpus({"au/a.wav": "a", "t/a.txt": NAMED + row}))
    assert labels(found) == {"a": "robin"}
    assert found.notes == ["1 recordings are named in another case: 'a'"]


def test_events_without_a_class_follow_the_setting(corpus):
    rows = ROW.format("") + ROW.format("robin").replace("0.2", "0.3")
    settings = corpus({"au/a.wav": "a", "t/a.Table.1.selections.txt": TABLE + rows})
    with pytest.raises(ValueError, match="line 2: the event has no class.*blank_classes: drop"):
        dcase_sed.recordings(settings)
    found = dcase_sed.recordings(settings | {"blank_classes": "drop"})
    assert labels(found) == {"a": "robin"}
    assert found.notes[0].startswith("1 events have no class (blank_classes: drop): ")
    found = dcase_sed.recordings(settings | {"blank_classes": "bird"})
    assert labels(found) == {"a": "bird;robin"}


IMPOSSIBLE = {
    "no length": ("0.6\t0.6\t100\t900", "outside", "the event lasts from 0.6 to 0.6 s"),
    "ends before it begins": ("0.6\t0.2\t100\t900", "outside", "lasts from 0.6 to 0.2 s"),
    "before the recording": ("-2\t-1\t100\t900", "outside", "lasts from -2 to -1 s"),
    "low over high": ("0.2\t0.6\t900\t100", "outside", r"frequencies \(900.0, 100.0\) Hz"),
    "begins before 0": ("-0.5\t0.6\t100\t900", "crossing", "lasts from -0.5 to 0.6 s"),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_events_that_cannot_be_follow_the_setting(corpus, case):
    fields, key, said = IMPOSSIBLE[case]
    row = ROW.format("wren").replace("0.2\t0.6\t100\t900", fields)
    settings = corpus(
        {"au/a.wav": "a", "t/a.Table.1.selections.txt": TABLE + ROW.format("robin") + row}
    )
    with pytest.raises(ValueError, match=rf"a.Table.1.selections.txt, line 3.*{said}.*set {key}"):
        dcase_sed.recordings(settings | {key: "error"})
    found = dcase_sed.recordings(settings | {key: "drop"})
    # a class that has lost all its events is no label of the clip
    assert labels(found) == {"a": "robin"}
    assert f"({key}: drop)" in found.notes[0]
    assert "line 3" in found.notes[0]
    if key == "crossing":
        found = dcase_sed.recordings(settings)
        assert found.events == [Event("a", 0.0, 0.6, "wren"), Event("a", 0.2, 0.6, "robin")]
        assert found.notes[0].startswith("1 events begin before 0 (crossing: clip): ")


def test_any_adapter_may_leave_events_to_the_settings(corpus, tmp_path, monkeypatch):
    settings = corpus({"au/a.wav": "a", "t/a.txt": TABLE + ROW.format("robin")})
    found = dcase_sed.recordings(settings)
    odd = [("a", 0.2, 0.6, "robin"), ("a", -1.0, 0.5, "lark"), ("a", 2.0, 1.0, "wren")]
    rows = [found.recordings[0]._replace(labels="lark;robin;wren")]
    changed = found._replace(recordings=rows, events=odd, marks=())
    monkeypatch.setattr(dcase_sed, "recordings", lambda settings: changed)
    with pytest.raises(ValueError, match=r"corpus 'c': a: the event lasts from 2 to 1 s.*outside"):
        catalog.find_recordings("c", settings)
    kept = catalog.find_recordings("c", settings | {"outside": "drop"})
    assert labels(kept) == {"a": "lark;robin"}
    assert [event[1] for event in kept.events] == [0.2, 0.0]


def test_places_and_frequencies_are_kept_beside_the_events(corpus, tmp_path):
    text = TABLE + ROW.format("robin") + ROW.format("wren").replace("100\t900", "\t")
    settings = corpus({"au/a.wav": "a", "t/a.Table.1.selections.txt": text})
    index = catalog.list_corpus("c", settings, tmp_path / "results")
    path = tables.events_path(tmp_path / "results", "c", index["events"])
    assert read_events(path) == [Event("a", 0.2, 0.6, "robin"), Event("a", 0.2, 0.6, "wren")]
    assert read_bands(path) == [(100.0, 900.0), (0.0, float("inf"))]
    places = read_places(path)
    assert [place.rpartition("/")[2] for place in places] == [
        "a.Table.1.selections.txt, line 2", "a.Table.1.selections.txt, line 3",
    ]  # fmt: skip
    # where a table lies decides nothing
    (tmp_path / "t").rename(tmp_path / "moved")
    moved = settings | {"strong": str(tmp_path / "moved")}
    assert catalog.list_corpus("c", moved, tmp_path / "results")["events"] == index["events"]
    assert "moved" in read_places(path)[0]


def test_a_class_without_any_recording_left_is_an_error(corpus):
    settings = corpus({"au/a.wav": "a", "weak.tsv": "a\trobin\nb\twren\nc\twren;robin\n"})
    settings |= {"strong": None, "weak": settings["audio"].replace("au", "weak.tsv")}
    with pytest.raises(ValueError, match=r"1 classes lose all of their files: 'wren' \(2 files\)"):
        dcase_sed.recordings(settings | {"missing_files": "exclude"})
