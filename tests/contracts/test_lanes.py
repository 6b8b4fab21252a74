"""Two lanes into one spine: what people do is taken up between the turns of an import, whatever its size."""

import os
from collections.abc import Sequence
from concurrent.futures import Future

from dispatcher.service import Policies, Spine, Ulids, Writer
from dispatcher.service.writer import MAX_BATCH
from dispatcher.store import Changes, Store
from schemas import outcomes as out
from tests.contracts.spine_making import NOON, Bench, claim, submit

GARBAGE = "楼下堆了很多垃圾,没人清"
COUNT = 1_000


class Impatient:
    """An observer that lets an operator claim after each commit of the import."""

    def __init__(self, incidents: Sequence[str]) -> None:
        self.writer: Writer | None = None
        self.claims: list[Future[list[out.Outcome]]] = []
        self.turns: list[tuple[str, int]] = []
        self._incidents = list(incidents)

    def committed(self, changes: Changes, outcomes: Sequence[out.Outcome], seconds: float) -> None:  # noqa: ARG002
        people = isinstance(outcomes[0], out.Done)
        self.turns.append(("people" if people else "bulk", len(outcomes)))
        if not people and self._incidents:
            assert self.writer is not None
            self.claims.append(self.writer.submit([claim(self._incidents.pop(), "sanitation")]))


def test_after_each_turn_of_an_import_people_come_first(store: Store) -> None:
    bench = Bench(store)
    bench.publish()
    opened = [bench.taken(f"open-{number}", GARBAGE).incident_id for number in range(3)]
    operator = Impatient(opened)
    spine = Spine(store, Policies(), Ulids(os.urandom), now=lambda: NOON, elapsed=lambda: 0.0, observer=operator)
    operator.writer = writer = Writer(spine, lambda: 0.0)
    whole = writer.submit([submit(f"old-{number}") for number in range(COUNT)], "bulk")
    later = writer.submit([submit("last")], "bulk")
    writer.start()
    outcomes = whole.result(60)
    assert all(isinstance(outcome, out.Taken) for outcome in outcomes)
    assert isinstance(later.result(60)[0], out.Taken)
    writer.stop()
    assert all(isinstance(future.result()[0], out.Done) for future in operator.claims)
    assert [lane for lane, _ in operator.turns[:6]] == ["bulk", "people"] * 3
    assert max(size for lane, size in operator.turns if lane == "bulk") <= MAX_BATCH
    assert sum(size for lane, size in operator.turns if lane == "bulk") == COUNT + 1
