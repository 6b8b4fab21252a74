"""Erasing: the one place where personal data goes for good, wherever this database keeps it.

Journal, dedupe keys and the incident's state hold none, so they stay as they are, and so does the chain.
"""

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import Connection, select

from dispatcher.store.attachments import erase_attachments
from dispatcher.store.changes import Erasure
from dispatcher.store.dialect import Dialect, Row
from dispatcher.store.instants import to_us
from dispatcher.store.queue_rows import forget_words
from dispatcher.store.tables import bodies

_BODIES: Final = "UPDATE bodies SET text = NULL, doc = NULL, lat = NULL, lon = NULL WHERE ref = ?"
_LETTERS: Final = (
    "UPDATE letters SET raw = ?, fixed = NULL, headers = ?, erased_at = ?,"
    " state = CASE state WHEN 'open' THEN 'discarded' ELSE state END WHERE letter_id = ?"
)

# Until the file was written anew, also over a restart.
UNSCRUBBED: Final = "unscrubbed"
_REMEMBER: Final = (
    "INSERT INTO cursors (name, position) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET position = excluded.position"
)


def kept_refs(connection: Connection, refs: Collection[str]) -> list[str]:
    """Those of the refs under which something is still kept, sorted."""
    question = select(bodies.c.ref).where(bodies.c.ref.in_(list(refs)), bodies.c.doc.is_not(None))
    return sorted(connection.execute(question).scalars()) if refs else []


def erase(connection: Connection, dialect: Dialect, erasure: Erasure) -> None:
    """Empty the rows, which stay: an erased body is known to have been there. Files go after the commit."""
    erase_attachments(connection, erasure.refs, erasure.at)
    _run(connection, dialect, _BODIES, [(ref,) for ref in erasure.refs])
    forget_words(connection, dialect, _incidents_of(connection, erasure.refs))
    _run(connection, dialect, _LETTERS, [(b"", b"{}", to_us(erasure.at), each) for each in erasure.letter_ids])
    _run(connection, dialect, _REMEMBER, [(UNSCRUBBED,)])


def _incidents_of(connection: Connection, refs: Collection[str]) -> list[str]:
    question = select(bodies.c.incident_id).where(bodies.c.ref.in_(list(refs))).distinct()
    return sorted(connection.execute(question).scalars()) if refs else []


def _run(connection: Connection, dialect: Dialect, statement: str, rows: Sequence[Row]) -> None:
    if rows:
        connection.exec_driver_sql(statement.replace("?", dialect.placeholder), list(rows))
