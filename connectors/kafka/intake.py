"""Reports from `dispatch.reports.v1`: the one Faust agent. No decision is made here, and no exception leaves it.

Faust 0.15 acknowledges what failed and may commit past an event that nobody acknowledged (tests/integration/kafka/
test_faust_offsets.py), so a batch is handed over until it is taken, and then all of it is acknowledged, in order.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import faust

from connectors.kafka.admin import wait_for_topic
from connectors.kafka.foreign_headers import forgive_foreign_headers
from connectors.kafka.incoming import Record, append_time, commands_of, log_letters, record_of, report_command
from connectors.kafka.patience import Handle, PatientHandle, end_hard
from connectors.kafka.settings import INTAKE_BATCH, INTAKE_GROUP, INTAKE_WITHIN_S, STOP_LIMIT_S, KafkaClient
from connectors.kafka.stuck import IntakeWatch
from schemas import topics

AppendTime = Callable[[int, int], datetime | None]


def run_intake(client: KafkaClient, handle: Handle, stopping: threading.Event, folder: Path) -> NoReturn:
    """Take reports until SIGTERM or SIGINT, in the main thread; sets `stopping` then and ends with SystemExit.

    `folder` is scratch. A stop that hangs (a broker that is away hangs it) is ended by force after 25 s.
    """
    wait_for_topic(client, topics.REPORTS, stopping)
    app = make_app(client, PatientHandle(handle, stopping), folder)
    watch = IntakeWatch(client, lambda: app.consumer.assignment())  # noqa: PLW0108 - Faust makes its consumer late
    threading.Thread(target=watch.run, args=[stopping], name="intake-watch", daemon=True).start()
    worker = _Worker(app, override_logging=False, redirect_stdouts=False, quiet=True)
    worker.spinner = None  # quiet or not, it writes to the terminal
    worker.stopping = stopping
    worker.execute_from_commandline()


def make_app(client: KafkaClient, handle: Handle, folder: Path, *, read_time: AppendTime = append_time) -> faust.App:
    """The Faust app; `handle` may block, for which it has a thread, and must not raise."""
    forgive_foreign_headers()
    folder.mkdir(parents=True, exist_ok=True)
    app = faust.App(INTAKE_GROUP, **client.faust(folder))
    reports = app.topic(topics.REPORTS, key_serializer="raw", value_serializer="raw")
    hand_over = ThreadPoolExecutor(1, thread_name_prefix="intake")

    async def take_reports(stream: Any) -> None:  # noqa: ANN401 - Faust's types do not know noack_take
        async for events in stream.noack_take(INTAKE_BATCH, within=INTAKE_WITHIN_S):
            batch = commands_of(_records(events, read_time), report_command)
            log_letters(topics.REPORTS, batch)
            await asyncio.get_running_loop().run_in_executor(hand_over, handle, batch)
            for event in events:
                await stream.ack(event)

    app.agent(reports, name="take_reports")(take_reports)
    return app


def _records(events: Sequence[faust.EventT[Any]], read_time: AppendTime) -> Iterator[Record]:
    for event in events:
        message: Any = event.message
        yield record_of(message, read_time(round(message.timestamp * 1000), message.timestamp_type))


class _Worker(faust.Worker):
    """Faust's worker with a watchdog: a stop with the broker away never returns."""

    stopping: threading.Event

    def _on_sigterm(self) -> None:
        self._stop_within_limit()
        super()._on_sigterm()

    def _on_sigint(self) -> None:
        self._stop_within_limit()
        super()._on_sigint()

    def _stop_within_limit(self) -> None:
        """The watchdog has a thread of its own, because what hangs may hold the event loop."""
        if not self.stopping.is_set():
            self.stopping.set()
            watchdog = threading.Timer(STOP_LIMIT_S, end_hard, ["the stop took too long"])
            watchdog.daemon = True
            watchdog.start()
