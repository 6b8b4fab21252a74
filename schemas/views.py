"""What people and departments read: the answers of the GET endpoints. No name and no phone of a reporter anywhere."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.facts import Facts, RoutingDecision
from schemas.incidents import ClockName, Mode, OfferState, State, Unit, WaitingFor
from schemas.reports import Attachment, Location, Scalar

Verdict = Literal["won", "adds", "outranked", "no-match", "not-reached", "error"]


class ClockReading(Struct, frozen=True, kw_only=True):
    """A clock at the moment of reading. Late = strictly past `due_at`, when read or when stopped.

    `remaining_s` = whole seconds left, negative when late, None once stopped. `share` = the same as a share of the
    whole span, 1 = just started. While `paused_at` is set both stand still.
    """

    name: ClockName
    due_at: datetime
    late: bool
    remaining_s: int | None
    share: float | None
    paused_at: datetime | None
    stopped_at: datetime | None
    breached_at: datetime | None


class OfferReading(Struct, frozen=True, kw_only=True):
    """One responder's part in the current cycle."""

    responder: str
    state: OfferState
    epoch: int
    claimed_at: datetime | None


class PauseReading(Struct, frozen=True, kw_only=True):
    """An interval in which work stood; `until` None = it stands."""

    waiting_for: WaitingFor
    at: datetime
    until: datetime | None


class DuplicateReading(Struct, frozen=True, kw_only=True):
    """An incident that was merged into this one."""

    incident_id: str
    voices_count: int


class IncidentItem(Struct, frozen=True, kw_only=True):
    """One incident in a list. `text` and `place` are those of its first report; `clock` = the running one due first.

    `waiting` = the pause that stands. `closes_at` = when it is closed if nobody confirms before. `parent` gathers it
    with others of its kind (a storm); `gathered_count` = how many it gathers itself.
    """

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
    waiting: PauseReading | None
    extension_asked_for: datetime | None
    suggested_owner: str | None
    urged_count: int
    supervised: bool
    solved: bool | None
    satisfied: bool | None
    unconfirmed: bool
    closes_at: datetime | None
    merged_into: str | None
    duplicates: tuple[DuplicateReading, ...]
    parent: str | None
    gathered_count: int


class IncidentList(Struct, frozen=True, kw_only=True):
    """One page; `next_cursor` None = the last. `as_of` = the instant for which remaining times hold."""

    items: tuple[IncidentItem, ...]
    next_cursor: str | None
    as_of: datetime


class OpenCount(Struct, frozen=True, kw_only=True):
    """Open incidents, and how many of them are past a running clock."""

    count: int
    late: int


class ResponderCount(Struct, frozen=True, kw_only=True):
    """Open incidents that a responder is offered and that it has claimed; late ones of both."""

    offered: int
    claimed: int
    late: int


class IncidentCounts(Struct, frozen=True, kw_only=True):
    """How many stand where at `as_of`: by state all incidents, else the open ones. Category "" = none."""

    jurisdiction: str
    as_of: datetime
    states: dict[str, int]
    open: OpenCount
    priorities: dict[str, OpenCount]
    categories: dict[str, OpenCount]
    responders: dict[str, ResponderCount]


class ReportDraft(Struct, frozen=True, kw_only=True):
    """A report being typed: as far as it is known, of the fields of a report those that tell what it is about."""

    text: str | None = None
    category: str | None = None
    area: str | None = None
    location: Location | None = None
    place: str | None = None
    channel: str | None = None
    severity: str | int | None = None
    attributes: dict[str, Scalar] = {}


class RelatedIncident(Struct, frozen=True, kw_only=True):
    """An incident that may belong to another, or to a report; `text` and `place` are those of its first report.

    `distance_m` None = one of them is unlocated. `likeness` = how alike the texts are, 0 to 1, None = not compared.
    `reasons`: near, same-place, same-category, kindred-category, alike. `score` 0 to 1, the most likely first.
    """

    incident_id: str
    state: State
    priority: str
    category: str | None
    area: str | None
    text: str | None
    place: str | None
    voices_count: int
    reported_at: datetime
    distance_m: float | None
    likeness: float | None
    reasons: tuple[str, ...]
    score: float


class RelatedIncidents(Struct, frozen=True, kw_only=True):
    """`within_m` = how far was looked, `since` = how old those may be that are not open any more, None = open only."""

    items: tuple[RelatedIncident, ...]
    within_m: float
    since: datetime | None
    as_of: datetime


class Voice(Struct, frozen=True, kw_only=True):
    """One report of an incident, without its reporter. Texts are None once erased.

    `incident_id` = the incident that it opened or joined: another one, when that was merged into this.
    """

    report_id: str
    incident_id: str
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
    attachments: tuple[Attachment, ...]
    erased: bool


class IncidentDetail(IncidentItem, frozen=True, kw_only=True):
    """`moves`: by responder, the verbs that are possible now; "undo" among them until `undo_until`."""

    rule: str
    bundle: str
    tags: tuple[str, ...]
    crew_sent: bool
    pauses: tuple[PauseReading, ...]
    units: tuple[Unit, ...]
    moves: dict[str, tuple[str, ...]]
    undo_until: datetime | None
    voices: tuple[Voice, ...]
    as_of: datetime


class TimelineEntry(Struct, frozen=True, kw_only=True):
    """One event, in commit order. (`seq`, `n`) names it; `event` holds its own fields with their `type`.

    `recorded_at` = when it was written; an event's own `at` = when it counts. `said` = note, reason and outcome of the
    command, empty once erased; `attachments` = what came with it and is not erased. Each stands at one event of a row.
    """

    seq: int
    n: int
    type: str
    recorded_at: datetime
    actor: str
    event: dict[str, object]
    said: dict[str, str]
    attachments: tuple[Attachment, ...]


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
