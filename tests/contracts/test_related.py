"""What is near an incident, and what a report being typed may be about; on both stores."""

from __future__ import annotations

from datetime import timedelta

from dispatcher.store import Store
from dispatcher.store.texts import folded
from dispatcher.views.nearby import nearby
from dispatcher.views.related import Subject
from dispatcher.views.similar import similar
from schemas.incidents import Incident
from schemas.reports import Location
from schemas.views import RelatedIncidents
from tests.contracts.store_samples import HERE, NOON, incident, save, told_opening

CENTRE = (46.69, 126.10)
DEGREE_M = 111_195.0


def north(metres: float) -> Location:
    return Location(lat=CENTRE[0] + metres / DEGREE_M, lon=CENTRE[1])


def put(store: Store, number: int, where: Location | None, text: str = "路灯坏了", **changed: object) -> Incident:
    """An incident with an id of the time at which it was opened."""
    opened_at = changed.setdefault("opened_at", NOON)
    cell = None
    if where is not None:
        cell = f"{round(where.lat * 1e6) // 10_000}:{round(where.lon * 1e6) // 10_000}"
    made = incident(number, id=_ulid(opened_at.timestamp(), number), cell=cell, **changed)  # type: ignore[attr-defined]
    save(store, told_opening(made, text, location=where))
    return made


def _ulid(at: float, number: int) -> str:
    letters, ms = "0123456789ABCDEFGHJKMNPQRSTVWXYZ", int(at * 1000)
    return "".join(letters[ms >> 5 * place & 31] for place in reversed(range(10))) + f"{number:016d}"


def around(store: Store, of: Incident, within_m: int = 200, days: int = 30) -> list[tuple[int, float | None]]:
    with store.reading() as connection:
        found = nearby(connection, of, NOON + timedelta(hours=1), within_m=within_m, days=days)
    return [(int(it.incident_id[-3:]), it.distance_m) for it in found.items]


def test_near_is_within_so_many_metres_the_nearest_first(store: Store) -> None:
    here = put(store, 1, north(0))
    put(store, 2, north(150), category="road/hole")
    put(store, 3, north(40))
    put(store, 4, north(201))
    put(store, 5, north(-1100))
    assert around(store, here) == [(3, 40.0), (2, 150.0)]
    assert around(store, here, within_m=1200) == [(3, 40.0), (2, 150.0), (4, 201.0), (5, 1100.0)]


def test_the_same_place_is_near_even_when_nobody_knows_where_it_is(store: Store) -> None:
    here = put(store, 1, None, place_key="p")
    put(store, 2, None, place_key="p", category="road/hole")
    put(store, 3, None, place_key="q")
    put(store, 4, north(0), place_key="p")
    put(store, 5, None)
    assert sorted(number for number, _ in around(store, here)) == [2, 4]
    nowhere = put(store, 6, None)
    assert around(store, nowhere) == []


def test_lately_closed_ones_are_told_and_old_ones_are_not(store: Store) -> None:
    here = put(store, 1, north(0))
    put(store, 2, north(10), state="closed", clocks=(), opened_at=NOON - timedelta(days=29))
    put(store, 3, north(20), state="closed", clocks=(), opened_at=NOON - timedelta(days=31))
    put(store, 4, north(30), opened_at=NOON - timedelta(days=400))
    assert around(store, here) == [(2, 10.0), (4, 30.0)]
    assert around(store, here, days=366) == [(2, 10.0), (3, 20.0), (4, 30.0)]


def test_another_jurisdiction_s_are_not_near(store: Store) -> None:
    here = put(store, 1, north(0))
    put(store, 2, north(10), jurisdiction="us-boston")
    assert around(store, here) == []


def guessed(store: Store, **subject: object) -> RelatedIncidents:
    text = folded(str(subject.pop("text", "")))
    with store.reading() as connection:
        return similar(connection, Subject(jurisdiction=HERE, text=text, **subject), NOON)  # type: ignore[arg-type]


def numbers(found: RelatedIncidents) -> list[int]:
    return [int(it.incident_id[-3:]) for it in found.items]


def test_the_likeliest_first_with_its_reasons(store: Store) -> None:
    put(store, 1, north(10), "泰和街21号门前路灯坏了")
    put(store, 2, north(150), "泰和街路灯杆歪了")
    put(store, 3, north(5), "井盖丢了", category="road/hole")
    put(store, 4, north(5), "路灯坏了", state="closed", clocks=())
    put(store, 5, north(5000), "泰和街21号门前路灯坏了")
    found = guessed(store, category="lighting/streetlight", point=CENTRE, text="泰和街21号路灯不亮")
    assert numbers(found) == [1, 2]
    first, second = found.items
    assert first.reasons == ("near", "same-category", "alike")
    assert second.reasons == ("near", "same-category")
    assert first.score > second.score
    assert (first.distance_m, first.text) == (10.0, "泰和街21号门前路灯坏了")


def test_a_kindred_category_counts_less_and_another_not_at_all(store: Store) -> None:
    put(store, 1, north(10), "灯坏了", category="lighting/streetlight")
    put(store, 2, north(10), "灯坏了", category="lighting/park")
    put(store, 3, north(10), "灯坏了", category="road/hole")
    found = guessed(store, category="lighting/park", point=CENTRE)
    assert numbers(found) == [2, 1]
    assert found.items[1].reasons == ("near", "kindred-category")
    assert sorted(numbers(guessed(store, category=None, point=CENTRE))) == [1, 2, 3]


def test_without_a_place_the_texts_are_compared(store: Store) -> None:
    put(store, 1, None, "泰和街21号门前路灯坏了")
    put(store, 2, north(0), "泰和街21号门前的路灯坏了好几天")
    put(store, 3, None, "人民公园东门喷泉漏水")
    found = guessed(store, category="lighting/streetlight", text="泰和街21号门前路灯坏了")
    assert numbers(found) == [1, 2]
    assert found.items[0].likeness == 1.0
    assert [it.distance_m for it in found.items] == [None, None]


def test_the_same_place_name_is_as_good_as_a_point(store: Store) -> None:
    put(store, 1, None, "灯坏了", place_key="p")
    put(store, 2, None, "灯坏了", place_key="q")
    found = guessed(store, category="lighting/streetlight", place_key="p")
    assert numbers(found) == [1]
    assert found.items[0].reasons == ("same-place", "same-category")


def test_nothing_known_suggests_nothing(store: Store) -> None:
    put(store, 1, north(0))
    assert guessed(store).items == ()
    put(store, 2, None)
    assert guessed(store, category="lighting/streetlight").items == ()
