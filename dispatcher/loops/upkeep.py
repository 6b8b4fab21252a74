"""What has had its time goes: old dedupe keys, and what the database's files still remember of erased texts."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import structlog

from dispatcher.store import Store

log = structlog.get_logger(__name__)
# Deleting a key touches an index page of its own: so many take the writer about 10 ms, and nobody waits longer for it.
KEYS_AT_ONCE: Final = 200
_LOOK_S: Final = 15.0
_SOON_S: Final = 1.0
_WHEN_NONE_IS_OLD_S: Final = 600.0


class Upkeep:
    """One step looks for keys older than `keep`, again soon while there are more, else every ten minutes."""

    def __init__(
        self, store: Store, keep: timedelta, now: Callable[[], datetime], elapsed: Callable[[], float]
    ) -> None:
        self._store = store
        self._keep = keep
        self._now = now
        self._elapsed = elapsed
        self._purge_at = float("-inf")
        self._has_told = False

    def step(self) -> float:
        self._store.forget_erased()
        if not self._store.scrub_erased() and not self._has_told:
            self._has_told = True
            log.warning("erased_texts_in_slack", do="liandong compact, when the server is stopped")
        if self._elapsed() < self._purge_at:
            return _LOOK_S
        if self._store.purge_keys(self._now() - self._keep, KEYS_AT_ONCE) >= KEYS_AT_ONCE:
            return _SOON_S
        self._purge_at = self._elapsed() + _WHEN_NONE_IS_OLD_S
        return _LOOK_S
