"""Reports of a batch: known ones get their answer again, new ones are routed, grouped and opened or joined."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import chain

from msgspec.structs import replace

from dispatcher.core import Context, Plan, decide
from dispatcher.core.grouping import Spot, Standing, match
from dispatcher.service.answers import decided_of, report_answer
from dispatcher.service.arrivals import Arrival, Routed, arrive, route_arrival, ungrouped
from dispatcher.service.attachments import Attachments, attached
from dispatcher.service.working import Working
from dispatcher.store import NewBody, NewReport
from schemas import outcomes as out
from schemas import refusals as no
from schemas.commands import Command, KeepDeadLetter, SubmitReport
from schemas.events import RoutingDecided
from schemas.facts import Facts
from schemas.incidents import Incident


class Reports:
    """The SubmitReports of one turn, by their place in the batch."""

    def __init__(self, work: Working, attachments: Attachments) -> None:
        self._work = work
        self._attachments = attachments
        self._arrivals: dict[int, Arrival] = {}
        self._routed: dict[int, Routed] = {}
        self._answered: dict[bytes, tuple[bytes, RoutingDecided]] = {}
        self._standing: dict[tuple[str, str | None], dict[str, list[Standing]]] = {}

    def meet(self, batch: Sequence[Command]) -> set[str]:
        """Look up, perceive and route; returns the open incidents that reports of this batch may join."""
        secret = self._work.secret
        for place, command in enumerate(batch):
            if isinstance(command, SubmitReport):
                self._arrivals[place] = arrive(command, secret)
        if not self._arrivals:
            return set()
        self._look_up()
        for place, arrival in self._arrivals.items():
            if arrival.key not in self._answered:
                self._route(place, arrival)
        return self._meet_groups()

    def _look_up(self) -> None:
        known = self._work.txn.known_reports({arrival.key for arrival in self._arrivals.values()})
        if not known:
            return
        rows = self._work.txn.journal_rows({(report.incident_id, report.seq) for report in known.values()})
        for key, report in known.items():
            row = rows[report.incident_id, report.seq]
            self._answered[key] = (report.content_hash, decided_of(report.report_id, row.events))

    def _route(self, place: int, arrival: Arrival) -> None:
        command, now = arrival.command, self._work.now_of(arrival.command)
        received_at = now if command.effective_at is None else min(command.effective_at, now)
        compiled = self._work.policies.for_report(command.report)
        routed = route_arrival(arrival, compiled, self._work.secret, received_at, now)
        self._routed[place] = routed if self._work.groups else ungrouped(routed)

    def _meet_groups(self) -> set[str]:
        """Lock the cells of what may be grouped, then read who stands there (never both in one statement)."""
        by_jurisdiction: dict[str, list[Routed]] = defaultdict(list)
        for routed in self._routed.values():
            if routed.spot is not None:
                by_jurisdiction[routed.compiled.jurisdiction].append(routed)
        for jurisdiction, grouping in by_jurisdiction.items():
            self._meet_standing(jurisdiction, grouping)
        all_grouping = chain.from_iterable(by_jurisdiction.values())
        return {other.incident_id for routed in all_grouping for other in self._near(routed) if _fits(routed, (other,))}

    def _meet_standing(self, jurisdiction: str, grouping: Sequence[Routed]) -> None:
        cells: set[tuple[str, str]] = set()
        places: set[tuple[str, str]] = set()
        for routed in grouping:
            category = str(routed.facts.category)
            cells.update([(category, cell) for cell in routed.cells])
            if routed.facts.place_key is not None:
                places.add((category, routed.facts.place_key))
        spans = [(r.facts.reported_at, r.decision.group.for_s) for r in grouping if r.decision.group is not None]
        since = min(reported_at - timedelta(seconds=for_s) for reported_at, for_s in spans)
        self._work.txn.lock_groups(jurisdiction, cells | places)
        for found in self._work.txn.group_candidates(jurisdiction, cells, places, since):
            point = (found.lat, found.lon) if found.lat is not None and found.lon is not None else None
            spot = Spot(point, found.place_key, found.reported_at)
            self._stand(jurisdiction, found.category, found.cell, Standing(found.incident_id, spot))

    def _stand(self, jurisdiction: str, category: str | None, cell: str | None, other: Standing) -> None:
        places = self._standing.setdefault((jurisdiction, category), {})
        for where in (cell, other.spot.place_key):
            if where is not None:
                places.setdefault(where, []).append(other)

    def _near(self, routed: Routed) -> list[Standing]:
        """Who stands in the report's cells or at its place, within its limits or not."""
        if routed.spot is None:
            return []
        places = self._standing.get((routed.compiled.jurisdiction, routed.facts.category), {})
        where = (*routed.cells, routed.spot.place_key)
        return [other for each in where if each in places for other in places[each]]

    def submit(self, place: int, _command: SubmitReport) -> out.Outcome:
        arrival = self._arrivals[place]
        before = self._answered.get(arrival.key)
        if before is None:
            decided = self._open_or_join(arrival, self._routed[place])
            self._answered[arrival.key] = (arrival.content_hash, decided)
            return out.Taken(answer=report_answer(decided), repeated=False)
        content_hash, decided = before
        if content_hash == arrival.content_hash:
            return out.Taken(answer=report_answer(decided), repeated=True)
        return self._conflict(arrival, decided)

    def _open_or_join(self, arrival: Arrival, routed: Routed) -> RoutingDecided:
        command, work = arrival.command, self._work
        now, report_id, incident = work.now_of(command), work.ids.next(), self._joined(routed)
        facts, attachments = self._with_attachments(command, routed.facts)
        plan = Plan(
            report_id=report_id,
            incident_id=incident.id if incident else command.incident_id or work.ids.next(),
            key=arrival.key.hex(),
            jurisdiction=routed.compiled.jurisdiction,
            desk=routed.compiled.desk,
            facts=facts,
            decision=routed.decision,
            attachments=attachments,
        )
        responders = routed.compiled.responders.keys() if command.report.held_by else ()
        happened = decide(incident, command, Context(now=now, plan=plan, responders=responders))
        if isinstance(happened, no.Refusal):  # pragma: no cover - a report is never refused
            raise TypeError(type(happened))
        actor = f"source:{command.report.source}"
        after = work.journal(incident, happened, opens=plan.incident_id, command_id=plan.key, actor=actor, now=now)
        self._keep(arrival, routed, after, report_id)
        self._attachments.give(attachments, report_id, after.id)
        if incident is None and routed.spot is not None:
            self._stand(after.jurisdiction, after.category, after.cell, Standing(after.id, routed.spot))
        return decided_of(report_id, happened)

    def _with_attachments(self, command: SubmitReport, facts: Facts) -> tuple[Facts, tuple[str, ...]]:
        """What may be used of what the report names; for the rest it is not refused, only warned."""
        named = attached(command)
        usable = self._attachments.usable(named)
        if usable != named:
            facts = replace(facts, warnings=(*facts.warnings, "unknown-attachment"))
        return facts, usable

    def _joined(self, routed: Routed) -> Incident | None:
        """Nobody joins what was not loaded under locks, or what ended, moved or became another kind since."""
        incidents, category = self._work.incidents, routed.facts.category
        standing = [
            other
            for other in self._near(routed)
            if (it := incidents.get(other.incident_id)) and it.joinable and it.category == category
        ]
        return incidents.get(_fits(routed, standing) or "")

    def _keep(self, arrival: Arrival, routed: Routed, after: Incident, report_id: str) -> None:
        lat, lon = routed.point or (None, None)
        now, jurisdiction = self._work.now_of(arrival.command), after.jurisdiction
        self._work.changes.reports.append(
            NewReport(
                jurisdiction=jurisdiction,
                key=arrival.key,
                content_hash=arrival.content_hash,
                report_id=report_id,
                incident_id=after.id,
                seq=after.seq,
                at=now,
            )
        )
        self._work.changes.bodies.append(
            NewBody(
                jurisdiction=jurisdiction,
                ref=report_id,
                incident_id=after.id,
                kind="report",
                at=now,
                doc=arrival.doc,
                text=arrival.command.report.text,
                lat=lat,
                lon=lon,
            )
        )

    def _conflict(self, arrival: Arrival, decided: RoutingDecided) -> out.Outcome:
        command = arrival.command
        before = self._work.txn.body(decided.report_id)
        if before is not None and not before.doc:
            return out.Refused(refusal=no.Erased(detail="the report of this source and source_id was erased"))
        letter = KeepDeadLetter(
            raw=arrival.doc,
            reason="ReportConflict",
            origin=command.origin or command.via,
            via=command.via,
            effective_at=command.effective_at,
            report_id=decided.report_id,
        )
        letter_id = command.letter_id or self._work.keep_letter(letter, decided.jurisdiction).letter_id
        detail = "the newcomer is a dead letter; give it a source_id of its own if it is another report"
        refusal = no.ReportConflict(
            detail=f"this source and source_id are known with other content: {detail}",
            report_id=decided.report_id,
            incident_id=decided.incident_id,
            letter_id=letter_id,
        )
        return out.Refused(refusal=refusal)


def _fits(routed: Routed, standing: Iterable[Standing]) -> str | None:
    spot, by = routed.spot, routed.decision.group
    return match(spot, by, standing) if spot is not None and by is not None else None
