"""For the machines that watch us."""

from litestar import Response, get

from dispatcher.web import problems, rendering
from dispatcher.web.asking import AnyRequest
from dispatcher.web.engine import engine_of
from schemas.views import Health


@get("/livez", sync_to_thread=False)
def live() -> Response[bytes]:
    """The process answers."""
    return rendering.json(Health(status="alive"))


@get("/readyz", sync_to_thread=True)
def ready(request: AnyRequest) -> Response[bytes]:
    """The database answers, a bundle is active, the loops run; else 503 with what is missing."""
    found = engine_of(request).ready()
    if not found:
        return rendering.json(Health(status="ready"))
    return problems.response(problems.problem(503, "NotReady", "; ".join(found), problems=found), {"Retry-After": "1"})


@get("/metrics", sync_to_thread=True)
def metrics(request: AnyRequest) -> Response[bytes]:
    """Prometheus text exposition."""
    page, content_type = engine_of(request).metrics_page()
    return Response(page, headers={"content-type": content_type})
