"""Facts about listing: adapters, label files, digests, shards, the index and the hash cache."""

import ast
import hashlib
import itertools
import os
import re
import shutil
import subprocess
import sys
import time
import types
import unicodedata
from pathlib import Path

import pytest

from dawnchorus.corpora import audio_files, bird_detection_labels, catalog, tables
from dawnchorus.corpora.adapters import folders, table
from dawnchorus.formats import label_sheet, parquet
from dawnchorus.settings.references import parse_reference

OLD = 1_500_000_000  # seconds: a file this old is settled


def write(path: Path, content: bytes | str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    os.utime(path, (OLD, OLD))
    return str(path)


def challenge(tmp_path, csv="itemid,hasbird\na,1\nb,0\n", names=("a.wav", "b.wav"), **changes):
    """Settings of a small corpus of data set ``x``, with the files and the label file made."""
    (tmp_path / "x").mkdir(exist_ok=True)
    for name in names:
        write(tmp_path / "x" / name, f"sound of {name}".encode("utf-8", "surrogateescape"))
    path = write(tmp_path / "x.csv", csv)
    return {
        "adapter": "bird_detection",
        "shards": 4,
        "fingerprint": "content",
        "missing_files": "error",
        "max_excluded": 0.01,
        "data_sets": {"x": {"audio": str(tmp_path / "x"), "labels": path}},
        "groups": None,
        **changes,
    }


def own(tmp_path, csv, names=("a.wav", "b.wav"), **changes):
    """Settings of a table corpus, with the files and the table made."""
    for name in names:
        write(tmp_path / name, f"sound of {name}")
    return {
        "adapter": "table",
        "shards": 2,
        "fingerprint": "content",
        "missing_files": "error",
        "table": write(tmp_path / "t.csv", csv),
        "root": None,
        "separator": ";",
        "binary_class": None,
        **changes,
    }


def listed(tmp_path, settings):
    """List the corpus; its index, labels by id, listing rows by id, and excluded rows."""
    results = tmp_path / "results"
    index = catalog.list_corpus("c", settings, results)
    truths = tables.read_labels(tables.labels_path(results, "c", index["labels"]))
    rows = []
    for shard, about in index["shards"].items():
        path = tables.listing_path(results, "c", shard, about["digest"])
        lying = tables.read_places(path)
        rows += [
            types.SimpleNamespace(**row._asdict(), path=lying[row.id])
            for row in tables.read_listing(path, about["digest"])
        ]
    excluded = tables.read_excluded(tables.excluded_path(results, "c", index["excluded"]))
    lines = [",".join(row) for row in excluded]
    return index, {t.id: t for t in truths}, {r.id: r for r in rows}, lines


def test_a_challenge_corpus_is_listed(tmp_path):
    index, truths, rows, excluded = listed(tmp_path, challenge(tmp_path))
    assert truths["x/a"] == tables.Labelled("x/a", "x", "", "", "", True, ("bird",))
    assert truths["x/b"] == tables.Labelled("x/b", "x", "", "", "", True, ())
    assert rows["x/a"].sha256 == hashlib.sha256(b"sound of a.wav").hexdigest()
    assert rows["x/a"].bytes == len(b"sound of a.wav")
    assert rows["x/a"].path == str(tmp_path / "x" / "a.wav")
    assert (index["recordings"], index["notes"], excluded) == (2, [], [])
    assert index == tables.read_index("c", tmp_path / "results")


def test_listing_imports_no_numpy():
    adapters = ", ".join(catalog.adapter_names())
    code = "import sys; from dawnchorus.corpora import catalog;"
    code += f"from dawnchorus.corpora.adapters import {adapters};"
    code += "sys.exit(any(m in sys.modules for m in ('numpy', 'soundfile', 'pandas')))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_shard_follows_from_the_id_alone():
    digits = hashlib.sha256("x/ä 1".encode()).hexdigest()[:15]
    assert tables.shard_of("x/ä 1", 7) == f"{int(digits, 16) % 7:03d}"
    assert tables.shard_of("x/a", 1) == "000"
    assert max(len(tables.shard_of(f"x/{i}", 5000)) for i in range(50)) == 4


def test_only_the_shard_of_a_changed_recording_gets_another_digest(tmp_path):
    names = [f"{i}.wav" for i in range(12)]
    settings = challenge(tmp_path, "itemid\n" + "\n".join(n[:-4] for n in names) + "\n", names)
    before = listed(tmp_path, settings)[0]
    write(tmp_path / "x" / "3.wav", "other sound")
    after = listed(tmp_path, settings)[0]
    changed = {s for s in before["shards"] if before["shards"][s] != after["shards"][s]}
    assert changed == {tables.shard_of("x/3", 4)}
    assert before["labels"] == after["labels"]


def test_a_second_listing_writes_nothing(tmp_path):
    settings = challenge(tmp_path)
    listed(tmp_path, settings)
    kept = {p: p.stat().st_mtime_ns for p in (tmp_path / "results").rglob("*") if p.is_file()}
    os.utime(tmp_path / "x" / "a.wav", (OLD + 5, OLD + 5))
    listed(tmp_path, {**dict(reversed(settings.items()))})
    again = {p: p.stat().st_mtime_ns for p in (tmp_path / "results").rglob("*") if p.is_file()}
    assert {p.name for p in again if again[p] != kept.get(p)} == {".hashes"}


def test_cached_hashes_are_used_until_the_file_changes(tmp_path, monkeypatch):
    settings = challenge(tmp_path)
    listed(tmp_path, settings)
    hashed = []
    real = audio_files.file_hash
    monkeypatch.setattr(
        audio_files, "file_hash", lambda p, s: hashed.append(Path(p).name) or real(p, s)
    )
    listed(tmp_path, settings)
    assert hashed == []
    write(tmp_path / "x" / "b.wav", "other sound, older or not")
    rows = listed(tmp_path, settings)[2]
    assert hashed == ["b.wav"]
    assert rows["x/b"].sha256 == hashlib.sha256(b"other sound, older or not").hexdigest()


def test_what_is_moved_on_its_disk_is_not_hashed_again(tmp_path, monkeypatch):
    settings = challenge(tmp_path)
    rows = listed(tmp_path, settings)[2]
    hashed = []
    real = audio_files.file_hash
    monkeypatch.setattr(audio_files, "file_hash", lambda p, s: hashed.append(p) or real(p, s))
    settings = moved(tmp_path, settings, tmp_path / "to")
    after = listed(tmp_path, settings)[2]
    assert hashed == []
    assert {row.sha256 for row in after.values()} == {row.sha256 for row in rows.values()}
    kept = (tmp_path / "results/corpora/c/.hashes").read_text()
    assert f"{tmp_path}/to/x/a.wav\n" in kept  # a job finds it there
    # a copy has another inode, and a file of the same state may have another name
    shutil.copytree(tmp_path / "to", tmp_path / "copy")
    (tmp_path / "copy/x/a.wav").write_bytes(b"SOUND of a.wav")
    settings = ast.literal_eval(repr(settings).replace(f"{tmp_path}/to", f"{tmp_path}/copy"))
    assert listed(tmp_path, settings)[2]["x/a"].sha256 != rows["x/a"].sha256
    assert len(hashed) == 2


def test_a_file_changed_just_now_is_hashed_again(tmp_path):
    settings = challenge(tmp_path)
    (tmp_path / "x" / "a.wav").write_bytes(b"1")  # as young as the clock's tick
    state = (tmp_path / "x" / "a.wav").stat()
    listed(tmp_path, settings)
    (tmp_path / "x" / "a.wav").write_bytes(b"2")
    os.utime(tmp_path / "x" / "a.wav", ns=(state.st_atime_ns, state.st_mtime_ns))
    assert listed(tmp_path, settings)[2]["x/a"].sha256 == hashlib.sha256(b"2").hexdigest()


def test_a_broken_cache_is_an_empty_one(tmp_path):
    settings = challenge(tmp_path)
    before = listed(tmp_path, settings)[0]
    (tmp_path / "results/corpora/c/.hashes").write_bytes(b"\xff\xfe no cache\n\n1 2\n")
    assert listed(tmp_path, settings)[0] == before


def test_fingerprint_stat_reads_no_content(tmp_path):
    rows = listed(tmp_path, challenge(tmp_path, fingerprint="stat"))[2]
    assert rows["x/a"].sha256 == ""
    assert rows["x/a"].bytes > 0
    assert rows["x/a"].modified == str(OLD)


def repeated(settings):
    return bird_detection_labels.submission_rows(bird_detection_labels.label_rows(settings)[0])


def moved(folder, settings, to):
    """Move everything below a folder, and return the settings with the paths that it has then."""
    to.mkdir(parents=True)
    for path in folder.iterdir():
        if path.name != "results" and path != to:
            path.rename(to / path.name)
    text = repr(settings).replace(str(folder), str(to))
    return ast.literal_eval(text)


@pytest.mark.parametrize("make", [challenge, own])
@pytest.mark.parametrize("fingerprint", ["content", "stat"])
def test_recordings_and_labels_that_are_moved_change_no_digest(tmp_path, make, fingerprint):
    csv = "itemid,hasbird\na,1\nb,0\nz,1\n"
    if make is own:
        csv = "path,id,labels\na.wav,1,x\nb.wav,2,y\nz.wav,3,x\n"
    settings = make(tmp_path, csv, missing_files="exclude", fingerprint=fingerprint)
    index, *tables = listed(tmp_path, settings)
    settings = moved(tmp_path, settings, tmp_path / "other disk")
    after, *tables_after = listed(tmp_path, settings)
    assert after == index
    assert tables_after[0] == tables[0]
    assert tables_after[2] == tables[2] != []
    for row in tables_after[1].values():
        assert row.path.startswith(f"{tmp_path}/other disk/")
        assert Path(row.path).is_file()


def test_a_table_under_another_name_changes_no_digest(tmp_path):
    settings = own(tmp_path, "path,labels\na.wav,x\nz.wav,x\n", missing_files="exclude")
    index = listed(tmp_path, settings)[0]
    (tmp_path / "t.csv").rename(tmp_path / "renamed.csv")
    assert listed(tmp_path, settings | {"table": str(tmp_path / "renamed.csv")})[0] == index


def test_a_path_may_be_relative_or_lead_through_a_link(tmp_path, monkeypatch):
    settings = own(tmp_path, "path,labels\na.wav,x\nb.wav,y\n", root=str(tmp_path))
    index = listed(tmp_path, settings)[0]
    monkeypatch.chdir(tmp_path)
    assert listed(tmp_path, settings | {"root": "."})[0] == index
    (tmp_path / "deep/er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep/er")
    assert listed(tmp_path, settings | {"root": "../.."})[0] == index
    (tmp_path / "deep/link").symlink_to(tmp_path)
    assert listed(tmp_path, settings | {"root": str(tmp_path / "deep/link")})[0] == index


def test_another_file_name_changes_the_names_alone(tmp_path):
    settings = own(tmp_path, "path,id,labels\na.wav,1,x\nb.wav,2,y\n")
    index = listed(tmp_path, settings)[0]
    (tmp_path / "a.wav").rename(tmp_path / "renamed.WAV")
    settings = own(tmp_path, "path,id,labels\nrenamed.WAV,1,x\nb.wav,2,y\n", ("b.wav",))
    after = listed(tmp_path, settings)[0]
    assert {key for key in index if index[key] != after[key]} == {"names"}
    names = tables.names_path(tmp_path / "results", "c", after["names"])
    assert tables.read_names(names) == {"1": "renamed.WAV", "2": "b.wav"}
    # what a file is called by its extension is compared with what it holds
    (tmp_path / "renamed.WAV").rename(tmp_path / "a.mp3")
    settings = own(tmp_path, "path,id,labels\na.mp3,1,x\nb.wav,2,y\n", ("b.wav",))
    changed = listed(tmp_path, settings)[0]
    assert {key for key in index if index[key] != changed[key]} == {"names", "shards"}


def test_beside_a_run_nothing_is_replaced_that_a_job_reads(tmp_path):
    settings = own(tmp_path, "path,labels\na.wav,x\n", ("a.wav",), shards=1)
    results = tmp_path / "results"

    def lies(settings, **more):
        index = catalog.list_corpus("c", settings, results, **more)
        digest = index["shards"]["000"]["digest"]
        return tables.read_places(tables.listing_path(results, "c", "000", digest))["a.wav"]

    # a dry run before the first run writes what is missing
    assert lies(settings, has_lock=False) == str(tmp_path / "a.wav")
    shutil.copytree(tmp_path, tmp_path / "copy", ignore=shutil.ignore_patterns("results"))
    copied = settings | {"root": str(tmp_path / "copy")}
    assert lies(copied, has_lock=False) == str(tmp_path / "a.wav")
    assert lies(copied) == str(tmp_path / "copy" / "a.wav")


def test_a_listing_with_another_digest_is_refused(tmp_path):
    index = listed(tmp_path, challenge(tmp_path))[0]
    shard, about = next(iter(index["shards"].items()))
    path = tables.listing_path(tmp_path / "results", "c", shard, about["digest"])
    tables.write_rows(path, tables.LISTING, [("x/z", "wav", 1, "", "")])
    with pytest.raises(ValueError, match=rf"expected {about['digest']}"):
        tables.read_listing(path, about["digest"])


def test_a_number_of_a_table_may_be_none(tmp_path):
    rows = [("r1", "nan"), ("r2", "1.5"), ("r1", "inf")]
    parquet.write(tmp_path / "t.parquet", ["id", "onset"], rows, {"onset": float})
    assert parquet.read_rows(tmp_path / "t.parquet") == (["id", "onset"], rows)


@pytest.mark.parametrize("content", [b"", b"PAR1 and no more", None])
def test_a_damaged_table_is_written_again(tmp_path, content):
    settings = challenge(tmp_path)
    index = listed(tmp_path, settings)[0]
    path = tables.labels_path(tmp_path / "results", "c", index["labels"])
    whole = path.read_bytes()
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    listed(tmp_path, settings)
    assert path.read_bytes() == whole


def test_a_table_that_nothing_remembers_is_read_and_stays(tmp_path):
    settings = challenge(tmp_path)
    results = tmp_path / "results"
    index = listed(tmp_path, settings)[0]
    path = tables.labels_path(results, "c", index["labels"])
    # as another version of pyarrow may have written it
    path.write_bytes(rewritten(path))
    kept = path.read_bytes()
    listed(tmp_path, settings)
    (results / "corpora/c/.tables").write_text("[1, 2")
    listed(tmp_path, settings)
    assert path.read_bytes() == kept


def rewritten(path):
    """Return the same rows as another Parquet file."""
    import pandas

    return pandas.read_parquet(path).to_parquet(compression="gzip")


def test_equal_rows_give_equal_files_in_every_process(tmp_path):
    code = "import sys; from dawnchorus.corpora import tables;"
    code += "tables.write_rows(sys.argv[1], tables.LABELS, [('b', 'x', *[''] * 8), ('a', *'yyyyy1yyy')])"
    for name in ("1", "2"):
        subprocess.run([sys.executable, "-c", code, tmp_path / name], check=True)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_a_start_with_nothing_new_imports_no_pandas(tmp_path):
    settings = challenge(tmp_path)
    listed(tmp_path, settings)
    code = "import sys; from dawnchorus.corpora import catalog;"
    code += f"catalog.list_corpus('c', {settings!r}, {str(tmp_path / 'results')!r});"
    code += "sys.exit(any(m in sys.modules for m in ('numpy', 'pandas', 'pyarrow')))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_counts_of_subsets_are_those_of_the_labels(tmp_path):
    csv = "path,labels,group,fold,split\na.wav,x,g,1,train\nb.wav,y,,2,train\n"
    index, truths, _, _ = listed(tmp_path, own(tmp_path, csv))
    counts = {"strong": 0, "labelled": 2, "groups": 2, "recordists": 2, "folds": ["1", "2"]}
    counts["classes"] = {"x": 1, "y": 1}
    assert tables.counts_of(index, "train") == tables.counts_of(index, None) == counts
    assert tables.subset_counts(truths.values())["all"] == counts
    with pytest.raises(ValueError, match=r"no recording is in split 'val'; there are \['train'\]"):
        tables.counts_of(index, "val")


def test_an_unlisted_corpus_says_so(tmp_path):
    with pytest.raises(ValueError, match="corpus 'nope' is not listed"):
        tables.read_index("nope", tmp_path)


def test_a_corpus_without_recordings_is_an_error(tmp_path):
    settings = challenge(tmp_path, names=(), missing_files="exclude")
    with pytest.raises(ValueError, match=r"'c' has no recordings; 2 were excluded: 'x/a'"):
        listed(tmp_path, settings)


def test_an_unknown_adapter_is_refused(tmp_path):
    with pytest.raises(ValueError, match="adapter 'os', expected one of"):
        listed(tmp_path, {**challenge(tmp_path), "adapter": "os"})


def test_references_name_a_corpus_and_perhaps_a_split():
    assert parse_reference("mine") == ("mine", None)
    assert parse_reference("mine:test") == ("mine", "test")
    for wrong in (":test", "mine:", ""):
        with pytest.raises(ValueError, match="corpus reference"):
            parse_reference(wrong)


def test_a_split_is_selected_and_a_missing_one_named(tmp_path):
    csv = "path,labels,split\na.wav,x,train\nb.wav,y,test\n"
    truths = list(listed(tmp_path, own(tmp_path, csv))[1].values())
    assert [t.id for t in tables.select(truths, "test")] == ["b.wav"]
    assert tables.select(truths, None) == truths
    with pytest.raises(ValueError, match=r"split 'val'; there are \['test', 'train'\]"):
        tables.select(truths, "val")


# the layout of the challenges


def test_2018_label_files_name_the_data_set(tmp_path):
    for place in ("audio/ff/1.wav", "audio/wb/1.flac", "audio/3.OGG"):
        write(tmp_path / place, place)
    csv = write(tmp_path / "all.csv", "itemid,datasetid,hasbird\n1,wb,0\n1,ff,1\n3,flat,1\n")
    settings = challenge(
        tmp_path, data_sets={"any": {"audio": str(tmp_path / "audio"), "labels": csv}}
    )
    truths = listed(tmp_path, settings)[1]
    assert {name: t.labels for name, t in truths.items()} == {
        "ff/1": ("bird",), "flat/3": ("bird",), "wb/1": ()
    }  # fmt: skip
    assert truths["wb/1"].data_set == "wb"
    found = repeated(settings)
    assert [name for name, _ in found.rows] == ["wb/1", "ff/1", "flat/3"]
    assert found.columns == ["itemid", "datasetid", "hasbird"]


@pytest.mark.parametrize("extension", ["wav", "FLAC", "ogg", "mp3", "aif", "Aiff"])
def test_any_audio_extension_in_any_case(tmp_path, extension):
    settings = challenge(tmp_path, "itemid,hasbird\na,1\n", (f"a.{extension}",))
    assert set(listed(tmp_path, settings)[1]) == {"x/a"}


def test_an_itemid_may_carry_extension_and_data_set(tmp_path):
    csv = "itemid,hasbird\nx/b.wav,1\na.wav,0\nc.d,1\n"
    settings = challenge(tmp_path, csv, ("a.wav", "b.wav", "c.d.wav"))
    assert set(listed(tmp_path, settings)[1]) == {"x/a", "x/b", "x/c.d"}
    order = [("x/b", "x/b.wav"), ("x/a", "a.wav"), ("x/c.d", "c.d")]
    assert repeated(settings).rows == order


@pytest.mark.parametrize(
    "csv", ["itemid\na\nb\n", "itemid,hasbird\na,?\nb,\n", "itemid,hasbird\na,nan\nb,test\n", None]
)
def test_a_test_set_has_no_truth(tmp_path, csv):
    settings = challenge(tmp_path, csv or "itemid\na\nb\n")
    if csv is None:
        settings["data_sets"]["x"]["labels"] = None
    index, truths, _, _ = listed(tmp_path, settings)
    assert [t.labelled for t in truths.values()] == [False, False]
    assert "2 recordings have no label that is a number" in index["notes"][-1]
    assert [name for name, _ in repeated(settings).rows] == ["x/a", "x/b"]


def test_hasbird_is_0_or_1(tmp_path):
    settings = challenge(tmp_path, "itemid,hasbird\na,1.0\nb,0.7\n")
    with pytest.raises(ValueError, match=r"x\.csv, line 3: hasbird is '0\.7', expected 0 or 1"):
        listed(tmp_path, settings)


def test_the_header_starts_with_itemid(tmp_path):
    with pytest.raises(ValueError, match="line 1 starts with 'id', expected 'itemid'"):
        listed(tmp_path, challenge(tmp_path, "id,hasbird\na,1\n"))


def test_submission_order_keeps_rows_without_a_file(tmp_path):
    settings = challenge(tmp_path, "itemid,hasbird\nz,1\nb,0\na,1\n", missing_files="exclude")
    index, *_, excluded = listed(tmp_path, settings)
    assert index["label_rows"]["columns"] == ["itemid", "hasbird"]
    digest = index["label_rows"]["digest"]
    rows = tables.read_label_rows(tables.label_rows_path(tmp_path / "results", "c", digest))
    assert rows == [("x/z", "z"), ("x/b", "b"), ("x/a", "a")]
    assert excluded == ["x/z,MISSING_FILE,line 2 of the label file"]


def test_label_files_of_one_submission_have_one_header(tmp_path):
    settings = challenge(tmp_path)
    other = write(tmp_path / "y.csv", "itemid\nq\n")
    settings["data_sets"]["y"] = {"audio": str(tmp_path / "x"), "labels": other}
    with pytest.raises(ValueError, match=r"y\.csv has columns \['itemid'\]"):
        repeated(settings)
    write(tmp_path / "x" / "q.wav", "sound")
    assert "label_rows" not in listed(tmp_path, settings)[0]


def test_labels_without_a_file_are_an_error_that_lists_five(tmp_path):
    csv = "itemid,hasbird\na,1\nb,0\n" + "".join(f"m{i},1\n" for i in range(7))
    match = r"MISSING_FILE: 7 label rows.*'x/m0', .*'x/m4' and 2 more.*missing_files: exclude"
    with pytest.raises(ValueError, match=match):
        listed(tmp_path, challenge(tmp_path, csv))


def test_files_without_a_label_are_excluded_and_told(tmp_path):
    index, _, rows, excluded = listed(
        tmp_path, challenge(tmp_path, names=("a.wav", "b.wav", "c.wav"))
    )
    assert excluded == ["x/c,NO_LABEL,no row in a label file"]
    assert "x: 1 recordings have no label row and are left out: 'c.wav'" in index["notes"]
    assert set(rows) == {"x/a", "x/b"}


def test_hidden_and_partial_files_are_counted(tmp_path):
    names = ("a.wav", "b.wav", "._a.wav", ".hidden", "c.wav.part", "notes.txt")
    notes = listed(tmp_path, challenge(tmp_path, names=names))[0]["notes"]
    assert "x: 3 files ignored, hidden or partly downloaded" in notes
    assert "x: 1 file ignored, not audio by the extension" in notes


def test_groups_come_from_a_file_of_their_own(tmp_path):
    groups = write(tmp_path / "g.csv", "id,group\nx/a,night 1\n")
    index, truths, _, _ = listed(tmp_path, challenge(tmp_path, groups=groups))
    assert (truths["x/a"].group, truths["x/b"].group) == ("night 1", "")
    assert any("1 recordings have no group in g.csv" in note for note in index["notes"])


def test_groups_of_another_corpus_are_refused(tmp_path):
    groups = write(tmp_path / "g.csv", "id,group\na,night 1\n")
    with pytest.raises(ValueError, match="first is 'a', expected ids such as 'x/a'"):
        listed(tmp_path, challenge(tmp_path, groups=groups))


def test_a_recording_in_two_groups_is_an_error(tmp_path):
    groups = write(tmp_path / "g.csv", "id,group\nx/a,n1\nx/a,n2\n")
    with pytest.raises(ValueError, match=r"line 3 says 'n2' of 'x/a', but .*line 2 says 'n1'"):
        listed(tmp_path, challenge(tmp_path, groups=groups))


# names

ODD = ["a b", 'it\'s "q"', "$(touch x)`;&%", "-rf", "tab\there", "ünïcödé 鳥", "comma,id"]
ODD += ["007", "12e3"]


def test_names_are_data(tmp_path):
    quoted = "".join('"{}",1\n'.format(name.replace('"', '""')) for name in ODD)
    settings = challenge(tmp_path, "itemid,hasbird\n" + quoted, [f"{name}.wav" for name in ODD])
    _, truths, rows, excluded = listed(tmp_path, settings)
    assert set(truths) == set(rows) == {f"x/{name}" for name in ODD}
    assert all(Path(row.path).is_file() for row in rows.values())
    assert excluded == []
    assert listed(tmp_path, settings)[2] == rows  # once more, through the cache


def test_names_that_cannot_be_handled_are_excluded_escaped(tmp_path):
    names = ["a.wav", "b.wav", "new\nline.wav", os.fsdecode(b"latin-\xe9.wav")]
    excluded = listed(tmp_path, challenge(tmp_path, names=names))[3]
    assert [row.split(",")[:2] for row in excluded] == [
        [r"x/latin-\xe9.wav", "NAME_UNSUPPORTED"],
        [r"x/new\x0aline.wav", "NAME_UNSUPPORTED"],
    ]


def test_a_labelled_name_with_control_characters_is_not_missing(tmp_path):
    csv = "itemid,hasbird\na,1\nbell\x07,1\n"
    excluded = listed(tmp_path, challenge(tmp_path, csv, ("a.wav", "bell\x07.wav")))[3]
    assert [row.split(",")[:2] for row in excluded] == [[r"x/bell\x07.wav", "NAME_UNSUPPORTED"]]


@pytest.mark.parametrize(
    ("one", "other"), [("a.wav", "A.wav"), ("a.wav", "a.ogg"), ("\xe9.wav", "e\u0301.wav")]
)
def test_names_that_collide_are_refused(tmp_path, one, other):
    settings = challenge(tmp_path, "itemid,hasbird\na,1\n", (one, other))
    with pytest.raises(ValueError, match=r"NAME_COLLISION in .*rename or remove one"):
        listed(tmp_path, settings)


def test_composed_labels_find_decomposed_names(tmp_path):
    label = unicodedata.normalize("NFC", "käuzchen")
    name = unicodedata.normalize("NFD", "käuzchen.wav")
    assert set(listed(tmp_path, challenge(tmp_path, f"itemid\n{label}\n", (name,)))[1]) == {
        f"x/{label}"
    }


def test_what_is_no_regular_file_is_listed_for_the_decoder_to_judge(tmp_path):
    settings = challenge(tmp_path, "itemid\na\nb\nc\nd\n", ("a.wav",))
    (tmp_path / "x" / "b.wav").mkdir()
    (tmp_path / "x" / "c.wav").symlink_to("nowhere")
    os.mkfifo(tmp_path / "x" / "d.wav")
    rows = listed(tmp_path, settings)[2]
    assert {name for name, row in rows.items() if not row.sha256} == {"x/b", "x/c", "x/d"}


def test_a_missing_folder_is_named(tmp_path):
    settings = challenge(tmp_path)
    settings["data_sets"]["x"]["audio"] = str(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"nowhere' cannot be read \(No such file"):
        listed(tmp_path, settings)


# equal content


def test_equal_content_under_other_labels_is_told(tmp_path):
    settings = challenge(tmp_path)
    write(tmp_path / "x" / "b.wav", "sound of a.wav")
    index, _, rows, _ = listed(tmp_path, settings)
    assert "1 contents stand under ids that differ" in index["notes"][-1]
    assert "'x/a = x/b'" in index["notes"][-1]
    assert tables.duplicates(rows.values()) == [("x/a", "x/b")]


def test_equal_content_with_equal_truth_is_not_told(tmp_path):
    settings = challenge(tmp_path, "itemid,hasbird\na,1\nb,1\n")
    write(tmp_path / "x" / "b.wav", "sound of a.wav")
    assert listed(tmp_path, settings)[0]["notes"] == []


def test_unknown_content_equals_nothing():
    rows = [tables.Listed(name, "wav", 1, "", "") for name in ("a", "b")]
    assert tables.duplicates(rows) == []


# label files


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_order_mark_change_nothing(tmp_path, ends, mark):
    text = ends.join(["itemid,hasbird", "007,1", "NA,0", "null,1", "1e3,0", "", ""])
    sheet = label_sheet.read_sheet(write(tmp_path / "l.csv", mark + text.encode()))
    assert sheet.rows == [["007", "1"], ["NA", "0"], ["null", "1"], ["1e3", "0"]]
    assert sheet.columns == ["itemid", "hasbird"]
    assert sheet.notes == []


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "is empty, expected a header"),
        (b"\n\n", "is empty, expected a header"),
        (b"itemid,hasbird\n", "header but no rows"),
        ("itemid,hasbird\na,1\n".encode("utf-16"), r"UTF-16 \(byte 0\).*save it as UTF-8"),
        ("itemid,hasbird\nm\xe4,1\n".encode("latin-1"), r"line 2: byte 16 is not UTF-8; save it"),
        (b"itemid;hasbird\na;1\n", "CSV_DIALECT.*line 1 is separated by semicolons"),
        (b"itemid\thasbird\na\t1\n", "CSV_DIALECT.*line 1 is separated by tabs"),
        (b"itemid,hasbird\na,1\nb\n", "CSV_RAGGED.*line 3 has 1 fields, expected 2"),
        (b"itemid,hasbird\na,1,9\n", "CSV_RAGGED.*line 2 has 3 fields, expected 2"),
        (b"itemid,itemid\na,1\n", "line 1: column 'itemid' occurs twice"),
        (b"itemid,hasbird\na,1\nb\0,1\n", r"line 3: a NUL character \(byte 20\)"),
        (b'itemid,hasbird\n"a"b,1\n', "line 2: .*expected CSV"),
        (b"itemid,has_bird\na,1\n", "no column 'hasbird'.*did you mean 'has_bird'"),
        (b"itemid,hasbird\n,1\n", "line 2: itemid is empty"),
        (b"itemid,datasetid,hasbird\na,../x,1\n", "line 2: datasetid is '../x'"),
        (b"itemid,hasbird\na,1\nb,0\na,0\n", "LABEL_CONFLICT.*line 4 says '0' .*line 2 says '1'"),
    ],
)
def test_what_a_label_file_must_not_be(tmp_path, content, match):
    settings = challenge(tmp_path)
    write(tmp_path / "x.csv", content)
    with pytest.raises(ValueError, match=match) as caught:
        listed(tmp_path, settings)
    assert "x.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_label_file_is_named(tmp_path):
    settings = challenge(tmp_path)
    os.unlink(tmp_path / "x.csv")
    with pytest.raises(ValueError, match=r"x\.csv cannot be read \(No such file"):
        listed(tmp_path, settings)


