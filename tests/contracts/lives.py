"""Histories for whatever must hold for all of them: reports, and every verb tried by everybody, by seeded dice."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import msgspec

from dispatcher.core.lifecycle import LIFECYCLE
from dispatcher.core.parties import holders
from schemas import command_bodies as say
from schemas import outcomes as out
from schemas.commands import BODIES, Command, FireDue, IncidentCommand, KeepDeadLetter, ReadReporter, SubmitReport
from schemas.incidents import Incident
from schemas.reports import Location, Report, Reporter
from schemas.upkeep_commands import (
    DiscardDeadLetter,
    EraseBody,
    FixDeadLetter,
    ReadDeadLetter,
    RedriveDeadLetter,
)
from tests.contracts.spine_making import LAMP, Bench

DESK: Final = "desk-110"
WHO: Final = (DESK, "urban-lighting", "sanitation", "drains", None)
TEXTS: Final = (LAMP, "楼下堆了很多垃圾", "下水堵了,污水流到路上", "something else")
# What ends a life, or turns it over, comes seldom.
_WEIGHT: Final = dict.fromkeys(("cancel", "merge", "correct", "joint", "refer", "return", "defer"), 0.2) | {
    "claim": 2,
    "pause": 2,
    "resume": 4,
    "follow-up": 2,
}
REASON: Final = "erfundener Grund"


def bodies_of(bench: Bench, dice: random.Random, others: list[str]) -> dict[str, Callable[[], dict[str, Any]]]:
    """What a command of each verb must say beyond who speaks."""

    def later() -> dict[str, Any]:
        return {"until": bench.now + timedelta(hours=dice.randrange(1, 90))}

    def corrected() -> dict[str, Any]:
        put_right: tuple[dict[str, Any], ...] = (
            {"category": "sanitation/garbage"},
            {"category": "lighting/streetlight"},
            {"place": "Erfundene Gasse 7"},
            {"location": Location(lat=46.7, lon=126.2)},
        )
        return dice.choice(put_right)

    return {
        "claim": lambda: {"crew_sent": dice.random() < 0.3},
        "refer": lambda: {"to": dice.choice(WHO[1:4])},
        "joint": lambda: {"departments": ("sanitation", "drains")},
        "plan": lambda: {"promised_at": bench.now + timedelta(hours=5)},
        "pause": lambda: {"waiting_for": "parts"},
        "progress": lambda: {"note": "gesehen"},
        "extend": later,
        "defer": later,
        "prioritize": lambda: {"priority": dice.choice(("P1", "P4"))},
        "correct": corrected,
        "follow-up": lambda: {"solved": dice.random() < 0.5},
        "merge": lambda: {"into": dice.choice(others)},
        **{verb: lambda: {"unit": "car-1"} for verb, (body, _) in BODIES.items() if body is say.UnitBody},
    }


class Lives:
    """Batches of a few commands through the spine; `happened` counts the events by name."""

    def __init__(self, bench: Bench, seed: int) -> None:
        self.bench = bench
        self.incidents: list[str] = []
        self.reports: list[str] = []
        self.letters: list[str] = []
        self.happened: Counter[str] = Counter()
        self._seed = seed
        self._dice = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self._number = 0
        self._states: dict[str, Incident] = {}

    def live(self, steps: int) -> None:
        for _ in range(steps):
            self.bench.wait(self._dice.choice((0, 0.1, 3, 40, 600)))
            with self.bench.store.begin() as txn:
                self._states = txn.load(self.incidents)
            batch = [self._command() for _ in range(self._dice.choice((1, 1, 3, 8)))]
            for outcome in self.bench.spine.handle(batch):
                self._hear(outcome)
        rows = [row for changes in self.bench.watched.changes for row in changes.journal]
        self.happened = Counter(type(event).__name__ for row in rows for event in row.events)

    def _hear(self, outcome: out.Outcome) -> None:
        if isinstance(outcome, out.Taken) and not outcome.repeated:
            self.reports.append(outcome.answer.report_id)
            if not outcome.answer.joined:
                self.incidents.append(outcome.answer.incident_id)
                self.incidents = self.incidents[-8:]  # so that each has a long life
        elif isinstance(outcome, out.Lettered):
            self.letters.append(outcome.letter_id)

    def _command(self) -> Command:  # noqa: PLR0911 - one line for each kind
        chance = self._dice.random()
        if not self.incidents or chance < 0.12:
            return self._report()
        if chance < 0.13:
            return KeepDeadLetter(raw=self._dice.randbytes(9), reason="not-json", origin="dispatch.reports.v1/0/7")
        if chance < 0.15 and self.letters:
            return self._letter_command(self._dice.choice(self.letters))
        if chance < 0.16:
            return ReadReporter(incident_id="", report_id=self._dice.choice(self.reports), responder=DESK)
        if chance < 0.17:
            return EraseBody(report_id=self._dice.choice(self.reports))
        if chance < 0.25:
            return FireDue(incident_id=self._dice.choice(self.incidents))
        return self._incident_command()

    def _report(self) -> SubmitReport:
        self._number += self._dice.random() < 0.9
        here = Location(lat=46.69 + self._dice.randrange(3) / 10_000, lon=126.1)
        report = Report(
            source="110",
            source_id=f"{self._seed}-{self._number}",
            text=self._dice.choice(TEXTS),
            location=self._dice.choice((here, here, None)),
            place=self._dice.choice(("泰和街21号", None)),
            reporter=Reporter(name="Invented Li", phone="000-5555"),
        )
        return SubmitReport(report=report)

    def _letter_command(self, letter_id: str) -> Command:
        report = msgspec.json.encode({"text": self._dice.choice(TEXTS)})
        kinds: tuple[Command, ...] = (
            ReadDeadLetter(letter_id=letter_id),
            FixDeadLetter(letter_id=letter_id, body=report),
            RedriveDeadLetter(letter_id=letter_id),
            RedriveDeadLetter(letter_id=letter_id),
            DiscardDeadLetter(letter_id=letter_id),
            EraseBody(letter_id=letter_id),
        )
        return self._dice.choices(kinds, [2, 3, 2, 2, 1, 1])[0]

    def _incident_command(self) -> IncidentCommand:
        incident_id = self._dice.choice(self.incidents)
        verb, who = self._move(incident_id) if self._dice.random() < 0.8 else self._any_move()
        body_type, kind = BODIES[verb]
        says = bodies_of(self.bench, self._dice, self.incidents).get(verb, dict)()
        if "reason" in body_type.__struct_fields__:
            says["reason"] = REASON
        topic = self._dice.random() < 0.2
        self._number += 1
        return kind(
            incident_id=incident_id,
            body=body_type(responder=who, **says),  # type: ignore[call-arg]
            sender=who or "local",
            command_id=f"c{self._number}" if topic else None,
            by_topic=topic and who is not None,
        )

    def _any_move(self) -> tuple[str, str | None]:
        return self._dice.choice(tuple(BODIES)), self._dice.choice(WHO)

    def _move(self, incident_id: str) -> tuple[str, str | None]:
        """Something that is possible, by somebody who may."""
        incident = self._states[incident_id]
        possible = [verb for verb, move in LIFECYCLE.items() if incident.state in move.states]
        verb = self._dice.choices(possible, [_WEIGHT.get(verb, 1) for verb in possible])[0]
        asked = tuple(offer.responder for offer in incident.offers if offer.state == "offered")
        who = {"candidate": asked, "holder": holders(incident), "desk": (incident.desk,)}
        may = [each for role in LIFECYCLE[verb].who for each in who[role]]
        return verb, self._dice.choice(sorted(may)) if may else incident.desk
