"""How ids look: ULIDs, 26 characters that begin with their millisecond, so that ids sort and compare as instants do."""

from datetime import datetime
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
TRIPLES: Final = [a + b + c for a in ALPHABET for b in ALPHABET for c in ALPHABET]
ULID: Final = "[0-9A-HJKMNP-TV-Z]{26}"
"""Pattern of a whole id."""


def base32(value: int, triples: int) -> str:
    """The last `triples` * 15 bits, three characters for each 15."""
    return "".join(TRIPLES[(value >> (15 * place)) & 0x7FFF] for place in reversed(range(triples)))


def derived(at: datetime, key: bytes) -> str:
    """The id of this instant and key (10 bytes of it count), the same whenever it is made."""
    return _instant(int(at.timestamp() * 1000)) + base32(int.from_bytes(key[:10], "big"), 6)[2:]


def first_since(at: datetime) -> str:
    """Not larger than any id made at `at` or later."""
    return _instant(max(0, int(at.timestamp() * 1000)))


def _instant(milliseconds: int) -> str:
    return base32(milliseconds, 4)[2:]
