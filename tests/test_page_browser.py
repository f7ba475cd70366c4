"""The page in a browser: headless Chromium, which the system has (`make test-browser`)."""

import itertools
import os
import re
import shutil

import page_server
import pytest
import tiny_model
from page_server import wav

from dawnchorus.formats.annotations import audacity, raven
from dawnchorus.page import classification

pytestmark = pytest.mark.browser
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
    # a microphone that beeps, allowed without a question
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
]  # fmt: skip
PATIENCE_MS = 30_000  # the machine may be busy
SONG = wav(("low", 0.2, 0.7), ("high", 1, 1.5), ("high", 2.2, 2.7))
# a sound is one event, a click is none
DECODING = {
    "threshold": [0.1] * 2,
    "filter_s": [0.0] * 2,
    "gap_s": [0.1] * 2,
    "minimum_s": [0.3] * 2,
}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "tiny.dawnchorus"
    recorded_by = [
        [f"XC{number}", "low", who, "CC BY-NC 4.0", "url"]
        for number, who in enumerate(("<b>Ann</b>", "Ben", "Ben"))
    ]
    about = {"recordings": {"birds": {"licence": None, "recorded_by": recorded_by}}}
    model = tiny_model.write_tiny_model(path, decodings={"plain": DECODING}, about=about)
    limits = classification.Limits(n_bytes=12_000_000, longest_s=700.0)
    with page_server.served(model, limits) as port:
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=program, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def opened(browser, address):
    """A function that opens the page; nothing may be said on its console, as breaches of policy are."""
    contexts, said = [], []

    def page(**options):
        context = browser.new_context(**options)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        found = context.new_page()
        found.on("console", lambda message: said.append(message.text))
        found.on("pageerror", lambda error: said.append(str(error)))
        # everything is served by the page's own address
        found.on("request", lambda one: said.append(one.url)
                 if not one.url.startswith((address, f"blob:{address}")) else None)  # fmt: skip
        found.bring_to_front()
        found.goto(address)
        found.wait_for_selector("#limits:not(:empty)")
        return found

    yield page
    for context in contexts:
        context.close()
    # a refused upload is an answer, which Chromium notes
    assert [one for one in said if "Failed to load resource" not in one] == []


def give(page, content, name="song.wav"):
    page.set_input_files("#file", {"name": name, "mimeType": "audio/wav", "buffer": content})


def seconds(page):
    """Return the time that the page shows, and the place of the marker as a share of the width."""
    # at once: it goes on while it is asked
    told, share = page.evaluate(
        "() => { const [head, all] = ['playhead', 'spectrogram'].map(id => "
        "document.getElementById(id).getBoundingClientRect()); "
        "return [document.getElementById('time').innerText, (head.x + 1 - all.x) / all.width]; }"
    )
    minutes, rest = re.match(r"(\d+):([\d.]+)", told).groups()
    return 60 * int(minutes) + float(rest), share


