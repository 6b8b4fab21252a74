"""Files taken at their own times: the order of things, alarms, and where a replay is not allowed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select

from benchmarks.boston_replayed import fingerprint
from connectors.files.mapping import load_mapping
from connectors.files.reports import ReportFile
from dispatcher.bootstrap import open_engine
from dispatcher.loops.file_replay import Foreseen, Replay, ReplayClock, carry_out, foresee, may_replay
from dispatcher.loops.import_tally import Tally
from dispatcher.service import StoredBundles
from dispatcher.settings import Settings
from dispatcher.store import tables
from schemas import events as ev
from schemas.commands import Command, SubmitReport
from schemas.incidents import Incident
from schemas.outcomes import Outcome
from tests.integration.importing.conftest import Imports, Write, lamp
from tests.warm_parent import WarmParent

NOON = datetime(2025, 1, 12, 4, 0, tzinfo=UTC)
NEVER = datetime.max.replace(tzinfo=UTC)
TICK = timedelta(microseconds=1)


def by_file(imports: Imports, file: Path, *more: str) -> dict[str, int]:
    """Breaches of a replay with the file's due times."""
    breaches: dict[str, int] = imports.takes(file, "--replay", "--clocks", "file", *more)["breaches"]
    return breaches


def test_the_file_s_times_drive_the_clock_whatever_its_order(imports: Imports, write: Write) -> None:
    rows = [
        lamp(3, "2025-01-12T12:30:00"),
        lamp(1, "2025-01-12T12:00:00", done="2025-01-12T12:30:00"),
        lamp(2, "2025-01-12T12:10:00", done="2025-01-12T12:10:00"),
    ]
    done = imports.takes(write(rows), "--replay")
    journal = imports.journal()
    assert all(before.at <= after.at for before, after in pairwise(journal))
    told = [(row.at - NOON, type(event).__name__) for row in journal for event in row.events]
    minutes = {name: [at.total_seconds() / 60 for at, event in told if event == name] for _, name in told}
    assert minutes["ReportReceived"] == [0, 10, 30]
    assert minutes["IncidentResolved"] == [10, 30]
    assert minutes["ClockBreached"] == [20 + TICK.total_seconds() / 60]  # lamp 1 was not claimed within 20 minutes
    assert done["reached_at"] == "2025-01-12T04:30:00Z"


def test_late_is_strictly_later_than_due(imports: Imports, write: Write) -> None:
    done = ("13:59:59", "14:00:00", "14:00:00.000001", "14:00:01", "")  # the second is on time: commands before alarms
    rows = [
        lamp(number, due="2025-01-12T14:00:00", done=at and f"2025-01-12T{at}")
        for number, at in enumerate(done, start=1)
    ]
    assert by_file(imports, write([*rows, lamp(9, "2025-01-12T18:00:00")])) == {"resolution": 3}
    due_at = datetime(2025, 1, 12, 6, 0, tzinfo=UTC)
    rang = [(event.due_at, event.fired_at) for event in imports.events(ev.ClockBreached)]
    assert rang == [(due_at, due_at + TICK)] * 3
    with imports.store() as store, store.reading() as connection:
        docs = connection.execute(select(tables.incidents.c.doc).order_by(tables.incidents.c.id)).scalars()
        incidents = [msgspec.json.decode(doc, type=Incident) for doc in docs]
    rung = {
        incident.resolved_at: incident.clocks[0].breached_at is not None for incident in incidents if incident.clocks
    }
    assert [late for _, late in sorted(rung.items(), key=lambda pair: pair[0] or NEVER)] == [
        False,
        False,
        True,
        True,
        True,
    ]


def test_nothing_rings_after_the_last_instant_of_the_file(imports: Imports, write: Write) -> None:
    rows = [lamp(1, due="2025-01-12T14:00:00"), lamp(2, due="2025-01-12T14:00:01"), lamp(3, "2025-01-12T14:00:01")]
    assert by_file(imports, write(rows)) == {"resolution": 1}


def test_a_later_file_goes_on_where_the_earlier_ended(imports: Imports, write: Write) -> None:
    assert by_file(imports, write([lamp(1, due="2025-01-13T12:00:00")], "first.csv")) == {}
    assert by_file(imports, write([lamp(2, "2025-01-14T12:00:00")], "second.csv")) == {"resolution": 1}


def test_due_before_it_was_reported_rings_at_once(imports: Imports, write: Write) -> None:
    rows = [lamp(1, due="2025-01-12T11:00:00", done="2025-01-12T12:00:00"), lamp(2, "2025-01-12T13:00:00")]
    assert by_file(imports, write(rows)) == {"resolution": 1}
    (rang,) = imports.events(ev.ClockBreached)
    assert rang.due_at == NOON - timedelta(hours=1)


def test_a_second_run_adds_nothing(imports: Imports, write: Write) -> None:
    rows = [lamp(number, due="2025-01-12T12:00:30", done=f"2025-01-12T12:0{number}:00") for number in range(9)]
    file = write([*rows, {"id": "L9", "kind": "lamp", "text": "没有时间"}])
    done = imports.takes(file, "--replay", "--clocks", "file")
    assert (done["taken_count"], done["resolved_count"], done["breaches"]) == (9, 9, {"resolution": 8})
    assert done["dead_letters"] == [{"origin": "old.csv:11", "reason": "has no reported_at, and a replay goes by it"}]
    before = fingerprint(imports.folder / "liandong.db")
    again = imports.takes(file, "--replay", "--clocks", "file")
    assert fingerprint(imports.folder / "liandong.db") == before
    assert (again["taken_count"], again["repeated_count"], again["breaches"]) == (0, 9, {})


