"""What people and departments read: the answers of the GET endpoints. No name and no phone of a reporter anywhere."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.facts import Facts, RoutingDecision
from schemas.incidents import ClockName, Mode, OfferState, State
from schemas.reports import Location

Verdict = Literal["won", "adds", "outranked", "no-match", "not-reached", "error"]


class ClockReading(Struct, frozen=True, kw_only=True):
    """A clock at the moment of reading. Late = strictly past `due_at`, when read or when stopped.

    `remaining_s` = whole seconds left, negative when late, None once stopped.
    """

    name: ClockName
    due_at: datetime
    late: bool
    remaining_s: int | None
    stopped_at: datetime | None
    breached_at: datetime | None


class OfferReading(Struct, frozen=True, kw_only=True):
    """One responder's part in the current cycle."""

    responder: str
    state: OfferState
    epoch: int
    claimed_at: datetime | None


class IncidentItem(Struct, frozen=True, kw_only=True):
    """One incident in a list. `text` and `place` are those of its first report; `clock` is the running one due next."""

    incident_id: str
    jurisdiction: str
    state: State
    priority: str
    category: str | None
    area: str | None
    text: str | None
    place: str | None
    owner: str
    desk: str
    mode: Mode
    holder: str | None
    holders: tuple[str, ...]
    offers: tuple[OfferReading, ...]
    copies: tuple[str, ...]
    cycle: int
    epoch: int
    seq: int
    voices_count: int
    reasons: tuple[str, ...]
    clock: ClockReading | None
    clocks: tuple[ClockReading, ...]
    claim_due_at: datetime | None
    resolution_due_at: datetime | None
    reported_at: datetime
    opened_at: datetime
    claimed_at: datetime | None
    promised_at: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None


class IncidentList(Struct, frozen=True, kw_only=True):
    """One page; `next_cursor` None = the last. `as_of` = the instant for which remaining times hold."""

    items: tuple[IncidentItem, ...]
    next_cursor: str | None
    as_of: datetime


class Voice(Struct, frozen=True, kw_only=True):
    """One report of an incident, without its reporter. Texts are None once erased."""

    report_id: str
    source: str
    source_id: str | None
    channel: str | None
    joined: bool
    text: str | None
    place: str | None
    location: Location | None
    area: str | None
    category: str | None
    received_at: datetime
    reported_at: datetime
    warnings: tuple[str, ...]


class IncidentDetail(IncidentItem, frozen=True, kw_only=True):
    rule: str
    bundle: str
    tags: tuple[str, ...]
    crew_sent: bool
    voices: tuple[Voice, ...]
    as_of: datetime


class TimelineEntry(Struct, frozen=True, kw_only=True):
    """One event, in commit order. (`seq`, `n`) names it; `event` holds its own fields with their `type`.

    `recorded_at` = when it was written; an event's own `at` = when it counts. `said` = note, reason and outcome of the
    command, empty once erased.
    """

    seq: int
    n: int
    type: str
    recorded_at: datetime
    actor: str
    event: dict[str, object]
    said: dict[str, str]


class Timeline(Struct, frozen=True, kw_only=True):
    incident_id: str
    entries: tuple[TimelineEntry, ...]


class MissedCondition(Struct, frozen=True, kw_only=True):
    """What was looked at, what the rule needs, what the report has ("" = unknown)."""

    fact: str
    needs: str
    has: str


class ConsideredRule(Struct, frozen=True, kw_only=True):
    """`because`: of an outranked rule "narrower", "overrides" or "order"; of an error its name."""

    rule: str
    verdict: Verdict
    conditions: tuple[str, ...]
    missed: tuple[MissedCondition, ...]
    because: str


class ReportExplanation(Struct, frozen=True, kw_only=True):
    """Why a report went where it went: `decision` as journalled, the rest recomputed on the stored bundle and facts.

    `words` = sentences by language ("en", "zh"); `elsewhere` counts the rules for other categories and areas.
    """

    report_id: str
    joined: bool
    decided_at: datetime
    facts: Facts
    decision: RoutingDecision
    considered: tuple[ConsideredRule, ...]
    elsewhere: int
    words: dict[str, tuple[str, ...]]


class IncidentExplanation(Struct, frozen=True, kw_only=True):
    """The first report's explanation opens the incident; the others joined it."""

    incident_id: str
    reports: tuple[ReportExplanation, ...]


class ResponderEntry(Struct, frozen=True, kw_only=True):
    id: str
    name: dict[str, str]
    desk: bool
    adapter: str | None
    parent: str | None
    capabilities: tuple[str, ...]


class ResponderList(Struct, frozen=True, kw_only=True):
    jurisdiction: str
    items: tuple[ResponderEntry, ...]


class ActiveBundle(Struct, frozen=True, kw_only=True):
    """The bundle that decides now."""

    bundle: str
    jurisdiction: str
    zone: str
    desk: str
    rules_count: int
    responders_count: int
    categories_count: int


class BundlePublication(Struct, frozen=True, kw_only=True):
    """`changed` false = it was the active one already."""

    bundle: str
    jurisdiction: str
    changed: bool


class Problem(Struct, frozen=True, kw_only=True):
    """RFC 9457. `title` is the name of the refusal; refusals add their own fields (holder, claimed_at, …)."""

    type: str
    title: str
    status: int
    detail: str


class Health(Struct, frozen=True, kw_only=True):
    """`problems` = what keeps it from working, in words."""

    status: str
    problems: tuple[str, ...] = ()


class DeadLetterBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that could not become a report. `raw` = its bytes, base64; `origin` = where it came from (file:line).

    `reason` is a code that is journalled; what quotes the thing itself belongs into `headers`.
    """

    raw: bytes
    reason: Annotated[str, Meta(min_length=1, max_length=200)]
    origin: Annotated[str, Meta(min_length=1, max_length=500)]
    headers: dict[str, str] = {}


class DeadLetterKept(Struct, frozen=True, kw_only=True):
    """`repeated` = the same bytes from the same place were kept before."""

    letter_id: str
    repeated: bool
