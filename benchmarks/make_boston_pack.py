"""Makes the pack `boston` from the city's own records of July to October 2011; nothing later is looked at.

    python -m benchmarks.make_boston_pack boston311_2011h2.csv.gz routing_rules/packs/boston

Learned are names and rules, and no row is written down:

* owner of a type = the queue that got most of it inside the department that got most of it, refined by one more column
  if that is better on months that were not learned from (July–August judge September, July–September October);
* its clock = the one that explains most of the city's own due times (within 90 s), if it explains half of them;
* its grouping = the radius and span under which joined reports agree best with the city's own word "duplicate".
"""

import argparse
import csv
import gzip
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from benchmarks.boston_pack_files import PackRule, write_pack
from connectors.files.cells import slugged
from dispatcher.core.grouping import Spot, Standing, cells_around, match
from routing_rules.calendars import parse_calendar
from routing_rules.clocks import compile_clock, parse_clock
from routing_rules.coordinates import cell_of
from schemas.facts import GroupBy

Case = dict[str, str]
ZONE = ZoneInfo("America/New_York")
# Public holidays count as working days: the city's targets of 2011 say so.
CALENDAR = {"kind": "working-days", "start": "next-working-day-same-time", "roll": {"at": "17:00", "to": "08:30"}}
CALENDARS = {"city-days": parse_calendar(CALENDAR, "city-days")}
REFINEMENTS = (None, "pwd_district", "neighborhood", "ward")
FOLDS = (("2011-08", "2011-09"), ("2011-09", "2011-10"))  # learn up to and with, judge on
LAST_MONTH = "2011-10"
SPANS = [f"{count}wd city-days" for count in (*range(1, 31), *range(35, 91, 5))]
SAMPLE = 60  # cases of a type that its candidate clocks are tried on; the best few are then tried on all
GROUPINGS = ((10, 1), (10, 7), (30, 7), (60, 7), (60, 30))  # metres, days
LEAST_PRECISION, LEAST_FLAGGED = 1 / 3, 5

Routing = dict[str, dict[str | None, str]]  # type → value of the refining column (None = any) → queue


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("records", type=Path, help="boston311_2011h2.csv.gz")
    options.add_argument("pack", type=Path, help="folder of the pack")
    arguments = options.parse_args()
    cases = read_cases(arguments.records)
    column = choose_refinement(cases)
    routing = learn_routing(cases, column)
    by_type = _grouped(cases, "type")
    rules = [
        PackRule(
            category=category_of(by_type[kind][0]),
            name=kind,
            queues=routing[kind],
            refined_by=column,
            fix=learn_clock(by_type[kind]),
            group=learn_grouping(by_type[kind]),
        )
        for kind in sorted(routing, key=lambda kind: category_of(by_type[kind][0]))
    ]
    queues = {case["queue"]: case["department"] for case in cases}
    write_pack(arguments.pack, rules, queues, {"city-days": CALENDAR})
    clocks, groups = sum(rule.fix is not None for rule in rules), sum(rule.group is not None for rule in rules)
    print(f"{len(rules)} types, {len(queues)} queues, {clocks} types with a clock, {groups} grouped")


def read_cases(path: Path) -> list[Case]:
    """The cases up to October, in order of opening."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return [case for case in csv.DictReader(file) if case["open_dt"][:7] <= LAST_MONTH]


def category_of(case: Case) -> str:
    """As the import mapping makes it."""
    return "/".join(slugged(case[column]) for column in ("subject", "reason", "type"))


def choose_refinement(cases: Sequence[Case]) -> str | None:
    """The column whose values tell queues apart best on months that were not learned from."""
    scores: dict[str | None, float] = {}
    for column in REFINEMENTS:
        found = []
        for last, judged in FOLDS:
            routing = learn_routing([case for case in cases if case["open_dt"][:7] <= last], column)
            found.append(share_right([case for case in cases if case["open_dt"][:7] == judged], routing, column))
        scores[column] = sum(found) / len(found)
        print(f"queue right, refined by {column or 'nothing':13} {' '.join(f'{100 * share:.2f} %' for share in found)}")
    return max(scores, key=lambda column: scores[column])


def learn_routing(cases: Iterable[Case], column: str | None) -> Routing:
    """Queue of each type and of the values that lead elsewhere. The type's own is that of cases without a value."""
    routing: Routing = {}
    for kind, same in _grouped(cases, "type").items():
        department = _majority(case["department"] for case in same)
        inside = [case for case in same if case["department"] == department]
        queues = Counter(case["queue"] for case in inside)
        without = [case for case in inside if column and not case[column]]
        usual = _majority((case["queue"] for case in without or inside), queues)
        routing[kind] = {None: usual}
        for value, some in _grouped(inside, column).items() if column else ():
            if value and (queue := _majority((case["queue"] for case in some), queues)) != usual:
                routing[kind][value] = queue
    return routing


