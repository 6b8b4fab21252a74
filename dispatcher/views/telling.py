"""What the journal's rows tell others: life-cycle events for everybody, notices for those they concern.

One rendering for every outlet, so that a message has one id wherever it is read: `<incident>.<seq>.<n>`. In a row n
counts its events first, then the notices of responders that read a topic, then those of the others: who asks over HTTP
changes no id on a topic.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Literal

import msgspec
from msgspec import Struct

from dispatcher.core import apply_row
from dispatcher.store import Body, Store
from dispatcher.views.masking import masked
from dispatcher.views.moment import folded
from dispatcher.views.notices import notices_of
from routing_rules import Compiled
from schemas import events as ev
from schemas.incidents import Incident
from schemas.notices import IncidentEventTold
from schemas.reports import Report

Channel = Literal["incidents", "deadletters", "notices"]
_NOT_TOLD: Final = (ev.ReportReceived, ev.ReporterRead, ev.CommandAccepted, ev.CommandRefused)
_REMEMBERED: Final = 20_000


class Message(Struct, frozen=True, kw_only=True):
    """`to` = the responder of a notice, `adapter` how it is reached beside HTTP; None on the other channels."""

    n: int
    id: str
    channel: Channel
    type: str
    payload: Struct
    to: str | None = None
    adapter: str | None = None


class ToldRow(Struct, frozen=True, kw_only=True):
    """One row, the incident as it stood after it (None: it is about no incident), and what there is to tell."""

    row: ev.JournalRow
    after: Incident | None
    messages: tuple[Message, ...]


class Telling:
    """Folds and renders rows; for one thread at a time. `compiled` = a bundle by its id.

    Rows of one incident may come in any order; in journal order states are found in memory.
    """

    def __init__(self, store: Store, compiled: Callable[[str], Compiled], *, remembered: int = _REMEMBERED) -> None:
        self._store = store
        self._compiled = compiled
        self._remembered = remembered
        self._states: OrderedDict[str, Incident] = OrderedDict()

    def told(self, rows: Sequence[ev.JournalRow]) -> list[ToldRow]:
        folded = [(row, self._fold(row)) for row in rows]
        bodies = self._store.bodies({state.report_id for _, state in folded if state and self._may_tell(state)})
        return [
            ToldRow(row=row, after=after, messages=tuple(self._messages(row, after, bodies))) for row, after in folded
        ]

    def forget(self) -> None:
        self._states.clear()

    def _fold(self, row: ev.JournalRow) -> Incident | None:
        """The incident as it stood after this row, from memory or from its own rows."""
        if row.incident_id is None:
            return None
        before = self._states.get(row.incident_id)
        if before is not None and before.seq != row.seq - 1:
            before = None
        if before is None and row.seq > 1:
            before = folded(self._store.journal_of(row.incident_id, row.seq - 1))
        after = apply_row(before, row.seq, row.events)
        self._states[row.incident_id] = after
        self._states.move_to_end(row.incident_id)
        while len(self._states) > self._remembered:
            self._states.popitem(last=False)
        return after

    def _may_tell(self, incident: Incident) -> bool:
        category = self._compiled(incident.bundle).categories.get(incident.category or "")
        return category is not None and category.summary

    def _messages(self, row: ev.JournalRow, after: Incident | None, bodies: dict[str, Body]) -> Iterator[Message]:
        numbers = iter(range(1_000_000))
        for event in row.events:
            if isinstance(event, ev.DeadLettered):
                n, kind = next(numbers), "dispatch.dead-letter.v1"
                yield Message(n=n, id=event.letter_id, channel="deadletters", type=kind, payload=event)
            elif after is not None and not isinstance(event, _NOT_TOLD):
                n, kind = next(numbers), f"dispatch.incident.{type(event).__name__}.v1"
                told = _event_told(after, event)
                yield Message(n=n, id=_id(row, n), channel="incidents", type=kind, payload=told)
        for to, adapter, kind, notice in self._notices(row, after, bodies):
            n = next(numbers)
            yield Message(n=n, id=_id(row, n), channel="notices", type=kind, payload=notice, to=to, adapter=adapter)

    def _notices(
        self, row: ev.JournalRow, after: Incident | None, bodies: dict[str, Body]
    ) -> list[tuple[str, str | None, str, Struct]]:
        """Those with a topic first, each group in the order of the row's events."""
        # a body may be at hand for another row only, in which the category was one that may be told
        place, summary = _shown(bodies.get(after.report_id)) if after and self._may_tell(after) else (None, None)
        addressed = [
            (to, self._adapter(to, after), kind, notice)
            for to, kind, notice in notices_of(row, after, place=place, summary=summary)
        ]
        return sorted(addressed, key=lambda each: each[1] is None)

    def _adapter(self, responder: str, after: Incident | None) -> str | None:
        known = self._compiled(after.bundle).responders.get(responder) if after else None
        return known.adapter if known else None


def _id(row: ev.JournalRow, n: int) -> str:
    if row.incident_id is not None:
        return f"{row.incident_id}.{row.seq}.{n}"
    return f"c.{row.actor}.{row.command_id}" if row.command_id else f"c.{row.position}.{n}"


def _event_told(after: Incident, event: ev.AnyEvent) -> IncidentEventTold:
    return IncidentEventTold(
        incident_id=after.id,
        seq=after.seq,
        cycle=after.cycle,
        epoch=after.epoch,
        state=after.state,
        event=event,  # type: ignore[arg-type]
    )


def _shown(body: Body | None) -> tuple[str | None, str | None]:
    """Place and text of a report, masked."""
    if body is None or not body.doc:
        return None, None
    report = msgspec.json.decode(body.doc, type=Report)
    names = (report.reporter.name,) if report.reporter and report.reporter.name else ()
    place = masked(report.place, names) if report.place else None
    return place, masked(report.text, names) if report.text else None
