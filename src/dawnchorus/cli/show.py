"""``dawnchorus show FILE``: any artefact in readable form, with its shape and first rows.

* `content_of`: what a file holds, by its ending; `READERS` has a function for each.
* `write`: the same as text: tables on a terminal, lines with tabs in a pipe.

A file is never read whole for this: of large ones the first rows are enough. Nothing heavy is
imported: a ``.keras`` file is read as the archive that it is, without Keras.
"""

import argparse
import contextlib
import csv
import io
import itertools
import json
import struct
import sys
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TextIO

_MOST_COLUMNS = 12  # of a table; one of targets has a column per class
_MOST_LETTERS = 100  # of a value


def add_to(commands) -> None:
    """Add the command to the parsers of the command line."""
    parser = commands.add_parser("show", help="a file of the results in readable form")
    parser.add_argument("file", metavar="FILE", help=", ".join(READERS))
    parser.add_argument("--rows", type=int, default=10, metavar="N", help="rows of each table")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Print what a file holds; return the exit status."""
    if arguments.rows < 0:
        raise ValueError(f"--rows {arguments.rows}; expected 0 or more")
    write(content_of(arguments.file, arguments.rows), sys.stdout, sys.stdout.isatty())
    return 0


class Table(NamedTuple):
    """Some rows of a file: title, names of columns, and rows of values."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence]


class Content(NamedTuple):
    """What a file holds: its kind, facts by name, tables, and text as it stands."""

    kind: str
    facts: Mapping[str, object]
    tables: Sequence[Table] = ()
    text: str = ""


def content_of(path: str | Path, n_rows: int = 10) -> Content:
    """Return what a file holds.

    Parameters
    ----------
    path : path
        One of the kinds that `READERS` knows by its ending.
    n_rows : int, optional
        Rows of each table at most.

    Raises
    ------
    ValueError
        Where the kind is unknown, or the file is not what its ending says.
    """
    path = Path(path)
    reader = READERS.get(path.suffix.lower())
    if path.is_dir():
        raise ValueError(f"{path} is a folder; name one file in it")
    if not path.exists():
        raise ValueError(f"{path} is not there")
    if reader is None:
        known = ", ".join(READERS)
        raise ValueError(f"{path} ends in {path.suffix!r}; expected one of {known}")
    try:
        return reader(path, n_rows)
    except (ValueError, OSError, KeyError, RuntimeError, csv.Error, zipfile.BadZipFile) as error:
        if isinstance(error, ValueError) and str(path) in str(error):
            raise  # our own sentence
        # each library has its own words for a damaged file
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise ValueError(f"{path} cannot be read as {path.suffix} ({reason})") from None


def write(content: Content, out: TextIO, is_terminal: bool) -> None:
    """Write what a file holds.

    Parameters
    ----------
    content : Content
    out : text stream
    is_terminal : bool
        Whether a person reads it: then tables have lines and fit the terminal's width. Else a table
        is its rows, with tabs between the values, for other programs.
    """
    facts = {"kind": content.kind, **content.facts}
    if not is_terminal:
        for name, value in facts.items():
            print(f"{name}: {_shown(value, None)}", file=out)
        for table in content.tables:
            print(f"\n{table.title}", file=out)
            for row in (table.columns, *table.rows):
                print("\t".join(_shown(value, None) for value in row), file=out)
        if content.text:
            print(f"\n{content.text}", file=out)
        return
    # Imported here: what is piped needs none of it.
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    console = Console(file=out, highlight=False)
    width = max(map(len, facts))
    for name, value in facts.items():
        # Text, not markup: names of files and classes may hold brackets
        console.print(Text.assemble((f"{name:{width}}  ", "bold"), _shown(value)))
    for table in content.tables:
        console.print(Text(f"\n{table.title}"))
        grid = Grid()
        for column in table.columns[:_MOST_COLUMNS]:
            grid.add_column(Text(str(column)), overflow="fold")
        for row in table.rows:
            grid.add_row(*(Text(_shown(value)) for value in row[:_MOST_COLUMNS]))
        console.print(grid)
        if (n_more := len(table.columns) - _MOST_COLUMNS) > 0:
            console.print(Text(f"and {n_more} more columns"))
    if content.text:
        console.print(Text(content.text))


