"""An import that is stopped, however, goes on where it stood: nothing is lost, nothing is taken twice."""

from __future__ import annotations

import gzip
import json
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from dispatcher.cli.import_marks import Going, MarkFile
from dispatcher.loops.import_tally import Counted, Tally
from schemas import events as ev
from tests.integration.importing.conftest import Imports, Write, lamp

COUNT = 1600
STOPPED = re.compile(r"stopped after (row|step) ([0-9,]+) of ([0-9,]+); the same command goes on there")


def marks(imports: Imports) -> list[Path]:
    return list((imports.folder / "imports").glob("*.json"))


def stop(imports: Imports, file: Path, number: signal.Signals, *options: str) -> tuple[int, str]:
    """Exit code and words of an import that gets a signal once something is taken."""
    imports.log.unlink(missing_ok=True)
    running = imports.launch(*imports.words(file, *options))
    while not marks(imports):
        assert running.poll() is None, imports.log.read_text(encoding="utf-8")
        time.sleep(0.003)
    running.send_signal(number)
    code = running.wait()
    return code, imports.log.read_text(encoding="utf-8")


def go_on(imports: Imports, file: Path, *options: str) -> tuple[dict[str, Any], str]:
    """Summary and what was said beside it."""
    typed = imports.typed(*imports.words(file, *options), "--json")
    assert typed.returncode == 0, typed.stdout + typed.stderr
    return json.loads(typed.stdout), typed.stderr


def place_of(told: str) -> int:
    found = STOPPED.search(told)
    assert found is not None, told
    return int(found[2].replace(",", ""))


def packed(path: Path) -> Path:
    packing = path.with_name(f"{path.name}.gz")
    packing.write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    return packing


@pytest.mark.parametrize(("number", "pack"), [(signal.SIGINT, False), (signal.SIGTERM, True)])
def test_told_to_stop_it_says_where_and_goes_on_there(
    imports: Imports, write: Write, number: signal.Signals, *, pack: bool
) -> None:
    file = write([lamp(each) for each in range(COUNT)], broken={0: b"L,too,short"})
    file = packed(file) if pack else file
    code, told = stop(imports, file, number)
    assert code == 130
    place = place_of(told)
    assert 0 < place < COUNT
    assert f"{place} rows so far" in told
    before = len(imports.events(ev.ReportReceived))
    assert before == place - 1, "and the broken one"
    done, said = go_on(imports, file)
    assert f"goes on after row {place:,}" in said
    assert (done["rows_count"], done["taken_count"], done["repeated_count"]) == (COUNT + 1, COUNT, 0)
    assert (done["earlier_letters_count"], done["dead_letters"]) == (1, [])
    assert done["by_responder"] == {"urban-lighting": COUNT}
    assert len({event.key for event in imports.events(ev.ReportReceived)}) == COUNT
    assert marks(imports) == []


def test_killed_it_repeats_one_piece_at_most(imports: Imports, write: Write) -> None:
    file = write([lamp(number, done="2025-01-12T13:00:00") for number in range(COUNT)])
    assert stop(imports, file, signal.SIGKILL)[0] == -signal.SIGKILL
    (mark,) = marks(imports)
    assert mark.stat().st_mode & 0o777 == 0o600
    done, said = go_on(imports, file)
    assert "goes on after row" in said
    assert done["rows_count"] == done["taken_count"] + done["repeated_count"] == COUNT
    assert 0 <= done["repeated_count"] <= 200
    assert len(imports.events(ev.ReportReceived)) == len(imports.events(ev.IncidentResolved)) == COUNT


def test_a_file_that_was_changed_is_read_from_its_first_row(imports: Imports, write: Write) -> None:
    rows = [lamp(number) for number in range(COUNT)]
    place = place_of(stop(imports, write(rows), signal.SIGINT)[1])
    done, said = go_on(imports, write([lamp(COUNT), *rows]))
    assert f"row {place:,} was reached before, but the file was changed since: read from the first row" in said
    assert (done["taken_count"], done["repeated_count"]) == (COUNT + 1 - place, place)


