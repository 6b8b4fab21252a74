"""Photos and voice notes."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "attachments",
        sa.Column("attachment_id", _WORDS, primary_key=True, nullable=False),
        _text("jurisdiction", nullable=False),
        _text("media_type", nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("width", sa.Integer),
        sa.Column("height", sa.Integer),
        _text("sha256"),
        _text("thumbnail"),
        _text("body_ref"),
        _text("incident_id"),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("erased_at", sa.BigInteger),
    )
    _index("attachments_body", "body_ref", "body_ref IS NOT NULL")
    _index("attachments_unused", "at", "body_ref IS NULL")
    _index("attachments_sha256", "sha256", "sha256 IS NOT NULL")
    _index("attachments_thumbnail", "thumbnail", "thumbnail IS NOT NULL")
    _index("attachments_erased", "erased_at", "erased_at IS NOT NULL AND sha256 IS NOT NULL")


def _text(name: str, *, nullable: bool = True) -> sa.Column[str]:
    return sa.Column(name, _WORDS, nullable=nullable)


def _index(name: str, column: str, where: str) -> None:
    some = sa.text(where)
    op.create_index(name, "attachments", [column], sqlite_where=some, postgresql_where=some)
