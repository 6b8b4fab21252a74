"""Every verb in any order on a few incidents, by anybody, on time or late: moved or refused, and always one truth.

The smaller sister of the simulation: only the pure core, so that a failure shrinks to the few steps that make it.
"""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from msgspec.structs import replace

from dispatcher.core import Context, LastRow, Plan, apply_row, decide, evolve, next_due_at
from dispatcher.core.lifecycle import LIFECYCLE
from dispatcher.core.parties import holders, is_open
from schemas import commands as do
from schemas import events as ev
from schemas import refusals as no
from schemas.facts import Facts, GroupBy, RoutingDecision
from schemas.incidents import OPEN_STATES, Incident
from schemas.reports import Report
from tests.simulation.clock_oracle import ClockOracle
from tests.simulation.faults import Violation
from tests.simulation.planted_life import PLANTED_LIFE
from tests.simulation.standing import hold_together, moved, stands
from tests.unit.core.incident_making import DESK, NOON

HERE = "cn-231223"
IDS = ("I1", "I2", "I3")
PEOPLE = ("a", "b", "c", DESK)
CATEGORIES = ("lighting/streetlight", "road/hole")
WHICH = st.sampled_from(IDS)
WHO = st.sampled_from((*PEOPLE, None))
AIMED = st.sampled_from((True,) * 4 + (False,))
REASON = st.sampled_from(("because", "because", None))
AHEAD_MIN = st.sampled_from((-5, 30, 600, 6000))
_events = msgspec.json.Decoder(tuple[ev.AnyEvent, ...]).decode


@st.composite
def plans(draw: st.DrawFn) -> dict[str, Any]:
    """A routing: whom it names, in which mode, with which clocks (minutes from now), grouping or not."""
    return {
        "rule": draw(st.sampled_from(("r1", "r2"))),
        "offers": tuple(draw(st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=3, unique=True))),
        "mode": draw(st.sampled_from(("first-claim", "race", "all"))),
        "claim_min": draw(st.sampled_from((None, 20.0, 60.0))),
        "fix_min": draw(st.sampled_from((None, 90.0, 240.0))),
        "close_after_s": draw(st.sampled_from((None, 3600.0))),
        "groups": draw(st.booleans()),
        "category": draw(st.sampled_from(CATEGORIES)),
    }


UNIT_VERBS = ("dispatch", "en-route", "on-scene", "clear", "withdraw")
# Fields of a verb's body, beside who acts and what it is based on; `*_min` are minutes from now.
SAYS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "claim": {"promised_at_min": st.one_of(st.none(), AHEAD_MIN), "crew_sent": st.booleans()},
    "return": {"reason": REASON, "suggested_owner": st.sampled_from((None, None, "c", "nobody"))},
    "refer": {"reason": REASON, "to": st.sampled_from((*PEOPLE, "nobody"))},
    "joint": {
        "departments": st.lists(st.sampled_from((*PEOPLE, "nobody")), min_size=1, max_size=2).map(tuple),
        "lead": st.sampled_from((None, *PEOPLE)),
    },
    "plan": {"promised_at_min": AHEAD_MIN},
    "pause": {"waiting_for": st.sampled_from(("parts", "weather"))},
    "progress": {"note": st.sampled_from(("seen", None))},
    **{verb: {"unit": st.sampled_from(("u", "v"))} for verb in UNIT_VERBS},
    "extend": {
        "until_min": st.one_of(st.none(), AHEAD_MIN),
        "granted": st.sampled_from((None, None, True, False)),
        "reason": REASON,
    },
    "defer": {"until_min": AHEAD_MIN, "reason": REASON},
    "supervise": {"on": st.booleans()},
    "prioritize": {"priority": st.sampled_from(("P1", "P2", "P3"))},
    "correct": {"category": st.sampled_from((None, *CATEGORIES)), "place": st.sampled_from((None, "elsewhere"))},
    "resolve": {"reason": REASON},
    "follow-up": {"solved": st.sampled_from((True, False, None))},
    "reopen": {"reason": REASON},
    "cancel": {"reason": REASON},
    "merge": {"into": st.sampled_from((*IDS, "I9"))},
}