def test_line_numbers_count_empty_lines(tmp_path):
    with pytest.raises(ValueError, match=r"x\.csv, line 5: hasbird is '3'"):
        listed(tmp_path, challenge(tmp_path, "itemid,hasbird\n\na,1\n\nb,3\n"))


def test_repeated_rows_that_agree_count_once_and_are_told(tmp_path):
    settings = challenge(tmp_path, "itemid,hasbird\na,1\nb,0\na.wav,1\n")
    index, truths, _, _ = listed(tmp_path, settings)
    assert set(truths) == {"x/a", "x/b"}
    assert "1 repeated label rows agree" in index["notes"][0]
    assert [text for _, text in repeated(settings).rows] == ["a", "b"]


def test_blanks_around_values_are_stripped_and_told(tmp_path):
    index, truths, _, _ = listed(tmp_path, challenge(tmp_path, "itemid, hasbird\na ,1\nb, 0\n"))
    assert truths["x/a"].labels == ("bird",)
    assert "x.csv: blanks around 1 values of 'itemid' were stripped" in index["notes"]


# a person's own table


def test_a_table_keeps_what_its_columns_say(tmp_path):
    csv = "path,labels,group,fold,split,data_set,comment,recordist,background,media_id\n"
    csv += 'a.wav,NA;007,g,2,train,d,x,"Lark, A.",q;NA,9\nb.wav,,,,,,,,,\n'
    truths = listed(tmp_path, own(tmp_path, csv))[1]
    expected = tables.Labelled(
        "a.wav", "d", "g", "2", "train", True, ("NA", "007"), "Lark, A.", ("q", "NA"), "9"
    )
    assert truths["a.wav"] == expected
    assert truths["b.wav"] == tables.Labelled("b.wav", "", "", "", "", True, ())


