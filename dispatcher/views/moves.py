"""Who may do what now: the lifecycle table read for one incident, so that every client offers the same buttons. Pure.

A move is listed when the engine would accept it and something would come of it, given the fields that it needs.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from dispatcher.core import Context, LastRow, decide
from dispatcher.core.clocks import clock_of
from dispatcher.core.lifecycle import LIFECYCLE, UNDO_WITHIN_S, UNIT_MOVES
from dispatcher.core.parties import holders, offer_of
from dispatcher.views.moment import folded
from schemas.command_bodies import UndoBody
from schemas.commands import UndoStep
from schemas.events import JournalRow
from schemas.incidents import Incident
from schemas.refusals import Refusal

_ASKED: Final = ("offered",)
_OPEN_OFFER: Final = ("offered", "claimed")
_BY_OFFER: Final = {"claim": _ASKED, "return": _OPEN_OFFER, "refer": _OPEN_OFFER}


class Undo(Struct, frozen=True):
    """`responder` may take back the newest step until `until`."""

    responder: str
    until: datetime


def moves_of(incident: Incident, undo: Undo | None = None) -> dict[str, tuple[str, ...]]:
    """By responder, the verbs that are possible now, in the table's order; who can do nothing is left out."""
    concerned = dict.fromkeys([*(offer.responder for offer in incident.offers), incident.desk])
    found = {who: _verbs(incident, who, undo) for who in concerned}
    return {who: verbs for who, verbs in found.items() if verbs}


def _verbs(incident: Incident, who: str, undo: Undo | None) -> tuple[str, ...]:
    may_undo = undo is not None and undo.responder == who
    return tuple(verb for verb in LIFECYCLE if (may_undo if verb == "undo" else _may(incident, verb, who)))


def _may(incident: Incident, verb: str, who: str) -> bool:
    if verb == "resolve":
        return _may_resolve(incident, who)
    move, offer, is_desk = LIFECYCLE[verb], offer_of(incident, who), who == incident.desk
    if incident.state not in move.states:
        return False
    if verb in _BY_OFFER:
        asked = offer is not None and offer.state in _BY_OFFER[verb]
    else:
        asked = offer is not None and offer.state == "claimed" and "holder" in move.who
    if not (asked or (is_desk and "desk" in move.who)):
        return False
    more = _MORE.get(verb)
    return more is None or more(incident, who)


def _may_resolve(incident: Incident, who: str) -> bool:
    """A holder of what is held; the desk, with a reason, what it does not hold."""
    move = LIFECYCLE["resolve"]
    if who in holders(incident):
        return incident.state in move.states
    return who == incident.desk and incident.state in move.desk_from


def _has_time(incident: Incident, _who: str) -> bool:
    return clock_of(incident, "resolution") is not None


def _has_unit(verb: str) -> Callable[[Incident, str], bool]:
    leaves, _ = UNIT_MOVES[verb]

    def has(incident: Incident, who: str) -> bool:
        return any(unit.state in leaves and who in (unit.responder, incident.desk) for unit in incident.units)

    return has


_MORE: Final[dict[str, Callable[[Incident, str], bool]]] = {
    "extend": _has_time,
    "clear": _has_unit("clear"),
    "withdraw": _has_unit("withdraw"),
}


def undo_of(incident: Incident, rows: Sequence[JournalRow], now: datetime) -> Undo | None:
    """Who may take back the newest of the incident's rows, and until when; asked of `decide` itself."""
    newest = rows[-1] if rows else None
    if newest is None or newest.seq != incident.seq or (now - newest.at).total_seconds() > UNDO_WITHIN_S:
        return None
    step = next(((it.responder, it.at) for it in newest.events if hasattr(it, "responder") and hasattr(it, "at")), None)
    if step is None or len(rows) < 2:
        return None
    before = folded(rows[:-1])
    if before is None:  # pragma: no cover - the first row opened it
        return None
    responder, at = step
    asked = UndoStep(incident_id=incident.id, body=UndoBody(responder=responder))
    verdict = decide(incident, asked, Context(now=now, last=LastRow(before, newest.seq, newest.events)))
    return None if isinstance(verdict, Refusal) else Undo(responder, at + timedelta(seconds=UNDO_WITHIN_S))