class Lives(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = NOON
        self.incidents: dict[str, Incident] = {}
        self.rows: dict[str, list[tuple[ev.AnyEvent, ...]]] = {}
        self.named: dict[str, set[str]] = {}
        self.reports_count = 0
        self.clocks = ClockOracle()

    @initialize(routed=st.lists(plans(), min_size=3, max_size=3), held_by=st.sampled_from((None, None, "a", "nobody")))
    def open(self, routed: list[dict[str, Any]], held_by: str | None) -> None:
        for incident_id, plan in zip(IDS, routed, strict=True):
            report = Report(source="110", source_id=incident_id, text="x", held_by=held_by or msgspec.UNSET)
            ctx = Context(now=self.now, plan=self.plan(incident_id, plan), responders=PEOPLE)
            self.named[incident_id] = {"a"} if held_by == "a" else set(plan["offers"])
            self.reports_count += 1
            self.happens(incident_id, decide(None, do.SubmitReport(report=report), ctx))

    @rule(minutes=st.sampled_from((0.1, 1, 5, 60, 600)))
    def wait(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(which=WHICH, late_s=st.sampled_from((0, 0.001, 30)))
    def wait_for_the_alarm(self, which: str, late_s: float) -> None:
        """At the due instant itself nothing is late."""
        due_at = next_due_at(self.incidents[which])
        if due_at is not None:
            self.now = max(self.now, due_at + timedelta(seconds=late_s))
            self.alarm(which)

    @rule(which=WHICH)
    def alarm(self, which: str) -> None:
        self.happens(which, decide(self.incidents[which], do.FireDue(incident_id=which), Context(now=self.now)))

    @rule(which=WHICH, routed=plans())
    def another_voice(self, which: str, routed: dict[str, Any]) -> None:
        incident = self.incidents[which]
        if incident.joinable:
            assert incident.state in OPEN_STATES
            self.reports_count += 1
            report = Report(source="110", source_id=f"v{self.reports_count}", text="x")
            ctx = Context(now=self.now, plan=self.plan(which, routed))
            self.happens(which, decide(incident, do.SubmitReport(report=report), ctx))

    def plan(self, incident_id: str, routed: dict[str, Any]) -> Plan:
        claim_min, fix_min, reported_at = routed["claim_min"], routed["fix_min"], self.now
        if incident_id in self.incidents:
            reported_at = self.incidents[incident_id].reported_at
        return Plan(
            report_id=f"R{self.reports_count}",
            incident_id=incident_id,
            key="00" * 16,
            jurisdiction=HERE,
            desk=DESK,
            facts=Facts(source="110", reported_at=reported_at, category=routed["category"], cell="4669:12610"),
            decision=RoutingDecision(
                rule=routed["rule"],
                owner=routed["offers"][0],
                mode=routed["mode"],
                offers=routed["offers"],
                bundle="sha256:0",
                claim_due_at=None if claim_min is None else self.now + timedelta(minutes=claim_min),
                resolution_due_at=None if fix_min is None else reported_at + timedelta(minutes=fix_min),
                group=GroupBy(30, 3600) if routed["groups"] else None,
                close_after_s=routed["close_after_s"],
            ),
        )

    # ── a command ────────────────────────────────────────────────────────────────────────────────
    def aim(self, verb: str, which: str, who: str | None) -> tuple[str, str | None]:
        """An incident that the verb is for, and somebody who may, as near to the drawn ones as there is."""
        move, newest = LIFECYCLE[verb], self.rows[which][-1]
        if verb == "undo":
            did = [it.responder for it in newest if hasattr(it, "responder")]
            return which, did[0] if did else who
        there = [it for it in (which, *IDS) if self.incidents[it].state in move.states]
        incident = self.incidents[there[0] if there else which]
        may = {DESK} if "desk" in move.who else set()
        may |= set(holders(incident)) if "holder" in move.who else set()
        may |= {it.responder for it in incident.offers if is_open(it)} if "candidate" in move.who else set()
        return incident.id, who if who in may or not may else min(may)

    def gives(
        self, verb: str, which: str, who: str | None, basis: str, late_s: float, *, aimed: bool, **says: Any
    ) -> None:
        if aimed:
            which, who = self.aim(verb, which, who)
        incident, routed = self.incidents[which], says.pop("routed", None)
        command = self.command(verb, incident, who, basis, says)
        if late_s:
            command = replace(command, effective_at=self.now - timedelta(seconds=late_s))
        plan = None if routed is None else self.plan(which, routed | self.understood(command, routed))
        other = says.get("into") or incident.merged_into
        ctx = Context(
            now=self.now,
            plan=plan,
            body_ref="B",
            responders=PEOPLE,
            other=self.incidents.get(other or ""),
            last=self.last(which) if verb == "undo" else None,
        )
        verdict = decide(incident, command, ctx)
        if isinstance(verdict, no.Refusal):
            assert no.title(verdict)
            assert verdict.status in range(400, 500)
            return
        self.names(command, incident, plan)
        self.happens(which, verdict)
        self.other_half(command, incident, ctx)

    def command(self, verb: str, incident: Incident, who: str | None, basis: str, says: dict[str, Any]) -> Any:
        fields = {name: value for name, value in says.items() if not name.endswith("_min") and value is not None}
        for name, minutes in says.items():
            if name.endswith("_min") and minutes is not None:
                fields[name.removesuffix("_min")] = self.now + timedelta(minutes=minutes)
        fields |= {
            "none": {},
            "offer": {"cycle": incident.cycle, "epoch": incident.epoch},
            "old": {"cycle": incident.cycle, "epoch": max(1, incident.epoch - 1)},
            "seq": {"seq": incident.seq},
        }[basis]
        body, kind = do.BODIES[verb]
        return kind(incident_id=incident.id, body=body(responder=who, **fields))  # type: ignore[call-arg] # all have one

    @staticmethod
    def understood(command: Any, routed: dict[str, Any]) -> dict[str, Any]:
        said = getattr(command.body, "category", None)
        return {"category": said or routed["category"]}

    def last(self, which: str) -> LastRow | None:
        before: Incident | None = None
        for seq, events in enumerate(self.rows[which][:-1], start=1):
            before = apply_row(before, seq, events)
        return None if before is None else LastRow(before, len(self.rows[which]), self.rows[which][-1])

    def names(self, command: Any, before: Incident, plan: Plan | None) -> None:
        """Who may be offered it from now on."""
        match command:
            case do.ReferIncident() if command.body.responder in (None, DESK):
                if holders(before) != (command.body.to,):
                    self.named[before.id] = {command.body.to}
            case do.SetJointHandling():
                self.named[before.id] |= {*command.body.departments, command.body.lead or before.owner}
            case do.CorrectIncident():
                self.named[before.id] = set(plan.decision.offers) if plan else set()
            case do.ReopenIncident() | do.FollowUpIncident():
                if getattr(command.body, "solved", False) is False and plan:
                    self.named[before.id] = set(holders(before) or plan.decision.offers)
            case _:
                pass

    def other_half(self, command: Any, before: Incident, ctx: Context) -> None:
        if ctx.other is None:
            return
        half: do.IncidentCommand | None = None
        if isinstance(command, do.MergeIncident):
            half = do.AttachDuplicate(incident_id=ctx.other.id, duplicate=before.id, voices=before.voices)
        elif isinstance(command, do.UnmergeIncident):
            half = do.DetachDuplicate(incident_id=ctx.other.id, duplicate=before.id)
        if half is not None:
            self.happens(ctx.other.id, decide(ctx.other, half, Context(now=self.now)))

    # ── what must hold ───────────────────────────────────────────────────────────────────────────
    def happens(self, which: str, verdict: tuple[ev.IncidentEvent, ...] | no.Refusal) -> None:
        assert not isinstance(verdict, no.Refusal), verdict
        if not verdict:
            return
        before, rows = self.incidents.get(which), self.rows.setdefault(which, [])
        read_again = _events(msgspec.json.encode(verdict))
        assert read_again == verdict
        rows.append(read_again)
        row = ev.JournalRow(
            position=1,
            jurisdiction=HERE,
            incident_id=which,
            seq=len(rows),
            command_id="",
            actor="",
            at=self.now,
            events=read_again,
        )
        after = self.incidents[which] = apply_row(before, row.seq, read_again)
        self.holds(row, before, after)

    def holds(self, row: ev.JournalRow, before: Incident | None, after: Incident) -> None:
        try:
            if before is not None:
                moved(before, after, row)
            stands(after)
            self.counted(row, before, after)
        except Violation as violation:  # which is no Exception, so that the engine cannot catch it
            raise AssertionError(str(violation)) from violation
        open_to = {offer.responder for offer in after.offers if is_open(offer)}
        assert open_to <= self.named[after.id] | {DESK}, open_to

    def counted(self, row: ev.JournalRow, before: Incident | None, after: Incident) -> None:
        counted, state = self.clocks.before(row), before
        for event in row.events:
            folded = evolve(state, event)
            if folded is None:
                continue
            if isinstance(event, ev.StepUndone):
                newest = replace(row, seq=row.seq - 1, events=self.rows[after.id][-2])
                counted = self.clocks.undone(row, newest)
            else:
                counted = self.clocks.event(counted, event, state, folded)
            state = folded
        self.clocks.row(row, counted, after)

    def teardown(self) -> None:
        for which, rows in self.rows.items():
            replayed: Incident | None = None
            for seq, events in enumerate(rows, start=1):
                replayed = apply_row(replayed, seq, events)
            assert msgspec.json.encode(replayed) == msgspec.json.encode(self.incidents[which])
        try:
            for which in self.incidents:
                hold_together(which, self.incidents)
        except Violation as violation:
            raise AssertionError(str(violation)) from violation
        assert sum(it.voices for it in self.incidents.values() if it.merged_into is None) == self.reports_count


def _rule_of(verb: str) -> Any:
    drawn_for: dict[str, st.SearchStrategy[Any]] = {
        "which": WHICH,
        "who": WHO,
        "aimed": AIMED,
        "basis": st.sampled_from(("none",) * 5 + ("offer", "seq", "old")),
        "late_s": st.sampled_from((0, 0, 0, 30)),
        **SAYS.get(verb, {}),
    }
    if verb in ("correct", "reopen", "follow-up"):
        drawn_for["routed"] = plans()

    def gives(self: Lives, **drawn: Any) -> None:
        self.gives(verb, **drawn)

    gives.__name__ = f"does_{verb.replace('-', '_')}"
    return rule(**drawn_for)(gives)  # type: ignore[call-overload] # its overloads know no names made at run time


# The steps that a life is mostly made of come more often than those that end it.
_OFTEN = ("claim",) * 5 + (
    "start",
    "pause",
    "pause",
    "resume",
    "resume",
    "extend",
    "undo",
    "undo",
    "unmerge",
    "dispatch",
)
for _n, _verb in enumerate((*do.BODIES, *_OFTEN)):
    setattr(Lives, f"does_{_verb.replace('-', '_')}_{_n}", _rule_of(_verb))

TestLives = Lives.TestCase
TestLives.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)


@pytest.mark.parametrize("bug", ["alarm_again_and_again", "return_keeps_the_epoch", "claim_clock_goes_on"])
def test_it_can_fail(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    PLANTED_LIFE[bug](monkeypatch)
    unshrunk = settings(TestLives.settings, phases=[Phase.generate], database=None)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Lives, settings=unshrunk)
