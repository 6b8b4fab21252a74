"""kill -9 of server, worker and relay under load, with what the clients were told as the oracle."""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec
import pytest
from sqlalchemy import text

from deploy.local.child_process import pick_free_ports, start_child
from dispatcher.core import apply_row
from dispatcher.store import Store
from schemas import topics
from schemas.events import CommandAccepted, CommandRefused, ReportReceived
from schemas.incidents import Incident
from tests.engine_on_kafka import SESSION_S, KafkaTown

WATER: Final = "家里停水了"
PROGRAMS: Final = ("serve", "worker", "relay")
_OFFER: Final = "dispatch.offer.made.v1"
_ANSWERS: Final = {"dispatch.command.accepted.v1", "dispatch.command.refused.v1"}


class Program:
    """`liandong NAME`, which can be killed and started again; `progress` counts what it has done."""

    def __init__(self, name: str, environment: dict[str, str], log: Path, progress: Callable[[], int]) -> None:
        self.name = name
        self.kills = 0
        self._environment = environment
        self._log = log
        self._progress = progress
        self._child = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        self._seen = self._progress()
        liandong = str(Path(sys.executable).with_name("liandong"))
        return start_child([liandong, self.name], log=self._log, env=self._environment)

    def has_worked(self) -> bool:
        """Whether it did something since it was started."""
        assert self._child.poll() is None, self._log.read_text(encoding="utf-8")[-3000:]
        return self._progress() > self._seen

    def kill(self) -> None:
        self._child.kill()
        self._child.wait()
        self.kills += 1

    def end(self) -> int:
        """SIGTERM; the exit code."""
        self._child.terminate()
        return self._child.wait(20)

    def start_again(self) -> None:
        self._child = self._start()


