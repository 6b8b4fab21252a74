"""The one ASGI application: API, pages, health."""

from typing import Final

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.types import ASGIApp

from dispatcher.web import problems
from dispatcher.web.api import bundles, commands, documents, health, incidents, intake, letters, reports
from dispatcher.web.console import failure, incident, queue, report, static
from dispatcher.web.door import Door
from dispatcher.web.engine import Engine
from schemas.decode import MAX_BODY_BYTES

API_PREFIX: Final = "/api/v1"


def create_app(engine: Engine) -> ASGIApp:
    """The engine is started and stopped by whoever made it."""
    return Door(framework(engine), engine.settings.allowed_hosts)


def framework(engine: Engine) -> Litestar:
    """The application without its door."""
    api = Router(
        path=API_PREFIX,
        route_handlers=[
            intake.submit_report,
            reports.submit_batch,
            reports.show_reporter,
            incidents.list_incidents,
            incidents.show_incident,
            incidents.show_timeline,
            incidents.show_explanation,
            commands.command_incident,
            letters.keep_dead_letters,
            bundles.publish_bundle,
            bundles.show_active_bundle,
            bundles.list_responders,
            documents.show_openapi,
        ],
    )
    pages = Router(
        path="/",
        route_handlers=[
            queue.show_queue,
            incident.show_incident,
            incident.command_incident,
            report.show_form,
            report.take_report,
        ],
        exception_handlers=failure.HANDLERS,
    )
    return Litestar(
        route_handlers=[api, pages, static.show_static, health.live, health.ready, health.metrics],
        state=State({"engine": engine}),
        exception_handlers=problems.HANDLERS,
        request_max_body_size=MAX_BODY_BYTES,
        openapi_config=None,
        logging_config=None,
    )
