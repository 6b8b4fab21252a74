"""Many open incidents of a kind near each other: one of them gathers the others, each stays what it is. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from dispatcher.core.context import Context, Verdict
from dispatcher.core.grouping import cells_around, distance_m
from dispatcher.core.lifecycle import OPEN
from routing_rules.coordinates import cell_of
from schemas import events as ev
from schemas.commands import GatherStorm
from schemas.incidents import Incident


class Standing(Struct, frozen=True, gc=False):
    """An open incident of one category: `point` (lat, lon) in degrees WGS-84, and how it stands to storms."""

    incident_id: str
    point: tuple[float, float]
    parent: str | None = None
    gathered: int = 0


def storms(standing: Sequence[Standing], *, count: int, within_m: float) -> Iterator[tuple[Standing, list[Standing]]]:
    """Parents with those that join them now; `standing` in order of age.

    A parent that is there takes whoever comes near it; else the oldest that has `count` - 1 others near it becomes one.
    """
    free = _Free((one for one in standing if one.parent is None and not one.gathered), within_m)
    for parent in (one for one in standing if one.gathered):
        if near := free.near(parent):
            free.take(near)
            yield parent, near
    for oldest in [*free]:
        if oldest in free and len(near := free.near(oldest)) >= count - 1:
            free.take([oldest, *near])
            yield oldest, near


class _Free:
    """Those that belong to no storm yet, found by cell: thousands may be open all over a city."""

    def __init__(self, standing: Iterable[Standing], within_m: float) -> None:
        self._within_m = within_m
        self._names = {one.incident_id: one for one in standing}
        self._cells: defaultdict[str, list[Standing]] = defaultdict(list)
        for one in self._names.values():
            self._cells[cell_of(one.point)].append(one)

    def __iter__(self) -> Iterator[Standing]:
        return iter(self._names.values())

    def __contains__(self, one: object) -> bool:
        return isinstance(one, Standing) and one.incident_id in self._names

    def take(self, gone: Iterable[Standing]) -> None:
        for one in gone:
            self._names.pop(one.incident_id, None)

    def near(self, one: Standing) -> list[Standing]:
        """In order of age."""
        around = (it for cell in cells_around(one.point, self._within_m) for it in self._cells.get(cell, ()))
        found = [it for it in around if it in self and it.incident_id != one.incident_id]
        within = [it for it in found if distance_m(it.point, one.point) <= self._within_m]
        return sorted(within, key=lambda it: it.incident_id)


def gather(incident: Incident, command: GatherStorm, ctx: Context) -> Verdict:
    """() when it is over, or so already: whoever watches looks at what may have moved on since."""
    at = ctx.effective(command)
    if incident.state not in OPEN:
        return ()
    if command.parent is None:
        new = command.gathered > incident.gathered and incident.parent is None
        return (ev.StormDeclared(gathered=command.gathered, at=at),) if new else ()
    if incident.parent is not None or incident.gathered or command.parent == incident.id:
        return ()
    return (ev.StormJoined(parent=command.parent, at=at),)
