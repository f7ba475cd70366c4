"""The report of an experiment: what stands in it, that every text is escaped, equal bytes."""

import io
import json
import re
import wave
from html.parser import HTMLParser
from pathlib import Path

import audio_shards
import numpy as np
import pytest
import report_results

from dawnchorus.report import report_page, sound_excerpt
from dawnchorus.report.chart import Axis, Series, line_chart
from dawnchorus.report.html import Html, element, table
from dawnchorus.report.job_records import read_jobs
from dawnchorus.report.result_data import read_results
from dawnchorus.settings.differences import differences

SHOWN = ["overview", "scores", "curves", "classes", "worst", "methods", "manifest"]


class Reader(HTMLParser):
    """Tags of a page, the texts of its cells, and what it would load."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.sections, self.cells, self.loaded, self.open = [], [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        about = dict(attributes)
        self.tags.append(tag)
        self.open += [tag] if tag not in ("meta", "img") else []
        self.sections += [about["id"]] if tag == "section" else []
        self.loaded += [about[key] for key in ("src", "href") if key in about]
        if tag in ("img", "audio", "svg"):
            hidden = about.get("aria-hidden") == "true"
            assert hidden or about.get("alt") or about.get("aria-label"), tag

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.cells.append(data)


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    return report_results.written(tmp_path_factory.mktemp("report"))


def test_a_report_holds_the_results_and_nothing_of_it_is_a_command(asked, tmp_path):
    page, again = tmp_path / "report.html", tmp_path / "again.html"
    report_page.write_report(asked, page)
    report_page.write_report(asked, again)
    assert page.read_bytes() == again.read_bytes()
    text = page.read_text()
    read = Reader(text)
    assert read.open == []
    assert read.sections == SHOWN  # neither pseudo-labels nor events
    # names are texts: what a class is called opens no element
    assert read.tags.count("script") == 1
    assert "b" not in read.tags
    assert report_results.AWKWARD in read.cells
    # nothing is loaded from anywhere
    assert all(one.startswith(("#", "data:")) for one in read.loaded)
    assert not re.search(r"https?://", text)
    metrics = json.loads(Path(asked["metrics"]).read_text())
    own = metrics["ensembles"]["one"]["test"]["field"]
    assert f"{own['auroc']:.3f} ({own['low']:.3f} to {own['high']:.3f})" in read.cells
    pair = metrics["comparisons"][0]["test"]["field"]
    assert f"{pair['difference']:+.3f} ({pair['low']:+.3f} to {pair['high']:+.3f})" in read.cells
    assert {"AUDIO_TRUNCATED", "0 bytes <are> missing"} < set(read.cells)
    # ten misses and ten false alarms, each with a sound
    assert read.tags.count("audio") == read.tags.count("img") == 20


def test_the_worst_recordings_are_those_of_the_scores(asked):
    data = read_results(asked)
    truth, scores = data.truths["field"], data.scores["one"]["field"]
    found = re.findall(r" has ([0-9.]+); truth", report_page.SECTIONS["worst"](data))
    misses = np.sort(scores[truth.targets > 0])[:10]
    alarms = np.sort(scores[truth.targets == 0])[::-1][:10]
    np.testing.assert_allclose([*map(float, found)], [*misses, *alarms], atol=5.1e-4)


def test_texts_are_escaped_once_and_markup_is_not():
    assert element("p", "<b>", Html("<i></i>"), title='"&') == (
        '<p title="&quot;&amp;">&lt;b&gt;<i></i></p>'
    )
    assert element("p", "a\x00b\x1b") == "<p>a\ufffdb\ufffd</p>"
    made = table("C<", ("a", ">b", "c"), [("x", 1, ""), ("y", 2, "–")], True)
    assert "C&lt;" in made
    assert made.count("<th ") == 4  # a column that says nothing is left out
    assert table("C", ("a",), []) == ""


def test_curves_lie_where_their_points_are():
    chart = line_chart("t", Axis("x", 0, 1), Axis("y", 0, 2), [Series("s", [0, 0.5, 1], [0, 1, 9])])
    path = re.search(r'<path d="M([^"]*)" class="line s0"', chart)[1]
    (left, bottom), middle, (right, top) = [[*map(float, one.split())] for one in path.split("L")]
    assert middle == [(left + right) / 2, (bottom + top) / 2]
    assert bottom > top  # what is beyond an axis lies on its edge


def test_an_excerpt_is_the_sound_around_its_moment(tmp_path):
    rate = 44100
    time_s = np.arange(8 * rate) / rate
    tone = 0.05 * np.sin(2 * np.pi * np.where(time_s < 4, 1000, 3000) * time_s)
    tone = tone.astype(np.float32)
    audio_shards.write_audio(tmp_path / "c", {"a": [tone], "b": [tone, -tone]}, rate)
    folder = str(tmp_path / "c")
    for middle_s, hertz, onset_s in ((0.5, 1000, 0.0), (7.9, 3000, 5.0)):
        found = sound_excerpt.read_excerpt(folder, 1, "a", middle_s)
        assert (found.sample_rate, len(found.samples), found.onset_s) == (16000, 48000, onset_s)
        assert np.abs(np.fft.rfft(found.samples)).argmax() / 3 == pytest.approx(hertz, abs=1)
        assert np.abs(found.samples).max() == pytest.approx(0.05, rel=0.02)
        with wave.open(io.BytesIO(sound_excerpt.wav_bytes(found))) as file:
            assert (file.getframerate(), file.getnframes(), file.getsampwidth()) == (
                16000,
                48000,
                2,
            )
            samples = np.frombuffer(file.readframes(48000), "<i2")
        assert np.abs(samples.astype(int)).max() == pytest.approx(0.7 * 32767, rel=1e-3)
    # channels are averaged: opposite ones cancel, and silence is no division by 0
    silent = sound_excerpt.read_excerpt(folder, 1, "b", 1.0)
    assert not silent.samples.any()
    assert sound_excerpt.picture_bytes(silent).startswith(b"\x89PNG")
    assert b"\0" * 96000 in sound_excerpt.wav_bytes(silent)
    assert sound_excerpt.read_excerpt(folder, 1, "gone", 1.0) is None
    assert sound_excerpt.read_excerpt(str(tmp_path / "other"), 1, "a", 1.0) is None


def test_jobs_are_those_behind_the_files(tmp_path):
    results = tmp_path / "results"

    def record(path, rule, inputs, seconds, **wildcards):
        place = results / ".provenance" / f"{path}.json"
        place.parent.mkdir(parents=True, exist_ok=True)
        names = {str(results / name): "0" for name in inputs}
        about = {"rule": rule, "wildcards": wildcards, "seconds": seconds, "inputs": names}
        place.write_text(json.dumps(about))

    record("a.wav", "resample", [], 2.0, shard="0")
    record("a.csv", "resample", [], 3.0, shard="0")
    record("b.wav", "resample", [], 5.0, shard="1")
    record("m.json", "evaluate", ["a.wav", "a.csv", "b.wav", "no-record"], 1.0)
    record("other.json", "evaluate", [], 9.0, experiment="other")
    benchmark = results / "benchmarks/resample/1.tsv"
    benchmark.parent.mkdir(parents=True)
    benchmark.write_text("s\tmax_rss\n5.0\t123.5\n")
    found = read_jobs([str(results / "m.json")], str(results))
    seconds = {rule: [job.seconds for job in jobs] for rule, jobs in found.by_rule.items()}
    assert seconds == {"evaluate": [1.0], "resample": [3.0, 5.0]}
    assert [job.memory_mb for job in found.by_rule["resample"]] == [None, 123.5]
    assert [job.depth for job in found.by_rule["evaluate"]] == [1]
    assert found.edges == {("resample", "evaluate")}


def test_settings_that_differ_are_named_once(asked):
    settings = json.loads(json.dumps(asked["settings"]))
    usual = differences("tiny", settings)
    for place in (settings, *settings["stages"].values()):
        place["training"] = {**place["training"], "epochs": 7}
    found = differences("tiny", settings)
    assert {key for key in found if found[key] != usual.get(key)} == {"training.epochs"}