def test_columns_of_a_table_may_have_other_names(tmp_path):
    csv = "file,species,recordist,group\na.wav,x,Ann,g1\nb.wav,y,Ben,g2\n"
    columns = {"path": "file", "labels": "species", "group": "recordist"}
    truths = listed(tmp_path, own(tmp_path, csv, columns=columns))[1]
    expected = tables.Labelled("a.wav", "", "Ann", "", "", True, ("x",), "Ann")
    assert truths["a.wav"] == expected
    with pytest.raises(ValueError, match="no column 'specie'.*did you mean 'species'"):
        listed(tmp_path, own(tmp_path, csv, columns={"labels": "specie"}))
    with pytest.raises(ValueError, match="columns has 'label', expected one of path, id, labels"):
        listed(tmp_path, own(tmp_path, csv, columns={"label": "species"}))


def test_the_id_of_a_row_may_be_the_stem_of_its_file(tmp_path):
    write(tmp_path / "far/c.x.wav", "c")
    csv = "path,labels\na.wav,x\nfar/c.x.wav,y\n"
    assert set(listed(tmp_path, own(tmp_path, csv, ids="stem"))[1]) == {"a", "c.x"}
    write(tmp_path / "far/a.wav", "a")
    with pytest.raises(ValueError, match="LABEL_CONFLICT.*line 3"):
        listed(tmp_path, own(tmp_path, "path,labels\na.wav,x\nfar/a.wav,x\n", ids="stem"))
    with_ids = own(tmp_path, "path,id,labels\na.wav,q,x\n", ids="stem")
    assert set(listed(tmp_path, with_ids)[1]) == {"q"}


