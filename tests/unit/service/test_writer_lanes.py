"""The bulk lane's turns: as large as their time allows, but never so small that the price of a turn eats the pace."""

from collections.abc import Iterator, Sequence

import pytest

from dispatcher.service.spine import Spine
from dispatcher.service.writer import LEAST_BULK, MAX_BATCH, Writer
from schemas.commands import Command, FireDue
from schemas.outcomes import Fired, Outcome


class PricedSpine(Spine):
    """Takes `turn_s` for a batch and `each_s` for a command, on a clock of its own."""

    def __init__(self, *, turn_s: float, each_s: float) -> None:
        self.now_s = 0.0
        self.sizes: list[int] = []
        self._price = turn_s, each_s

    def handle(self, batch: Sequence[Command]) -> list[Outcome]:
        turn_s, each_s = self._price
        self.now_s += turn_s + each_s * len(batch)
        self.sizes.append(len(batch))
        return [Fired(incident_id=command.incident_id, rang=()) for command in batch if isinstance(command, FireDue)]


@pytest.fixture
def commands() -> list[FireDue]:
    return [FireDue(incident_id=str(number)) for number in range(2_000)]


def sizes_of(spine: PricedSpine, calls: Iterator[Sequence[Command]]) -> list[int]:
    writer = Writer(spine, lambda: spine.now_s)
    futures = [writer.submit(call, "bulk") for call in calls]
    writer.start()
    for future in futures:
        future.result(timeout=10)
    writer.stop()
    return spine.sizes


def test_a_quick_database_gets_full_batches(commands: list[FireDue]) -> None:
    sizes = sizes_of(PricedSpine(turn_s=0.002, each_s=0.00003), iter([commands]))
    assert sizes[0] == LEAST_BULK
    assert max(sizes[1:]) == MAX_BATCH


def test_while_people_are_about_turns_are_half_as_long(commands: list[FireDue]) -> None:
    spine = PricedSpine(turn_s=0.002, each_s=0.00003)
    writer = Writer(spine, lambda: spine.now_s)
    writer.start()
    writer.submit(commands, "bulk").result(timeout=10)
    assert spine.sizes[-2] == MAX_BATCH
    for pause_s, size in ((0.0, MAX_BATCH // 2), (1.5, MAX_BATCH)):
        writer.submit(commands[:1]).result(timeout=10)
        spine.now_s += pause_s
        spine.sizes.clear()
        writer.submit(commands[:1000], "bulk").result(timeout=10)
        assert max(spine.sizes) == size
    writer.stop()


def test_a_turn_dear_in_itself_does_not_shrink_to_nothing(commands: list[FireDue]) -> None:
    """Once a turn of one took longer than it should, every later one was of one: a hundredth of the pace."""
    sizes = sizes_of(PricedSpine(turn_s=0.05, each_s=0.001), iter([commands]))
    assert set(sizes) == {LEAST_BULK}


def test_small_calls_do_not_teach_small_turns(commands: list[FireDue]) -> None:
    spine = PricedSpine(turn_s=0.002, each_s=0.00003)
    small = [commands[:200], *([command] for command in commands[200:230]), commands[230:]]
    assert MAX_BATCH in sizes_of(spine, iter(small))[-8:]
