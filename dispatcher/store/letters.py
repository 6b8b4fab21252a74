"""Dead letters: read with their bytes, and changed when somebody put them right or gave them up."""

from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Select, select

from dispatcher.store.changes import ChangedLetter
from dispatcher.store.dialect import Dialect
from dispatcher.store.found import Letter
from dispatcher.store.instants import maybe_us
from dispatcher.store.tables import letters
from dispatcher.store.texts import storable

_UPDATE: Final = (
    "UPDATE letters SET reason = ?, state = ?, fixed = ?, report_id = ?, incident_id = ?, answer = ?, settled_at = ?"
    " WHERE letter_id = ?"
)
_headers = msgspec.json.Decoder(dict[str, str]).decode


def read_letters(connection: Connection, letter_ids: Collection[str], *, locked: bool = False) -> dict[str, Letter]:
    """Letters by id, `locked` until commit in order of id; unknown ones are absent."""
    if not letter_ids:
        return {}
    question = select(letters).where(letters.c.letter_id.in_(sorted(set(letter_ids)))).order_by(letters.c.letter_id)
    return {
        letter.letter_id: letter for letter in _read(connection, question.with_for_update() if locked else question)
    }


def letters_of_reports(connection: Connection, report_ids: Collection[str]) -> list[str]:
    """Ids of the letters from which these reports came and whose bytes are still there."""
    question = select(letters.c.letter_id).where(
        letters.c.report_id.is_not(None), letters.c.report_id.in_(list(report_ids)), letters.c.erased_at.is_(None)
    )
    return list(connection.execute(question.order_by(letters.c.letter_id)).scalars()) if report_ids else []


def update(connection: Connection, dialect: Dialect, changed: Sequence[ChangedLetter]) -> None:
    rows = [
        (
            storable(letter.reason),
            letter.state,
            letter.fixed,
            letter.report_id,
            letter.incident_id,
            letter.answer,
            maybe_us(letter.settled_at),
            letter.letter_id,
        )
        for letter in changed
    ]
    connection.exec_driver_sql(_UPDATE.replace("?", dialect.placeholder), rows)


def _read(connection: Connection, question: Select[Any]) -> list[Letter]:
    return [
        Letter(
            letter_id=row.letter_id,
            jurisdiction=row.jurisdiction,
            origin=row.origin,
            reason=row.reason,
            raw=row.raw,
            headers=_headers(row.headers),
            at=row.at,
            state=row.state,
            fixed=row.fixed,
            report_id=row.report_id,
            incident_id=row.incident_id,
            answer=row.answer,
            settled_at=row.settled_at,
            erased_at=row.erased_at,
        )
        for row in connection.execute(question)
    ]
