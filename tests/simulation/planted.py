"""Bugs put in by hand, one at a time: a simulation that cannot fail shows nothing."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

import pytest

from dispatcher.core import apply_row, clocks
from dispatcher.loops.deliver import CURSOR, Deliver
from dispatcher.service.working import Working
from dispatcher.views.telling import Telling
from schemas.events import ClockBreached, JournalRow
from schemas.incidents import Incident
from tests.simulation.kinds import PHONE
from tests.simulation.model_broker import Consumer
from tests.simulation.model_store import ModelStore, Tables

# `dispatcher.core` names functions like their modules.
decide: Final = import_module("dispatcher.core.decide")
evolve: Final = import_module("dispatcher.core.evolve")
Plant = Callable[[pytest.MonkeyPatch], None]


def _forgotten_dedupe_keys(patch: pytest.MonkeyPatch) -> None:
    write = Tables.write

    def forget(self: Tables, changes: Any) -> None:
        write(self, changes)
        self.reports.clear()

    patch.setattr(Tables, "write", forget)


def _keys_not_unique(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Tables, "_check_keys", staticmethod(lambda *_: None))


def _no_version_check(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Tables, "check_versions", lambda *_: None)


def _no_group_locks(patch: pytest.MonkeyPatch) -> None:
    lock = Tables.lock

    def lock_rows_only(self: Tables, txn: Any, names: Any) -> None:
        lock(self, txn, [name for name in names if name[0] != "group"])

    patch.setattr(Tables, "lock", lock_rows_only)


def _alarm_at_the_due_instant(patch: pytest.MonkeyPatch) -> None:
    def ringing(incident: Incident, effective_at: Any, *, only: str | None = None) -> tuple[ClockBreached, ...]:
        return tuple(
            ClockBreached(clock=clock.name, due_at=clock.due_at, fired_at=effective_at)
            for clock in incident.clocks
            if clock.stopped_at is None and clock.breached_at is None and clock.due_at <= effective_at
            if only in (None, clock.name)
        )

    patch.setattr(decide, "ringing", ringing)


def _alarm_again_and_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(clocks, "breach", lambda kept, *_: kept)


def _clock_stands_after_a_return(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(clocks, "resume", lambda kept, *_: kept)


def _late_claim_rings_not(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(decide, "ringing", lambda *_, **__: ())


def _cursor_before_the_sending(patch: pytest.MonkeyPatch) -> None:
    render = Deliver._render

    def move_first(self: Deliver, rows: Any) -> Any:
        self._store.move_cursor(CURSOR, rows[-1].position)
        return render(self, rows)

    patch.setattr(Deliver, "_render", move_first)


def _cursor_to_the_newest_row(patch: pytest.MonkeyPatch) -> None:
    move = ModelStore.move_cursor
    patch.setattr(ModelStore, "move_cursor", lambda self, name, _: move(self, name, self.last_position()))


def _failed_sending_taken_as_sent(patch: pytest.MonkeyPatch) -> None:
    step = Deliver.step

    def carry_on(self: Deliver) -> float:
        try:
            return step(self)
        except Exception:
            self._position = self._store.last_position()
            raise

    patch.setattr(Deliver, "step", carry_on)


def _notices_of_today(patch: pytest.MonkeyPatch) -> None:
    def newest(self: Telling, row: JournalRow) -> Incident | None:
        after = None
        for each in self._store.journal_of(row.incident_id or ""):
            after = apply_row(after, each.seq, each.events)
        return after

    patch.setattr(Telling, "_fold", newest)


def _reporter_in_the_journal(patch: pytest.MonkeyPatch) -> None:
    row = Working.add_row

    def named(self: Working, *args: Any, **more: Any) -> None:
        row(self, *args, **more | {"actor": f"{more['actor']}/{PHONE}"})

    patch.setattr(Working, "add_row", named)


def _offset_before_the_handing_over(patch: pytest.MonkeyPatch) -> None:
    poll = Consumer._poll

    def commit_at_once(self: Consumer, rng: Any) -> bool:
        found = poll(self, rng)
        ends = {(record.topic, record.partition): record.offset + 1 for record in self._batch}
        self._broker.commit(self._group, self._generation, ends)
        return found

    patch.setattr(Consumer, "_poll", commit_at_once)


def _acknowledged_though_it_failed(patch: pytest.MonkeyPatch) -> None:
    step = Consumer.step

    def swallow(self: Consumer, rng: Any) -> bool:
        try:
            return step(self, rng)
        except Exception:  # noqa: BLE001 - that is the bug
            self._taken = True
            return True

    patch.setattr(Consumer, "step", swallow)


def _two_holders(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(decide, "_lost", lambda *_: None)


def _stale_offers_are_taken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(decide, "_stale", lambda *_: None)


def _return_keeps_the_epoch(patch: pytest.MonkeyPatch) -> None:
    reoffered = evolve._reoffered
    patch.setitem(
        evolve._CHANGES,
        evolve.ev.IncidentReoffered,
        lambda incident, event: evolve.replace(reoffered(incident, event), epoch=incident.epoch),
    )


PLANTED: Final[tuple[Plant, ...]] = (
    _forgotten_dedupe_keys,
    _keys_not_unique,
    _no_version_check,
    _no_group_locks,
    _alarm_at_the_due_instant,
    _alarm_again_and_again,
    _clock_stands_after_a_return,
    _late_claim_rings_not,
    _cursor_before_the_sending,
    _cursor_to_the_newest_row,
    _failed_sending_taken_as_sent,
    _notices_of_today,
    _reporter_in_the_journal,
    _offset_before_the_handing_over,
    _acknowledged_though_it_failed,
    _two_holders,
    _stale_offers_are_taken,
    _return_keeps_the_epoch,
)
