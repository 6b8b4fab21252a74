"""The baseline of claims: SELECT … FOR UPDATE, look, change, add an event, commit; one ORM session for each."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import event, select
from sqlalchemy.orm import Session

from benchmarks.naive_dispatcher import Base, NaiveEvent, NaiveIncident, durable_engine


class NaiveDesk:
    """Safe to call from several threads and processes. SQLite has no FOR UPDATE: there a claim begins as a writer."""

    def __init__(self, url: str) -> None:
        self.engine = durable_engine(url)
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _begin_by_hand)
            event.listen(self.engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        Base.metadata.create_all(self.engine)

    def open(self, count: int) -> None:
        """So many incidents on offer."""
        now = datetime.now(UTC).replace(tzinfo=None)
        with Session(self.engine) as session:
            session.add_all(
                NaiveIncident(id=f"{number:08d}", state="offered", owner="a", rule="r", priority="P3", opened_at=now)
                for number in range(count)
            )
            session.commit()

    def on_offer(self, after: str, count: int) -> Sequence[str]:
        offered = select(NaiveIncident.id).where(NaiveIncident.state == "offered", NaiveIncident.id > after)
        with Session(self.engine) as session:
            return list(session.scalars(offered.order_by(NaiveIncident.id).limit(count)))

    def claim(self, incident_id: str, responder: str) -> bool:
        """False = somebody else has it."""
        with Session(self.engine) as session:
            incident = session.get_one(NaiveIncident, incident_id, with_for_update=True)
            if incident.state != "offered":
                return False
            incident.state = "claimed"
            incident.owner = responder
            now = datetime.now(UTC).replace(tzinfo=None)
            session.add(
                NaiveEvent(incident_id=incident_id, at=now, payload=f'{{"type": "claimed", "by": "{responder}"}}')
            )
            session.commit()
            return True


def _begin_by_hand(connection: Any, _record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's signature
    connection.isolation_level = None
