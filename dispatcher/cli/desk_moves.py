"""Moves of the desk: its hand on an incident, the end and what follows it, duplicates."""

from typing import Annotated

import typer

from dispatcher.cli.asking import (
    TIME,
    AsJson,
    Incident,
    MustSayWhy,
    Note,
    Reason,
    Responder,
    Seen,
    attributes,
    command,
    instant,
    location,
)

_DESK, _END = "Desk", "The end, and what may follow"


def add_to(app: typer.Typer) -> None:
    for hand in (joint, urge, supervise, prioritize, correct, defer, merge, unmerge):
        app.command(rich_help_panel=_DESK)(hand)
    app.command("follow-up", rich_help_panel=_END)(follow_up)
    for end in (close, reopen, cancel):
        app.command(rich_help_panel=_END)(end)


def joint(
    incident: Incident,
    department: Annotated[list[str], typer.Option(help="Takes part; may be given several times.")],
    lead: Annotated[str | None, typer.Option(help="Answers for it; else who has it now.")] = None,
    reason: Reason = None,
    responder: Responder = None,
    seq: Seen = None,
    as_json: AsJson = False,
) -> None:
    """Several departments handle it together (会办)."""
    body = {"responder": responder, "departments": department, "lead": lead, "reason": reason, "seq": seq}
    command(incident, "joint", body, as_json=as_json)


def urge(incident: Incident, responder: Responder = None, note: Note = None, as_json: AsJson = False) -> None:
    """Ask whoever has it to hurry (催办)."""
    command(incident, "urge", {"responder": responder, "note": note}, as_json=as_json)


def supervise(
    incident: Incident,
    on: Annotated[bool, typer.Option("--on/--off", help="Watch it, or no longer.")] = True,
    responder: Responder = None,
    note: Note = None,
    seq: Seen = None,
    as_json: AsJson = False,
) -> None:
    """Watch it from above, or no longer (督办)."""
    command(incident, "supervise", {"responder": responder, "on": on, "note": note, "seq": seq}, as_json=as_json)


def prioritize(
    incident: Incident,
    priority: Annotated[str, typer.Argument(help="P1 (first) to P4.")],
    reason: Reason = None,
    responder: Responder = None,
    seq: Seen = None,
    as_json: AsJson = False,
) -> None:
    """Change the order of attention; clocks go on as they are."""
    body = {"responder": responder, "priority": priority, "reason": reason, "seq": seq}
    command(incident, "prioritize", body, as_json=as_json)


def correct(
    incident: Incident,
    category: Annotated[str | None, typer.Option(help="The right category.")] = None,
    area: Annotated[str | None, typer.Option(help="The right area code.")] = None,
    place: Annotated[str | None, typer.Option(help="The right place, in words.")] = None,
    at: Annotated[str | None, typer.Option(help="The right point: LAT,LON in degrees, WGS-84.")] = None,
    attribute: Annotated[list[str] | None, typer.Option(help="NAME=VALUE that rules ask for; several times.")] = None,
    reason: Reason = None,
    responder: Responder = None,
    seq: Seen = None,
    as_json: AsJson = False,
) -> None:
    """Put kind or place right; it is routed again."""
    body = {
        "responder": responder,
        "category": category,
        "area": area,
        "place": place,
        "location": location(at),
        "attributes": attributes(attribute or []),
        "reason": reason,
        "seq": seq,
    }
    command(incident, "correct", body, as_json=as_json)


def defer(
    incident: Incident,
    until: Annotated[str, typer.Option(help=f"When to look at it again ({TIME}).")],
    reason: MustSayWhy,
    waiting_for: Annotated[str | None, typer.Option(help="As of pause; left out = budget.")] = None,
    responder: Responder = None,
    seq: Seen = None,
    as_json: AsJson = False,
) -> None:
    """It cannot be done for now (挂账)."""
    body = {"responder": responder, "until": instant(until), "waiting_for": waiting_for, "reason": reason, "seq": seq}
    command(incident, "defer", body, as_json=as_json)


def merge(
    incident: Incident,
    into: Annotated[str, typer.Option(help="Id of the incident that stays.")],
    reason: Reason = None,
    responder: Responder = None,
    seq: Seen = None,
    as_json: AsJson = False,
) -> None:
    """It is the same thing as another incident, which goes on for both."""
    command(incident, "merge", {"responder": responder, "into": into, "reason": reason, "seq": seq}, as_json=as_json)


def unmerge(
    incident: Incident, reason: Reason = None, responder: Responder = None, seq: Seen = None, as_json: AsJson = False
) -> None:
    """It is a thing of its own after all."""
    command(incident, "unmerge", {"responder": responder, "reason": reason, "seq": seq}, as_json=as_json)


def follow_up(
    incident: Incident,
    solved: Annotated[
        bool | None, typer.Option("--solved/--not-solved", help="What the reporter says; left out = not reached.")
    ] = None,
    satisfied: Annotated[bool | None, typer.Option("--satisfied/--not-satisfied", help="Left out = not asked.")] = None,
    responder: Responder = None,
    note: Note = None,
    seq: Seen = None,
    as_json: AsJson = False,
) -> None:
    """What the reporter says (回访): solved closes it, not solved opens the next round."""
    body = {"responder": responder, "solved": solved, "satisfied": satisfied, "note": note, "seq": seq}
    command(incident, "follow-up", body, as_json=as_json)


def close(incident: Incident, responder: Responder = None, note: Note = None, as_json: AsJson = False) -> None:
    """Confirmed: close it (结案)."""
    command(incident, "close", {"responder": responder, "note": note}, as_json=as_json)


def reopen(
    incident: Incident, reason: MustSayWhy, responder: Responder = None, seq: Seen = None, as_json: AsJson = False
) -> None:
    """Not solved after all: the next round (重办)."""
    command(incident, "reopen", {"responder": responder, "reason": reason, "seq": seq}, as_json=as_json)


def cancel(
    incident: Incident,
    reason: Annotated[str, typer.Option(help="Why it is withdrawn.")],
    responder: Responder = None,
    seq: Seen = None,
    as_json: AsJson = False,
) -> None:
    """Withdraw it."""
    command(incident, "cancel", {"responder": responder, "reason": reason, "seq": seq}, as_json=as_json)
