"""The baseline: the same job as one would write it first. Decode, look for a repeat, scan the rules, add, commit.

It keeps what ours keeps – report, incident, offers, journal, body – with SQLAlchemy's ORM, one session and one durable
transaction per report, and skips what makes ours harder: groups, calendars, chained journal, bisecting.
"""

import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Engine, ForeignKey, UniqueConstraint, create_engine, event, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from routing_rules import Bundle

Rule = dict[str, Any]


class Base(DeclarativeBase):
    pass


class NaiveReport(Base):
    __tablename__ = "reports"
    __table_args__ = (UniqueConstraint("source", "source_id"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str]
    source_id: Mapped[str]
    received_at: Mapped[datetime]
    incident_id: Mapped[str] = mapped_column(ForeignKey("incidents.id"))
    body: Mapped["NaiveBody"] = relationship()


class NaiveBody(Base):
    __tablename__ = "bodies"
    report_id: Mapped[str] = mapped_column(ForeignKey("reports.id"), primary_key=True)
    text: Mapped[str | None]
    lat: Mapped[float | None]
    lon: Mapped[float | None]
    doc: Mapped[str]


class NaiveOffer(Base):
    __tablename__ = "offers"
    incident_id: Mapped[str] = mapped_column(ForeignKey("incidents.id"), primary_key=True)
    responder: Mapped[str] = mapped_column(primary_key=True, index=True)
    state: Mapped[str]


class NaiveEvent(Base):
    __tablename__ = "journal"
    id: Mapped[int] = mapped_column(primary_key=True)
    incident_id: Mapped[str] = mapped_column(ForeignKey("incidents.id"), index=True)
    at: Mapped[datetime]
    payload: Mapped[str]


class NaiveIncident(Base):
    __tablename__ = "incidents"
    id: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(index=True)
    category: Mapped[str | None]
    owner: Mapped[str]
    rule: Mapped[str]
    priority: Mapped[str]
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime | None] = mapped_column(index=True)
    breached_at: Mapped[datetime | None]
    reports: Mapped[list[NaiveReport]] = relationship()
    offers: Mapped[list[NaiveOffer]] = relationship()
    events: Mapped[list[NaiveEvent]] = relationship()


class NaiveDispatcher:
    """`take` is safe to call from several threads when the database is."""

    def __init__(self, url: str, bundle: Bundle) -> None:
        self.engine = durable_engine(url)
        Base.metadata.create_all(self.engine)
        self._rules = rules_of(bundle)

    def take(self, raw: bytes) -> dict[str, Any]:
        """One report from its JSON to its answer, committed."""
        report = json.loads(raw)
        with Session(self.engine) as session:
            known = select(NaiveReport).filter_by(source=report["source"], source_id=report["source_id"])
            if found := session.scalars(known).first():
                return {"report_id": found.id, "incident_id": found.incident_id, "repeated": True}
            incident = self._opened(report)
            session.add(incident)
            answer = {
                "report_id": incident.reports[0].id,
                "incident_id": incident.id,
                "state": incident.state,
                "owner": incident.owner,
                "offers": [offer.responder for offer in incident.offers],
                "resolution_due_at": incident.due_at and incident.due_at.isoformat(),
                "rule": incident.rule,
            }
            session.commit()
        return answer

    def changes(self, after: int) -> list[dict[str, Any]]:
        """What the journal has after an id."""
        with Session(self.engine) as session:
            rows = session.scalars(select(NaiveEvent).where(NaiveEvent.id > after).order_by(NaiveEvent.id).limit(100))
            return [{"id": row.id, "incident_id": row.incident_id, "event": json.loads(row.payload)} for row in rows]

    def close(self) -> None:
        self.engine.dispose()

    def _opened(self, report: dict[str, Any]) -> NaiveIncident:
        rule = first_match(self._rules, report)
        now = datetime.now(UTC)
        location = report.get("location") or {}
        body = NaiveBody(
            text=report.get("text"), lat=location.get("lat"), lon=location.get("lon"), doc=json.dumps(report)
        )
        return NaiveIncident(
            id=str(uuid.uuid4()),
            state="offered",
            category=report.get("category"),
            owner=rule["to"][0],
            rule=rule["id"],
            priority=rule.get("priority", "P3"),
            opened_at=now,
            due_at=now + rule["fix"] if rule["fix"] else None,
            reports=[
                NaiveReport(
                    id=str(uuid.uuid4()),
                    source=report["source"],
                    source_id=report["source_id"],
                    received_at=now,
                    body=body,
                )
            ],
            offers=[NaiveOffer(responder=responder, state="offered") for responder in rule["to"]],
            events=[NaiveEvent(at=now, payload=json.dumps({"type": "routed", "rule": rule["id"], "to": rule["to"]}))],
        )


def durable_engine(url: str) -> Engine:
    """As durable as ours: SQLite in WAL mode with synchronous=FULL; PostgreSQL is so by itself."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _settings(connection: Any, _record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's signature
            for setting in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000"):
                connection.execute(f"PRAGMA {setting}")

    return engine


def rules_of(bundle: Bundle) -> list[Rule]:
    """The pack's rules as plain dicts, those with more conditions first, the default last."""
    rules = [_rule_of(each) for each in bundle.rules if each.owns]
    return sorted(rules, key=lambda rule: -sum(map(len, rule.get("when", {}).values())))


def _rule_of(rule: object) -> Rule:
    """Its clock in hours, without calendars."""
    plain: Rule = msgspec.to_builtins(rule)
    fix = plain.get("fix") or {}
    hours = {"m": 1 / 60, "h": 1, "d": 24, "wd": 24}.get(fix.get("unit", ""), 0) * fix.get("count", 0)
    return plain | {"fix": timedelta(hours=hours) if hours else None}


def first_match(rules: Sequence[Rule], report: dict[str, Any]) -> Rule:
    """The first rule whose conditions all hold; the last is the default."""
    for rule in rules:
        when = rule.get("when", {})
        if all(_holds(name, wanted, report) for name, wanted in when.items()):
            return rule
    raise LookupError("the pack has no default rule")


def _holds(name: str, wanted: Any, report: dict[str, Any]) -> bool:  # noqa: ANN401 - whatever the rule says
    if name == "attributes":
        given = report.get("attributes") or {}
        return all(given.get(key) in _each(value) for key, value in wanted.items())
    return report.get(name) in wanted


def _each(value: Any) -> Sequence[Any]:  # noqa: ANN401 - as above
    return value if isinstance(value, list | tuple) else (value,)
