"""Dead letters have a state, a corrected body and what became of them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("letters", sa.Column("state", _WORDS, nullable=False, server_default="open"))
    op.add_column("letters", sa.Column("fixed", sa.LargeBinary))
    op.add_column("letters", sa.Column("report_id", _WORDS))
    op.add_column("letters", sa.Column("incident_id", _WORDS))
    op.add_column("letters", sa.Column("answer", sa.LargeBinary))
    op.add_column("letters", sa.Column("settled_at", sa.BigInteger))
    op.add_column("letters", sa.Column("erased_at", sa.BigInteger))
    op.create_index("letters_state", "letters", ["jurisdiction", "state", "letter_id"])
    some = sa.text("report_id IS NOT NULL")
    op.create_index("letters_report", "letters", ["report_id"], sqlite_where=some, postgresql_where=some)
