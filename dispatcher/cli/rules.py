"""`liandong rules`: check a pack, publish a pack."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import typer

from dispatcher.bootstrap import find_pack
from dispatcher.cli.api_client import open_api, show_problem
from dispatcher.cli.processes import fail
from routing_rules import Bundle, PackError, check_pack, encode_bundle
from routing_rules.calendars import years_without_holidays

app = typer.Typer(help="The rules that say who gets what.", no_args_is_help=True)
Pack = Annotated[str, typer.Argument(help="Folder of a pack, or the name of one that ships with Liandong.")]


@app.command()
def check(pack: Pack) -> None:
    """Read a pack and say what is wrong with it, with file, line and column; exit code 1 when something is."""
    _, warnings = _checked(pack)
    typer.echo(f"{pack}: in order ({len(warnings)} warnings)")


@app.command()
def publish(pack: Pack) -> None:
    """Check a pack and make it the active one, on the running server or in the database; atomic and journalled."""
    bundle, _ = _checked(pack)
    with open_api() as api:
        answer = api.ask(
            "POST",
            "/api/v1/bundles",
            content=encode_bundle(bundle),
            headers={"content-type": "application/json"},
        )
    if answer.status_code >= 400:
        show_problem(answer)
    told = answer.json()
    done = "published" if told["changed"] else "was active already"
    typer.echo(f"{bundle.jurisdiction}: {told['bundle']} {done}")


def _checked(pack: str) -> tuple[Bundle, list[str]]:
    """The bundle and its warnings, which are shown; every error is shown too and ends the command."""
    try:
        bundle, problems = check_pack(find_pack(pack))
    except FileNotFoundError as error:
        fail(str(error))
    except PackError as error:
        fail(str(error), 1)
    warnings = [*map(str, problems), *unknown_holidays(bundle, datetime.now(UTC).year)]
    for warning in warnings:
        typer.echo(f"warning: {warning}", err=True)
    return bundle, warnings


def unknown_holidays(bundle: Bundle, year: int) -> Iterator[str]:
    """Calendars whose holidays of this year or the next are estimated: China's are decreed each autumn."""
    for name, calendar in bundle.calendars.items():
        for missing in years_without_holidays(calendar, range(year, year + 2)):
            yield (
                f"calendar {name}: no official holidays of {calendar.holidays} are known for {missing}; "
                "name them in the pack, or update the library `holidays`"
            )
