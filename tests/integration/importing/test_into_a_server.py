"""Files taken by a running server, through its HTTP door."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from dispatcher.store import tables
from schemas import events as ev
from tests.integration.importing.conftest import Imports, Write, lamp

BROKEN = {1: b"L8,2025-01-12T12:00:00,lamp"}


def test_rows_go_through_the_door_of_the_server(imports: Imports, write: Write) -> None:
    rows = [lamp(number, due="2025-01-12T14:00:00", done="2025-01-12T13:00:00") for number in range(250)]
    file = write(rows, broken=BROKEN)
    words = imports.words(file, "--clocks", "file")
    with imports.serving() as client:
        typed = imports.typed(*words)
        assert typed.returncode == 0, typed.stderr
        assert "closings are left out" in typed.stderr
        assert "old.csv: 251 rows" in typed.stdout
        assert client.get("/api/v1/incidents", params={"limit": 1}).json()["items"]
        again = imports.said(*words)
    assert (again["taken_count"], again["repeated_count"]) == (0, 250)
    assert [row["origin"] for row in again["dead_letters"]] == ["old.csv:3"]
    with imports.store() as store, store.reading() as connection:
        (letter,) = connection.execute(select(tables.letters)).all()
    assert (letter.origin, letter.reason, letter.raw.rstrip(b"\n")) == ("old.csv:3", "broken-row", BROKEN[1])
    due = {event.decision.resolution_due_at for event in imports.events(ev.RoutingDecided)}
    assert due == {datetime(2025, 1, 12, 6, 0, tzinfo=UTC)}
    assert imports.events(ev.IncidentClaimed) == []

    afterwards = imports.said(*words)
    assert (afterwards["taken_count"], afterwards["repeated_count"]) == (0, 250), "the same content by both ways"
    assert afterwards["resolved_count"] == 250, "now nobody else holds the database"


def test_a_row_too_large_for_the_door_is_a_dead_letter(imports: Imports, tmp_path: Path) -> None:
    path = tmp_path / "old.jsonl"
    rows = [lamp(1, due="", done=""), lamp(2, text="灯" * 700_000)]
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    with imports.serving():
        done = imports.takes(path)
    assert done["taken_count"] == 1
    assert done["dead_letters"] == [{"origin": "old.jsonl:2", "reason": "is larger than 1000000 bytes"}]
    with imports.store() as store, store.reading() as connection:
        assert len(connection.execute(select(tables.letters)).one().raw) > 2_000_000
