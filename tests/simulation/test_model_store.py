"""The model store against the real one: whatever a simulated run committed, both answer alike about it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from dispatcher.store import Changes, Conflict, Store
from tests.simulation.faults import Faults
from tests.simulation.model_store import ModelStore, Tables
from tests.simulation.world import World

_SEEDS = (1, 2, 3, 4)
_FAULTS = Faults(layout=("serve worker relay",) * 2, interleave=0.2, poison=0.1, conflict=0.2, stale=0.1, publish=0.02)


class _Recorded:
    """Everything one run committed, in order, and the model as it was then."""

    def __init__(self, seed: int, patch: pytest.MonkeyPatch) -> None:
        self.commits: list[Changes] = []
        write = Tables.write

        def recorded(tables: Tables, changes: Changes) -> None:
            self.commits.append(changes)
            write(tables, changes)

        with patch.context() as context:
            context.setattr(Tables, "write", recorded)
            self.world = World(seed, _FAULTS)
            for _ in range(150):  # and no rest: incidents are left in every state, with clocks running
                self.world._step()
        self.model = ModelStore(self.world.tables, lambda _: None)


@pytest.fixture(params=_SEEDS)
def run(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> _Recorded:
    return _Recorded(request.param, monkeypatch)


@pytest.fixture
def real(sqlite_url: str, run: _Recorded) -> Iterator[Store]:
    """A SQLite file with the same commits."""
    store = Store.open(sqlite_url)
    for changes in run.commits:
        _write(store, changes)
    yield store
    store.close()


def _write(store: Store, changes: Changes) -> None:
    with store.begin() as txn:
        txn.load([changed.incident.id for changed in changes.changed])
        txn.save(changes)


def test_both_stores_answer_alike(run: _Recorded, real: Store) -> None:
    model, tables = run.model, run.world.tables
    assert len(tables.incidents) > 3
    assert real.journal_after(0, 10_000) == model.journal_after(0, 10_000)
    assert real.last_position() == model.last_position()
    assert real.verify_journal() is None
    assert real.next_due() == model.next_due()
    for hours in (-1, 0, 1, 100):
        at = run.world.clock.now() + timedelta(hours=hours)
        assert real.due_before(at, 5) == model.due_before(at, 5)
    assert real.counts().open_by_state == model.counts().open_by_state
    assert (real.jurisdictions(), real.active_bundle("cn-231223")) == (
        model.jurisdictions(),
        model.active_bundle("cn-231223"),
    )
    assert real.bodies(tables.bodies) == model.bodies(tables.bodies)
    for incident_id in tables.incidents:
        assert real.journal_of(incident_id, 3) == model.journal_of(incident_id, 3)


def test_both_transactions_answer_alike(run: _Recorded, real: Store) -> None:
    tables, since = run.world.tables, run.world.clock.now() - timedelta(hours=5)
    incidents = [it.incident for it in tables.incidents.values()]
    cells = {(it.category or "", it.cell) for it in incidents if it.cell is not None}
    places = {(it.category or "", it.place_key) for it in incidents if it.place_key is not None}
    with real.begin() as one, run.model.begin() as other:
        assert one.active_bundles() == other.active_bundles()
        assert one.known_reports([*tables.reports, b"?"]) == other.known_reports([*tables.reports, b"?"])
        assert one.known_commands([*tables.commands, ("?", "?")]) == other.known_commands(tables.commands)
        assert one.known_letters([*tables.letters, b"?"]) == other.known_letters(tables.letters)
        assert one.journal_rows([*_rows(tables), ("?", 1)]) == other.journal_rows(_rows(tables))
        assert one.load([*tables.incidents, "?"]) == other.load([*tables.incidents, "?"])
        for ref in tables.bodies:
            assert one.report_of(ref) == other.report_of(ref)
        asked = ("cn-231223", cells, places, since)
        assert one.group_candidates(*asked) == other.group_candidates(*asked)


def _rows(tables: Tables) -> list[tuple[str, int]]:
    return [(incident_id, seq) for incident_id, seq in tables.rows if incident_id is not None]


def test_both_refuse_what_was_written_before(run: _Recorded, real: Store) -> None:
    """Every commit that took a key or moved an incident cannot be written again."""
    twice = [it for it in run.commits if it.reports or it.commands or it.letters or it.changed]
    assert len(twice) > 10
    for changes in twice[::7]:
        for store in (real, run.model):
            with pytest.raises(Conflict):
                _write(store, changes)
