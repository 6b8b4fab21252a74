"""From so many of a kind on, one gathers the others."""

from msgspec.structs import replace

from dispatcher.core import Context, apply_row, decide
from dispatcher.core.storms import Standing, storms
from schemas.commands import GatherStorm
from schemas.incidents import Incident
from tests.unit.core.incident_making import minutes, opened
from tests.unit.core.life_making import in_state

HERE = (46.69, 126.10)
FAR = (46.79, 126.10)  # 11 km


def standing(count: int, point: tuple[float, float] = HERE, first: int = 0) -> list[Standing]:
    return [Standing(f"I{first + number:03}", point) for number in range(count)]


def test_one_less_is_no_storm() -> None:
    assert list(storms(standing(9), count=10, within_m=2_000)) == []


def test_the_tenth_makes_the_oldest_the_parent_of_the_others() -> None:
    ((parent, joining),) = storms(standing(10), count=10, within_m=2_000)
    assert parent.incident_id == "I000"
    assert [one.incident_id for one in joining] == [f"I{number:03}" for number in range(1, 10)]


def test_who_is_far_away_does_not_count() -> None:
    assert list(storms([*standing(9), *standing(9, FAR, 9)], count=10, within_m=2_000)) == []


def test_two_storms_at_two_places() -> None:
    found = list(storms([*standing(10), *standing(10, FAR, 10)], count=10, within_m=2_000))
    assert [parent.incident_id for parent, _ in found] == ["I000", "I010"]


def test_the_eleventh_joins_the_parent_that_is_there() -> None:
    there = [
        replace(one, parent="I000") if number else replace(one, gathered=9) for number, one in enumerate(standing(10))
    ]
    ((parent, joining),) = storms([*there, *standing(1, first=10)], count=10, within_m=2_000)
    assert (parent.incident_id, [one.incident_id for one in joining]) == ("I000", ["I010"])


def asked(incident: Incident, **says: object) -> Incident:
    verdict = decide(incident, GatherStorm(incident_id="I1", **says), Context(now=minutes(5)))  # type: ignore[arg-type]
    assert isinstance(verdict, tuple)
    return apply_row(incident, incident.seq + 1, verdict) if verdict else incident


def test_a_child_stays_what_it_is_and_joins_once() -> None:
    child = asked(opened(), parent="I0")
    assert (child.parent, child.state, child.offers) == ("I0", "offered", opened().offers)
    assert asked(child, parent="I9") == child


def test_a_parent_counts_and_is_nobodys_child() -> None:
    parent = asked(opened(), gathered=9)
    assert asked(parent, parent="I0") == parent
    assert asked(parent, gathered=10).gathered == 10


def test_what_is_over_is_left_alone() -> None:
    over = in_state("resolved").incident
    assert asked(over, parent="I0") == over