class Clients:
    """Who reports over HTTP, who reports by topic, and the water works, each with a ledger of what was confirmed."""

    def __init__(self, town: KafkaTown, http: str) -> None:
        self.town = town
        self.http = http
        self.by_http: dict[str, str] = {}  # source_id -> report_id as answered
        self.by_topic: list[str] = []
        self.claims: dict[str, str] = {}  # command id -> incident
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._unless_it_fails, args=[one])
            for one in (self._post, self._produce, self._claim)
        ]
        self.failure: BaseException | None = None

    @contextmanager
    def at_work(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()
        assert self.failure is None, self.failure

    def _unless_it_fails(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - told by at_work
            self.failure = error

    def _post(self) -> None:
        """A report counts when the server has answered 200 or 201; until then it is sent again."""
        with httpx.Client(base_url=self.http, trust_env=False, timeout=5) as http:
            for number in itertools.count():
                if self._stop.is_set():
                    return
                name = f"http-{number}"
                while True:
                    with suppress(httpx.TransportError):
                        body = {"source": "110", "source_id": name, "text": WATER}
                        answer = http.post("/api/v1/reports", json=body)
                        if answer.is_success:
                            self.by_http[name] = answer.json()["report_id"]
                            break
                        assert answer.status_code == 503, answer.text
                    time.sleep(0.05)
                time.sleep(0.03)

    def _produce(self) -> None:
        for number in itertools.count():
            if self._stop.wait(0.015):
                return
            self.town.report(f"topic-{number}", WATER)
            self.by_topic.append(f"topic-{number}")

    def _claim(self) -> None:
        """Every offer is answered with one claim."""
        seen, answered = 0, set[str]()
        while not self._stop.is_set():
            self.town.hear()
            for it in self.town.heard[seen:]:
                if it.type == _OFFER and it.topic == topics.notices("water-works") and it.key not in answered:
                    answered.add(str(it.key))
                    command_id = self.town.command("water-works", "claim", str(it.key))
                    self.claims[command_id] = str(it.key)
            seen = len(self.town.heard)


@pytest.mark.parametrize(
    "rounds",
    [
        pytest.param(3, id="3-each", marks=pytest.mark.timeout(240)),
        pytest.param(20, id="20-each", marks=[pytest.mark.chaos, pytest.mark.timeout(1800)]),
    ],
)
@pytest.mark.slow
def test_nothing_confirmed_is_lost_or_doubled(
    kafka_town: KafkaTown, postgres_url: str, tmp_path: Path, rounds: int
) -> None:
    store = Store.open(postgres_url)
    port = pick_free_ports(1)[0]
    clients = Clients(kafka_town, f"http://127.0.0.1:{port}")
    environment = {
        **os.environ,
        "LIANDONG_DATABASE": postgres_url,
        "LIANDONG_KAFKA": kafka_town.bootstrap,
        "LIANDONG_KAFKA_SESSION_S": str(int(SESSION_S)),
        "LIANDONG_PORT": str(port),
        "LIANDONG_VAR": str(tmp_path),
    }
    progress: dict[str, Callable[[], int]] = {
        "serve": lambda: len(clients.by_http),
        "worker": lambda: _stored_by(store, "kafka"),
        "relay": lambda: store.cursor("kafka"),
    }
    programs = [Program(name, environment, tmp_path / f"{name}.log", progress[name]) for name in PROGRAMS]
    try:
        with clients.at_work():
            kill_in_turn(programs, rounds)
        assert min(len(clients.by_http), len(clients.by_topic), len(clients.claims)) > 20 * rounds
        until(lambda: _missing(store, clients) == 0, 60)
        check_ledgers(store, clients)
        check_notices(kafka_town, clients)
        assert [program.end() for program in programs] == [0, 0, 0]
    finally:
        for program in programs:
            program.kill()
        store.close()


def kill_in_turn(programs: list[Program], rounds: int) -> None:
    """Kill whoever has worked since its last start, at an odd moment, until each was killed so many times."""
    moments = random.Random(54)  # noqa: S311 - the same odd moments in every run
    give_up_at = time.monotonic() + 40 * rounds + 60
    down: list[tuple[float, Program]] = []
    while down or any(program.kills < rounds or not program.has_worked() for program in programs):
        assert time.monotonic() < give_up_at, {program.name: program.kills for program in programs}
        time.sleep(moments.uniform(0.02, 0.4))
        for program in programs:
            if program.kills < rounds and program not in [it for _, it in down] and program.has_worked():
                program.kill()
                down.append((time.monotonic() + moments.uniform(0, 0.5), program))
        for back_at, program in list(down):
            if time.monotonic() >= back_at:
                program.start_again()
                down.remove((back_at, program))


def check_ledgers(store: Store, clients: Clients) -> None:
    """What was confirmed is there once, and the journal tells the same story as the states."""
    assert store.verify_journal() is None
    rows = store.journal_after(0, 1_000_000)
    assert [row.position for row in rows] == list(range(1, len(rows) + 1))
    events = [(row, event) for row in rows for event in row.events]
    received = Counter(event.report_id for _, event in events if isinstance(event, ReportReceived))
    assert set(received.values()) == {1}
    stored = _stored(store)
    assert len(stored) == len(received)
    assert {*clients.by_http, *clients.by_topic} <= stored.keys()
    assert clients.by_http.items() <= stored.items()
    answers = Counter(row.command_id for row, event in events if isinstance(event, CommandAccepted | CommandRefused))
    assert answers == Counter(clients.claims.keys())
    states: dict[str, Incident] = {}
    for row in rows:
        if row.incident_id:
            states[row.incident_id] = apply_row(states.get(row.incident_id), row.seq, row.events)
    with store.begin() as txn:
        assert txn.load(set(states)) == states


def check_notices(town: KafkaTown, clients: Clients) -> None:
    """Every claim was answered on the topic; what came twice came with the same id and content."""
    town.wait_for(lambda it: it.type in _ANSWERS, count=len(clients.claims), limit_s=60)
    until(lambda: town.hear() == 0 and clients.claims.keys() <= _answered(town), 60)
    by_id: dict[tuple[str, str], Any] = {}
    for it in town.heard:
        assert by_id.setdefault((it.topic, it.id), it.data) == it.data
    accepted = [it for it in town.heard if it.type in _ANSWERS and it.data["command_id"] in clients.claims]
    assert len({it.id for it in accepted}) == len(clients.claims)


def until(holds: Callable[[], bool], limit_s: float) -> None:
    give_up_at = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < give_up_at, f"not within {limit_s} s"
        time.sleep(0.1)


def _answered(town: KafkaTown) -> set[str]:
    return {it.data["command_id"] for it in town.heard if it.type in _ANSWERS}


def _missing(store: Store, clients: Clients) -> int:
    """Confirmed reports and claims that have left no trace yet."""
    reports = {*clients.by_http, *clients.by_topic} - _stored(store).keys()
    with store.reading() as connection:
        commands = {row[0] for row in connection.execute(text("SELECT command_id FROM commands"))}
    return len(reports) + len(clients.claims.keys() - commands)


def _stored(store: Store) -> dict[str, str]:
    """source_id -> report_id of all reports that are in the database."""
    with store.reading() as connection:
        found = connection.execute(text("SELECT ref, doc FROM bodies WHERE kind = 'report'")).all()
    pairs = [(msgspec.json.decode(bytes(doc))["source_id"], ref) for ref, doc in found]
    assert len({name for name, _ in pairs}) == len(pairs), "a report is there twice"
    return dict(pairs)


def _stored_by(store: Store, via: str) -> int:
    """Reports that came this way; the way stands in the first event of their row."""
    with store.reading() as connection:
        asked = text("SELECT count(*) FROM journal WHERE convert_from(payload, 'UTF8') LIKE :via")
        return int(connection.execute(asked, {"via": f'%"via":"{via}"%'}).scalar_one())
