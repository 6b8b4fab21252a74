"""Rows of attachments: what a file is, whose it is, and whether anybody still needs its bytes."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, or_, select, update

from dispatcher.store.changes import BoundAttachment, NewAttachment
from dispatcher.store.dialect import Row
from dispatcher.store.errors import Conflict
from dispatcher.store.found import StoredAttachment
from dispatcher.store.instants import to_us
from dispatcher.store.tables import attachments
from schemas.reports import Attachment

Came = Mapping[str, Attachment]  # by id; the events say in which order
_row: Final = attachments.c


def attachment_row(new: NewAttachment) -> Row:
    unused = (None, None)
    return (
        new.attachment_id,
        new.jurisdiction,
        new.media_type,
        new.size,
        new.width,
        new.height,
        new.sha256,
        new.thumbnail,
        *unused,
        to_us(new.at),
        None,
    )


def attachment_of(row: NewAttachment | StoredAttachment) -> Attachment:
    """What people are told of it."""
    return Attachment(
        attachment_id=row.attachment_id,
        media_type=row.media_type,
        size=row.size,
        width=row.width,
        height=row.height,
    )


def read_attachments(connection: Connection, attachment_ids: Collection[str]) -> dict[str, StoredAttachment]:
    """By id; unknown ones are absent."""
    if not attachment_ids:
        return {}
    named = select(attachments).where(_row.attachment_id.in_(sorted(attachment_ids)))
    return {row["attachment_id"]: StoredAttachment(**row) for row in connection.execute(named).mappings()}


def attachments_of(connection: Connection, body_refs: Collection[str]) -> Came:
    """What came with these bodies and is not erased."""
    if not body_refs:
        return {}
    kept = select(attachments).where(_row.body_ref.in_(sorted(body_refs)), _row.erased_at.is_(None))
    rows = (StoredAttachment(**row) for row in connection.execute(kept).mappings())
    return {row.attachment_id: attachment_of(row) for row in rows}


def bind(connection: Connection, bound: Sequence[BoundAttachment]) -> None:
    """Give them to their bodies. Raises Conflict when one was used or dropped since it was looked up."""
    free = (_row.body_ref.is_(None), _row.erased_at.is_(None))
    for each in sorted(bound, key=lambda each: each.attachment_id):
        mine = update(attachments).where(_row.attachment_id == each.attachment_id, *free)
        done = connection.execute(mine.values(body_ref=each.body_ref, incident_id=each.incident_id))
        if done.rowcount != 1:
            raise Conflict("an attachment was used or dropped since it was looked up")


def erase_attachments(connection: Connection, body_refs: Collection[str], at: datetime) -> None:
    """Nobody may read them from here on; their files go when `erased_files` was asked for them."""
    if body_refs:
        theirs = update(attachments).where(_row.body_ref.in_(sorted(body_refs)), _row.erased_at.is_(None))
        connection.execute(theirs.values(erased_at=at))


def drop_unused(connection: Connection, before: datetime) -> int:
    """Forget what was sent before then and never used; returns how many."""
    return connection.execute(delete(attachments).where(_row.body_ref.is_(None), _row.at < before)).rowcount


def erased_files(connection: Connection, limit: int) -> list[str]:
    """Names of files of erased attachments that were not forgotten yet; another one may still need them."""
    gone = select(_row.sha256, _row.thumbnail).where(_row.erased_at.is_not(None), _row.sha256.is_not(None))
    rows = connection.execute(gone.order_by(_row.erased_at).limit(limit))
    return sorted({name for row in rows for name in row if name is not None})


def needed_files(connection: Connection, names: Collection[str]) -> set[str]:
    """Those of the names that some attachment still has."""
    listed = sorted(names)
    for_whom = or_(_row.sha256.in_(listed), _row.thumbnail.in_(listed))
    rows = connection.execute(select(_row.sha256, _row.thumbnail).where(for_whom, _row.erased_at.is_(None)))
    return {name for row in rows for name in row} & set(names)


def forget_files(connection: Connection, names: Collection[str]) -> None:
    """Erased attachments of these files do not know them any more: a hash, too, tells something of a picture."""
    listed, erased = sorted(names), _row.erased_at.is_not(None)
    gone = update(attachments).where(erased, _row.sha256.in_(listed))
    connection.execute(gone.values(sha256=None, thumbnail=None))
