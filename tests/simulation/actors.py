"""Systems that report, and the HTTP door at which everybody waits. Habits and dice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec.structs import replace

from schemas import topics
from schemas.commands import Command, IncidentCommand, SubmitReport
from schemas.decode import report_from
from schemas.outcomes import Outcome
from schemas.reports import Report, Reporter
from tests.simulation.kinds import NAME, NOBODY, PHONE, SPOTS, Kind, Spot
from tests.simulation.model_broker import Sent

if TYPE_CHECKING:
    from tests.simulation.world import World


class Request(NamedTuple):
    """Somebody waits at the HTTP door. Who hears nothing asks again, if that is safe."""

    command: Command
    heard: Callable[[Outcome], None]

    @property
    def is_retried(self) -> bool:
        command = self.command
        return not isinstance(command, IncidentCommand) or command.command_id is not None


def event_headers(kind: str, source: str, event_id: str) -> tuple[tuple[str, bytes], ...]:
    """CloudEvents, binary mode."""
    said = {"ce_specversion": "1.0", "ce_type": kind, "ce_source": source, "ce_id": event_id}
    return (("content-type", b"application/json"), *((name, text.encode()) for name, text in said.items()))


class Reporters:
    """Systems that report, over HTTP or by topic; also again, also with other content, also nonsense."""

    def __init__(self, world: World, kinds: Sequence[Kind], cast: Sequence[str]) -> None:
        self._world = world
        self._kinds = kinds
        self._cast = cast
        self._spots = SPOTS[: world.rng.choice((1, 2, len(SPOTS)))]
        self._told: list[Report] = []

    @property
    def is_silent(self) -> bool:
        """Nothing was reported yet."""
        return not self._told

    def act(self) -> None:
        world, rng = self._world, self._world.rng
        if self._told and world.happens("conflict"):
            self._tell(replace(rng.choice(self._told), text=rng.choice(self._kinds).text))
        elif self._told and rng.random() < 0.1:
            self._tell(rng.choice(self._told))
        else:
            kind, spot = rng.choice(self._kinds), rng.choice(self._spots)
            for _ in range(rng.choice((1, 1, 3))):  # some things are seen by several at once
                self._told.append(self._seen(kind, spot))
                self._tell(self._told[-1])

    def see_again(self) -> None:
        """Somebody else reports what was reported just now."""
        if not self.is_silent:
            latest = self._told[-self._world.rng.randint(1, min(3, len(self._told))) :][0]
            self._told.append(replace(latest, source_id=f"r{len(self._told)}", held_by=msgspec.UNSET))
            self._tell(self._told[-1])

    def _seen(self, kind: Kind, spot: Spot) -> Report:
        rng = self._world.rng
        knows_place, knows_point = rng.random() < 0.5, rng.random() < 0.7
        return Report(
            source=rng.choice(("110", "sim-town")),
            source_id=f"r{len(self._told)}",
            text=kind.text,
            place=spot.place if knows_place else None,
            location=spot.location(rng.uniform(-7, 7)) if knows_point else None,
            reporter=Reporter(name=NAME, phone=PHONE) if rng.random() < 0.3 else None,
            held_by=rng.choice((*self._cast, NOBODY)) if rng.random() < 0.06 else msgspec.UNSET,
        )

    def _tell(self, report: Report) -> None:
        """Over HTTP or by topic, and some twice or both ways at once."""
        for door in self._world.rng.choice(("h", "t", "h", "t", "ht", "hh", "tt")):
            if door == "h":
                self._submit(report)
            else:
                self._say(report)

    def _submit(self, report: Report) -> None:
        decoded, warnings = report_from(_document(report))

        def heard(outcome: Outcome) -> None:
            self._world.outside.report_answered(decoded, outcome)

        self._world.ask(Request(SubmitReport(report=decoded, warnings=warnings, origin="http"), heard))

    def _say(self, report: Report) -> None:
        world, value = self._world, msgspec.json.encode(_document(report))
        headers = event_headers(topics.REPORT_TYPE, report.source, report.source_id)
        if world.happens("poison"):
            value, headers = world.rng.choice(
                [(value[:-3], headers), (value, ()), (b'{"text": 7}', headers), (b"\xff\xfe\x00", headers)]
            )
        world.say(Sent(topics.REPORTS, None, value, headers))


def _document(report: Report) -> dict[str, object]:
    """As a sender writes it: what it does not know is left out."""
    return {name: value for name, value in msgspec.to_builtins(report).items() if value not in (None, {})}
