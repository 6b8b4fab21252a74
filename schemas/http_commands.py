"""The routes of the commands about an incident, one for each verb."""

from typing import Final

from schemas import refusals as no
from schemas.commands import BODIES
from schemas.http_route import Parameter, Route
from schemas.outcomes import CommandAnswer

_KEY: Final = Parameter("Idempotency-Key", "1 to 200 printable characters; the sender is the responder", "header")
_COMMON: Final = (
    no.UnknownIncident,
    no.OfferWithdrawnRefusal,
    no.Overtaken,
    no.NotAllowedInState,
    no.NotYours,
    no.UnknownAttachment,
    no.IdempotencyMismatch,
)
_NOBODY: Final = (no.ResponderRequired,)
_WHY: Final = (no.ReasonRequired,)
_WHO: Final = (no.UnknownResponder,)
_WHEN: Final = (no.NotInFuture,)
_UNIT: Final = (*_NOBODY, no.UnitNotThere)
_SAYS: Final[dict[str, tuple[str, tuple[type[no.Refusal], ...]]]] = {
    "claim": ("Claim an incident (接单)", (no.AlreadyClaimed, no.NotCandidate, *_NOBODY, *_WHEN)),
    "return": ("Give it back with a reason (退单)", (no.NotCandidate, *_NOBODY, *_WHY, *_WHO)),
    "refer": (
        "Hand it to another responder (转办): the desk's word counts, a responder's is a return that suggests one",
        (no.NotCandidate, *_NOBODY, *_WHY, *_WHO),
    ),
    "joint": ("Several departments handle it, one leads (会办)", _WHO),
    "plan": ("Promise when it will be done", (*_NOBODY, *_WHEN)),
    "start": ("Work has begun", _NOBODY),
    "pause": ("Work stands, with what it waits for; the resolution clock stands too", _NOBODY),
    "resume": ("Work goes on", _NOBODY),
    "progress": ("Note something worth knowing", (*_NOBODY, no.NothingToDecide)),
    "dispatch": ("A unit is sent", _UNIT),
    "en-route": ("A unit is on its way", _UNIT),
    "on-scene": ("A unit has arrived", _UNIT),
    "clear": ("A unit is free again", _UNIT),
    "withdraw": ("A unit is called back before it arrived", _UNIT),
    "extend": ("Ask for a later due instant, or decide on it (延期)", (*_NOBODY, *_WHY, *_WHEN, no.NothingToDecide)),
    "defer": ("It cannot be done for now; look at it again then (挂账)", (*_WHY, *_WHEN)),
    "urge": ("Ask whoever has it to hurry (催办)", ()),
    "supervise": ("Watch it from above, or no longer (督办)", ()),
    "prioritize": ("Change the order of attention", ()),
    "correct": ("Put category or place right; it is routed again", (no.UnknownCategory, no.NothingToDecide)),
    "resolve": ("The work is done (办结)", (*_NOBODY, *_WHY)),
    "follow-up": ("What the reporter says (回访): solved closes it, not solved reopens it", ()),
    "close": ("Confirmed: close it", ()),
    "reopen": ("Not solved after all: the next cycle (重办)", _WHY),
    "cancel": ("Withdraw it, with a reason", _WHY),
    "merge": ("It is the same thing as another incident", (no.MergeRefused,)),
    "unmerge": ("It is a thing of its own after all", (no.MergeRefused,)),
    "undo": ("Take back one's own newest step, within 20 s", (no.NotUndoable,)),
}


def _operation(verb: str) -> str:
    """follow-up → followUpIncident."""
    first, *rest = verb.split("-")
    return first + "".join(word.capitalize() for word in rest) + "Incident"


COMMANDS: Final = tuple(
    Route(
        "POST",
        f"/api/v1/incidents/{{incident_id}}/{verb}",
        _operation(verb),
        _SAYS[verb][0],
        takes=body,
        answers=CommandAnswer,
        parameters=(_KEY,),
        refusals=(*_COMMON, *_SAYS[verb][1]),
    )
    for verb, (body, _) in BODIES.items()
)
