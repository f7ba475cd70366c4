"""What every request and every answer of the page has to pass.

A page of another site may send requests to this machine through the browser of whoever looks at it. Its
scripts read no answer, because none allows it (there is no CORS header); a name of theirs that is made to
lead here (DNS rebinding) is refused by the ``Host`` header; and what acts is refused where the browser
says that another site asks.

* `Guard`: around an ASGI application.
"""

import contextlib
import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

LOCAL = ("localhost", "127.0.0.1", "::1")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Cache-Control": "no-store",
    # of answers that are no page; the page has its own
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


class Guard:
    """An ASGI application that lets pass what the page itself asks for.

    Parameters
    ----------
    application : callable
    names : collection of str
        Names under which the page may be asked for, beside `LOCAL`; of IP addresses any, where
        ``any_address`` is set: an address cannot be made to lead elsewhere.
    """

    def __init__(self, application, names: Collection[str] = (), any_address: bool = False):
        self._application, self._any_address = application, any_address
        self._names = {*LOCAL, *(name.lower() for name in names)}

    async def __call__(self, scope, receive, send) -> None:
        """Answer a request, as ASGI has it."""
        if scope["type"] != "http":
            return
        refusal = self._refusal(scope["method"], Headers(scope=scope))

        async def send_guarded(message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        if refusal:
            await PlainTextResponse(refusal, 403)(scope, receive, send_guarded)
        else:
            await self._application(scope, receive, send_guarded)

    def _refusal(self, method: str, headers: Headers) -> str:
        """Return why a request is refused, or an empty text."""
        host, name = headers.get("host", ""), ""
        with contextlib.suppress(ValueError):  # such as of half a bracket
            name = urlsplit(f"//{host}").hostname or ""
        if not self.is_own(name):
            return (
                f"this page is not served under the name {host[:80]!r}; start it with --name to add "
                "a name"
            )
        origin = headers.get("origin")
        if origin is not None and origin.partition("//")[2] != host:
            return "another site asks for this page; open it by its own address"
        # browsers say who asks; a link from elsewhere may lead to the page, and to nothing else of it
        asks = headers.get("sec-fetch-site", "none")
        is_link = method == "GET" and headers.get("sec-fetch-mode") == "navigate"
        if asks not in ("same-origin", "none") and not is_link:
            return "another site asks for this page; open it by its own address"
        return ""

    def is_own(self, name: str) -> bool:
        """Return whether the page is served under a name: one that was given, or any IP address.

        Parameters
        ----------
        name : str
            Of the host, without port and brackets.
        """
        if name in self._names:
            return True
        if not self._any_address:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True
