"""Physical lines of a file, .gz or plain, with numbers and a way back.

The way back matters for CSV: an opening quote that never closes swallows the lines after it; once that shows, only its
first line is broken and the others are read again.
"""

import gzip
import io
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self


class Lines:
    """Iterator of decoded lines for a record reader. `taken` = the raw lines since the last `begin`."""

    def __init__(self, path: Path, encoding: str) -> None:
        self._file = path.open("rb")
        self._bytes: io.BufferedIOBase = self._file
        if path.suffix == ".gz":
            self._bytes = io.BufferedReader(gzip.GzipFile(fileobj=self._file), 1 << 16)
        self._encoding = encoding
        self._again: deque[bytes] = deque()
        self.taken: list[bytes] = []
        self.first = 1  # number of the first line of `taken`
        self.problem: str | None = None

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        raw = self.next_raw()
        if b"\0" in raw:
            self.problem = "holds NUL (U+0000)"
        try:
            return raw.decode(self._encoding)
        except UnicodeDecodeError:
            self.problem = f"is not {self._encoding}"
            return raw.decode("latin-1")

    def next_raw(self) -> bytes:
        """The next line's bytes. Raises StopIteration at the end, OSError or EOFError when the file is damaged."""
        raw = self._again.popleft() if self._again else self._bytes.readline()
        if not raw:
            raise StopIteration
        self.taken.append(raw)
        return raw

    def begin(self) -> None:
        """The next record starts with the next line."""
        self.first += len(self.taken)
        self.taken.clear()
        self.problem = None

    def keep_first_only(self) -> None:
        """Give all taken lines but the first back to be read again."""
        self._again.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
