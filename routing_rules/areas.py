"""The area tree of a bundle: which declared area a code or a point belongs to."""

from collections.abc import Iterable, Mapping

from routing_rules.model import Area, Point


class AreaTree:
    """Declared areas with their ancestors. Immutable after construction."""

    def __init__(self, areas: Iterable[Area]) -> None:
        self._areas = {area.id: area for area in areas}
        self._parents = {area.id: area.parent or self._prefix_of(area.id[:-1]) for area in self._areas.values()}
        self._shaped = sorted(
            (area for area in self._areas.values() if area.bbox or area.polygon),
            key=lambda area: (-len(self.line_of(area.id)), area.id),
        )
        self.has_shapes = bool(self._shaped)

    @property
    def parents(self) -> Mapping[str, str | None]:
        return self._parents

    def node_of(self, code: str | None) -> str | None:
        """The declared area a code means: itself, or for digits the longest declared code that it begins with."""
        if code is None or code in self._areas:
            return code
        return self._prefix_of(code)

    def _prefix_of(self, code: str) -> str | None:
        if not (code.isascii() and code.isdigit()):
            return None
        for length in range(min(len(code), 64), 0, -1):
            if code[:length] in self._areas:
                return code[:length]
        return None

    def line_of(self, node: str) -> tuple[str, ...]:
        """The area and its ancestors, upwards. A circle of parents (refused by the parser) ends where it closes."""
        line: list[str] = []
        at: str | None = node
        while at is not None and at not in line:
            line.append(at)
            at = self._parents.get(at)
        return tuple(line)

    def below(self, node: str) -> frozenset[str]:
        """The area and everything under it."""
        return frozenset(area for area in self._areas if node in self.line_of(area))

    def at(self, point: Point) -> str | None:
        """The deepest area with a shape around this point; of equally deep ones the first by id."""
        return next((area.id for area in self._shaped if _contains(area, point)), None)


def _contains(area: Area, point: Point) -> bool:
    latitude, longitude = point
    if area.bbox:
        south, west, north, east = area.bbox
        if not (south <= latitude <= north and west <= longitude <= east):
            return False
    return not area.polygon or _inside(area.polygon, latitude, longitude)


def _inside(polygon: tuple[Point, ...], latitude: float, longitude: float) -> bool:
    """Even-odd rule: how many sides lie east of the point at its latitude."""
    inside = False
    for (lat_a, lon_a), (lat_b, lon_b) in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        if (lat_a > latitude) != (lat_b > latitude):
            crosses_at = lon_a + (latitude - lat_a) / (lat_b - lat_a) * (lon_b - lon_a)
            inside ^= longitude < crosses_at
    return inside
