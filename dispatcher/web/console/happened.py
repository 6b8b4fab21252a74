"""One event of a timeline as a sentence. Pure."""

from collections.abc import Callable
from typing import Any, Final

from dispatcher.web.console.wording import Wording
from schemas.views import TimelineEntry

_Event = dict[str, Any]
_RESPONDERS: Final = ("responder", "to", "lead", "suggested_owner")
_INSTANTS: Final = ("promised_at", "until", "recheck_at", "due_at")


def happened(w: Wording, entry: TimelineEntry) -> str:
    """In the reader's language; whom, when and where in words."""
    event, key = dict(entry.event), f"event.{entry.type}"
    special = _SPECIAL.get(entry.type)
    if special is not None:
        return special(w, key, event)
    return w.t(key, **_told(w, event))


def other_incident(entry: TimelineEntry) -> str | None:
    """The other incident that the sentence ends with, to be linked."""
    event = entry.event
    found = event.get("into") or event.get("out_of") or event.get("duplicate") or event.get("parent")
    return str(found) if found else None


def _told(w: Wording, event: _Event) -> _Event:
    told = dict(event)
    told |= {name: w.responder(event[name]) for name in _RESPONDERS if event.get(name)}
    told |= {name: w.at(event[name]) for name in _INSTANTS if event.get(name)}
    if "clock" in event:
        told["clock"] = w.t(f"clock.{event['clock']}")
    if "waiting_for" in event:
        told["waiting_for"] = w.t(f"waiting.{event['waiting_for']}")
    return told | {"names": w.responders(event.get("responders", ()))}


def _routed(w: Wording, key: str, event: _Event) -> str:
    if event["joined"]:
        return w.t(f"{key}.joined")
    return w.t(key, rule=event["decision"]["rule"], names=w.responders(event["decision"]["offers"]))


def _claimed(w: Wording, key: str, event: _Event) -> str:
    told = _told(w, event)
    more = [w.t(f"{key}.crew")] if event.get("crew_sent") else []
    more += [w.t(f"{key}.promised", **told)] if event.get("promised_at") else []
    return w.listed([w.t(key, **told), *more])


def _moved(w: Wording, key: str, event: _Event) -> str:
    return w.t(key, **_told(w, event) | {"state": w.t(f"unit.{event['state']}")})


def _corrected(w: Wording, key: str, event: _Event) -> str:
    facts, changes = event["facts"], []
    for name, named in (("category", w.category), ("area", w.area)):
        was, now = event.get(f"was_{name}"), facts.get(name)
        if was != now:
            changes.append(w.t(f"{key}.{name}", was=named(was), now=named(now)))
    if event.get("moved"):
        changes.append(w.t(f"{key}.moved"))
    changes = changes or [w.t(f"{key}.other")]
    return w.t(key, responder=w.responder(event["responder"]), changes=w.listed(changes))


def _followed_up(w: Wording, key: str, event: _Event) -> str:
    solved, satisfied = event.get("solved"), event.get("satisfied")
    answers = [] if solved is None else [w.t(f"{key}.solved" if solved else f"{key}.unsolved")]
    answers += [] if satisfied is None else [w.t(f"{key}.satisfied" if satisfied else f"{key}.dissatisfied")]
    answers = answers or [w.t(f"{key}.unknown")]
    return w.t(key, responder=w.responder(event["responder"]), answers=w.listed(answers))


def _attached(w: Wording, key: str, event: _Event) -> str:
    return w.t(key, responder=w.responder(event["responder"]), count=len(event["attachments"]))


def _if(name: str, variant: str, *, when: bool = True) -> Callable[[Wording, str, _Event], str]:
    """The variant's sentence when the field is (or is not) there and true."""

    def told(w: Wording, key: str, event: _Event) -> str:
        chosen = f"{key}.{variant}" if bool(event.get(name)) is when else key
        return w.t(chosen, **_told(w, event))

    return told


_SPECIAL: Final[dict[str, Callable[[Wording, str, _Event], str]]] = {
    "RoutingDecided": _routed,
    "IncidentClaimed": _claimed,
    "UnitMoved": _moved,
    "IncidentCorrected": _corrected,
    "FollowedUp": _followed_up,
    "AttachmentsAdded": _attached,
    "IncidentReturned": _if("suggested_owner", "suggested"),
    "WorkPaused": _if("recheck_at", "deferred"),
    "ExtensionDecided": _if("until", "refused", when=False),
    "SupervisionSet": _if("on", "off", when=False),
    "IncidentClosed": _if("unconfirmed", "unconfirmed"),
}
