"""Lists of the API as tables for a terminal."""

import sys
from collections.abc import Iterable, Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Column, Table

from dispatcher.cli.words import clock, instant, marks, share, with_whom
from schemas.dead_letters import DeadLetterList
from schemas.views import IncidentCounts, IncidentList, OpenCount, RelatedIncident, RelatedIncidents

_NOTHING = "-"
_PIPE_WIDTH = 200  # nobody's terminal cuts the lines of a file


def shown(table: Table) -> None:
    Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH).print(table)


def queue_table(page: IncidentList) -> Table:
    table = _table(("incident", "prio", "left"), ("state", "category", "with", "clock"))
    for item in page.items:
        state = " ".join([item.state, *marks(item)])
        cells = (item.incident_id, item.priority, share(item.clock), state, item.category)
        late = item.clock is not None and item.clock.late
        shown = item.clock or next((reading for reading in item.clocks if reading.paused_at is not None), None)
        _add(table, (*cells, with_whom(item), clock(shown)), bold=late)
    return table


def related_table(found: RelatedIncidents) -> Table:
    table = _table(("incident", "prio", "state", "metres", "score"), ("category", "because", "text"))
    for item in found.items:
        _add(table, _related(item), bold=False)
    return table


def letters_table(page: DeadLetterList) -> Table:
    table = _table(("letter", "when", "state"), ("reason", "origin", "became"))
    for item in page.items:
        state = f"{item.state}, fixed" if item.is_fixed and item.state == "open" else item.state
        state = f"{state}, erased" if item.erased_at else state
        cells = (item.letter_id, instant(item.at), state, item.reason, item.origin)
        _add(table, (*cells, item.incident_id), bold=False)
    return table


def counts_tables(told: IncidentCounts) -> Iterator[Table]:
    """States, then the open ones by what they are and by who has them."""
    states = _table(("state", "incidents"), ())
    for state, count in told.states.items():
        _add(states, (state, str(count)), bold=False)
    yield states
    opened = _table(("open", "incidents", "late"), ())
    for name, counted in (("all", told.open), *told.priorities.items(), *told.categories.items()):
        _add(opened, _counted(name or "no category", counted), bold=name == "all")
    yield opened
    have = _table(("responder", "offered", "claimed", "late"), ())
    for responder, has in told.responders.items():
        if has.offered or has.claimed:
            _add(have, (responder, str(has.offered), str(has.claimed), str(has.late)), bold=bool(has.late))
    yield have


def _related(item: RelatedIncident) -> tuple[str | None, ...]:
    metres = None if item.distance_m is None else f"{item.distance_m:.0f}"
    because = ", ".join(item.reasons)
    return (item.incident_id, item.priority, item.state, metres, f"{item.score:.2f}", item.category, because, item.text)


def _counted(name: str, counted: OpenCount) -> tuple[str, ...]:
    return name, str(counted.count), str(counted.late)


def _table(whole: Iterable[str], folded: Iterable[str]) -> Table:
    columns = [*(Column(name, no_wrap=True) for name in whole), *(Column(name, overflow="fold") for name in folded)]
    return Table(*columns, box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))


def _add(table: Table, cells: Iterable[str | None], *, bold: bool) -> None:
    table.add_row(*(cell or _NOTHING for cell in cells), style="bold" if bold else None)
