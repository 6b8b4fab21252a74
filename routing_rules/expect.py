"""Runs the `expect` cases of a bundle through `perceive` and `explain`, the same way as reports go."""

from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from routing_rules.compile import Compiled
from routing_rules.explain import Explanation, explain
from routing_rules.model import Case
from routing_rules.parse_cases import TIME_FORMATS
from routing_rules.perceive import perceive
from schemas.reports import Report

_USUAL_DAY = "2025-01-15 "  # a Wednesday without a holiday


def failures(compiled: Compiled) -> Iterator[tuple[str, str]]:
    """(rule id, what came out otherwise) for each case that fails."""
    for rule in compiled.bundle.rules:
        for number, case in enumerate(rule.expect, 1):
            wrong = [said for said in differences(case, run(case, compiled), rule.id, compiled) if said]
            if wrong:
                yield rule.id, f"expect {number} ({_title(case)}): " + "; ".join(wrong)


def _title(case: Case) -> str:
    return case.text or case.category or "no text"


def run(case: Case, compiled: Compiled) -> Explanation:
    """The case as a report that comes in at its own time."""
    now = instant(case.at, compiled)
    facts = perceive(_report(case, now), compiled, now)
    if not case.text and case.flags:
        facts = replace(facts, flags=tuple(sorted(case.flags)))
    return explain(facts, compiled, now)


def _report(case: Case, now: datetime) -> Report:
    return Report(
        source=case.source,
        source_id="expect",
        channel=case.channel,
        text=case.text,
        category=case.category,
        severity=case.severity,
        attributes=dict(case.attributes),
        area=case.area,
        location=case.location,
        place=case.place,
        reported_at=now,
    )


def instant(local: str, compiled: Compiled) -> datetime:
    """UTC of "22:10" (on a usual day) or "2025-01-12 12:22" in the pack's zone."""
    full = local if len(local) > 5 else _USUAL_DAY + local
    return datetime.strptime(full, TIME_FORMATS[16]).replace(tzinfo=compiled.zone).astimezone(UTC)


def differences(case: Case, came: Explanation, rule: str, compiled: Compiled) -> Iterator[str]:
    facts, decision = came.facts, came.decision
    if rule not in came.matched:
        yield f"this rule does not match; rule {decision.rule} wins"
    lacking = sorted(set(case.flags) - set(facts.flags))
    if lacking:
        yield f"flags not found: {', '.join(lacking)}"
    pairs: tuple[tuple[str, object, object], ...] = (
        ("finds", case.finds, facts.category),
        ("rule", case.rule, decision.rule),
        ("owner", case.owner, decision.owner),
        ("offers", case.offers, decision.offers),
        ("mode", case.mode, decision.mode),
        ("priority", case.priority, decision.priority),
        ("copies", _as_set(case.copies), _as_set(decision.copies)),
        ("tags", _as_set(case.tags), _as_set(decision.tags)),
        ("claim-due", case.claim_due, _local(decision.claim_due_at, case.claim_due, compiled)),
        ("fix-due", case.fix_due, _local(decision.resolution_due_at, case.fix_due, compiled)),
    )
    for name, expected, found in pairs:
        if expected is not None and expected != found:
            yield f"{name} is {_shown(found)}, not {_shown(expected)}"


def _as_set(values: tuple[str, ...] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(sorted(values))


def _local(at: datetime | None, like: str | None, compiled: Compiled) -> str | None:
    """To the minute, in the form in which the case says it."""
    if at is None or like is None:
        return None
    return at.astimezone(compiled.zone).strftime(TIME_FORMATS[len(like)])


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) or "none" if isinstance(value, tuple) else str(value)
