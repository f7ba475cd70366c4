"""The report in a browser: headless Chromium, which the system has (`make test-browser`)."""

import pytest
import report_results
from test_page_browser import browser  # noqa: F401, a fixture

from dawnchorus.report import comparison_page, report_page, run_differences

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    report_page.write_report(report_results.written(folder), folder / "report.html")
    return folder / "report.html"


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """The page of two runs side by side."""
    asked = {
        name: report_results.written(tmp_path_factory.mktemp(name), name, seed)
        for name, seed in (("plain", 8), ("other", 9))
    }
    path = tmp_path_factory.mktemp("compared") / "comparison.html"
    comparison_page.write_comparison(run_differences.compare_runs(asked), path)
    return path


@pytest.fixture
def opened(browser, path):  # noqa: F811
    """A function that opens a page offline; nothing may be said on its console or be asked for."""
    contexts, said = [], []

    def page(path=path, **options):
        context = browser.new_context(offline=True, **options)
        contexts.append(context)
        found = context.new_page()
        found.on("console", lambda message: said.append(message.text))
        found.on("pageerror", lambda error: said.append(str(error)))
        found.on("dialog", lambda dialog: said.append(dialog.message))
        found.on("request", lambda one: said.append(one.url)
                 if one.url != path.as_uri() and not one.url.startswith("data:") else None)  # fmt: skip
        found.goto(path.as_uri())
        return found

    yield page
    for context in contexts:
        context.close()
    assert said == []


def column(table, number):
    return table.locator(f"tbody tr:visible > :nth-child({number})").all_inner_texts()


def test_tables_sort_and_filter(opened):
    page = opened(viewport={"width": 1400, "height": 1000})
    table = page.locator("#classes table.sortable").first
    titles = table.locator("thead th").all_inner_texts()
    auroc = titles.index("AUROC") + 1
    before = column(table, auroc)
    table.locator("thead button").nth(auroc - 1).click()
    assert table.locator("thead th").nth(auroc - 1).get_attribute("aria-sort") == "ascending"
    assert column(table, auroc) == sorted(before, key=float)
    # by the keyboard too, and the other way round
    table.locator("thead button").nth(auroc - 1).press("Enter")
    assert column(table, auroc) == sorted(before, key=float, reverse=True)
    page.locator("#classes input").first.fill("owl TWO")
    assert set(column(table, 1)) == {"owl"}
    assert set(column(table, 2)) == {"two"}
    told = page.locator("#classes [role=status]").first
    assert told.inner_text() == f"2 of {len(before)} rows"


def test_sounds_play_one_at_a_time(opened):
    page = opened()
    first, second = (page.locator("audio").nth(number) for number in (0, 1))
    for sound in (first, second):
        sound.evaluate("sound => { sound.muted = true; return sound.play(); }")
    assert abs(second.evaluate("sound => sound.duration") - 3) < 0.01
    assert first.evaluate("sound => sound.paused")
    assert not second.evaluate("sound => sound.paused")


@pytest.mark.parametrize("width", [1400, 420])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_screen_and_a_phone_light_and_dark(opened, width, scheme):
    page = opened(viewport={"width": width, "height": 900}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    ink, paper = page.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
        ".map(text => text.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0))"
    )
    assert (ink < paper) == (scheme == "light")
    assert abs(ink - paper) > 550
    # letters of a chart are as dark as those of the text
    chart = page.locator("svg.chart text").first
    assert chart.evaluate("one => getComputedStyle(one).fill") == page.evaluate(
        "getComputedStyle(document.body).color"
    )
    # all that is named in the head of the page is there
    for link in page.locator("nav a").all():
        assert page.locator(link.get_attribute("href")).count() == 1


@pytest.mark.parametrize("width", [1400, 420])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_comparison_fits_a_screen_and_a_phone(opened, compared, width, scheme):
    page = opened(compared, viewport={"width": width, "height": 900}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    for link in page.locator("nav a").all():
        assert page.locator(link.get_attribute("href")).count() == 1
    # few classes need no field to filter by, but they sort
    table = page.locator("#classes table.sortable").first
    before = column(table, 1)
    assert len(before) > 1
    for direction, in_order in (
        ("ascending", sorted(before)),
        ("descending", sorted(before)[::-1]),
    ):
        table.locator("thead button").first.click()
        assert table.locator("thead th").first.get_attribute("aria-sort") == direction
        assert column(table, 1) == in_order


@pytest.mark.parametrize("what", ["report", "comparison"])
def test_nothing_is_cut_off_on_paper(opened, path, compared, what):
    page = opened(path if what == "report" else compared, viewport={"width": 718, "height": 1000})
    page.emulate_media(media="print")  # A4 without its margins, at 96 pixels an inch
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    wide = page.evaluate(
        "[...document.querySelectorAll('table, svg, img')].filter(one => one.offsetParent !== null || "
        "one.tagName === 'svg').filter(one => one.getBoundingClientRect().right > 719)"
        ".map(one => one.outerHTML.slice(0, 80))"
    )
    assert wide == []
    assert page.locator("audio").first.is_hidden()
