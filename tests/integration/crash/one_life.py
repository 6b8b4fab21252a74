"""A forked child that is the engine until it is killed: asked and answered over a pipe, with the product's own doors.

What it says on the pipe: READY; an Answered per question; Told with what left on the topics. Where it stands at each
moment is written to memory that outlives it.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import threading
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from datetime import timedelta
from enum import IntEnum
from io import BytesIO
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Engine as DatabaseEngine
from sqlalchemy import event

from dispatcher.bootstrap import Engine, open_engine
from dispatcher.loops.deliver import CURSOR
from dispatcher.settings import Settings
from dispatcher.store import StoreUnavailable
from dispatcher.web import problems, rendering
from dispatcher.web.api.commands import command_from
from dispatcher.web.api.intake import submission
from schemas import outcomes as out
from schemas.commands import Command
from schemas.decode import command_body_from
from schemas.notices import OutgoingMessage
from tests.integration.crash.ledger import Answer
from tests.integration.crash.talk import Question
from tests.unit.attachments.picture_making import photo

READY: Final = "ready"
END: Final = "end"
ADAPTER: Final = "kafka"
_REST_LIMIT_S: Final = 10.0


class Place(IntEnum):
    """Where the writer stands."""

    OPENING = 0
    OUTSIDE = 1  # no transaction: waiting, answering
    READING = 2  # in a transaction, nothing written yet
    WRITING = 3
    COMMITTING = 4


class Answered(NamedTuple):
    """`answers` None = the store could not be reached and nothing was acknowledged (503)."""

    keys: tuple[str, ...]
    answers: list[Answer] | None


class Told(NamedTuple):
    messages: list[OutgoingMessage]


Plant = Callable[[Engine, "Life"], None]


class Life:
    """Runs in the child. `plant` may put a fault into the engine, or into this, before it starts."""

    def __init__(self, pipe: Connection, place: mmap.mmap) -> None:
        self._pipe = pipe
        self._place = place
        self._speaking = threading.Lock()

    def live(self, settings: Settings, plant: Plant) -> None:
        """Until it hears END; then in order, as after SIGTERM."""
        self._place[0] = Place.OPENING
        engine = open_engine(settings)
        self._watch(engine.store._writer)
        plant(engine, self)
        engine.start()
        engine.deliver_to(self, adapter=ADAPTER)
        self._place[0] = Place.OUTSIDE
        self._say(READY)
        while (question := self._pipe.recv()) != END:
            self._put(engine, question)
        _come_to_rest(engine)
        engine.stop()

    # ── the outlet ───────────────────────────────────────────────────────────────────────────────
    def expect(self, responders: Collection[str]) -> None: ...

    def send(self, messages: Sequence[OutgoingMessage]) -> None:
        self._say(Told(list(messages)))

    # ── inside ───────────────────────────────────────────────────────────────────────────────────
    def _put(self, engine: Engine, question: Question) -> None:
        future = submitted(engine, question)
        future.add_done_callback(lambda done: self.answer(Answered(question.keys, answers_of(done))))

    def answer(self, answered: Answered) -> None:
        self._say(answered)

    def _say(self, what: object) -> None:
        with self._speaking:
            self._pipe.send(what)

    def _watch(self, database: DatabaseEngine) -> None:
        place = self._place

        @event.listens_for(database, "begin")
        def _begun(*_: Any) -> None:
            place[0] = Place.READING

        @event.listens_for(database, "before_cursor_execute")
        def _executing(_connection: object, _cursor: object, statement: str, *_: Any) -> None:
            if statement.startswith(("INSERT", "UPDATE", "DELETE")):
                place[0] = Place.WRITING

        @event.listens_for(database, "commit")
        def _committing(*_: Any) -> None:
            place[0] = Place.COMMITTING

        @event.listens_for(database, "checkin")
        def _done(*_: Any) -> None:
            place[0] = Place.OUTSIDE


def _come_to_rest(engine: Engine) -> None:
    """Until what is due has rung and everything has been relayed; storms that gather later would not be."""
    engine._loops["storms"].stop()
    give_up_at = time.monotonic() + _REST_LIMIT_S
    store = engine.store
    while (
        store.due_before(engine.now() + timedelta(seconds=1), 1) or store.cursor(CURSOR) < store.last_position()
    ) and time.monotonic() < give_up_at:
        time.sleep(0.01)


def submitted(engine: Engine, question: Question) -> Future[list[out.Outcome]]:
    """The question through its door."""
    if question.verb != "attachment":
        return engine.writer.submit(commands_of(question))
    (key,), (body,) = question.keys, question.bodies
    future: Future[list[out.Outcome]] = Future()

    def pass_on(done: Future[out.Outcome]) -> None:
        if (error := done.exception()) is not None:
            future.set_exception(error)
        else:
            future.set_result([done.result()])

    engine.keeper.submit(BytesIO(photo(size=(body["width"], 20))), key).add_done_callback(pass_on)
    return future


def commands_of(question: Question) -> list[Command]:
    """What the HTTP door makes of these bodies."""
    if question.verb == "report":
        return [submission(msgspec.json.encode(body)) for body in question.bodies]
    (key,), (body,) = question.keys, question.bodies
    return [command_from(question.verb, question.incident_id, command_body_from(question.verb, body), key)]


def answers_of(done: Future[list[out.Outcome]]) -> list[Answer] | None:
    """What the HTTP door answers."""
    error = done.exception()
    if isinstance(error, StoreUnavailable):
        return None
    return [answer_of(outcome) for outcome in done.result()]


def answer_of(outcome: out.Outcome) -> Answer:
    """As the HTTP door says it, read by a client."""
    if isinstance(outcome, out.Refused):
        told = problems.refused(outcome.refusal)
        return Answer(outcome.refusal.status, msgspec.json.decode(msgspec.json.encode(told)))
    return Answer(rendering.status_of(outcome), msgspec.json.decode(msgspec.json.encode(rendering.answer(outcome))))


def settings_of(folder: Path, pack: Path) -> Settings:
    return Settings(database=f"sqlite:///{folder / 'liandong.db'}", var=folder, pack=str(pack))


def fork(life: Callable[[], None]) -> int:
    """Fork a child that lives this life and dies with its parent, whatever else ends it; its pid."""
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() == parent:
            life()
            code = 0
    finally:
        os._exit(code)
