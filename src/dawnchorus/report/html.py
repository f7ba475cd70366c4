"""HTML that is safe by construction: every text is escaped where an element is made.

* `Html`: text that is HTML already; any other text is escaped by `element`.
* `element`, `joined`: an element, and pieces one after another.
* `section`, `table`, `details`: what the page is made of.
* `write_page`: sections as one file that loads nothing.
* `number`, `with_interval`: numbers as a reader of scores expects them.
"""

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from dawnchorus.runtime import artefacts

_STATIC = Path(__file__).parent / "static"
# no request at all: style, script, sounds and pictures stand in the page
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
    "media-src data:"
)
_LONG = 40  # letters of a cell that needs a wide column
UNDEFINED = "–"
_VOID = ("meta", "img", "input", "link")
_CONTROLS = {code: "\ufffd" for code in (*range(9), 11, 12, *range(14, 32), 127)}


class Html(str):
    """Text that is HTML: it is not escaped again."""


def escaped(content: object) -> Html:
    """Return a text as HTML; control characters, which HTML cannot hold, are replaced."""
    if isinstance(content, Html):
        return content
    return Html(html.escape(str(content).translate(_CONTROLS)))


def joined(content: Iterable[object]) -> Html:
    """Return pieces one after another."""
    return Html("".join(map(escaped, content)))


def element(name: str, *content: object, **attributes: object) -> Html:
    """Return an element.

    Parameters
    ----------
    name : str
        Of the tag.
    *content : object
        Texts, which are escaped, and `Html`, which is not.
    **attributes : object
        ``class_`` is ``class``, ``data_sort`` is ``data-sort``; None leaves an attribute out, True
        writes its name alone.
    """
    parts = [name]
    for key, value in attributes.items():
        label = key.rstrip("_").replace("_", "-")
        if value is True:
            parts.append(label)
        elif value is not None and value is not False:
            parts.append(f'{label}="{escaped(value)}"')
    opened = f"<{' '.join(parts)}>"
    return Html(opened if name in _VOID else f"{opened}{joined(content)}</{name}>")


def section(identifier: str, title: str, *content: object) -> Html:
    """Return a section of the page; nothing where it has no content."""
    found = joined(content)
    if not found:
        return Html("")
    heading = element("h2", title, id=f"{identifier}-title")
    labelled = {"aria-labelledby": f"{identifier}-title"}
    return element("section", heading, found, id=identifier, **labelled)


def table(
    caption: str,
    header: Sequence[str],
    rows: Iterable[Sequence[object]],
    is_sortable: bool = False,
) -> Html:
    """Return a table with a caption; nothing where it has no rows.

    Parameters
    ----------
    caption : str
    header : sequence of str
        Titles of columns. One that starts with ">" has numbers.
    rows : iterable of sequences
        The first cell names its row. A column that says nothing in any row is left out.
    is_sortable : bool, optional
        Whether a click on a title sorts, and a field above the table filters.
    """
    found = [tuple(row) for row in rows]
    if not found:
        return Html("")
    kept = [
        column
        for column in range(len(header))
        if not column or any(row[column] not in ("", UNDEFINED) for row in found)
    ]
    header = [header[column] for column in kept]
    classes = ["number" if title.startswith(">") else None for title in header]
    body = [
        element(
            "tr",
            element("th", row[0], scope="row"),
            *(
                # a column of sentences would be as narrow as its title, and its rows high
                element(
                    "td",
                    cell,
                    class_=class_
                    or ("long" if not isinstance(cell, Html) and len(str(cell)) > _LONG else None),
                )
                for cell, class_ in zip((row[n] for n in kept[1:]), classes[1:], strict=True)
            ),
        )
        for row in found
    ]
    titles = [
        element(
            "th",
            element("button", title.lstrip(">"), type="button")
            if is_sortable
            else title.lstrip(">"),
            scope="col",
            class_=class_,
        )
        for title, class_ in zip(header, classes, strict=True)
    ]
    made = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *titles)),
        element("tbody", *body),
        class_="sortable" if is_sortable else None,
    )
    # a wide table scrolls by itself: a phone shows the rest of the page as it is
    labelled = {"aria-label": caption}
    return element("div", made, class_="wide", tabindex="0", role="region", **labelled)


def details(summary: str, *content: object) -> Html:
    """Return what is shown on request; nothing where there is nothing."""
    found = joined(content)
    return element("details", element("summary", summary), found) if found else Html("")


def bullets(items: Iterable[object]) -> Html:
    """Return a list of sentences; nothing where there are none."""
    made = [element("li", item) for item in items]
    return element("ul", *made) if made else Html("")


def number(value: float | None, form: str = ".3f") -> str:
    """Return a number, or a dash where it is not defined."""
    return UNDEFINED if value is None or not math.isfinite(value) else format(value, form)


def with_interval(found: Mapping, key: str, form: str = ".3f") -> str:
    """Return a value with its interval, where it has one."""
    text = number(found.get(key), form)
    if found.get("low") is None or found.get("high") is None:
        return text
    return f"{text} ({number(found['low'], form)} to {number(found['high'], form)})"


def write_page(
    heading: str, title: str, sections: Mapping[str, tuple[str, Html]], path: str | Path
) -> None:
    """Write a page.

    Parameters
    ----------
    heading, title : str
        What stands at its top, and what a browser calls it.
    sections : mapping of identifier to (name, content)
        In the order of the page; one without content is left out.
    path : path
    """
    shown = {key: (name, content) for key, (name, content) in sections.items() if content}
    links = [element("li", element("a", name, href=f"#{key}")) for key, (name, _) in shown.items()]
    labelled, policy = {"aria-label": "Sections"}, {"http-equiv": "Content-Security-Policy"}
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", **policy, content=_POLICY),
        element("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Html((_STATIC / "report.css").read_text(encoding="utf-8"))),
    )
    body = element(
        "body",
        element(
            "header", element("h1", heading), element("nav", element("ul", *links), **labelled)
        ),
        element("main", *(content for _, content in shown.values())),
        element("script", Html((_STATIC / "report.js").read_text(encoding="utf-8"))),
    )
    page = joined([Html("<!DOCTYPE html>\n"), element("html", head, body, lang="en"), Html("\n")])
    artefacts.write_text(path, page)
