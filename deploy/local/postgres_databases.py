"""Databases on a PostgreSQL that is there already: make one, drop one, say its address.

An address has two forms: the plain DSN that libpq, psql and psycopg read (`postgresql://…` or `host=… user=…`), and the
URL that SQLAlchemy reads (`postgresql+psycopg://…`).
"""

from __future__ import annotations

from typing import Final

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import URL, make_url

_KNOWN: Final = {"user", "password", "host", "port", "dbname"}
_CONNECT_LIMIT_S: Final = 5


class PostgresDatabases:
    """The databases of one server; `dsn` names a login that may create databases, and a database to log in to."""

    def __init__(self, dsn: str) -> None:
        """`dsn` in the plain form; a libpq keyword such as `sslmode` is kept in the URLs."""
        self._dsn = dsn

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of `database` on this server."""
        parts = {key: str(value) for key, value in conninfo_to_dict(self._dsn).items() if value is not None}
        return URL.create(
            "postgresql+psycopg",
            username=parts.get("user"),
            password=parts.get("password"),
            host=parts.get("host"),
            port=int(parts["port"]) if "port" in parts else None,
            database=database,
            query={key: value for key, value in parts.items() if key not in _KNOWN},
        ).render_as_string(hide_password=False)

    def create(self, name: str, template: str | None = None) -> str:
        """Make an empty database, or a copy of `template` (to which nobody may be connected); its SQLAlchemy URL."""
        # template0 has no locale of its own to quarrel with ours
        command = sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8'")
        self._run(command.format(sql.Identifier(name), sql.Identifier(template or "template0")))
        return self.url(name)

    def drop(self, name: str) -> None:
        """Drop the database if it is there, ending its connections first."""
        self._run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def names(self) -> set[str]:
        with psycopg.connect(self._dsn, autocommit=True, connect_timeout=_CONNECT_LIMIT_S) as connection:
            return {row[0] for row in connection.execute("SELECT datname FROM pg_database")}

    def _run(self, command: sql.Composed) -> None:
        with psycopg.connect(self._dsn, autocommit=True, connect_timeout=_CONNECT_LIMIT_S) as connection:
            connection.execute(command)


def plain_dsn(url: str) -> str:
    """The plain DSN for a SQLAlchemy URL, for psql, COPY and psycopg; written as `host=… user=…`, which quotes well."""
    parts = make_url(url)
    keywords = {**parts.query, **parts.translate_connect_args(username="user", database="dbname")}
    return make_conninfo("", **keywords)
