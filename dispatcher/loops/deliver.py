"""Deliver to receivers that are one log (Kafka): read the journal from a cursor, render, hand over, move the cursor.

At least once and in order: the cursor moves only when the outlet has confirmed everything before it. Ids are made of
(incident, seq, n), so whoever reads a repeat recognises it.
"""

from collections.abc import Collection, Sequence
from typing import Final, Protocol

import msgspec

from dispatcher.metrics import Metrics
from dispatcher.service import Policies, StoredBundles
from dispatcher.store import Store
from dispatcher.views.telling import Message, Telling, ToldRow
from schemas import events as ev
from schemas import topics
from schemas.notices import OutgoingMessage

CURSOR: Final = "kafka"
_ROWS: Final = 500
_IDLE_S: Final = 0.02
_TOPICS: Final = {"incidents": topics.INCIDENTS, "deadletters": topics.DEAD_LETTERS}


class Outlet(Protocol):
    """A receiver that is one log. Raises when not everything was confirmed; nothing is then taken as sent.

    `expect` = these responders will be told things: at the start, after a failure, and when a bundle was published.
    """

    def expect(self, responders: Collection[str]) -> None: ...
    def send(self, messages: Sequence[OutgoingMessage]) -> None: ...


class Deliver:
    """One step relays up to 500 journal rows."""

    def __init__(self, store: Store, policies: Policies, outlet: Outlet, metrics: Metrics, *, adapter: str) -> None:
        self._store = store
        self._policies = policies
        self._bundles = StoredBundles(store)
        self._outlet = outlet
        self._metrics = metrics
        self._adapter = adapter
        self._position: int | None = None
        self._telling = Telling(store, lambda bundle_id: policies.compiled(bundle_id, self._bundles))

    def step(self) -> float:
        if self._position is None:
            self._outlet.expect(self._listeners())
            self._position = self._store.cursor(CURSOR)
        rows = self._store.journal_after(self._position, _ROWS)
        if not rows:
            self._metrics.relay_lag.set(0)
            return _IDLE_S
        if any(isinstance(event, ev.BundlePublished) for row in rows for event in row.events):
            self._outlet.expect(self._listeners())
        messages = self._render(rows)
        try:
            self._outlet.send(messages)
        except Exception:
            self._telling.forget()
            self._position = None
            raise
        self._store.move_cursor(CURSOR, rows[-1].position)
        self._position = rows[-1].position
        self._count(messages, rows)
        return 0.0

    def _count(self, messages: Sequence[OutgoingMessage], rows: Sequence[ev.JournalRow]) -> None:
        notices = sum(1 for message in messages if message.topic not in (topics.INCIDENTS, topics.DEAD_LETTERS))
        self._metrics.relayed.labels("notices").inc(notices)
        self._metrics.relayed.labels("incidents").inc(len(messages) - notices)
        behind = self._store.last_position() - rows[-1].position if len(rows) == _ROWS else 0
        self._metrics.relay_lag.set(behind)

    def _listeners(self) -> list[str]:
        """Responders of the bundles in force that read their topics."""
        in_force = self._bundles.active_bundles().values()
        policies = [self._policies.compiled(bundle_id, self._bundles) for bundle_id in in_force]
        everyone = [responder for policy in policies for responder in policy.responders.values()]
        return sorted({responder.id for responder in everyone if responder.adapter == self._adapter})

    def _render(self, rows: Sequence[ev.JournalRow]) -> list[OutgoingMessage]:
        told = self._telling.told(rows)
        return [self._outgoing(row, message) for row in told for message in row.messages if self._goes(row, message)]

    def _goes(self, told: ToldRow, message: Message) -> bool:
        """Notices only to responders that read their topic; whoever spoke on one (no incident) does."""
        return message.channel != "notices" or told.after is None or message.adapter == self._adapter

    @staticmethod
    def _outgoing(told: ToldRow, message: Message) -> OutgoingMessage:
        return OutgoingMessage(
            topic=topics.notices(message.to) if message.to else _TOPICS[message.channel],
            key=told.row.incident_id,
            id=message.id,
            type=message.type,
            source=f"liandong/{told.row.jurisdiction}",
            time=told.row.at,
            data=msgspec.json.encode(message.payload),
        )