def until(condition, page):
    for _ in range(PATIENCE_MS // 50):
        if condition():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it did not come about")


def test_a_file_is_classified_played_looped_and_downloaded(opened, tmp_path):
    page = opened(viewport={"width": 1400, "height": 900})
    give(page, SONG)
    page.wait_for_selector("#result:not([hidden])")
    assert page.inner_text("#name") == "song.wav, 0:03.0"
    assert [page.inner_text(f"#best li:nth-child({n}) .line span") for n in (1, 2)] == [
        "low",
        "high",
    ]
    assert "not calibrated" in page.inner_text("#calibration")
    rows = page.locator("#rows tr")
    names = rows.locator("td:nth-child(2)").all_inner_texts()
    assert sorted(names) == ["high", "high", "low"]
    # the spectrogram is drawn, and the detections lie over it where their seconds are
    shades = page.evaluate(
        "() => { const c = document.getElementById('canvas'); const d = c.getContext('2d')"
        ".getImageData(0, 0, c.width, c.height).data; return new Set(d).size; }"
    )
    assert shades > 50
    place = page.locator("#spectrogram").bounding_box()
    boxes = page.locator(".box")
    assert boxes.count() == 3
    first = names.index("high")
    found = boxes.nth(first).bounding_box()
    assert abs((found["x"] - place["x"]) / place["width"] * 3 - 1) < 0.06
    assert abs(found["width"] / place["width"] * 3 - 0.5) < 0.06
    # a click on one loops it: the marker goes on and comes back
    boxes.nth(first).locator(".chip").click()
    until(lambda: "now" in (boxes.nth(first).get_attribute("class")), page)
    assert page.inner_text("#play") == "Pause"
    assert rows.nth(first).locator("button").get_attribute("aria-pressed") == "true"
    places = []
    for _ in range(40):
        places.append(seconds(page))
        page.wait_for_timeout(50)
    times = [time_s for time_s, _ in places]
    assert all(0.9 <= one <= 1.65 for one in times)
    assert any(b > a for a, b in itertools.pairwise(times))
    assert any(b < a for a, b in itertools.pairwise(times))
    assert all(abs(share - time_s / 3) < 0.05 for time_s, share in places)
    page.keyboard.press("Escape")
    until(lambda: seconds(page)[0] > 2, page)
    # files of the tools, as they read them
    for kind, name in (("raven", "song.Table.1.selections.txt"), ("audacity", "song.txt")):
        with page.expect_download() as waiting:
            page.click(f"[data-format={kind}]")
        assert waiting.value.suggested_filename == name
        waiting.value.save_as(tmp_path / name)
        read = raven.read if kind == "raven" else audacity.read
        assert [one.label for one in read(tmp_path / name, "song").events] == names
    with page.expect_download() as waiting:
        page.click("[data-format=csv]")
    waiting.value.save_as(tmp_path / "song.csv")
    lines = (tmp_path / "song.csv").read_text().splitlines()
    assert lines[0] == "file,onset,offset,class,score,model,time,calibration"
    assert len(lines) == 4


def test_a_keyboard_is_enough_and_a_screen_reader_is_told(opened):
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.id") == "choose"
    with page.expect_file_chooser() as waiting:
        page.keyboard.press("Enter")
    waiting.value.set_files({"name": "a.wav", "mimeType": "audio/wav", "buffer": SONG})
    page.wait_for_selector("#result:not([hidden])")
    assert page.evaluate("() => document.activeElement.id") == "name"
    assert page.inner_text("#status").startswith(
        "a.wav is classified: 3 detections; the best class"
    )
    assert page.get_attribute("#spectrogram", "aria-label").startswith(
        "Spectrogram from 0 to 4.0 kHz"
    )
    page.keyboard.press("Space")
    until(lambda: page.inner_text("#play") == "Pause", page)
    page.keyboard.press("Space")
    until(lambda: page.inner_text("#play") == "Play", page)
    # from the heading through the controls to the detections
    seen = []
    for _ in range(12):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(
            "() => document.activeElement.getAttribute('aria-label') || document.activeElement.innerText"
            " || document.activeElement.id"
        ))  # fmt: skip
        if seen[-1].startswith("Loop "):
            break
    assert seen[:3] == ["Play", "Position", "zoom"]
    assert {"Raven table", "CSV", "Audacity labels"} < set(seen)
    page.keyboard.press("Enter")
    until(lambda: page.inner_text("#status").startswith("Looping "), page)
    assert page.locator("#unloop").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#unloop").is_visible()
    unnamed = page.evaluate(
        "() => [...document.querySelectorAll('button, input')].filter(one => !one.innerText && "
        "!one.getAttribute('aria-label') && !one.labels?.length).length"
    )
    assert unnamed == 0


def test_who_recorded_what_the_model_was_trained_on_is_named(opened):
    page = opened()
    page.click("#about summary")
    told = page.locator("#facts").inner_text()
    assert "Trained on birds\n3 recordings by <b>Ann</b> (CC BY-NC 4.0); Ben (CC BY-NC 4.0)" in told