def _shown(value, most: int | None = _MOST_LETTERS) -> str:
    """Return a value as one line without control characters, which could steer a terminal."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, float):
        value = f"{value:.6g}"
    elif isinstance(value, list) and all(isinstance(one, float) for one in value):
        value = f"[{', '.join(f'{one:.6g}' for one in value)}]"
    elif not isinstance(value, str):
        value = json.dumps(value, ensure_ascii=False, default=str)
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in value)
    return text if most is None or len(text) <= most else f"{text[: most - 1]}…"


def read_parquet(path: Path, n_rows: int) -> Content:
    """Return what is in a Parquet table: rows, types and metadata."""
    import pyarrow.parquet

    # the first row group alone is read, however long the table is
    with pyarrow.parquet.ParquetFile(path) as file:
        schema, n_all = file.schema_arrow, file.metadata.num_rows
        first = next(file.iter_batches(max(n_rows, 1)), None)
    rows = [] if first is None else list(zip(*first.to_pydict().values(), strict=True))[:n_rows]
    facts = {"rows": n_all, "columns": len(schema.names)}
    facts |= {
        key.decode(): value
        for key, value in (schema.metadata or {}).items()
        if key not in (b"pandas", b"ARROW:schema")
    }
    # a type tells 1 from "1", which look alike; most columns are text
    columns = [
        field.name if "string" in str(field.type) else f"{field.name} ({field.type})"
        for field in schema
    ]
    return Content("table (Parquet)", facts, [Table("first rows", columns, rows)])


def read_delimited(path: Path, n_rows: int) -> Content:
    """Return what is in a CSV or TSV table, whose rows are all counted."""
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    with open(path, newline="", encoding="utf-8") as file:
        lines = csv.reader(file, delimiter=delimiter)
        columns = next(lines, [])
        rows = list(itertools.islice(lines, n_rows))
        n_all = len(rows) + sum(1 for _ in lines)
    facts = {"rows": n_all, "columns": len(columns)}
    return Content(
        f"table ({path.suffix[1:].upper()})", facts, [Table("first rows", columns, rows)]
    )


def read_hdf5(path: Path, n_rows: int) -> Content:
    """Return what is in an HDF5 file: attributes, arrays and their first rows."""
    import h5py

    arrays: list[tuple] = []
    # Arrays beside each other that have one length are columns of a table.
    columns: dict[tuple[str, int], dict[str, list]] = {}

    def visit(name: str, found) -> None:
        if not isinstance(found, h5py.Dataset):
            return
        arrays.append((name, list(found.shape), str(found.dtype)))
        start = found[:n_rows] if found.ndim else found[()].reshape(1)
        if start.ndim > 1 and start.size:  # a picture may have 100,000 values: the first are enough
            start = start.reshape(len(start), -1)[:, :_MOST_COLUMNS]
        group, _, own = name.rpartition("/")
        columns.setdefault((group, len(found) if found.ndim else 1), {})[own] = start.tolist()

    with h5py.File(path) as file:
        facts = {}
        for name, value in file.attrs.items():
            value = value.decode() if isinstance(value, bytes) else value
            facts[name] = value.tolist() if hasattr(value, "tolist") else value
            if isinstance(value, str):  # this project keeps lists and settings as JSON
                with contextlib.suppress(ValueError):
                    facts[name] = json.loads(value)
        file.visititems(visit)
    # what tells the files of this project apart; any other HDF5 file is arrays
    kind = "arrays (HDF5)"
    if "layout" in facts:
        kind = f"spectrograms of a shard, as {facts['layout']} (HDF5)"
    elif "frames_per_second" in facts:
        kind = "frame scores (HDF5)"
    elif "members" in facts:
        has_windows = any(name.startswith("members/") for name, *_ in arrays)
        kind = f"{'window' if has_windows else 'recording'} scores (HDF5)"
    tables = [Table("arrays", ("array", "shape", "type"), arrays)]
    for (group, length), found in columns.items():
        title = f"{group or 'arrays'} of length {length}, first rows"
        tables.append(Table(title, list(found), list(zip(*found.values(), strict=True))))
    return Content(kind, facts, tables)


def read_keras(path: Path, n_rows: int) -> Content:
    """Return what is in a Keras model: all layers, whatever ``n_rows`` is, and the number of weights."""
    import h5py

    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
        metadata = json.loads(archive.read("metadata.json"))
        with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
            sizes = []
            file.visititems(lambda name, v: sizes.append(v.size) if hasattr(v, "size") else None)
    layers = config["config"].get("layers", [])
    rows = []
    for layer in layers:
        about = layer["config"]
        options = {
            key: about[key]
            for key in ("filters", "kernel_size", "units", "rate", "pool_size", "activation")
            if about.get(key) is not None and not isinstance(about[key], Mapping)
        }
        shape = about.get("batch_shape") or (layer.get("build_config") or {}).get("input_shape")
        rows.append((about.get("name", ""), layer["class_name"], shape, options))
    facts = {
        "name": config["config"].get("name", ""),
        "layers": len(layers),
        "weights": sum(sizes),
        "Keras": metadata.get("keras_version", ""),
    }
    columns = ("layer", "class", "shape of input", "options")
    return Content("model (Keras)", facts, [Table("layers", columns, rows)])


def read_json(path: Path, n_rows: int) -> Content:
    """Return what is in a JSON file: values by their keys."""
    value = json.loads(path.read_bytes())
    rows = list(_leaves(value, ()))
    table = Table("first values", ("key", "value"), rows[:n_rows])
    return Content("values (JSON)", {"values": len(rows)}, [table])


def _leaves(value, keys: tuple) -> Iterable[tuple[str, object]]:
    """Yield the values of nested mappings by their keys with dots between; a list is one value."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _leaves(inner, (*keys, str(key)))
    else:
        yield ".".join(keys), value


