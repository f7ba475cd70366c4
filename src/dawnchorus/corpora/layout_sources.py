"""A table of the sources that recordings are composed of, found beside them.

* `find_sources`: settings of ``source_table`` of a corpus, and what they rest on.
"""

from collections.abc import Sequence
from typing import Any

from dawnchorus.corpora.folder_survey import Survey
from dawnchorus.corpora.layout_match import plain, stem_of, table_head
from dawnchorus.corpora.source_table import source_rows
from dawnchorus.corpora.tables import Recording
from dawnchorus.formats.label_sheet import examples

_NAMES = ("sources", "source", "parents", "parent", "sourcefiles", "sourcefile", "srcfile")
_SEPARATORS = (";", "|", ",", "+", " ")
_MOST_TABLES = 50  # that are looked into
_ENOUGH = 0.5  # share of the recordings that a table has to have sources of


def find_sources(
    survey: Survey, recordings: Sequence[Recording], table: str | None = None
) -> tuple[dict[str, Any], str] | None:
    """Return the settings of a table of sources, and a sentence; None where there is none.

    Parameters
    ----------
    survey : Survey
    recordings : sequence of Recording
        At least one.
    table : str, optional
        The table of labels, which is none of sources.
    """
    stems = {stem_of(one.path) for one in recordings}
    for path in survey.paths_of(".csv")[:_MOST_TABLES]:
        place = survey.place(path)
        head = table_head(place) if place != table else None
        columns = {plain(name): name for name in reversed(head.columns)} if head else {}
        sources = next((columns[name] for name in _NAMES if name in columns), None)
        if head is None or sources is None:
            continue
        shares = {
            name: sum(stem_of(one) in stems for one in own) / len(own)
            for name in head.columns
            if name != sources and (own := head.values(name))
        }
        best = max(shares, key=lambda name: shares[name], default=None)
        if best is None or not shares[best]:
            continue
        texts = head.values(sources)
        sign = next((one for one in _SEPARATORS if any(one in text for text in texts)), ";")
        settings = {"path": place, "recording": best, "sources": sources, "separator": sign}
        try:
            rows, _ = source_rows(settings, recordings)
        except ValueError:  # names that may be of two recordings: no table of these
            continue
        n_known, names = len({one for one, _ in rows}), {source for _, source in rows}
        # a source of its own for each recording says nothing that its group does not
        if n_known >= _ENOUGH * len(recordings) and len(names) < len(rows):
            said = (
                f"{path}: column {sources!r} names the {len(names)} sources of {n_known} recordings, "
                f"such as {examples(sorted(names)[:2])}; intervals of scores draw sources"
            )
            return settings, said
    return None
