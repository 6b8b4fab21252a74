"""What left on the topics while processes died, against what one that was never disturbed would have sent."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from dispatcher.loops.deliver import Deliver
from dispatcher.metrics import Metrics
from dispatcher.service import Policies
from dispatcher.store import Store
from schemas.notices import OutgoingMessage
from tests.integration.crash.one_life import ADAPTER


class _FromTheStart:
    """A store whose relay has sent nothing yet, and does not remember that it has."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def cursor(self, name: str) -> int:  # noqa: ARG002 - whoever asks
        return 0

    def move_cursor(self, name: str, position: int) -> None: ...

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)


class _Collecting:
    def __init__(self) -> None:
        self.messages: list[OutgoingMessage] = []

    def expect(self, responders: Collection[str]) -> None: ...

    def send(self, messages: Sequence[OutgoingMessage]) -> None:
        self.messages += messages


def undisturbed(store: Store) -> list[OutgoingMessage]:
    """Everything the relay sends when it reads this journal in one go."""
    collecting = _Collecting()
    delivering = Deliver(_FromTheStart(store), Policies(), collecting, Metrics(), adapter=ADAPTER)  # type: ignore[arg-type]
    while delivering.step() == 0.0:
        pass
    return collecting.messages


def faults(store: Store, sent: Sequence[OutgoingMessage]) -> Iterator[str]:
    """At least once, in order, the same under the same id: without its repeats it is what was to be sent."""
    first: dict[tuple[str, str], OutgoingMessage] = {}
    for message in sent:
        known = first.setdefault((message.topic, message.id), message)
        if known != message:
            yield f"{message.id} left with two contents"
    wanted = undisturbed(store)
    if list(first.values()) != wanted:
        missing = {(message.topic, message.id) for message in wanted} - first.keys()
        yield f"relayed {len(first)} of {len(wanted)} messages, or out of order; missing: {sorted(missing)[:5]}"