def test_from_start_with_other_options_or_for_another_database_it_begins_anew(imports: Imports, write: Write) -> None:
    file = write([lamp(number) for number in range(COUNT)])
    place = place_of(stop(imports, file, signal.SIGINT)[1])
    _, said = go_on(imports, write([lamp(1)], "other.csv"))
    assert said == "", "the mark is of that file alone"
    mark = marks(imports)[0]
    kept = mark.read_bytes()
    done, said = go_on(imports, file, "--from-start")
    assert (done["repeated_count"], said) == (place, "")
    mark.write_bytes(kept)
    done, said = go_on(imports, file, "--group", "none")
    assert "mapping or options were others then" in said
    assert done["repeated_count"] == COUNT

    mark.write_bytes(kept)
    for path in imports.folder.glob("liandong.db*"):
        path.unlink()
    done, said = go_on(imports, file)
    assert "the database does not hold what was taken then" in said
    assert (done["taken_count"], done["repeated_count"]) == (COUNT, 0)


def test_into_a_running_server_and_after_that_server_s_end(imports: Imports, write: Write) -> None:
    file = write([lamp(number) for number in range(COUNT)])
    server = imports.start()
    code, told = stop(imports, file, signal.SIGINT)
    assert code == 130
    place = place_of(told)
    imports.log.unlink()
    running = imports.launch(*imports.words(file))
    while f'"place":{place},' in marks(imports)[0].read_text():
        assert running.poll() is None, imports.log.read_text(encoding="utf-8")
        time.sleep(0.003)
    server.kill()
    assert running.wait() == 1
    told = imports.log.read_text(encoding="utf-8")
    assert f"goes on after row {place:,}" in told
    assert "does not answer" in told
    assert place_of(told) > place
    server.wait()
    with imports.serving():
        done, _ = go_on(imports, file)
    assert done["rows_count"] == done["taken_count"] + done["repeated_count"] == COUNT
    assert 0 <= done["repeated_count"] <= 200
    assert len({event.key for event in imports.events(ev.ReportReceived)}) == COUNT


def test_a_replay_goes_on_to_the_same_end(imports: Imports, write: Write, tmp_path: Path) -> None:
    rows = [
        lamp(
            number,
            f"2025-01-12T12:{number % 60:02}:00",
            due="2025-01-12T14:00:00",
            done=f"2025-01-12T{13 + number % 3}:30:00",
        )
        for number in range(800)
    ]
    file, options = write([*rows, {"id": "L", "kind": "lamp"}]), ("--replay", "--clocks", "file")
    whole = Imports(imports._warm, tmp_path / "whole")
    expected = whole.takes(file, *options)
    told = stop(imports, file, signal.SIGTERM, *options)[1]
    place = place_of(told)
    assert "stopped after step" in told
    sent = len(imports.journal())
    done, said = go_on(imports, file, *options)
    assert f"goes on after step {place:,}" in said
    assert done == expected | {"earlier_letters_count": 1, "dead_letters": []}
    journals = [
        [(row.at, row.actor, *(type(event) for event in row.events)) for row in each.journal()]
        for each in (imports, whole)
    ]
    assert journals[0] == journals[1]
    assert 0 < sent < len(journals[0])


# ── the mark itself ─────────────────────────────────────────────────────────────────────────────────
def mark_file(folder: Path, way: str = "w") -> MarkFile:
    file = folder / "old.csv"
    file.write_text("id\n1\n")
    return MarkFile(folder / "imports", file, way=way)


def test_a_piece_that_opens_nothing_proves_nothing(tmp_path: Path) -> None:
    tally = Tally("old.csv")
    going = Going(mark_file(tmp_path), tally, unit="row", from_start=False)
    assert going.begin(lambda _: True) == (0, None)
    going.moved(200, None)
    assert going.stopped() == "stopped after row 200; the same command reads from the first row and takes nothing twice"
    going.moved(400, "I1")
    going.moved(600, None)
    going.total = 1000
    assert going.stopped() == "stopped after row 600 of 1,000; the same command goes on after row 400"
    again = Going(mark_file(tmp_path), tally, unit="row", from_start=False)
    assert again.begin("I1".__eq__) == (400, "goes on after row 400")


@pytest.mark.parametrize("torn", [b"", b"{", b"[]", b'{"place":5}'])
def test_a_torn_mark_is_none(tmp_path: Path, torn: bytes) -> None:
    marks = mark_file(tmp_path)
    marks.keep(200, "I1", Counted(rows_count=200))
    assert marks.found() is not None
    (path,) = (tmp_path / "imports").iterdir()
    path.write_bytes(torn)
    assert marks.found() is None
