"""Made-up files, a mapping for them, and what stands in the database afterwards."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dispatcher.store import Store
from schemas.events import JournalRow
from tests.installation import Installation
from tests.warm_parent import WarmParent

MAPPING = """\
zone: Asia/Shanghai
report:
  source: {value: 12345-old}
  source_id: id
  category: {template: "{kind}", map: {lamp: lighting/streetlight, water: water/outage}}
  text: text
  area: {value: "231223100"}
  location: {lat: lat, lon: lon}
  reported_at: at
due:
  claim_at: null
  resolution_at: due
closed_at: done
"""
COLUMNS = ("id", "at", "kind", "text", "lat", "lon", "due", "done")

Write = Callable[..., Path]


class Imports(Installation):
    """An installation that imports files."""

    def __init__(self, warm: WarmParent, folder: Path, **environment: str) -> None:
        super().__init__(warm, folder, **environment)
        self.mapping = folder.with_name("map.yaml")
        self.mapping.write_text(MAPPING, encoding="utf-8")

    def words(self, file: Path, *options: str) -> tuple[str, ...]:
        return ("import", str(file), "--mapping", str(self.mapping), *options)

    def takes(self, file: Path, *options: str) -> Any:
        """The summary of an import that is read to the end."""
        return self.said(*self.words(file, *options))

    @contextmanager
    def store(self) -> Iterator[Store]:
        """To look at, also beside a server."""
        url = self.environment.get("LIANDONG_DATABASE") or f"sqlite:///{self.folder / 'liandong.db'}"
        store = Store.open(url, exclusive=False)
        try:
            yield store
        finally:
            store.close()

    def journal(self) -> list[JournalRow]:
        with self.store() as store:
            return store.journal_after(0, 100_000)

    def events(self, kind: type) -> list[Any]:
        return [event for row in self.journal() for event in row.events if isinstance(event, kind)]


@pytest.fixture
def imports(warm: WarmParent, tmp_path: Path) -> Imports:
    return Imports(warm, tmp_path / "var")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a CSV file of rows (columns left out are empty); `broken` = lines put after the row of that number."""

    def written(
        rows: Iterable[Mapping[str, str]], name: str = "old.csv", broken: Mapping[int, bytes] | None = None
    ) -> Path:
        path = tmp_path / name
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        lines = path.read_bytes().splitlines(keepends=True)
        for number, raw in sorted((broken or {}).items(), reverse=True):
            lines.insert(number + 1, raw + b"\n")
        path.write_bytes(b"".join(lines))
        return path

    return written


def lamp(number: int, at: str = "2025-01-12T12:00:00", **more: str) -> dict[str, str]:
    """A streetlight of its own place, unless said otherwise."""
    lat, lon = f"{46.6 + number / 100:.4f}", "126.10"
    return {"id": f"L{number}", "at": at, "kind": "lamp", "text": "路灯坏了", "lat": lat, "lon": lon} | more
