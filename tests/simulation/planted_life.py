"""Bugs put into the core by hand, one small change each: an incident's life must not go wrong unseen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from importlib import import_module
from typing import Any, Final

import pytest
from msgspec.structs import replace

from dispatcher.core import Context, clocks
from dispatcher.core.parties import holders
from schemas import commands as do
from schemas import events as ev
from schemas.incidents import ALL_STATES, Incident

# `dispatcher.core` names functions like their modules.
_ROOMS: Final = [
    import_module(f"dispatcher.core.{name}")
    for name in ("decide", "evolve", "evolve_handling", "offering", "handling", "ending", "correcting", "merging")
]
_decide, _evolve, _handled, _offering, _handling, _ending, _correcting, _merging = _ROOMS
Plant = Callable[[pytest.MonkeyPatch], None]
Change = Callable[[Incident, Any], Incident]


def _everywhere(patch: pytest.MonkeyPatch, name: str, instead: object) -> None:
    """In every room of the core that has it."""
    for room in _ROOMS:
        if hasattr(room, name):
            patch.setattr(room, name, instead)


def _after(event: type[ev.Event], wrong: Callable[[Incident, Incident, Any], Incident]) -> Plant:
    """What follows from an event is put wrong: (before, after, event) -> after."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        right: Change = _evolve._CHANGES[event]
        patch.setitem(_evolve._CHANGES, event, lambda before, it: wrong(before, right(before, it), it))

    return plant


# ── alarms ───────────────────────────────────────────────────────────────────────────────────────
def _alarm_at_the_due_instant(patch: pytest.MonkeyPatch) -> None:
    def ringing(incident: Incident, effective_at: datetime, *, only: str | None = None) -> tuple[ev.ClockBreached, ...]:
        return tuple(
            ev.ClockBreached(clock=clock.name, due_at=clock.due_at, fired_at=effective_at)
            for clock in incident.clocks
            if clocks.runs(clock) and clock.breached_at is None and clock.due_at <= effective_at
            if clock.name != "confirm" and only in (None, clock.name)
        )

    _everywhere(patch, "ringing", ringing)


def _alarm_again_and_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(clocks, "breach", lambda kept, *_: kept)


