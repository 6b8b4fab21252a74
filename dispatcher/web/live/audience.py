"""Who listens to what, and how it is written: server-sent events, and the items of a poll."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from dispatcher.views.telling import Message
from dispatcher.web.live.cursors import Cursor
from dispatcher.web.live.feed import Entry, StartOver
from schemas.events import JournalRow
from schemas.incidents import Incident

_RECONNECT_MS: Final = 2000
_MOST_NAMED: Final = 100
_encode: Final = msgspec.json.Encoder().encode


class Audience(Struct, frozen=True, kw_only=True):
    """`responder` None = hears life-cycle events, else that responder's notices.

    `area` is a prefix, `category` a node with all below it.
    """

    jurisdiction: str
    responder: str | None = None
    incident: str | None = None
    category: str | None = None
    area: str | None = None

    def concerned(self, row: JournalRow) -> bool:
        """Whether the row is of its jurisdiction and about its incident."""
        return row.jurisdiction == self.jurisdiction and self.incident in (None, row.incident_id)

    def messages(self, entry: Entry, known: int = -1) -> list[Message]:
        """What it is told of a row, after message number `known`."""
        told = entry.told
        if told is None or not self.concerned(entry.row) or not self._fits(told.after):
            return []
        channel = "incidents" if self.responder is None else "notices"
        return [
            each for each in told.messages if (each.channel, each.to) == (channel, self.responder) and each.n > known
        ]

    def written(self, entry: Entry, known: int = -1) -> bytes:
        """The same as server-sent events; each is encoded once, for all who are told it."""
        found = self.messages(entry, known)
        return b"".join([_written(entry, message) for message in found])

    def _fits(self, after: Incident | None) -> bool:
        if self.category is None and self.area is None:
            return True
        if after is None:
            return False
        in_category = self.category is None or f"{after.category}/".startswith(f"{self.category}/")
        return in_category and (self.area is None or (after.area or "").startswith(self.area))


def item(row: JournalRow, message: Message) -> dict[str, object]:
    """As in a poll's answer and in an event's data: the CloudEvents id, type and time beside the data."""
    return {"id": message.id, "type": message.type, "time": row.at, "data": message.payload}


def _written(entry: Entry, message: Message) -> bytes:
    written = entry.written.get(message.n)
    if written is None:
        written = b"id: %d.%d\ndata: %b\n\n" % (entry.row.position, message.n, _encode(item(entry.row, message)))
        entry.written[message.n] = written
    return written


def greeting(cursor: Cursor) -> bytes:
    """Where the stream begins, so that a connection that breaks at once resumes there."""
    return b"retry: %d\nid: %b\n\n" % (_RECONNECT_MS, str(cursor).encode())


def heartbeat(cursor: Cursor) -> bytes:
    """A comment; the id moves a listener on who is told little, so that the journal's horizon never overtakes it."""
    return b": still here\nid: %b\n\n" % str(cursor).encode()


def reset(told: StartOver) -> bytes:
    data = {"because": told.because, "position": told.position}
    return b"event: reset\nid: %d\ndata: %b\n\n" % (told.position, _encode(data))


def changes(cursor: Cursor, entries: Sequence[Entry] | None, audience: Audience) -> bytes:
    """Which incidents changed; None, or more than 100 = any may have. Nothing when none of the audience's did."""
    ids: Iterable[str | None] = (entry.row.incident_id for entry in entries or () if audience.concerned(entry.row))
    named = list(dict.fromkeys(each for each in ids if each is not None))
    complete = entries is not None and len(named) <= _MOST_NAMED
    if complete and not named:
        return b""
    data = {"incidents": named if complete else [], "complete": complete}
    return b"event: changes\nid: %b\ndata: %b\n\n" % (str(cursor).encode(), _encode(data))
