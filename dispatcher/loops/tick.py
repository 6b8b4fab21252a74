"""Alarms: what is due is fired, exactly once, never early; the state says what is due, no timer object exists."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from dispatcher.metrics import Metrics
from dispatcher.service import Writer
from dispatcher.store import Store
from schemas.commands import FireDue

MAX_SLEEP_S: Final = 0.2
_REFRESH_S: Final = 15.0
_REFRESH_SHARE: Final = 0.002  # of this thread's time: a million open incidents are counted once a minute
_BATCH: Final = 200


class Tick:
    """One step fires up to 200 due incidents, in due order, then sleeps until the next is due, 200 ms at most."""

    def __init__(
        self,
        store: Store,
        writer: Writer,
        metrics: Metrics,
        now: Callable[[], datetime],
        elapsed: Callable[[], float],
    ) -> None:
        self._store = store
        self._writer = writer
        self._metrics = metrics
        self._now = now
        self._elapsed = elapsed
        self._refresh_at = float("-inf")

    def step(self) -> float:
        now = self._now()
        next_due = self._store.next_due()
        if next_due is not None and next_due < now:
            due = self._store.due_before(now, _BATCH)
            self._writer.submit([FireDue(incident_id=incident_id, via="tick") for _, incident_id in due]).result()
            return 0.0
        if self._elapsed() > self._refresh_at:
            self._refresh()
        if next_due is None:
            return MAX_SLEEP_S
        return min(MAX_SLEEP_S, max(0.001, (next_due - now).total_seconds()))

    def _refresh(self) -> None:
        began = self._elapsed()
        self._metrics.refresh(self._store.counts())
        ended = self._elapsed()
        self._refresh_at = ended + max(_REFRESH_S, (ended - began) / _REFRESH_SHARE)
