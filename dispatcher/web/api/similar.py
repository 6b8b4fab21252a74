"""Suggestions for a report being typed; nothing of it is stored, journalled or logged."""

import asyncio
from datetime import datetime

from litestar import Response, post

from dispatcher.service.arrivals import keyed
from dispatcher.store.texts import folded
from dispatcher.views.related import Subject
from dispatcher.views.similar import similar
from dispatcher.web import rendering
from dispatcher.web.asking import AnyRequest
from dispatcher.web.engine import Engine, engine_of
from routing_rules import perceive, point_of
from schemas.decode import Undecodable, decode_json, report_from
from schemas.reports import Report
from schemas.views import RelatedIncidents

_UNSAID = {"source": "typing", "source_id": "-"}  # what a report has once it is sent


@post("/reports:similar", status_code=200)
async def suggest_similar(request: AnyRequest) -> Response[bytes]:
    """Open incidents that are probably the same, each with its reasons; takes the body of a report, whole or half."""
    value = decode_json(await request.body())
    if not isinstance(value, dict):
        raise Undecodable("a report is a JSON object", syntax=False)
    report, _ = report_from(_UNSAID | {name: given for name, given in value.items() if given is not None})
    engine = engine_of(request)
    return rendering.json(await asyncio.to_thread(similar_to, engine, report, engine.now()))


def similar_to(engine: Engine, report: Report, now: datetime) -> RelatedIncidents:
    compiled = engine.compiled()
    facts = perceive(report, compiled, now)
    subject = Subject(
        jurisdiction=compiled.jurisdiction,
        category=facts.category,
        point=point_of(report, compiled),
        place_key=facts.place_key and keyed(engine.store.secret(), facts.place_key.encode()).hex(),
        text=folded(report.text or ""),
    )
    with engine.store.reading() as connection:
        return similar(connection, subject, now)
