"""A CSV or JSONL file (.gz too) as a stream of reports, one result for each row, whatever the row is like."""

import csv
import zlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from connectors.files.cells import BadCell, Cell, Column, Row, bind, bind_number, bind_text, bind_time
from connectors.files.lines import Lines
from connectors.files.mapping import Format, Mapping, PlaceRecipe
from connectors.files.yaml_keys import MappingError
from schemas.decode import Undecodable, decode_json, report_from
from schemas.reports import Report

SAMPLE_ROWS = 100  # of a JSONL file, which has no header: a column that none of them has is taken for a mistake
Part = tuple[str, Callable[[Row], object]]
_DAMAGE = (OSError, EOFError, zlib.error)


class FileError(Exception):
    """The file itself cannot be read (on): str() is "file:line: message"."""

    def __init__(self, file: str, line: int, message: str) -> None:
        super().__init__(f"{file}:{line}: {message}")
        self.file, self.line, self.message = file, line, message


class RowResult(NamedTuple):
    """One row. Either `report`, or `problem` says what is wrong with it and `raw` holds its bytes.

    `line` is the row's first line, from 1; `closed_at` is when the case was closed, if the mapping names that column.
    """

    line: int
    report: Report | None
    closed_at: datetime | None = None
    warnings: tuple[str, ...] = ()
    problem: str | None = None
    raw: bytes = b""


class ReportFile:
    """An open file; iterate once. Memory does not grow with the file.

    `with_due` takes the due times that the mapping names; without it the rules' clocks hold.
    Raises OSError, MappingError (a column that the file lacks) and FileError (no header, damaged archive).
    """

    def __init__(self, path: Path, mapping: Mapping, *, with_due: bool = False) -> None:
        self._path = path
        self._mapping = mapping
        self._format = mapping.format or format_of(path)
        self._lines = Lines(path, mapping.encoding)
        try:
            self._records, locate = self._open()
            self._make = _maker(mapping, locate, with_due=with_due)
            self._closed_at = bind_time(mapping.closed_at, locate) if mapping.closed_at else None
        except BaseException:
            self._lines.__exit__(None, None, None)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.__exit__(kind, error, trace)

    def __iter__(self) -> Iterator[RowResult]:
        for record in self._records:
            lines = self._lines
            if isinstance(record, str):
                yield RowResult(lines.first, None, problem=record, raw=b"".join(lines.taken))
                continue
            try:
                report, warnings = report_from(self._make(record))
                closed_at = self._closed_at(record) if self._closed_at else None
            except (BadCell, Undecodable) as error:
                yield RowResult(lines.first, None, problem=str(error), raw=b"".join(lines.taken))
            else:
                yield RowResult(lines.first, report, closed_at, warnings)

    def skip(self, count: int) -> int:
        """Pass over so many rows without making reports of them; returns how many there were. Raises FileError."""
        return sum(1 for _ in islice(self._records, count))

    def _open(self) -> tuple[Iterator[Row | str], Callable[[Column], Cell]]:
        if self._format == "jsonl":
            return self._guarded(_json_records(self._lines, self._mapping.encoding)), self._json_locator()
        records = self._guarded(_csv_records(self._lines, self._mapping.delimiter))
        header = next(records, None)
        if not isinstance(header, list):
            raise FileError(str(self._path), 1, header or "is empty, where a header was expected")
        header[0] = header[0].removeprefix("\ufeff")
        return _of_length(records, len(header), self._lines), self._csv_locator(header)

    def _guarded(self, records: Iterable[Row | str]) -> Iterator[Row | str]:
        try:
            yield from records
        except _DAMAGE as error:
            line = self._lines.first + len(self._lines.taken)
            raise FileError(str(self._path), line, f"cannot be read further: {error}") from error

    def _csv_locator(self, header: list[str]) -> Callable[[Column], Cell]:
        def locate(column: Column) -> Cell:
            if header.count(column.name) != 1:
                self._no_column(column, header, "is there twice in" if column.name in header else "is not in")
            index = header.index(column.name)
            return lambda row: row[index] or None

        return locate

    def _json_locator(self) -> Callable[[Column], Cell]:
        with Lines(self._path, self._mapping.encoding) as lines:
            sample = islice(self._guarded(_json_records(lines, self._mapping.encoding)), SAMPLE_ROWS)
            known = list(dict.fromkeys(name for record in sample if isinstance(record, dict) for name in record))

        def locate(column: Column) -> Cell:
            if known and column.name not in known:
                self._no_column(column, known, f"is in none of the first {SAMPLE_ROWS} rows of")
            name = column.name
            return lambda row: None if (value := row.get(name)) == "" else value

        return locate

    def _no_column(self, column: Column, known: list[str], how: str) -> None:
        message = f"column {column.name!r} {how} {self._path.name}, which has: {', '.join(known)}"
        raise MappingError(self._mapping.file, column.line, column.column, message)


