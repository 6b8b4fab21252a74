"""What there is to read about incidents."""

from datetime import datetime

from litestar import Response, get

from dispatcher.service import StoredBundles
from dispatcher.store.attachments import attachments_of
from dispatcher.store.bodies import read_bodies
from dispatcher.views.asked import Asked
from dispatcher.views.counts import counts
from dispatcher.views.explanation import explanation
from dispatcher.views.incident import detail, incident_of
from dispatcher.views.mine import own
from dispatcher.views.moment import folded, moment_now, moment_of, rows_until
from dispatcher.views.nearby import DAYS, FARTHEST_M, WITHIN_M, nearby
from dispatcher.views.queue import page
from dispatcher.views.timeline import body_refs, timeline
from dispatcher.web import asking, rendering
from dispatcher.web.asking import AnyRequest
from dispatcher.web.engine import Engine, engine_of
from dispatcher.web.problems import DETAILS, Refuse
from schemas.events import JournalRow
from schemas.views import IncidentDetail, IncidentExplanation, IncidentList, RelatedIncidents, Timeline


@get("/incidents", sync_to_thread=True)
def list_incidents(request: AnyRequest) -> Response[bytes]:
    """One page: the open ones by priority and the share left of their clock, then the newest of the rest."""
    engine = engine_of(request)
    jurisdiction = engine.compiled(asking.parameter(request, "jurisdiction")).jurisdiction
    asked = asking.asked(request, jurisdiction, asking.parameter(request, "state"))
    return rendering.json(page_of(engine, request, asked))


@get("/responders/{responder_id:str}/incidents", sync_to_thread=True)
def list_own_incidents(request: AnyRequest) -> Response[bytes]:
    """What a responder is offered or holds: late ones first, then as in the queue."""
    engine = engine_of(request)
    jurisdiction = engine.compiled(asking.parameter(request, "jurisdiction")).jurisdiction
    return rendering.json(page_of(engine, request, own(jurisdiction, asking.responder_id(request))))


@get("/counts", sync_to_thread=True)
def show_counts(request: AnyRequest) -> Response[bytes]:
    """By state, priority, category and responder, and how many are late."""
    engine, now = engine_of(request), engine_of(request).now()
    compiled = engine.compiled(asking.parameter(request, "jurisdiction"))
    at = asking.past_instant(request, "as_of", now)
    with engine.store.reading() as connection:
        moment = moment_of(connection, at) if at else moment_now(connection, now)
        return rendering.json(counts(connection, compiled.jurisdiction, list(compiled.responders), moment))


@get("/incidents/{incident_id:str}", sync_to_thread=True)
def show_incident(request: AnyRequest) -> Response[bytes]:
    """State, clocks, offers and voices, now or at a past instant; never a reporter."""
    engine = engine_of(request)
    at = asking.past_instant(request, "as_of", engine.now())
    return rendering.json(detail_of(engine, asking.incident_id(request), at))


@get("/incidents/{incident_id:str}/timeline", sync_to_thread=True)
def show_timeline(request: AnyRequest) -> Response[bytes]:
    """Every event in commit order, with what was said; `as_of` = up to then."""
    engine = engine_of(request)
    at = asking.past_instant(request, "as_of", engine.now())
    return rendering.json(timeline_of(engine, asking.incident_id(request), at))


@get("/incidents/{incident_id:str}/explanation", sync_to_thread=True)
def show_explanation(request: AnyRequest) -> Response[bytes]:
    """Why it went where it went, recomputed on the stored bundle and facts."""
    return rendering.json(explanation_of(engine_of(request), asking.incident_id(request)))


@get("/incidents/{incident_id:str}/nearby", sync_to_thread=True)
def show_nearby(request: AnyRequest) -> Response[bytes]:
    """What else there is around it, or was lately."""
    within_m = asking.whole(request, "within_m", WITHIN_M, FARTHEST_M)
    days = asking.whole(request, "days", DAYS, 366)
    return rendering.json(nearby_of(engine_of(request), asking.incident_id(request), within_m, days))


def page_of(engine: Engine, request: AnyRequest, asked: Asked) -> IncidentList:
    """The page that the request's `cursor`, `limit` and `as_of` name."""
    cursor, limit, now = asking.parameter(request, "cursor"), asking.page_size(request), engine.now()
    at = asking.past_instant(request, "as_of", now)
    with engine.store.reading() as connection:
        moment = moment_of(connection, at) if at else moment_now(connection, now)
        return page(connection, asked, moment, cursor=cursor, limit=limit)


def detail_of(engine: Engine, incident_id: str, at: datetime | None = None) -> IncidentDetail:
    """`at` = as it stood then."""
    rows = _rows(engine, incident_id)
    with engine.store.reading() as connection:
        if at is not None:
            rows = rows_until(rows, moment_of(connection, at))
        incident = incident_of(connection, incident_id) if at is None else folded(rows)
        if incident is None:
            raise _unknown()
        return detail(connection, incident, rows, at or engine.now())


def nearby_of(engine: Engine, incident_id: str, within_m: int = WITHIN_M, days: int = DAYS) -> RelatedIncidents:
    with engine.store.reading() as connection:
        incident = incident_of(connection, incident_id)
        if incident is None:
            raise _unknown()
        return nearby(connection, incident, engine.now(), within_m=within_m, days=days)


def timeline_of(engine: Engine, incident_id: str, at: datetime | None = None) -> Timeline:
    """`at` = up to then."""
    rows = _rows(engine, incident_id)
    with engine.store.reading() as connection:
        if at is not None:
            rows = rows_until(rows, moment_of(connection, at))
        refs = body_refs(rows)
        return timeline(incident_id, rows, read_bodies(connection, refs), attachments_of(connection, refs))


def explanation_of(engine: Engine, incident_id: str) -> IncidentExplanation:
    bundles = StoredBundles(engine.store)
    return explanation(
        incident_id, _rows(engine, incident_id), lambda bundle_id: engine.policies.compiled(bundle_id, bundles)
    )


def _rows(engine: Engine, incident_id: str) -> list[JournalRow]:
    rows = engine.store.journal_of(incident_id)
    if not rows:
        raise _unknown()
    return rows


def _unknown() -> Refuse:
    return Refuse(404, "UnknownIncident", DETAILS["UnknownIncident"])
