"""Facts about annotation files: what each format means, what is refused, and the way there and back."""

import os
import re
import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dawnchorus.formats import annotation
from dawnchorus.formats.annotations import audacity, birdsong_xml, dcase, raven
from dawnchorus.formats.event import Event

SAMPLE_RATE = 32000  # Hz

# no limit of time: a busy machine is no fault of a format
thorough = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

# Names as people give them: letters of several scripts, blanks and signs inside, but none at the ends.
INNER = string.ascii_letters + string.digits + " .,_-'\"&<>()#:/äßЖ鳥\u2028"
NAMES = st.text(INNER, min_size=1, max_size=12).filter(lambda name: name == name.strip())
IDS = NAMES.filter(lambda name: not re.search(r"[/\\]", name))
LABELS = NAMES
TIMES = st.floats(0, 1e5, allow_subnormal=False)
FREQUENCIES = st.one_of(st.none(), st.floats(0, 96000, allow_subnormal=False))


@st.composite
def spans(draw):
    onset_s, offset_s = sorted(draw(st.tuples(TIMES, TIMES)))
    return (onset_s, offset_s) if onset_s < offset_s else (onset_s, onset_s + 1.0)


@st.composite
def bands(draw):
    """None, or (low, high) with one bound at least."""
    low, high = draw(FREQUENCIES), draw(FREQUENCIES)
    if low is None and high is None:
        return None
    return (low, high) if low is None or high is None else (min(low, high), max(low, high))


EVENTS = st.builds(lambda name, span, label: Event(name, *span, label), IDS, spans(), LABELS)
OF_ONE = st.builds(lambda span, label: Event("clip", *span, label), spans(), LABELS)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A file that every example writes anew."""
    return tmp_path_factory.mktemp("annotations") / "file.txt"


@pytest.fixture(autouse=True, scope="module")
def without_waiting_for_the_disk():
    """Hundreds of examples are written: none of them has to survive a power cut."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "fsync", lambda descriptor: None)
        yield


def write(tmp_path, content, name="file.txt"):
    place = tmp_path / name
    place.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(place)


# there and back


@thorough
@given(events=st.lists(EVENTS, max_size=6), others=st.lists(IDS, max_size=3))
def test_strong_tsvs_come_back_with_every_digit(path, events, others):
    dcase.write_strong(path, events, others)
    found = dcase.read_strong(path)
    assert found.events == sorted(events)
    assert set(found.recordings) == {event.id for event in events} | set(others)


@thorough
@given(events=st.lists(EVENTS, max_size=6), decimals=st.integers(0, 4))
def test_rounded_times_stay_events_and_near(path, events, decimals):
    dcase.write_strong(path, events, decimals=decimals)
    found = dcase.read_strong(path).events
    assert [(event.id, event.label) for event in found] == [(e.id, e.label) for e in sorted(events)]
    for one, event in zip(found, sorted(events), strict=True):
        assert one.onset_s == pytest.approx(event.onset_s, abs=0.51 * 10**-decimals)
        assert one.offset_s == pytest.approx(event.offset_s, abs=1.51 * 10**-decimals)
        assert one.onset_s < one.offset_s


@thorough
@given(
    classes=st.dictionaries(
        IDS, st.lists(LABELS.filter(lambda name: "," not in name), max_size=3), min_size=1
    ),
    separator=st.sampled_from(",;"),
)
def test_weak_tsvs_and_lists_come_back(path, classes, separator):
    dcase.write_weak(path, classes, separator=separator)
    assert {row.id: list(row.classes) for row in dcase.read_weak(path)} == classes
    dcase.write_list(path, classes, extension=".flac")
    assert [row.id for row in dcase.read_list(path)] == list(classes)


@thorough
@given(marked=st.lists(st.tuples(EVENTS, bands()), max_size=6))
def test_selection_tables_come_back_with_every_digit(path, marked):
    events, own = [event for event, _ in marked], [band for _, band in marked]
    raven.write(path, events, own, label_column="Species", extension=".WAV")
    found = raven.read(path, label_column="Species")
    assert (found.events, found.bands) == (events, own)


