"""Small invented rows for the store's suite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import cast

import msgspec
import pytest
from msgspec.structs import replace

from dispatcher.store import (
    ChangedIncident,
    Changes,
    Conflict,
    NewBody,
    NewCommand,
    NewIncident,
    NewJournalRow,
    NewLetter,
    NewReport,
    Store,
    Txn,
)
from schemas.events import IncidentClaimed, ReportReceived
from schemas.incidents import Clock, Incident, Offer
from schemas.reports import Location, Report

HERE = "cn-231223"
NOON = datetime(2025, 1, 12, 4, 22, 0, 123456, tzinfo=UTC)


def ident(number: int, letter: str = "A") -> str:
    """A ULID-shaped id that sorts by number."""
    return f"01JHB{letter}{number:020d}"


def hashed(*words: object) -> bytes:
    return blake2b(repr(words).encode(), digest_size=16).digest()


def incident(number: int, **changed: object) -> Incident:
    sample = Incident(
        id=ident(number),
        jurisdiction=HERE,
        seq=1,
        state="offered",
        report_id=ident(number, "R"),
        source="110",
        opened_at=NOON,
        reported_at=NOON,
        rule="streetlight",
        bundle="sha256:00",
        owner="urban-lighting",
        desk="desk-110",
        mode="first-claim",
        priority="P3",
        category="lighting/streetlight",
        area="231223100",
        cell="4669:12610",
        offers=(Offer(responder="urban-lighting", epoch=1),),
        copies=("desk-110",),
        clocks=(
            Clock(name="claim", started_at=NOON, due_at=NOON + timedelta(minutes=20)),
            Clock(name="resolution", started_at=NOON, due_at=NOON + timedelta(hours=4)),
        ),
    )
    return replace(sample, **changed)


def claimed(before: Incident, responder: str = "urban-lighting") -> Incident:
    clocks = tuple(replace(clock, stopped_at=NOON) if clock.name == "claim" else clock for clock in before.clocks)
    offers = (Offer(responder=responder, epoch=1, state="claimed", claimed_at=NOON),)
    return replace(before, seq=before.seq + 1, state="claimed", offers=offers, clocks=clocks, claimed_at=NOON)


def row(of: Incident, *, command_id: str = "c-1", at: datetime = NOON) -> NewJournalRow:
    happened = (
        ReportReceived(report_id=of.report_id, key="00", source=of.source, received_at=at, via="http")
        if of.seq == 1
        else IncidentClaimed(responder="urban-lighting", at=at, lead=True)
    )
    return NewJournalRow(HERE, of.id, of.seq, command_id, "local", at, (happened,))


def opening(number: int, *, due_at: datetime | None = NOON + timedelta(minutes=20), grouped: bool = False) -> Changes:
    """All that one report writes."""
    return opening_of(incident(number), due_at=due_at, grouped=grouped)


def opening_of(
    opened: Incident,
    *,
    due_at: datetime | None = NOON + timedelta(minutes=20),
    grouped: bool = False,
    point: tuple[float, float] | None = (46.69, 126.10),
) -> Changes:
    lat, lon = point or (None, None)
    return Changes(
        reports=[NewReport(HERE, hashed(opened.id), hashed("c", opened.id), opened.report_id, opened.id, 1, NOON)],
        bodies=[NewBody(HERE, opened.report_id, opened.id, "report", NOON, b'{"text":"lamp"}', "路灯坏了", lat, lon)],
        opened=[NewIncident(replace(opened, joinable=grouped), due_at)],
        journal=[row(opened)],
    )


def told_opening(opened: Incident, text: str = "路灯坏了", **more: object) -> Changes:
    """The same with a whole report as its body, as views read it; `more` are its other fields."""
    location = cast("Location | None", more.get("location"))
    changes = opening_of(opened, due_at=None, point=(location.lat, location.lon) if location else None)
    report = Report(source=opened.source, source_id=opened.id, text=text, **more)  # type: ignore[arg-type]
    changes.bodies = [replace(changes.bodies[0], doc=msgspec.json.encode(report), text=text)]
    return changes


def letter(number: int, *, content: bytes = b"\xff\x00", origin: str = "topic/0/1") -> NewLetter:
    return NewLetter(HERE, ident(number, "L"), hashed(content, origin), origin, "not JSON", content, {"k": "v"}, NOON)


def command(sender: str = "urban-lighting", command_id: str = "c-1", of: int = 1) -> NewCommand:
    return NewCommand(HERE, sender, command_id, "d1", ident(of), b'{"state":"claimed"}', NOON)


def save(store: Store, changes: Changes) -> None:
    with store.begin() as txn:
        txn.save(changes)


def change(txn: Txn, number: int, how: Callable[[Incident], Incident], due_at: datetime | None = None) -> Changes:
    """Load one incident and say how it changes; not saved yet."""
    before = txn.load([ident(number)])[ident(number)]
    after = how(before)
    return Changes(changed=[ChangedIncident(after, before.seq, due_at)], journal=[row(after, command_id="c-2")])


@contextmanager
def conflict() -> Iterator[None]:
    with pytest.raises(Conflict):
        yield
