"""`liandong erase`: personal data goes for good."""

import sys
from typing import Annotated

import typer

from dispatcher.cli.api_client import open_api
from dispatcher.cli.asking import AsJson, read
from dispatcher.cli.processes import configured, fail
from dispatcher.store import Store, StoreError, StoreLocked
from schemas.dead_letters import ErasedAnswer


def add_to(app: typer.Typer) -> None:
    app.command()(erase)
    app.command()(compact)


def erase(
    name: Annotated[str, typer.Argument(help="Id of a report; with an option, of what the option says.")],
    every: Annotated[bool, typer.Option("--all", help="An incident: all its reports, and all that was said.")] = False,
    body: Annotated[bool, typer.Option("--body", help="The body_ref of an event: what was said with it.")] = False,
    letter: Annotated[bool, typer.Option("--letter", help="A dead letter: its bytes.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Text, place, reporter, attachments: gone for good. What was decided stays, and the journal stays whole."""
    if every + body + letter > 1:
        fail("one of --all, --body and --letter")
    kind = "incidents" if every else "bodies" if body else "dead-letters" if letter else "reports"
    if sys.stdin.isatty() and not yes:
        typer.confirm("There is no way back. Erase it?", abort=True)
    with open_api() as api:
        answer = api.ask("POST", f"/api/v1/{kind}/{name}/erase")
    erased = read(answer, ErasedAnswer, as_json=as_json)
    if erased is not None:
        letters = f" and {len(erased.letter_ids)} dead letters" if erased.letter_ids else ""
        typer.echo("nothing was left to erase" if erased.repeated else f"erased {len(erased.refs)} texts{letters}")


def compact() -> None:
    """Write the database file anew, so that erased texts leave no trace in it.

    A running server does it by itself when the file has no more than 64 MiB; stop it for a larger one.
    """
    settings = configured(log_level="WARNING")
    try:
        store = Store.open(settings.database)
        store.scrub_erased(largest=None)
        store.close()
    except StoreError as error:
        fail(str(error), 2 if isinstance(error, StoreLocked) else 1)
    typer.echo("nothing erased is left in the file")
