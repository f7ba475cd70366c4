"""The page over HTTP: its own files, what it says of the model, and one recording at a time.

There is no state: an answer holds all that the page shows, and files to download are made of it in the
browser. No name that a client sends becomes a path: the page's own files are read at the start, and an
upload has none (`dawnchorus.page.upload`).

* `application`: the ASGI application.
"""

import asyncio
import contextlib
import json
import secrets
import threading
from collections.abc import Collection
from importlib import resources

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from dawnchorus.page.classification import Classifier, Gone
from dawnchorus.page.guard import Guard
from dawnchorus.page.upload import Upload, shown_name
from dawnchorus.runtime.logs import LOG

_KINDS = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_FILES = ("page.css", "page.js", "sound_view.js", "recorder.js", "capture.js", "icon.svg")
_PLAYER = "wavesurfer/wavesurfer.esm.js"
UPLOAD = "application/octet-stream"  # a type that no form of another site can send
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' blob:; "
    "media-src blob:; connect-src 'self' blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_STALL_S = 30.0  # without a byte of an upload
_RECEIVE_S = 600.0  # for a whole upload
_LOOK_S = 0.5  # between two looks whether the client is still there


def application(classifier: Classifier, names: Collection[str] = (), any_address: bool = False):
    """Return the ASGI application that serves a model.

    Parameters
    ----------
    classifier : Classifier
    names, any_address
        As `dawnchorus.page.guard.Guard` takes them.
    """
    static = resources.files("dawnchorus.page") / "static"
    template = (static / "page.html").read_text(encoding="utf-8")
    about = classifier.about()

    async def page(request: Request) -> Response:
        # the player writes a style sheet of its own, which the policy lets pass by this number
        nonce = secrets.token_urlsafe(16)
        policy = {"Content-Security-Policy": _POLICY.format(nonce=nonce)}
        return Response(template.replace("{{nonce}}", nonce), 200, policy, "text/html")

    async def model(request: Request) -> Response:
        return JSONResponse(about)

    routes = [Route("/", page), Route("/model", model)]
    for name in (*_FILES, _PLAYER):
        routes.append(Route(f"/{name}", _file(static.joinpath(name).read_bytes(), name)))
    desk = _Desk(classifier)
    routes.append(Route("/classify", desk.classify, methods=["POST"]))
    return Guard(Starlette(routes=routes), names, any_address)


def _file(content: bytes, name: str):
    """Return the answer with a file of the page."""

    async def answer(request: Request) -> Response:
        return Response(content, media_type=_KINDS[name.rpartition(".")[2]])

    return answer


class _Refused(Exception):
    """A request that ends with a status and a sentence."""

    def __init__(self, status: int, sentence: str):
        super().__init__(status, sentence)
        self.answer = PlainTextResponse(sentence, status)


class _Desk:
    """Takes recordings, a few at a time."""

    def __init__(self, classifier: Classifier):
        self._classifier, self._limits = classifier, classifier.limits
        self._free = asyncio.Semaphore(self._limits.at_once)
        self._n = 0  # received, scored or waiting

    async def classify(self, request: Request) -> Response:
        """Answer what the model says of the recording in the body."""
        try:
            # by the head alone, before any of the bytes is taken
            if request.headers.get("content-type") != UPLOAD:
                raise _Refused(415, f"expected the bytes of a recording as {UPLOAD}")
            length = request.headers.get("content-length", "0")
            if not length.isdecimal() or int(length) > self._limits.n_bytes:
                raise self._too_large()
            if self._n >= self._limits.at_once + self._limits.waiting:
                raise _Refused(503, f"{self._n} recordings are waiting; try again in a minute")
            self._n += 1
            try:
                # a body is read when it is its turn: those that wait take no memory
                async with self._free:
                    with Upload() as upload:
                        await self._receive(request, upload)
                        return await self._answer(request, upload)
            finally:
                self._n -= 1
        except _Refused as refused:
            return refused.answer
        except (ClientDisconnect, Gone):
            return Response(status_code=499)  # nobody reads it

    def _too_large(self) -> _Refused:
        most = self._limits.n_bytes / 1e6
        return _Refused(413, f"the file is larger than {most:g} MB; cut the recording into parts")

    async def _receive(self, request: Request, upload: Upload) -> None:
        pieces = request.stream()
        try:
            async with asyncio.timeout(_RECEIVE_S):
                while True:
                    async with asyncio.timeout(_STALL_S):
                        piece = await anext(pieces, None)
                    if piece is None:
                        break
                    if upload.n_bytes + len(piece) > self._limits.n_bytes:
                        raise self._too_large()
                    upload.add(piece)
        except TimeoutError:
            raise _Refused(408, "the upload came to a halt; send it again") from None
        if not upload.n_bytes:
            raise _Refused(422, "the file is empty; choose another one")

    async def _answer(self, request: Request, upload: Upload) -> Response:
        name, gone = shown_name(request.query_params.get("name", "")), threading.Event()
        work = asyncio.create_task(
            asyncio.to_thread(self._classify, upload.path, name, lambda: not gone.is_set())
        )
        try:
            while not (await asyncio.wait({work}, timeout=_LOOK_S))[0]:
                if await request.is_disconnected():
                    gone.set()
            return work.result()
        finally:
            gone.set()
            # the bytes stay until nobody reads them any more
            with contextlib.suppress(Exception):
                await asyncio.shield(work)

    def _classify(self, path: str, name: str, is_wanted) -> Response:
        try:
            found = self._classifier.classify(path, name, is_wanted)
        except ValueError as error:
            return PlainTextResponse(str(error), 422)
        except Gone:
            raise
        except Exception:
            LOG.exception("a recording was not classified")
            return PlainTextResponse(
                "the recording could not be classified: a fault of the server, whose log has it",
                500,
            )
        # NaN is no JSON; none of the numbers may be
        return Response(json.dumps(found, allow_nan=False), media_type="application/json")
