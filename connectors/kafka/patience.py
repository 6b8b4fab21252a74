"""Hand a batch over until it is taken: retry in place, never skip, and end the process when that does not help."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, NoReturn

import structlog

from connectors.kafka.settings import AWAY_LIMIT_S
from schemas.commands import Command
from schemas.outcomes import Outcome

log = structlog.get_logger(__name__)
Handle = Callable[[Sequence[Command]], Sequence[Outcome]]
_LONGEST_PAUSE_S: Final = 5.0
_EXIT_CODE: Final = 70  # EX_SOFTWARE: whoever supervises us starts us again


def end_hard(why: str) -> NoReturn:
    """End the process without a stop: nothing unacknowledged is lost, and a stop would wait for it for ever."""
    log.error("process_ended_hard", why=why)
    os._exit(_EXIT_CODE)


class PatientHandle:
    """`handle` that raises nothing: whatever it raises is taken as "the database is away".

    A batch is tried again after 0.1, 0.2, 0.4 … 5 s. After a minute, or when the process is to stop, `give_up` ends it;
    the batch was not acknowledged and comes again.
    """

    def __init__(
        self,
        handle: Handle,
        stopping: threading.Event,
        *,
        limit_s: float = AWAY_LIMIT_S,
        give_up: Callable[[str], NoReturn] = end_hard,
    ) -> None:
        self._handle = handle
        self._stopping = stopping
        self._limit_s = limit_s
        self._give_up = give_up

    def __call__(self, batch: Sequence[Command]) -> Sequence[Outcome]:
        began, pause = time.monotonic(), 0.1
        while True:
            try:
                outcomes = self._handle(batch)
            except Exception as error:  # noqa: BLE001 - the engine's errors are not ours to know
                self._bear(error, time.monotonic() - began)
            else:
                if pause > 0.1:
                    log.info("handing_over_again", batch=len(batch), after_s=round(time.monotonic() - began, 1))
                return outcomes
            self._stopping.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    def _bear(self, error: Exception, spent_s: float) -> None:
        kind = type(error).__name__
        log.warning("not_taken", error=kind, spent_s=round(spent_s, 1))
        if self._stopping.is_set():
            self._give_up(f"told to stop while a batch was not taken ({kind})")
        if spent_s > self._limit_s:
            self._give_up(f"a batch was not taken for {spent_s:.0f} s ({kind})")