def _clock_stands_after_a_return(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(clocks, "resume", lambda kept, *_: kept)


def _late_claim_rings_not(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(_offering, "ringing", lambda *_, **__: ())


def _pause_rings_on(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(clocks, "runs", lambda clock: clock.stopped_at is None)


def _pause_stops_no_clock(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(clocks, "pause", lambda kept, _: kept)


def _resuming_moves_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(clocks, "go_on", lambda kept, _: tuple(replace(clock, paused_at=None) for clock in kept))


def _extension_to_the_old_instant(patch: pytest.MonkeyPatch) -> None:
    move = clocks.move

    def stay(kept: clocks.Clocks, name: Any, _to: datetime, at: datetime) -> clocks.Clocks:
        return move(kept, name, next(clock.due_at for clock in kept if clock.name == name), at)

    patch.setattr(clocks, "move", stay)


def _extension_stays_late(patch: pytest.MonkeyPatch) -> None:
    def move(kept: clocks.Clocks, name: str, to: datetime, _at: datetime) -> clocks.Clocks:
        return tuple(replace(clock, due_at=to) if clock.name == name else clock for clock in kept)

    patch.setattr(clocks, "move", move)


def _undone_alarm_rings_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(_correcting, "_still_rung", lambda last: last.before)


def _closed_by_time_though_reopened(patch: pytest.MonkeyPatch) -> None:
    def keep(before: Incident, after: Incident, _event: ev.IncidentReopened) -> Incident:
        return replace(after, clocks=(*after.clocks, *(it for it in before.clocks if it.name == "confirm")))

    _after(ev.IncidentReopened, keep)(patch)


def _correction_takes_back_the_pauses(patch: pytest.MonkeyPatch) -> None:
    right = _evolve._corrected_clocks

    def as_routed(incident: Incident, event: ev.IncidentCorrected, *, held: bool) -> clocks.Clocks:
        due_at, found = event.decision.resolution_due_at, right(incident, event, held=held)
        return tuple(replace(it, due_at=due_at) if due_at and it.name == "resolution" else it for it in found)

    patch.setattr(_evolve, "_corrected_clocks", as_routed)


# ── who has it ───────────────────────────────────────────────────────────────────────────────────
def _two_holders(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(_offering, "_lost", lambda *_: None)


def _stale_offers_are_taken(patch: pytest.MonkeyPatch) -> None:
    _everywhere(patch, "stale", lambda *_: None)
    patch.setattr(import_module("dispatcher.core.guards"), "stale", lambda *_: None)


def _referred_and_kept(patch: pytest.MonkeyPatch) -> None:
    withdrawn = _offering.withdrawn
    patch.setattr(_offering, "withdrawn", lambda *args: () if args[-1] == "referred" else withdrawn(*args))


def _corrected_and_kept(patch: pytest.MonkeyPatch) -> None:
    withdrawn = _correcting.withdrawn

    def keep(incident: Incident, but: tuple[str, ...], at: datetime, because: str) -> Any:
        return withdrawn(incident, (*but, *holders(incident)), at, because)

    patch.setattr(_correcting, "withdrawn", keep)


def _asked_again_after_a_referral(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(_evolve, "superseded", lambda offers, _: offers)


def _units_stay_with_whom_has_it_no_more(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(_evolve, "_called_back", lambda units, *_: units)


def _units_are_theirs_for_ever(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(_handling, "HOME", frozenset())


def _lead_is_not_asked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(_evolve, "_taken", lambda incident, _: incident)


# ── merging, taking back ─────────────────────────────────────────────────────────────────────────
def _not_undone_by_whoever_did_it(patch: pytest.MonkeyPatch) -> None:
    undo = _correcting.undo

    def anybodys(incident: Incident, command: do.UndoStep, ctx: Context) -> Any:
        who, last = command.body.responder, ctx.last
        if last is not None and who is not None:
            mine = [replace(it, responder=who) if hasattr(it, "responder") else it for it in last.events]
            ctx = replace(ctx, last=replace(last, events=tuple(mine)))
        return undo(incident, command, ctx)

    patch.setitem(_decide._DECIDERS, do.UndoStep, anybodys)


def _undone_long_after(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(_correcting, "UNDO_WITHIN_S", 2000.0)


def _merged_in_a_circle(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(_merging, "_not_into", lambda *_: None)


PLANTED_LIFE: Final[dict[str, Plant]] = {
    plant.__name__.removeprefix("_"): plant
    for plant in (
        _alarm_at_the_due_instant,
        _alarm_again_and_again,
        _clock_stands_after_a_return,
        _late_claim_rings_not,
        _pause_rings_on,
        _pause_stops_no_clock,
        _resuming_moves_nothing,
        _extension_to_the_old_instant,
        _extension_stays_late,
        _undone_alarm_rings_again,
        _closed_by_time_though_reopened,
        _correction_takes_back_the_pauses,
        _two_holders,
        _stale_offers_are_taken,
        _referred_and_kept,
        _corrected_and_kept,
        _asked_again_after_a_referral,
        _units_stay_with_whom_has_it_no_more,
        _units_are_theirs_for_ever,
        _lead_is_not_asked,
        _not_undone_by_whoever_did_it,
        _undone_long_after,
        _merged_in_a_circle,
    )
} | {
    "return_keeps_the_epoch": _after(ev.IncidentReoffered, lambda before, it, _: replace(it, epoch=before.epoch)),
    "reopened_in_the_old_cycle": _after(ev.IncidentReopened, lambda before, it, _: replace(it, cycle=before.cycle)),
    "reopened_with_the_old_clocks": _after(
        ev.IncidentReopened, lambda before, it, _: replace(it, clocks=before.clocks)
    ),
    "claim_clock_goes_on": _after(ev.IncidentClaimed, lambda before, it, _: replace(it, clocks=before.clocks)),
    "resumed_and_looked_at_again": _after(ev.WorkResumed, lambda before, it, _: replace(it, clocks=before.clocks)),
    "pause_never_ends": _after(ev.WorkResumed, lambda before, it, _: replace(it, pauses=before.pauses)),
    "merge_forgets_voices": _after(ev.DuplicateAttached, lambda before, it, _: replace(it, voices=before.voices)),
    "unmerge_keeps_the_voices": _after(ev.DuplicateDetached, lambda before, it, _: replace(it, voices=before.voices)),
    "unmerged_and_still_a_duplicate": _after(
        ev.IncidentUnmerged, lambda before, it, _: replace(it, merged_into=before.merged_into)
    ),
    "unmerged_and_its_clocks_stand": _after(
        ev.IncidentUnmerged, lambda before, it, _: replace(it, clocks=before.clocks)
    ),
    "merged_and_still_joinable": lambda patch: patch.setattr(_evolve, "OPEN", frozenset(ALL_STATES)),
    "moved_and_still_joinable": _after(
        ev.IncidentCorrected, lambda before, it, _: replace(it, joinable=before.joinable)
    ),
}
