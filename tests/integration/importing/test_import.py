"""Files taken at the engine's own clock, by the database's only user."""

from __future__ import annotations

import gzip
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from benchmarks.boston_replayed import fingerprint
from dispatcher.store import tables
from schemas import events as ev
from tests.integration.importing.conftest import Imports, Write, lamp

BROKEN = {1: b"L8,2025-01-12T12:00:00,lamp", 2: b"L9,yesterday,lamp,text,46.6,126.1,,", 3: b"L7,\xff,lamp,text,,,,"}


def test_broken_rows_are_kept_with_file_and_line_and_stop_nobody(imports: Imports, write: Write) -> None:
    done = imports.takes(write([lamp(1), lamp(2), lamp(3), lamp(4)], broken=BROKEN))
    assert (done["rows_count"], done["taken_count"], done["repeated_count"]) == (7, 4, 0)
    assert [row["origin"] for row in done["dead_letters"]] == ["old.csv:3", "old.csv:5", "old.csv:7"]
    assert ["3 of 8" in done["dead_letters"][0]["reason"], "is no time" in done["dead_letters"][1]["reason"]] == [
        True
    ] * 2
    assert "utf-8" in done["dead_letters"][2]["reason"]
    assert done["by_responder"] == {"urban-lighting": 4}
    with imports.store() as store, store.reading() as connection:
        kept = {row.origin: row for row in connection.execute(select(tables.letters))}
    assert {origin: row.raw.rstrip(b"\n") for origin, row in kept.items()} == {
        "old.csv:3": BROKEN[1],
        "old.csv:5": BROKEN[2],
        "old.csv:7": BROKEN[3],
    }
    assert "yesterday" in json.loads(kept["old.csv:5"].headers)["problem"]
    assert {event.reason for event in imports.events(ev.DeadLettered)} == {"broken-row"}, "the journal quotes no row"


def test_a_second_run_adds_nothing(imports: Imports, write: Write) -> None:
    file = write([lamp(1, done="2025-01-12T13:00:00"), lamp(2)], broken=BROKEN)
    imports.takes(file)
    before = fingerprint(imports.folder / "liandong.db")
    again = imports.takes(file)
    assert fingerprint(imports.folder / "liandong.db") == before
    assert (again["taken_count"], again["repeated_count"], again["resolved_count"]) == (0, 2, 0)
    assert len(again["dead_letters"]) == 3


def test_what_was_closed_was_closed_then_by_the_owner(imports: Imports, write: Write) -> None:
    done = imports.takes(write([lamp(1, done="2025-01-12T13:00:00"), lamp(2)]))
    at = datetime(2025, 1, 12, 5, 0, tzinfo=UTC)
    (claimed,), (resolved,) = imports.events(ev.IncidentClaimed), imports.events(ev.IncidentResolved)
    assert (claimed.responder, claimed.at) == (resolved.responder, resolved.at) == ("urban-lighting", at)
    assert done["resolved_count"] == 1
    assert done["breaches"] == {}


@pytest.mark.parametrize(("done", "breaches"), [("14:00:00", {}), ("14:00:01", {"resolution": 1})])
def test_due_times_of_the_file(imports: Imports, write: Write, done: str, breaches: dict[str, int]) -> None:
    file = write([lamp(1, due="2025-01-12T14:00:00", done=f"2025-01-12T{done}")])
    assert imports.takes(file, "--clocks", "file")["breaches"] == breaches
    (decided,) = imports.events(ev.RoutingDecided)
    assert decided.decision.claim_due_at is None
    assert decided.decision.resolution_due_at == datetime(2025, 1, 12, 6, 0, tzinfo=UTC)


def test_the_same_id_with_other_content_is_named(imports: Imports, write: Write) -> None:
    imports.takes(write([lamp(1)]))
    again = imports.takes(write([lamp(1, text="路灯又坏了"), lamp(2)]))
    assert again["taken_count"] == 1
    assert again["dead_letters"] == [{"origin": "old.csv:2", "reason": "ReportConflict"}]


def test_json_lines_packed(imports: Imports, tmp_path: Path) -> None:
    path = tmp_path / "old.jsonl.gz"
    lines = [json.dumps(lamp(number) | {"due": "", "done": ""}, ensure_ascii=False) for number in (1, 2)]
    path.write_bytes(gzip.compress("\n".join([lines[0], "{broken", lines[1]]).encode()))
    done = imports.takes(path)
    assert done["taken_count"] == 2
    assert [row["origin"] for row in done["dead_letters"]] == ["old.jsonl.gz:2"]


def test_a_damaged_archive_ends_with_its_line_and_keeps_what_came_before(imports: Imports, write: Write) -> None:
    rows = [lamp(number, text=hashlib.sha256(str(number).encode()).hexdigest() * 4) for number in range(1000)]
    packed = gzip.compress(write(rows).read_bytes(), mtime=0)
    path = imports.folder.with_name("cut.csv.gz")
    path.write_bytes(packed[: len(packed) * 2 // 3])
    code, told = imports.refused(*imports.words(path))
    assert code == 1
    assert "cannot be read further" in told
    taken = len(imports.events(ev.ReportReceived))
    assert 0 < taken < 1000
    assert f"cut.csv.gz:{taken + 2}:" in told
    assert f"{taken} rows so far" in told


@pytest.mark.parametrize(
    ("file", "mapping", "words"),
    [
        ("no.csv", "map.yaml", "No such file"),
        ("old.csv", "no.yaml", "No such file"),
        ("old.csv", "bad.yaml", "column 'opne' is not in old.csv"),
    ],
)
def test_what_cannot_be_read_is_said(imports: Imports, write: Write, file: str, mapping: str, words: str) -> None:
    folder = write([lamp(1)]).parent
    (folder / "bad.yaml").write_text(imports.mapping.read_text().replace("reported_at: at", "reported_at: opne"))
    code, told = imports.refused("import", str(folder / file), "--mapping", str(folder / mapping))
    assert code == 1
    assert words in told


def test_the_summary_in_words(imports: Imports, write: Write) -> None:
    told = imports.typed(*imports.words(write([lamp(1), lamp(2)], broken=BROKEN))).stdout
    assert "old.csv: 5 rows" in told
    assert "old.csv:3  has 3 of 8 columns" in told
    assert "2  urban-lighting" in told
