"""One incident: how it stands, what was said, why it is where it is, and the buttons."""

import asyncio
import secrets
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.response import Redirect

from dispatcher.web import asking
from dispatcher.web.api.commands import command_from
from dispatcher.web.api.incidents import detail_of, explanation_of, nearby_of, timeline_of
from dispatcher.web.asking import AnyRequest
from dispatcher.web.console.actions import GROUP_OF, GUARDED, choices
from dispatcher.web.console.forms import MAX_FORM_BYTES, attachments_of, form_of, keep_files
from dispatcher.web.console.happened import happened, other_incident
from dispatcher.web.console.move_forms import body_from
from dispatcher.web.console.screens import followed, render, wording
from dispatcher.web.engine import Engine, carry_out, engine_of
from dispatcher.web.problems import Refuse
from schemas import outcomes as out
from schemas.commands import BODIES, IncidentCommand
from schemas.decode import Undecodable
from schemas.incidents import OPEN_STATES
from schemas.refusals import UnknownAttachment

_SEE_OTHER: Final = 303


@get("/incidents/{incident_id:str}", sync_to_thread=True)
def show_incident(request: AnyRequest) -> Response[str]:
    done = asking.parameter(request, "done")
    return _page(request, done=done if done in {*BODIES, "report"} else None, acting=asking.parameter(request, "as"))


@post([f"/incidents/{{incident_id:str}}/{verb}" for verb in BODIES], request_max_body_size=MAX_FORM_BYTES)
async def command_incident(request: AnyRequest) -> Response[Any]:
    """Post, then redirect; what is refused is said on the page itself."""
    engine, incident_id = engine_of(request), asking.incident_id(request)
    verb, form = request.scope["path"].rstrip("/").rpartition("/")[2], await form_of(request)
    fields = form.fields
    tried: dict[str, Any] = {"tried": verb, "acting": fields.get("responder"), "typed": fields}
    try:
        await keep_files(engine, form, f"{fields.get('key', '')}-{verb}")
        command = _command(verb, incident_id, fields, engine)
    except Undecodable as error:
        return await asyncio.to_thread(_page, request, status=422, unreadable=str(error), **tried)
    except Refuse as refused:
        return await asyncio.to_thread(_page, request, status=refused.status, file_refused=refused.title, **tried)
    outcome = (await carry_out(engine, [command]))[0]
    if isinstance(outcome, out.Refused):
        refusal = outcome.refusal
        if isinstance(refusal, UnknownAttachment):  # to be chosen anew
            fields.pop("attachments", None)
        return await asyncio.to_thread(_page, request, status=refusal.status, refusal=refusal, **tried)
    told = {"done": verb} | ({"as": fields["responder"]} if "responder" in fields else {})
    return Redirect(f"/incidents/{incident_id}?{urlencode(told)}", status_code=_SEE_OTHER)


def _command(verb: str, incident_id: str, fields: Mapping[str, str], engine: Engine) -> IncidentCommand:
    body, key = body_from(verb, fields, engine.compiled().zone), fields.get("key")
    return command_from(verb, incident_id, body, f"console-{key}-{verb}" if key else None)


def _page(request: AnyRequest, *, status: int = 200, acting: str | None = None, **shown: object) -> Response[str]:
    engine, incident_id = engine_of(request), asking.incident_id(request)
    path = f"/incidents/{incident_id}"
    after = engine.store.last_position()
    incident = detail_of(engine, incident_id)
    compiled, chosen = engine.compiled(incident.jurisdiction), choices(incident, acting)
    around = nearby_of(engine, incident_id).items
    may_merge = "merge" in chosen.groups.get("duplicates", ())
    said: dict[str, object] = {
        "done": None,
        "refusal": None,
        "unreadable": None,
        "file_refused": None,
        "tried": None,
        "typed": {},
    }
    return render(
        request,
        "incident",
        wording(request, engine, compiled),
        status=status,
        path=path,
        follow=followed(
            after,
            f"{path}?{urlencode({'as': chosen.acting})}",
            jurisdiction=incident.jurisdiction,
            incident=incident_id,
        ),
        incident=incident,
        choices=chosen,
        nearby=around,
        candidates=[it for it in around if it.state in OPEN_STATES] if may_merge else [],
        group_of=GROUP_OF,
        guarded=GUARDED,
        compiled=compiled,
        key=secrets.token_urlsafe(12),
        timeline=timeline_of(engine, incident_id),
        explanation=explanation_of(engine, incident_id),
        attachments_of=attachments_of,
        happened=happened,
        other_incident=other_incident,
        **said | shown,
    )
