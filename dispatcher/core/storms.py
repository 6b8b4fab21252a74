"""Many open incidents of a kind near each other: one of them gathers the others, each stays what it is. Pure."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from dispatcher.core.context import Context, Verdict
from dispatcher.core.grouping import distance_m
from dispatcher.core.lifecycle import OPEN
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
    free = [one for one in standing if one.parent is None and not one.gathered]
    for parent in (one for one in standing if one.gathered):
        near = _near(parent, free, within_m)
        if near:
            yield parent, near
            free = _without(free, near)
    for oldest in free:
        near = _near(oldest, free, within_m)
        if oldest in free and len(near) >= count - 1:
            yield oldest, near
            free = _without(free, [oldest, *near])


def _near(one: Standing, others: Sequence[Standing], within_m: float) -> list[Standing]:
    return [other for other in others if other is not one and distance_m(one.point, other.point) <= within_m]


def _without(standing: Sequence[Standing], gone: Sequence[Standing]) -> list[Standing]:
    names = {one.incident_id for one in gone}
    return [one for one in standing if one.incident_id not in names]


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
