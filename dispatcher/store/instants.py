"""Instants in the database: BIGINT microseconds since 1970 UTC, exact on both dialects."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Dialect
from sqlalchemy.types import TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_US = 86_400_000_000


def to_us(at: datetime) -> int:
    """Microseconds since the epoch of an aware datetime, without floats."""
    passed = at - EPOCH
    return passed.days * _DAY_US + passed.seconds * 1_000_000 + passed.microseconds


def from_us(us: int) -> datetime:
    return EPOCH + timedelta(microseconds=us)


def maybe_us(at: datetime | None) -> int | None:
    return None if at is None else to_us(at)


class Instant(TypeDecorator[datetime]):
    """Column type: views compare and read aware UTC datetimes, the table holds microseconds."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:  # noqa: ANN401, ARG002 (SQLAlchemy's signature)
        return maybe_us(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ANN401, ARG002 (as above)
        return None if value is None else from_us(value)
