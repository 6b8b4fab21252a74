"""The real engine on a watched disk: it opens, answers a few clients, lets alarms ring and relays, and closes."""

from __future__ import annotations

import functools
import threading
from collections.abc import Collection, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Final, NamedTuple

from dispatcher.bootstrap import Engine, open_engine
from dispatcher.settings import Settings
from dispatcher.store import StoreUnavailable
from schemas import outcomes as out
from schemas.notices import OutgoingMessage
from tests.integration.crash.ledger import Answer, Ledger
from tests.integration.crash.one_life import ADAPTER, answers_of, submitted
from tests.integration.crash.talk import Question, Talk
from tests.integration.power.disk import Acknowledged, Recorder
from tests.integration.power.watched_files import watching_files
from tests.integration.power.watched_sqlite import watching

DATABASE: Final = "liandong.db"
_PATIENCE_S: Final = 60.0
_TALKS: Final = 3
_MOST_STARTS: Final = 10


class Told(NamedTuple):
    """A question whose answers left the machine."""

    question: Question
    answers: list[Answer]


class Relayed(NamedTuple):
    ids: tuple[str, ...]


def settings_of(folder: Path, pack: Path) -> Settings:
    return Settings(database=f"sqlite:///{folder / DATABASE}", var=folder, pack=str(pack))


class RecordedLife:
    """One life in `folder`, from what lies there; `recorder.events` afterwards holds all of it."""

    def __init__(self, folder: Path, pack: Path, name: str, *, questions: int) -> None:
        self._folder = folder
        self._pack = pack
        self._left = questions
        self._ledger = Ledger(folder / "ledger", synced=False)
        self._talks = [Talk(f"{name}-{n}", self._ledger, due_within_s=0.2) for n in range(_TALKS)]
        self._done = threading.Semaphore(0)
        self.recorder = Recorder()
        self.unavailable_count = 0

    def live(self) -> None:
        with watching(self.recorder, self._folder), watching_files(self.recorder, self._folder):
            engine = self._opened()
            self.prepare(engine)
            engine.start()
            engine.deliver_to(self, adapter=ADAPTER)
            for talk in self._talks:
                self._ask(engine, talk)
            for _ in self._talks:
                assert self._done.acquire(timeout=_PATIENCE_S), "no answer"
            engine.stop()

    def _opened(self) -> Engine:
        """Started again by whoever watches over it, while the disk does not let it open."""
        for _ in range(_MOST_STARTS):
            try:
                return open_engine(settings_of(self._folder, self._pack))
            except StoreUnavailable:
                self.unavailable_count += 1
        raise AssertionError("it does not open")

    def prepare(self, engine: Engine) -> None:
        """For a control to plant its fault."""

    # ── the outlet ───────────────────────────────────────────────────────────────────────────────
    def expect(self, responders: Collection[str]) -> None: ...

    def send(self, messages: Sequence[OutgoingMessage]) -> None:
        self.recorder.note(Acknowledged(Relayed(tuple(message.id for message in messages))))

    # ── the clients ──────────────────────────────────────────────────────────────────────────────
    def _ask(self, engine: Engine, talk: Talk) -> None:
        if self._left <= 0 or talk.question is None:
            self._done.release()
            return
        self._left -= 1
        future = submitted(engine, talk.question)
        future.add_done_callback(functools.partial(self._hear, engine, talk, talk.question))

    def _hear(self, engine: Engine, talk: Talk, question: Question, done: Future[list[out.Outcome]]) -> None:
        """In the writer's own thread: the answer counts from the very moment it could leave."""
        answers = answers_of(done)
        if answers is None:
            self.unavailable_count += 1
            self._left += 1
        else:
            self.recorder.note(Acknowledged(Told(question, answers)))
            talk.hear(answers)
        self._ask(engine, talk)
