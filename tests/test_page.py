"""The page over HTTP: its answers, its limits, and what it refuses."""

import base64
import contextlib
import csv
import hashlib
import http.client
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import quote

import numpy as np
import page_server
import pytest
import tiny_model
from page_server import ask, classify, wav

from dawnchorus.audio import verdicts
from dawnchorus.cli import command
from dawnchorus.exported import detection_rows, prediction
from dawnchorus.exported.networks import Networks
from dawnchorus.exported.row_selection import selection_of
from dawnchorus.formats.annotations import audacity, raven
from dawnchorus.page import classification, guard, sentences, sound_picture, upload, web_application

STATIC = Path(web_application.__file__).parent / "static"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_model.write_tiny_model(tmp_path_factory.mktemp("page") / "tiny.dawnchorus")


@pytest.fixture(scope="module")
def port(model):
    limits = classification.Limits(n_bytes=2_000_000, longest_s=20.0)
    with page_server.served(model, limits, ["0.01"]) as port:
        yield port


SONG = wav((3000, 1, 1.5), (400, 1.2, 2.2), channels=2)


def test_an_answer_is_what_predict_says_of_the_recording(model, port, tmp_path):
    found = classify(port, SONG, "20240501_050000.wav").found
    path = tmp_path / "20240501_050000.wav"
    path.write_bytes(SONG)
    expected = {}
    for kind in ("events", "recordings"):
        selection = selection_of(model, kind, ["0.01"], None, None, None)
        (one,) = prediction.predicted(
            model, lambda: Networks(model), [{"path": str(path)}], selection
        )
        expected[kind] = one.rows
    rows = expected["events"]
    assert len(rows) > 1
    assert found["duration_s"] == 3.0
    assert [row[2] for row in found["detections"]] == [model.classes[i] for i in rows["class"]]
    for column, name in ((0, "onset"), (1, "offset"), (3, "score")):
        given = [row[column] for row in found["detections"]]
        np.testing.assert_allclose(given, rows[name], atol=6e-4)
    best = expected["recordings"]
    assert [name for name, _ in found["best"]] == [model.classes[i] for i in best["class"]]
    np.testing.assert_allclose([score for _, score in found["best"]], best["score"], atol=6e-5)
    # files are those of the command
    table = list(csv.DictReader(io.StringIO(found["files"]["csv"])))
    said = model.classes, model.short_digest, "none"
    (block,) = detection_rows.blocks_of([(path.name, rows)], *said)
    assert {row["calibration"] for row in table} == {"none"}
    assert [row["score"] for row in table] == [str(x) for x in block["score"].cast("string")]
    assert {row["file"] for row in table} == {path.name}
    assert table[0]["time"].startswith("2024-05-01T05:00:0")
    for kind, reader in (("raven", raven), ("audacity", audacity)):
        written = tmp_path / f"{kind}.txt"
        written.write_text(found["files"][kind])
        events = reader.read(written, path.stem).events
        assert [one.label for one in events] == [row["class"] for row in table]


def test_what_is_drawn_is_where_the_sound_is(port):
    found = classify(port, wav((3000, 1, 1.5))).found["picture"]
    shades = np.frombuffer(base64.b64decode(found["shades"]), np.uint8)
    shades = shades.reshape(found["n_columns"], found["n_bands"])
    assert found["columns_per_s"] == 100
    assert found["top_hz"] == tiny_model.SAMPLE_RATE / 2
    assert found["n_columns"] == 300
    band = int(3000 / found["top_hz"] * found["n_bands"])
    assert (abs(shades[110:140].argmax(axis=1) - band) <= 1).all()
    assert shades[110:140, band].min() > 200 > 150 > shades[:90, band].max()
    peaks = np.frombuffer(base64.b64decode(found["peaks"]), np.uint8)
    assert peaks[110:140].min() > 240
    assert peaks[:99].max() < 10


def test_long_sounds_are_drawn_with_fewer_columns_that_keep_the_peaks(monkeypatch):
    monkeypatch.setattr(sound_picture, "MOST_COLUMNS", 64)
    rng = np.random.default_rng(2)
    sound = rng.uniform(-0.1, 0.1, 16_123).astype(np.float32)
    sound[9_000] = 0.9
    pictures = []
    for cuts in ([], [5, 777, 8_000], range(100, 16_000, 100)):
        picture = sound_picture.SoundPicture(4000)
        for piece in np.split(sound, cuts):
            picture.add([piece, piece])
        pictures.append(picture.finish())
    first = pictures[0]
    # 404 hundredths of a second, eight to a column
    assert (first.columns_per_s, len(first.shades)) == (12.5, 51)
    assert first.peaks.argmax() == 9_000 // 320
    assert first.peaks.max() == 255
    for other in pictures[1:]:
        np.testing.assert_array_equal(other.shades, first.shades)
        np.testing.assert_array_equal(other.peaks, first.peaks)
    empty = sound_picture.SoundPicture(4000).finish()
    assert len(empty.shades) == 1


