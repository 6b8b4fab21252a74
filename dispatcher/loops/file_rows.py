"""Rows of a file as commands."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final, Protocol

import msgspec

from dispatcher.loops.import_tally import PROBLEM
from schemas.command_bodies import ClaimBody, ResolveBody
from schemas.commands import ClaimIncident, Command, KeepDeadLetter, ResolveIncident
from schemas.outcomes import Outcome
from schemas.reports import Report

BROKEN: Final = "broken-row"  # what the journal says; the words, which may quote the row, stay with the letter
PIECE: Final = 200

Handle = Callable[[Sequence[Command]], Sequence[Outcome]]


class Row(Protocol):
    """One row as a reader of files hands it over: either a report, or what is wrong with it and its bytes."""

    @property
    def line(self) -> int: ...
    @property
    def report(self) -> Report | None: ...
    @property
    def closed_at(self) -> datetime | None: ...
    @property
    def warnings(self) -> tuple[str, ...]: ...
    @property
    def problem(self) -> str | None: ...
    @property
    def raw(self) -> bytes: ...


def pieces(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Lists of up to 200. When reading fails, what was read before comes out first."""
    piece: list[Row] = []
    try:
        for row in rows:
            piece.append(row)
            if len(piece) == PIECE:
                yield piece
                piece = []
    except Exception:
        if piece:
            yield piece
        raise
    if piece:
        yield piece


def letter(row: Row, problem: str, origin: str, via: str, at: datetime | None = None) -> KeepDeadLetter:
    """A row that cannot become a report, with its bytes."""
    raw = row.raw or msgspec.json.encode(row.report)
    return KeepDeadLetter(raw=raw, reason=BROKEN, origin=origin, headers={PROBLEM: problem}, via=via, effective_at=at)


def closing(incident_id: str, owner: str, at: datetime, via: str) -> tuple[Command, Command]:
    """What the mapping's closing column means: the owner took it and did it, both at that instant."""
    claim, resolve = ClaimBody(responder=owner), ResolveBody(responder=owner)
    return (
        ClaimIncident(incident_id=incident_id, sender=owner, body=claim, via=via, effective_at=at),
        ResolveIncident(incident_id=incident_id, sender=owner, body=resolve, via=via, effective_at=at),
    )
