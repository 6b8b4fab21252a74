"""Prometheus metrics, fed from what was committed; nothing here reads a table at a scrape."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest
from prometheus_client import Counter as PromCounter

from dispatcher.store import Changes, Counts
from schemas import events as ev
from schemas import outcomes as out
from schemas import refusals as no
from schemas.incidents import NOT_OVER_STATES, Incident

_CLAIM_BUCKETS = (60, 300, 600, 900, 1200, 1800, 3600, 7200, 14400, 43200, 86400)
_RESOLUTION_BUCKETS = (1800, 3600, 7200, 14400, 28800, 86400, 172800, 432000, 864000, 2592000)
_LATE_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.25, 0.5, 1, 2.5, 10, 60)
_BATCH_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5)
_SIZE_BUCKETS = (1, 2, 5, 10, 20, 50, 100, 200)
_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Observer of the spine. Labels are bounded: responders, clocks, commands and reasons of the product."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._reports = self._counter("dispatch_reports", "Reports taken, by what became of them", "outcome")
        self._offers = self._counter("dispatch_offers", "Offers made", "responder")
        self._commands = self._counter("dispatch_commands", "Commands about incidents, by outcome", "outcome")
        self._refusals = self._counter("dispatch_refusals", "Commands refused, by reason", "reason")
        self._breaches = self._counter("dispatch_breaches", "Clocks that rang", "clock", "responder")
        self._closed = self._counter("dispatch_closed", "Incidents closed, confirmed or by time", "how")
        self._reopened = self._counter("dispatch_reopened", "Incidents opened again", "responder")
        self._letters = self._counter("dispatch_dead_letters", "Dead letters kept", "reason")
        self._fallbacks = self._counter("dispatch_desk_fallbacks", "Reports that fell to the desk, by reason", "reason")
        self._claim = self._histogram(
            "dispatch_claim_seconds", "From offer to the claim that counts", _CLAIM_BUCKETS, "responder"
        )
        self._resolution = self._histogram(
            "dispatch_resolution_seconds", "From report to resolution", _RESOLUTION_BUCKETS, "responder"
        )
        self._late = self._histogram("dispatch_timer_late_seconds", "From due instant to alarm", _LATE_BUCKETS)
        self._batch_seconds = self._histogram(
            "dispatch_batch_seconds", "One batch from begin to commit", _BATCH_BUCKETS
        )
        self._batch_size = self._histogram("dispatch_batch_size", "Outcomes of one batch", _SIZE_BUCKETS)
        self._open = Gauge("dispatch_incidents", "Incidents not over, by state", ["state"], registry=self.registry)
        self.relay_lag = Gauge("dispatch_relay_lag_rows", "Journal rows not yet relayed", registry=self.registry)
        self.live_clients = Gauge("dispatch_live_clients", "Streams and polls that follow us", registry=self.registry)
        self.live_dropped = self._counter("dispatch_live_dropped", "Streams closed since their client did not read")
        self.relayed = self._counter("dispatch_relayed_messages", "Messages handed to the broker", "topic_kind")

    def _counter(self, name: str, text: str, *labels: str) -> PromCounter:
        return PromCounter(name, text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(name, text, labels, buckets=buckets, registry=self.registry)

    def page(self) -> tuple[bytes, str]:
        """The text exposition and its content type."""
        return generate_latest(self.registry), _CONTENT_TYPE

    def refresh(self, counts: Counts) -> None:
        """Gauges as the store has them: at start and every few seconds, so that they hold with several processes."""
        for state in NOT_OVER_STATES:
            self._open.labels(state).set(counts.open_by_state.get(state, 0))

    def committed(self, changes: Changes, outcomes: Sequence[out.Outcome], seconds: float) -> None:
        self._batch_seconds.observe(seconds)
        self._batch_size.observe(len(outcomes))
        self._count_outcomes(outcomes)
        self._count_events(changes)

    def _count_outcomes(self, outcomes: Iterable[out.Outcome]) -> None:
        reports: Counter[str] = Counter()
        for outcome in outcomes:
            if isinstance(outcome, out.Taken):
                reports["repeated" if outcome.repeated else "joined" if outcome.answer.joined else "opened"] += 1
            elif isinstance(outcome, out.Refused):
                self._refusals.labels(no.title(outcome.refusal)).inc()
                self._commands.labels("refused").inc()
            elif isinstance(outcome, out.Done):
                self._commands.labels("repeated" if outcome.repeated else "accepted").inc()
        for outcome_name, count in reports.items():
            self._reports.labels(outcome_name).inc(count)

    def _count_events(self, changes: Changes) -> None:
        offers: Counter[str] = Counter()
        incidents = {changed.incident.id: changed.incident for changed in changes.changed}
        incidents.update({opened.incident.id: opened.incident for opened in changes.opened})
        for row in changes.journal:
            for event in row.events:
                if isinstance(event, ev.RoutingDecided):
                    if not event.joined:
                        offers.update(event.decision.offers)
                    for reason in event.decision.reasons:
                        self._fallbacks.labels(reason.partition(":")[0]).inc()
                elif not isinstance(event, ev.ReportReceived):  # one per report, and nothing to count in it
                    self._count_event(event, incidents.get(row.incident_id or ""))
        for responder, count in offers.items():
            self._offers.labels(responder).inc(count)

    def _count_event(self, event: ev.AnyEvent, incident: Incident | None) -> None:
        if isinstance(event, ev.DeadLettered):
            self._letters.labels(event.reason.partition(":")[0]).inc()
        if incident is None:
            return
        if isinstance(event, ev.IncidentClaimed) and event.lead:
            self._claim.labels(event.responder).observe(_seconds(event.at, incident.opened_at))
        elif isinstance(event, ev.IncidentReoffered):
            self._offers.labels(event.responders[0]).inc()
        elif isinstance(event, ev.IncidentResolved):
            self._resolution.labels(event.responder).observe(_seconds(event.at, incident.reported_at))
        elif isinstance(event, ev.IncidentClosed):
            self._closed.labels("unconfirmed" if event.unconfirmed else "confirmed").inc()
        elif isinstance(event, ev.IncidentReopened):
            self._reopened.labels(incident.owner).inc()
        elif isinstance(event, ev.ClockBreached):
            self._breaches.labels(event.clock, incident.owner).inc()
            self._late.observe(_seconds(event.fired_at, event.due_at))


def _seconds(later: datetime, earlier: datetime) -> float:
    return max(0.0, (later - earlier).total_seconds())
