"""Around the whole application: who is answered at all, and headers on every response, errors included."""

import ipaddress
from collections.abc import Collection
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from dispatcher.web.problems import MEDIA_TYPE, problem

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
# Asked by machines under whatever name they reach us; they tell nothing personal.
_ANY_HOST: Final = frozenset({"/livez", "/readyz", "/metrics"})
_CSP: Final = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = [
    (b"content-security-policy", _CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_NO_STORE: Final = (b"cache-control", b"no-store")


class Door:
    """ASGI middleware.

    A Host that is not ours is refused (DNS rebinding), and so is a write that a page of another origin makes a browser
    send (CSRF). Programs send neither Origin nor Sec-Fetch-Site and pass.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: Collection[str]) -> None:
        self._app = app
        self._allowed = frozenset(host.lower() for host in allowed_hosts) | {"localhost"}
        self._is_ours = lru_cache(maxsize=256)(self._find_out_whether_ours)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message["headers"], *_HEADERS]
                if not any(name.lower() == b"cache-control" for name, _ in headers):
                    headers.append(_NO_STORE)
                message["headers"] = headers
            await send(message)

        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send_with_headers)
        else:
            await _answer(refusal, send_with_headers)

    def _refusal(self, scope: HTTPScope) -> dict[str, object] | None:
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if scope["path"] not in _ANY_HOST and not self._is_ours(host):
            return problem(421, "MisdirectedRequest", "this server does not answer under that Host name")
        if scope["method"] not in _SAFE_METHODS and not _same_origin(headers, host):
            return problem(403, "CrossOrigin", "a page of another origin may not do this")
        return None

    def _find_out_whether_ours(self, host: str) -> bool:
        name = _hostname(host)
        return host in self._allowed or name in self._allowed or _is_loopback(name)


def _hostname(host: str) -> str:
    """Name or address of a Host header, without port; "" when it is malformed."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _same_origin(headers: dict[bytes, bytes], host: str) -> bool:
    if headers.get(b"sec-fetch-site", b"none") not in (b"same-origin", b"none"):
        return False
    origin = headers.get(b"origin")
    return origin is None or urlsplit(origin.decode("latin-1").lower()).netloc == host


async def _answer(refusal: dict[str, object], send: Send) -> None:
    body = msgspec.json.encode(refusal)
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": int(str(refusal["status"])), "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