@thorough
@given(marked=st.lists(st.tuples(OF_ONE, bands()), max_size=6))
def test_tables_and_tracks_of_one_recording_come_back(path, marked):
    events, own = [event for event, _ in marked], [band for _, band in marked]
    raven.write(path, events, own)
    assert raven.read(path, "clip") == annotation.Annotations({"clip": 1}, events, own)
    audacity.write(path, events, own)
    assert audacity.read(path, "clip") == annotation.Annotations({"clip": 1}, events, own)


@thorough
@given(
    notes=st.lists(
        st.tuples(IDS, st.integers(0, 10**7), st.integers(1, 10**5), LABELS), max_size=6
    ),
    others=st.lists(IDS, max_size=3),
)
def test_birdsong_xml_comes_back_on_the_grid_of_samples(path, notes, others):
    events = [
        Event(name, start / SAMPLE_RATE, (start + length) / SAMPLE_RATE, label)
        for name, start, length, label in notes
    ]
    birdsong_xml.write(path, events, SAMPLE_RATE, others)
    found = birdsong_xml.read(path, SAMPLE_RATE)
    assert found.events == sorted(events)
    assert set(found.recordings) == {event.id for event in events} | set(others)


@thorough
@given(events=st.lists(OF_ONE, max_size=6))
def test_events_survive_a_tour_through_the_text_formats(path, events):
    dcase.write_strong(path, events, ["clip"])
    raven.write(path, dcase.read_strong(path).events)
    audacity.write(path, raven.read(path, "clip").events)
    assert audacity.read(path, "clip").events == sorted(events)


# DCASE

WEAK = "filename\tevent_labels\nYa_30.000_40.000.wav\tSpeech,Dog\nYb_0.000_10.000.wav\tDog;Cat\n"
STRONG = (
    "filename\tonset\toffset\tevent_label\n"
    "Ya_30.000_40.000.wav\t0.000\t9.971\tDog\n"
    "Yb_0.000_10.000.wav\t\t\t\n"
    "Ya_30.000_40.000.wav\t0.5\t1\tCat\n"
)


def test_both_separators_are_read(tmp_path):
    rows = dcase.read_weak(write(tmp_path, WEAK))
    assert rows == [
        dcase.Row("Ya_30.000_40.000", ("Speech", "Dog"), 2),
        dcase.Row("Yb_0.000_10.000", ("Dog", "Cat"), 3),
    ]


def test_the_predictions_of_the_original_are_read_as_weak_labels(tmp_path):
    rows = dcase.read_weak(write(tmp_path, "Ya.wav\tDog;Cat;\nYb.wav\t\nYc.wav\n"))
    assert [(row.id, row.classes) for row in rows] == [
        ("Ya", ("Dog", "Cat")),
        ("Yb", ()),
        ("Yc", ()),
    ]


def test_labels_are_counted_as_they_are_written(tmp_path):
    rows = dcase.read_weak(write(tmp_path, "Ya\tBell,Bell\nYb\tBell,Dog\nYc\tDog\n"))
    labels = [label for row in rows for label in row.classes]
    assert (labels.count("Bell"), labels.count("Dog")) == (3, 2)
    assert sum(len(row.classes) > 1 for row in rows) == 2


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("extension", [".wav", "", ".OGG"])
def test_line_ends_byte_order_marks_and_extensions_change_nothing(tmp_path, end, start, extension):
    content = STRONG.replace("\n", end).replace(".wav", extension).encode()
    found = dcase.read_strong(write(tmp_path, start + content))
    assert found.events == [
        Event("Ya_30.000_40.000", 0.0, 9.971, "Dog"),
        Event("Ya_30.000_40.000", 0.5, 1.0, "Cat"),
    ]
    assert found.recordings == {"Ya_30.000_40.000": 2, "Yb_0.000_10.000": 3}


