"""Operators who claim from one list, as the web does it: `carry_out` on an engine, no HTTP.

    python -m benchmarks.claiming '{"side": "ours", "database": URL, "folder": …, "operators": 50, "shown": 50, …}'

`side`: `ours` | `naive` = operators of two departments choose from a screen of the list's first `shown` until nothing
is left; what is claimed leaves the screen. `races` = on every incident of the list two departments at the same moment.
Writes one JSON object into the file `told`: `double` (races won by both or neither), `took_ms` of each try, `cpu_s`,
`began_at` (the first claim; later than asked for when starting took long), `ended_at`.
"""

import asyncio
import json
import random
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import uvloop
from sqlalchemy import select

from benchmarks.naive_claims import NaiveDesk
from dispatcher.bootstrap import Engine, open_engine
from dispatcher.cli.processes import settle
from dispatcher.logs import configure_logs
from dispatcher.settings import Settings
from dispatcher.store import Store, tables
from dispatcher.web.engine import carry_out
from schemas.command_bodies import ClaimBody
from schemas.commands import ClaimIncident
from schemas.outcomes import Done, Outcome, Refused
from schemas.refusals import AlreadyClaimed

RIVALS: Final = ("sanitation", "property-management")
CATEGORY: Final = "sanitation/garbage"  # the pack offers it to both
_AHEAD: Final = 200
_FOLLOW_S: Final = 0.02
_FOLLOWED: Final = 1_000


class Screen:
    """The first `count` of the list as one process shows them; `more` = what follows an id, read some pages ahead."""

    def __init__(self, more: Callable[[str, int], Sequence[str]], count: int, seed: int) -> None:
        self._more = more
        self._count = count
        self._ahead: deque[str] = deque()
        self._last = ""
        self._dice = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self._shown: list[str] = []
        self._fill()

    def choose(self) -> str | None:
        """One of those shown; None = nothing is left."""
        return self._dice.choice(self._shown) if self._shown else None

    def gone(self, incident_id: str) -> None:
        if incident_id in self._shown:
            self._shown.remove(incident_id)
            self._fill()

    def _fill(self) -> None:
        while len(self._shown) < self._count:
            if not self._ahead:
                self._ahead.extend(self._more(self._last, _AHEAD))
                if not self._ahead:
                    return
                self._last = self._ahead[-1]
            self._shown.append(self._ahead.popleft())


async def claim(engine: Engine, incident_id: str, responder: str) -> tuple[Outcome, float]:
    """The outcome and the milliseconds it took."""
    began = time.perf_counter()
    command = ClaimIncident(incident_id=incident_id, sender=responder, body=ClaimBody(responder=responder))
    outcome = (await carry_out(engine, [command]))[0]
    return outcome, (time.perf_counter() - began) * 1e3


async def claim_all(engine: Engine, screen: Screen, operators: int) -> list[float]:
    """Milliseconds of each try. Meanwhile what other processes claimed leaves the screen, as on a page that follows."""
    took_ms: list[float] = []
    following = asyncio.create_task(follow(engine.store, screen)) if engine.settings.database_clock else None

    async def operate(responder: str) -> None:
        while (incident_id := screen.choose()) is not None:
            outcome, ms = await claim(engine, incident_id, responder)
            took_ms.append(ms)
            screen.gone(incident_id)
            assert isinstance(outcome, Done) or isinstance(outcome.refusal, AlreadyClaimed), outcome  # type: ignore[union-attr]

    await asyncio.gather(*(operate(RIVALS[number % 2]) for number in range(operators)))
    if following is not None:
        following.cancel()
    return took_ms


async def follow(store: Store, screen: Screen) -> None:
    position = store.last_position()
    while True:
        await asyncio.sleep(_FOLLOW_S)
        for row in store.journal_after(position, _FOLLOWED):
            position = row.position
            screen.gone(row.incident_id or "")


