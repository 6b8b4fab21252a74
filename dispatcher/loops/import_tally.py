"""What an import did: counted as it goes, told at its end."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from dispatcher.store import Changes
from schemas import events as ev
from schemas import outcomes as out
from schemas import refusals as no
from schemas.commands import Command, KeepDeadLetter, ResolveIncident, SubmitReport

PROBLEM = "problem"  # header of a dead letter: what is wrong with the row, in words that may quote it


class RejectedRow(Struct, frozen=True, kw_only=True):
    """A row that became a dead letter. `origin` = "file:line"."""

    origin: str
    reason: str


class Counted(Struct, frozen=True, kw_only=True):
    """Where a tally stands, to go on from in another run. `letters_count` rows became dead letters."""

    rows_count: int = 0
    joined_count: int = 0
    repeated_count: int = 0
    resolved_count: int = 0
    letters_count: int = 0
    by_responder: dict[str, int] = {}
    breaches: dict[str, int] = {}


class ImportSummary(Struct, frozen=True, kw_only=True):
    """`taken_count` reports were new, `joined_count` of them as voices of open incidents; `repeated_count` were known.

    `by_responder` = new reports by owner. `breaches` = alarms that rang, by clock; empty when a running server took the
    reports, since then its own tick rings. `reached_at` = how far a replay got. `is_complete` false = ended early.
    All counts are of the whole file, earlier runs that this one goes on from included; `dead_letters` names this run's,
    `earlier_letters_count` were named then.
    """

    file: str
    rows_count: int
    taken_count: int
    joined_count: int
    repeated_count: int
    resolved_count: int
    dead_letters: tuple[RejectedRow, ...]
    earlier_letters_count: int = 0
    by_responder: dict[str, int]
    breaches: dict[str, int]
    reached_at: datetime | None = None
    is_complete: bool = True


class Tally:
    """Counts outcomes as the driver sees them; as observer of the spine, also the alarms in what was committed.

    A run that is killed between a commit and its counting leaves that piece out; the next counts its reports as
    repeated.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        self._rejected: list[RejectedRow] = []
        self.go_on_from(Counted())

    def go_on_from(self, before: Counted) -> None:
        """Count on from where an earlier run stood."""
        self._rows_count, self._joined_count = before.rows_count, before.joined_count
        self._repeated_count, self._resolved_count = before.repeated_count, before.resolved_count
        self._earlier_letters_count = before.letters_count
        self._owners = Counter(before.by_responder)
        self._breaches = Counter(before.breaches)

    @property
    def rows_count(self) -> int:
        return self._rows_count

    def counted(self) -> Counted:
        return Counted(
            rows_count=self._rows_count,
            joined_count=self._joined_count,
            repeated_count=self._repeated_count,
            resolved_count=self._resolved_count,
            letters_count=self._earlier_letters_count + len(self._rejected),
            by_responder=dict(self._owners),
            breaches=dict(self._breaches),
        )

    def read(self, rows_count: int) -> None:
        self._rows_count += rows_count

    def take(self, owner: str, *, joined: bool, repeated: bool) -> None:
        if repeated:
            self._repeated_count += 1
            return
        self._owners[owner] += 1
        self._joined_count += joined

    def reject(self, origin: str, reason: str) -> None:
        self._rejected.append(RejectedRow(origin=origin, reason=reason))

    def count(self, commands: Sequence[Command], outcomes: Sequence[out.Outcome]) -> None:
        """Outcomes of commands, in their order."""
        for command, outcome in zip(commands, outcomes, strict=True):
            if isinstance(outcome, out.Taken):
                self.take(outcome.answer.owner, joined=outcome.answer.joined, repeated=outcome.repeated)
            elif isinstance(command, KeepDeadLetter):
                self.reject(command.origin, command.headers.get(PROBLEM, command.reason))
            elif isinstance(command, SubmitReport) and isinstance(outcome, out.Refused):
                self.reject(command.origin or "", no.title(outcome.refusal))
            elif isinstance(command, ResolveIncident) and isinstance(outcome, out.Done):
                self._resolved_count += 1

    def committed(self, changes: Changes, outcomes: Sequence[out.Outcome], seconds: float) -> None:  # noqa: ARG002 - an observer's signature
        for row in changes.journal:
            self._breaches.update(event.clock for event in row.events if isinstance(event, ev.ClockBreached))

    def summary(self, *, is_complete: bool, reached_at: datetime | None = None) -> ImportSummary:
        return ImportSummary(
            file=self._file,
            rows_count=self._rows_count,
            taken_count=self._owners.total(),
            joined_count=self._joined_count,
            repeated_count=self._repeated_count,
            resolved_count=self._resolved_count,
            dead_letters=tuple(self._rejected),
            earlier_letters_count=self._earlier_letters_count,
            by_responder=dict(self._owners.most_common()),
            breaches=dict(sorted(self._breaches.items())),
            reached_at=reached_at,
            is_complete=is_complete,
        )
