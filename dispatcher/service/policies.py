"""Which bundle decides: the active ones of each batch, compiled once and kept by hash."""

from collections.abc import Mapping
from typing import Protocol

from dispatcher.store import Store, StoreUnavailable
from routing_rules import Compiled, compile_bundle, decode_bundle
from schemas.reports import Report


class BundleSource(Protocol):
    def active_bundles(self) -> Mapping[str, str]: ...
    def bundle(self, bundle_id: str) -> bytes | None: ...


class StoredBundles:
    """Bundles read outside a transaction, for whoever only looks."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def active_bundles(self) -> Mapping[str, str]:
        found = {place: self._store.active_bundle(place) for place in self._store.jurisdictions()}
        return {place: bundle_id for place, bundle_id in found.items() if bundle_id is not None}

    def bundle(self, bundle_id: str) -> bytes | None:
        return self._store.bundle(bundle_id)


class NoBundle(StoreUnavailable):
    """No bundle is published yet, so nothing can be routed and nothing is acknowledged."""


class Policies:
    """Compiled bundles by hash; immutable, so a cached one is never stale."""

    def __init__(self, home: str | None = None) -> None:
        self._home = home
        self._compiled: dict[str, Compiled] = {}

    def compiled(self, bundle_id: str, source: BundleSource) -> Compiled:
        found = self._compiled.get(bundle_id)
        if found is None:
            encoded = source.bundle(bundle_id)
            if encoded is None:
                raise NoBundle(bundle_id)
            found = compile_bundle(decode_bundle(encoded), bundle_id)
            self._compiled[bundle_id] = found
        return found

    def active(self, source: BundleSource) -> "ActivePolicies":
        in_force = {place: self.compiled(bundle_id, source) for place, bundle_id in source.active_bundles().items()}
        return ActivePolicies(in_force, self._home)


class ActivePolicies:
    """The bundles in force during one batch."""

    def __init__(self, in_force: Mapping[str, Compiled], home: str | None) -> None:
        self._in_force = in_force
        self._home = home if home in in_force else min(in_force, default=None)

    @property
    def home(self) -> str:
        """Where rows without a jurisdiction of their own belong. Raises NoBundle while nothing is published."""
        if self._home is None:
            raise NoBundle("no bundle is published")
        return self._home

    @property
    def home_policy(self) -> Compiled:
        return self._in_force[self.home]

    def of_jurisdiction(self, jurisdiction: str) -> Compiled | None:
        return self._in_force.get(jurisdiction)

    def for_report(self, report: Report) -> Compiled:
        """The bundle whose area tree knows the report's area, else the home jurisdiction's."""
        if len(self._in_force) > 1 and report.area:
            for compiled in self._in_force.values():
                if compiled.knows_area(report.area):
                    return compiled
        return self.home_policy