async def race_all(engine: Engine, incidents: Sequence[str], pairs: int, *, seed: int) -> tuple[list[float], list[str]]:
    """Milliseconds of each try, and the incidents that were not won by exactly one, who the other was told about."""
    took_ms: list[float] = []
    unfair: list[str] = []
    dice, rest = random.Random(seed), iter(incidents)  # noqa: S311 - repeatable, not secret

    async def race() -> None:
        for incident_id in rest:
            rivals = dice.sample(RIVALS, k=2)
            tries = await asyncio.gather(*(claim(engine, incident_id, responder) for responder in rivals))
            took_ms.extend(ms for _, ms in tries)
            if not is_fair([outcome for outcome, _ in tries]):
                unfair.append(incident_id)

    await asyncio.gather(*(race() for _ in range(pairs)))
    return took_ms, unfair


def is_fair(outcomes: Sequence[Outcome]) -> bool:
    """One holds it since an instant, and each other was told so."""
    held = {(each.answer.holder, each.answer.claimed_at) for each in outcomes if isinstance(each, Done)}
    refusals = [each.refusal for each in outcomes if isinstance(each, Refused)]
    told = {(no.holder, no.claimed_at) for no in refusals if isinstance(no, AlreadyClaimed)}
    return len(held) == 1 and held == told and len(refusals) == len(outcomes) - 1


def on_offer(store: Store) -> Callable[[str, int], Sequence[str]]:
    """The list of the first rival's department, in order of id."""
    party = tables.parties.c
    offered = select(party.incident_id).where(
        party.jurisdiction == store.jurisdictions()[0], party.responder == RIVALS[0], party.state == "offered"
    )

    def more(after: str, count: int) -> Sequence[str]:
        with store.reading() as connection:
            rows = offered.where(party.incident_id > after).order_by(party.incident_id).limit(count)
            return list(connection.execute(rows).scalars())

    return more


def work(side: str, settings: dict[str, Any]) -> dict[str, Any]:
    if side == "naive":
        desk = NaiveDesk(settings["database"])
        return _told(settings, lambda: (_naively(desk, _screen(desk.on_offer, settings), _operators(settings)), []))
    folder = Path(settings["folder"])
    engine = open_engine(Settings(database=settings["database"], var=folder, database_clock=settings["shared"]))
    engine.start(tick=False)
    more = on_offer(engine.store)
    settle()
    if side == "ours":
        screen = _screen(more, settings)
        told = _told(settings, lambda: (uvloop.run(claim_all(engine, screen, _operators(settings))), []))
    else:
        listed, pairs = more("", settings["races"]), _operators(settings) // 2
        told = _told(settings, lambda: uvloop.run(race_all(engine, listed, pairs, seed=settings["seed"])))
    engine.stop()
    return told


def _screen(more: Callable[[str, int], Sequence[str]], settings: dict[str, Any]) -> Screen:
    return Screen(more, settings["shown"], settings["seed"])


def _operators(settings: dict[str, Any]) -> int:
    return int(settings["operators"])


def _told(settings: dict[str, Any], run: Callable[[], tuple[list[float], list[str]]]) -> dict[str, Any]:
    time.sleep(max(0.0, settings["begin_at"] - time.time()))
    began_at, cpu_s = time.time(), time.process_time()
    took_ms, unfair = run()
    cpu_s, ended_at = time.process_time() - cpu_s, time.time()
    rounded = [round(ms, 3) for ms in took_ms]
    return {"double": len(unfair), "took_ms": rounded, "cpu_s": cpu_s, "began_at": began_at, "ended_at": ended_at}


def _naively(desk: NaiveDesk, screen: Screen, operators: int) -> list[float]:
    took_ms: list[float] = []
    looking = threading.Lock()

    def operate(responder: str) -> None:
        while True:
            with looking:
                incident_id = screen.choose()
            if incident_id is None:
                return
            began = time.perf_counter()
            desk.claim(incident_id, responder)
            took_ms.append((time.perf_counter() - began) * 1e3)
            with looking:
                screen.gone(incident_id)

    threads = [threading.Thread(target=operate, args=(RIVALS[number % 2],)) for number in range(operators)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took_ms


if __name__ == "__main__":
    configure_logs("ERROR")
    given = json.loads(sys.argv[1])
    Path(given["told"]).write_text(json.dumps(work(given.pop("side"), given)), encoding="utf-8")
