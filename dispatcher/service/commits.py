"""What happens after a commit: it is counted, and whoever waits for something new is woken."""

from collections.abc import Callable, Sequence

from dispatcher.service.spine import Observer
from dispatcher.store import Changes
from schemas.outcomes import Outcome


class Commits:
    """An observer in front of the one that counts. Wakers are called in the writer's thread and must not raise."""

    def __init__(self, counting: Observer) -> None:
        self._counting = counting
        self._wakers: list[Callable[[], None]] = []

    def wake_after_each(self, wake: Callable[[], None]) -> None:
        self._wakers.append(wake)

    def committed(self, changes: Changes, outcomes: Sequence[Outcome], seconds: float) -> None:
        self._counting.committed(changes, outcomes, seconds)
        for wake in self._wakers:
            wake()
