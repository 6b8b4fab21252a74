"""A real engine behind a real uvicorn, and a client that reads server-sent events from a socket."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import httpx
import pytest
import uvicorn

from dispatcher.bootstrap import Engine, open_engine
from dispatcher.cli.processes import StreamingServer
from dispatcher.settings import Settings
from dispatcher.web.app import create_app, feed_of
from dispatcher.web.live.feed import Feed
from schemas import outcomes as out
from schemas.commands import BODIES, Command, SubmitReport
from schemas.reports import Report, Reporter

_START_LIMIT_S: Final = 30.0
_READ_LIMIT_S: Final = 10.0
_count = itertools.count()


class Served:
    """An engine and its address."""

    def __init__(self, engine: Engine, feed: Feed, base: str) -> None:
        self.engine = engine
        self.feed = feed
        self.base = base
        self.client = httpx.Client(base_url=base, trust_env=False, timeout=40)

    def report(self, text: str = "门前路灯坏了") -> str:
        """A new report taken; its incident."""
        return self.reports(1, text)[0]

    def reports(self, count: int, text: str = "门前路灯坏了") -> list[str]:
        """That many incidents, each of a report of its own."""
        numbers = [next(_count) for _ in range(count)]
        taken = self.carry_out(
            [
                SubmitReport(
                    report=Report(
                        source="110",
                        source_id=f"live-{number}",
                        text=text,
                        place=f"泰和街{number}号",  # else they would be voices of one incident
                        reporter=Reporter(name="Invented Zhang", phone="000-0000-0000"),
                    )
                )
                for number in numbers
            ]
        )
        return [each.answer.incident_id for each in taken if isinstance(each, out.Taken)]

    def command(self, verb: str, incident_id: str, **body: Any) -> out.Outcome:
        kind, command = BODIES[verb]
        made = command(incident_id=incident_id, sender="local", command_id=None, digest="", body=kind(**body))  # type: ignore[call-arg]
        return self.carry_out([made])[0]

    def carry_out(self, commands: list[Any] | list[Command]) -> list[out.Outcome]:
        return self.engine.writer.submit(commands).result(timeout=30)

    @property
    def last(self) -> int:
        return self.engine.store.last_position()


@contextmanager
def serving(engine: Engine, *, send_buffer: int | None = None) -> Iterator[Served]:
    """The application on a port of its own, in a thread, ended as `liandong serve` ends."""
    listening = socket.socket()
    if send_buffer is not None:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    feed = feed_of(engine)
    config = uvicorn.Config(create_app(engine, feed), log_config=None, access_log=False, timeout_graceful_shutdown=5)
    server = StreamingServer(config, feed)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])), daemon=True)
    thread.start()
    wait_until(lambda: server.started)
    served = Served(engine, feed, f"http://127.0.0.1:{listening.getsockname()[1]}")
    try:
        yield served
    finally:
        served.client.close()
        server.should_exit = True
        thread.join(_START_LIMIT_S)
        assert not thread.is_alive(), "the server did not end"


def wait_until(holds: Callable[[], bool], limit_s: float = _START_LIMIT_S) -> None:
    give_up_at = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < give_up_at, "waited in vain"
        time.sleep(0.005)


@dataclass
class Event:
    """One server-sent event; what has no data is none, but its id counts."""

    name: str
    id: str
    data: Any


@dataclass
class Listener:
    """A client: reads when asked, remembers the last id as a browser does."""

    served: Served
    path: str = "/api/v1/events"
    last_id: str | None = None
    receive_buffer: int | None = None
    _buffer: bytes = b""
    comments: int = 0
    status: int = 0
    head: bytes = b""
    _ready: list[Event] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        host, port = self.served.base.removeprefix("http://").split(":")
        self._socket = socket.socket()
        if self.receive_buffer is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
        self._socket.settimeout(_READ_LIMIT_S)
        self._socket.connect((host, int(port)))
        resumes = f"Last-Event-ID: {self.last_id}\r\n" if self.last_id is not None else ""
        self._socket.sendall(f"GET {self.path} HTTP/1.1\r\nHost: {host}\r\n{resumes}\r\n".encode())
        self._buffer, self._ready, self._body = b"", [], b""
        while b"\r\n\r\n" not in self._buffer:
            assert self._take(), "no answer"
        self.head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        self.status = int(self.head.split(b" ")[1])

    def close(self) -> None:
        self._socket.close()

    def next(self) -> Event | None:
        """The next event; None = the stream has ended."""
        give_up_at = time.monotonic() + _READ_LIMIT_S
        while not self._ready:
            assert time.monotonic() < give_up_at, "nothing but heartbeats"
            if not self._dechunk() and not self._take():
                return None
            self._split()
        return self._ready.pop(0)

    def read(self, count: int) -> list[Event]:
        found = [self.next() for _ in range(count)]
        assert all(found), "the stream ended early"
        return [each for each in found if each is not None]

    def read_until(self, position: int) -> list[Event]:
        """All events up to this journal position, which must have one."""
        found: list[Event] = []
        while not found or int(found[-1].id.partition(".")[0]) < position:
            found += self.read(1)
        while self._ready and self._ready[0].id.partition(".")[0] == str(position):
            found += self.read(1)
        return found

    def _take(self) -> bool:
        got = self._socket.recv(65536)
        self._buffer += got
        return bool(got)

    def _dechunk(self) -> bool:
        found = re.match(rb"([0-9a-f]+)\r\n", self._buffer)
        if found is None or len(self._buffer) < found.end() + (size := int(found[1], 16)) + 2:
            return False
        self._body += self._buffer[found.end() : found.end() + size]
        self._buffer = self._buffer[found.end() + size + 2 :]
        return size > 0

    def _split(self) -> None:
        *whole, self._body = self._body.split(b"\n\n")
        for block in whole:
            fields = dict(line.partition(": ")[::2] for line in block.decode().split("\n") if not line.startswith(":"))
            self.comments += block.startswith(b":")
            self.last_id = fields.get("id", self.last_id)
            if "data" in fields:
                event = Event(fields.get("event", "message"), fields.get("id", ""), json.loads(fields["data"]))
                self._ready.append(event)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One engine for a module: its tests follow what they do themselves."""
    with started(tmp_path_factory.mktemp("live")) as running:
        yield running


@contextmanager
def started(folder: Path, url: str | None = None) -> Iterator[Engine]:
    folder.mkdir(exist_ok=True)
    running = open_engine(Settings(database=url or f"sqlite:///{folder / 'liandong.sqlite'}", var=folder))
    running.start(tick=False)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def served(engine: Engine) -> Iterator[Served]:
    with serving(engine) as running:
        yield running
