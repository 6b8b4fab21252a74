"""What a desk does from a terminal: report, queue, show, claim, return, resolve, close, cancel."""

import json
import sys
import uuid
from collections.abc import Mapping
from typing import Annotated, TypeVar

import msgspec
import typer
from rich.console import Console

from dispatcher.cli.api_client import Answer, open_api, show_problem
from dispatcher.cli.words import incident_story, queue_table, report_taken
from schemas.outcomes import CommandAnswer
from schemas.reports import ReportAnswer
from schemas.views import IncidentDetail, IncidentExplanation, IncidentList, Timeline

T = TypeVar("T")
_PIPE_WIDTH = 200  # nobody's terminal cuts the lines of a file

AsJson = Annotated[bool, typer.Option("--json", help="Print the API's answer as it is.")]
Incident = Annotated[str, typer.Argument(help="Id of the incident.")]
Responder = Annotated[str | None, typer.Option("--as", help="Responder that acts; else the only holder, or the desk.")]
Note = Annotated[str | None, typer.Option(help="A note for the record.")]


def add_to(app: typer.Typer) -> None:
    for command in (report, queue, show, claim, resolve, close, cancel):
        app.command()(command)
    app.command("return")(give_back)


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
    as_json: AsJson = False,
) -> None:
    """Enter a report; prints where it went and by when it must be claimed."""
    body = {
        "source": source,
        "source_id": source_id or str(uuid.uuid4()),
        "channel": channel,
        "text": text,
        "category": category,
        "area": area,
        "place": place,
        "location": _location(at),
        "reporter": {"name": name, "phone": phone} if name or phone else None,
    }
    with open_api() as api:
        answer = api.ask("POST", "/api/v1/reports", body=body)
    told = _read(answer, ReportAnswer, as_json=as_json)
    for line in report_taken(told) if told else ():
        typer.echo(line)


def queue(
    responder: Annotated[str | None, typer.Option(help="Only what this responder was offered or holds.")] = None,
    state: Annotated[str | None, typer.Option(help="offered, claimed, resolved, closed or cancelled.")] = None,
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
    page = _read(answer, IncidentList, as_json=as_json)
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
        _read(parts[0], IncidentDetail, as_json=as_json),
        _read(parts[1], Timeline, as_json=as_json),
        _read(parts[2], IncidentExplanation, as_json=as_json),
    )
    for line in incident_story(detail, timeline, why, lang) if detail and timeline and why else ():
        typer.echo(line)


def claim(
    incident: Incident,
    responder: Responder = None,
    crew_sent: Annotated[bool, typer.Option(help="A crew is on its way already.")] = False,
    promised_at: Annotated[str | None, typer.Option(help="When it will be done, as promised (ISO time).")] = None,
    note: Note = None,
    as_json: AsJson = False,
) -> None:
    """Take it (接单)."""
    body = {"responder": responder, "crew_sent": crew_sent, "promised_at": promised_at, "note": note}
    _command(incident, "claim", body, as_json=as_json)


def give_back(
    incident: Incident,
    reason: Annotated[str, typer.Option(help="Why it is not yours.")],
    responder: Responder = None,
    as_json: AsJson = False,
) -> None:
    """Give it back with a reason (退单)."""
    _command(incident, "return", {"responder": responder, "reason": reason}, as_json=as_json)


def resolve(
    incident: Incident,
    responder: Responder = None,
    outcome: Annotated[str | None, typer.Option(help="What came of it.")] = None,
    reason: Annotated[str | None, typer.Option(help="For the desk, when nobody claimed it.")] = None,
    note: Note = None,
    as_json: AsJson = False,
) -> None:
    """The work is done (办结)."""
    body = {"responder": responder, "outcome": outcome, "reason": reason, "note": note}
    _command(incident, "resolve", body, as_json=as_json)


def close(incident: Incident, responder: Responder = None, note: Note = None, as_json: AsJson = False) -> None:
    """Confirmed: close it."""
    _command(incident, "close", {"responder": responder, "note": note}, as_json=as_json)


def cancel(
    incident: Incident,
    reason: Annotated[str, typer.Option(help="Why it is withdrawn.")],
    responder: Responder = None,
    as_json: AsJson = False,
) -> None:
    """Withdraw it."""
    _command(incident, "cancel", {"responder": responder, "reason": reason}, as_json=as_json)


def _command(incident: str, verb: str, body: Mapping[str, object], *, as_json: bool) -> None:
    given = {name: value for name, value in body.items() if value is not None}
    with open_api() as api:
        answer = api.ask("POST", f"/api/v1/incidents/{incident}/{verb}", body=given)
    told = _read(answer, CommandAnswer, as_json=as_json)
    if told is not None:
        typer.echo(f"{incident}  {told.state}" + (f" by {told.holder}" if told.holder else ""))


def _read(answer: Answer, kind: type[T], *, as_json: bool) -> T | None:
    """The answer to be shown in words, or None when it was printed as it is; a problem ends the command with 1."""
    if as_json:
        typer.echo(answer.text)
        if answer.is_error:
            raise SystemExit(1)
        return None
    if answer.is_error:
        show_problem(answer)
    return msgspec.json.decode(answer.content, type=kind)


def _location(at: str | None) -> dict[str, float] | None:
    if at is None:
        return None
    try:
        lat, lon = (float(part) for part in at.split(","))
    except ValueError as error:
        raise typer.BadParameter("--at is LAT,LON in degrees, e.g. 46.69,126.10") from error
    return {"lat": lat, "lon": lon}
