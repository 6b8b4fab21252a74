"""How commands reach the engine: HTTP to the running server, or the same API in this process when nobody serves."""

import asyncio
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NoReturn, TypeVar

import httpx
import msgspec
import typer

from dispatcher.bootstrap import open_engine
from dispatcher.cli.processes import configured, fail
from dispatcher.settings import Settings
from dispatcher.store import StoreError
from dispatcher.web.app import create_app
from routing_rules import PackError

Answer = httpx.Response
T = TypeVar("T")


class NoAnswer(Exception):
    """The server does not answer: nobody knows whether it did what it was asked. str() is a sentence."""


class Api:
    """One API, wherever it is; answers are read, never raised."""

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        content: bytes | None = None,
        params: Mapping[str, str | None] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Without an answer the command ends with a sentence."""
        try:
            return self.attempt(method, path, body=body, content=content, params=params, headers=headers)
        except NoAnswer as error:
            fail(str(error), 1)

    def attempt(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        content: bytes | None = None,
        params: Mapping[str, str | None] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Raises NoAnswer."""
        given = {name: value for name, value in (params or {}).items() if value is not None}
        raw = content if content is not None or body is None else json.dumps(body).encode()
        told = {"content-type": "application/json", **(headers or {})}
        try:
            return self._send(httpx.Request(method, f"{self.base}{path}", params=given, content=raw, headers=told))
        except httpx.TransportError as error:
            raise NoAnswer(f"the server at {self.base} does not answer: {type(error).__name__}") from error

    base = "http://localhost"

    def _send(self, request: httpx.Request) -> Answer:
        raise NotImplementedError


class ServerApi(Api):
    """A running server, known from its server.json."""

    def __init__(self, url: str, token: str) -> None:
        self.base = url
        self._client = httpx.Client(headers={"authorization": f"Bearer {token}"}, timeout=60, trust_env=False)

    def is_there(self) -> bool:
        """Whether anybody listens; a server too busy to answer is there."""
        try:
            self._client.get(f"{self.base}/livez")
        except (httpx.ConnectError, httpx.UnsupportedProtocol):
            return False
        except httpx.TransportError:
            return True
        return True

    def _send(self, request: httpx.Request) -> Answer:
        request.headers.update(self._client.headers)
        return self._client.send(request)


class LocalApi(Api):
    """The API in this process, over the database that nobody holds."""

    def __init__(self, app: object, token: str) -> None:
        self._transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
        self._token = token

    def _send(self, request: httpx.Request) -> Answer:
        return asyncio.run(self._send_async(request))

    async def _send_async(self, request: httpx.Request) -> Answer:
        request.headers["authorization"] = f"Bearer {self._token}"
        async with httpx.AsyncClient(transport=self._transport) as client:
            return await client.send(request)


@contextmanager
def open_api() -> Iterator[Api]:
    """The API of the running server, else over the database itself; a sentence when neither is to be had."""
    settings = configured(log_level="WARNING")
    running = running_server(settings)
    if running is not None:
        yield running
        return
    try:
        engine = open_engine(settings)
        engine.start(tick=False)
    except (StoreError, OSError, PackError) as error:
        fail(str(error), 1)
    try:
        yield LocalApi(create_app(engine), settings.admin_token)
    finally:
        engine.stop()


def running_server(settings: Settings) -> ServerApi | None:
    """None when none is there: a server that was killed leaves its file behind, and another may have its pid now."""
    try:
        told = json.loads(settings.server_file.read_text())
        os.kill(int(told["pid"]), 0)
        server = ServerApi(str(told["url"]), str(told["token"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return server if server.is_there() else None


def decoded(answer: Answer, kind: type[T]) -> T:
    """What it says; a problem ends the command with 1."""
    if answer.is_error:
        show_problem(answer)
    return msgspec.json.decode(answer.content, type=kind)


def show_problem(answer: Answer) -> NoReturn:
    """A refusal in words, and exit code 1."""
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    title = problem.get("title") or f"HTTP {answer.status_code}"
    known = ("type", "title", "status", "detail", "instance")
    more = ", ".join(f"{name}: {value}" for name, value in problem.items() if name not in known and value)
    typer.echo(": ".join(part for part in (title, problem.get("detail"), more) if part), err=True)
    raise SystemExit(1)
