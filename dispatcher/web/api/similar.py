"""Suggestions for a report being typed; nothing of it is stored, journalled or logged."""

import asyncio
from datetime import datetime
from typing import Final

from litestar import Response, post
from msgspec import structs

from dispatcher.service.arrivals import keyed
from dispatcher.store.texts import folded
from dispatcher.views.related import Subject
from dispatcher.views.similar import similar
from dispatcher.web import rendering
from dispatcher.web.asking import AnyRequest
from dispatcher.web.engine import Engine, engine_of
from routing_rules import perceive, point_of
from schemas.decode import convert, decode_json
from schemas.reports import Report
from schemas.views import RelatedIncidents, ReportDraft

_UNSAID: Final = "-"  # what a report has once it is sent


@post("/reports:similar", status_code=200)
async def suggest_similar(request: AnyRequest) -> Response[bytes]:
    """Open incidents that are probably the same, each with its reasons; what else a report holds is passed over."""
    draft = convert(decode_json(await request.body()), ReportDraft)
    engine = engine_of(request)
    return rendering.json(await asyncio.to_thread(similar_to, engine, draft, engine.now()))


def similar_to(engine: Engine, draft: ReportDraft, now: datetime) -> RelatedIncidents:
    compiled = engine.compiled()
    report = Report(source=_UNSAID, source_id=_UNSAID, **structs.asdict(draft))
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
