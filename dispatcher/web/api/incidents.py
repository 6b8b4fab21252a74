"""What there is to read about incidents."""

from litestar import Response, get

from dispatcher.service import StoredBundles
from dispatcher.views.explanation import explanation
from dispatcher.views.incident import detail, incident_of
from dispatcher.views.queue import queue
from dispatcher.views.timeline import body_refs, timeline
from dispatcher.web import asking, rendering
from dispatcher.web.asking import AnyRequest
from dispatcher.web.engine import Engine, engine_of
from dispatcher.web.problems import DETAILS, Refuse
from schemas.events import JournalRow
from schemas.views import IncidentDetail, IncidentExplanation, Timeline


@get("/incidents", sync_to_thread=True)
def list_incidents(request: AnyRequest) -> Response[bytes]:
    """One page: what is open first, by priority and then by due instant, after it the newest of the rest."""
    engine = engine_of(request)
    jurisdiction = engine.compiled(asking.parameter(request, "jurisdiction")).jurisdiction
    asked = asking.asked(request, jurisdiction, asking.parameter(request, "state"))
    cursor, limit = asking.parameter(request, "cursor"), asking.page_size(request)
    with engine.store.reading() as connection:
        return rendering.json(queue(connection, asked, engine.now(), cursor=cursor, limit=limit))


@get("/incidents/{incident_id:str}", sync_to_thread=True)
def show_incident(request: AnyRequest) -> Response[bytes]:
    """State, clocks, offers and voices; never a reporter."""
    return rendering.json(detail_of(engine_of(request), asking.incident_id(request)))


@get("/incidents/{incident_id:str}/timeline", sync_to_thread=True)
def show_timeline(request: AnyRequest) -> Response[bytes]:
    """Every event in commit order, with what was said."""
    return rendering.json(timeline_of(engine_of(request), asking.incident_id(request)))


@get("/incidents/{incident_id:str}/explanation", sync_to_thread=True)
def show_explanation(request: AnyRequest) -> Response[bytes]:
    """Why it went where it went, recomputed on the stored bundle and facts."""
    return rendering.json(explanation_of(engine_of(request), asking.incident_id(request)))


def detail_of(engine: Engine, incident_id: str) -> IncidentDetail:
    rows = _rows(engine, incident_id)
    with engine.store.reading() as connection:
        incident = incident_of(connection, incident_id)
        if incident is None:  # pragma: no cover - its journal rows were there a moment ago
            raise Refuse(404, "UnknownIncident", DETAILS["UnknownIncident"])
        return detail(connection, incident, rows, engine.now())


def timeline_of(engine: Engine, incident_id: str) -> Timeline:
    rows = _rows(engine, incident_id)
    return timeline(incident_id, rows, engine.store.bodies(body_refs(rows)))


def explanation_of(engine: Engine, incident_id: str) -> IncidentExplanation:
    bundles = StoredBundles(engine.store)
    return explanation(
        incident_id, _rows(engine, incident_id), lambda bundle_id: engine.policies.compiled(bundle_id, bundles)
    )


def _rows(engine: Engine, incident_id: str) -> list[JournalRow]:
    rows = engine.store.journal_of(incident_id)
    if not rows:
        raise Refuse(404, "UnknownIncident", DETAILS["UnknownIncident"])
    return rows
