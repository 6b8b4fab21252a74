"""Deletes files that are not needed: of what was erased at once, of what was never used after a day."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog

from dispatcher.service.file_keeper import FileKeeper

log = structlog.get_logger(__name__)
_LOOK_S: Final = 5.0
_SWEEP_S: Final = 3600.0


class FileSweep:
    """One step deletes what was erased; once an hour, and at the start, also what nobody used."""

    def __init__(self, keeper: FileKeeper, now: Callable[[], datetime], elapsed: Callable[[], float]) -> None:
        self._keeper = keeper
        self._now = now
        self._elapsed = elapsed
        self._swept = float("-inf")

    def step(self) -> float:
        try:
            while self._keeper.delete_erased():
                pass
            if self._elapsed() - self._swept > _SWEEP_S:
                self._swept = self._elapsed()
                count = self._keeper.sweep(self._now())
                log.info("files_swept", deleted=count)
        except OSError as error:  # nothing that makes the engine unready: it is tried again
            log.warning("file_store_away", error=type(error).__name__)
        return _LOOK_S
