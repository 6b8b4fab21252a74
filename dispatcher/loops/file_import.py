"""Reports from a file at the engine's own clock, as if they came in now."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

from dispatcher.loops.file_rows import Handle, Row, closing, letter, pieces
from dispatcher.loops.import_tally import Tally
from schemas import outcomes as out
from schemas.commands import Command, KeepDeadLetter, SubmitReport

VIA: Final = "import"


def import_rows(
    rows: Iterable[Row],
    file: str,
    handle: Handle,
    tally: Tally,
    *,
    trusted: bool,
    stopping: Callable[[], bool],
    done: Callable[[str | None], None],
) -> bool:
    """Take the rows in pieces, each committed before the next is read. False = `stopping` said so before the end.

    A row that joined another's incident closes nothing: the incident ends with the row that opened it. `done` is told
    after each piece which incident its rows opened last, None = none.
    """
    for piece in pieces(rows):
        if stopping():
            return False
        commands = [_command(row, f"{file}:{row.line}", trusted=trusted) for row in piece]
        outcomes = handle(commands)
        tally.read(len(piece))
        tally.count(commands, outcomes)
        closings = list(chain.from_iterable(map(_closings, piece, outcomes)))
        if closings:
            tally.count(closings, handle(closings))
        done(opened_last(outcomes))
    return True


def opened_last(outcomes: Sequence[out.Outcome]) -> str | None:
    """The incident that the last of these opened."""
    for outcome in reversed(outcomes):
        if isinstance(outcome, out.Taken) and not outcome.repeated and not outcome.answer.joined:
            return outcome.answer.incident_id
    return None


def _command(row: Row, origin: str, *, trusted: bool) -> SubmitReport | KeepDeadLetter:
    if row.report is None:
        return letter(row, row.problem or "", origin, VIA)
    return SubmitReport(report=row.report, warnings=row.warnings, trusted=trusted, origin=origin, via=VIA)


def _closings(row: Row, outcome: out.Outcome) -> Iterator[Command]:
    if row.closed_at is not None and isinstance(outcome, out.Taken) and not outcome.answer.joined:
        yield from closing(outcome.answer.incident_id, outcome.answer.owner, row.closed_at, VIA)
