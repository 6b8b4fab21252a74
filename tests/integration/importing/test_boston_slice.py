"""The first six hundred of Boston's records through the whole path; all of them: `make replay-boston`."""

from __future__ import annotations

import csv
import gzip
import itertools
from pathlib import Path

import pytest

from benchmarks.boston_city import RECORDS, read_city
from benchmarks.boston_replayed import read_replayed
from tests.integration.importing.conftest import Imports
from tests.warm_parent import WarmParent

ROWS = 600
MAPPING = Path(__file__).parents[3] / "routing_rules/packs/boston/imports/boston311.yaml"


@pytest.fixture
def boston(warm: WarmParent, tmp_path: Path) -> Imports:
    imports = Imports(warm, tmp_path / "var", LIANDONG_PACK="boston")
    imports.mapping = MAPPING
    return imports


@pytest.fixture
def slice_of_records(shared_data: Path, tmp_path: Path) -> Path:
    path = tmp_path / RECORDS
    with (
        gzip.open(shared_data / RECORDS, "rt", encoding="utf-8", newline="") as file,
        gzip.open(path, "wt", encoding="utf-8", newline="") as cut,
    ):
        csv.writer(cut).writerows(itertools.islice(csv.reader(file), ROWS + 1))
    return path


def test_breach_is_what_the_city_calls_overdue(boston: Imports, slice_of_records: Path) -> None:
    done = boston.takes(slice_of_records, "--replay", "--group", "none", "--clocks", "file")
    assert (done["taken_count"], done["dead_letters"]) == (ROWS, [])
    city = read_city(slice_of_records)
    ours = read_replayed(boston.folder / "liandong.db")
    assert ours.cases.keys() == city.keys()
    assert ours.broken_at is None
    rang = {case_id: ours.breaches.get(case.incident_id, []) for case_id, case in ours.cases.items()}
    judged = [case for case in city.values() if case.closed_at and case.target_at and case.overdue is not None]
    assert len(judged) > 400
    assert {case.overdue for case in judged} == {True, False}
    assert [case.case_id for case in judged if bool(rang[case.case_id]) != case.overdue] == []
    alarms = [(breach.due_at, city[case_id].target_at) for case_id, some in rang.items() for breach in some]
    assert all(due_at == target_at for due_at, target_at in alarms)
    assert done["breaches"] == {"resolution": len(alarms)}


def test_owners_by_the_pack(boston: Imports, slice_of_records: Path) -> None:
    done = boston.takes(slice_of_records, "--replay", "--group", "none")
    city, ours = read_city(slice_of_records), read_replayed(boston.folder / "liandong.db")
    right = sum(ours.cases[case_id].owner == case.queue for case_id, case in city.items())
    assert right / ROWS > 0.85
    assert sum(done["by_responder"].values()) == ROWS
