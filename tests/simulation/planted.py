"""Bugs put in by hand around the core, one at a time: a simulation that cannot fail shows nothing.

Those of the core are in planted_life.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest

from dispatcher.core import apply_row
from dispatcher.loops.deliver import CURSOR, Deliver
from dispatcher.service.reports import Reports, _fits
from dispatcher.service.turn import Turn
from dispatcher.service.working import Working
from dispatcher.views.telling import Telling
from schemas.events import JournalRow
from schemas.incidents import Incident
from tests.simulation.kinds import PHONE
from tests.simulation.model_broker import Consumer
from tests.simulation.model_store import ModelStore, Tables

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


def _half_a_merge(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Turn, "_other_half", lambda *_: None)


def _words_of_a_silent_category(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Telling, "_may_tell", lambda *_: True)


def _joins_what_was_corrected_away(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Reports, "_joined", _joined_as_it_stood)


def _joined_as_it_stood(self: Reports, routed: Any) -> Incident | None:
    incidents = self._work.incidents
    near = [it for it in self._near(routed) if (found := incidents.get(it.incident_id)) and found.joinable]
    return incidents.get(_fits(routed, near) or "")


PLANTED_AROUND: Final[tuple[Plant, ...]] = (
    _forgotten_dedupe_keys,
    _keys_not_unique,
    _no_version_check,
    _no_group_locks,
    _cursor_before_the_sending,
    _cursor_to_the_newest_row,
    _failed_sending_taken_as_sent,
    _notices_of_today,
    _reporter_in_the_journal,
    _offset_before_the_handing_over,
    _acknowledged_though_it_failed,
    _half_a_merge,
    _words_of_a_silent_category,
    _joins_what_was_corrected_away,
)
