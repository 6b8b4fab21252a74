"""Of what a Kafka library repeats, one record in ten seconds: while a broker is away they write ten errors a second."""

import logging
import time
from collections.abc import Callable
from typing import Final

_NOISY: Final = ("kafka", "aiokafka", "faust", "mode")
_EVERY_S: Final = 10.0


class Sometimes(logging.Filter):
    """Lets a logger's records of one level through at most every ten seconds; other libraries' records always."""

    def __init__(self, elapsed: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._elapsed = elapsed
        self._told_at: dict[tuple[str, int], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] not in _NOISY:
            return True
        key, now = (record.name, record.levelno), self._elapsed()
        if now - self._told_at.get(key, -_EVERY_S) < _EVERY_S:
            return False
        self._told_at[key] = now
        return True


def calm_libraries() -> None:
    """For every handler of the root logger, which must have been set up."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(Sometimes())
