"""Erasable personal data: what reports and responders said in words, and exactly where."""

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, select

from dispatcher.store.found import Body
from dispatcher.store.tables import bodies
from schemas.events import AnyEvent


def body_refs(happened: Iterable[AnyEvent]) -> list[str]:
    """Where the texts of these events lie, each once: reports, and what was said."""
    named = (getattr(event, name, None) for event in happened for name in ("report_id", "body_ref"))
    return list(dict.fromkeys(ref for ref in named if ref is not None))


def read_bodies(connection: Connection, refs: Collection[str]) -> dict[str, Body]:
    """Bodies by ref; unknown refs are absent, erased ones have neither text nor doc."""
    if not refs:
        return {}
    rows = connection.execute(select(bodies).where(bodies.c.ref.in_(list(refs))))
    return {
        row.ref: Body(
            ref=row.ref,
            jurisdiction=row.jurisdiction,
            incident_id=row.incident_id,
            kind=row.kind,
            at=row.at,
            lat=row.lat,
            lon=row.lon,
            text=row.text,
            doc=row.doc or b"",
        )
        for row in rows
    }
