"""A client of its own process: keeps N connections busy, each sending its next report when the last is answered.

    python -m benchmarks.http_load '{"host": …, "port": …, "path": …, "connections": 32, "seconds": 4, "source": "x"}'

Prints one JSON object: `count` answered 201, `refused` any other status, `took_s`, `p50_ms`, `p99_ms`, `cpu_s`.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from typing import Any, cast

import uvloop

from benchmarks.figures import percentile
from benchmarks.qinggang_reports import qinggang_bodies

_END = b"\r\n\r\n"
_LENGTH = b"content-length: "


class Connection(asyncio.Protocol):
    """One keep-alive connection; done when the time is up or the requests run out."""

    def __init__(self, requests: Iterator[bytes], until: float, latencies: list[float], refused: list[int]) -> None:
        self._requests = requests
        self._until = until
        self._latencies = latencies
        self._refused = refused
        self._received = b""
        self._sent_at = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's does not inherit from it
        self._send()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(_END)
        if not end or len(body) < _length_of(head):
            return
        if head.startswith(b"HTTP/1.1 201"):
            self._latencies.append(time.perf_counter() - self._sent_at)
        else:
            self._refused.append(int(head[9:12]))
        self._received = b""
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server closed the connection"))

    def _send(self) -> None:
        request = next(self._requests, None) if time.perf_counter() < self._until else None
        if request is None:
            if not self.done.done():
                self.done.set_result(None)
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)


def _length_of(head: bytes) -> int:
    _, found, rest = head.lower().partition(_LENGTH)
    return int(rest.split(b"\r\n", 1)[0]) if found else 0


def requests_of(settings: dict[str, Any]) -> list[bytes]:
    """Ready to be written, so that the client measures the server and not itself."""
    head = (
        f"POST {settings['path']} HTTP/1.1\r\nhost: {settings['host']}:{settings['port']}\r\n"
        "content-type: application/json\r\ncontent-length: "
    ).encode()
    bodies = qinggang_bodies(settings["requests"], settings["source"])
    return [head + b"%d" % len(body) + _END + body for body in bodies]


async def load(settings: dict[str, Any], requests: Iterator[bytes]) -> dict[str, Any]:
    latencies: list[float] = []
    refused: list[int] = []
    loop, began, cpu = asyncio.get_running_loop(), time.perf_counter(), time.process_time()
    until = began + settings["seconds"]
    made = [
        await loop.create_connection(
            lambda: Connection(requests, until, latencies, refused), settings["host"], settings["port"]
        )
        for _ in range(settings["connections"])
    ]
    await asyncio.gather(*(connection.done for _, connection in made))
    return {
        "count": len(latencies),
        "refused": len(refused),
        "took_s": time.perf_counter() - began,
        "p50_ms": percentile(latencies, 0.5) * 1e3,
        "p99_ms": percentile(latencies, 0.99) * 1e3,
        "cpu_s": time.process_time() - cpu,
    }


def main() -> None:
    settings = json.loads(sys.argv[1])
    requests = requests_of(settings)
    print(json.dumps(uvloop.run(load(settings, iter(requests)))))


if __name__ == "__main__":
    main()
