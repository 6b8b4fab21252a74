"""First screen: what is open, the most urgent first."""

from litestar import Response, get

from dispatcher.views.counts import counts
from dispatcher.views.queue import ALL_STATES, queue
from dispatcher.web import asking
from dispatcher.web.asking import AnyRequest
from dispatcher.web.console.screens import render, with_query, wording
from dispatcher.web.engine import engine_of
from dispatcher.web.problems import Refuse

_CHOICES = ("open", *ALL_STATES, "all")


@get("/", sync_to_thread=True)
def show_queue(request: AnyRequest) -> Response[str]:
    engine = engine_of(request)
    compiled, state = engine.compiled(), asking.parameter(request, "state") or "open"
    if state not in _CHOICES:
        raise Refuse(422, "BadParameter", f"state {state!r}")
    asked = asking.asked(request, compiled.jurisdiction, None if state == "all" else state)
    cursor, limit = asking.parameter(request, "cursor"), asking.page_size(request)
    with engine.store.reading() as connection:
        page = queue(connection, asked, engine.now(), cursor=cursor, limit=limit)
        counted = counts(connection, compiled.jurisdiction)
    return render(
        request,
        "queue",
        wording(request, engine, compiled),
        page=page,
        counts=counted,
        asked=asked,
        state=state,
        states=_CHOICES,
        responders=compiled.responders,
        next_page=with_query(request, cursor=page.next_cursor) if page.next_cursor else None,
        first_page=with_query(request, cursor=None) if cursor else None,
        this_page=with_query(request, lang=None),
    )
