"""A server on this machine that plays the API and the files of xeno-canto.org.

Recordings are those of `Server.recordings`; what goes wrong is in `Server.faults`: by path a list of
faults, one for each request, in turn.
"""

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


def api_recording(number, genus, species, host, **others):
    """Return a recording as version 3 of the API gives it."""
    return {
        "id": str(number), "gen": genus, "sp": species, "ssp": "", "grp": "birds",
        "fam": "Turdidae", "en": f"The {species}", "rec": f"Recordist {number % 3}",
        "cnt": "Germany", "loc": "somewhere", "lat": "52.5", "lon": "13.4", "alt": "40",
        "type": "song", "sex": "", "stage": "", "method": "field recording",
        "url": f"//xeno-canto.org/{number}", "file": f"http://{host}/{number}/download",
        "file-name": f"XC{number}-{genus}.mp3", "sono": {"small": "//xeno-canto.org/x.png"},
        "osci": {"small": "//xeno-canto.org/y.png"},
        "lic": "//creativecommons.org/licenses/by-nc-sa/4.0/", "q": "A", "length": "0:12",
        "time": "05:30", "date": "2024-05-01", "uploaded": "2024-05-02", "also": [""],
        "rmk": "", "animal-seen": "no", "playback-used": "no", "smp": "22050",
    } | others  # fmt: skip


class Server(ThreadingHTTPServer):
    """The server; ``asked`` has path, query and headers of each request with its time."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server_address[1]}"
        self.recordings, self.files, self.faults, self.asked = [], {}, {}, []
        self.page = 2

    @property
    def api(self):
        return f"http://{self.host}/api/3/recordings"

    def paths(self):
        return [path for path, *_ in self.asked]


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Server

    def log_message(self, *_):
        """Say nothing."""

    def do_GET(self):
        parts = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        self.server.asked.append((parts.path, query, dict(self.headers), time.monotonic()))
        waiting = self.server.faults.get(parts.path, [])
        fault = waiting.pop(0) if waiting else None
        if parts.path.startswith("/api/"):
            body = self.api(query)
            kind, tag = "application/json", None
        else:
            body = self.server.files.get(parts.path)
            kind, tag = "audio/wav", f'"{len(body or b"")}"'
        if fault is not None and (fault := fault(self, body)) is True:
            return
        if body is None:
            return self.answer(404, b"gone")
        first = 0
        if (asked := self.headers.get("Range")) and self.headers.get("If-Range") == tag:
            first = int(asked.removeprefix("bytes=").rstrip("-"))
        headers = {"Content-Type": kind} | ({"ETag": tag} if tag else {})
        if first:
            headers["Content-Range"] = f"bytes {first}-{len(body) - 1}/{len(body)}"
        return self.answer(206 if first else 200, body[first:], headers)

    def api(self, query):
        wanted = dict(
            part.split(":", 1) for part in query["query"].replace('"', "").split() if ":" in part
        )
        found = [
            one for one in self.server.recordings
            if wanted.get("gen") in (None, one["gen"]) and wanted.get("sp") in (None, one["sp"])
        ]  # fmt: skip
        size, page = self.server.page, int(query["page"])
        n_pages = -(-len(found) // size) or 1
        return json.dumps(
            {
                "numRecordings": str(len(found)), "numSpecies": "1", "page": page,
                "numPages": n_pages, "recordings": found[(page - 1) * size : page * size],
            }
        ).encode()  # fmt: skip

    def answer(self, status, body=b"", headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if "Content-Length" not in (headers or {}):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)


def status(code, **headers):
    """Return the fault of another status."""

    def fault(handler, body):
        handler.answer(
            code, b"no", {name.replace("_", "-"): text for name, text in headers.items()}
        )
        return True

    return fault


def cut(n):
    """Return the fault of a body of which only so many bytes come."""

    def fault(handler, body):
        handler.answer(200, body[:n], {"Content-Length": str(len(body)), "ETag": f'"{len(body)}"'})
        handler.close_connection = True
        return True

    return fault


@contextlib.contextmanager
def running():
    """Yield a server that answers while the block lasts."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
