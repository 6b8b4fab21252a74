"""Names of headers that are no UTF-8 must not stop a topic.

Kafka takes any bytes as the name of a header. aiokafka 0.14 and kafka-python 3.0 decode them while unpacking a fetch,
and raise again at every poll: one such message would stop its partition for ever, and with it the one consumer that
reads all departments' commands. Here the record is unpacked once more with replacement marks in the name.

This reaches into both libraries (their versions are pinned); tests/integration/kafka shows that it still holds.
"""

# ruff: noqa: SLF001 - that is what it is about
from collections.abc import Iterator
from typing import Any, SupportsIndex, overload

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy
from kafka.record.default_records import DefaultRecordBatch

_fetcher: Any = fetcher
_kafka_python_batch: Any = DefaultRecordBatch
_FAST_RECORDS: Any = _fetcher.MemoryRecords


def forgive_foreign_headers() -> None:
    """For all consumers of this process; doing it again changes nothing."""
    _kafka_python_batch._read_msg = _read_forgiving
    _fetcher.MemoryRecords = _Records


class _Forgiving(bytearray):
    """Bytes whose slices decode whatever is in them."""

    @overload
    def __getitem__(self, where: SupportsIndex) -> int: ...
    @overload
    def __getitem__(self, where: slice) -> "_Forgiving": ...
    def __getitem__(self, where: SupportsIndex | slice) -> "int | _Forgiving":
        if isinstance(where, slice):
            return _Forgiving(super().__getitem__(where))
        return super().__getitem__(where)

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:  # noqa: ARG002 - bytearray's signature
        return super().decode(encoding, "replace")


# ── kafka-python ──────────────────────────────────────────────────────────────────────────────────
_read_strictly: Any = _kafka_python_batch._read_msg


def _read_forgiving(batch: Any) -> Any:  # noqa: ANN401 - kafka-python has no types
    """The next record; the strict reading moves on only when it succeeds, so it can be repeated."""
    try:
        return _read_strictly(batch)
    except UnicodeDecodeError:
        batch._buffer = _Forgiving(batch._buffer)
        return _read_strictly(batch)


# ── aiokafka ──────────────────────────────────────────────────────────────────────────────────────
class _Records:
    """A fetch, unpacked in C; a batch in which that fails is unpacked in Python."""

    def __init__(self, fetched: bytes) -> None:
        self._fetched = fetched
        self._fast = _FAST_RECORDS(fetched)
        self._taken = 0

    def size_in_bytes(self) -> int:
        return int(self._fast.size_in_bytes())

    def has_next(self) -> bool:
        return bool(self._fast.has_next())

    def next_batch(self) -> "_Batch":
        self._taken += 1
        return _Batch(self._fast.next_batch(), self._fetched, self._taken - 1)


class _Batch:
    def __init__(self, fast: Any, fetched: bytes, number: int) -> None:  # noqa: ANN401 - made in C
        self._fast = fast
        self._fetched = fetched
        self._number = number

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the batch has
        return getattr(self._fast, name)

    def __next__(self) -> Any:  # noqa: ANN401 - a record
        return next(self._fast)

    def __iter__(self) -> Iterator[Any]:
        unpacked = -1
        try:
            for record in self._fast:
                yield record
                unpacked = record.offset
        except UnicodeDecodeError:
            yield from (record for record in self._slowly() if record.offset > unpacked)

    def _slowly(self) -> _DefaultRecordBatchPy:
        records = _MemoryRecordsPy(self._fetched)
        for _ in range(self._number):
            records.next_batch()
        if records._next_slice is None:
            raise AssertionError(self._number)
        batch = _DefaultRecordBatchPy(records._next_slice)
        batch._maybe_uncompress()
        batch._buffer = _Forgiving(batch._buffer)
        return batch
