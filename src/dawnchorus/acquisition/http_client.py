"""HTTP as a downloader of recordings needs it: few hosts, few requests, and files that are whole.

What a server answers is not trusted. Addresses are followed to named hosts alone, over HTTPS (plain HTTP
to a loopback address that is named, for tests); a redirect is followed by hand, each of its addresses is
looked at anew, and the connection goes to the address that was looked at. Bodies have a size and a time
limit. Requests are so many a second at most; a server that asks for a pause gets it.

* `Client`: requests with all of this; use it in a ``with`` block.
* `Refused`: an answer, or an address, that is not taken.
"""

import contextlib
import email.utils
import ipaddress
import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit, urlunsplit

import httpx

from dawnchorus.runtime import logs

AGENT = "dawnchorus (downloader of recordings)"
_TRIES, _REDIRECTS = 5, 5
_LONGEST_PAUSE_S = 900.0  # a server that asks for more is busy for today
_JSON_BYTES = 64 << 20
_PAUSED = (429, 500, 502, 503, 504)


class Refused(Exception):
    """An answer or an address that is not taken; the message is one sentence without a key."""


class Limits(NamedTuple):
    """How much of a server is asked for.

    ``per_second`` requests, ``most_bytes`` of a file, ``seconds`` until a file has to be whole.
    """

    per_second: float = 1.0
    most_bytes: int = 200 << 20
    seconds: float = 1800.0


