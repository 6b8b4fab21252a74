"""ULIDs: 26 characters, sortable by time, unique across processes. Randomness and time come in as arguments."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TRIPLES: Final = [a + b + c for a in _ALPHABET for b in _ALPHABET for c in _ALPHABET]
_COUNTER_LIMIT: Final = 1 << 30


def _base32(value: int, triples: int) -> str:
    return "".join(_TRIPLES[(value >> (15 * place)) & 0x7FFF] for place in reversed(range(triples)))


def derived(at: datetime, key: bytes) -> str:
    """The id of this instant and key (10 bytes of it count), the same whenever it is made."""
    return _base32(int(at.timestamp() * 1000), 4)[2:] + _base32(int.from_bytes(key[:10], "big"), 6)[2:]


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
        self._prefix = (_base32(milliseconds, 4) + _base32(randomness, 4))[2:22]
        self._counter = randomness % (_COUNTER_LIMIT // 2)

    def next(self) -> str:
        self._counter += 1
        return self._prefix + _TRIPLES[self._counter >> 15] + _TRIPLES[self._counter & 0x7FFF]
