"""`liandong replay`: whether the tables are what the journal tells, and putting them right."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
import typer

from dispatcher.cli.asking import AsJson
from dispatcher.cli.import_words import progress_bar
from dispatcher.cli.processes import configured, fail, settle
from dispatcher.service.replaying import Replayed, repair, verify
from dispatcher.store import Store, StoreError, StoreLocked


def add_to(app: typer.Typer) -> None:
    app.command()(replay)


def replay(
    repairing: Annotated[
        bool, typer.Option("--repair/--verify", help="Put rows right that differ; only while no server runs.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Rebuild the tables from the journal alone and compare them with the stored ones, row by row.

    Exit code 0: equal, or put right. 1: the first difference is named, or the journal was changed. 2: not possible
    now. Verifying goes on beside a running server.
    """
    settings = configured(log_level="WARNING")
    try:
        store = Store.open(settings.database, exclusive=repairing)
    except StoreError as error:
        fail(str(error), 2)
    settle()
    began = time.perf_counter()
    keys_since = datetime.now(UTC) - timedelta(days=settings.keep_keys_days)
    try:
        with progress_bar("replaying", 2 * store.last_position()) as advance:
            run = repair if repairing else verify
            found = run(store, keys_since=keys_since, progress=advance)
    except StoreError as error:
        fail(str(error), 2 if isinstance(error, StoreLocked) else 1)
    finally:
        store.close()
    seconds = time.perf_counter() - began
    if as_json:
        told = msgspec.to_builtins(found) | {
            "is_equal": found.is_equal,
            "rows_per_s": round(found.rows_count / seconds),
        }
        typer.echo(msgspec.json.encode(told).decode())
    else:
        for line in _told(found, seconds):
            typer.echo(line)
    raise SystemExit(0 if found.is_equal else 1)


def _told(found: Replayed, seconds: float) -> Iterator[str]:
    rows, incidents = found.rows_count, found.incidents_count
    yield f"{rows} journal rows, {incidents} incidents in {seconds:.1f} s ({rows / seconds:,.0f} rows/s)"
    yield f"  newest row  sha256:{found.head}"
    if found.broken_at is not None:
        yield f"journal row {found.broken_at} was changed or is missing: nothing was compared"
    elif found.difference is not None:
        it = found.difference
        what = f"{it.table}.{it.field}" if it.field else it.table
        yield f"incident {it.incident_id}: {what} is {it.stored}, the journal tells {it.rebuilt}"
        yield "stop the server and run `liandong replay --repair`"
    elif found.content is not None:
        yield f"  tables      {found.content}"
        yield "equal: the tables are what the journal tells"
    else:
        yield f"put right: {found.repaired_count} rows"
        if found.not_repaired_count:
            yield f"{found.not_repaired_count} keys of erased reports cannot be made again"
