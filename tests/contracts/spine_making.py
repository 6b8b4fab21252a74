"""A spine over a store with the pack qinggang, and a clock the test turns by hand."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dispatcher.service import Policies, Spine, Ulids
from dispatcher.store import Changes, Store
from routing_rules import encode_bundle, load_pack
from schemas import outcomes as out
from schemas.command_bodies import ClaimBody
from schemas.commands import ClaimIncident, PublishBundle, SubmitReport
from schemas.reports import Location, Report, ReportAnswer

NOON = datetime(2025, 1, 12, 4, 22, tzinfo=UTC)  # 12:22 in Qinggang
PACK = Path(__file__).parents[2] / "routing_rules" / "packs" / "qinggang"
LAMP = "泰和街21号门前路灯坏了"


class Watched:
    """Observer that keeps what was committed."""

    def __init__(self) -> None:
        self.changes: list[Changes] = []

    def committed(self, changes: Changes, outcomes: Sequence[out.Outcome], seconds: float) -> None:  # noqa: ARG002
        self.changes.append(changes)


class Bench:
    """A spine whose time stands still until it is moved."""

    def __init__(self, store: Store, *, seed: int = 1) -> None:
        self.store = store
        self.now = NOON
        self.watched = Watched()
        self._seed = seed
        self.spine = Spine(
            store,
            Policies(),
            Ulids(self._random),
            now=lambda: self.now,
            elapsed=lambda: 0.0,
            observer=self.watched,
        )

    def _random(self, count: int) -> bytes:
        self._seed += 1
        return (self._seed * 2_654_435_761 % 2**62).to_bytes(8, "big")[:count]

    def publish(self) -> None:
        self.spine.handle([PublishBundle(bundle=encode_bundle(load_pack(PACK)))])

    def wait(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)

    def report(self, source_id: str, text: str = LAMP, **more: object) -> out.Outcome:
        return self.spine.handle([submit(source_id, text, **more)])[0]

    def taken(self, source_id: str, text: str = LAMP, **more: object) -> ReportAnswer:
        outcome = self.report(source_id, text, **more)
        assert isinstance(outcome, out.Taken), outcome
        return outcome.answer


def submit(source_id: str, text: str = LAMP, **more: object) -> SubmitReport:
    return SubmitReport(report=Report(source="110", source_id=source_id, text=text, **more))  # type: ignore[arg-type]


def at(lat: float, lon: float) -> Location:
    return Location(lat=lat, lon=lon)


def claim(incident_id: str, responder: str, **more: object) -> ClaimIncident:
    return ClaimIncident(incident_id=incident_id, body=ClaimBody(responder=responder), sender=responder, **more)  # type: ignore[arg-type]
