"""One incident: how it stands, what was said, why it is where it is, and the buttons."""

import asyncio
import secrets
from collections.abc import Mapping
from typing import Any, Final

from litestar import Response, get, post
from litestar.response import Redirect

from dispatcher.web import asking
from dispatcher.web.api.commands import command_from
from dispatcher.web.api.incidents import detail_of, explanation_of, timeline_of
from dispatcher.web.asking import AnyRequest
from dispatcher.web.console.actions import choices
from dispatcher.web.console.forms import fields_of, instant, json_value, numbers
from dispatcher.web.console.screens import render, wording
from dispatcher.web.engine import Engine, carry_out, engine_of
from schemas import outcomes as out
from schemas.commands import BODIES, IncidentCommand
from schemas.decode import Undecodable, command_body_from

_TEXTS: Final = ("responder", "note", "reason", "outcome")
_SEE_OTHER: Final = 303


@get("/incidents/{incident_id:str}", sync_to_thread=True)
def show_incident(request: AnyRequest) -> Response[str]:
    done = asking.parameter(request, "done")
    return _page(request, done=done if done in {*BODIES, "report"} else None, acting=asking.parameter(request, "as"))


@post([f"/incidents/{{incident_id:str}}/{verb}" for verb in BODIES])
async def command_incident(request: AnyRequest) -> Response[Any]:
    """Post, then redirect; what is refused is said on the page itself."""
    engine, incident_id = engine_of(request), asking.incident_id(request)
    verb, fields = request.scope["path"].rstrip("/").rpartition("/")[2], await fields_of(request)
    tried = {"tried": verb, "acting": fields.get("responder")}
    try:
        command = _command(verb, incident_id, fields, engine)
    except Undecodable as error:
        return await asyncio.to_thread(_page, request, status=422, unreadable=str(error), **tried)
    outcome = (await carry_out(engine, [command]))[0]
    if isinstance(outcome, out.Refused):
        refusal = outcome.refusal
        return await asyncio.to_thread(_page, request, status=refusal.status, refusal=refusal, **tried)
    return Redirect(f"/incidents/{incident_id}?done={verb}", status_code=_SEE_OTHER)


def _command(verb: str, incident_id: str, fields: Mapping[str, str], engine: Engine) -> IncidentCommand:
    value: dict[str, object] = {name: fields[name] for name in _TEXTS if name in fields}
    value |= {name: _whole(number) for name, number in numbers(fields, ("cycle", "epoch")).items()}
    if verb == "claim":
        value |= {
            "crew_sent": "crew_sent" in fields,
            "promised_at": instant(fields.get("promised_at"), engine.compiled().zone),
        }
    key = fields.get("key")
    return command_from(
        verb, incident_id, command_body_from(verb, json_value(value)), f"console-{key}" if key else None
    )


def _whole(number: float | str) -> int | float | str:
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _page(request: AnyRequest, *, status: int = 200, **shown: object) -> Response[str]:
    engine, incident_id = engine_of(request), asking.incident_id(request)
    incident = detail_of(engine, incident_id)
    compiled = engine.compiled(incident.jurisdiction)
    said: dict[str, object] = {"done": None, "refusal": None, "unreadable": None, "tried": None, "acting": None}
    return render(
        request,
        "incident",
        wording(request, engine, compiled),
        status=status,
        path=f"/incidents/{incident_id}",
        incident=incident,
        choices=choices(incident),
        key=secrets.token_urlsafe(12),
        timeline=timeline_of(engine, incident_id),
        explanation=explanation_of(engine, incident_id),
        **said | shown,
    )
