"""ULIDs: 26 characters, sortable by time, unique across processes. Randomness and time come in as arguments."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from schemas.ids import TRIPLES, base32

_COUNTER_LIMIT: Final = 1 << 30


class Ulids:
    """Ids of one process. Time (10 characters) and randomness (10) are taken once a batch, the last 6 count on.

    Ids of one batch follow each other, so they name things and must never guard them.
    """

    def __init__(self, random_bytes: Callable[[int], bytes]) -> None:
        self._random_bytes = random_bytes
        self._prefix = ""
        self._counter = _COUNTER_LIMIT

    def start_batch(self, now: datetime) -> None:
        milliseconds = int(now.timestamp() * 1000)
        randomness = int.from_bytes(self._random_bytes(8), "big")
        self._prefix = (base32(milliseconds, 4) + base32(randomness, 4))[2:22]
        self._counter = randomness % (_COUNTER_LIMIT // 2)

    def next(self) -> str:
        self._counter += 1
        return self._prefix + TRIPLES[self._counter >> 15] + TRIPLES[self._counter & 0x7FFF]
