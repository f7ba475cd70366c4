"""The config that `dawnchorus init` writes, for folders as people have them."""

import importlib
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import yaml

from dawnchorus.cli import command, folder_report, proposed_config
from dawnchorus.corpora import folder_survey
from dawnchorus.settings import load, proposal
from dawnchorus.settings.corpus import ADAPTERS
from dawnchorus.settings.errors import validated
from dawnchorus.targets.fold_choice import choose_folds
from dawnchorus.targets.folds import check_leaks, deal

ROOT = Path(__file__).parents[1]
RAVEN = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tSpecies\n"
XML = "<Audio><MediaId>1</MediaId><ClassId>{}</ClassId><Author>{}</Author></Audio>"
SEQUENCE = (
    "<Sequence><WaveFileName>{}.wav</WaveFileName><Position>0</Position><Length>4000</Length>"
    "<NumNote>1</NumNote><Note><Position>800</Position><Length>800</Length><Label>a</Label></Note>"
    "</Sequence>"
)


def recording(path, duration_s=0.5, rate=8000, level=0.1):
    """A recording of noise; its seed is its path, so that no two are equal."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(list(str(path).encode()))
    samples = level * rng.standard_normal(int(duration_s * rate))
    subtype = "FLOAT" if path.suffix.lower() == ".wav" else None
    soundfile.write(path, samples.clip(-1, 1).astype("float32"), rate, subtype=subtype)


def recordings(folder, *paths, **about):
    for path in paths:
        recording(folder / path, **about)
    return folder


def text(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of recordings, beside the one that commands are called in."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "data"


def written(folder, *options):
    """The config that is written, as a mapping; it has to pass the checks of a start."""
    assert command.main(["init", str(folder), *options]) == 0
    (path,) = Path().glob("*.yaml")
    assert len(path.read_text().splitlines()) <= 40
    load.load(ROOT / "config.yaml", [path], {})
    return yaml.safe_load(path.read_text())


def parts(config):
    """The corpus and the experiment of a config with one of each."""
    (corpus,), (experiment,) = config["corpora"].values(), config["experiments"].values()
    return corpus, experiment


def test_folders_of_classes_with_sites_below_them(folder):
    names = [f"{c}/site {s}/Aufnahme ü {k}.wav" for c in "äb" for s in (1, 2, 3) for k in (1, 2)]
    corpus, experiment = parts(written(recordings(folder, *names)))
    assert corpus["pattern"] == "{class}/{group}/{}"
    assert experiment["folds"] == {"kind": "grouped", "count": 3}
    assert experiment["training"]["loss"] == "categorical_crossentropy"


def test_sites_above_folders_of_classes(folder):
    names = [f"2024-05-0{d}/{c}/{k}.wav" for c in "ab" for d in (1, 2, 3) for k in (1, 2)]
    corpus, _ = parts(written(recordings(folder, *names)))
    assert corpus["pattern"] == "{group}/{class}/{}"


def test_numbered_folders_and_folds_in_the_names_of_files(folder):
    names = [
        f"00{n} - {c}/{fold}-{10 * fold + k // 2}-{k}.wav"
        for n, c in enumerate("ab") for fold in (1, 2, 3) for k in range(4)
    ]  # fmt: skip
    corpus, experiment = parts(written(recordings(folder, *names)))
    assert corpus["pattern"] == "{} - {class}/{fold}-{group}-{}"
    assert experiment["folds"] == {"kind": "given", "count": 3}


def test_running_numbers_are_no_groups(folder):
    names = [f"{c}/{c}_{k:02d}.wav" for c in ("robin", "wren") for k in range(6)]
    corpus, experiment = parts(written(recordings(folder, *names)))
    assert corpus["pattern"] == "{class}/{}"
    assert experiment["folds"]["kind"] == "stratified"


def test_subsets_are_trained_on_and_tested(folder):
    names = [f"{s}/{c}/{k}.wav" for s in ("train", "val", "test") for c in "ab" for k in range(3)]
    corpus, experiment = parts(written(recordings(folder, *names)))
    assert corpus["pattern"] == "{split}/{class}/{}"
    assert (experiment["train"], experiment["test"]) == (["data:train", "data:val"], ["data:test"])


def test_a_folder_without_the_class_makes_it_presence(folder):
    names = [f"{c}/{k}.wav" for c in ("call", "no call") for k in range(4)]
    corpus, experiment = parts(written(recordings(folder, *names)))
    assert corpus["classes"] == {"call": "call", "no call": None}
    assert (experiment["model"], experiment["pooling"]) == ({"name": "compact"}, "max")


def test_a_table_of_names_without_extension(folder, capsys):
    rows = [f"R{i},{('robin', 'wren', 'robin;wren', '')[i % 4]},S{i % 3}" for i in range(12)]
    recordings(folder / "wav", *(f"R{i}.WAV" for i in range(12)))
    text(
        folder / "labels.csv",
        "﻿Recording ID,Species,Site\r\n" + "\r\n".join([*rows, "R99,wren,S1\r\n"]),
    )
    corpus, experiment = parts(written(folder))
    assert corpus["columns"] == {"path": "Recording ID", "labels": "Species", "group": "Site"}
    assert corpus["root"] == str(folder / "wav")
    # one row has no file: it is left out, and the run may go on without it
    assert corpus["missing_files"] == "exclude"
    assert corpus["max_excluded"] > 1 / 13
    assert experiment["folds"] == {"kind": "grouped", "count": 3}
    assert "12 with labels" in capsys.readouterr().out


def test_recordists_come_before_given_folds_that_divide_them(folder, capsys):
    rows = [f"{i}.wav,{'ab'[i % 2]},{'xyz'[i // 2 % 3]},{i % 4}" for i in range(24)]
    recordings(folder, *(f"{i}.wav" for i in range(24)))
    text(folder / "t.csv", "file,label,recordist,fold\n" + "\n".join(rows) + "\n")
    _, experiment = parts(written(folder))
    assert experiment["folds"] == {"kind": "grouped", "count": 3, "by": "recordist"}
    assert "divide 3 recordists: not honest" in capsys.readouterr().out


def test_a_column_of_zeros_and_ones_is_a_class(folder):
    recordings(folder, *(f"{i}.wav" for i in range(8)))
    text(folder / "t.csv", "path,has_frog\n" + "".join(f"{i}.wav,{i % 2}\n" for i in range(8)))
    corpus, _ = parts(written(folder))
    assert corpus["binary_class"] == "frog"


def test_label_files_of_bird_audio_detection(folder):
    for name in ("one", "two"):
        recordings(folder / name, *(f"{i}.wav" for i in range(4)))
        text(
            folder / f"{name}.csv", "itemid,hasbird\n" + "".join(f"{i},{i % 2}\n" for i in range(4))
        )
    corpus, experiment = parts(written(folder))
    assert list(corpus["data_sets"]) == ["one", "two"]
    assert experiment["folds"] == {"kind": "leave_one_data_set_out", "count": 2}


def test_the_table_of_birdclef(folder):
    rows = [f"{'ab'[i % 2]},{'ab'[i % 2]}/{i}.ogg,p{i % 3}" for i in range(12)]
    recordings(folder / "audio", *(f"{'ab'[i % 2]}/{i}.ogg" for i in range(12)), rate=8000)
    text(folder / "train.csv", "primary_label,filename,author\n" + "\n".join(rows) + "\n")
    corpus, experiment = parts(written(folder))
    assert (corpus["adapter"], corpus["audio"]) == ("birdclef_csv", str(folder / "audio"))
    assert experiment["folds"]["count"] == 3


def test_xml_of_birdclef(folder):
    recordings(folder / "wav", *(f"{i}.wav" for i in range(12)))
    for i in range(12):
        text(folder / f"xml/{i}.xml", XML.format("ab"[i % 2], f"p{i % 4}"))
    corpus, experiment = parts(written(folder))
    assert (corpus["adapter"], corpus["group_by"]) == ("birdclef", "author")
    assert experiment["folds"]["count"] == 4


def test_raven_tables_of_three_sites(folder):
    rows = "".join(f"{n}\tWaveform 1\t1\t0.{n}\t0.{n}5\t{'ab'[n % 2]}\n" for n in (1, 2, 3))
    for site, n in (("n", 4), ("s", 2), ("w", 3)):
        for k in range(n):
            recording(folder / site / f"{site}{k}.wav")
            text(folder / site / f"{site}{k}.Table.1.selections.txt", RAVEN + rows)
    corpus, experiment = parts(written(folder))
    assert (corpus["strong_format"], corpus["label_column"]) == ("raven", "Species")
    assert experiment["train"] == ["data:n"]
    assert experiment["test"] == ["data:s"]
    assert experiment["events"]["validation"] == ["data:w"]
    assert experiment["output"] == "frame"


def test_label_tracks_of_audacity(folder):
    for k in range(10):
        recording(folder / f"{k}.wav")
        text(folder / f"{k}.txt", "0.1\t0.2\tsong\n0.3\t0.4\tcall\n")
    corpus, experiment = parts(written(folder))
    assert corpus["strong_format"] == "audacity"
    assert experiment["train"] == ["data:train"]
    # half of a call of 0.1 s
    assert experiment["events"]["collar"]["onset_s"] == 0.05
    assert experiment["model"] == {"name": "compact_frames"}
    # gaps and filters up to the length of a call are tried, beside each other
    tuned = experiment["events"]["decodings"]["tuned"]
    assert tuned["together"] == ["threshold", "filter_s", "gap_s"]
    assert tuned["grids"]["gap_s"] == [0.0, 0.05, 0.1]


def test_a_file_of_sequences_has_the_rate_of_the_recordings(folder):
    recordings(folder / "Wave", *(f"{k}.wav" for k in range(6)), rate=16000)
    inner = "<NumSequence>6</NumSequence>" + "".join(SEQUENCE.format(k) for k in range(6))
    text(folder / "Annotation.xml", f"<Sequences>{inner}</Sequences>")
    corpus, _ = parts(written(folder))
    assert (corpus["strong_format"], corpus["sample_rate"]) == ("birdsong_xml", 16000)


def test_lists_of_dcase(folder):
    for part in ("weak", "val", "test"):
        recordings(folder / "audio" / part, *(f"{part}{k}.wav" for k in range(4)))
    rows = "filename\tonset\toffset\tevent_label\n"
    for part in ("val", "test"):
        lines = "".join(f"{part}{k}.wav\t0.1\t0.3\ta\n" for k in range(4))
        text(folder / f"metadata/{part}.tsv", rows + lines)
    weak = "".join(f"weak{k}.wav\ta,b\n" for k in range(4))
    text(folder / "metadata/weak.tsv", "filename\tevent_labels\n" + weak)
    _, experiment = parts(written(folder))
    assert experiment["train"] == ["data:weak"]
    assert experiment["test"] == ["data:test"]
    assert "output" not in experiment


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        (
            [],
            r"no recordings in '.*data': looked for audio files .* found no audio file and 1 other",
        ),
        (["robin/1.wav", "robin/2.wav"], "all recordings lie in one folder, 'robin'"),
        (["1.wav", "2.wav"], "all recordings lie in the folder itself"),
        (["a/1.wav", "b/x/y/2.wav"], "several levels: 1 at level 2, 1 at level 4"),
    ],
)
def test_what_was_looked_for_and_what_is_there(folder, paths, said):
    recordings(folder, *paths)
    text(folder / "notes.pdf", "x")
    with pytest.raises(ValueError, match=said):
        folder_report.inspect(str(folder))


@pytest.mark.parametrize("sign", [";", "\t", "|"])
def test_a_table_of_a_spreadsheet_with_other_signs_than_commas(folder, sign, capsys):
    names = [f"Lied {i}, Zürich ä🎵{('.wav', '.WAV')[i % 2]}" for i in range(8)]
    recordings(folder / "Ton Aufnahmen", *names)
    rows = ["Datei;Art;Höhe (m)", *(f"{n};{'ab'[i % 2]};1,{i}" for i, n in enumerate(names))]
    text(folder / "Liste.csv", "\ufeff" + "\r\n".join(rows).replace(";", sign) + "\r\n")
    corpus, experiment = parts(written(folder))
    assert corpus["delimiter"] == sign
    assert corpus["columns"] == {"path": "Datei", "labels": "Art"}
    assert corpus["root"] == str(folder / "Ton Aufnahmen")
    assert experiment["folds"]["count"] == 4
    assert "8 with labels" in capsys.readouterr().out


def test_columns_of_zeros_and_ones_are_classes_and_what_is_all_one_is_none(folder):
    recordings(folder / "media/clips", *(f"{i}.wav" for i in range(12)))
    rows = [f"clips/{i}.wav\tst{i % 3}\t1\t{i % 2}\t{('1', '')[i % 4 > 0]}" for i in range(12)]
    text(folder / "tables/v2/t.tsv", "clip\tstation\tlistened\towl\twren\n" + "\n".join(rows))
    corpus, experiment = parts(written(folder))
    assert corpus["label_columns"] == ["owl", "wren"]
    assert corpus["delimiter"] == "\t"
    assert corpus["root"] == str(folder / "media")
    assert experiment["folds"] == {"kind": "grouped", "count": 3}
    assert experiment["model"]["name"] == "compact"
    found = folder_report.inspect(str(folder)).recordings
    assert [one.labels for one in found[:4]] == ["wren", "owl", "", "owl"]
    # what a column of a class may not hold, and two ways at once
    table = folder / "tables/v2/t.tsv"
    text(table, table.read_text().replace("st1\t1\t1", "st1\t1\t0.5", 1))
    for changes, said in (
        ({}, "line 3: owl is '0.5', expected 1, 0 or nothing"),
        ({"columns": {"labels": "wren", "path": "clip"}}, "a column of labels; expected one of"),
        ({"separator": "w"}, "'owl' holds 'w', which separates classes"),
    ):
        settings = validated("it", ADAPTERS, corpus | changes)
        with pytest.raises(ValueError, match=said):
            importlib.import_module("dawnchorus.corpora.adapters.table").recordings(settings)


def test_a_table_of_sources_beside_the_recordings_is_proposed(folder, capsys):
    for name in ("one", "two"):
        recordings(folder / name, *(f"{name}{i}.wav" for i in range(4)))
        rows = "".join(f"{name}{i},{i % 2}\n" for i in range(4))
        text(folder / f"{name}.csv", f"itemid,hasbird\n{rows}")
    clips = [f"{name}{i}" for name in ("one", "two") for i in range(4)]
    rows = [f"{clip},rain{i % 2} song{i // 2}" for i, clip in enumerate(clips)]
    text(folder / "origin.csv", "clip,sources\n" + "\n".join(rows))
    corpus, experiment = parts(written(folder))
    assert corpus["source_table"] == {
        "path": str(folder / "origin.csv"), "recording": "clip", "sources": "sources", "separator": " ",
    }  # fmt: skip
    assert experiment["evaluation"] == {"bootstrap": "sources"}
    assert "names the 6 sources of 8 recordings" in capsys.readouterr().out
    # a source of its own for each recording is none that others share
    text(folder / "origin.csv", "clip,sources\n" + "\n".join(f"{one},{one}" for one in clips))
    assert "source_table" not in folder_report.inspect(str(folder)).layout.settings


def test_a_level_with_a_folder_called_none_has_the_classes(folder):
    paths = [
        f"{site}/{day}/{name}/{i}.wav"
        for site in ("Site A", "Site B", "Site C")
        for day in ("day 1", "day 2")
        for name in ("Dog", "rooster", "None")
        for i in range(2)
    ]
    corpus, experiment = parts(written(recordings(folder, *paths)))
    assert corpus["pattern"] == "{group}/{}/{class}/{}"
    assert experiment["folds"] == {"kind": "grouped", "count": 3}


def test_tables_that_no_recording_is_called_as_are_refused_by_name(folder):
    recordings(folder / "wav", "REC_1.wav", "REC_2.wav")
    text(folder / "t/REC_1.jane.txt", "Selection\tBegin Time (s)\tEnd Time (s)\tType\n1\t0\t1\tx\n")
    said = "'t/REC_1.jane.txt' would be of recording 'REC_1.jane', and none is called so"
    with pytest.raises(ValueError, match=said):
        folder_report.inspect(str(folder))


def test_recordings_that_leave_one_kind_to_train_on_are_too_few(folder):
    recordings(folder, "a/1.wav", "a/2.wav", "b/3.wav")
    said = r"3 recordings in '.*' are too few: .* found 'a' \(2\), 'b' \(1\)"
    with pytest.raises(ValueError, match=said):
        folder_report.inspect(str(folder))


def test_one_class_in_a_table(folder):
    recordings(folder, "1.wav", "2.wav")
    text(folder / "t.csv", "path,species\n1.wav,a\n2.wav,a\n")
    with pytest.raises(ValueError, match="one class in '.*': all 2 recordings are 'a'"):
        folder_report.inspect(str(folder))


def test_equal_recordings_are_refused_before_the_run_would(folder):
    recordings(folder, *(f"{c}/{k}.wav" for c in "ab" for k in range(3)))
    shutil.copy(folder / "a/0.wav", folder / "b/9.wav")
    with pytest.raises(ValueError, match=r"1 contents .* 'a/0.wav = b/9.wav'; remove one of each"):
        folder_report.inspect(str(folder))


def test_silence_and_files_that_are_no_audio_are_told(folder, capsys):
    recordings(folder, *(f"{c}/{k}.wav" for c in "ab" for k in range(4)), level=1e-5)
    text(folder / "a/broken.wav", "RIFF")
    cut = next(path for path in sorted((folder / "a").iterdir()) if path.name != "broken.wav")
    (folder / "a/cut.wav").write_bytes(cut.read_bytes()[:-2000])
    corpus, _ = parts(written(folder))
    said = capsys.readouterr().out
    assert "8 of 8 recordings listened to are nearly silent (peak under -60 dBFS)" in said
    left_out = "2 recordings cannot be opened or are cut, and will be left out"
    assert f"{left_out}: 'a/broken.wav', 'a/cut.wav'" in said
    assert 2 / 10 < corpus["max_excluded"] < 0.3


def test_near_names_are_told(folder, capsys):
    recordings(folder, *(f"{c}/{k}.wav" for c in ("Robin", "robin ", "wren") for k in range(2)))
    written(folder)
    assert "'Robin' (2) = 'robin' (2); rename_classes" in capsys.readouterr().out


def test_nothing_is_overwritten_and_a_dry_run_writes_nothing(folder, capsys):
    recordings(folder, *(f"{c}/{k}.wav" for c in "ab" for k in range(2)))
    assert command.main(["init", str(folder), "--dry-run"]) == 0
    assert os.listdir() == []
    text(Path("data.yaml"), "mine")
    assert command.main(["init", str(folder)]) == 2
    assert "data.yaml is there and is not overwritten" in capsys.readouterr().err
    assert Path("data.yaml").read_text() == "mine"


def test_a_folder_that_cannot_be_written_into_is_named(folder, capsys):
    recordings(folder, *(f"{c}/{k}.wav" for c in "ab" for k in range(2)))
    assert command.main(["init", str(folder), "--output", "not/there.yaml"]) == 2
    assert "not/there.yaml cannot be written (No such file" in capsys.readouterr().err


def test_results_among_the_recordings_are_no_recordings(folder, monkeypatch):
    recordings(folder, *(f"{c}/{k}.wav" for c in "ab" for k in range(2)))
    (folder / "results/.provenance").mkdir(parents=True)
    recording(folder / "results/audio/mono/data/000.wav")
    monkeypatch.chdir(folder)
    corpus, _ = parts(written(folder))
    assert corpus["pattern"] == "{class}/{}"


def test_a_large_folder_is_looked_at_in_part(folder, monkeypatch, capsys):
    recordings(folder, *(f"{c}/{k}.wav" for c in "ab" for k in range(6)))
    monkeypatch.setattr(folder_survey, "MOST_IN_FOLDER", 4)
    written(folder)
    said = capsys.readouterr().out
    assert "recordings  8 with labels" in said
    assert "not seen to its end" in said


@pytest.mark.parametrize(
    ("n_windows", "steps"), [(20, 1000), (240, 1000), (3200, 1000), (100_000, 31_250)]
)
def test_steps_follow_no_windows_until_they_are_many(n_windows, steps):
    assert proposal.proposed_training("presence", n_windows) == {"steps": steps}


@pytest.mark.parametrize(
    ("rate", "most", "expected"),
    [
        (48_000, 44_100, 44_100),
        (44_100, 22_050, 22_050),
        (24_000, 44_100, 22_050),
        (8000, 44_100, 8000),
    ],
)
def test_no_rate_is_above_that_of_the_recordings(rate, most, expected):
    assert proposal.target_rate(rate, most) == expected


def rows(n, **values):
    """Recordings of two classes; a value is a function of their number."""
    fields = ("group", "recordist", "fold", "data_set")
    return [
        SimpleNamespace(
            id=str(i), labels="ab"[i % 2], labelled=True,
            **{name: values[name](i) if name in values else "" for name in fields},
        )
        for i in range(n)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "kind", "is_honest"),
    [
        ({"group": lambda i: f"g{i // 4}"}, "grouped", True),
        ({"group": lambda i: f"g{i % 2}"}, "stratified", False),  # a group per class
        ({"recordist": lambda i: f"r{i // 4}", "group": lambda i: str(i)}, "grouped", True),
        ({"fold": lambda i: str(i // 8)}, "given", False),  # nothing says that they are honest
        ({"fold": lambda i: str(i // 8), "group": lambda i: str(i // 4)}, "given", True),
        ({}, "stratified", False),
    ],
)
def test_folds_that_are_chosen_can_be_dealt_and_keep_groups_whole(values, kind, is_honest):
    found = rows(24, **values)
    chosen = choose_folds(found)
    assert (chosen.settings["kind"], chosen.is_honest) == (kind, is_honest)
    by = chosen.settings.get("by", "group")
    for one in found:
        one.labels, one.group = [one.labels], getattr(one, by)
    dealt = deal(found, chosen.settings, seed=1)
    if not chosen.settings.get("split_groups"):
        check_leaks(dealt, found)


def test_a_config_that_would_be_refused_is_not_written(folder, monkeypatch):
    recordings(folder, *(f"{c}/{k}.wav" for c in "ab" for k in range(2)))
    wrong = proposal.proposed_experiment("species", proposal.Data(4, 8000, 0.5, 2.0))
    wrong.experiment["model"] = {"name": "bulbul"}
    monkeypatch.setattr(proposed_config, "proposed_experiment", lambda *_: wrong)
    with pytest.raises(
        ValueError, match="no config for these recordings: experiments.data.*bulbul"
    ):
        proposed_config.compose(folder_report.inspect(str(folder)), ROOT / "config.yaml")


def test_a_table_that_another_system_wrote_has_its_folders_too(folder, capsys):
    recordings(folder / "data/N1", *(f"REC{i}.WAV" for i in range(6)))
    recordings(folder / "data/N2", *(f"REC{i}.WAV" for i in range(6)))
    rows = [f"data\\N{1 + i % 2}\\REC{i // 2}.WAV;{'ab'[i // 2 % 2]};S{i % 3}" for i in range(12)]
    text(folder / "Tabelle.csv", "\ufeffRecording;Species;Station\r\n" + "\r\n".join(rows))
    corpus, experiment = parts(written(folder))
    assert (corpus["adapter"], corpus["delimiter"]) == ("table", ";")
    assert experiment["folds"] == {"kind": "grouped", "count": 3}
    found = folder_report.inspect(str(folder)).recordings
    assert found[0].id == "data/N1/REC0.WAV"
    assert len(found) == 12


def test_a_table_that_is_not_taken_is_named_beside_what_is(folder, capsys):
    recordings(folder, *(f"site{s}/{i}.wav" for s in (1, 2) for i in range(4)))
    text(folder / "owls.csv", "number,species\n101,owl\n102,owl\n")
    written(folder)
    said = capsys.readouterr().out
    assert "layout      folder per class" in said
    assert "not taken: no column of owls.csv names recordings: ['number', 'species']" in said
