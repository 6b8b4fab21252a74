"""The tables, for views and for the migrations' test. Written by `save`, created by `migrations/`.

* Every row carries its jurisdiction; every question about many rows filters by it.
* Instants are BIGINT microseconds UTC (`Instant`); documents are msgspec JSON in BLOB/bytea: byte-exact for the chain,
  free of the database's ideas about NUL and encodings. `CAST(doc AS TEXT)` / `convert_from(doc, 'UTF8')` shows one.
* No foreign keys: rows of a batch are written once, by one function, in one transaction, and bodies may be erased.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from dispatcher.store.instants import Instant

metadata = MetaData()

# Compared byte by byte on both dialects: same order everywhere, prefixes use indexes, no locale in the hot path.
Words = Text().with_variant(Text(collation="C"), "postgresql")


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Words, nullable=nullable)


# Dedupe keys of reports (30 days). `key` is random by nature; a rowid table with a narrow index on it dirties fewer
# SQLite pages than a table ordered by it.
reports = Table(
    "reports",
    metadata,
    Column("key", LargeBinary, primary_key=True, nullable=False),
    _text("jurisdiction"),
    Column("content_hash", LargeBinary, nullable=False),
    _text("report_id"),
    _text("incident_id"),
    Column("seq", Integer, nullable=False),
    Column("at", Instant, nullable=False),
)

# Dedupe keys of incident commands (30 days) with the encoded answer.
commands = Table(
    "commands",
    metadata,
    _text("sender"),
    _text("command_id"),
    _text("jurisdiction"),
    _text("digest"),
    _text("incident_id", nullable=True),
    Column("answer", LargeBinary, nullable=False),
    Column("at", Instant, nullable=False),
    PrimaryKeyConstraint("sender", "command_id"),
)

# Personal data, erasable: text and doc go, the row stays. The refs of an incident stand in its journal rows.
bodies = Table(
    "bodies",
    metadata,
    Column("ref", Words, primary_key=True, nullable=False),
    _text("jurisdiction"),
    _text("incident_id"),
    _text("kind"),  # report | said
    Column("at", Instant, nullable=False),
    Column("lat", Double),
    Column("lon", Double),
    _text("text", nullable=True),
    Column("doc", LargeBinary),
)

# One row per incident; `doc` is the whole state, the columns are what the spine looks for. due_at: the next alarm
# (None = none left). group_cell, place_key: only while the incident is open and its rule groups.
incidents = Table(
    "incidents",
    metadata,
    Column("id", Words, primary_key=True, nullable=False),
    _text("jurisdiction"),
    Column("seq", Integer, nullable=False),
    _text("state"),
    _text("category", nullable=True),
    _text("owner"),
    _text("rule"),
    _text("report_id"),
    Column("opened_at", Instant, nullable=False),
    Column("reported_at", Instant, nullable=False),
    Column("due_at", Instant),
    _text("group_cell", nullable=True),
    _text("place_key", nullable=True),
    Column("doc", LargeBinary, nullable=False),
)
# how many stand where
Index("incidents_state", incidents.c.jurisdiction, incidents.c.state, incidents.c.id)
# the tick: what is due next
Index(
    "incidents_due",
    incidents.c.due_at,
    sqlite_where=text("due_at IS NOT NULL"),
    postgresql_where=text("due_at IS NOT NULL"),
)
# another voice of the same thing: by cell, or by place when nobody knows where that is
Index(
    "incidents_group_cell",
    incidents.c.category,
    incidents.c.group_cell,
    sqlite_where=text("group_cell IS NOT NULL"),
    postgresql_where=text("group_cell IS NOT NULL"),
)
Index(
    "incidents_place_key",
    incidents.c.category,
    incidents.c.place_key,
    sqlite_where=text("place_key IS NOT NULL"),
    postgresql_where=text("place_key IS NOT NULL"),
)

# One narrow row per incident: what lists, counts and the search look at (queue_rows.py says why). rank: its
# priority while it is open, "" afterwards; the key keeps those of one rank together. clock_…: the running clock that is
# due first. words: what was told and said, folded; personal data, erased with the bodies.
queue = Table(
    "queue",
    metadata,
    _text("jurisdiction"),
    _text("rank"),
    _text("incident_id"),
    _text("state"),
    Column("clock_started_at", Instant),
    Column("clock_due_at", Instant),
    _text("category", nullable=True),
    _text("area", nullable=True),
    _text("cell", nullable=True),
    _text("place_key", nullable=True),
    _text("words"),
    PrimaryKeyConstraint("jurisdiction", "rank", "incident_id"),
    sqlite_with_rowid=False,
)

# Who has to do with an incident, and how: the queue of one responder. `state` is the incident's.
# role: offered | claimed | returned | withdrawn (the offer's state) | copy.
parties = Table(
    "parties",
    metadata,
    _text("jurisdiction"),
    _text("responder"),
    _text("state"),
    _text("incident_id"),
    _text("role"),
    PrimaryKeyConstraint("jurisdiction", "responder", "state", "incident_id"),
    sqlite_with_rowid=False,
)

# What happened, in commit order: audit log, outbox and replay source. Only ever inserted into.
journal = Table(
    "journal",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    _text("jurisdiction"),
    _text("incident_id", nullable=True),
    Column("seq", Integer, nullable=False),
    _text("command_id"),
    _text("actor"),
    Column("at", Instant, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("prev_hash", LargeBinary, nullable=False),
)
# the timeline of one incident; unique, so that two writers can never both write its row n
Index(
    "journal_incident",
    journal.c.incident_id,
    journal.c.seq,
    unique=True,
    sqlite_where=text("incident_id IS NOT NULL"),
    postgresql_where=text("incident_id IS NOT NULL"),
)

# Dead letters with their bytes; `content_hash` covers content and provenance. state: open | redriven | discarded.
# `fixed` = bytes that go in place of `raw` when it is redriven; `answer` = the encoded outcome, to be told again;
# `report_id`, `incident_id` = what became of it. Erased: raw empty, headers {}, fixed NULL.
letters = Table(
    "letters",
    metadata,
    Column("letter_id", Words, primary_key=True, nullable=False),
    _text("jurisdiction"),
    Column("content_hash", LargeBinary, nullable=False, unique=True),
    _text("origin"),
    _text("reason"),
    Column("raw", LargeBinary, nullable=False),
    Column("headers", LargeBinary, nullable=False),  # JSON object of strings
    Column("at", Instant, nullable=False),
    _text("state"),
    Column("fixed", LargeBinary),
    _text("report_id", nullable=True),
    _text("incident_id", nullable=True),
    Column("answer", LargeBinary),
    Column("settled_at", Instant),
    Column("erased_at", Instant),
)
Index("letters_state", letters.c.jurisdiction, letters.c.state, letters.c.letter_id)
# erasing a report takes the letter that it came from along
Index(
    "letters_report",
    letters.c.report_id,
    sqlite_where=text("report_id IS NOT NULL"),
    postgresql_where=text("report_id IS NOT NULL"),
)

# Photos and voice notes: the bytes lie in the file store under `sha256` (hex), a picture's small one under `thumbnail`.
# body_ref, incident_id: NULL until a report or an answer names it; then it is erased with that body. Erased: erased_at
# set, and once the files are gone sha256 and thumbnail NULL.
attachments = Table(
    "attachments",
    metadata,
    Column("attachment_id", Words, primary_key=True, nullable=False),
    _text("jurisdiction"),
    _text("media_type"),
    Column("size", Integer, nullable=False),
    Column("width", Integer),
    Column("height", Integer),
    _text("sha256", nullable=True),
    _text("thumbnail", nullable=True),
    _text("body_ref", nullable=True),
    _text("incident_id", nullable=True),
    Column("at", Instant, nullable=False),
    Column("erased_at", Instant),
)
# what came with a body; what was never used; who else has the same file; what is to be deleted
for _name, _column, _where in (
    ("attachments_body", "body_ref", "body_ref IS NOT NULL"),
    ("attachments_unused", "at", "body_ref IS NULL"),
    ("attachments_sha256", "sha256", "sha256 IS NOT NULL"),
    ("attachments_thumbnail", "thumbnail", "thumbnail IS NOT NULL"),
    ("attachments_erased", "erased_at", "erased_at IS NOT NULL AND sha256 IS NOT NULL"),
):
    Index(_name, attachments.c[_column], sqlite_where=text(_where), postgresql_where=text(_where))

# Bundles never change; which one decides is one row per jurisdiction.
bundles = Table(
    "bundles",
    metadata,
    Column("bundle_id", Words, primary_key=True, nullable=False),
    _text("jurisdiction"),
    Column("doc", LargeBinary, nullable=False),
    Column("at", Instant, nullable=False),
)
active_bundles = Table(
    "active_bundles",
    metadata,
    Column("jurisdiction", Words, primary_key=True, nullable=False),
    _text("bundle_id"),
    Column("at", Instant, nullable=False),
)

# How far each outlet has read the journal.
cursors = Table(
    "cursors",
    metadata,
    Column("name", Words, primary_key=True, nullable=False),
    Column("position", BigInteger, nullable=False),
)

# Keys that never leave the database.
secrets = Table(
    "secrets",
    metadata,
    Column("name", Words, primary_key=True, nullable=False),
    Column("value", LargeBinary, nullable=False),
)
