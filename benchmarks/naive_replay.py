"""The baseline of `replay`: row by row as the journal goes, one ORM object loaded, folded and flushed each time.

It rebuilds states and parties into a side database and hashes them at the end, as one would write it first; it looks
neither at the chain of the journal nor at dedupe keys and groups.
"""

import hashlib

import msgspec
from sqlalchemy import Engine, LargeBinary, create_engine, delete, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from dispatcher.core import apply_row
from dispatcher.store import tables
from schemas.events import AnyEvent
from schemas.incidents import Incident

_events = msgspec.json.Decoder(tuple[AnyEvent, ...]).decode
_incident = msgspec.json.Decoder(Incident).decode


class Base(DeclarativeBase):
    pass


class RebuiltIncident(Base):
    __tablename__ = "rebuilt_incidents"
    id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int]
    state: Mapped[str]
    owner: Mapped[str]
    doc: Mapped[bytes] = mapped_column(LargeBinary)


class RebuiltParty(Base):
    __tablename__ = "rebuilt_parties"
    incident_id: Mapped[str] = mapped_column(primary_key=True)
    responder: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str]


def replay_naively(live_url: str, side_url: str, count: int) -> str:
    """The first `count` journal rows; hash over what came of them."""
    live, side = create_engine(live_url), create_engine(side_url)
    Base.metadata.create_all(side)
    with Session(side) as session:
        for incident_id, seq, payload in _rows(live, count):
            if incident_id is not None:
                _fold(session, incident_id, seq, payload)
                session.flush()
        session.commit()
        found = hashlib.sha256()
        for row in session.scalars(select(RebuiltIncident).order_by(RebuiltIncident.id)):
            found.update(row.doc)
    live.dispose()
    side.dispose()
    return found.hexdigest()


def _rows(live: Engine, count: int) -> list[tuple[str | None, int, bytes]]:
    it = tables.journal.c
    with live.connect() as connection:
        question = select(it.incident_id, it.seq, it.payload).order_by(it.position).limit(count)
        return [tuple(row) for row in connection.execute(question)]


def _fold(session: Session, incident_id: str, seq: int, payload: bytes) -> None:
    row = session.get(RebuiltIncident, incident_id)
    incident = apply_row(None if row is None else _incident(row.doc), seq, _events(payload))
    if row is None:
        row = RebuiltIncident(id=incident_id)
        session.add(row)
    row.seq, row.state, row.owner = incident.seq, incident.state, incident.owner
    row.doc = msgspec.json.encode(incident)
    session.execute(delete(RebuiltParty).where(RebuiltParty.incident_id == incident_id))
    roles = dict.fromkeys(incident.copies, "copy") | {offer.responder: offer.state for offer in incident.offers}
    session.add_all(RebuiltParty(incident_id=incident_id, responder=name, role=role) for name, role in roles.items())
