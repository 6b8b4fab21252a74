"""What a desk does from a terminal: report, queue, show; its moves are in files of their own."""

import json
import sys
import uuid
from typing import Annotated

import typer
from rich.console import Console

from dispatcher.cli import desk_moves, responder_moves
from dispatcher.cli.api_client import open_api
from dispatcher.cli.asking import AsJson, Incident, attributes, location, read
from dispatcher.cli.attaching import Attached, send_files, sent
from dispatcher.cli.words import incident_story, queue_table, report_taken
from schemas.reports import ReportAnswer
from schemas.views import IncidentDetail, IncidentExplanation, IncidentList, Timeline

_PIPE_WIDTH = 200  # nobody's terminal cuts the lines of a file


def add_to(app: typer.Typer) -> None:
    for command in (report, queue, show):
        app.command()(command)
    app.command("attach")(send_files)
    responder_moves.add_to(app)
    desk_moves.add_to(app)


def report(
    text: Annotated[str | None, typer.Argument(help="What was reported, in the reporter's words.")] = None,
    category: Annotated[str | None, typer.Option(help="Category, when it is known.")] = None,
    area: Annotated[str | None, typer.Option(help="Area code.")] = None,
    place: Annotated[str | None, typer.Option(help="Name of the place.")] = None,
    at: Annotated[str | None, typer.Option(help="LAT,LON in degrees, WGS-84.")] = None,
    source: Annotated[str, typer.Option(help="System that owns the source id.")] = "cli",
    source_id: Annotated[str | None, typer.Option(help="Id of the report there; else a new one.")] = None,
    channel: Annotated[str | None, typer.Option(help="How it reached you (phone, counter, …).")] = None,
    name: Annotated[str | None, typer.Option(help="Reporter's name.")] = None,
    phone: Annotated[str | None, typer.Option(help="Reporter's telephone.")] = None,
    attribute: Annotated[list[str] | None, typer.Option(help="NAME=VALUE that rules ask for; several times.")] = None,
    held_by: Annotated[str | None, typer.Option(help="Team that took the call itself and has it already.")] = None,
    attach: Attached = None,
    as_json: AsJson = False,
) -> None:
    """Enter a report; prints where it went and by when it must be claimed."""
    body: dict[str, object] = {
        "source": source,
        "source_id": source_id or str(uuid.uuid4()),
        "channel": channel,
        "text": text,
        "category": category,
        "area": area,
        "place": place,
        "location": location(at),
        "reporter": {"name": name, "phone": phone} if name or phone else None,
        "attributes": attributes(attribute or []) or {},
    }
    if held_by:
        body["held_by"] = held_by
    with open_api() as api:
        if attach:
            body["attachments"] = sent(api, attach, of=f"report\x1f{source}\x1f{body['source_id']}")
        answer = api.ask("POST", "/api/v1/reports", body=body)
    told = read(answer, ReportAnswer, as_json=as_json)
    for line in report_taken(told) if told else ():
        typer.echo(line)


def queue(
    responder: Annotated[str | None, typer.Option(help="Only what this responder was offered or holds.")] = None,
    state: Annotated[
        str | None,
        typer.Option(
            help="open, or one of offered, claimed, planned, working, paused, resolved, closed, cancelled, duplicate."
        ),
    ] = None,
    category: Annotated[str | None, typer.Option()] = None,
    area: Annotated[str | None, typer.Option()] = None,
    q: Annotated[str | None, typer.Option(help="Words in the reports' texts.")] = None,
    cursor: Annotated[str | None, typer.Option(help="Where the last page ended.")] = None,
    as_json: AsJson = False,
) -> None:
    """The shared queue, most urgent first."""
    params = {"responder": responder, "state": state, "category": category, "area": area, "q": q, "cursor": cursor}
    with open_api() as api:
        answer = api.ask("GET", "/api/v1/incidents", params=params)
    page = read(answer, IncidentList, as_json=as_json)
    if page is None:
        return
    Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH).print(queue_table(page))
    if page.next_cursor:
        typer.echo(f"more: --cursor {page.next_cursor}")


def show(
    incident: Incident,
    lang: Annotated[str, typer.Option(help="Language of the explanation: en or zh.")] = "en",
    as_json: AsJson = False,
) -> None:
    """One incident: where it stands, what happened, and why it went there."""
    path = f"/api/v1/incidents/{incident}"
    with open_api() as api:
        parts = [api.ask("GET", path + part) for part in ("", "/timeline", "/explanation")]
    if as_json and all(part.is_success for part in parts):
        names = ("incident", "timeline", "explanation")
        typer.echo(json.dumps({n: part.json() for n, part in zip(names, parts, strict=True)}, ensure_ascii=False))
        return
    detail, timeline, why = (
        read(parts[0], IncidentDetail, as_json=as_json),
        read(parts[1], Timeline, as_json=as_json),
        read(parts[2], IncidentExplanation, as_json=as_json),
    )
    for line in incident_story(detail, timeline, why, lang) if detail and timeline and why else ():
        typer.echo(line)
