"""From the cells of one row to one value: column, constant, template, lookup, slug, time.

A `Recipe` is what the mapping says; `bind` turns it into a function of a row once the file's columns are known.
Times come out as aware UTC datetimes. An empty cell is None, and so is whatever is made from one.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, cast
from zoneinfo import ZoneInfo

Row = Any  # list[str] of a CSV file, dict[str, object] of a JSONL file
Cell = Callable[[Row], object]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CIVIL_EPOCH = _EPOCH.replace(tzinfo=None)
_EPOCH_UNITS = {"epoch-s": "seconds", "epoch-ms": "milliseconds"}


class BadCell(ValueError):
    """A cell that cannot be what the mapping says it is."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column the mapping names, and where it does so (counted from 1)."""

    name: str
    line: int
    column: int


Locate = Callable[[Column], Cell]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one value is made. `pieces` = texts and columns in order; a single column keeps a JSON value's own type."""

    pieces: tuple[str | Column, ...]
    lookup: Mapping[str, str] = field(default_factory=dict)
    otherwise: str | None = None
    slug: bool = False
    number: bool = False

    @property
    def columns(self) -> tuple[Column, ...]:
        return tuple(piece for piece in self.pieces if isinstance(piece, Column))


@dataclass(frozen=True, slots=True)
class TimeRecipe:
    """A time without an offset is local time of `zone`. `format`: None = ISO 8601, epoch-s, epoch-ms, or strptime's."""

    source: Recipe
    zone: ZoneInfo
    format: str | None = None


def bind(recipe: Recipe, locate: Locate) -> Cell:
    """A function of a row; raises BadCell."""
    cell = _bind_pieces(recipe, locate)
    if recipe.lookup or recipe.otherwise is not None:
        cell = _looked_up(cell, recipe.lookup, recipe.otherwise)
    if recipe.number:
        return _as_number(cell, _named(recipe))
    return cell


def bind_text(recipe: Recipe, locate: Locate) -> Callable[[Row], str | None]:
    """As `bind`, and what comes out is a text."""
    cell, name = bind(recipe, locate), _named(recipe)
    if (recipe.slug or len(recipe.pieces) > 1) and not recipe.number:
        return cast("Callable[[Row], str | None]", cell)

    def text(row: Row) -> str | None:
        value = cell(row)
        return value if value is None or isinstance(value, str) else _text_of(value, name)

    return text


def bind_number(recipe: Recipe, locate: Locate) -> Callable[[Row], float | None]:
    """As `bind`, and what comes out is a finite number."""
    return _as_number(bind(recipe, locate), _named(recipe))


def bind_time(recipe: TimeRecipe, locate: Locate) -> Callable[[Row], datetime | None]:
    """As `bind`, and what comes out is an instant in UTC."""
    cell, name, zone, pattern = bind(recipe.source, locate), _named(recipe.source), recipe.zone, recipe.format
    read = _epoch_reader(_EPOCH_UNITS[pattern]) if pattern in _EPOCH_UNITS else _civil_reader(zone, pattern)

    def instant(row: Row) -> datetime | None:
        value = cell(row)
        if value is None:
            return None
        try:
            return read(value)
        except (ValueError, TypeError, OverflowError):
            raise BadCell(f"{name}: {_shown(value)} is no time ({pattern or 'ISO 8601'})") from None

    return instant


def _epoch_reader(unit: str) -> Callable[[Any], datetime]:
    return lambda value: _EPOCH + timedelta(**{unit: float(value)})


def _civil_reader(zone: ZoneInfo, pattern: str | None) -> Callable[[Any], datetime]:
    """A local time that was skipped counts as much later; one told twice is the first (PEP 495, fold 0)."""

    def read(value: Any) -> datetime:  # noqa: ANN401  # a wrong type is the caller's TypeError
        at: datetime = datetime.fromisoformat(value) if pattern is None else datetime.strptime(value, pattern)  # noqa: DTZ007
        if at.tzinfo is not None:
            return at.astimezone(UTC)
        offset = zone.utcoffset(at) or timedelta(0)
        return _EPOCH + (at - _CIVIL_EPOCH - offset)  # what at.replace(tzinfo=zone) gives, in a third of the time

    return read


def _bind_pieces(recipe: Recipe, locate: Locate) -> Cell:
    if len(recipe.pieces) == 1 and isinstance(recipe.pieces[0], Column):
        cell = locate(recipe.pieces[0])
        return _slugged(cell, _named(recipe)) if recipe.slug else cell
    if not recipe.columns:
        constant = "".join(piece for piece in recipe.pieces if isinstance(piece, str))
        return lambda _: constant
    return _joined(recipe, locate)


def _joined(recipe: Recipe, locate: Locate) -> Cell:
    cells = [locate(column) for column in recipe.columns]
    pattern = "".join(piece.replace("%", "%%") if isinstance(piece, str) else "%s" for piece in recipe.pieces)
    name = _named(recipe)

    @lru_cache(maxsize=4096)  # kinds repeat: each combination is slugged once
    def fill_slugged(texts: tuple[str, ...]) -> str:
        return pattern % tuple([slugged(text) for text in texts])

    fill = fill_slugged if recipe.slug else pattern.__mod__

    def joined(row: Row) -> str | None:
        values = [cell(row) for cell in cells]
        return None if None in values else fill(tuple([_text_of(value, name) for value in values]))

    return joined


def _slugged(cell: Cell, name: str) -> Cell:
    remembered = lru_cache(maxsize=4096)(slugged)
    return lambda row: None if (value := cell(row)) is None else remembered(_text_of(value, name))


def slugged(text: str) -> str:
    """Lower case; what is no letter or digit (of any script) becomes one hyphen: "Bed  Bugs!" → "bed-bugs"."""
    return re.sub(r"[\W_]+", "-", text.lower()).strip("-")


def _looked_up(cell: Cell, lookup: Mapping[str, str], otherwise: str | None) -> Cell:
    def looked_up(row: Row) -> object:
        value = cell(row)
        return None if value is None else lookup.get(str(value), value if otherwise is None else otherwise)

    return looked_up


def _as_number(cell: Cell, name: str) -> Callable[[Row], float | None]:
    def number(row: Row) -> float | None:
        value = cell(row)
        if value is None:
            return None
        try:
            found = float(value)  # type: ignore[arg-type]  # a wrong type is answered below
        except (TypeError, ValueError):
            found = math.nan
        if not math.isfinite(found):
            raise BadCell(f"{name}: {_shown(value)} is no number")
        return int(found) if found.is_integer() else found

    return number


def _text_of(value: object, name: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise BadCell(f"{name}: holds {'a list' if isinstance(value, list) else 'an object'}, not a text")


def _named(recipe: Recipe) -> str:
    return "column " + ", ".join(column.name for column in recipe.columns) if recipe.columns else "constant"


def _shown(value: object) -> str:
    """Enough of a cell to find it, and no more: cells can hold personal data."""
    return f"{value!r:.40}"