def test_a_header_may_be_missing_or_in_another_order(tmp_path):
    bare = STRONG.partition("\n")[2]
    by_alphabet = "event_label\tfilename\toffset\tonset\nDog\tYa.wav\t2\t1\n\tYb.wav\t\t\n"
    assert dcase.read_strong(write(tmp_path, bare)).recordings == {
        "Ya_30.000_40.000": 1, "Yb_0.000_10.000": 2,
    }  # fmt: skip
    assert dcase.read_strong(write(tmp_path, by_alphabet)) == (
        {"Ya": 2, "Yb": 3}, [Event("Ya", 1.0, 2.0, "Dog")], [None],
    )  # fmt: skip
    assert [row.id for row in dcase.read_list(write(tmp_path, WEAK))] == [
        "Ya_30.000_40.000", "Yb_0.000_10.000",
    ]  # fmt: skip


def test_a_file_name_alone_is_a_clip_without_events(tmp_path):
    found = dcase.read_strong(write(tmp_path, "Ya.wav\t1\t2\tDog\nYb.wav\n\n"))
    assert (set(found.recordings), len(found.events)) == ({"Ya", "Yb"}, 1)


def test_the_challenge_format_to_the_letter(tmp_path):
    events = [Event("Yb", 0.25, 1.0, "Dog"), Event("Ya", 2.0, 2.0001, "Cat")]
    dcase.write_strong(tmp_path / "e.tsv", events, ["Yc"], decimals=3)
    assert (tmp_path / "e.tsv").read_bytes() == (
        b"filename\tonset\toffset\tevent_label\n"
        b"Ya.wav\t2.000\t2.001\tCat\nYb.wav\t0.250\t1.000\tDog\nYc.wav\t\t\t\n"
    )


@pytest.mark.parametrize(
    ("read", "content", "message"),
    [
        (dcase.read_strong, "a.wav\t1\t2\tDog\nb.wav\t1\t\tDog\n", "line 2: offset is ''"),
        (dcase.read_strong, "a.wav\t1\t2\t\n", "line 1: the event has no class"),
        (dcase.read_strong, "a.wav\t2\t1\tDog\n", "line 1: the event lasts from 2 to 1 s"),
        (dcase.read_strong, "a.wav\t-1\t1\tDog\n", "line 1: the event lasts from -1 to 1 s"),
        (dcase.read_strong, "a.wav\tnan\t1\tDog\n", "line 1: onset is 'nan', expected a finite"),
        (dcase.read_strong, "a.wav\t1\t1e999\tDog\n", "offset is '1e999', expected a finite number$"),
        (dcase.read_strong, "a.wav\t0,5\t1\tDog\n", "'0,5', expected .* with a decimal point"),
        (dcase.read_strong, "a.wav\t1_0\t20\tDog\n", "onset is '1_0'"),
        (dcase.read_strong, "a.wav\t0\t1\tDog;Cat\n", "line 1: 1 of 1 events cannot be used"),
        (dcase.read_strong, "a.wav\t0\t1\tDog\tx\n", "line 1 has 5 fields, expected 4"),
        (dcase.read_strong, "\t0\t1\tDog\n", "line 1: filename is empty"),
        (dcase.read_strong, "filename,onset,offset,event_label\n", "line 1 is not separated by tabs"),
        (dcase.read_strong, "a.wav,0,1,Dog\n", "line 1 has one field and so has every row"),
        (dcase.read_strong, WEAK, "line 1: 0 columns 'onset' among"),
        (dcase.read_weak, "a.wav\nb.wav\n", "line 1 has one field and so has every row"),
        (dcase.read_weak, STRONG, "0 columns 'event_labels'"),
        (dcase.read_list, WEAK.partition("\n")[2], "line 1 has 2 fields, expected 1"),
        (dcase.read_list, "\n \n", "is empty, expected rows of filename"),
        (dcase.read_list, b"a.wav\n\xff\n", "line 2: byte 6 is not UTF-8"),
        (dcase.read_list, "a\x00\n", "line 1: a NUL character"),
        (dcase.read_list, "a.wav\n".encode("utf-16"), r"UTF-16 \(byte 0\)"),
    ],
)  # fmt: skip
def test_what_a_tsv_cannot_mean_is_refused_with_its_line(tmp_path, read, content, message):
    place = write(tmp_path, content)
    with pytest.raises(ValueError, match=f"{re.escape(place)}.*{message}"):
        read(place)


