"""A sample of detections: drawn, cut out, filled in, read back, and trained on."""

import csv
import math
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
import soundfile
import tiny

from dawnchorus.cli import command
from dawnchorus.corpora import tables
from dawnchorus.exported import detection_sample, detections, sample_review
from dawnchorus.formats.annotations import raven
from dawnchorus.metrics.proportions import stratified_proportion, wilson_interval
from dawnchorus.plan.jobs import jobs

RATE = 8000  # Hz
SECONDS = 60  # of each recording
# as if packages that using a model does not need were not installed
WITHOUT_WORKFLOW = """
import sys
class Missing:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in (
            "pandas", "tensorflow", "keras", "sklearn", "scipy", "snakemake", "pydantic", "librosa"
        ):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
"""


def detection_table(n=300, n_files=3, classes=("bird",), seed=3):
    """Detections of 2 s; the class in the upper half of the scores is as a rule right."""
    rng = np.random.default_rng(seed)
    onsets = rng.integers(0, SECONDS - 2, n).astype(float)
    return detections.table_of({
        "file": [f"site/r{i}.wav" for i in rng.integers(0, n_files, n)],
        "onset": onsets, "offset": onsets + 2.0,
        "class": [classes[i] for i in rng.integers(0, len(classes), n)],
        "score": (rng.random(n) ** 3).astype(np.float32),
        "model": ["0123456789ab"] * n,
        "time": [None] * n,
    })  # fmt: skip


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Recordings of a minute, in which the value of a sample tells its time."""
    root = tmp_path_factory.mktemp("recordings")
    (root / "site").mkdir()
    for number in range(3):
        samples = np.arange(SECONDS * RATE) / (SECONDS * RATE)
        soundfile.write(root / f"site/r{number}.wav", samples, RATE, subtype="PCM_16")
    return root


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def fill_in(folder, answer):
    """Write what ``answer(row)`` returns (correct, or columns) into the table."""
    rows = rows_of(folder / "sample.csv")
    for row in rows:
        told = answer(row)
        row |= told if isinstance(told, dict) else {"correct": told}
    tiny.write_csv(folder / "sample.csv", rows)
    return rows


# drawing


def test_each_class_and_band_gives_the_same_number_or_all_it_has():
    table = detection_table(classes=("owl", "rail"))
    drawn = detection_sample.draw(table, 5, 4, seed=1)
    labels, scores = table["class"].to_pylist(), table["score"].to_numpy()
    sizes = Counter((labels[i], min(int(scores[i] * 4), 3) / 4) for i in range(len(labels)))
    found = Counter((labels[one.row], one.band[0]) for one in drawn)
    assert found == {stratum: min(5, n) for stratum, n in sizes.items()}
    assert all(one.in_band == sizes[labels[one.row], one.band[0]] for one in drawn)
    assert all(one.band[0] <= scores[one.row] < one.band[1] for one in drawn)
    assert len({one.row for one in drawn}) == len(drawn)


def test_the_draw_follows_from_the_seed_whatever_else_is_in_the_table():
    table = detection_table(classes=("owl", "rail"))

    def drawn_from(given, seed=1):
        rows = given.to_pylist()
        found = [rows[one.row] for one in detection_sample.draw(given, 5, 4, seed)]
        return sorted((tuple(row.values()) for row in found if row["class"] == "owl"), key=str)

    expected = drawn_from(table)
    turned = table.take(np.random.default_rng(1).permutation(table.num_rows))
    alone = table.filter(np.array(table["class"].to_pylist()) == "owl")
    assert drawn_from(turned) == drawn_from(alone) == expected
    assert drawn_from(table, seed=2) != expected


def test_the_order_of_the_table_tells_neither_class_nor_score():
    table = detection_table(2000)
    scores = table["score"].to_numpy()
    order = [scores[one.row] for one in detection_sample.draw(table, 40, 5, seed=1)]
    assert abs(np.corrcoef(np.arange(len(order)), order)[0, 1]) < 0.2


@pytest.mark.parametrize("wrong", [(0, 5), (5, 0)])
def test_nothing_to_draw_is_refused(wrong):
    with pytest.raises(ValueError, match="0; expected at least 1"):
        detection_sample.draw(detection_table(), *wrong, seed=1)


# the folder


@pytest.fixture
def sample(recordings, tmp_path):
    table = detection_table()
    drawn = detection_sample.draw(table, 6, 5, seed=1)
    detection_sample.write_sample(table, drawn, recordings, tmp_path / "sample", 0.5)
    return tmp_path / "sample"


def test_clips_are_the_detections_with_their_context(sample):
    rows = rows_of(sample / "sample.csv")
    assert tuple(rows[0]) == detection_sample.COLUMNS
    for row in rows:
        samples, rate = soundfile.read(sample / row["clip"])
        begin = max(0.0, float(row["onset"]) - 0.5)
        end = min(SECONDS, float(row["offset"]) + 0.5)
        assert rate == RATE
        assert float(row["clip_onset"]) == begin
        assert len(samples) == round((end - begin) * RATE)
        assert samples[0] * SECONDS == pytest.approx(begin, abs=0.01)


def test_selection_tables_mark_the_detection_in_its_clip(sample):
    rows = rows_of(sample / "sample.csv")
    for number, row in enumerate(rows, 1):
        found = raven.read(sample / f"raven/{number:04}.selections.txt")
        (event,) = found.events
        assert (event.id, event.label) == (f"{number:04}", "bird")
        assert event.onset_s == pytest.approx(float(row["onset"]) - float(row["clip_onset"]))
        assert event.offset_s - event.onset_s == pytest.approx(2.0)
    header = (sample / "raven/0001.selections.txt").read_text().splitlines()[0]
    assert header.split("\t")[-3:] == ["Score", "Calibration", "Correct"]


def test_of_a_long_detection_the_beginning_is_cut_out(recordings, tmp_path):
    table = detections.table_of({"file": ["site/r0.wav"], "onset": [0.0], "offset": [60.0],
                                 "class": ["bird"], "score": [0.5]})  # fmt: skip
    drawn = detection_sample.draw(table, 1, 1, seed=1)
    detection_sample.write_sample(table, drawn, recordings, tmp_path / "s", 1.0, 5.0)
    assert soundfile.info(tmp_path / "s/clips/0001.wav").duration == 6.0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"file": ["site/none.wav"]}, r"1 of 1 recordings are not below .*: 'site/none.wav'; name"),
        ({"file": ["site/broken.wav"]}, r"broken.wav cannot be read \(.*; convert it"),
        ({"onset": [70.0], "offset": [71.0]}, "ends after 60 s, but a detection begins at 70 s"),
    ],
)
def test_a_recording_that_does_not_fit_leaves_nothing(recordings, tmp_path, change, said):
    (recordings / "site/broken.wav").write_bytes(b"RIFF")
    given = {"file": ["site/r0.wav"], "onset": [1.0], "offset": [2.0], "class": ["a"], "score": [1]}
    table = detections.table_of(given | change)
    drawn = detection_sample.draw(table, 1, 1, seed=1)
    with pytest.raises(ValueError, match=said):
        detection_sample.write_sample(table, drawn, recordings, tmp_path / "s")
    assert list(tmp_path.iterdir()) == []


def test_recordings_of_predict_are_found_below_the_folder_that_it_was_given(
    recordings, tmp_path, monkeypatch
):
    monkeypatch.chdir(recordings.parent)
    plain = detection_table(20)
    named = plain.to_pydict()
    named["file"] = [f"{recordings.name}/{file}" for file in named["file"]]
    for folder, given in (("plain", plain), ("named", detections.table_of(named))):
        drawn = detection_sample.draw(given, 2, 2, seed=1)
        detection_sample.write_sample(given, drawn, recordings.name, tmp_path / folder)
    clips = [sorted((tmp_path / one / "clips").iterdir()) for one in ("plain", "named")]
    assert [path.read_bytes() for path in clips[0]] == [path.read_bytes() for path in clips[1]]


def test_answers_are_never_written_over(sample, recordings, capsys):
    detections.write(sample.parent / "d.csv", detection_table())
    given = ["sample", sample.parent / "d.csv", "--audio", recordings, "--out", sample]
    assert command.main(list(map(str, given))) == 2
    assert "is there already, and may hold answers" in capsys.readouterr().err


# reading back


def test_precision_is_that_of_the_answers(sample):
    fill_in(sample, lambda row: "1" if float(row["score"]) > 0.5 else "0")
    _, answers = sample_review.read_answers(sample)
    *bands, whole = sample_review.precision_rows(answers)
    assert [one.precision for one in bands][:2] == [0.0, 0.0]
    assert [one.precision for one in bands][-2:] == [1.0, 1.0]
    for one in bands:
        assert (one.low, one.high) == wilson_interval(one.correct / one.drawn, one.drawn)
    assert sum(one.detections for one in bands) == whole.detections == 300
    # weighted: three of five bands hold a few of the detections
    expected = stratified_proportion(*zip(
        *((one.correct, one.drawn, one.detections) for one in bands), strict=True
    ))  # fmt: skip
    assert (whole.precision, whole.low, whole.high) == expected
    plain = np.mean([one.is_correct for one in answers])
    truth = (detection_table()["score"].to_numpy() > 0.5).mean()
    assert abs(whole.precision - truth) < 0.1 < abs(plain - truth)


def test_what_nobody_was_sure_of_counts_for_nothing(sample):
    rows = fill_in(sample, lambda row: "?" if row["band"] == "0 to 0.2" else "yes")
    _, answers = sample_review.read_answers(sample / "sample.csv")
    first, *_, whole = sample_review.precision_rows(answers)
    assert (first.drawn, first.unsure, first.correct) == (6, 6, 0)
    assert math.isnan(first.precision)
    known = {row["band"]: int(row["in_band"]) for row in rows if row["band"] != "0 to 0.2"}
    assert whole.detections == sum(known.values())
    assert whole.precision == 1.0


def test_answers_in_raven_count_too(sample):
    path = sample / "raven/0002.selections.txt"
    head, row = path.read_text().splitlines()
    path.write_text(f"{head}\n{row}yes\n")
    fill_in(sample, lambda row: "0" if row["clip"].endswith("0003.wav") else "")
    _, answers = sample_review.read_answers(sample)
    assert [one.is_correct for one in answers[:4]] == [None, True, False, None]
    fill_in(sample, lambda row: "no")
    with pytest.raises(ValueError, match=r"line 3: correct is 'no', but the selection table of"):
        sample_review.read_answers(sample)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("", "has no answer in column 'correct'"),
        ("maybe", r"sample.csv, line 2: correct is 'maybe'; expected 1, 0, or \?"),
        (
            {"correct": "1", "in_band": "many"},
            "line 2: in_band is 'many', expected a finite number",
        ),
    ],
)
def test_a_table_that_cannot_be_read_is_one_sentence(sample, answer, said):
    fill_in(sample, lambda row: answer)
    with pytest.raises(ValueError, match=said):
        sample_review.read_answers(sample)


def answer(score, is_correct, band="0 to 1", in_band=10):
    return sample_review.Answer(
        "c", "f", 0.0, 1.0, "bird", score, 0.0, band, in_band, is_correct, None
    )


def test_the_threshold_is_the_lowest_that_has_the_precision():
    given = [(0.9, True), (0.8, True), (0.7, False), (0.6, True), (0.5, False), (0.4, False)]
    answers = [answer(*one) for one in given]
    for wanted, expected, share in ((0.75, 0.6, 0.75), (0.9, 0.8, 1.0), (0.5, 0.4, 0.5)):
        threshold, precision, low, high = sample_review.suggested_threshold(answers, "bird", wanted)
        assert (threshold, precision) == (expected, pytest.approx(share))
        assert low < precision <= high
    with pytest.raises(ValueError, match="no threshold gives a precision of 0.9; the most is 0.50"):
        sample_review.suggested_threshold([answer(0.9, False), answer(0.8, True)], "bird", 0.9)
    with pytest.raises(ValueError, match="no detection is checked"):
        sample_review.suggested_threshold([answer(0.9, None)], "bird", 0.9)


def test_a_threshold_weighs_answers_by_what_they_stand_for():
    # each of the high band for 10 detections, that of the low band for 90: 100 of 110 are right
    high = [answer(0.9, True, "high", 20), answer(0.8, False, "high", 20)]
    answers = [*high, answer(0.4, True, "low", 90)]
    threshold, precision, *_ = sample_review.suggested_threshold(answers, "bird", 0.9)
    assert (threshold, precision) == (0.4, pytest.approx(100 / 110))
    threshold, precision, *_ = sample_review.suggested_threshold(answers, "bird", 0.95)
    assert (threshold, precision) == (0.9, 1.0)


def test_labels_are_what_is_known(recordings, tmp_path):
    table = detection_table(classes=("owl", "rail"))
    drawn = detection_sample.draw(table, 6, 5, seed=1)
    detection_sample.write_sample(table, drawn, recordings, tmp_path / "s", 0.5)
    told = (("1", ""), ("1", "wren; crow"), ("0", ""), ("0", "none"), ("0", "crow"), ("?", ""))

    def say(row):
        return dict(zip(("correct", "others"), told[(int(row["clip"][6:10]) - 1) % 6], strict=True))

    fill_in(tmp_path / "s", say)
    folder, answers = sample_review.read_answers(tmp_path / "s")
    counts = sample_review.write_corpus(folder, answers, tmp_path / "checked")
    rows = {row["path"]: row for row in rows_of(tmp_path / "checked/labels.csv")}
    first = [rows.get(f"audio/000{i}.wav") for i in range(1, 7)]
    label = answers[0].label
    assert (first[0]["labels"], first[0]["labelled"]) == (label, "1")
    assert first[1]["labels"] == f"{answers[1].label};wren;crow"
    assert (first[2]["labels"], first[2]["labelled"]) == ("", "0")  # an owl may be a rail
    assert (first[3]["labels"], first[3]["labelled"]) == ("", "1")
    assert (first[4]["labels"], first[4]["labelled"]) == ("crow", "1")
    assert first[5] is None
    assert counts == (sum(row["labelled"] == "1" for row in rows.values()),
                      sum(row["labelled"] == "0" for row in rows.values()))  # fmt: skip
    # without the context, and of the group of its recording
    samples, _ = soundfile.read(tmp_path / "checked/audio/0001.wav")
    assert len(samples) == 2 * RATE
    assert samples[0] * SECONDS == pytest.approx(answers[0].onset_s, abs=0.01)
    assert first[0]["group"] == answers[0].file


# from the command line, and on to the next training


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """Detections in recordings of noise and warbles, checked by who knows where the warbles are."""
    root = tmp_path_factory.mktemp("field")
    rng = np.random.default_rng(5)
    rows = {name: [] for name in ("file", "onset", "offset", "class", "score")}
    for number in range(12):
        time_s = np.arange(30 * RATE) / RATE
        has_bird = np.repeat(np.arange(10) % 2, 3 * RATE)
        warble = np.sin(2 * np.pi * 2500 * time_s + 8 * np.sin(2 * np.pi * 6 * time_s))
        samples = 0.05 * rng.standard_normal(len(time_s)) + 0.2 * has_bird * warble
        soundfile.write(root / f"r{number}.wav", samples, RATE)
        for window in range(10):
            values = (f"r{number}.wav", 3.0 * window, 3.0 * window + 3, "bird",
                      np.clip(0.5 + 0.3 * (window % 2 - 0.5) + rng.normal(0, 0.2), 0, 1))  # fmt: skip
            for name, value in zip(rows, values, strict=True):
                rows[name].append(value)
    detections.write(root / "detections.parquet", detections.table_of(rows))
    sample = root / "sample"
    given = [
        "sample",
        root / "detections.parquet",
        "--audio",
        root,
        "--out",
        sample,
        "--context",
        0.5,
    ]
    assert command.main(list(map(str, given))) == 0
    fill_in(sample, lambda row: "ny"[int(float(row["onset"]) / 3) % 2])
    return root


def test_the_command_reads_answers_back(checked, capsys):
    given = [
        "sample",
        "--read",
        checked / "sample",
        "--out",
        checked / "checked",
        "--precision",
        0.8,
    ]
    assert command.main(list(map(str, given))) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["class", "score", "detections", "checked", "right", "precision"]
    assert any(line.startswith("bird: from a score of ") for line in lines)
    rows = rows_of(checked / "checked/precision.csv")
    assert [row["band"] for row in rows][-1] == "all"
    assert len(rows_of(checked / "checked/thresholds.csv")) == 1
    assert command.main(list(map(str, given))) == 2
    assert "is there already; name a new folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "expected tables of detections and --audio ROOT, or --read FOLDER"),
        (["d.parquet", "--read", "x"], "--read takes no tables of detections"),
        (
            ["d.parquet", "--audio", "x", "--classes", "wren"],
            "no detection of 'wren'; there are bird",
        ),
    ],
)
def test_a_wrong_use_is_one_sentence(checked, tmp_path, monkeypatch, capsys, given, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.parquet").write_bytes((checked / "detections.parquet").read_bytes())
    assert command.main(["sample", *given, "--out", "o"]) == 2
    assert said in capsys.readouterr().err


@pytest.fixture(scope="module")
def next_round(checked, tmp_path_factory):
    """A project whose training corpus is the checked detections."""
    folder = tmp_path_factory.mktemp("checked")
    given = ["sample", "--read", checked / "sample", "--out", folder / "checked"]
    assert command.main(list(map(str, given))) == 0
    project, settings = tiny.Project(folder / "project"), tiny.config()
    settings["run"] = ["one"]
    table = str(folder / "checked/labels.csv")
    settings["corpora"]["small"] = {"adapter": "table", "table": table, "shards": 2}
    # several detections are of one recording
    folds = {"kind": "grouped", "count": 2}
    settings["experiments"]["one"] |= {"folds": folds, "calibration": {"method": "platt"}}
    project.configure(settings)
    return project, settings


def test_the_workflow_lists_checked_detections_as_a_corpus(next_round, checked):
    project, settings = next_round
    run = project.run_of(settings)
    path = project.work / run.labels(["small"])["small"]
    found = {one.id: one for one in tables.read_labels(path)}
    _, answers = sample_review.read_answers(checked / "sample")
    assert len(found) == len(answers) > 20
    for one in answers:
        known = found[f"audio/{one.clip.removeprefix('clips/')}"]
        assert (known.labelled, list(known.labels)) == (True, ["bird"] * one.is_correct)
        assert known.group == one.file
    assert {"train", "calibrate"} <= {job.rule for job in jobs(run)}


@pytest.mark.slow
def test_the_workflow_trains_on_checked_detections(next_round):
    project, _ = next_round
    ran = project.run()
    assert ran.returncode == 0, ran.stdout + ran.stderr
    text = (project.work / "results/one/summary.txt").read_text()
    assert "calibrated: platt, fitted on out-of-fold scores of small" in text
    assert project.planned() == {}


def test_the_command_works_without_the_packages_of_the_workflow(checked, tmp_path):
    code = WITHOUT_WORKFLOW + (
        "from dawnchorus.exported import detection_sample, detections, sample_review\n"
        f"table = detections.read({str(checked / 'detections.parquet')!r})\n"
        "drawn = detection_sample.draw(table, 1, 5, 1)\n"
        f"detection_sample.write_sample(table, drawn, {str(checked)!r}, {str(tmp_path / 's')!r})\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert len(rows_of(tmp_path / "s/sample.csv")) == 5
