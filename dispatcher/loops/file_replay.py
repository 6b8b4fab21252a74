"""Reports from a file at the file's own times: what the engine would have done then.

The whole run is one sequence of commands in time order, known beforehand because routing is a pure function: reports
when they were made, closings when they happened, alarms one microsecond past their due instants, and at equal instants
commands before alarms. Incidents get ids made from time and source id, so the same file always says the same.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, NamedTuple, cast

from msgspec.structs import replace

from dispatcher.loops.file_import import opened_last
from dispatcher.loops.file_rows import PIECE, Handle, Row, closing, letter
from dispatcher.loops.import_tally import Tally
from dispatcher.service.arrivals import Arrival, keyed, route_arrival
from dispatcher.service.policies import ActivePolicies
from dispatcher.store import Store
from schemas.commands import ClaimIncident, Command, FireDue, KeepDeadLetter, SubmitReport
from schemas.events import AnyEvent, BundlePublished, ReportReceived
from schemas.ids import derived
from schemas.reports import Report

VIA: Final = "replay"
MARK: Final = "replay"  # cursor: where the journal ended after the last replay, or UNDER_WAY
UNDER_WAY: Final = -1
NO_TIME: Final = "has no reported_at, and a replay goes by it"
_TICK: Final = timedelta(microseconds=1)  # late is strictly later
_OPENS, _CLOSES = 0, 1
_PAGE: Final = 1000


class ReplayClock:
    """The engine's clock during a replay: each batch starts at the instant of its first command."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


class Foreseen(NamedTuple):
    """What the engine is going to decide about a report that opens an incident."""

    incident_id: str
    owner: str
    due_at: tuple[datetime, ...]


Foreseeing = Callable[[SubmitReport, datetime], Foreseen]


def foresee(command: SubmitReport, at: datetime, policies: ActivePolicies, secret: bytes) -> Foreseen:
    """By the engine's own functions. The same report at the same instant always gets the same incident id."""
    report = command.report
    key = keyed(secret, f"{report.source}\x1f{report.source_id}".encode())
    arrival = Arrival(command=command, doc=b"", key=key, content_hash=b"")
    decision = route_arrival(arrival, policies.for_report(report), secret, at, at).decision
    due = (decision.claim_due_at, decision.resolution_due_at)
    return Foreseen(derived(at, key), decision.owner, tuple(each for each in due if each is not None))


