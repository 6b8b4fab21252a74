"""Group commit: one writer thread takes what waits and hands it to the spine in one batch.

Two lanes. People and emergencies go first; bulk (imports, topics) gets what room is left, in turns of less than 20 ms,
so that an operator never waits long behind an import.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final, Literal

from dispatcher.service.spine import Spine
from schemas.commands import Command
from schemas.outcomes import Outcome

Lane = Literal["people", "bulk"]
MAX_BATCH: Final = 200
# What a turn is meant to take: half of what people may wait, since the next may take twice what the last did.
BULK_TURN_S: Final = 0.010
# While people are at work, which means within so many seconds of the last thing they did, it is half of that.
PEOPLE_ABOUT_S: Final = 1.0
# A turn has a price of its own (commit, round trips): below this, smaller turns only lower the pace, not the wait.
LEAST_BULK: Final = 50


class WriterStopped(Exception):
    """The process is shutting down; nothing was acknowledged."""


@dataclass(slots=True)
class _Waiting:
    commands: Sequence[Command]
    future: "Future[list[Outcome]]" = field(default_factory=Future)


class Writer:
    """The only caller of `Spine.handle` in its process."""

    def __init__(self, spine: Spine, elapsed: Callable[[], float]) -> None:
        self._spine = spine
        self._elapsed = elapsed
        self._lanes: dict[Lane, deque[_Waiting]] = {"people": deque(), "bulk": deque()}
        self._something = threading.Condition()
        self._stopping = False
        self._bulk_size = LEAST_BULK
        self._people_at = float("-inf")
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish what waits, then end."""
        with self._something:
            self._stopping = True
            self._something.notify()
        self._thread.join()

    def submit(self, commands: Sequence[Command], lane: Lane = "people") -> "Future[list[Outcome]]":
        """Outcomes of these commands in order, once committed.

        The future raises StoreUnavailable when nothing was acknowledged. Commands of one call are committed together
        up to 200 of them, beyond that in pieces: a failure then may leave earlier pieces committed, and a retry finds
        them by their keys.
        """
        waiting = _Waiting(commands)
        with self._something:
            if self._stopping:
                raise WriterStopped
            self._lanes[lane].append(waiting)
            self._something.notify()
        return waiting.future

    @property
    def alive(self) -> bool:
        """Whether somebody answers what is submitted."""
        return self._thread.is_alive()

    @property
    def waiting_count(self) -> int:
        """Calls not yet taken up."""
        return sum(len(lane) for lane in self._lanes.values())

    def _run(self) -> None:
        while True:
            with self._something:
                while not any(self._lanes.values()):
                    if self._stopping:
                        return
                    self._something.wait()
                lane: Lane = "people" if self._lanes["people"] else "bulk"
            self._turn(lane)

    def _turn(self, lane: Lane) -> None:
        taken = self._take(lane)
        batch = [command for waiting in taken for command in waiting.commands]
        outcomes: list[Outcome] = []
        try:
            while len(outcomes) < len(batch):
                if outcomes and lane == "bulk" and self._lanes["people"]:
                    self._turn("people")
                start = len(outcomes)
                outcomes.extend(self._handle(lane, batch[start : start + self._size_of(lane)]))
        except BaseException as error:  # noqa: BLE001 - the callers must hear of it, whatever it is
            for waiting in taken:
                waiting.future.set_exception(error)
            return
        place = 0
        for waiting in taken:
            waiting.future.set_result(outcomes[place : place + len(waiting.commands)])
            place += len(waiting.commands)

    def _take(self, lane: Lane) -> list[_Waiting]:
        limit = self._size_of(lane)
        taken: list[_Waiting] = []
        count = 0
        with self._something:
            waiting = self._lanes[lane]
            while waiting and (not taken or count + len(waiting[0].commands) <= limit):
                call = waiting.popleft()
                if call.future.set_running_or_notify_cancel():  # from here on it cannot be cancelled
                    taken.append(call)
                    count += len(call.commands)
        return taken

    def _size_of(self, lane: Lane) -> int:
        if lane == "people":
            return MAX_BATCH
        about = self._elapsed() - self._people_at < PEOPLE_ABOUT_S
        return max(LEAST_BULK, self._bulk_size // 2) if about else self._bulk_size

    def _handle(self, lane: Lane, batch: Sequence[Command]) -> list[Outcome]:
        is_full = len(batch) >= self._size_of(lane)
        started = self._elapsed()
        outcomes = self._spine.handle(batch)
        ended = self._elapsed()
        seconds = ended - started
        if lane == "people":
            self._people_at = ended
        elif seconds > 0 and is_full:  # a turn that was not full teaches nothing
            self._bulk_size = max(LEAST_BULK, min(MAX_BATCH, int(len(batch) * BULK_TURN_S / seconds)))
        return outcomes
