"""One narrow row per incident for lists and the search; the columns that served them before go."""

import json
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_AT_ONCE = 1000
_LONGEST_WORDS = 4000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_queue = sa.table(
    "queue",
    *(sa.column(name) for name in ("jurisdiction", "rank", "incident_id", "state")),
    *(
        sa.column(name)
        for name in ("clock_started_at", "clock_due_at", "category", "area", "cell", "place_key", "words")
    ),
)


def upgrade() -> None:
    op.create_table(
        "queue",
        _text("jurisdiction"),
        _text("rank"),
        _text("incident_id"),
        _text("state"),
        sa.Column("clock_started_at", sa.BigInteger),
        sa.Column("clock_due_at", sa.BigInteger),
        _text("category", nullable=True),
        _text("area", nullable=True),
        _text("cell", nullable=True),
        _text("place_key", nullable=True),
        _text("words"),
        sa.PrimaryKeyConstraint("jurisdiction", "rank", "incident_id"),
        sqlite_with_rowid=False,
    )
    _fill()
    for name in ("claim_due_at", "resolution_due_at", "priority", "area"):
        op.drop_column("incidents", name)


def _fill() -> None:
    connection = op.get_bind()
    words: dict[str, str] = {}
    for incident_id, kind, doc in _pages(connection, "SELECT ref, incident_id, kind, doc FROM bodies", "ref"):
        if doc and len(words.get(incident_id, "")) < _LONGEST_WORDS and (told := _words(kind, bytes(doc))):
            words[incident_id] = words.get(incident_id, "") + told + "\n"
    rows: list[dict[str, Any]] = []
    for (doc,) in _pages(connection, "SELECT id, doc FROM incidents", "id"):
        rows.append(_row(json.loads(bytes(doc)), words))
        if len(rows) == _AT_ONCE:
            connection.execute(sa.insert(_queue), rows)
            rows = []
    if rows:
        connection.execute(sa.insert(_queue), rows)


def _pages(connection: sa.Connection, question: str, key: str) -> Iterator[tuple[Any, ...]]:
    """All rows without their key, a thousand at a time."""
    after = ""
    statement = sa.text(f"{question} WHERE {key} > :after ORDER BY {key} LIMIT {_AT_ONCE}")
    while rows := connection.execute(statement, {"after": after}).all():
        yield from (tuple(row[1:]) for row in rows)
        after = rows[-1][0]


def _row(incident: dict[str, Any], words: dict[str, str]) -> dict[str, Any]:
    running = [clock for clock in incident.get("clocks", ()) if "stopped_at" not in clock]
    first = min(running, key=lambda clock: _us(clock["due_at"]), default=None)
    return {
        "jurisdiction": incident["jurisdiction"],
        "rank": incident["priority"] if incident["state"] in ("offered", "claimed") else "",
        "incident_id": incident["id"],
        "state": incident["state"],
        "clock_started_at": first and _us(first["started_at"]),
        "clock_due_at": first and _us(first["due_at"]),
        "category": incident.get("category"),
        "area": incident.get("area"),
        "cell": incident.get("cell"),
        "place_key": incident.get("place_key"),
        "words": words.get(incident["id"], ""),
    }


def _words(kind: str, doc: bytes) -> str:
    told = json.loads(doc)
    parts = (told.get("text"), told.get("place")) if kind == "report" else told.values()
    text = "\n".join(part for part in parts if isinstance(part, str)).replace("\0", "\ufffd")
    return unicodedata.normalize("NFKC", text).casefold()[:_LONGEST_WORDS]


def _us(at: str) -> int:
    return (datetime.fromisoformat(at) - _EPOCH) // timedelta(microseconds=1)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, _WORDS, nullable=nullable)
