"""One fault at one point of one life, then on to the end; judged as the kills are.

As a program it is the warm parent: {"point": …, "fault": …} a line, answered with a line of what was found.

    python -m tests.integration.crash.failing --folder somewhere
"""

from __future__ import annotations

import argparse
import functools
import json
import mmap
import os
import shutil
import sys
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from dispatcher.bootstrap import Engine
from tests.integration.crash import failing_import
from tests.integration.crash.failpoints import POINTS, Failpoint, Fault
from tests.integration.crash.killing import Database, LifeFromOutside, make_template, make_warm, no_fault, say_all
from tests.integration.crash.one_life import Life
from tests.integration.crash.trusting_pack import trusting_pack

_LIMIT_S: Final = 20.0
_PATIENCE_S: Final = 0.25  # of a client, before it asks again
_MORE_S: Final = 0.1  # of talk after the fault


def faults_of(database: Database, point: str, fault: Fault) -> list[str]:
    """What is wrong after this fault; empty = nothing lost, nothing doubled, and the system went on."""
    place, fired = mmap.mmap(-1, 1), mmap.mmap(-1, 1)
    database.plant = functools.partial(_plant, point, fault, fired)
    life = LifeFromOutside(database, place)
    give_up_at = time.monotonic() + _LIMIT_S
    while not fired[0] and time.monotonic() < give_up_at:
        life.talk_until(time.monotonic() + _PATIENCE_S)
        life.ask_again()
    life.talk_until(time.monotonic() + _MORE_S)
    found = [] if fired[0] else ["the fault never happened"]
    database.plant = no_fault
    if fault.startswith("crash"):
        found += _died(life)
        say_all(database)
    else:
        found += _goes_on(life, database, give_up_at)
    return found + database.faults(datetime.now(UTC))


def _plant(point: str, fault: Fault, fired: mmap.mmap, engine: Engine, life: Life) -> None:
    plant, error, at = POINTS[point]
    plant(engine, life, Failpoint(fault, at, error, fired))


def _died(life: LifeFromOutside) -> list[str]:
    died = life.dies_within(_LIMIT_S)
    life.kill()
    return [] if died else ["the crash killed nobody"]


def _goes_on(life: LifeFromOutside, database: Database, give_up_at: float) -> list[str]:
    """The same process answers every question that is open, rings, relays, and ends in order."""
    for talk in database.talks:
        talk.end()
    while not life.has_asked_all and not life.is_dead and time.monotonic() < give_up_at:
        life.talk_until(time.monotonic() + _PATIENCE_S)
        life.ask_again()
    if life.is_dead or not life.has_asked_all:
        os.kill(life.pid, 9)
        return ["it did not go on"]
    code = life.end()
    return [] if code == 0 else [f"it ended with {code}"]


def _judged(here: Path, pack: Path, point: str, fault: Fault) -> list[str]:
    if point == failing_import.POINT:
        return failing_import.faults_of_import(here, pack, fault)
    database = Database(here, pack, f"{point}-{fault}", no_fault)
    found = faults_of(database, point, fault)
    return found if len(database.ledger.asked) > 5 else [*found, "next to nothing happened"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    folder = parser.parse_args().folder
    make_warm()
    pack = trusting_pack(folder)
    template = make_template(folder, pack)
    for number, line in enumerate(sys.stdin):
        order = json.loads(line)
        here = folder / str(number)
        shutil.copytree(template, here)
        try:
            found = _judged(here, pack, order["point"], order["fault"])
        except Exception:  # noqa: BLE001 - the other cases still want to be judged
            found = [traceback.format_exc()]
        sys.stdout.write(json.dumps({"faults": found}, ensure_ascii=False) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
