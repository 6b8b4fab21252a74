"""Whoever watches commits cannot undo them."""

from __future__ import annotations

from collections.abc import Sequence

from dispatcher.store import Changes, Store
from schemas import outcomes as out
from tests.contracts.spine_making import Bench


class _Broken:
    def committed(self, changes: Changes, outcomes: Sequence[out.Outcome], seconds: float) -> None:  # noqa: ARG002
        raise RuntimeError("planted")


def test_a_report_whose_observer_fails_is_taken_and_is_no_dead_letter(store: Store) -> None:
    bench = Bench(store)
    bench.publish()
    bench.spine._observer = _Broken()
    before = store.last_position()
    taken = bench.report("a")
    assert isinstance(taken, out.Taken), taken
    again = bench.report("a")
    assert isinstance(again, out.Taken), again
    assert (again.answer, again.repeated) == (taken.answer, True)
    assert store.last_position() == before + 1
