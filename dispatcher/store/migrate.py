"""Brings the tables to the newest revision, in the transaction that asks; alembic without files on the user's disk."""

from importlib.resources import as_file, files

from sqlalchemy import Connection, inspect

from dispatcher.store.dialect import Dialect
from dispatcher.store.errors import StoreError

HEAD = "0004"


def migrate(connection: Connection, dialect: Dialect) -> None:
    """Upgrade to HEAD. StoreError when the database was made by a newer Liandong than this."""
    if _revision(connection) == HEAD:
        return
    dialect.lock_migration(connection)
    found = _revision(connection)
    if found == HEAD:
        return  # another process was faster
    _upgrade(connection, found)


def insist_on_head(connection: Connection) -> None:
    """Raise StoreError unless the tables are those of this code."""
    found = _revision(connection)
    if found != HEAD:
        raise StoreError(f"the database is at revision {found}, this Liandong reads {HEAD}: start its server first")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none()
    return found


def _upgrade(connection: Connection, found: str | None) -> None:
    # here, because they cost 0.3 s and are needed once in a database's life
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    with as_file(files("dispatcher.store").joinpath("migrations")) as folder:
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.attributes["connection"] = connection
        try:
            if found is not None:
                ScriptDirectory.from_config(config).get_revision(found)
        except CommandError as error:
            raise StoreError(f"the database is at revision {found}, which this Liandong does not know") from error
        command.upgrade(config, "head")
