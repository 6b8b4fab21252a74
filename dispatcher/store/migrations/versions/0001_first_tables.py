"""The first tables. Frozen: later changes are later revisions."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_POSITION = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _reports_and_commands()
    _bodies()
    _incidents()
    _journal()
    _letters()
    _bundles()
    _small_ones()


def _reports_and_commands() -> None:
    op.create_table(
        "reports",
        sa.Column("key", sa.LargeBinary, primary_key=True, nullable=False),
        _text("jurisdiction"),
        sa.Column("content_hash", sa.LargeBinary, nullable=False),
        _text("report_id"),
        _text("incident_id"),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "commands",
        _text("sender"),
        _text("command_id"),
        _text("jurisdiction"),
        _text("digest"),
        _text("incident_id", nullable=True),
        sa.Column("answer", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("sender", "command_id"),
    )


def _bodies() -> None:
    op.create_table(
        "bodies",
        sa.Column("ref", _WORDS, primary_key=True, nullable=False),
        _text("jurisdiction"),
        _text("incident_id"),
        _text("kind"),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("lat", sa.Double),
        sa.Column("lon", sa.Double),
        _text("text", nullable=True),
        sa.Column("doc", sa.LargeBinary),
    )


def _incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", _WORDS, primary_key=True, nullable=False),
        _text("jurisdiction"),
        sa.Column("seq", sa.Integer, nullable=False),
        _text("state"),
        _text("category", nullable=True),
        _text("area", nullable=True),
        _text("priority"),
        _text("owner"),
        _text("rule"),
        _text("report_id"),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.Column("reported_at", sa.BigInteger, nullable=False),
        sa.Column("due_at", sa.BigInteger),
        sa.Column("claim_due_at", sa.BigInteger),
        sa.Column("resolution_due_at", sa.BigInteger),
        _text("group_cell", nullable=True),
        _text("place_key", nullable=True),
        sa.Column("doc", sa.LargeBinary, nullable=False),
    )
    op.create_index("incidents_state", "incidents", ["jurisdiction", "state", "id"])
    _index_of_some("incidents_due", "incidents", ["due_at"], "due_at IS NOT NULL")
    _index_of_some("incidents_group_cell", "incidents", ["category", "group_cell"], "group_cell IS NOT NULL")
    _index_of_some("incidents_place_key", "incidents", ["category", "place_key"], "place_key IS NOT NULL")
    op.create_table(
        "parties",
        _text("jurisdiction"),
        _text("responder"),
        _text("state"),
        _text("incident_id"),
        _text("role"),
        sa.PrimaryKeyConstraint("jurisdiction", "responder", "state", "incident_id"),
        sqlite_with_rowid=False,
    )


def _journal() -> None:
    op.create_table(
        "journal",
        sa.Column("position", _POSITION, primary_key=True, autoincrement=False),
        _text("jurisdiction"),
        _text("incident_id", nullable=True),
        sa.Column("seq", sa.Integer, nullable=False),
        _text("command_id"),
        _text("actor"),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("prev_hash", sa.LargeBinary, nullable=False),
    )
    _index_of_some("journal_incident", "journal", ["incident_id", "seq"], "incident_id IS NOT NULL", unique=True)


def _letters() -> None:
    op.create_table(
        "letters",
        sa.Column("letter_id", _WORDS, primary_key=True, nullable=False),
        _text("jurisdiction"),
        sa.Column("content_hash", sa.LargeBinary, nullable=False, unique=True),
        _text("origin"),
        _text("reason"),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("headers", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )


def _bundles() -> None:
    op.create_table(
        "bundles",
        sa.Column("bundle_id", _WORDS, primary_key=True, nullable=False),
        _text("jurisdiction"),
        sa.Column("doc", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "active_bundles",
        sa.Column("jurisdiction", _WORDS, primary_key=True, nullable=False),
        _text("bundle_id"),
        sa.Column("at", sa.BigInteger, nullable=False),
    )


def _small_ones() -> None:
    op.create_table(
        "cursors",
        sa.Column("name", _WORDS, primary_key=True, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "secrets",
        sa.Column("name", _WORDS, primary_key=True, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
    )


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, _WORDS, nullable=nullable)


def _index_of_some(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    some = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=some, postgresql_where=some)
