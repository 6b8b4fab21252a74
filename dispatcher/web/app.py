"""The one ASGI application: API, pages, health."""

from typing import Final

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.types import ASGIApp

from dispatcher.service import StoredBundles
from dispatcher.web import problems
from dispatcher.web.api import (
    attachments,
    bundles,
    commands,
    documents,
    erasing,
    health,
    incidents,
    intake,
    letters,
    live,
    reports,
    similar,
)
from dispatcher.web.console import failure, incident, queue, report, static
from dispatcher.web.door import Door
from dispatcher.web.engine import Engine
from dispatcher.web.live.feed import Feed
from schemas.decode import MAX_BODY_BYTES

API_PREFIX: Final = "/api/v1"


def create_app(engine: Engine, feed: Feed | None = None) -> ASGIApp:
    """The engine is started and stopped by whoever made it; so is the feed, which must be closed for streams to end."""
    return Door(framework(engine, feed), engine.settings.allowed_hosts)


def feed_of(engine: Engine) -> Feed:
    """What streams and polls are fed by."""
    bundles_of = StoredBundles(engine.store)
    return Feed(
        engine.store,
        lambda bundle_id: engine.policies.compiled(bundle_id, bundles_of),
        engine.metrics,
        engine.commits.wake_after_each,
    )


def framework(engine: Engine, feed: Feed | None = None) -> Litestar:
    """The application without its door."""
    api = Router(
        path=API_PREFIX,
        route_handlers=[
            intake.submit_report,
            reports.submit_batch,
            reports.show_reporter,
            incidents.list_incidents,
            incidents.list_own_incidents,
            incidents.show_counts,
            incidents.show_incident,
            incidents.show_timeline,
            incidents.show_explanation,
            incidents.show_nearby,
            similar.suggest_similar,
            live.follow_events,
            live.poll_notices,
            commands.command_incident,
            attachments.keep_attachment,
            attachments.show_attachment,
            attachments.show_thumbnail,
            letters.keep_dead_letters,
            letters.list_dead_letters,
            letters.show_dead_letter,
            letters.fix_dead_letter,
            letters.redrive_dead_letter,
            letters.discard_dead_letter,
            erasing.erase_report,
            erasing.erase_incident,
            erasing.erase_body,
            erasing.erase_dead_letter,
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
        state=State({"engine": engine, "feed": feed or feed_of(engine)}),
        exception_handlers=problems.HANDLERS,
        request_max_body_size=MAX_BODY_BYTES,
        openapi_config=None,
        logging_config=None,
    )
