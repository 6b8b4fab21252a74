"""Why each report of an incident went where it went: the same function, on the stored bundle and facts."""

from collections.abc import Callable, Iterable
from typing import Final

from routing_rules import Compiled, Considered, explain, words
from schemas.events import JournalRow, RoutingDecided
from schemas.views import ConsideredRule, IncidentExplanation, MissedCondition, ReportExplanation

LANGUAGES: Final = ("en", "zh")


def explanation(
    incident_id: str, rows: Iterable[JournalRow], bundle_of: Callable[[str], Compiled]
) -> IncidentExplanation:
    """`bundle_of`: the compiled bundle with this id; bundles that the journal names are never deleted."""
    decided = (event for row in rows for event in row.events if isinstance(event, RoutingDecided))
    return IncidentExplanation(
        incident_id=incident_id,
        reports=tuple(_explained(event, bundle_of(event.decision.bundle)) for event in decided),
    )


def _explained(event: RoutingDecided, compiled: Compiled) -> ReportExplanation:
    why = explain(event.facts, compiled, event.at)
    return ReportExplanation(
        report_id=event.report_id,
        joined=event.joined,
        decided_at=event.at,
        facts=event.facts,
        decision=event.decision,
        considered=tuple(_considered(each) for each in why.considered),
        elsewhere=why.elsewhere,
        words={language: words(why, compiled, language) for language in LANGUAGES},
    )


def _considered(each: Considered) -> ConsideredRule:
    return ConsideredRule(
        rule=each.rule,
        verdict=each.verdict,
        conditions=each.conditions,
        missed=tuple(MissedCondition(fact=miss.fact, needs=miss.needs, has=miss.has) for miss in each.missed),
        because=each.because,
    )
