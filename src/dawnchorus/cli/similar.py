"""``dawnchorus similar``: recordings that sound alike, and a corpus as a map.

``dawnchorus similar EMBEDDINGS --to FILE`` lists the nearest neighbours of a recording (or of a stretch
of it), ``--sample FOLDER`` those of the clips of `dawnchorus sample` that a person has marked as right.
The list is a table of detections, so that `dawnchorus sample` cuts them out to be checked, and what is
checked becomes a corpus. ``dawnchorus map EMBEDDINGS`` draws all recordings of a table.
"""

import argparse
import csv
from pathlib import Path


def add_to(commands) -> None:
    """Add the commands to the parsers of the command line."""
    parser = commands.add_parser("similar", help="recordings that sound like one, or like a sample")
    parser.add_argument("embeddings", metavar="EMBEDDINGS", help="table of `dawnchorus embed`")
    parser.add_argument("--to", metavar="FILE", help="a recording in the table")
    parser.add_argument("--from", dest="onset", type=float, metavar="SECONDS", help="of --to")
    parser.add_argument("--until", dest="offset", type=float, metavar="SECONDS", help="of --to")
    parser.add_argument(
        "--sample", metavar="FOLDER", help="filled in by a person: what is marked as right (1)"
    )
    parser.add_argument(
        "--class", dest="label", metavar="CLASS", help="what they are looked for as"
    )
    parser.add_argument("--count", type=int, default=100, metavar="N", help="recordings at most")
    parser.add_argument(
        "--out", default="similar.csv", metavar="FILE", help="table of detections, CSV or Parquet"
    )
    parser.set_defaults(command=run)
    parser = commands.add_parser(
        "map", help="a picture in which like recordings lie near each other"
    )
    parser.add_argument("embeddings", metavar="EMBEDDINGS", help="table of `dawnchorus embed`")
    parser.add_argument("--labels", metavar="FILE", help="CSV of recordings, to colour by a column")
    parser.add_argument(
        "--column", default="labels", metavar="NAME",
        help="of --labels; its column of recordings is called file, path, filename, id or itemid",
    )  # fmt: skip
    parser.add_argument("--out", default="map.png", metavar="FILE", help="PNG")
    parser.add_argument("--seed", type=int, default=1, help="of the map")
    parser.set_defaults(command=run_map)


def run(arguments: argparse.Namespace) -> int:
    """Write the nearest recordings; return the exit status."""
    import numpy as np

    from dawnchorus.evaluation import neighbours
    from dawnchorus.exported import detections, embeddings

    if (arguments.to is None) == (arguments.sample is None):
        raise ValueError("expected --to FILE or --sample FOLDER, one of them")
    if arguments.count < 1:
        raise ValueError(f"--count {arguments.count}; expected 1 or more")
    table = embeddings.read(arguments.embeddings)
    label = arguments.label
    if arguments.to is not None:
        stretches = [(arguments.to, arguments.onset, arguments.offset)]
    else:
        from dawnchorus.exported import sample_review

        # what a person has marked as right, of one class
        folder = arguments.sample
        _, answers = sample_review.read_answers(folder)
        right = [one for one in answers if one.is_correct and label in (None, one.label)]
        labels = sorted({one.label for one in right})
        if not right:
            raise ValueError(f"{folder}: nothing of {label or 'any class'} is marked as right (1)")
        if len(labels) > 1:
            raise ValueError(f"{folder} has {', '.join(labels[:5])}; expected --class, one of them")
        stretches = [(one.file, one.onset_s, one.offset_s) for one in right]
        label = label or labels[0]
    rows = np.concatenate([neighbours.rows_of(table, *stretch) for stretch in stretches])
    known = sorted({table.files[row] for row in rows})
    found, similarity = neighbours.nearest(table, rows, arguments.count, known)
    columns = {
        "file": [table.files[row] for row in found],
        "onset": table.onset_s[found].tolist(),
        "offset": table.offset_s[found].tolist(),
        "class": [label or Path(known[0]).stem] * len(found),
        "score": similarity.astype(np.float32),
    }
    detections.write(arguments.out, detections.table_of(columns))
    for row, how in list(zip(found.tolist(), similarity, strict=True))[:10]:
        print(f"{how:.3f}  {table.files[row]}  {table.onset_s[row]:g} s")
    print(
        f"{len(found)} recordings: {arguments.out}; to listen to them:\n"
        f"  dawnchorus sample {arguments.out} --audio ROOT --out FOLDER"
    )
    return 0


def run_map(arguments: argparse.Namespace) -> int:
    """Draw a map; return the exit status."""
    import numpy as np

    from dawnchorus.exported import embeddings
    from dawnchorus.plots import embedding_map

    table = embeddings.read(arguments.embeddings)
    files, numbers = np.unique(np.array(table.files, np.str_), return_inverse=True)
    means = np.zeros((len(files), table.values.shape[1]))
    np.add.at(means, numbers, table.values)
    means /= np.bincount(numbers, minlength=len(files))[:, None]
    if arguments.labels:
        # what a table says of each file, by its name or what comes before its last dot
        path, column = arguments.labels, arguments.column
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            names = reader.fieldnames or []
            keys = [name for name in names if name in ("file", "path", "filename", "id", "itemid")]
            if column not in names or not keys:
                raise ValueError(
                    f"{path} has columns {', '.join(names[:12])}; expected {column!r}, and file, "
                    "path, filename, id or itemid"
                )
            known = {}
            for row in reader:
                name = Path(row[keys[0]] or "").name
                known[name] = known[name.rpartition(".")[0] or name] = row[column] or ""
        own = [Path(one).name for one in files.tolist()]
        groups = [known.get(name, known.get(name.rpartition(".")[0], "")) for name in own]
        if not any(groups):
            raise ValueError(
                f"{path} names none of the {len(files)} recordings, such as {files.tolist()[0]!r}"
            )
        groups = [one or "(not named)" for one in groups]
    else:  # a folder for each class or site
        groups = [Path(file).parent.name or "." for file in files]
    places = embedding_map.places(means, arguments.seed)
    what = f"{len(files)} recordings by {table.network.get('name', 'a network')}"
    embedding_map.draw(arguments.out, places, groups, what)
    print(f"{len(files)} recordings in {len(set(groups))} colours: {arguments.out}")
    return 0
