"""Storms: every few seconds a look at what is open and young; what became too many of a kind gets one parent.

Behind the routing, not in it: a report is offered at once, and gathered a moment later. What is found is only asked for
by commands, so that a second process that looks too changes nothing.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Final

from dispatcher.core.storms import storms
from dispatcher.service import Policies, StoredBundles, Writer
from dispatcher.store import Store
from dispatcher.views.storms import many_of_a_kind
from routing_rules import Compiled
from schemas.commands import Command, GatherStorm
from schemas.ids import first_since

_EVERY_S: Final = 2.0


class StormWatch:
    """One step looks through the jurisdictions whose bundle says what a storm is."""

    def __init__(self, store: Store, writer: Writer, policies: Policies, now: Callable[[], datetime]) -> None:
        self._store = store
        self._writer = writer
        self._policies = policies
        self._now = now

    def step(self) -> float:
        bundles = StoredBundles(self._store)
        for jurisdiction, bundle_id in bundles.active_bundles().items():
            found = list(self._found(jurisdiction, self._policies.compiled(bundle_id, bundles)))
            if found:
                self._writer.submit(found, lane="bulk").result()
        return _EVERY_S

    def _found(self, jurisdiction: str, policy: Compiled) -> Iterator[Command]:
        storm = policy.bundle.storm
        if storm is None:
            return
        since_id = first_since(self._now() - timedelta(seconds=storm.for_s))
        with self._store.reading() as connection:
            kinds = many_of_a_kind(connection, jurisdiction, since_id, at_least=storm.count)
        for standing in kinds.values():
            for parent, joining in storms(standing, count=storm.count, within_m=storm.within_m):
                gathered = parent.gathered + len(joining)
                yield GatherStorm(incident_id=parent.incident_id, gathered=gathered, via="storms")
                for one in joining:
                    yield GatherStorm(incident_id=one.incident_id, parent=parent.incident_id, via="storms")
