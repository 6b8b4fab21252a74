"""What a desk does from a terminal: report and show; its moves and its other questions are in files of their own."""

import json
import uuid
from typing import Annotated

import typer

from dispatcher.cli import desk_moves, responder_moves
from dispatcher.cli.api_client import open_api
from dispatcher.cli.asking import TIME, AsJson, Incident, attributes, instant, location, read
from dispatcher.cli.attaching import Attached, send_files, sent
from dispatcher.cli.words import incident_story, report_taken
from schemas.reports import ReportAnswer
from schemas.views import IncidentDetail, IncidentExplanation, Timeline


def add_to(app: typer.Typer) -> None:
    for command in (report, show):
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


def show(
    incident: Incident,
    lang: Annotated[str, typer.Option(help="Language of the explanation: en or zh.")] = "en",
    as_of: Annotated[str | None, typer.Option(help=f"As it stood then: {TIME}.")] = None,
    as_json: AsJson = False,
) -> None:
    """One incident: where it stands, or stood, what happened, and why it went there."""
    path, then = f"/api/v1/incidents/{incident}", {"as_of": instant(as_of)}
    with open_api() as api:
        parts = [api.ask("GET", path + part, params=then) for part in ("", "/timeline")]
        parts.append(api.ask("GET", f"{path}/explanation"))
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