def read_audio(path: Path, _: int) -> Content:
    """Return what is in an audio file: rate, channels and duration."""
    import soundfile

    found = soundfile.info(str(path))
    facts = {
        "samples": found.frames, "sample rate [Hz]": found.samplerate, "channels": found.channels,
        "duration [s]": found.frames / found.samplerate, "encoding": found.subtype_info,
    }  # fmt: skip
    return Content(f"audio ({found.format})", facts)


def read_picture(path: Path, _: int) -> Content:
    """Return what is in a PNG: its size."""
    with open(path, "rb") as file:
        head = file.read(24)
    if not head.startswith(b"\x89PNG"):
        raise ValueError("it does not begin as a PNG does")
    columns, rows = struct.unpack(">II", head[16:])
    return Content("picture (PNG)", {"rows [pixels]": rows, "columns [pixels]": columns})


def read_archive(path: Path, n_rows: int) -> Content:
    """Return what is in a ZIP archive: its entries."""
    with zipfile.ZipFile(path) as archive:
        entries = [(entry.filename, entry.file_size) for entry in archive.infolist()]
    table = Table("first entries", ("name", "bytes"), entries[:n_rows])
    return Content("archive (ZIP)", {"entries": len(entries)}, [table])


def read_model(path: Path, n_rows: int) -> Content:
    """Return what an exported model says of itself: its networks, classes, scores and caveats."""
    from dawnchorus.exported import model_file

    model = model_file.load(path)
    about = model.about
    facts = {
        "name": model.name, "digest": model.short_digest, "classes": len(model.classes),
        "frontends": ", ".join(model.frontends), "decodings": ", ".join(model.decodings) or "none",
        "calibration": model.calibration_of("recordings"),
        "thresholds": about.get("threshold_rule", "unknown"),
    }  # fmt: skip
    stages = [(one.name, one.frontend, one.window, len(one.networks)) for one in model.stages]
    classes = [(name, model.thresholds[name]) for name in model.classes[:n_rows]]
    tables = [
        Table("stages", ("stage", "frontend", "window [frames]", "networks"), stages),
        Table("first classes", ("class", "threshold"), classes),
        Table("caveats", ("caveat",), [(one,) for one in about.get("caveats", ())]),
    ]
    return Content("exported model", facts, tables)


def read_text(path: Path, _: int) -> Content:
    """Return what is in a text as it stands, line by line."""
    text = path.read_text(encoding="utf-8")
    lines = [_shown(line, None) for line in text.splitlines()]
    return Content("text", {"lines": len(lines)}, text="\n".join(lines))


# By the ending of a name; a further kind is a function and an entry here.
READERS: dict[str, Callable[[Path, int], Content]] = {
    ".parquet": read_parquet, ".csv": read_delimited, ".tsv": read_delimited, ".h5": read_hdf5,
    ".keras": read_keras, ".json": read_json, ".wav": read_audio, ".png": read_picture,
    ".zip": read_archive, ".dawnchorus": read_model, ".txt": read_text, ".log": read_text,
    ".yaml": read_text,
}  # fmt: skip
