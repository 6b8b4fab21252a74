"""The pack `boston` against the city's own records.

Learned from July to October, judged on all due times and on the routing of November and December. The figures are those
of the shared data's README.
"""

import csv
import gzip
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.boston_pack_files import responder_id
from connectors.files.mapping import load_mapping
from connectors.files.reports import ReportFile
from routing_rules import Compiled, bundle_id, compile_bundle, encode_bundle, load_pack, perceive, route
from schemas.facts import RoutingDecision
from schemas.reports import Report

PROJECT = Path(__file__).parents[3]
PACK = PROJECT / "routing_rules/packs/boston"
RECORDS = "boston311_2011h2.csv.gz"
LEAST_WITHIN_90_S = {
    "Schedule a Bulk Item Pickup": 0.99,
    "Missed Trash/Recycling/Yard Waste/Bulk Item": 0.99,
    "Request for Pothole Repair": 0.98,
    "Pick up Dead Animal": 0.99,
    "Traffic Signal Repair": 0.99,
    "Street Light Outages": 0.98,
    "Rodent Activity": 1.0,
}

Routed = list[tuple[dict[str, str], Report, RoutingDecision]]


@pytest.fixture(scope="module")
def boston() -> Compiled:
    bundle = load_pack(PACK)
    return compile_bundle(bundle, bundle_id(encode_bundle(bundle)))


@pytest.fixture(scope="module")
def routed(boston: Compiled, shared_data: Path) -> Routed:
    """(the city's row, our report, our decision) of every record."""
    mapping = load_mapping(PACK / "imports/boston311.yaml")
    found: Routed = []
    with (
        gzip.open(shared_data / RECORDS, "rt", encoding="utf-8", newline="") as file,
        ReportFile(shared_data / RECORDS, mapping, with_due=True) as reports,
    ):
        for row, result in zip(csv.DictReader(file), reports, strict=True):
            assert result.report is not None, result.problem
            assert result.report.reported_at is not None
            facts = perceive(result.report, boston, result.report.reported_at)
            found.append((row, result.report, route(facts, boston, facts.reported_at)))
    assert len(found) == 58_251
    return found


def test_the_city_s_own_due_times(routed: Routed) -> None:
    hits: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    for row, report, decision in routed:
        target = report.due.resolution_at if report.due else None
        if target and row["type"] in LEAST_WITHIN_90_S:
            assert decision.resolution_due_at is not None
            seen[row["type"]] += 1
            hits[row["type"]] += abs((decision.resolution_due_at - target).total_seconds()) <= 90
    shares = {kind: hits[kind] / seen[kind] for kind in LEAST_WITHIN_90_S}
    assert {kind: share for kind, share in shares.items() if share < LEAST_WITHIN_90_S[kind]} == {}


def test_departments_and_queues_of_months_never_learned_from(routed: Routed, boston: Compiled) -> None:
    later = [(row, decision) for row, _, decision in routed if row["open_dt"] >= "2011-11"]
    queues = sum(decision.owner == responder_id(row["queue"]) for row, decision in later)
    departments = sum(
        boston.responders[decision.owner].parent == responder_id(row["department"]) for row, decision in later
    )
    assert len(later) == 16_424
    assert departments / len(later) >= 0.948
    assert queues / len(later) >= 0.885


def test_a_type_without_a_target_has_no_clock(routed: Routed) -> None:
    silent = [decision for row, _, decision in routed if row["type"] == "Pothole Repair (Internal)"]
    assert len(silent) > 4000
    assert {decision.resolution_due_at for decision in silent} == {None}


def test_types_unheard_of_go_to_the_desk_with_the_reason(routed: Routed, boston: Compiled) -> None:
    unknown = [(row, decision) for row, _, decision in routed if decision.reasons]
    assert {decision.owner for _, decision in unknown} == {boston.desk}
    assert {reason.partition(":")[0] for _, decision in unknown for reason in decision.reasons} == {"unknown-category"}
    assert all(row["open_dt"] >= "2011-11" for row, _ in unknown)


def test_the_city_s_default_point_is_no_place(routed: Routed) -> None:
    assert all((report.location is None) == (row["geo_default"] == "1") for row, report, _ in routed)


def test_overdue_is_late_by_the_city_s_target(shared_data: Path) -> None:
    """What pass B of the replay rests on: closed after the target ⇔ OVERDUE, for every closed row that has both."""
    mapping = load_mapping(PACK / "imports/boston311.yaml")
    judged = 0
    with (
        gzip.open(shared_data / RECORDS, "rt", encoding="utf-8", newline="") as file,
        ReportFile(shared_data / RECORDS, mapping, with_due=True) as reports,
    ):
        for row, result in zip(csv.DictReader(file), reports, strict=True):
            due = result.report.due if result.report else None
            if due and due.resolution_at and result.closed_at and row["ontime"]:
                judged += 1
                assert (result.closed_at > due.resolution_at) == (row["ontime"] == "OVERDUE")
    assert judged == 43_664


@pytest.mark.slow
def test_the_committed_pack_is_what_the_script_makes(shared_data: Path, tmp_path: Path) -> None:
    script = [sys.executable, "-m", "benchmarks.make_boston_pack", str(shared_data / RECORDS), str(tmp_path)]
    subprocess.run(script, check=True, cwd=PROJECT, capture_output=True)
    made = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.glob("*.yaml")}
    assert made == {path.name: path.read_text(encoding="utf-8") for path in PACK.glob("*.yaml")}


def test_the_pack_holds_no_row_of_the_records(shared_data: Path) -> None:
    pack = "".join(path.read_text(encoding="utf-8") for path in PACK.glob("*.yaml"))
    words = set(re.findall(r"[0-9a-f]{10,}", pack))
    with gzip.open(shared_data / RECORDS, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            assert words.isdisjoint((row["case_enquiry_id"], row["place_key"]))
    assert not re.search(r"2011-\d\d", pack)