def test_files_that_are_none_are_refused(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="gone.tsv cannot be read"):
        dcase.read_list(tmp_path / "gone.tsv")
    with pytest.raises(ValueError, match="is no regular file"):
        dcase.read_list(tmp_path)
    monkeypatch.setattr(annotation, "MOST_BYTES", 10)
    with pytest.raises(ValueError, match="has more than 10 bytes"):
        dcase.read_list(write(tmp_path, "a.wav\nb.wav\n"))


@pytest.mark.parametrize("name", ["a\tb", " a", "", "a\nb"])
def test_names_that_no_tsv_can_hold_are_not_written(tmp_path, name):
    with pytest.raises(ValueError, match="cannot stand in an annotation file"):
        dcase.write_list(tmp_path / "l.tsv", [name])
    assert not (tmp_path / "l.tsv").exists()


def test_separators_within_class_names_are_not_written(tmp_path):
    with pytest.raises(ValueError, match="'a,b' holds ',' or ';'"):
        dcase.write_weak(tmp_path / "w.tsv", {"a": ["a,b"]}, separator=";")


# Raven

PLAIN = (
    "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tAnnotation\n"
    "1\tWaveform 1\t1\t0.5\t1.25\t0.0\t16000.0\tlark\n"
    "1\tSpectrogram 1\t1\t0.5\t1.25\t2000.0\t5000.0\tlark\n"
    "2\tSpectrogram 1\t1\t2\t3\t1000\t2000\twren\n"
)


def test_two_views_of_a_selection_are_one_event(tmp_path):
    for content in (
        PLAIN,
        "".join([PLAIN.split("\n1")[0], *(f"\n{row}" for row in _swapped(PLAIN))]),
    ):
        found = raven.read(write(tmp_path, content), "r")
        assert found.events == [Event("r", 0.5, 1.25, "lark"), Event("r", 2.0, 3.0, "wren")]
        assert found.bands == [(2000.0, 5000.0), (1000.0, 2000.0)]


def _swapped(table):
    rows = table.splitlines()[1:]
    return [rows[1], rows[0], rows[2], ""]


def test_equal_selections_in_one_view_are_two_events(tmp_path):
    row = "Spectrogram 1\t1\t2\t3\t1000\t2000\twren\n"
    table = PLAIN.partition("\n")[0] + f"\n1\t{row}2\t{row}1\t{row}"
    assert len(raven.read(write(tmp_path, table), "r").events) == 3


def test_views_that_disagree_are_refused(tmp_path):
    table = PLAIN.replace("16000.0\tlark", "16000.0\tlinnet")
    with pytest.raises(ValueError, match="line 3: class 'lark', but line 2.* has 'linnet'"):
        raven.read(write(tmp_path, table), "r")


@pytest.mark.parametrize(
    ("column", "first", "second"),
    [
        ("Begin File", "a.wav", "b.flac"),
        ("Begin Path", "/data/x/a.wav", "/data/x/b.wav"),
        ("Begin Path", r"C:\data\x\a.wav", r"C:\data\x\b.wav"),
    ],
)
def test_times_in_a_sequence_of_files_count_from_each_file(tmp_path, column, first, second):
    folder = {"/": "/data/x/", "C": "C:/data/x/"}.get(first[0], "")
    table = (
        f"Begin Time (s)\tEnd Time (s)\t{column}\tFile Offset (s)\tannotation\n"
        f"59.5\t60.1\t{first}\t59.5\tlark\n"
        f"60.3\t61.0\t{second}\t0.3\twren\n"
    )
    found = raven.read(write(tmp_path, table))
    assert found.events == [
        Event(f"{folder}a", 59.5, 60.1, "lark"), Event(f"{folder}b", 0.3, 1.0, "wren"),
    ]  # fmt: skip
    assert found.recordings == {f"{folder}a": 2, f"{folder}b": 3}


