"""Whatever can be done to an incident, a verb each."""

from litestar import Response, post

from dispatcher.web import asking, rendering
from dispatcher.web.asking import AnyRequest
from dispatcher.web.engine import carry_out, engine_of
from schemas.command_bodies import IncidentCommandBody
from schemas.commands import BODIES, IncidentCommand, digest_of
from schemas.decode import command_body_from, decode_json


@post([f"/incidents/{{incident_id:str}}/{verb}" for verb in BODIES])
async def command_incident(request: AnyRequest) -> Response[bytes]:
    """Carry out the command that the path ends with; Idempotency-Key makes a retry safe."""
    verb, incident_id = request.scope["path"].rstrip("/").rpartition("/")[2], asking.incident_id(request)
    raw = await request.body()
    body = command_body_from(verb, decode_json(raw) if raw.strip() else None)
    command = command_from(verb, incident_id, body, asking.idempotency_key(request))
    return rendering.outcome((await carry_out(engine_of(request), [command]))[0])


def command_from(verb: str, incident_id: str, body: IncidentCommandBody, key: str | None) -> IncidentCommand:
    """The command of a verb."""
    return BODIES[verb][1](
        incident_id=incident_id,
        sender=body.responder or "local",
        command_id=key,
        digest=digest_of(verb, incident_id, body) if key else "",
        body=body,  # type: ignore[call-arg]
    )