def test_rows_that_differ_in_background_contradict_each_other(tmp_path):
    csv = "path,labels,background\na.wav,x,y\na.wav,x,z\n"
    with pytest.raises(ValueError, match="LABEL_CONFLICT.*line 3.*line 2"):
        listed(tmp_path, own(tmp_path, csv))


def test_a_table_without_labels_knows_no_truth(tmp_path):
    index, truths, _, _ = listed(tmp_path, own(tmp_path, "path,id\na.wav,007\nb.wav,b\n"))
    assert [(t.id, t.labelled) for t in truths.values()] == [("007", False), ("b", False)]
    assert "t.csv: no column 'labels', so no truth is known" in index["notes"]


def test_labelled_0_hides_the_labels(tmp_path):
    csv = "path,labels,labelled\na.wav,x,0\nb.wav,x,1\n"
    truths = listed(tmp_path, own(tmp_path, csv))[1]
    assert [(t.labelled, t.labels) for t in truths.values()] == [(False, ()), (True, ("x",))]
    with pytest.raises(ValueError, match="line 2: labelled is 'no', expected 0 or 1"):
        listed(tmp_path, own(tmp_path, csv.replace("x,0", "x,no")))


@pytest.mark.parametrize(
    "csv", ["path,labels\na.wav,1\nb.wav,0\n", "path,labels\na.wav,0\nb.wav,\n"]
)
def test_labels_0_and_1_speak_of_a_class_that_is_named(tmp_path, csv):
    with pytest.raises(ValueError, match=r"labels are 0 and 1, .* set binary_class"):
        listed(tmp_path, own(tmp_path, csv))
    truths = listed(tmp_path, own(tmp_path, "path,labels\na.wav,0\nb.wav,2\n"))[1].values()
    assert [truth.labels for truth in truths] == [("0",), ("2",)]


