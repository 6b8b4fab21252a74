"""Bundles: immutable rows by hash, and which of them decides for a jurisdiction."""

from sqlalchemy import Connection

from dispatcher.store.changes import NewBundle
from dispatcher.store.dialect import Dialect
from dispatcher.store.instants import to_us

_ADD = "INSERT INTO bundles (bundle_id, jurisdiction, doc, at) VALUES (?, ?, ?, ?) ON CONFLICT (bundle_id) DO NOTHING"
_ACTIVATE = (
    "INSERT INTO active_bundles (jurisdiction, bundle_id, at) VALUES (?, ?, ?) ON CONFLICT (jurisdiction)"
    " DO UPDATE SET bundle_id = excluded.bundle_id, at = excluded.at"
)
_ACTIVE = "SELECT jurisdiction, bundle_id FROM active_bundles"
_DOC = "SELECT doc FROM bundles WHERE bundle_id = ?"


def save_bundle(connection: Connection, dialect: Dialect, new: NewBundle) -> None:
    """Keep it if it is new and make it the active one. ValueError: another document bears that id already."""

    def run(statement: str, *values: object) -> None:
        connection.exec_driver_sql(statement.replace("?", dialect.placeholder), values)

    run(_ADD, new.bundle_id, new.jurisdiction, new.doc, to_us(new.at))
    if bundle(connection, dialect, new.bundle_id) != new.doc:
        raise ValueError(f"bundle {new.bundle_id} is stored with another content; bundles never change")
    run(_ACTIVATE, new.jurisdiction, new.bundle_id, to_us(new.at))


def active_bundles(connection: Connection) -> dict[str, str]:
    """Jurisdiction → id of the bundle that decides there."""
    return {row[0]: row[1] for row in connection.exec_driver_sql(_ACTIVE)}


def bundle(connection: Connection, dialect: Dialect, bundle_id: str) -> bytes | None:
    found = connection.exec_driver_sql(_DOC.replace("?", dialect.placeholder), (bundle_id,)).scalar_one_or_none()
    return None if found is None else bytes(found)