def test_the_page_says_what_the_model_is_and_holds_its_own_files(model, port):
    answer = ask(port)
    policy = answer.headers["content-security-policy"]
    nonce = re.search(r"'nonce-([\w-]+)'", policy)[1]
    assert f'content="{nonce}"' in answer.text
    assert "unsafe" not in policy
    assert "//" not in policy  # no other host
    assert nonce not in ask(port).headers["content-security-policy"]
    for path in re.findall(r'(?:src|href)="([^"]+)"', answer.text):
        assert ask(port, path=path).status == 200, path
    for script in STATIC.glob("*.js"):
        for path in re.findall(r'(?:from|addModule\() ?"([^"]+)"', script.read_text()):
            assert ask(port, path=path).headers["content-type"].startswith("text/javascript"), path
    for text in (path.read_text() for path in STATIC.glob("*.*")):
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    told = json.loads(ask(port, path="/model").text)
    assert told["classes"] == list(model.classes)
    assert (told["rows"], told["calibration"]) == ("events", None)
    for name, value in guard._HEADERS.items():
        if name != "Content-Security-Policy":
            assert answer.headers[name.lower()] == value
    assert not any(name.startswith("access-control") for name in answer.headers)


def test_no_path_leads_to_a_file(port):
    for path in (
        "/../guard.py",
        "/%2e%2e/guard.py",
        "/static/page.js",
        "//etc/passwd",
        "/page.js/",
    ):
        assert ask(port, path=path).status in (307, 404), path
    found = classify(port, SONG, quote("../../etc/pass\twd\n.wav")).found
    assert found["name"] == "pass wd .wav"
    assert upload.shown_name("C:\\a\\b.wav") == "b.wav"
    assert upload.shown_name("/") == "recording"
    assert len(upload.shown_name("x" * 999 + ".wav")) == 120


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"Host": "birds.example"}, "not served under the name 'birds.example'"),
        ({"Host": "birds.example:8000"}, "--name"),
        ({"Host": "192.0.2.1"}, "not served under"),
        ({"Host": "["}, "not served under"),
        ({"Origin": "http://birds.example"}, "another site"),
        ({"Origin": "null"}, "another site"),
        ({"Origin": "http://["}, "another site"),
        ({"Origin": "http://127.0.0.1:1"}, "another site"),
        ({"Sec_Fetch_Site": "cross-site"}, "another site"),
        ({"Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": "no-cors"}, "another site"),
    ],
)
def test_what_another_site_asks_is_refused(port, headers, why):
    for answer in (ask(port, path="/model", **headers), classify(port, SONG, **headers)):
        assert answer.status == 403
        assert why in answer.text
        assert "\n" not in answer.text


def test_what_the_page_itself_asks_passes(model, port):
    own = {"Sec_Fetch_Site": "same-origin"}
    for name in ("127.0.0.1", "localhost", "LOCALHOST", "[::1]"):
        host = f"{name}:{port}"
        assert classify(port, SONG, Host=host, Origin=f"http://{host}", **own).status == 200
    # a link from elsewhere may lead to the page
    link = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}
    assert ask(port, **link).status == 200
    asking = guard.Guard(None, ["Birds.example"], any_address=True)
    assert all(map(asking.is_own, ("birds.example", "192.0.2.1", "2001:db8::1", "localhost")))
    assert not asking.is_own("birds.example.org")