def test_a_binary_class_is_given_as_0_and_1(tmp_path):
    csv = "path,labels\na.wav,1\nb.wav,0\nc.wav,\n"
    settings = own(tmp_path, csv, ("a.wav", "b.wav", "c.wav"), binary_class="bird")
    truths = listed(tmp_path, settings)[1].values()
    assert [(t.labelled, t.labels) for t in truths] == [(True, ("bird",)), (True, ()), (False, ())]
    with pytest.raises(ValueError, match=r"line 2: labels is 'bird', expected 1 \('bird'\), 0"):
        listed(tmp_path, own(tmp_path, "path,labels\na.wav,bird\n", binary_class="bird"))


def test_another_separator_and_a_class_name_that_cannot_be(tmp_path):
    csv = 'path,labels\na.wav,"x, y,x"\n'
    truths = listed(tmp_path, own(tmp_path, csv, separator=","))[1]
    assert truths["a.wav"].labels == ("x", "y")
    with pytest.raises(ValueError, match="line 2: class 'x;y' holds ';'"):
        listed(tmp_path, own(tmp_path, "path,labels\na.wav,x;y\n", separator=","))


def test_root_and_absolute_paths(tmp_path):
    write(tmp_path / "far/c.wav", "c")
    csv = f"path,labels\na.wav,x\n{tmp_path}/far/c.wav,y\n"
    rows = listed(tmp_path, own(tmp_path, csv))[2]
    assert rows["a.wav"].path == str(tmp_path / "a.wav")
    assert rows[f"{tmp_path}/far/c.wav"].path == f"{tmp_path}/far/c.wav"
    settings = own(tmp_path, "path,labels\nc.wav,x\n", root=str(tmp_path / "far"))
    assert listed(tmp_path, settings)[2]["c.wav"].path == str(tmp_path / "far/c.wav")


