"""Lives of one database, each ended by SIGKILL; the parent is the clients, keeps their ledger and judges.

As a program it is the warm parent: everything imported, no thread, one fork per life. It prints a JSON line for each
database it has judged:

    python -m tests.integration.crash.killing --kills 500 --seed 7 --folder somewhere

`--late` plants the fault that all this must find: answers leave before their commit.
"""

from __future__ import annotations

import argparse
import functools
import gc
import json
import mmap
import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import structlog

from dispatcher import bootstrap
from dispatcher.settings import Settings
from dispatcher.store import Store
from routing_rules import load_pack
from tests.integration.crash import relayed, verdict
from tests.integration.crash.late_commits import commit_late
from tests.integration.crash.ledger import Ledger
from tests.integration.crash.one_life import END, READY, Answered, Life, Place, Plant, Told, fork, settings_of
from tests.integration.crash.talk import Talk
from tests.integration.crash.trusting_pack import trusting_pack

LIVES: Final = 25  # of one database
_TALKS: Final = 6
_START_LIMIT_S: Final = 30.0
_LONGEST_OPENING_S: Final = 0.03
_MOST_ANSWERS: Final = 16  # of a life, before its end is near
_MOMENT_S: Final = 0.01  # within which it comes
_DUE_WITHIN_S: Final = 0.3


def no_fault(engine: bootstrap.Engine, life: Life) -> None: ...


@dataclass
class Database:
    """One file, its clients, and what they were told."""

    folder: Path
    pack: Path
    name: str
    plant: Plant
    ledger: Ledger = field(init=False)
    talks: list[Talk] = field(init=False)
    told: list[Told] = field(default_factory=list)
    repeats: list[Answered] = field(default_factory=list)  # to questions that had been put twice
    killed_at: Counter[str] = field(default_factory=Counter)
    cut_off: int = 0

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.folder / "ledger.jsonl", synced=False)
        talks = range(_TALKS)
        self.talks = [Talk(f"{self.name}-{n}", self.ledger, due_within_s=_DUE_WITHIN_S) for n in talks]

    def faults(self, ended_at: datetime) -> list[str]:
        settings = settings_of(self.folder, self.pack)
        store = Store.open(settings.database)
        try:
            with store.reading() as connection:
                sound = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
            return [
                *([] if sound == ["ok"] else [f"integrity check: {sound}"]),
                *verdict.faults(store, self.ledger, ended_at),
                *verdict.attachment_faults(store, self.ledger, bootstrap.file_store(settings)),
                *self._repeat_faults(),
                *relayed.faults(store, [message for told in self.told for message in told.messages]),
            ]
        finally:
            store.close()

    def _repeat_faults(self) -> Iterator[str]:
        for repeat in self.repeats:
            first = [self.ledger.answers[key][0] for key in repeat.keys]
            if repeat.answers is not None and [each.body for each in repeat.answers] != [each.body for each in first]:
                yield f"{repeat.keys}: answered {first}, then {repeat.answers}"


class LifeFromOutside:
    """The parent's end: questions go out, what comes back is heard, until it is killed or has said all."""

    def __init__(self, database: Database, place: mmap.mmap) -> None:
        self._database = database
        self._place = place
        self._pipe, theirs = Pipe()
        self._open: dict[tuple[str, ...], Talk] = {}
        self.is_ready = False
        self.is_dead = False
        self.heard_count = 0
        settings = settings_of(database.folder, database.pack)
        self.pid = fork(functools.partial(self._be_the_child, theirs, settings))
        theirs.close()

    def _be_the_child(self, theirs: Connection, settings: Settings) -> None:
        self._pipe.close()
        Life(theirs, self._place).live(settings, self._database.plant)

    def ask_all(self) -> None:
        for talk in self._database.talks:
            self._ask(talk)

    def ask_again(self) -> None:
        """As clients do that have waited long enough."""
        for talk in list(self._open.values()):
            self._ask(talk)

    def talk_until(self, moment: float, heard: int | None = None) -> None:
        """Hear and ask on.

        Returns at that moment of the monotonic clock, with so many answers, when nobody has a question left, or dead.
        """
        try:
            while (left := moment - time.monotonic()) > 0 and (self._open or not self.is_ready):
                if heard is not None and self.is_ready and self.heard_count >= heard:
                    return
                if self._pipe.poll(left):
                    self._hear(self._pipe.recv())
        except (EOFError, OSError):
            self.is_dead = True

    def dies_within(self, seconds: float) -> bool:
        """By itself; `kill` still has to fetch what it said."""
        give_up_at = time.monotonic() + seconds
        while os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
            if time.monotonic() > give_up_at:
                return False
            time.sleep(0.005)
        return True

    @property
    def has_asked_all(self) -> bool:
        return self.is_ready and not self._open

    def kill(self) -> Place:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self._database.cut_off += len(self._open)
        self._drain()
        return Place(self._place[0])

    def end(self) -> int:
        """Let it come to rest and end by itself, hearing it out; the exit code."""
        self._pipe.send(END)
        while self._pipe.poll(_START_LIMIT_S):
            try:
                self._hear(self._pipe.recv(), asking=False)
            except EOFError:
                break
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def _drain(self) -> None:
        """What had left the process before it died was acknowledged; half a message was not."""
        try:
            while self._pipe.poll():
                self._hear(self._pipe.recv(), asking=False)
        except (EOFError, OSError):
            self._pipe.close()

    def _ask(self, talk: Talk) -> None:
        if talk.question is not None:
            self._open[talk.question.keys] = talk
            try:
                self._pipe.send(talk.question)
            except OSError:  # what it has said before it died is still to be heard
                self.is_dead = True

    def _hear(self, said: object, *, asking: bool = True) -> None:
        if said == READY:
            self.is_ready = True
            if asking:
                self.ask_all()
        elif isinstance(said, Told):
            self._database.told.append(said)
        elif isinstance(said, Answered):
            talk = self._open.pop(said.keys, None)
            if talk is None:
                self._database.repeats.append(said)
                return
            if said.answers is not None:
                self.heard_count += 1
                talk.hear(said.answers)
            if asking:
                self._ask(talk)


