"""What can be asked from a terminal: queue, search, mine, counts, nearby, similar."""

from collections.abc import Mapping
from typing import Annotated

import typer

from dispatcher.cli.api_client import open_api
from dispatcher.cli.asking import TIME, AsJson, Incident, instant, location, read
from dispatcher.cli.tables import counts_tables, queue_table, related_table, shown
from schemas.views import IncidentCounts, IncidentList, RelatedIncidents

State = Annotated[
    str | None,
    typer.Option(
        help="open, or one of offered, claimed, planned, working, paused, resolved, closed, cancelled, duplicate."
    ),
]
Cursor = Annotated[str | None, typer.Option(help="Where the last page ended.")]
Limit = Annotated[int | None, typer.Option(help="Rows of a page, 1 to 200.")]
AsOf = Annotated[str | None, typer.Option(help=f"As it stood then: {TIME}.")]
Category = Annotated[str | None, typer.Option(help="This one and all below it.")]
Area = Annotated[str | None, typer.Option(help="Areas that begin with this code.")]
Responder = Annotated[str | None, typer.Option(help="Only what this responder was offered or holds.")]


def add_to(app: typer.Typer) -> None:
    for command in (queue, search, mine, counts, nearby, similar):
        app.command()(command)


def queue(
    responder: Responder = None,
    state: State = None,
    category: Category = None,
    area: Area = None,
    q: Annotated[str | None, typer.Option(help="Words that were told or said, or name the place.")] = None,
    as_of: AsOf = None,
    cursor: Cursor = None,
    limit: Limit = None,
    as_json: AsJson = False,
) -> None:
    """The shared queue: by priority, then by the share that is left of the clock."""
    asked = {"responder": responder, "state": state, "category": category, "area": area, "q": q}
    _list("/api/v1/incidents", asked, as_of, cursor, limit, as_json=as_json)


def search(
    words: Annotated[list[str], typer.Argument(help="All must be there; two characters of Chinese are enough.")],
    state: State = None,
    category: Category = None,
    cursor: Cursor = None,
    limit: Limit = None,
    as_json: AsJson = False,
) -> None:
    """Incidents with these words in a report, its place, or what was said about it."""
    asked = {"q": " ".join(words), "state": state, "category": category}
    _list("/api/v1/incidents", asked, None, cursor, limit, as_json=as_json)


def mine(
    responder: Annotated[str, typer.Argument(help="Id of the responder.")],
    as_of: AsOf = None,
    cursor: Cursor = None,
    limit: Limit = None,
    as_json: AsJson = False,
) -> None:
    """What a responder is offered or holds, late ones first."""
    _list(f"/api/v1/responders/{responder}/incidents", {}, as_of, cursor, limit, as_json=as_json)


def counts(as_of: AsOf = None, as_json: AsJson = False) -> None:
    """How many stand where, and how many are late."""
    with open_api() as api:
        answer = api.ask("GET", "/api/v1/counts", params={"as_of": instant(as_of)})
    told = read(answer, IncidentCounts, as_json=as_json)
    for table in counts_tables(told) if told else ():
        shown(table)


def nearby(
    incident: Incident,
    within_m: Annotated[int | None, typer.Option(help="Metres; else 200.")] = None,
    days: Annotated[int | None, typer.Option(help="How old those may be that are over; else 30.")] = None,
    as_json: AsJson = False,
) -> None:
    """What else is around it, or was lately."""
    params = {"within_m": None if within_m is None else str(within_m), "days": None if days is None else str(days)}
    with open_api() as api:
        answer = api.ask("GET", f"/api/v1/incidents/{incident}/nearby", params=params)
    told = read(answer, RelatedIncidents, as_json=as_json)
    if told is not None:
        shown(related_table(told))


def similar(
    text: Annotated[str | None, typer.Argument(help="What is being reported, as far as it is known.")] = None,
    category: Annotated[str | None, typer.Option(help="Category, when it is known.")] = None,
    area: Annotated[str | None, typer.Option(help="Area code.")] = None,
    place: Annotated[str | None, typer.Option(help="Name of the place.")] = None,
    at: Annotated[str | None, typer.Option(help="LAT,LON in degrees, WGS-84.")] = None,
    as_json: AsJson = False,
) -> None:
    """Is it known already? Open incidents that are probably the same; nothing is stored."""
    body = {"text": text, "category": category, "area": area, "place": place, "location": location(at)}
    with open_api() as api:
        answer = api.ask("POST", "/api/v1/reports:similar", body=body)
    told = read(answer, RelatedIncidents, as_json=as_json)
    if told is not None:
        shown(related_table(told))


def _list(
    path: str,
    asked: Mapping[str, str | None],
    as_of: str | None,
    cursor: str | None,
    limit: int | None,
    *,
    as_json: bool,
) -> None:
    more = {"as_of": instant(as_of), "cursor": cursor, "limit": None if limit is None else str(limit)}
    with open_api() as api:
        answer = api.ask("GET", path, params={**asked, **more})
    page = read(answer, IncidentList, as_json=as_json)
    if page is None:
        return
    shown(queue_table(page))
    if page.next_cursor:
        typer.echo(f"more: --cursor {page.next_cursor}")