def test_a_table_in_the_working_directory_has_relative_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = own(tmp_path, "path,labels\na.wav,x\nb.wav,y\n", table="t.csv")
    assert listed(tmp_path, settings)[2]["a.wav"].path == "a.wav"


def test_rows_of_a_table_without_a_file(tmp_path):
    csv = "path,labels\na.wav,x\nz.wav,x\n"
    with pytest.raises(ValueError, match=r"MISSING_FILE: 1 rows of .*t\.csv.*'z\.wav'.*line 3"):
        listed(tmp_path, own(tmp_path, csv))
    excluded = listed(tmp_path, own(tmp_path, csv, missing_files="exclude"))[3]
    assert excluded == ["z.wav,MISSING_FILE,line 3 of the table"]


def test_files_beside_a_table_are_told(tmp_path):
    notes = listed(tmp_path, own(tmp_path, "path,labels\na.wav,x\n"))[0]["notes"]
    assert notes == [
        "1 audio files beside those of the table are not in it and are left out: 'b.wav'"
    ]


@pytest.mark.parametrize(
    ("csv", "match"),
    [
        ("file,labels\na.wav,x\n", r"t\.csv, line 1: no column 'path'"),
        ("path,label\na.wav,x\n", "column 'label' is not read; rename it to 'labels'"),
        ("path,labels,Group\na.wav,x,g\n", "column 'Group' is not read; rename it to 'group'"),
        ("path,labels\na.wav,x\na.wav,y\n", "LABEL_CONFLICT.*line 3.*line 2"),
        ("path,labels,fold\na.wav,x,1\na.wav,x,2\n", "LABEL_CONFLICT.*line 3.*line 2"),
        ("path,id,labels\na.wav,q,x\nb.wav,Q,x\n", "NAME_COLLISION.*'Q' and 'q'"),
        ("path,labels\n ,x\n", "line 2: path is empty"),
    ],
)
def test_what_a_table_must_not_be(tmp_path, csv, match):
    with pytest.raises(ValueError, match=match):
        listed(tmp_path, own(tmp_path, csv))


