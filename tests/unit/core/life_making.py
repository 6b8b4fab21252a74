"""Every verb as a command that says enough, and incidents in every state, made by deciding and folding only."""

from typing import Any

from msgspec.structs import replace

from dispatcher.core import Context, LastRow, apply_row, decide
from schemas import refusals as no
from schemas.commands import BODIES, IncidentCommand
from schemas.events import AnyEvent
from schemas.incidents import Incident, State
from tests.unit.core.incident_making import DESK, minutes, opened, plan_for

KNOWN = ("a", "b", "c", "d", DESK)
REASON = "because"
SAYS: dict[str, dict[str, Any]] = {
    "return": {"reason": REASON},
    "refer": {"to": "c", "reason": REASON},
    "joint": {"departments": ("c", "d")},
    "plan": {"promised_at": minutes(600)},
    "pause": {"waiting_for": "parts"},
    "progress": {"note": "seen"},
    "dispatch": {"unit": "car-1"},
    "en-route": {"unit": "car-1"},
    "on-scene": {"unit": "car-1"},
    "clear": {"unit": "car-1"},
    "withdraw": {"unit": "car-1"},
    "extend": {"until": minutes(2_000), "reason": REASON},
    "defer": {"until": minutes(3_000), "reason": REASON},
    "prioritize": {"priority": "P1"},
    "correct": {"category": "sanitation/garbage"},
    "resolve": {"reason": REASON},
    "follow-up": {"solved": True, "satisfied": True},
    "reopen": {"reason": REASON},
    "cancel": {"reason": REASON},
    "merge": {"into": "I2"},
}


def command(verb: str, who: str | None = None, **says: Any) -> IncidentCommand:
    body_type, kind = BODIES[verb]
    body = body_type(responder=who, **(SAYS.get(verb, {}) | says))
    return kind(incident_id="I1", body=body)  # type: ignore[call-arg]


class Life:
    """One incident and what happened to it, a minute between two steps."""

    def __init__(self, offers: tuple[str, ...] = ("a", "b"), mode: str = "first-claim", **more: Any) -> None:
        self.incident = opened(offers, mode)
        if more:
            self.incident = replace(self.incident, **more)
        self.other: Incident | None = replace(opened(("a",)), id="I2")
        self.before: LastRow | None = None
        self.minute = 0.0

    def context(self, routed_to: tuple[str, ...] = ("c",)) -> Context:
        plan = plan_for(routed_to, "first-claim", claim_min=self.minute + 20, fix_min=self.minute + 500)
        plan = replace(plan, facts=replace(plan.facts, category="sanitation/garbage"))
        return Context(
            now=minutes(self.minute),
            plan=plan,
            body_ref="B1",
            responders=KNOWN,
            other=self.other,
            last=self.before,
        )

    def tries(self, verb: str, who: str | None = None, **says: Any) -> tuple[AnyEvent, ...] | no.Refusal:
        routed_to = says.pop("routed_to", ("c",))
        return decide(self.incident, command(verb, who, **says), self.context(routed_to))

    def does(self, verb: str, who: str | None = None, *, after_min: float = 1, **says: Any) -> tuple[AnyEvent, ...]:
        """Must be accepted."""
        self.minute += after_min
        happened = self.tries(verb, who, **says)
        assert not isinstance(happened, no.Refusal), f"{verb}: {happened}"
        if happened:
            before = self.incident
            self.incident = apply_row(before, before.seq + 1, happened)
            self.before = LastRow(before, self.incident.seq, happened)
        return happened

    def refuses(self, verb: str, who: str | None = None, **says: Any) -> no.Refusal:
        verdict = self.tries(verb, who, **says)
        assert isinstance(verdict, no.Refusal), f"{verb}: {verdict}"
        return verdict


_WAYS: dict[State, tuple[tuple[str, str], ...]] = {
    "offered": (),
    "claimed": (("claim", "a"),),
    "planned": (("claim", "a"), ("plan", "a")),
    "working": (("claim", "a"), ("start", "a")),
    "paused": (("claim", "a"), ("start", "a"), ("pause", "a")),
    "resolved": (("claim", "a"), ("resolve", "a")),
    "closed": (("claim", "a"), ("resolve", "a"), ("close", DESK)),
    "cancelled": (("cancel", DESK),),
    "duplicate": (("claim", "a"), ("merge", DESK)),
}


def in_state(state: State, mode: str = "first-claim") -> Life:
    """An incident offered to a and b, held by a where somebody holds it."""
    life = Life(mode=mode)
    for verb, who in _WAYS[state]:
        life.does(verb, who)
    if state == "duplicate":
        life.other = replace(life.other or opened(), duplicates=())
    assert life.incident.state == state
    return life