def test_the_table_says_which_recording_it_is_of_before_its_name_does(tmp_path):
    table = "Begin Time (s)\tEnd Time (s)\tBegin File\tSpecies\n0\t1\tother.wav\tlark\n"
    found = raven.read(write(tmp_path, table), "name", "Species")
    assert found.recordings == {"other": 2}


def test_a_table_without_selections_is_a_recording_without_events(tmp_path):
    place = write(tmp_path, PLAIN.partition("\n")[0] + "\n")
    assert raven.read(place, "r") == ({"r": 1}, [], [])
    assert raven.read(place) == ({}, [], [])


@pytest.mark.parametrize("column", ["Begin File", "Begin Path"])
def test_so_is_one_that_could_name_files(tmp_path, column):
    place = write(tmp_path, f"Begin Time (s)\tEnd Time (s)\t{column}\tAnnotation\n")
    assert raven.read(place, "r") == ({"r": 1}, [], [])
    assert raven.read(place) == ({}, [], [])


def test_fields_cut_from_the_end_are_empty(tmp_path):
    table = "Begin Time (s)\tEnd Time (s)\tAnnotation\tNotes\n0\t1\tlark\n1\t2\twren\t\t\n"
    assert len(raven.read(write(tmp_path, table), "r").events) == 2


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.Table.1.selections.txt", "a"),
        ("x/a_1.000.wav.Table.12.selections.txt", "a_1.000"),
        ("a.BirdNET.selection.table.txt", "a"),
        ("a.b.selections.txt", "a.b"),
        ("a.txt", "a"),
    ],
)
def test_tables_are_named_for_their_recording(name, expected):
    assert annotation.annotated_recording(name) == expected


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "is empty, expected the header"),
        ("Begin Time (s)\tEnd Time (s)\n0\t1\n", "line 1: 0 columns 'Annotation' among"),
        ("Begin Time (s),End Time (s),Annotation\n", "line 1: 0 columns 'Begin Time (s)' among"),
        ("Begin Time (s)\tEnd Time (s)\tAnnotation\n0\t1\n", "line 2: the event has no class"),
        (
            "Begin Time (s)\tEnd Time (s)\tAnnotation\n0\t1\ta\tb\n",
            "line 2 has 4 fields, expected 3",
        ),
        (
            "Begin Time (s)\tEnd Time (s)\tAnnotation\n1\t1\ta\n",
            "line 2: the event lasts from 1 to 1",
        ),
        ("Begin Time (s)\tEnd Time (s)\tAnnotation\n0,1\t1\ta\n", "with a decimal point"),
        (
            "Begin Time (s)\tEnd Time (s)\tAnnotation\tLow Freq (Hz)\tHigh Freq (Hz)\n0\t1\ta\t9\t1\n",
            "line 2: frequencies (9.0, 1.0) Hz",
        ),
        (
            "Begin Time (s)\tEnd Time (s)\tBegin File\tAnnotation\n0\t1\t\ta\n",
            "line 2: no 'Begin File' says",
        ),
        (
            "Begin Time (s)\tEnd Time (s)\tBegin File\tAnnotation\n0\t1\tx.wav\ta\n0\t1\ty.wav\ta\n",
            "line 1: 2 files and no column 'File Offset (s)'",
        ),
        (
            "Begin Time (s)\tEnd Time (s)\tFile Offset (s)\tAnnotation\n0\t1\t\ta\n",
            "line 2: File Offset (s) is empty",
        ),
    ],
)
def test_what_a_selection_table_cannot_mean_is_refused(tmp_path, table, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        raven.read(write(tmp_path, table), "r")


def test_a_table_saved_before_the_column_of_the_class_is_a_recording_without_events(tmp_path):
    place = write(tmp_path, PLAIN.partition("\tAnnotation")[0] + "\n")
    assert raven.read(place, "r") == ({"r": 1}, [], [])


def test_a_message_names_five_rows_and_counts_the_others(tmp_path):
    head = "Begin Time (s)\tEnd Time (s)\tAnnotation\n"
    rows = "".join(f"{n}\tx\tlark\n0\t1\twren\n" for n in range(7))
    with pytest.raises(ValueError, match="7 rows cannot be used: .*line 2: .*line 10: ") as error:
        raven.read(write(tmp_path, head + rows), "r")
    assert str(error.value).endswith("expected a finite number; and 2 more")
    with pytest.raises(ValueError, match="2 rows cannot be used: .*line 2: .*line 4: the event"):
        raven.read(write(tmp_path, head + "2\t1\ta\n0\t1\ta\n-1\t1\ta\n"), "r")


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (raven, "my tables\n"),
        (raven, "Site\tObserver\nx\ty\n"),
        (audacity, "my tracks, made in May\n"),
    ],
)
def test_other_text_is_told_from_a_table(tmp_path, module, text):
    with pytest.raises(annotation.NoTable):
        module.read_labels(write(tmp_path, text), {"label_column": "Annotation"})


