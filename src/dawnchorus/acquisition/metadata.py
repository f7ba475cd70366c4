"""What xeno-canto says of recordings: queries, pages, rows.

The API has version 3, https://xeno-canto.org/explore/api, whose queries are tags alone and need a key;
fields that version 2 called otherwise are understood. Every field is a text of a stranger: numbers are
read as numbers, and a row that has none is left out and counted.

* `Metadata`, `COLUMNS`: a recording.
* `queries`: the queries of the settings.
* `fetch`: all rows of some queries.
* `parsed`: a recording of the API as a row; `seconds_of`: its length.
* `key_of`: the key, from the environment or a file that is one person's.
"""

import os
import re
import stat
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from dawnchorus.acquisition.http_client import Client, Refused
from dawnchorus.runtime import logs

PAGE = 500  # recordings; the most that the API gives at once
_MOST_PAGES = 2000
_MOST_LETTERS = 500  # of a field
_LENGTH = re.compile(r"(?:(\d+):)?(\d{1,3}):(\d{2})(?:\.\d+)?")


class Metadata(NamedTuple):
    """A recording as xeno-canto describes it.

    ``label`` is genus and species; ``length_s`` seconds; latitude and longitude degrees, empty where
    they are not known. ``url`` is the page of the recording, ``file_url`` the sound.
    """

    number: str
    label: str
    family: str
    english: str
    subspecies: str
    group: str
    recordist: str
    country: str
    latitude_deg: str
    longitude_deg: str
    date: str
    time: str
    type: str
    quality: str
    length_s: float
    background: str
    licence: str
    url: str
    file_url: str


COLUMNS = Metadata._fields


def queries(settings: Mapping) -> list[str]:
    """Return the queries of a corpus, one for each species where species are named.

    Parameters
    ----------
    settings : mapping
        The section ``query``: ``species``, ``family``, ``group``, ``country``, ``quality`` (list),
        ``type``, ``length_s`` (least, most), ``tags`` (a text that is added as it is).
    """
    common = [
        f'{tag}:"{settings[key]}"'
        for tag, key in (("fam", "family"), ("grp", "group"), ("cnt", "country"), ("type", "type"))
        if settings[key]
    ]
    if settings["length_s"]:
        least, most = settings["length_s"]
        common.append(f'len:"{least:g}-{most:g}"')
    if settings["tags"]:
        common.append(settings["tags"])
    # of a list of qualities each is asked for: the API knows one, or those above one
    qualities = [f"q:{letter}" for letter in settings["quality"]] or [""]
    species = []
    for name in settings["species"]:
        genus, _, rest = name.partition(" ")
        species.append(f'gen:"{genus}" sp:"{rest}"' if rest else f'gen:"{genus}"')
    return [
        " ".join(filter(None, [one, *common, quality]))
        for one in species or [""]
        for quality in qualities
    ]


def fetch(client: Client, api: str, texts: Sequence[str], key: str | None) -> list[Metadata]:
    """Return all recordings of some queries, each once, in the order of their numbers.

    Raises
    ------
    ValueError
        Where the API refuses a query, or answers with something else.
    """
    found: dict[str, Metadata] = {}
    n_odd = 0
    for text in texts:
        page, last = 1, 1
        while page <= min(last, _MOST_PAGES):
            parameters = {"query": text, "page": str(page), "per_page": str(PAGE)}
            if key is not None:
                parameters["key"] = key
            try:
                answer = client.read_json(api, parameters)
            except Refused as error:
                hint = "" if key else "; is a key needed? see acquisition.key_variable"
                raise ValueError(f"query {text!r}: {error}{hint}") from None
            if not isinstance(answer, dict) or not isinstance(answer.get("recordings"), list):
                said = answer.get("message", "") if isinstance(answer, dict) else ""
                raise ValueError(
                    f"query {text!r}: the API answers without recordings"
                    f"{f' ({str(said)[:200]})' if said else ''}; expected the fields of version 3"
                )
            for one in answer["recordings"]:
                row = parsed(one)
                if row is None:
                    n_odd += 1
                else:
                    found[row.number] = row
            said = str(answer.get("numPages"))
            last = int(said) if said.isdecimal() and len(said) < 9 else 1
            page += 1
        logs.LOG.info("query %s: %d recordings so far", text, len(found))
    if n_odd:
        logs.LOG.info(
            "warning: %d recordings have no number, name or address and are left out", n_odd
        )
    return sorted(found.values(), key=lambda row: int(row.number))


def parsed(one: Any) -> Metadata | None:
    """Return a recording of the API as a row, or None where it has no number, class or address."""
    if not isinstance(one, dict):
        return None

    def text(*names: str) -> str:
        value = next((one[name] for name in names if one.get(name) not in (None, "")), "")
        printable = "".join(letter if letter.isprintable() else " " for letter in str(value))
        return " ".join(printable.split())[:_MOST_LETTERS]

    number = text("id")
    label = f"{text('gen')} {text('sp')}".strip()
    is_number = number.isascii() and number.isdecimal() and len(number) <= 9
    file_url = _with_scheme(text("file"))
    if not is_number or not text("gen") or not text("sp") or ";" in label or not file_url:
        return None
    also = one.get("also") or []
    heard = [str(name) for name in also if isinstance(name, str)] if isinstance(also, list) else []
    heard = [" ".join(name.split()) for name in heard if name.strip() and ";" not in name]
    return Metadata(
        number=str(int(number)), label=label, family=text("fam", "family"), english=text("en"),
        subspecies=text("ssp"), group=text("grp", "group"), recordist=text("rec"),
        country=text("cnt"), latitude_deg=_degrees(text("lat"), 90),
        # version 2 called it lng
        longitude_deg=_degrees(text("lon", "lng"), 180), date=text("date"), time=text("time"),
        type=text("type"), quality=text("q"), length_s=seconds_of(text("length")),
        background=";".join(name for name in dict.fromkeys(heard) if name.isprintable()),
        licence=_with_scheme(text("lic")), url=_with_scheme(text("url")), file_url=file_url,
    )  # fmt: skip


def key_of(settings: Mapping) -> str | None:
    """Return the key of the API, or None where there is none.

    Parameters
    ----------
    settings : mapping
        ``key_variable`` (of the environment) and ``key_file`` (or None).

    Raises
    ------
    ValueError
        Where others than its owner can read the file, or it is none.
    """
    if key := os.environ.get(settings["key_variable"], "").strip():
        return key
    if settings["key_file"] is None:
        return None
    path = os.path.expanduser(settings["key_file"])
    try:
        with open(path, encoding="utf-8") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise ValueError(
                    f"key_file {path!r} can be read by others (mode {mode:04o}); expected 0600: "
                    f"chmod 600 {path}"
                )
            return file.read().strip() or None
    except OSError as error:
        raise ValueError(f"key_file {path!r} cannot be read ({error.strerror})") from None


def _with_scheme(url: str) -> str:
    """Return an address whose scheme may be left out, as xeno-canto does."""
    return f"https:{url}" if url.startswith("//") else url


def seconds_of(text: str) -> float:
    """Return the seconds of ``1:02:03`` or ``0:34``, or 0 where it is no time."""
    match = _LENGTH.fullmatch(text)
    if match is None:
        return 0.0
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float(3600 * hours + 60 * minutes + seconds)


def _degrees(text: str, most: int) -> str:
    try:
        value = float(text)
    except ValueError:
        return ""
    return repr(value) if -most <= value <= most else ""