def test_odd_paths_of_a_table_are_data(tmp_path):
    names = [f"{name}.wav" for name in ODD] + [" blank first.wav"]
    quoted = "".join('"{}",x\n'.format(name.replace('"', '""')) for name in names)
    rows = listed(tmp_path, own(tmp_path, "path,labels\n" + quoted, names))[2]
    assert set(rows) == set(names)
    assert all(row.sha256 for row in rows.values())


def test_a_control_character_in_a_path_is_excluded(tmp_path):
    csv = "path,labels\na.wav,x\nbell\x07.wav,x\n"
    excluded = listed(tmp_path, own(tmp_path, csv))[3]
    assert excluded == [r"bell\x07.wav,NAME_UNSUPPORTED,control characters in the name"]


def test_the_adapters_only_return_what_they_found(tmp_path):
    found = table.recordings(own(tmp_path, "path,labels\nb.wav,x\na.wav,y\n"))
    assert [recording.id for recording in found.recordings] == ["b.wav", "a.wav"]


# what paths say


def below(tmp_path, pattern, names, **changes):
    """Settings of a folders corpus, with the files made."""
    for name in names:
        write(tmp_path / "root" / name, f"sound of {name}")
    settings = {"adapter": "folders", "shards": 2, "fingerprint": "content"}
    root = {"root": str(tmp_path / "root"), "pattern": pattern, "classes": None}
    return settings | root | {"unmatched": "error"} | changes


@pytest.mark.parametrize(
    ("pattern", "stem", "expected"),
    [
        (
            "{} - {class}/{fold}-{group}-{}",
            "001 - Dog bark/1-100032-A",
            ("Dog bark", "1", "100032"),
        ),
        ("{fold}-{group}-{}-{class}", "5-9032-A-0", ("0", "5", "9032")),
        ("fold{fold}/{group}-{class}-{}-{}", "fold10/99-3-0-1", ("3", "10", "99")),
        ("{class}/{}", "a - b/c", ("a - b", None, None)),
        ("x/{class}", "x/y", ("y", None, None)),
    ],
)
def test_templates_of_known_corpora(pattern, stem, expected):
    found = folders.fields(stem, pattern)
    assert (found["class"], found.get("fold"), found.get("group")) == expected


@pytest.mark.parametrize("stem", ["a", "a/b/c", "a/", "/b", "fold/1-2", "fold1/1-", "old1/1-2"])
def test_a_path_that_does_not_fit(stem):
    assert folders.fields(stem, "fold{fold}/{group}-{class}") is None


def test_a_template_is_the_shortest_match_of_an_expression():
    """Against the engine of `re`, over all short texts of few letters."""
    texts = ["".join(t) for n in range(7) for t in itertools.product("a-", repeat=n)]
    for literals in itertools.product(["", "a", "--"], ["-", "a-"], ["a", "-"], ["", "-"]):
        names = ("class", "fold", "group")
        pairs = list(zip(names, literals[1:], strict=True))
        template = literals[0] + "".join(f"{{{name}}}{text}" for name, text in pairs)
        expression = re.escape(literals[0])
        expression += "".join(f"(?P<{name}>[^/]+?){re.escape(text)}" for name, text in pairs)
        for text in texts:
            match = re.fullmatch(expression, text)
            assert folders.fields(text, template) == (match and match.groupdict())


def test_no_name_makes_a_template_slow():
    start_s = time.perf_counter()
    assert folders.fields("a-" * 50_000, "{}-{}-{class}-{}-{}-{fold}-{}x") is None
    assert time.perf_counter() - start_s < 0.5


@pytest.mark.parametrize(
    ("pattern", "match"),
    [
        ("{class}{fold}/{}", "with text between two of them"),
        ("{class}/{species}", r"has field 'species', expected one of \('class', 'fold'"),
        ("{class}/{class}", "has a field twice"),
        ("{class/{}", "expected fields such as {class}"),
        ("{class}}/{}", "expected fields such as {class}"),
    ],
)
def test_what_is_no_template(tmp_path, pattern, match):
    with pytest.raises(ValueError, match=match):
        listed(tmp_path, below(tmp_path, pattern, ["a/b.wav"]))


def test_folders_become_a_corpus(tmp_path):
    names = ["001 - Rain/1-7-A.ogg", "001 - Rain/2-8-A.wav", "002 - Dog bark/1-7-B.mp3"]
    settings = below(tmp_path, "{} - {class}/{fold}-{group}-{}", [*names, "README.md"])
    index, truths, rows, _ = listed(tmp_path, settings)
    assert truths["001 - Rain/1-7-A"] == tables.Labelled(
        "001 - Rain/1-7-A", "", "7", "1", "", True, ("Rain",)
    )
    assert truths["002 - Dog bark/1-7-B"].labels == ("Dog bark",)
    assert rows["001 - Rain/2-8-A"].path == str(tmp_path / "root" / names[1])
    assert index["notes"] == ["root: 1 file ignored, not audio by the extension"]


def test_splits_data_sets_and_recordists_may_be_in_paths(tmp_path):
    settings = below(tmp_path, "{split}/{data_set}/{recordist}_{}", ["train/d/Ann Lark_1.wav"])
    index, truths, _, _ = listed(tmp_path, settings)
    expected = tables.Labelled("train/d/Ann Lark_1", "d", "", "", "train", False, (), "Ann Lark")
    assert truths["train/d/Ann Lark_1"] == expected
    assert "the pattern has no {class}: no truth is known" in index["notes"]


def test_numbers_become_class_names(tmp_path):
    names = ["1-5-A-0.wav", "1-6-A-41.wav", "2-7-A-9.wav"]
    settings = below(tmp_path, "{fold}-{group}-{}-{class}", names)
    classes = {0: "dog", 41: "chainsaw", 9: None}
    truths = listed(tmp_path, settings | {"classes": classes})[1]
    assert [one.labels for one in truths.values()] == [("dog",), ("chainsaw",), ()]
    assert all(one.labelled for one in truths.values())
    with pytest.raises(
        ValueError, match="class '9' of '2-7-A-9.wav' is not among the 2 of classes"
    ):
        listed(tmp_path, settings | {"classes": {0: "dog", 41: "chainsaw"}})


def test_paths_that_do_not_fit_are_named(tmp_path):
    settings = below(tmp_path, "{class}/{}", ["a/1.wav", "b/2.wav", "3.wav", "a/c/4.wav"])
    match = r"2 of 4 recordings below .* do not fit the pattern '\{class\}/\{\}': '3\.wav', 'a/c/4"
    with pytest.raises(ValueError, match=match):
        listed(tmp_path, settings)
    _, truths, _, excluded = listed(tmp_path, settings | {"unmatched": "exclude"})
    assert set(truths) == {"a/1", "b/2"}
    assert excluded == [
        "3,LABEL_UNREADABLE,does not fit the pattern {class}/{}",
        "a/c/4,LABEL_UNREADABLE,does not fit the pattern {class}/{}",
    ]
    with pytest.raises(ValueError, match="4 of 4 recordings .* do not fit"):
        listed(tmp_path, settings | {"unmatched": "exclude", "pattern": "x{class}"})


