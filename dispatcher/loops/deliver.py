"""Deliver to receivers that are one log (Kafka): read the journal from a cursor, render, hand over, move the cursor.

At least once and in order: the cursor moves only when the outlet has confirmed everything before it. Ids are made of
(incident, seq, n), so whoever reads a repeat recognises it.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from typing import Final, Protocol

import msgspec

from dispatcher.core import apply_row
from dispatcher.loops.masking import masked
from dispatcher.loops.notices import notices_of
from dispatcher.metrics import Metrics
from dispatcher.service import Policies, StoredBundles
from dispatcher.store import Body, Store
from schemas import events as ev
from schemas import topics
from schemas.incidents import Incident
from schemas.notices import IncidentEventTold, OutgoingMessage
from schemas.reports import Report

CURSOR: Final = "kafka"
_ROWS: Final = 500
_IDLE_S: Final = 0.02
_REMEMBERED: Final = 20_000
_NOT_TOLD: Final = (ev.ReportReceived, ev.ReporterRead, ev.CommandAccepted, ev.CommandRefused)


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
        self._states: OrderedDict[str, Incident] = OrderedDict()

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
            self._states.clear()
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
        folded = [(row, self._fold(row)) for row in rows]
        bodies = self._store.bodies({state.report_id for _, state in folded if state and self._may_tell(state)})
        return [message for row, after in folded for message in self._messages(row, after, bodies)]

    def _fold(self, row: ev.JournalRow) -> Incident | None:
        """The incident as it stood after this row, from memory or from its own rows."""
        if row.incident_id is None:
            return None
        before = self._states.get(row.incident_id)
        if before is not None and before.seq >= row.seq:
            before = None
        if before is None and row.seq > 1:
            for earlier in self._store.journal_of(row.incident_id, row.seq - 1):
                before = apply_row(before, earlier.seq, earlier.events)
        after = apply_row(before, row.seq, row.events)
        self._states[row.incident_id] = after
        self._states.move_to_end(row.incident_id)
        while len(self._states) > _REMEMBERED:
            self._states.popitem(last=False)
        return after

    def _may_tell(self, incident: Incident) -> bool:
        category = self._policies.compiled(incident.bundle, self._bundles).categories.get(incident.category or "")
        return category is not None and category.summary

    def _messages(
        self, row: ev.JournalRow, after: Incident | None, bodies: dict[str, Body]
    ) -> Iterator[OutgoingMessage]:
        place, summary = _told(bodies.get(after.report_id)) if after else (None, None)
        numbers = iter(range(1_000_000))
        for event in row.events:
            if isinstance(event, ev.DeadLettered):
                yield self._message(row, next(numbers), topics.DEAD_LETTERS, "dispatch.dead-letter.v1", event)
            elif after is not None and not isinstance(event, _NOT_TOLD):
                kind = f"dispatch.incident.{type(event).__name__}.v1"
                yield self._message(row, next(numbers), topics.INCIDENTS, kind, _event_told(after, event))
        for responder, kind, notice in notices_of(row, after, place=place, summary=summary):
            if self._listens(responder, after):
                yield self._message(row, next(numbers), topics.notices(responder), kind, notice)

    def _listens(self, responder: str, after: Incident | None) -> bool:
        """Whether the responder reads its topic; whoever spoke on one (no incident) does."""
        if after is None:
            return True
        known = self._policies.compiled(after.bundle, self._bundles).responders.get(responder)
        return known is not None and known.adapter == self._adapter

    @staticmethod
    def _message(row: ev.JournalRow, n: int, topic: str, kind: str, payload: msgspec.Struct) -> OutgoingMessage:
        name = f"{row.incident_id}.{row.seq}.{n}" if row.incident_id else f"c.{row.position}.{n}"
        if isinstance(payload, ev.DeadLettered):
            name = payload.letter_id
        elif row.incident_id is None and row.command_id:
            name = f"c.{row.actor}.{row.command_id}"
        return OutgoingMessage(
            topic=topic,
            key=row.incident_id,
            id=name,
            type=kind,
            source=f"liandong/{row.jurisdiction}",
            time=row.at,
            data=msgspec.json.encode(payload),
        )


def _event_told(after: Incident, event: ev.AnyEvent) -> IncidentEventTold:
    return IncidentEventTold(
        incident_id=after.id,
        seq=after.seq,
        cycle=after.cycle,
        epoch=after.epoch,
        state=after.state,
        event=event,  # type: ignore[arg-type]
    )


def _told(body: Body | None) -> tuple[str | None, str | None]:
    if body is None or not body.doc:
        return None, None
    report = msgspec.json.decode(body.doc, type=Report)
    names = (report.reporter.name,) if report.reporter and report.reporter.name else ()
    place = masked(report.place, names) if report.place else None
    return place, masked(report.text, names) if report.text else None
