"""Two hundred who want to know, in a process of their own: streams that listen, or clients that ask again and again.

    python -m benchmarks.fanout_listeners '{"host": …, "port": …, "path": …, "key": "report_id", "count": 200,
                                            "ask_every_s": null, "seconds": 6, "out": "a file"}'

Prints "ready" once all are connected. When the time is up it writes one JSON object into the file: `heard` = for each
value of the key the monotonic instants at which it was read, `cpu_s`. With `ask_every_s` the path is asked with
`after=` the last `id` seen.
"""

import asyncio
import json
import random
import re
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import uvloop

_ID: Final = re.compile(rb'"id":\s*(\d+)')
Heard = defaultdict[str, list[float]]


async def listen(settings: dict[str, Any], heard: Heard, connected: asyncio.Semaphore) -> None:
    """One stream: everything that arrives is looked through for the key."""
    reader, writer = await asyncio.open_connection(settings["host"], settings["port"])
    writer.write(_request(settings, settings["path"]))
    await reader.readuntil(b"\r\n\r\n")
    connected.release()
    key, rest = _key(settings), b""
    while data := await reader.read(65536):
        now = time.monotonic()
        *whole, rest = (rest + data).split(b"\n\n")
        for event in whole:
            for found in key.findall(event):
                heard[found.decode()].append(now)


async def ask(settings: dict[str, Any], heard: Heard, connected: asyncio.Semaphore) -> None:
    """One client that polls, on a connection that stays open; not all at the same moment."""
    reader, writer = await asyncio.open_connection(settings["host"], settings["port"])
    key, after, first = _key(settings), 0, True
    await asyncio.sleep(random.random() * settings["ask_every_s"])  # noqa: S311 - spreads load, guards nothing
    while True:
        asked_at = time.monotonic()
        writer.write(_request(settings, f"{settings['path']}?after={after}"))
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        body = await reader.readexactly(int(re.findall(rb"content-length: (\d+)", head)[0]))
        now = time.monotonic()
        for found in key.findall(body):
            heard[found.decode()].append(now)
        after = max([after, *map(int, _ID.findall(body))])
        if first:
            connected.release()
            first = False
        await asyncio.sleep(max(0.0, asked_at + settings["ask_every_s"] - now))


def _request(settings: dict[str, Any], path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: {settings['host']}:{settings['port']}\r\n\r\n".encode()


def _key(settings: dict[str, Any]) -> re.Pattern[bytes]:
    return re.compile(rb'"%b":\s*"([^"]+)"' % settings["key"].encode())


async def follow(settings: dict[str, Any]) -> Heard:
    heard: Heard = defaultdict(list)
    connected = asyncio.Semaphore(0)
    one = listen if settings["ask_every_s"] is None else ask
    tasks = [asyncio.create_task(one(settings, heard, connected)) for _ in range(settings["count"])]
    for _ in tasks:
        await connected.acquire()
    print("ready", flush=True)
    await asyncio.sleep(settings["seconds"])
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(each, asyncio.CancelledError) for each in ended), ended
    return heard


def main() -> None:
    settings = json.loads(sys.argv[1])
    heard = uvloop.run(follow(settings))
    Path(settings["out"]).write_text(json.dumps({"heard": heard, "cpu_s": time.process_time()}))


if __name__ == "__main__":
    main()