def test_links_between_folders_are_followed_once(tmp_path):
    settings = below(tmp_path, "{class}/{}", ["a/1.wav"])
    write(tmp_path / "far" / "2.wav", "2")
    (tmp_path / "root" / "b").symlink_to(tmp_path / "far")
    (tmp_path / "far" / "back").symlink_to(tmp_path / "root")
    assert set(listed(tmp_path, settings)[1]) == {"a/1", "b/2"}


def test_a_link_takes_no_name_from_a_folder_of_the_tree(tmp_path):
    settings = below(tmp_path, "{class}/{}", ["owl/1.wav", "rail/2.wav"])
    root = tmp_path / "root"
    for link, target in (("a", "owl"), ("owl/b", "../rail"), ("owl/up", "..")):
        (root / link).symlink_to(target)
    index, truths, _, _ = listed(tmp_path, settings)
    assert {name: one.labels for name, one in truths.items()} == {
        "owl/1": ("owl",), "rail/2": ("rail",)
    }  # fmt: skip
    assert index["notes"] == [
        "3 links lead to folders that are read already and are left out: 'a', 'owl/b', 'owl/up'"
    ]


def test_blanks_and_accents_make_no_second_class(tmp_path):
    names = [
        "rail/1.wav",
        "rail /2.wav",
        " rail/3.wav",
        "pa\u0301ssaro/4.wav",
        "p\u00e1ssaro/5.wav",
    ]
    index, truths, _, _ = listed(tmp_path, below(tmp_path, "{class}/{}", names))
    assert {one.labels for one in truths.values()} == {("rail",), ("p\u00e1ssaro",)}
    assert index["notes"] == ["blanks around 2 class names were stripped: ' rail', 'rail '"]
    with pytest.raises(ValueError, match=r"class ' ' of ' /1\.wav' is blank, expected a name"):
        listed(tmp_path / "2", below(tmp_path / "2", "{class}/{}", [" /1.wav"]))


def test_what_lies_in_a_folder_of_odd_bytes_is_no_obstacle(tmp_path):
    settings = below(tmp_path, "{class}/{}", ["a/1.wav"])
    odd = os.fsencode(tmp_path / "root") + b"/\xff"
    os.mkdir(odd)
    for name in (b"2.wav", b"notes.txt"):
        with open(odd + b"/" + name, "wb") as file:
            file.write(name)
    index, truths, _, excluded = listed(tmp_path, settings)
    assert set(truths) == {"a/1"}
    assert [row.split(",")[0] for row in excluded] == [r"\xff/2.wav"]
    assert index["notes"] == ["root: 1 file ignored, not audio by the extension"]
    assert (
        audio_files.Folder(os.fsdecode(odd), [], 0, ["a.txt"])
        .notes()[0]
        .startswith(r"\xff: 1 file")
    )


def test_names_that_are_spelled_out_alike_stay_apart(tmp_path):
    settings = below(tmp_path, "{class}/{}", ["a/1.wav"])
    for name in (b"x\x80.wav", "x\x80.wav".encode()):  # a byte, and a control character
        with open(os.fsencode(tmp_path / "root" / "a") + b"/" + name, "wb") as file:
            file.write(name)
    *_, excluded = listed(tmp_path, settings)
    assert [row.split(",")[0] for row in excluded] == [r"a/x\x80.wav", r"a/x\x80.wav (2)"]


def test_an_empty_corpus_says_what_left_it_so(tmp_path):
    (tmp_path / "audio").mkdir()
    write(tmp_path / "audio" / "1.ogg", "1")
    table_path = write(tmp_path / "t.csv", "primary_label,filename\nowl,1.ogg\n")
    settings = {"adapter": "birdclef_csv", "shards": 1, "fingerprint": "content",
                "missing_files": "error", "table": table_path, "audio": str(tmp_path / "audio"),
                "group_by": "recording", "whitelist": ["rail"]}  # fmt: skip
    with pytest.raises(
        ValueError, match="no recordings; 0 were excluded: none; 1 classes of the wh"
    ):
        catalog.list_corpus("c", settings, tmp_path)


def test_odd_names_in_folders(tmp_path):
    names = ["a/1.wav", "a/new\nline.wav", ".hidden/3.wav", "a/.4.wav"]
    settings = below(tmp_path, "{class}/{}", names)
    index, truths, _, excluded = listed(tmp_path, settings)
    assert set(truths) == {"a/1"}
    assert [row.split(",")[:2] for row in excluded] == [[r"a/new\x0aline.wav", "NAME_UNSUPPORTED"]]
    # a folder and a file; one note, however many folders there are
    assert "root: 2 files ignored, hidden or partly downloaded" in index["notes"]
    with pytest.raises(ValueError, match="NAME_COLLISION"):
        listed(tmp_path, below(tmp_path, "{class}/{}", ["a/1.ogg"]))
    with pytest.raises(ValueError, match="class 'x;y' of 'x;y/1.wav' holds ';'"):
        listed(tmp_path / "2", below(tmp_path / "2", "{class}/{}", ["x;y/1.wav"]))


def test_a_field_may_hold_line_breaks(tmp_path):
    csv = 'path,labels,notes\na.wav,x,"one\ntwo, three\r\n"\n\nb.wav,y,"""four"""\n'
    _, truths, _, _ = listed(tmp_path, own(tmp_path, csv))
    assert {name: one.labels for name, one in truths.items()} == {"a.wav": ("x",), "b.wav": ("y",)}
    (tmp_path / "t.csv").write_text('path,labels,notes\na.wav,x,"one\ntwo"\nb.wav,y\n')
    with pytest.raises(ValueError, match="CSV_RAGGED.*line 4 has 2 fields"):
        label_sheet.read_sheet(str(tmp_path / "t.csv"))


def test_five_rows_are_named_and_the_others_counted(tmp_path):
    rows = "".join(f"{n}.wav,x,{n}\n" for n in range(7))
    path = write(tmp_path / "t.csv", "path,labels,labelled\n" + rows)
    expected = "5 rows cannot be used: .*line 4: labelled is '2'.*line 8: labelled is '6'"
    with pytest.raises(ValueError, match=expected):
        table.recordings({"table": path})
    path = write(tmp_path / "t.csv", "path,labels\n" + "a,b,c\n" * 7)
    with pytest.raises(ValueError, match="7 rows .*line 2 .*line 6 .*; and 2 more; quote fields"):
        table.recordings({"table": path})
