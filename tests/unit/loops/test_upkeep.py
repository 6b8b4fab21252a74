"""Old keys go by small steps, soon after one another while there are more; else the tables are left in peace."""

from datetime import UTC, datetime, timedelta

from dispatcher.loops.upkeep import KEYS_AT_ONCE, Upkeep

NOON = datetime(2025, 1, 12, 4, tzinfo=UTC)


class KeyStore:
    """As many old keys as it is told."""

    def __init__(self, old: int) -> None:
        self.old = old
        self.asked: list[tuple[datetime, int]] = []
        self.forgotten = 0

    def purge_keys(self, before: datetime, limit: int) -> int:
        self.asked.append((before, limit))
        gone = min(self.old, limit)
        self.old -= gone
        return gone

    def scrub_erased(self) -> bool:
        return True

    def forget_erased(self) -> bool:
        self.forgotten += 1
        return True


def test_a_step_is_small_and_the_next_comes_soon_while_there_are_more() -> None:
    store, elapsed = KeyStore(2 * KEYS_AT_ONCE + 1), [0.0]
    upkeep = Upkeep(store, timedelta(days=30), lambda: NOON, lambda: elapsed[0])  # type: ignore[arg-type]
    assert [upkeep.step() for _ in range(3)] == [1.0, 1.0, 15.0]
    assert store.old == 0
    assert store.asked == [(NOON - timedelta(days=30), KEYS_AT_ONCE)] * 3


def test_when_nothing_is_old_nobody_looks_for_ten_minutes() -> None:
    store, elapsed = KeyStore(0), [0.0]
    upkeep = Upkeep(store, timedelta(days=30), lambda: NOON, lambda: elapsed[0])  # type: ignore[arg-type]
    for elapsed[0] in (0, 15, 300, 599, 601, 700):
        upkeep.step()
    assert len(store.asked) == 2
    assert store.forgotten == 6