def test_a_table_that_names_no_recording_needs_one(tmp_path):
    with pytest.raises(ValueError, match="line 2: no 'Begin File' says"):
        raven.read(write(tmp_path, PLAIN))
    with pytest.raises(ValueError, match="events of several recordings"):
        raven.write(tmp_path / "t.txt", [Event("a", 0, 1, "x"), Event("b", 0, 1, "x")])


def test_a_selection_table_to_the_letter(tmp_path):
    events = [Event("a", 0.5, 1.0, "lark"), Event("a", 1e-5, 2.0, "wren")]
    raven.write(tmp_path / "t.txt", events, [(100.0, None), None])
    assert (tmp_path / "t.txt").read_text() == (
        "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)"
        "\tAnnotation\n"
        "1\tSpectrogram 1\t1\t0.5\t1.0\t100.0\t\tlark\n"
        "2\tWaveform 1\t1\t0.00001\t2.0\t\t\twren\n"
    )


# Audacity


def test_a_label_track_with_frequencies(tmp_path):
    track = "0.000000\t1.500000\tlark\n\\\t2000.000000\t-1.000000\n2.0\t2.5\tblack cap\n"
    found = audacity.read(write(tmp_path, track), "r")
    assert found.events == [Event("r", 0.0, 1.5, "lark"), Event("r", 2.0, 2.5, "black cap")]
    assert found.bands == [(2000.0, None), None]


def test_an_empty_track_is_a_recording_without_events(tmp_path):
    assert audacity.read(write(tmp_path, ""), "r") == ({"r": 1}, [], [])


