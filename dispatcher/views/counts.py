"""How many incidents stand where."""

from sqlalchemy import Connection, func, select

from dispatcher.store.tables import incidents


def counts(connection: Connection, jurisdiction: str) -> dict[str, int]:
    """Incidents by state, from the index alone."""
    rows = (
        select(incidents.c.state, func.count())
        .where(incidents.c.jurisdiction == jurisdiction)
        .group_by(incidents.c.state)
    )
    return {row[0]: row[1] for row in connection.execute(rows)}