def test_on_postgresql(warm: WarmParent, tmp_path: Path, postgres_url: str, write: Write) -> None:
    imports = Imports(warm, tmp_path / "var", LIANDONG_DATABASE=postgres_url)
    file = write([lamp(1, due="2025-01-12T14:00:00", done="2025-01-12T14:00:01"), lamp(2)])
    assert by_file(imports, file) == {"resolution": 1}
    assert {row.at for row in imports.journal()} <= {NOON + timedelta(seconds=s) for s in (0, 7200.000001, 7201)}
    assert imports.takes(file, "--replay", "--clocks", "file")["repeated_count"] == 2


def test_joined_rows_end_with_the_row_that_opened_the_incident(imports: Imports, write: Write) -> None:
    near = {"lat": "46.6100", "lon": "126.10"}
    rows = [
        lamp(1, "2025-01-12T12:00:00", done="2025-01-12T13:00:00"),
        lamp(2, "2025-01-12T12:05:00", done="2025-01-12T12:10:00", **near),
        lamp(3, "2025-01-12T12:50:00", **near),
        lamp(4, "2025-01-12T13:10:00", **near),
    ]
    done = imports.takes(write(rows), "--replay")
    assert (done["joined_count"], done["resolved_count"]) == (2, 1)
    decided = imports.events(ev.RoutingDecided)
    assert len({event.incident_id for event in decided[:3]}) == 1
    assert decided[3].incident_id != decided[0].incident_id


@pytest.mark.parametrize(("group", "joined"), [("pack", 1), ("none", 0)])
def test_grouping_can_be_switched_off(imports: Imports, write: Write, group: str, joined: int) -> None:
    rows = [lamp(1), lamp(1, "2025-01-12T12:01:00", id="L2")]
    assert imports.takes(write(rows), "--replay", "--group", group)["joined_count"] == joined


def test_refused_where_real_reports_are(imports: Imports, write: Write) -> None:
    imports.said("report", "路灯坏了")
    before = fingerprint(imports.folder / "liandong.db")
    code, told = imports.refused(*imports.words(write([lamp(1)]), "--replay"))
    assert code == 2
    assert "holds more than replays" in told
    assert fingerprint(imports.folder / "liandong.db") == before


def test_refused_where_a_replay_has_been_gone_on_with(imports: Imports, write: Write) -> None:
    file = write([lamp(1)])
    imports.takes(file, "--replay")
    imports.said("report", "路灯坏了")
    assert imports.refused(*imports.words(file, "--replay"))[0] == 2


def test_refused_beside_a_server(imports: Imports, write: Write) -> None:
    with imports.serving():
        for options in (["--replay"], ["--group", "none"]):
            code, told = imports.refused(*imports.words(write([lamp(1)]), *options))
            assert code == 2
            assert "stop the server first" in told
    assert imports.events(ev.ReportReceived) == []


def test_a_damaged_archive_is_not_begun(imports: Imports) -> None:
    path = imports.folder.with_name("cut.csv.gz")
    path.write_bytes(b"\x1f\x8b\x08\x00" + bytes(20))
    code, told = imports.refused(*imports.words(path, "--replay"))
    assert code == 1
    assert "cut.csv.gz" in told
    assert not (imports.folder / "liandong.db").exists()


class Killed(Exception):
    """As SIGKILL would: nothing after it is done."""


class Run:
    """A replay in this process, which can be cut off after some batches."""

    def __init__(self, folder: Path, file: Path, mapping: Path) -> None:
        self.settings = Settings(database=f"sqlite:///{folder / 'liandong.db'}", var=folder)
        self._file = file
        self._mapping = mapping

    def go(self, batches: int | None = None) -> list[tuple[str, ...]]:
        """Raises Killed after so many batches. Returns the journal without random ids, in order."""
        with ReportFile(self._file, load_mapping(self._mapping), with_due=True) as rows:
            replay = Replay(self._file.name, list(rows), trusted=True)
        assert replay.begins_at is not None
        clock, tally = ReplayClock(replay.begins_at), Tally(self._file.name)
        engine = open_engine(self.settings, clock, observer=tally, replays=True)
        assert may_replay(engine.store)
        engine.start(tick=False)
        policies, secret = engine.policies.active(StoredBundles(engine.store)), engine.store.secret()

        def foreseeing(command: SubmitReport, at: datetime) -> Foreseen:
            return foresee(command, at, policies, secret)

        done = 0

        def handle(commands: Sequence[Command]) -> Sequence[Outcome]:
            nonlocal done
            if done == batches:
                raise Killed
            done += 1
            return engine.writer.submit(commands).result()

        try:
            waiting = engine.store.due_before(NEVER, 10_000)
            commands = replay.commands(foreseeing, waiting)
            carry_out(
                commands,
                handle,
                clock,
                tally,
                engine.store,
                stopping=lambda: False,
                progress=lambda _: None,
                done=lambda _: None,
            )
            rows_of_journal = engine.store.journal_after(0, 100_000)
            return [(row.at.isoformat(), row.actor, *(type(e).__name__ for e in row.events)) for row in rows_of_journal]
        finally:
            engine.stop()


def test_killed_it_goes_on_to_the_same_end(write: Write, imports: Imports, tmp_path: Path) -> None:
    rows = [
        lamp(
            number,
            f"2025-01-12T12:{number % 60:02}:00",
            due="2025-01-12T14:00:00",
            done=f"2025-01-12T{13 + number % 3}:30:00",
        )
        for number in range(400)
    ]
    file = write(rows)
    whole = Run(tmp_path / "whole", file, imports.mapping).go()
    cut = Run(tmp_path / "cut", file, imports.mapping)
    for batches in (2, 4):
        with pytest.raises(Killed):
            cut.go(batches)
    assert cut.go() == whole
    assert sum("ClockBreached" in row for row in whole) == len([row for row in rows if row["done"] > row["due"]])
