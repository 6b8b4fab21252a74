"""Clocks as a function of the incident: what runs, what is late, what rings next."""

from datetime import datetime

from msgspec.structs import replace

from schemas.events import ClockBreached
from schemas.incidents import Clock, Incident


def next_due_at(incident: Incident) -> datetime | None:
    """The earliest due instant that has still to be watched, or None."""
    waiting = [clock.due_at for clock in incident.clocks if clock.stopped_at is None and clock.breached_at is None]
    return min(waiting, default=None)


def due_at(incident: Incident, name: str) -> datetime | None:
    """Due instant of the named clock, None when the incident has no such clock."""
    return next((clock.due_at for clock in incident.clocks if clock.name == name), None)


def ringing(incident: Incident, effective_at: datetime, *, only: str | None = None) -> tuple[ClockBreached, ...]:
    """Breaches that have become true by `effective_at`: strictly later than due, each once."""
    return tuple(
        ClockBreached(clock=clock.name, due_at=clock.due_at, fired_at=effective_at)
        for clock in incident.clocks
        if clock.stopped_at is None
        and clock.breached_at is None
        and clock.due_at < effective_at
        and only in (None, clock.name)
    )


def stop(clocks: tuple[Clock, ...], at: datetime, *, only: str | None = None) -> tuple[Clock, ...]:
    """Running clocks (or the named one) stopped at `at`."""
    return tuple(
        replace(clock, stopped_at=at) if clock.stopped_at is None and only in (None, clock.name) else clock
        for clock in clocks
    )


def resume(clocks: tuple[Clock, ...], name: str) -> tuple[Clock, ...]:
    """The named clock runs on towards the same due instant, as if it had never stopped."""
    return tuple(replace(clock, stopped_at=None) if clock.name == name else clock for clock in clocks)


def breach(clocks: tuple[Clock, ...], name: str, fired_at: datetime) -> tuple[Clock, ...]:
    """The named clock has rung."""
    return tuple(replace(clock, breached_at=fired_at) if clock.name == name else clock for clock in clocks)
