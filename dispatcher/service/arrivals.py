"""Reports of one batch on their way to a plan: keys, facts, decision. Values only; the turn asks the store."""

import hashlib
from datetime import datetime

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from dispatcher.core.grouping import Spot, cells_around
from routing_rules import Compiled, perceive, point_of, route
from schemas.commands import SubmitReport
from schemas.facts import Facts, RoutingDecision
from schemas.reports import Due, Report, is_plausible

_encoder = msgspec.json.Encoder(order="deterministic")


class Arrival(Struct, frozen=True, gc=False):
    """A report with its two hashes (16 bytes each): `key` of (source, source_id), `content_hash` of everything."""

    command: SubmitReport
    doc: bytes
    key: bytes
    content_hash: bytes


class Routed(Struct, frozen=True, gc=False):
    """Facts and decision of an arrival. `spot` only when its rule groups; then `cells` is where similar ones may be."""

    compiled: Compiled
    facts: Facts
    decision: RoutingDecision
    point: tuple[float, float] | None
    spot: Spot | None = None
    cells: tuple[str, ...] = ()


def arrive(command: SubmitReport, secret: bytes) -> Arrival:
    report = command.report
    doc = _encoder.encode(report)
    return Arrival(
        command=command,
        doc=doc,
        key=keyed(secret, f"{report.source}\x1f{report.source_id}".encode()),
        content_hash=keyed(secret, doc),
    )


def keyed(secret: bytes, value: bytes) -> bytes:
    """16 bytes that name a value without telling it."""
    return hashlib.blake2b(value, digest_size=16, key=secret).digest()


def route_arrival(arrival: Arrival, compiled: Compiled, secret: bytes, received_at: datetime, now: datetime) -> Routed:
    """Perceive and route; whatever goes wrong on the way, the report has an owner: at worst the desk."""
    command = arrival.command
    try:
        facts = perceive(command.report, compiled, received_at)
        decision = route(facts, compiled, now)
        point = point_of(command.report, compiled)
    except Exception as error:  # noqa: BLE001 - nothing may stand between a report and an owner
        facts, decision, point = _to_the_desk(command.report, compiled, received_at, type(error).__name__)
    if command.report.due is not None:
        facts, decision = _with_given_due(command, command.report.due, compiled, facts, decision)
    if facts.place_key is not None or command.warnings:
        hashed = facts.place_key and keyed(secret, facts.place_key.encode()).hex()
        facts = replace(facts, place_key=hashed, warnings=facts.warnings + command.warnings)
    if decision.group is None or facts.category is None or (point is None and facts.place_key is None):
        return Routed(compiled, facts, decision, point)
    spot = Spot(point, facts.place_key, facts.reported_at)
    cells = tuple(cells_around(point, decision.group.within_m)) if point is not None else ()
    return Routed(compiled, facts, decision, point, spot, cells)


def ungrouped(routed: Routed) -> Routed:
    """The same without grouping: it joins nobody, and nobody joins it."""
    return Routed(routed.compiled, routed.facts, replace(routed.decision, group=None), routed.point, None)


def _with_given_due(
    command: SubmitReport, due: Due, compiled: Compiled, facts: Facts, decision: RoutingDecision
) -> tuple[Facts, RoutingDecision]:
    if not (command.trusted or command.report.source in compiled.trusted):
        return replace(facts, warnings=(*facts.warnings, "due-ignored: source is not trusted")), decision
    if any(isinstance(at, datetime) and not is_plausible(at) for at in (due.claim_at, due.resolution_at)):
        return replace(facts, warnings=(*facts.warnings, "due-ignored: out of range")), decision
    claim_at = decision.claim_due_at if due.claim_at is msgspec.UNSET else due.claim_at
    resolution_at = decision.resolution_due_at if due.resolution_at is msgspec.UNSET else due.resolution_at
    return facts, replace(decision, claim_due_at=claim_at, resolution_due_at=resolution_at)


def _to_the_desk(
    report: Report, compiled: Compiled, received_at: datetime, error: str
) -> tuple[Facts, RoutingDecision, None]:
    facts = Facts(source=report.source, reported_at=received_at, channel=report.channel)
    decision = RoutingDecision(
        rule="desk",
        owner=compiled.desk,
        mode="first-claim",
        offers=(compiled.desk,),
        bundle=compiled.id,
        reasons=(f"engine-error: {error}",),
    )
    return facts, decision, None
