"""``dawnchorus embed MODEL PATH...``: embeddings of recordings by a pretrained network.

``MODEL`` is a card (``birdnet-2.4``, or the path of one) or an exported model whose frontend is such a
network. The table (Parquet) has a row for each window of the network.

Exit status: 0 where all recordings were read, 3 where some were not, 2 for a wrong use.
"""

import argparse
import sys
from pathlib import Path

SOME_FAILED = 3  # exit status


def add_to(commands) -> None:
    """Add the command to the parsers of the command line."""
    parser = commands.add_parser(
        "embed", help="embeddings of recordings by a pretrained network, as a table"
    )
    parser.add_argument(
        "model", metavar="MODEL", help="a card, by name or path, or an exported model on embeddings"
    )
    parser.add_argument(
        "paths", metavar="PATH", nargs="+",
        help="files, folders with all in them, patterns in quotes, or - for a list on standard input",
    )  # fmt: skip
    parser.add_argument(
        "--out", default="embeddings.parquet", metavar="FILE", help="the table, Parquet"
    )
    parser.add_argument("--hop", type=float, metavar="SECONDS", help="from one window to the next")
    parser.add_argument("--network", metavar="FILE", help="the network's file, or its folder")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="of the network")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the table; return the exit status."""
    # imported here: the other commands need none of it
    from dawnchorus.exported import embeddings, frontend_networks, input_files, model_file
    from dawnchorus.formats.audio_names import escaped

    if arguments.threads < 1:
        raise ValueError(f"--threads {arguments.threads}; expected 1 or more")
    if Path(arguments.out).suffix != ".parquet":
        raise ValueError(f"--out {arguments.out}; expected a name that ends in .parquet")
    files = input_files.recordings_in(arguments.paths)
    if arguments.model.endswith(model_file.ENDING):
        model = model_file.load(arguments.model)
        places = [arguments.network or "", Path(arguments.model).parent, "results/pretrained"]
        model = frontend_networks.with_networks(model, places)
        found = [one for one in model.frontends.values() if one.settings.get("network")]
        if not found:
            raise ValueError(f"{arguments.model} has no pretrained network; expected a card's name")
        frontend = found[0]
    else:
        from dawnchorus.frontends import network_file
        from dawnchorus.settings.audio import AudioRecipe
        from dawnchorus.settings.errors import validated
        from dawnchorus.settings.frontend import KINDS

        # a card: the frontend that it describes, with the file of its network
        card, network = arguments.model, arguments.network
        file = network if network and Path(network).is_file() else None
        settings = validated("", KINDS, {"kind": "pretrained", "card": card, "file": file})
        rate = settings["network"]["sample_rate"]
        places = [place for place in (network, Path(card).parent) if place]
        path = network_file.find(settings["network"], settings["about"], places)
        recipe = AudioRecipe(sample_rate=rate).complete()
        own = {**settings, "file": str(path), "sample_rate": rate}
        frontend = model_file.Frontend(own, recipe)
    settings = {**frontend.settings, "threads": arguments.threads, "store": "float32"}
    if arguments.hop is not None:
        length_s = settings["network"]["length_s"]
        if not 0.01 <= arguments.hop <= length_s:
            raise ValueError(f"--hop {arguments.hop:g}; expected 0.01 to {length_s:g} seconds")
        settings["hop_s"] = arguments.hop
    about = settings["about"]
    print(
        f"network {about['name']}: licence {about['licence']}, {about['source']}", file=sys.stderr
    )
    faults = embeddings.write(arguments.out, model_file.Frontend(settings, frontend.audio), files)
    for path, fault in faults.items():
        print(f"{escaped(path)}: {fault}", file=sys.stderr)
    print(f"{len(files) - len(faults)} recordings: {arguments.out}", file=sys.stderr)
    return SOME_FAILED if faults else 0
