"""How far a listener has come: a position of the journal, and which messages of that row it has."""

import re
from typing import Final, NamedTuple, Self

_WHOLE: Final = 1 << 30
_TEXT: Final = re.compile(r"(\d{1,18})(?:\.(\d{1,6}))?", re.ASCII)


class Cursor(NamedTuple):
    """All before row `position`, and of that row the messages up to number `n`; n left out = all of them.

    Written "57" or "57.2".
    """

    position: int
    n: int = _WHOLE

    @classmethod
    def read(cls, text: str) -> Self | None:
        """None = this was not written by us."""
        found = _TEXT.fullmatch(text)
        if found is None:
            return None
        return cls(int(found[1]), _WHOLE if found[2] is None else int(found[2]))

    @property
    def rows_after(self) -> int:
        """The position behind which rows are still wanted, in whole or in part."""
        return self.position if self.n == _WHOLE else self.position - 1

    def skipped(self, position: int) -> int:
        """Messages of the row at `position` up to this number are known already; -1 = none is."""
        return self.n if position == self.position else -1

    def __str__(self) -> str:
        return f"{self.position}" if self.n == _WHOLE else f"{self.position}.{self.n}"