def format_of(path: Path) -> Format:
    """By the name: .jsonl, .ndjson or .json are JSON lines, anything else CSV; .gz does not count."""
    name = path.name.removesuffix(".gz")
    return "jsonl" if name.endswith((".jsonl", ".ndjson", ".json")) else "csv"


def _csv_records(lines: Lines, delimiter: str) -> Iterator[list[str] | str]:
    """Rows, or what is wrong with one. After an error reading goes on with the line after the broken row's first."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.begin()
        try:
            row = next(reader, None)
        except csv.Error as error:
            lines.keep_first_only()
            yield f"is no CSV: {error}"
            continue
        if row is None:
            return
        if lines.problem:
            problem = lines.problem
            lines.keep_first_only()
            yield problem
        elif row:
            yield row


def _of_length(records: Iterator[Row | str], length: int, lines: Lines) -> Iterator[Row | str]:
    for record in records:
        if isinstance(record, str) or len(record) == length:
            yield record
        else:
            lines.keep_first_only()
            yield f"has {len(record)} of {length} columns"


def _json_records(lines: Lines, encoding: str) -> Iterator[dict[str, object] | str]:
    while True:
        lines.begin()
        try:
            raw = lines.next_raw()
        except StopIteration:
            return
        if not raw.strip(b"\xef\xbb\xbf \t\r\n"):
            continue
        try:
            value = decode_json(raw.removeprefix(b"\xef\xbb\xbf") if encoding == "utf-8" else _recoded(raw, encoding))
        except (Undecodable, UnicodeDecodeError) as error:
            yield f"is no JSON object: {error}"
            continue
        yield value if isinstance(value, dict) else "is no JSON object"


def _recoded(raw: bytes, encoding: str) -> bytes:
    return raw.decode(encoding).encode()


def _maker(mapping: Mapping, locate: Callable[[Column], Cell], *, with_due: bool) -> Callable[[Row], dict[str, object]]:
    """A function from a row to the fields of its report; an empty field is left out."""
    parts: list[Part] = []
    for name, recipe in mapping.fields.items():
        parts.append((name, bind(recipe, locate) if name == "severity" else bind_text(recipe, locate)))
    if mapping.reported_at:
        parts.append(("reported_at", bind_time(mapping.reported_at, locate)))
    if mapping.location:
        parts.append(("location", _place(mapping.location, locate)))
    if mapping.attributes:
        parts.append(("attributes", _object([(n, bind(r, locate)) for n, r in mapping.attributes.items()])))
    if mapping.reporter:
        parts.append(("reporter", _object([(n, bind_text(r, locate)) for n, r in mapping.reporter.items()])))
    if mapping.due and with_due:
        clocks = [(name, bind_time(recipe, locate) if recipe else _nothing) for name, recipe in mapping.due.items()]
        parts.append(("due", lambda row: {name: cell(row) for name, cell in clocks}))
    return lambda row: {name: value for name, cell in parts if (value := cell(row)) is not None}


def _object(parts: list[Part]) -> Callable[[Row], dict[str, object]]:
    return lambda row: {name: value for name, cell in parts if (value := cell(row)) is not None}


def _nothing(_: Row) -> None:
    return None


def _place(recipe: PlaceRecipe, locate: Callable[[Column], Cell]) -> Callable[[Row], dict[str, object] | None]:
    lat, lon = bind_number(recipe.lat, locate), bind_number(recipe.lon, locate)
    unless = [(bind_text(mark, locate), texts) for mark, texts in recipe.unless]
    crs = recipe.crs

    def place(row: Row) -> dict[str, object] | None:
        for mark, texts in unless:
            if mark(row) in texts:
                return None
        north, east = lat(row), lon(row)
        return None if north is None or east is None else {"lat": north, "lon": east, "crs": crs}

    return place
