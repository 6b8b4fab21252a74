"""The figures of `make replay-boston`: what the engine did against what the city recorded, each with its bar."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Final, NamedTuple

from benchmarks.boston_city import City, CityCase
from benchmarks.boston_replayed import OurCase, Replayed

ROWS: Final = 58_251
HURRICANE: Final = date(2011, 8, 28)
HURRICANE_ROWS: Final = 913
LATER: Final = date(2011, 11, 1)  # the pack was learned from what came before
LATER_ROWS: Final = 16_424
JUDGED_ROWS: Final = 43_664
LINKED_ROWS: Final = 954
WITHIN_S: Final = 90
KINDS: Final = {
    "Schedule a Bulk Item Pickup": ("bulk pickup", 99.0),
    "Missed Trash/Recycling/Yard Waste/Bulk Item": ("missed trash", 99.0),
    "Request for Pothole Repair": ("pothole", 98.0),
    "Pick up Dead Animal": ("dead animal", 99.0),
    "Traffic Signal Repair": ("traffic signal", 99.0),
    "Street Light Outages": ("street light", 98.0),
    "Rodent Activity": ("rodents", 100.0),
}


class Figure(NamedTuple):
    """`holds` None = measured only, no bar."""

    name: str
    bar: str
    measured: str
    holds: bool | None


def taken(run: str, city: City, ours: Replayed) -> list[Figure]:
    found = len(ours.cases.keys() & city.keys())
    once = found == ours.reports_count == len(city) == ROWS
    broken = "no break" if ours.broken_at is None else f"breaks at {ours.broken_at}"
    return [
        Figure(f"{run}: rows taken, each once", f"{ROWS:,}", f"{found:,} in {ours.reports_count:,} reports", once),
        Figure(f"{run}: chain of the journal", "no break", broken, ours.broken_at is None),
    ]


def second_run(before: Mapping[str, object], after: Mapping[str, object]) -> Figure:
    grown = sorted(name for name in before if before[name] != after[name])
    return Figure("A again: rows added to any table", "0", ", ".join(grown) or "0", not grown)


def hurricane_day(city: City, cases: Mapping[str, OurCase]) -> Figure:
    there = [case.case_id in cases for case in city.values() if case.opened_on == HURRICANE]
    measured = f"{sum(there):,} of {len(there):,}"
    whole = len(there) == HURRICANE_ROWS and all(there)
    return Figure(f"A: hurricane day {HURRICANE}, reports there", f"{HURRICANE_ROWS:,}", measured, whole)


def due_times(city: City, cases: Mapping[str, OurCase]) -> list[Figure]:
    """Share of a kind's reports with a city target whose due instant lies within 90 s of it."""
    figures = []
    for kind, (name, least) in KINDS.items():
        targeted = [case for case in city.values() if case.kind == kind and case.target_at]
        close = [_is_close(case, cases.get(case.case_id)) for case in targeted]
        share = 100 * sum(close) / len(close)
        measured = f"{share:.2f} % of {len(close):,}"
        figures.append(Figure(f"A: due time, {name}", f"≥ {least:g} %", measured, share >= least))
    return figures


def _is_close(city: CityCase, ours: OurCase | None) -> bool:
    if ours is None or ours.due_at is None or city.target_at is None:
        return False
    return abs((ours.due_at - city.target_at).total_seconds()) <= WITHIN_S


def owners(city: City, cases: Mapping[str, OurCase], parents: Mapping[str, str | None]) -> list[Figure]:
    """Of November and December."""
    later = [(case, cases.get(case.case_id)) for case in city.values() if case.opened_on >= LATER]
    departments = sum(ours is not None and parents.get(ours.owner) == case.department for case, ours in later)
    queues = sum(ours is not None and ours.owner == case.queue for case, ours in later)
    return [
        _share("A: department right, November–December", departments, len(later), 94.8, LATER_ROWS),
        _share("A: queue right, November–December", queues, len(later), 88.5, LATER_ROWS),
    ]


def _share(name: str, right: int, of: int, least: float, expected: int) -> Figure:
    share = 100 * right / of
    return Figure(name, f"≥ {least} %", f"{share:.2f} % of {of:,}", share >= least and of == expected)


def breaches(city: City, ours: Replayed) -> list[Figure]:
    """Breach ⇔ OVERDUE, of closed rows that have both a target and a flag; and whether each alarm names the target."""
    judged = [case for case in city.values() if case.closed_at and case.target_at and case.overdue is not None]
    still_open = [case for case in city.values() if not case.closed_at and case.target_at and case.overdue]
    rang = {case_id: ours.breaches.get(case.incident_id, []) for case_id, case in ours.cases.items()}
    right = sum(bool(rang.get(case.case_id)) == case.overdue for case in judged)
    late_open = sum(bool(rang.get(case.case_id)) for case in still_open)
    alarms_count = sum(map(len, ours.breaches.values()))
    exact = sum(
        breach.clock == "resolution" and breach.due_at == case.target_at
        for case in city.values()
        for breach in rang.get(case.case_id, ())
    )
    twice = sum(len(of_one) > 1 for of_one in ours.breaches.values())
    return [
        Figure(
            "B: breach ⇔ OVERDUE, closed rows with target and flag",
            f"{JUDGED_ROWS:,} of {JUDGED_ROWS:,}",
            f"{right:,} of {len(judged):,}",
            right == len(judged) == JUDGED_ROWS,
        ),
        Figure("B: alarms with the exact due instant", "all", f"{exact:,} of {alarms_count:,}", exact == alarms_count),
        Figure("B: clocks that rang twice", "0", f"{twice}", twice == 0),
        Figure("B: open rows flagged OVERDUE that rang", "–", f"{late_open:,} of {len(still_open):,}", None),
    ]


def grouping(city: City, cases: Mapping[str, OurCase]) -> list[Figure]:
    """Joined reports against the city's word "duplicate" and the case it names (16 name themselves: never found)."""
    members: dict[str, set[str]] = defaultdict(set)
    for case_id, ours in cases.items():
        members[ours.incident_id].add(case_id)
    others = {case_id: members[ours.incident_id] - {case_id} for case_id, ours in cases.items()}
    joined = [case_id for case_id, ours in cases.items() if ours.joined]
    links = [(case.case_id, case.linked) for case in city.values() if case.linked]
    found = sum(linked in others[case_id] for case_id, linked in links)
    in_file = [(city[one], city[other]) for one, other in links if other in city and one != other]
    same = sum(one.kind == other.kind for one, other in in_file)
    pairs = {frozenset(link) for link in links}
    named = sum(any(frozenset((case_id, other)) in pairs for other in others[case_id]) for case_id in joined)
    flagged = sum(any(city[each].is_duplicate for each in (case_id, *others[case_id])) for case_id in joined)
    return [
        Figure("C: reports that joined; incidents", "–", f"{len(joined):,}; {len(members):,}", None),
        Figure("C: recall, linked cases that met the one they name", "–", _percent(found, len(links)), None),
        Figure("C: highest recall possible, links inside one type", "–", _percent(same, len(links)), None),
        Figure("C: precision, joined a case linked with it", "–", _percent(named, len(joined)), None),
        Figure("C: precision, joined what the city calls a duplicate", "–", _percent(flagged, len(joined)), None),
    ]


def _percent(part: int, of: int) -> str:
    return f"{100 * part / of:.1f} % ({part:,} of {of:,})" if of else "none"
