"""What the desk's commands share: their arguments, how an answer is read, how a time and a point are typed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
import typer

from dispatcher.cli.api_client import Answer, decoded, open_api
from dispatcher.cli.attaching import sent
from schemas.outcomes import CommandAnswer

T = TypeVar("T")

AsJson = Annotated[bool, typer.Option("--json", help="Print the API's answer as it is.")]
Incident = Annotated[str, typer.Argument(help="Id of the incident.")]
Responder = Annotated[str | None, typer.Option("--as", help="Responder that acts; else the only holder, or the desk.")]
Note = Annotated[str | None, typer.Option(help="A note for the record.")]
Reason = Annotated[str | None, typer.Option(help="Why.")]
MustSayWhy = Annotated[str, typer.Option(help="Why; it is required.")]
Seen = Annotated[
    int | None, typer.Option("--seq", help="The incident as you saw it; refused when somebody has moved it on since.")
]
TIME = "ISO time; without an offset it is this machine's"


def command(
    incident: str, verb: str, body: Mapping[str, object], *, attach: Sequence[Path] | None = None, as_json: bool
) -> None:
    """Carry out a command and print where the incident stands; what is None or empty is left out of the body."""
    given = {name: value for name, value in body.items() if value is not None and value != []}
    with open_api() as api:
        if attach:
            given["attachments"] = sent(api, attach)
        answer = api.ask("POST", f"/api/v1/incidents/{incident}/{verb}", body=given)
    told = read(answer, CommandAnswer, as_json=as_json)
    if told is not None:
        typer.echo(f"{incident}  {told.state}" + (f" by {told.holder}" if told.holder else ""))


def read(answer: Answer, kind: type[T], *, as_json: bool) -> T | None:
    """The answer to be shown in words, or None when it was printed as it is; a problem ends the command with 1."""
    if as_json:
        typer.echo(answer.text)
        if answer.is_error:
            raise SystemExit(1)
        return None
    return decoded(answer, kind)


def instant(text: str | None) -> str | None:
    """A typed time with its offset."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no time such as 2025-01-12T15:30 or 2025-01-12T15:30+08:00") from error
    return (at if at.tzinfo else at.astimezone()).isoformat()


def location(at: str | None) -> dict[str, float] | None:
    if at is None:
        return None
    try:
        lat, lon = (float(part) for part in at.split(","))
    except ValueError as error:
        raise typer.BadParameter("--at is LAT,LON in degrees, e.g. 46.69,126.10") from error
    return {"lat": lat, "lon": lon}


def attributes(given: list[str]) -> dict[str, object] | None:
    """NAME=VALUE pairs; a value that reads as JSON (true, 3) is one, anything else is a word."""
    found: dict[str, object] = {}
    for pair in given:
        name, equals, text = pair.partition("=")
        if not (name and equals):
            raise typer.BadParameter("--attribute is NAME=VALUE, e.g. property-management=false")
        try:
            value = msgspec.json.decode(text)
        except msgspec.DecodeError:
            value = text
        found[name] = value
    return found or None