class Client:
    """Requests to some hosts.

    Parameters
    ----------
    hosts : sequence of str
        Hosts that are asked, ``name`` or ``name:port``; no other, not after a redirect either.
    limits : Limits
    sleep, clock : callable, optional
        Of the module `time`.
    """

    def __init__(
        self,
        hosts: Sequence[str],
        limits: Limits,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._hosts, self._limits = frozenset(host.lower() for host in hosts), limits
        self._sleep, self._clock = sleep, clock
        self._next = clock()
        # no proxies and no .netrc of the environment: the connection goes where it was looked
        self._http = httpx.Client(
            trust_env=False, follow_redirects=False, timeout=httpx.Timeout(60.0),
            headers={"User-Agent": AGENT, "Accept-Encoding": "identity"},
        )  # fmt: skip

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_) -> None:
        self._http.close()

    def read_json(self, url: str, parameters: Mapping[str, str]) -> Any:
        """Return what stands at an address as JSON.

        Raises
        ------
        Refused
            Where the address, the answer or its content cannot be taken.
        """
        for number in range(_TRIES):
            content = bytearray()
            with self._answer(url, parameters, {}) as response:
                try:
                    for block in response.iter_raw():
                        content += block
                        if len(content) > _JSON_BYTES:
                            raise Refused(
                                f"{plain(url)} answers with more than {_JSON_BYTES >> 20} MiB"
                            )
                except httpx.TransportError:
                    self._sleep(2.0**number)
                    continue
            try:
                return json.loads(bytes(content))
            except ValueError:
                raise Refused(
                    f"{plain(url)} answers with what is no JSON: {bytes(content[:60])!r}"
                ) from None
        raise Refused(f"{plain(url)} ends before its end, {_TRIES} times")

    def download(self, url: str, part: Path) -> int:
        """Write what stands at an address to a file, going on where an earlier call ended.

        Beside ``part`` stands what the server said of the content, so that two contents are never
        joined. The file is to be renamed by the caller, once it is known to be whole and sound.

        Parameters
        ----------
        url : str
        part : Path
            Under a name that nobody takes for a whole file.

        Returns
        -------
        int
            Bytes.

        Raises
        ------
        Refused
            Where the address or the answer cannot be taken, the body is cut again and again, or larger
            than the limit.
        """
        note, begun = part.with_name(f"{part.name}.tag"), self._clock()
        for _ in range(_TRIES):
            n = part.stat().st_size if part.exists() and note.exists() else 0
            headers = {}
            if n:
                tag = note.read_text(encoding="latin-1")
                headers = {"Range": f"bytes={n}-", "If-Range": tag}
            with self._answer(url, {}, headers) as response:
                total = self._body(response, part, note, n, begun)
            if total is not None:
                note.unlink(missing_ok=True)
                return total
        raise Refused(f"{plain(url)} ends before its end, {_TRIES} times")

    def _body(
        self, response: httpx.Response, part: Path, note: Path, n: int, begun: float
    ) -> int | None:
        """Write a body; return its whole length, or None where it was cut."""
        url = str(response.request.extensions["asked"])
        is_rest = response.status_code == 206
        if response.status_code == 416:  # of what is there nothing can follow
            part.unlink(missing_ok=True)
            return None
        if is_rest and not response.headers.get("Content-Range", "").startswith(f"bytes {n}-"):
            part.unlink(missing_ok=True)  # another part than was asked for
            return None
        n = n if is_rest else 0
        length = response.headers.get("Content-Length", "")
        expected = n + int(length) if length.isdecimal() else None
        tag = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
        if tag and not tag.startswith("W/"):  # a weak tag does not vouch for bytes
            note.write_text(tag, encoding="latin-1")
        else:
            note.unlink(missing_ok=True)
        if expected is not None and expected > self._limits.most_bytes:
            raise Refused(
                f"{plain(url)} has {expected} bytes; {self._limits.most_bytes} are allowed"
            )
        try:
            # a new file or the part of before: never what a link leads to
            flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | (0 if is_rest else os.O_TRUNC)
            with open(os.open(part, flags, 0o644), "wb") as file:
                file.seek(n)
                # raw: a compressed body was not asked for, and is not what the limits are about
                for block in response.iter_raw():
                    n += file.write(block)
                    if n > self._limits.most_bytes:
                        raise Refused(
                            f"{plain(url)} sends more than {self._limits.most_bytes} bytes"
                        )
                    if self._clock() - begun > self._limits.seconds:
                        raise Refused(f"{plain(url)} takes more than {self._limits.seconds:g} s")
                file.truncate()
        except httpx.TransportError:
            return None
        return n if expected is None or n == expected else None

    @contextlib.contextmanager
    def _answer(
        self, url: str, parameters: Mapping[str, str], headers: Mapping[str, str]
    ) -> Iterator[httpx.Response]:
        """Yield an answer whose body is to be read, after redirects and pauses."""
        asked, tries, hops = url, 0, 0
        while True:
            target, pinned, extensions = self._checked(asked)
            if (wait := self._next - self._clock()) > 0:
                self._sleep(wait)
            self._next = max(self._next, self._clock()) + 1 / self._limits.per_second
            request = self._http.build_request(
                "GET", pinned, params=dict(parameters) or None,
                headers={**headers, "Host": target}, extensions={**extensions, "asked": asked},
            )  # fmt: skip
            try:
                response = self._http.send(request, stream=True)
            except httpx.TransportError as error:
                tries += 1
                if tries >= _TRIES:
                    raise Refused(
                        f"{plain(url)} cannot be reached ({type(error).__name__}), tried {tries} times"
                    ) from None
                self._sleep(2.0**tries)
                continue
            try:
                if response.is_redirect:
                    hops += 1
                    if hops > _REDIRECTS:
                        raise Refused(f"{plain(url)} leads on more than {_REDIRECTS} times")
                    # parameters, of which the key is one, are for the address that was named
                    asked, parameters = urljoin(asked, response.headers.get("Location", "")), {}
                    continue
                if response.status_code in _PAUSED:
                    tries += 1
                    pause = self._pause(response, tries)
                    if tries >= _TRIES or pause > _LONGEST_PAUSE_S:
                        raise Refused(
                            f"{plain(url)} answers {response.status_code}, asked {tries} times"
                        )
                    logs.LOG.info(
                        "%s answers %d: waiting %g s", plain(url), response.status_code, pause
                    )
                    self._sleep(pause)
                    continue
                if response.status_code not in (200, 206, 416):
                    raise Refused(f"{plain(url)} answers {response.status_code}")
                yield response
                return
            finally:
                response.close()

    def _pause(self, response: httpx.Response, tries: int) -> float:
        """Return for how many seconds to wait: as the server asks, or twice as long each time."""
        asked = response.headers.get("Retry-After", "")
        if asked.isdecimal():
            return float(asked)
        if asked:
            try:
                until = email.utils.parsedate_to_datetime(asked).timestamp()
                return max(0.0, until - time.time())
            except (TypeError, ValueError):
                pass
        return 2.0**tries

    def _checked(self, url: str) -> tuple[str, str, dict[str, str]]:
        """Return the host of an address, the address by number, and what TLS is to check.

        Raises
        ------
        Refused
            Where the host is none of those that are named, the scheme is not HTTPS, or the host leads
            into a network that is not public.
        """
        try:
            parts = urlsplit(url)
            name, port = (parts.hostname or "").lower(), parts.port
        except ValueError:
            raise Refused(f"{plain(url)!r} is no address") from None
        host = name if port is None else f"{name}:{port}"
        if host not in self._hosts or parts.username is not None:
            raise Refused(
                f"{plain(url)} is on host {host!r}; expected one of {', '.join(sorted(self._hosts))}"
            )
        is_here = is_loopback(name)
        if parts.scheme != "https" and not (parts.scheme == "http" and is_here):
            raise Refused(f"{plain(url)} is not HTTPS")
        try:
            found = socket.getaddrinfo(name, port or 443, type=socket.SOCK_STREAM)
        except OSError as error:
            raise Refused(f"host {name!r} is not known ({error.strerror or error})") from None
        numbers = [str(one[4][0]) for one in found]
        for number in numbers:
            if not is_here and not ipaddress.ip_address(number).is_global:
                raise Refused(f"host {name!r} is at {number}, which is no public address")
        number = f"[{numbers[0]}]" if ":" in numbers[0] else numbers[0]
        place = number if port is None else f"{number}:{port}"
        pinned = urlunsplit((parts.scheme, place, parts.path or "/", parts.query, ""))
        return host, pinned, {"sni_hostname": name}


def plain(url: str) -> str:
    """Return an address without its query, which may hold a key."""
    return url.partition("?")[0][:200]


def is_loopback(name: str) -> bool:
    """Return whether a host is named by a number that leads to this machine itself."""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
