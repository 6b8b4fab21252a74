"""A Faust worker made as ours will be, without a database: takes batches, perhaps sends them on, tells what it does.

Started by `worker_process.Worker` with its settings as JSON in argv; writes one JSON object a line to stdout.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import threading
import time
from typing import Any

import faust
from kafka import KafkaProducer


def tell(what: str, **facts: object) -> None:
    """One line for the parent; `at` is the machine's monotonic clock, the same in all processes."""
    sys.stdout.write(json.dumps({"what": what, "at": time.monotonic(), **facts}) + "\n")
    sys.stdout.flush()


def make_app(settings: dict[str, Any]) -> faust.App:
    """Faust with the settings that docs/decisions/0001 names."""
    return faust.App(
        settings["group"],
        broker=f"kafka://{settings['bootstrap']}",
        autodiscover=False,
        datadir=tempfile.mkdtemp(prefix="liandong-faust-"),
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        broker_session_timeout=settings["session_timeout_s"],
        broker_heartbeat_interval=settings["heartbeat_interval_s"],
        broker_request_timeout=30,
        broker_max_poll_records=500,
        broker_commit_interval=1,
        producer_request_timeout=30,
        stream_wait_empty=True,
    )


def add_agent(app: faust.App, settings: dict[str, Any]) -> None:
    """Batches from the topic; with `out` each event goes on with the batch's time behind its value, confirmed."""
    topic = app.topic(settings["topic"], key_serializer="raw", value_serializer="raw")
    out = settings.get("out")
    producer = KafkaProducer(bootstrap_servers=settings["bootstrap"], linger_ms=0) if out else None

    def send_on(batch: list[Any], taken_at_ns: int) -> None:
        assert producer is not None
        sent = [producer.send(out, key=e.message.key, value=e.value + b" %d" % taken_at_ns) for e in batch]
        for one in sent:
            one.get(timeout=30)

    async def take(stream: Any) -> None:  # noqa: ANN401 - faust types batches of events as values
        async for batch in stream.noack_take(500, within=settings["within_s"]):
            taken_at_ns = time.monotonic_ns()
            if out:
                await asyncio.get_running_loop().run_in_executor(None, send_on, batch, taken_at_ns)
            if settings["hold"]:
                tell("held", count=len(batch))
                await asyncio.sleep(3600)
            for event in batch:
                await stream.ack(event)
            tell("batch", count=len(batch), cpu_s=time.process_time(), ids=ids_of(batch, settings))

    app.agent(topic, name="take")(take)


def ids_of(batch: list[Any], settings: dict[str, Any]) -> list[int]:
    """The numbers that lead the values, when the parent wants them."""
    return [int(event.value.split(b" ", 1)[0]) for event in batch] if settings["tell_ids"] else []


def exit_hard_after(grace_s: float) -> None:
    """The watchdog: a thread of its own, because a stop that hangs may hold the event loop."""

    def end() -> None:
        tell("watchdog")
        os._exit(70)

    timer = threading.Timer(grace_s, end)
    timer.daemon = True
    timer.start()


class WatchedWorker(faust.Worker):
    """Ends the process by force when a stop takes longer than `watchdog_s`."""

    watchdog_s = 25.0

    def _on_sigterm(self) -> None:
        exit_hard_after(self.watchdog_s)
        super()._on_sigterm()


def main() -> None:
    """Run until SIGTERM."""
    settings = json.loads(sys.argv[1])
    app = make_app(settings)
    add_agent(app, settings)

    async def assigned(*found: Any, **_more: Any) -> None:  # noqa: ANN401 - faust's handlers take anything
        tell("assigned", count=len(found[1]))

    app.on_partitions_assigned.connect(assigned)
    worker = WatchedWorker(app, override_logging=False, redirect_stdouts=False, quiet=True)
    worker.spinner = None  # quiet or not, it writes cursor codes before the next line on stdout
    worker.watchdog_s = settings["watchdog_s"]
    tell("started", pid=os.getpid())
    worker.execute_from_commandline()


if __name__ == "__main__":
    main()
