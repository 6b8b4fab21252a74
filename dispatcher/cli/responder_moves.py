"""Moves of whoever is asked or has an incident: take it, give it back, work on it, send units, finish it."""

from typing import Annotated

import typer

from dispatcher.cli.asking import TIME, AsJson, Incident, MustSayWhy, Note, Reason, Responder, command, instant
from dispatcher.cli.attaching import Attached

_TAKE, _WORK, _UNITS = "Take and give back", "Work", "Units"
_Unit = Annotated[str, typer.Argument(help="Id of the unit: a crew, a vehicle, a drone; any word.")]


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel=_TAKE)(claim)
    app.command("return", rich_help_panel=_TAKE)(give_back)
    app.command(rich_help_panel=_TAKE)(refer)
    for work in (plan, start, pause, resume, progress, extend, resolve, undo):
        app.command(rich_help_panel=_WORK)(work)
    app.command(rich_help_panel=_UNITS)(dispatch)
    app.command("en-route", rich_help_panel=_UNITS)(en_route)
    app.command("on-scene", rich_help_panel=_UNITS)(on_scene)
    for move in (clear, withdraw):
        app.command(rich_help_panel=_UNITS)(move)


def claim(
    incident: Incident,
    responder: Responder = None,
    crew_sent: Annotated[bool, typer.Option(help="A crew is on its way already.")] = False,
    promised_at: Annotated[str | None, typer.Option(help=f"When it will be done, as promised ({TIME}).")] = None,
    note: Note = None,
    as_json: AsJson = False,
) -> None:
    """Take it (接单)."""
    body = {"responder": responder, "crew_sent": crew_sent, "promised_at": instant(promised_at), "note": note}
    command(incident, "claim", body, as_json=as_json)


def give_back(
    incident: Incident,
    reason: Annotated[str, typer.Option(help="Why it is not yours.")],
    suggested_owner: Annotated[str | None, typer.Option(help="Responder whose it should be.")] = None,
    responder: Responder = None,
    attach: Attached = None,
    as_json: AsJson = False,
) -> None:
    """Give it back with a reason (退单)."""
    body = {"responder": responder, "reason": reason, "suggested_owner": suggested_owner}
    command(incident, "return", body, attach=attach, as_json=as_json)


def refer(
    incident: Incident,
    to: Annotated[str, typer.Option(help="Responder that should have it.")],
    reason: MustSayWhy,
    responder: Responder = None,
    as_json: AsJson = False,
) -> None:
    """Hand it to another (转办): the desk's word counts, yours is a return that suggests."""
    command(incident, "refer", {"responder": responder, "to": to, "reason": reason}, as_json=as_json)


def plan(
    incident: Incident,
    promised_at: Annotated[str, typer.Option(help=f"When it will be done ({TIME}).")],
    responder: Responder = None,
    note: Note = None,
    as_json: AsJson = False,
) -> None:
    """Promise when it will be done."""
    body = {"responder": responder, "promised_at": instant(promised_at), "note": note}
    command(incident, "plan", body, as_json=as_json)


def start(incident: Incident, responder: Responder = None, note: Note = None, as_json: AsJson = False) -> None:
    """Work begins."""
    command(incident, "start", {"responder": responder, "note": note}, as_json=as_json)


def pause(
    incident: Incident,
    waiting_for: Annotated[
        str, typer.Option(help="What it waits for: reporter, parts, weather, other-department, budget or other.")
    ],
    reason: Reason = None,
    responder: Responder = None,
    as_json: AsJson = False,
) -> None:
    """Work stands, and the resolution clock with it."""
    body = {"responder": responder, "waiting_for": waiting_for, "reason": reason}
    command(incident, "pause", body, as_json=as_json)


def resume(incident: Incident, responder: Responder = None, note: Note = None, as_json: AsJson = False) -> None:
    """Work goes on."""
    command(incident, "resume", {"responder": responder, "note": note}, as_json=as_json)


def progress(
    incident: Incident,
    note: Annotated[str | None, typer.Argument(help="What is worth knowing.")] = None,
    responder: Responder = None,
    attach: Attached = None,
    as_json: AsJson = False,
) -> None:
    """Note something worth knowing: in words, by a photo, or both."""
    command(incident, "progress", {"responder": responder, "note": note}, attach=attach, as_json=as_json)


def extend(
    incident: Incident,
    until: Annotated[str | None, typer.Option(help=f"The new due time ({TIME}).")] = None,
    granted: Annotated[bool | None, typer.Option("--grant/--refuse", help="The desk decides what was asked.")] = None,
    reason: Reason = None,
    responder: Responder = None,
    as_json: AsJson = False,
) -> None:
    """Ask for more time, with a reason; the desk grants it or not (延期)."""
    body = {"responder": responder, "until": instant(until), "granted": granted, "reason": reason}
    command(incident, "extend", body, as_json=as_json)


def resolve(
    incident: Incident,
    responder: Responder = None,
    outcome: Annotated[str | None, typer.Option(help="What came of it.")] = None,
    reason: Annotated[str | None, typer.Option(help="For the desk, when nobody claimed it.")] = None,
    note: Note = None,
    attach: Attached = None,
    as_json: AsJson = False,
) -> None:
    """The work is done (办结)."""
    body = {"responder": responder, "outcome": outcome, "reason": reason, "note": note}
    command(incident, "resolve", body, attach=attach, as_json=as_json)


def undo(incident: Incident, responder: Responder = None, as_json: AsJson = False) -> None:
    """Take back your own newest step, within 20 seconds."""
    command(incident, "undo", {"responder": responder}, as_json=as_json)


def dispatch(
    incident: Incident, unit: _Unit, responder: Responder = None, note: Note = None, as_json: AsJson = False
) -> None:
    """Send a unit."""
    command(incident, "dispatch", {"responder": responder, "unit": unit, "note": note}, as_json=as_json)


def en_route(
    incident: Incident, unit: _Unit, responder: Responder = None, note: Note = None, as_json: AsJson = False
) -> None:
    """A unit is on its way."""
    command(incident, "en-route", {"responder": responder, "unit": unit, "note": note}, as_json=as_json)


def on_scene(
    incident: Incident, unit: _Unit, responder: Responder = None, note: Note = None, as_json: AsJson = False
) -> None:
    """A unit has arrived."""
    command(incident, "on-scene", {"responder": responder, "unit": unit, "note": note}, as_json=as_json)


def clear(
    incident: Incident, unit: _Unit, responder: Responder = None, note: Note = None, as_json: AsJson = False
) -> None:
    """A unit is free again."""
    command(incident, "clear", {"responder": responder, "unit": unit, "note": note}, as_json=as_json)


def withdraw(
    incident: Incident, unit: _Unit, responder: Responder = None, note: Note = None, as_json: AsJson = False
) -> None:
    """Call a unit back before it has arrived."""
    command(incident, "withdraw", {"responder": responder, "unit": unit, "note": note}, as_json=as_json)