class Replay:
    """The commands of a replay in time order; made once. All rows are held in memory, about 2.5 KB each.

    `trusted` = due times in the reports count. A closing before its opening counts as at its opening. The last instant
    of the rows is the end: what is due then or later does not ring. `steps_done` = how many steps were handed out with
    all their commands.
    """

    def __init__(self, file: str, rows: Sequence[Row], *, trusted: bool) -> None:
        self._file = file
        self._rows = rows
        self._trusted = trusted
        self._steps = sorted(_steps(rows))
        self._alarms: list[tuple[datetime, int, str]] = []
        self._opened: dict[int, Foreseen] = {}
        self._known: set[str] = set()
        self._closed: set[str] = set()
        self.steps_done = 0

    @property
    def begins_at(self) -> datetime | None:
        return self._steps[0][0] if self._steps else None

    @property
    def ends_at(self) -> datetime | None:
        return self._steps[-1][0] if self._steps else None

    @property
    def rows_count(self) -> int:
        return len(self._rows)

    @property
    def steps_count(self) -> int:
        """Rows and closings; alarms come on top."""
        return len(self._rows) + sum(kind == _CLOSES for _, kind, _ in self._steps)

    def commands(
        self, foreseeing: Foreseeing, waiting: Iterable[tuple[datetime, str]], *, after: int = 0
    ) -> Iterator[Command]:
        """`waiting` = (due instant, incident) of clocks that ran before; `after` = steps that an earlier run has done.

        Those are foreseen again, since later ones speak of their incidents, and left out. Rows without report or time
        come first, as dead letters: they have no place in time.
        """
        self._alarms = sorted((due_at, -1, incident_id) for due_at, incident_id in waiting)
        if not after:
            yield from self._letters()
        for at, kind, number in self._steps:
            commands = list(self._commands_of(at, kind, number, foreseeing))
            if self.steps_done >= after:
                yield from commands[:-1]
            self.steps_done += 1
            if self.steps_done > after:
                yield from commands[-1:]
        if self.ends_at is not None:
            yield from self._alarms_before(self.ends_at, timedelta(0))

    def _commands_of(self, at: datetime, kind: int, number: int, foreseeing: Foreseeing) -> Iterator[Command]:
        """Of one step, and the alarms that ring before it."""
        yield from self._alarms_before(at, _TICK)  # at equal instants commands go first
        if kind == _OPENS:
            yield self._opening(number, at, foreseeing)
        else:
            yield from self._closing(number, at)

    def _letters(self) -> Iterator[KeepDeadLetter]:
        for row in self._rows:
            if _time_of(row) is None:
                yield letter(row, row.problem or NO_TIME, f"{self._file}:{row.line}", VIA, self.begins_at)

    def _opening(self, number: int, at: datetime, foreseeing: Foreseeing) -> SubmitReport:
        row = self._rows[number]
        command = SubmitReport(
            report=cast("Report", row.report),
            warnings=row.warnings,
            trusted=self._trusted,
            origin=f"{self._file}:{row.line}",
            via=VIA,
            effective_at=at,
        )
        foreseen = foreseeing(command, at)
        if foreseen.incident_id not in self._known:
            self._known.add(foreseen.incident_id)
            self._opened[number] = foreseen
            for due_at in foreseen.due_at:
                heapq.heappush(self._alarms, (due_at, number, foreseen.incident_id))
        return replace(command, incident_id=foreseen.incident_id)

    def _closing(self, number: int, at: datetime) -> Iterator[Command]:
        """None for a row that repeats an earlier one; in vain where the row joined another's incident."""
        foreseen = self._opened.pop(number, None)
        if foreseen is not None:
            self._closed.add(foreseen.incident_id)
            yield from closing(foreseen.incident_id, foreseen.owner, at, VIA)

    def _alarms_before(self, at: datetime, margin: timedelta) -> Iterator[FireDue]:
        """Of incidents still open that were due more than `margin` before `at`, in order."""
        while self._alarms and at - self._alarms[0][0] > margin:
            due_at, _, incident_id = heapq.heappop(self._alarms)
            if incident_id not in self._closed:
                yield FireDue(incident_id=incident_id, via="tick", effective_at=due_at + _TICK)


def _steps(rows: Sequence[Row]) -> Iterator[tuple[datetime, int, int]]:
    """(instant, opens or closes, number of the row)."""
    for number, row in enumerate(rows):
        if (opened_at := _time_of(row)) is not None:
            yield opened_at, _OPENS, number
            if row.closed_at is not None:
                yield max(row.closed_at, opened_at), _CLOSES, number


def _time_of(row: Row) -> datetime | None:
    return row.report.reported_at if row.report is not None else None


def carry_out(
    commands: Iterator[Command],
    handle: Handle,
    clock: ReplayClock,
    tally: Tally,
    store: Store,
    *,
    stopping: Callable[[], bool],
    progress: Callable[[int], None],
    done: Callable[[str | None], None],
) -> bool:
    """Batch by batch, each committed before the next. False = `stopping` said so before the end.

    `done` is told after each batch which incident it opened last, None = none.
    """
    store.move_cursor(MARK, UNDER_WAY)
    is_complete = True
    while batch := list(islice(commands, PIECE)):
        if stopping():
            is_complete = False
            break
        clock.at = batch[0].effective_at or clock.at
        outcomes = handle(batch)
        tally.count(batch, outcomes)
        progress(sum(not isinstance(command, FireDue | ClaimIncident) for command in batch))
        done(opened_last(outcomes))
    store.move_cursor(MARK, store.last_position())
    return is_complete


def may_replay(store: Store) -> bool:
    """Whether the database is empty, but for published rules, or holds replays only."""
    position = store.cursor(MARK)
    if position == UNDER_WAY:
        return all(event.via == VIA for event in _events(store, 0) if isinstance(event, ReportReceived))
    return all(isinstance(event, BundlePublished) for event in _events(store, position))


def _events(store: Store, position: int) -> Iterator[AnyEvent]:
    while rows := store.journal_after(position, _PAGE):
        for row in rows:
            yield from row.events
        position = rows[-1].position