@pytest.mark.parametrize(
    ("track", "message"),
    [
        ("1\t1\tlark\n", "line 1: the event lasts from 1 to 1 s"),
        ("1\t2\t\n", "line 1: the event has no class"),
        ("1\t2\n", "line 1: the event has no class"),
        ("1 2 lark\n", "line 1 has 1 fields"),
        ("1\t2\ta\tb\n", "line 1 has 4 fields"),
        ("\\\t1\t2\n", "line 1: frequencies, expected them after"),
        ("1\t2\ta\n\\\t1\t2\n\\\t1\t2\n", "line 3: frequencies, expected them after"),
        ("1\t2\ta\n\\\t5\t2\n", "line 1: frequencies (5.0, 2.0) Hz"),
        ("1\t2\ta\n\\\t5\n", "line 2 has 2 fields"),
    ],
)
def test_what_a_label_track_cannot_mean_is_refused(tmp_path, track, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        audacity.read(write(tmp_path, track), "r")


def test_a_track_holds_one_recording_and_a_band_for_each_event(tmp_path):
    events = [Event("a", 0, 1, "x"), Event("b", 0, 1, "x")]
    with pytest.raises(ValueError, match="events of several recordings"):
        audacity.write(tmp_path / "t.txt", events)
    with pytest.raises(ValueError, match="2 bands for 1 events"):
        audacity.write(tmp_path / "t.txt", events[:1], [None, None])
    with pytest.raises(ValueError, match="expected 0 <= low <= high"):
        audacity.write(tmp_path / "t.txt", events[:1], [(2.0, 1.0)])


# BirdsongRecognition

SEQUENCES = """<?xml version="1.0" encoding="UTF-8"?>
<Sequences><NumSequence>3</NumSequence>
<Sequence><WaveFileName>0.wav</WaveFileName><Position>32000</Position><Length>43168</Length>
<NumNote>2</NumNote>
<Note><Position>2240</Position><Length>2688</Length><Label>0</Label></Note>
<Note><Position>8256</Position><Length>704</Length><Label>5</Label></Note></Sequence>
<Sequence><WaveFileName>0.wav</WaveFileName><Position>96000</Position><Length>100</Length>
<NumNote>1</NumNote>
<Note><Position>0</Position><Length>3200</Length><Label>0</Label></Note></Sequence>
<Sequence><WaveFileName>1.wav</WaveFileName><Position>0</Position><Length>1</Length>
<NumNote>0</NumNote></Sequence></Sequences>
"""


def test_notes_count_from_their_sequence_and_sequences_from_the_recording(tmp_path):
    found = birdsong_xml.read(write(tmp_path, SEQUENCES), SAMPLE_RATE)
    assert found.events == [
        Event("0", (32000 + 2240) / 32000, (32000 + 2240 + 2688) / 32000, "0"),
        Event("0", 1.258, 1.28, "5"),
        Event("0", 3.0, 3.1, "0"),
    ]
    assert found.recordings == {"0": 1, "1": 3}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "<NumNote>2",
            "<NumNote>3",
            "sequence 1: NumNote is 3, but there are 2; was the file cut?",
        ),
        ("<NumSequence>3", "<NumSequence>4", "NumSequence is 4, but there are 3"),
        ("<Position>8256", "<Position>82.5", "sequence 1, note 2: Position is '82.5'"),
        ("<Length>704", "<Length>0", "sequence 1, note 2: the event lasts from"),
        ("<Label>5</Label>", "<Label/>", "sequence 1, note 2: no Label"),
        ("<WaveFileName>1.wav", "<WaveFileName>", "sequence 3: no WaveFileName"),
        ("Sequences>", "Songs>", "the root element is 'Songs'"),
        ("</Sequence></Sequences>", "</Sequence>", "line 12: not XML"),
        ("<Sequences>", "<!DOCTYPE Sequences><Sequences>", "declares a document type or entities"),
    ],
)
def test_what_an_annotation_xml_cannot_mean_is_refused(tmp_path, old, new, message):
    changed = SEQUENCES.replace(old, new)
    assert changed != SEQUENCES
    with pytest.raises(ValueError, match=re.escape(message)):
        birdsong_xml.read(write(tmp_path, changed), SAMPLE_RATE)


def test_a_large_xml_is_not_parsed(tmp_path, monkeypatch):
    monkeypatch.setattr(annotation, "MOST_BYTES", 100)
    with pytest.raises(ValueError, match="has more than 100 bytes"):
        birdsong_xml.read(write(tmp_path, SEQUENCES), SAMPLE_RATE)


def test_events_between_samples_are_one_sample_long_at_least(tmp_path):
    birdsong_xml.write(tmp_path / "x.xml", [Event("a", 1.0, 1.000001, "x")], 1000)
    assert birdsong_xml.read(tmp_path / "x.xml", 1000).events == [Event("a", 1.0, 1.001, "x")]
