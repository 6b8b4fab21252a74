"""What one transaction writes: rows as the service fills them, before any dialect sees them.

All datetimes are aware UTC; ids are ULIDs; hashes and keys are bytes. Structs, because they are built fastest, and
unknown to the garbage collector, because they never form a ring.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from msgspec import Struct

from schemas.events import AnyEvent
from schemas.incidents import Incident

BodyKind = Literal["report", "said"]


class NewReport(Struct, frozen=True, gc=False):
    """Dedupe key of a report and where its answer stands.

    `key` = 16-byte keyed hash of (source, source_id), unique in the database; `content_hash` = 16 bytes over the whole
    report; `seq` = the journal row of the incident that holds its RoutingDecided.
    """

    jurisdiction: str
    key: bytes
    content_hash: bytes
    report_id: str
    incident_id: str
    seq: int
    at: datetime


class NewBody(Struct, frozen=True, gc=False):
    """Erasable personal data: the report ("report", ref = report_id) or what a responder said ("said").

    `doc` is JSON bytes, kept byte for byte; `text` is the searchable copy (NUL becomes U+FFFD there).
    """

    jurisdiction: str
    ref: str
    incident_id: str
    kind: BodyKind
    at: datetime
    doc: bytes
    text: str | None = None
    lat: float | None = None
    lon: float | None = None


class NewIncident(Struct, frozen=True, gc=False):
    """An incident first seen in this batch, in its state at the end of the batch.

    While it is joinable, `group_candidates` finds it by its `cell` and `place_key`. The exact point is read from the
    body of its `report_id`, so that it lies in one erasable place only.
    """

    incident: Incident
    due_at: datetime | None


class ChangedIncident(Struct, frozen=True, gc=False):
    """An incident loaded in this transaction and changed; `expected_seq` is its seq as loaded, else Conflict."""

    incident: Incident
    expected_seq: int
    due_at: datetime | None


class NewJournalRow(Struct, frozen=True, gc=False):
    """One journal row without position and chain, which are given under the journal lock.

    Rows that belong to no incident's history have incident_id None and seq 0; (incident_id, seq) is unique.
    """

    jurisdiction: str
    incident_id: str | None
    seq: int
    command_id: str
    actor: str
    at: datetime
    events: tuple[AnyEvent, ...]


class NewCommand(Struct, frozen=True, gc=False):
    """Dedupe key of an incident command and its encoded answer; (sender, command_id) is unique."""

    jurisdiction: str
    sender: str
    command_id: str
    digest: str
    incident_id: str | None
    answer: bytes
    at: datetime


class NewLetter(Struct, frozen=True, gc=False):
    """A dead letter. `content_hash` covers bytes and provenance and is unique; NUL in texts becomes U+FFFD."""

    jurisdiction: str
    letter_id: str
    content_hash: bytes
    origin: str
    reason: str
    raw: bytes
    headers: dict[str, str]
    at: datetime
    report_id: str | None = None
    """The report that it contradicts: erased with it."""


class ChangedLetter(Struct, frozen=True, gc=False):
    """A dead letter, loaded in this transaction, as it stands afterwards; bytes and provenance never change."""

    letter_id: str
    reason: str
    state: str
    fixed: bytes | None = None
    report_id: str | None = None
    incident_id: str | None = None
    answer: bytes | None = None
    settled_at: datetime | None = None


class Erasure(Struct, frozen=True, gc=False):
    """Personal data that goes for good: bodies by ref, dead letters by id."""

    refs: tuple[str, ...]
    letter_ids: tuple[str, ...]
    at: datetime


class NewAttachment(Struct, frozen=True, gc=False):
    """A file that lies in the file store under `sha256` (hex), its small picture under `thumbnail`; unused."""

    attachment_id: str
    jurisdiction: str
    media_type: str
    size: int
    width: int | None
    height: int | None
    sha256: str
    thumbnail: str | None
    at: datetime


class BoundAttachment(Struct, frozen=True, gc=False):
    """An attachment that belongs to a body from here on; Conflict when it was used or dropped since it was read."""

    attachment_id: str
    body_ref: str
    incident_id: str


class NewBundle(Struct, frozen=True, gc=False):
    """An encoded bundle, stored if new and made the active one of its jurisdiction."""

    jurisdiction: str
    bundle_id: str
    doc: bytes
    at: datetime


@dataclass(slots=True)
class Changes:
    """Everything one batch writes; empty lists cost nothing. Journal rows get their positions in list order."""

    reports: list[NewReport] = field(default_factory=list)
    bodies: list[NewBody] = field(default_factory=list)
    opened: list[NewIncident] = field(default_factory=list)
    changed: list[ChangedIncident] = field(default_factory=list)
    journal: list[NewJournalRow] = field(default_factory=list)
    commands: list[NewCommand] = field(default_factory=list)
    letters: list[NewLetter] = field(default_factory=list)
    changed_letters: list[ChangedLetter] = field(default_factory=list)
    erasures: list[Erasure] = field(default_factory=list)
    attachments: list[NewAttachment] = field(default_factory=list)
    bound: list[BoundAttachment] = field(default_factory=list)
    bundles: list[NewBundle] = field(default_factory=list)