def kill_again_and_again(database: Database, dice: random.Random, kills: int) -> None:
    """Every sixth life ends while it opens, the others at some moment after some of their first answers.

    Counting answers instead of time, as many lives get something done on a busy machine as on an idle one.
    """
    place = mmap.mmap(-1, 1)
    for number in range(kills):
        life = LifeFromOutside(database, place)
        if number % 6 == 5:
            time.sleep(dice.uniform(0.0, _LONGEST_OPENING_S))
        else:
            life.talk_until(time.monotonic() + _START_LIMIT_S, heard=dice.randint(0, _MOST_ANSWERS))
            life.talk_until(time.monotonic() + dice.uniform(0.0, _MOMENT_S))
        database.killed_at[life.kill().name] += 1
    place.close()


def say_all(database: Database) -> None:
    """The last life, without a fault: all open questions are answered, what is due rings and leaves, nothing is new."""
    database.plant = no_fault
    place = mmap.mmap(-1, 1)
    for talk in database.talks:
        talk.end()
    life = LifeFromOutside(database, place)
    life.talk_until(time.monotonic() + _START_LIMIT_S)
    assert all(talk.question is None for talk in database.talks), "questions left open"
    code = life.end()
    assert code == 0, f"the last life ended with {code}"
    place.close()


def make_template(folder: Path, pack: Path) -> Path:
    """Tables and bundle once, not for every database."""
    template = folder / "template"
    engine = bootstrap.open_engine(settings_of(template, pack))
    engine.start(tick=False)
    engine.stop()
    return template


def databases(folder: Path, *, kills: int, seed: int, plant: Plant) -> Iterator[dict[str, object]]:
    """Judged figures of one database after another, until there were so many kills."""
    dice = random.Random(seed)  # noqa: S311 - a test's dice
    pack = trusting_pack(folder)
    template = make_template(folder, pack)
    for number in range(0, kills, LIVES):
        started = time.monotonic()
        here = folder / str(number)
        shutil.copytree(template, here)
        database = Database(here, pack, f"{seed}-{number}", plant)
        kill_again_and_again(database, dice, min(LIVES, kills - number))
        say_all(database)
        faults = database.faults(datetime.now(UTC))
        yield figures(database) | {"faults": faults, "seconds": round(time.monotonic() - started, 2)}
        if not faults:
            shutil.rmtree(here)


def figures(database: Database) -> dict[str, object]:
    kinds = Counter(str(question["kind"]) for question in database.ledger.asked.values())
    return {
        "database": database.name,
        "kills": database.killed_at.total(),
        "killed_at": dict(database.killed_at),
        "cut_off": database.cut_off,
        "asked": dict(kinds),
        "told": sum(len(told.messages) for told in database.told),
    }


def make_warm() -> None:
    """A fork inherits what was read; reading YAML is not what is tested. stdout is for what is judged."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    bootstrap.load_pack = functools.cache(load_pack)  # type: ignore[attr-defined]
    gc.collect()
    gc.freeze()  # a child's collector would copy every page it looks at


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--late", action="store_true")
    wanted = parser.parse_args()
    plant = commit_late if wanted.late else no_fault
    make_warm()
    wanted.folder.mkdir(parents=True, exist_ok=True)
    for judged in databases(wanted.folder, kills=wanted.kills, seed=wanted.seed, plant=plant):
        sys.stdout.write(json.dumps(judged, ensure_ascii=False) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
