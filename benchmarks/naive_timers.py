"""The baseline of open deadlines: all are loaded by ORM when the process starts, and each gets a timer of asyncio.

    python -m benchmarks.naive_timers DATABASE READY-FILE

Once a second it looks through its list for what is late, as a scheduler that polls does.
"""

import asyncio
import random
import sqlite3
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmarks.naive_dispatcher import Base, NaiveIncident, durable_engine

_SPAN_S: Final = 3 * 86_400.0
_PAGE: Final = 10_000


def fill(database: Path, count: int) -> None:
    """So many open incidents, due within three days but not in the first hour."""
    engine = durable_engine(f"sqlite:///{database}")
    Base.metadata.create_all(engine)
    engine.dispose()
    dice, now = random.Random(1), datetime.now(UTC).replace(tzinfo=None)  # noqa: S311 - repeatable, not secret
    rows = (
        (f"{number:08d}", str(now), str(now + timedelta(seconds=dice.uniform(3_600, _SPAN_S))))
        for number in range(count)
    )
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA synchronous=OFF")
    connection.executemany(
        "INSERT INTO incidents (id, state, owner, rule, priority, opened_at, due_at)"
        " VALUES (?, 'offered', 'a', 'r', 'P3', ?, ?)",
        rows,
    )
    connection.commit()
    connection.close()


async def serve(database: str, ready: Path) -> None:
    loop = asyncio.get_running_loop()
    engine = durable_engine(f"sqlite:///{database}")
    now = datetime.now(UTC).replace(tzinfo=None)
    timers: list[asyncio.TimerHandle] = []
    with Session(engine) as session:
        for incident in session.scalars(select(NaiveIncident).execution_options(yield_per=_PAGE)):
            due_at = incident.due_at or now
            timers.append(loop.call_later((due_at - now).total_seconds(), print, incident.id, "is late"))
            session.expunge(incident)
    ready.write_text(str(len(timers)))  # noqa: ASYNC240 - nobody waits yet
    while True:
        at = loop.time()
        late = [timer for timer in timers if timer.when() < at]
        print(len(late), "late")
        await asyncio.sleep(1)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], Path(sys.argv[2])))