def test_what_cannot_be_used_gets_a_sentence(port):
    cut = SONG[: len(SONG) // 2]
    silent = wav(seconds=0)
    for content, status, sentence in (
        (b"no sound at all, but a text", 422, "This is no sound that can be read"),
        (cut, 422, "The file ends before its sound does"),
        (silent, 422, "There is no sound in the file"),
        (b"", 422, "the file is empty"),
        (wav(seconds=21), 422, "The recording is too long"),
        (b"x" * 2_000_001, 413, "the file is larger than 2 MB"),
    ):
        answer = classify(port, content)
        assert (answer.status, answer.text[: len(sentence)]) == (status, sentence)
        assert "\n" not in answer.text
        assert "/proc" not in answer.text
    assert classify(port, SONG, Content_Type="text/plain").status == 415
    assert ask(port, path="/classify").status == 405
    assert classify(port, wav((3000, 0, 2), seconds=19)).status == 200


def test_every_code_of_a_verdict_has_a_sentence():
    assert set(sentences.EXCLUSIONS) == set(verdicts.EXCLUSIONS)
    assert set(sentences.WARNINGS) == set(verdicts.WARNINGS)


def test_a_body_without_a_length_ends_at_the_limit(port):
    def pieces():
        for _ in range(30):
            yield b"\0" * 100_000

    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        answer = ask(
            port, "POST", "/classify?name=a", pieces(), **{"Content-Type": web_application.UPLOAD}
        )
        assert answer.status == 413


def test_four_at_once_are_answered_each_with_its_own(port):
    answers = {}

    def send(number):
        answers[number] = classify(port, wav((3000, 0, number)), f"{number}.wav")

    threads = [threading.Thread(target=send, args=(number,)) for number in (1, 2, 3, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, answer in answers.items():
        assert answer.found["name"] == f"{number}.wav"
        offset_s = max(row[1] for row in answer.found["detections"] if row[2] == "high")
        assert abs(offset_s - min(number, 3)) < 0.1


def test_more_than_may_wait_are_sent_away(model, monkeypatch):
    started, go_on = threading.Event(), threading.Event()
    classify_one = classification.Classifier.classify

    def slow(self, *given):
        started.set()
        assert go_on.wait(60)
        return classify_one(self, *given)

    monkeypatch.setattr(classification.Classifier, "classify", slow)
    answers = []
    with page_server.served(model, classification.Limits(at_once=1, waiting=0)) as port:
        first = threading.Thread(target=lambda: answers.append(classify(port, SONG)))
        first.start()
        assert started.wait(60)
        second = classify(port, SONG)
        go_on.set()
        first.join()
        assert classify(port, SONG).status == 200
    assert second.status == 503
    assert "try again in a minute" in second.text
    assert answers[0].status == 200


def test_an_upload_leaves_nothing_behind(port, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = set(os.listdir("/proc/self/fd"))
    assert classify(port, SONG).status == 200
    assert classify(port, SONG[:5000]).status == 422
    assert list(tmp_path.iterdir()) == []
    left = {os.readlink(f"/proc/self/fd/{fd}") for fd in set(os.listdir("/proc/self/fd")) - before
            if os.path.lexists(f"/proc/self/fd/{fd}")}  # fmt: skip
    assert not any("upload" in name or "slab" in name for name in left)


def test_who_leaves_ends_the_work(port, monkeypatch):
    ended = threading.Event()
    classify_one = classification.Classifier.classify

    def noted(self, path, name, is_wanted):
        while is_wanted():
            threading.Event().wait(0.05)
        try:
            return classify_one(self, path, name, is_wanted)
        except classification.Gone:
            ended.set()
            raise

    monkeypatch.setattr(classification.Classifier, "classify", noted)
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("POST", "/classify?name=a", SONG, page_server.UPLOAD)
    connection.close()
    assert ended.wait(20)


def test_an_upload_that_halts_is_ended(model, monkeypatch):
    monkeypatch.setattr(web_application, "_STALL_S", 0.2)
    with page_server.served(model) as port, socket.create_connection(("127.0.0.1", port)) as line:
        head = "POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
        line.sendall(f"{head}Content-Type: {web_application.UPLOAD}\r\n\r\nRIFF".encode())
        line.settimeout(20)
        assert b" 408 " in line.recv(1000)


def test_the_player_is_the_one_that_its_version_names():
    named = (STATIC / "wavesurfer/VERSION").read_text()
    digest = hashlib.sha256((STATIC / "wavesurfer/wavesurfer.esm.js").read_bytes()).hexdigest()
    assert digest in named
    assert "BSD 3-Clause" in (STATIC / "wavesurfer/LICENSE").read_text()


@pytest.mark.slow
def test_the_command_serves_this_machine_alone_and_says_where_else(tmp_path):
    path = tmp_path / "tiny.dawnchorus"
    tiny_model.write_tiny_model(path)

    def started(*options):
        command = [sys.executable, "-m", "dawnchorus", "serve", str(path), "--port", "0", *options]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    with started() as local, started("--host", "0.0.0.0") as wide:
        try:
            port, other = (
                int(re.search(r":(\d+)/", one.stdout.readline())[1]) for one in (local, wide)
            )
            assert ask(port).status == 200
            assert ask(port, Host="192.0.2.1").status == 403
            assert ask(other, Host="192.0.2.1").status == 200
            assert ask(other, Host="birds.example").status == 403
            assert command.main(["serve", str(path), "--port", str(port)]) == 2
        finally:
            for one in (local, wide):
                one.send_signal(signal.SIGINT)
        said = [one.communicate(timeout=60)[1] for one in (local, wide)]
    assert (local.returncode, wide.returncode) == (0, 0)
    assert said[0] == ""
    assert said[1].startswith("warning: served on 0.0.0.0: everyone who reaches this machine can")
    assert said[1].count("\n") == 1


@pytest.mark.parametrize(
    "options", [["--port", "70000"], ["--max-mb", "nan"], ["--at-once", "0"], ["--threshold", "2"]]
)
def test_wrong_options_end_in_a_sentence(model, tmp_path, capsys, options):
    path = tmp_path / "tiny.dawnchorus"
    tiny_model.write_tiny_model(path)
    assert command.main(["serve", str(path), *options]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
