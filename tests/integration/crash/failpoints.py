"""Where a process can fail, and how: planted into the running engine, no line of the product knows of it.

A point is one step that is done or not: a statement given to the driver, a commit, an answer, a send. A fault happens
once, at its n-th time.
"""

from __future__ import annotations

import errno
import mmap
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

from dispatcher.bootstrap import Engine
from schemas.commands import Command, FireDue
from tests.integration.crash.one_life import Life

Fault = Literal["crash before", "crash after", "error", "unknown", "delay"]
FAULTS: Final[tuple[Fault, ...]] = ("crash before", "crash after", "error", "unknown", "delay")
_DELAY_S: Final = 0.35

Step = Callable[..., Any]


class Failpoint:
    """`meets` wraps the step; `fired` is memory that outlives the process."""

    def __init__(self, fault: Fault, at: int, error: Callable[[], Exception], fired: mmap.mmap) -> None:
        self._fault = fault
        self._left = at
        self._error = error
        self._fired = fired

    def meets(self, step: Step) -> Step:
        def met(*given: Any, **named: Any) -> Any:
            self._left -= 1
            if self._left:
                return step(*given, **named)
            self._fired[0] = 1
            return self._fail(lambda: step(*given, **named))

        return met

    def _fail(self, step: Step) -> Any:
        if self._fault == "crash before":
            os.kill(os.getpid(), signal.SIGKILL)
        if self._fault == "error":
            raise self._error()
        if self._fault == "delay":
            time.sleep(_DELAY_S)
        done = step()
        if self._fault == "crash after":
            os.kill(os.getpid(), signal.SIGKILL)
        if self._fault == "unknown":
            raise self._error()
        return done


def disk_error() -> sqlite3.OperationalError:
    """As the driver raises it."""
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR
    error.sqlite_errorname = "SQLITE_IOERR"
    return error


def no_space() -> OSError:
    return OSError(errno.ENOSPC, "No space left on device")


def some_bug() -> RuntimeError:
    return RuntimeError("planted")


# ── points ────────────────────────────────────────────────────────────────────────────────────────
def _statement(start: str, *, reading: bool = False) -> Plant:
    """Whenever the driver is given a statement that begins so."""

    def plant(engine: Engine, _life: Life, point: Failpoint) -> None:
        dialect = (engine.store._reader if reading else engine.store._writer).dialect

        def only_this(step: Step) -> Step:
            failing = point.meets(step)

            def execute(cursor: object, statement: str, *rest: Any) -> Any:
                return (failing if statement.startswith(start) else step)(cursor, statement, *rest)

            return execute

        dialect.do_execute = only_this(dialect.do_execute)  # type: ignore[method-assign]
        dialect.do_executemany = only_this(dialect.do_executemany)  # type: ignore[method-assign]

    return plant


def _commit(engine: Engine, _life: Life, point: Failpoint) -> None:
    dialect = engine.store._writer.dialect
    dialect.do_commit = point.meets(dialect.do_commit)  # type: ignore[method-assign]


def _observer(engine: Engine, _life: Life, point: Failpoint) -> None:
    """Between the commit and the answer: whoever is told of it. A batch of one has nobody to blame but its command."""
    committed: Step = engine.commits.committed
    failing = point.meets(committed)

    def told(changes: object, outcomes: Sequence[object], seconds: float) -> None:
        (failing if len(outcomes) == 1 else committed)(changes, outcomes, seconds)

    engine.commits.committed = told  # type: ignore[method-assign]


def _move_cursor(engine: Engine, _life: Life, point: Failpoint) -> None:
    engine.store.move_cursor = point.meets(engine.store.move_cursor)  # type: ignore[method-assign]


def _alarm(engine: Engine, _life: Life, point: Failpoint) -> None:
    """The tick hands over what is due."""
    submit: Callable[..., Any] = engine.writer.submit
    failing = point.meets(submit)

    def submit_due(commands: list[Command], *rest: Any) -> Any:
        return (failing if isinstance(commands[0], FireDue) else submit)(commands, *rest)

    engine.writer.submit = submit_due  # type: ignore[method-assign,assignment]


def _reply(_engine: Engine, life: Life, point: Failpoint) -> None:
    """The outcomes leave for those who asked."""
    life.answer = point.meets(life.answer)  # type: ignore[method-assign]


def _relay(_engine: Engine, life: Life, point: Failpoint) -> None:
    """Messages leave for the topics."""
    life.send = point.meets(life.send)  # type: ignore[method-assign]


def _rename(_engine: Engine, _life: Life, point: Failpoint) -> None:
    """A file that is whole gets its name."""
    os.replace = point.meets(os.replace)


def _file_synced(_engine: Engine, _life: Life, point: Failpoint) -> None:
    os.fsync = point.meets(os.fsync)


Plant = Callable[[Engine, Life, Failpoint], None]
# name → how it is planted, what an error is here, at which time it happens
POINTS: Final[dict[str, tuple[Plant, Callable[[], Exception], int]]] = {
    "begin": (_statement("BEGIN IMMEDIATE"), disk_error, 5),
    "reports written": (_statement("INSERT INTO reports"), disk_error, 3),
    "incidents written": (_statement("UPDATE incidents"), disk_error, 2),
    "answers written": (_statement("INSERT INTO commands"), disk_error, 2),
    "journal written": (_statement("INSERT INTO journal"), disk_error, 3),
    "commit": (_commit, disk_error, 5),
    "told of the commit": (_observer, some_bug, 2),
    "file synced": (_file_synced, no_space, 2),
    "file renamed": (_rename, no_space, 2),
    "reply": (_reply, some_bug, 4),
    "alarm handed over": (_alarm, some_bug, 1),
    "journal read": (_statement("SELECT journal.position", reading=True), disk_error, 3),
    "relay": (_relay, disk_error, 3),
    "cursor moved": (_move_cursor, disk_error, 2),
    "cursor written": (_statement("INSERT INTO cursors"), disk_error, 2),
}
