"""Which buttons make sense for whom. The lifecycle table decides; whether a press is accepted, `decide`. Pure."""

from typing import Final

from dispatcher.core.lifecycle import LIFECYCLE, OPEN
from schemas.views import IncidentItem

Choices = dict[str, tuple[str, ...]]
_AS_SHOWN: Final = ("claim", "resolve", "close", "return", "cancel")  # the likely one first
_OFFER_STATES: Final = {"claim": ("offered",), "return": ("offered", "claimed"), "resolve": ("claimed",)}


def choices(incident: IncidentItem) -> Choices:
    """Verbs that are possible now, the likely one first, each with the responders that may do it."""
    possible = {verb: _who(verb, incident) for verb in _AS_SHOWN}
    return {verb: who for verb, who in possible.items() if who}


def _who(verb: str, incident: IncidentItem) -> tuple[str, ...]:
    move, who = LIFECYCLE[verb], []
    if incident.state in move.states:
        if verb in _OFFER_STATES:
            who += [offer.responder for offer in incident.offers if offer.state in _OFFER_STATES[verb]]
        elif "holder" in move.who:
            who += incident.holders
        if "desk" in move.who:
            who.append(incident.desk)
    if incident.state in OPEN and incident.state in move.desk_from:
        who.append(incident.desk)
    return tuple(dict.fromkeys(who))