def test_what_cannot_be_used_is_said_and_the_next_file_is_taken(opened):
    page = opened()
    give(page, b"no sound", "notes.wav")
    until(lambda: "This is no sound that can be read" in page.inner_text("#fault"), page)
    assert page.get_attribute("#fault", "role") == "alert"
    assert page.locator("#result").is_hidden()
    give(page, SONG[:9000], "cut.wav")
    until(lambda: "ends before its sound does" in page.inner_text("#fault"), page)
    give(page, b"\0" * 12_000_001, "large.wav")
    until(lambda: "at most 12 MB are taken" in page.inner_text("#fault"), page)
    # what a name says is text, whatever it looks like
    give(page, SONG, "<img src=x onerror=alert(1)>.wav")
    page.wait_for_selector("#result:not([hidden])")
    assert page.inner_text("#fault") == ""
    assert page.inner_text("#name").startswith("<img src=x onerror=alert(1)>.wav")
    assert page.locator("main img").count() == 0


def test_ten_minutes_are_shown_in_parts_and_played(opened):
    page = opened(viewport={"width": 420, "height": 800})
    give(page, wav(("high", 500, 501), seconds=600), "night.wav")
    page.wait_for_selector("#result:not([hidden])")
    assert page.inner_text("#name") == "night.wav, 10:00.0"
    row = page.locator("#rows tr").first
    assert row.locator("button").inner_text().startswith("8:20.0 – 8:21.")
    row.locator("button").click()
    until(lambda: page.inner_text("#play") == "Pause", page)
    until(lambda: 499 < seconds(page)[0] < 502, page)
    # the part that is seen has followed
    until(lambda: 0 <= seconds(page)[1] <= 1, page)
    box, place = (page.locator(name).first.bounding_box() for name in (".box", "#spectrogram"))
    assert place["x"] <= box["x"] < place["x"] + place["width"]
    # the whole of it once more
    page.locator("#zoom").fill("0")
    page.keyboard.press("Escape")
    until(lambda: abs(seconds(page)[1] - seconds(page)[0] / 600) < 0.05, page)
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_four_at_once_get_their_own_answers(opened):
    pages = [opened() for _ in range(4)]
    for number, page in enumerate(pages):
        give(page, wav(("high", 0, 0.5 + 0.5 * number)), f"{number}.wav")
    for number, page in enumerate(pages):
        page.wait_for_selector("#result:not([hidden])")
        assert page.inner_text("#name") == f"{number}.wav, 0:03.0"
        shown = page.locator("#rows button").first.inner_text()
        assert abs(float(shown.rpartition(":")[2]) - 0.5 - 0.5 * number) < 0.15


def test_the_microphone_is_recorded(opened):
    page = opened(permissions=["microphone"])
    page.click("#record")
    until(lambda: page.inner_text("#record").startswith("Stop (0:02"), page)
    page.click("#record")
    page.wait_for_selector("#result:not([hidden])")
    name, _, length = page.inner_text("#name").partition(", ")
    assert re.fullmatch(r"\d{8}_\d{6}\.wav", name)
    assert 1.5 < float(length.removeprefix("0:")) < 60
    assert "silent" not in page.inner_text("#warnings")


def test_a_file_is_dropped(opened):
    page = opened()
    given = page.evaluate_handle(
        "bytes => { const data = new DataTransfer(); data.items.add(new File([new Uint8Array(bytes)], "
        "'dropped.wav', {type: 'audio/wav'})); return data; }",
        list(SONG),
    )
    page.dispatch_event("body", "dragenter", {"dataTransfer": given})
    assert page.locator("#veil").is_visible()
    page.dispatch_event("body", "drop", {"dataTransfer": given})
    page.wait_for_selector("#result:not([hidden])")
    assert page.inner_text("#name") == "dropped.wav, 0:03.0"
    assert page.locator("#veil").is_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_narrow_screens_and_both_schemes_are_legible(opened, scheme):
    page = opened(viewport={"width": 360, "height": 700}, color_scheme=scheme)
    give(page, SONG)
    page.wait_for_selector("#result:not([hidden])")
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    ground, ink = page.evaluate(
        "() => { const style = getComputedStyle(document.body); "
        "return [style.backgroundColor, style.color]; }"
    )
    levels = [sum(map(int, re.findall(r"\d+", colour)[:3])) / 765 for colour in (ground, ink)]
    assert (
        (levels[0] > 0.9 and levels[1] < 0.2)
        if scheme == "light"
        else (levels[0] < 0.1 and levels[1] > 0.8)
    )
    # targets that a finger meets
    for button in page.locator("#input button:visible, .controls button:visible").all():
        assert button.bounding_box()["height"] >= 40
