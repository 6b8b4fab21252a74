"""Which band of the day a local time falls into."""

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from routing_rules.clocks import sun_event
from routing_rules.model import Band, Point

_DAY = 24 * 60


class DayBands:
    """The bands of a bundle. Days with the sun in their edges are remembered; safe to share between threads."""

    def __init__(self, bands: Sequence[Band], zone: ZoneInfo, centre: Point | None) -> None:
        self._bands = bands
        self._zone = zone
        self._centre = centre
        self._days: dict[int, list[str | None]] = {}
        self._fixed = None if any(isinstance(edge, str) for band in bands for edge in (band.start, band.end)) else 0

    def of(self, local: datetime) -> str | None:
        """The first band around this time of the jurisdiction's zone."""
        if not self._bands:
            return None
        day = local.toordinal() if self._fixed is None else self._fixed
        minutes = self._days.get(day)
        if minutes is None:
            if len(self._days) > 2_000:
                self._days.clear()
            minutes = self._days[day] = self._minutes(local.date())
        return minutes[local.hour * 60 + local.minute]

    def _minutes(self, day: date) -> list[str | None]:
        minutes: list[str | None] = [None] * _DAY
        for band in reversed(self._bands):
            start, end = self._edge(band.start, day), self._edge(band.end, day)
            if start is None or end is None:  # the sun does not do that here today: an unknown band
                continue
            for minute in range(start, end if start < end else end + _DAY):
                minutes[minute % _DAY] = band.name
        return minutes

    def _edge(self, edge: int | str, day: date) -> int | None:
        if isinstance(edge, int):
            return edge
        event = None
        if self._centre is not None:
            event = sun_event("sunset" if edge == "sunset" else "civil-dusk", day, self._centre, self._zone)
        if event is None:
            return None
        local = event.astimezone(self._zone)
        return local.hour * 60 + local.minute