def share_right(cases: Sequence[Case], routing: Routing, column: str | None) -> float:
    right = 0
    for case in cases:
        queues = routing.get(case["type"], {})
        right += case["queue"] == queues.get(case[column] if column else None, queues.get(None))
    return right / len(cases)


def learn_clock(cases: Sequence[Case]) -> str | None:
    """The limit that explains most due times, working days first among equals; None if it explains less than half.

    Most cases of the type must have a due time at all.
    """
    spans = [(_local(case["open_dt"]), _local(case["target_dt"])) for case in cases if case["target_dt"]]
    if len(spans) * 2 < len(cases):
        return None
    sample = spans[:: max(1, len(spans) // SAMPLE)]
    days = Counter((target.date() - start.date()).days for start, target in sample)
    candidates = [*SPANS, *(f"{count}d" for count, _ in days.most_common(4) if 0 < count < 3660)]
    best = sorted(candidates, key=lambda limit: -_share_explained(sample, limit))[:3]
    found = max(best, key=lambda limit: _share_explained(spans, limit))
    return found if _share_explained(spans, found) >= 0.5 else None


def _share_explained(spans: Sequence[tuple[datetime, datetime]], limit: str) -> float:
    due_at = compile_clock(parse_clock(limit, limit), CALENDARS, ZONE)
    return sum(abs((due_at(start, None) - target).total_seconds()) <= 90 for start, target in spans) / len(spans)


def learn_grouping(cases: Sequence[Case]) -> tuple[int, int] | None:
    """(metres, days) with the best F1 of "joined" against "the city called it a duplicate".

    None where joining is mostly wrong or hardly happens.
    """
    flagged = sum(case["dup_flag"] == "1" for case in cases)
    if flagged < LEAST_FLAGGED:
        return None
    scores: dict[tuple[int, int], float] = {}
    for within_m, days in GROUPINGS:
        joined = _join(cases, GroupBy(within_m, days * 86_400))
        hits = sum(case["dup_flag"] == "1" or other["dup_flag"] == "1" for case, other in joined)
        if hits >= LEAST_FLAGGED and hits / len(joined) >= LEAST_PRECISION:
            scores[within_m, days] = 2 * hits / (len(joined) + flagged)
    return max(scores, key=lambda grouping: scores[grouping]) if scores else None


def _join(cases: Sequence[Case], by: GroupBy) -> list[tuple[Case, Case]]:
    """Which cases would have joined which open incident's first case."""
    joined: list[tuple[Case, Case]] = []
    open_in: dict[str, list[tuple[Case, Standing]]] = defaultdict(list)
    for number, case in enumerate(cases):
        if case["geo_default"] == "1":
            continue
        point = float(case["lat"]), float(case["lon"])
        spot = Spot(point, None, _local(case["open_dt"]))
        near: dict[str, tuple[Case, Standing]] = {}
        for beside in cells_around(point, by.within_m):
            open_in[beside] = [pair for pair in open_in[beside] if _is_open(pair[0], pair[1], case, spot, by)]
            near.update((standing.incident_id, (other, standing)) for other, standing in open_in[beside])
        alive = [standing for _, standing in near.values()]
        if found := match(spot, by, alive):
            joined.append((case, near[found][0]))
        else:
            open_in[cell_of(point)].append((case, Standing(str(number), spot)))
    return joined


def _is_open(other: Case, standing: Standing, case: Case, spot: Spot, by: GroupBy) -> bool:
    young = (spot.reported_at - standing.spot.reported_at).total_seconds() <= by.for_s
    return young and (not other["closed_dt"] or other["closed_dt"] >= case["open_dt"])


def _grouped(cases: Iterable[Case], column: str) -> dict[str, list[Case]]:
    found: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        found[case[column]].append(case)
    return found


def _majority(values: Iterable[str], elsewhere: Mapping[str, int] | None = None) -> str:
    """The most frequent one; among equals the one most frequent elsewhere, then the first in the alphabet."""
    counted, prior = Counter(values), elsewhere or {}
    return min(counted, key=lambda value: (-counted[value], -prior.get(value, 0), value))


def _local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


if __name__ == "__main__":
    main()
