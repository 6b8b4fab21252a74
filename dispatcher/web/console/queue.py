"""First screen: what is open, the most urgent first."""

from litestar import Response, get

from dispatcher.store.queue_rows import OPEN
from dispatcher.views.counts import by_state
from dispatcher.web import asking
from dispatcher.web.api.incidents import page_of
from dispatcher.web.asking import AnyRequest
from dispatcher.web.console.screens import followed, render, with_query, wording
from dispatcher.web.engine import engine_of
from dispatcher.web.problems import Refuse
from schemas.incidents import ALL_STATES

_CHOICES = ("open", *ALL_STATES, "all")


@get("/", sync_to_thread=True)
def show_queue(request: AnyRequest) -> Response[str]:
    engine = engine_of(request)
    compiled, state = engine.compiled(), asking.parameter(request, "state") or "open"
    if state not in _CHOICES:
        raise Refuse(422, "BadParameter", f"state {state!r}")
    asked = asking.asked(request, compiled.jurisdiction, None if state == "all" else state)
    after = engine.store.last_position()
    page = page_of(engine, request, asked)
    with engine.store.reading() as connection:
        counted = by_state(connection, compiled.jurisdiction)
    return render(
        request,
        "queue",
        wording(request, engine, compiled),
        follow=followed(after, with_query(request, lang=None), jurisdiction=compiled.jurisdiction),
        page=page,
        counts=counted | {"open": sum(counted.get(name, 0) for name in OPEN), "all": sum(counted.values())},
        asked=asked,
        state=state,
        states=_CHOICES,
        responders=compiled.responders,
        next_page=with_query(request, cursor=page.next_cursor) if page.next_cursor else None,
        first_page=with_query(request, cursor=None) if asking.parameter(request, "cursor") else None,
        this_page=with_query(request, lang=None),
    )
