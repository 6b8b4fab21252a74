"""Clocks as a function of the incident: what runs, what is late, what rings next.

* Late means strictly later than due; each due instant rings at most once.
* A pause moves the due instant by as long as the clock stood.
* `confirm` closes what nobody confirmed instead of ringing.
"""

from datetime import datetime, timedelta

from msgspec.structs import replace

from schemas.events import ClockBreached
from schemas.incidents import Clock, ClockName, Incident

Clocks = tuple[Clock, ...]


def runs(clock: Clock) -> bool:
    """Neither stopped nor paused."""
    return clock.stopped_at is None and clock.paused_at is None


def watched(clock: Clock) -> bool:
    """It may still ring; while it stands, only for what was due before it stood."""
    if clock.stopped_at is not None or clock.breached_at is not None:
        return False
    return clock.paused_at is None or clock.due_at < clock.paused_at


def next_due_at(incident: Incident) -> datetime | None:
    """The earliest due instant that has still to be watched, or None."""
    waiting = [clock.due_at for clock in incident.clocks if watched(clock)]
    return min(waiting, default=None)


def clock_of(incident: Incident, name: str) -> Clock | None:
    return next((clock for clock in incident.clocks if clock.name == name), None)


def due_at(incident: Incident, name: str) -> datetime | None:
    """Due instant of the named clock, None when the incident has no such clock."""
    clock = clock_of(incident, name)
    return clock.due_at if clock else None


def ringing(incident: Incident, effective_at: datetime, *, only: str | None = None) -> tuple[ClockBreached, ...]:
    """Breaches that have become true by `effective_at`: strictly later than due, each once."""
    return tuple(
        ClockBreached(clock=clock.name, due_at=clock.due_at, fired_at=effective_at)
        for clock in incident.clocks
        if watched(clock) and clock.due_at < effective_at and clock.name != "confirm" and only in (None, clock.name)
    )


def unconfirmed(incident: Incident, effective_at: datetime) -> bool:
    """Whether the time to confirm is over."""
    clock = clock_of(incident, "confirm")
    return clock is not None and runs(clock) and clock.due_at < effective_at


def stop(clocks: Clocks, at: datetime, *, only: str | None = None) -> Clocks:
    """Clocks (or the named one) stopped at `at`; what stood goes on until then."""
    return tuple(
        replace(clock, stopped_at=at) if clock.stopped_at is None and only in (None, clock.name) else clock
        for clock in go_on(clocks, at)
    )


def resume(clocks: Clocks, *names: ClockName) -> Clocks:
    """The named clocks run on towards the same due instants, as if they had never stopped."""
    return tuple(replace(clock, stopped_at=None) if clock.name in names else clock for clock in clocks)


def pause(clocks: Clocks, at: datetime) -> Clocks:
    """The resolution clock stands from `at` on."""
    return tuple(
        replace(clock, paused_at=at) if clock.name == "resolution" and runs(clock) else clock for clock in clocks
    )


def go_on(clocks: Clocks, at: datetime) -> Clocks:
    """What stood runs again, due later by as long as it stood."""
    return tuple(
        replace(clock, paused_at=None, due_at=clock.due_at + max(timedelta(0), at - clock.paused_at))
        if clock.paused_at is not None
        else clock
        for clock in clocks
    )


def move(clocks: Clocks, name: ClockName, to: datetime, at: datetime) -> Clocks:
    """The named clock is due at `to` and may ring for it; one that stands does so from `at` on."""
    return tuple(
        replace(clock, due_at=to, breached_at=None, paused_at=clock.paused_at and at) if clock.name == name else clock
        for clock in clocks
    )


def breach(clocks: Clocks, name: str, fired_at: datetime) -> Clocks:
    """The named clock has rung."""
    return tuple(replace(clock, breached_at=fired_at) if clock.name == name else clock for clock in clocks)


def started(at: datetime, **due: datetime | None) -> Clocks:
    """Clocks that start at `at`, by name, with their due instants; None = no such clock."""
    return tuple(Clock(name=name, started_at=at, due_at=it) for name, it in due.items() if it is not None)  # type: ignore[arg-type]


def without(clocks: Clocks, *names: ClockName) -> Clocks:
    return tuple(clock for clock in clocks if clock.name not in names)
