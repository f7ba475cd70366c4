"""Class names that are probably one: noted with counts, refused on demand, and renamed."""

import unicodedata

import pytest

from dawnchorus.corpora import catalog, class_names, tables
from dawnchorus.corpora.tables import Found, Recording


def recordings(*labels):
    return [
        Recording(f"r{i}", f"r{i}.wav", labels=label, labelled=True)
        for i, label in enumerate(labels)
    ]


def notes(*labels):
    return class_names.name_notes(recordings(*labels))


ACCENT = "Séries"
SAME = "differ only in case, blanks, hyphens or accents"


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (["Robin", "robin", "robin"], [f"1 class names {SAME}", "'Robin' (1) = 'robin' (2)"]),
        (["robin ", "robin"], [SAME, "'robin' (1) = 'robin ' (1)"]),
        (["sedge warbler", "sedge_warbler", "Sedge-Warbler"], [SAME, "'sedge_warbler' (1)"]),
        ([ACCENT, unicodedata.normalize("NFD", ACCENT)], [SAME]),
        (["robin", "robbin"], ["1 pairs of class names differ in one letter", "'robbin' (1)"]),
        (["robin", "robon"], ["differ in one letter"]),
        (["wrens", "xwrens"], ["differ in one letter"]),
        (["robin", "robin,wren"], ["1 class names hold others; ';'", "'robin,wren' (1)"]),
        (["wren|robin", "wren"], ["hold others"]),
    ],
)
def test_names_that_are_nearly_one_are_noted(labels, words):
    (note,) = notes(*labels)
    assert all(word in note for word in words), note
    assert note.endswith("rename_classes makes them one")


@pytest.mark.parametrize(
    "labels",
    [
        ["robin", "wren"],
        ["robin;wren", "robin", "wren", ""],
        ["class 1", "class 2", "class 10"],
        ["abc", "abe"],
        ["marsh warbler", "marsh tit"],
        ["Robin, European", "Wren, House"],
        ["Alarm_bell_ringing", "Blender", "Cat", "Dishes", "Dog", "Electric_shaver_toothbrush",
         "Frying", "Running_water", "Speech", "Vacuum_cleaner"],
    ],
)  # fmt: skip
def test_other_names_are_passed_in_silence(labels):
    assert notes(*labels) == []


def test_at_most_five_are_shown():
    words = ["blackbird", "goldcrest", "chiffchaff", "nuthatch", "linnet", "twite", "dunnock"]
    (note,) = notes(*words, *(word.upper() for word in words))
    assert note.startswith("7 class names") and note.count(" = ") == 5  # noqa: PT018
    assert ", ...; rename" in note


def test_pairs_are_those_of_the_plain_way():
    """Against a comparison of every pair, letter by letter."""

    def one_apart(a, b):
        if len(a) == len(b):
            return sum(x != y for x, y in zip(a, b, strict=True)) == 1
        a, b = sorted((a, b), key=len)
        return len(b) == len(a) + 1 and any(b[:i] + b[i + 1 :] == a for i in range(len(b)))

    words = [
        "robin",
        "robbin",
        "robins",
        "obins",
        "rabin",
        "rabbin",
        "warbler",
        "warblre",
        "warble",
    ]
    plain = {(a, b) for a in words for b in words if a < b and one_apart(a, b)}
    assert set(class_names.one_apart(words)) == plain


@pytest.fixture
def settings(tmp_path):
    """Settings of a corpus of folders, in which two spellings of one class are."""
    for folder, name in (("Robin", "a"), ("robin", "b"), ("wren", "c")):
        path = tmp_path / "au" / folder / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"RIFF" + name.encode())
    return {
        "adapter": "folders", "root": str(tmp_path / "au"), "shards": 1, "fingerprint": "content",
        "missing_files": "error", "pattern": "{class}/{}", "classes": None, "unmatched": "error",
    }  # fmt: skip


def labels_of(settings, results):
    index = catalog.list_corpus("c", settings, results)
    return index, tables.read_labels(tables.labels_path(results, "c", index["labels"]))


def test_a_corpus_notes_refuses_and_renames(settings, tmp_path):
    index, found = labels_of(settings, tmp_path / "results")
    (note,) = index["notes"]
    assert "'Robin' (1) = 'robin' (1)" in note
    assert [one.labels for one in found] == [("Robin",), ("robin",), ("wren",)]
    with pytest.raises(ValueError, match=r"corpus 'c': 1 class names .* set strict_names: false"):
        labels_of(settings | {"strict_names": True}, tmp_path / "results")
    names = {"strict_names": True, "rename_classes": {"Robin": "robin"}}
    index, found = labels_of(settings | names, tmp_path / "results")
    assert index["notes"] == []
    assert [one.labels for one in found] == [("robin",), ("robin",), ("wren",)]


def test_events_are_renamed_with_their_recordings():
    rows = recordings("Robin;robin", "wren")
    rows[1] = rows[1]._replace(background="robin")
    events = [("r0", 0.0, 1.0, "Robin"), ("r1", 0.0, 1.0, "wren")]
    found = class_names.renamed(Found(rows, [], [], events), {"Robin": "robin"})
    assert [(row.labels, row.background) for row in found.recordings] == [
        ("robin", ""),
        ("wren", "robin"),
    ]
    assert found.events == [("r0", 0.0, 1.0, "robin"), ("r1", 0.0, 1.0, "wren")]
    assert class_names.name_notes(found.recordings) == []


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({"Wren": "wren"}, ["['Wren'] are no classes", "'robin', 'wren'"]),
        ({"wren": "a;b"}, ["'a;b'; expected a name without ';'"]),
        ({"wren": " x"}, ["outer blanks"]),
        ({"wren": ""}, ["expected a name"]),
    ],
)
def test_names_that_cannot_be_are_refused(names, words):
    with pytest.raises(ValueError, match="rename_classes") as error:
        class_names.renamed(Found(recordings("wren", "robin"), [], []), names)
    assert all(word in str(error.value) for word in words), error.value


def test_folders_of_classes_without_recordings(settings, tmp_path):
    """Empty ones are noted; one whose files are all no recordings is an error."""
    (tmp_path / "au" / "lark").mkdir()
    (tmp_path / "au" / "lark" / ".DS_Store").touch()
    names = {"rename_classes": {"Robin": "robin"}}
    index, _ = labels_of(settings | names, tmp_path / "results")
    assert "1 folders of classes hold no recording: 'lark'" in index["notes"]
    (tmp_path / "au" / "lark" / "a.wma").touch()
    with pytest.raises(ValueError, match=r"1 classes lose all of their files: 'lark' \(1 files\)"):
        labels_of(settings | names, tmp_path / "results")


def test_a_table_may_not_lose_a_class(tmp_path):
    (tmp_path / "m.csv").write_text("path,labels\na.wav,robin\nb.wav,wren\nc.wav,wren;robin\n")
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    settings = {"adapter": "table", "table": str(tmp_path / "m.csv"), "missing_files": "exclude"}
    with pytest.raises(ValueError, match=r"1 classes lose all of their files: 'wren' \(2 files\)"):
        catalog.find_recordings("c", settings)
    (tmp_path / "c.wav").write_bytes(b"RIFF")
    assert len(catalog.find_recordings("c", settings).recordings) == 2
