"""Templates to responses. Everything is escaped; an unknown name in a template is an error."""

from typing import Final, NamedTuple
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import Response
from litestar.datastructures import Cookie

from dispatcher.web.asking import AnyRequest
from dispatcher.web.console.language import COOKIE, LANGUAGES, asked_language, language_of
from dispatcher.web.console.wording import Wording, Words
from dispatcher.web.engine import Engine
from routing_rules import Compiled

_A_YEAR_S: Final = 31_536_000
_templates: Final = Environment(
    loader=PackageLoader(__package__), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


class Followed(NamedTuple):
    """What a page's script follows: `events` tells of changes after journal position `after`, `page` is read anew then.

    The position is to be asked before the content is read: a change in between is then read twice rather than missed.
    """

    page: str
    events: str
    after: int


def followed(after: int, page: str, **of: str) -> Followed:
    return Followed(page, f"/api/v1/events?{urlencode({'digest': 'true'} | of)}", after)


def wording(request: AnyRequest, engine: Engine, compiled: Compiled) -> Wording:
    return Wording(language_of(request), compiled, engine.now())


def render(
    request: AnyRequest, name: str, words: Words, *, status: int = 200, path: str | None = None, **values: object
) -> Response[str]:
    """The template `name`.html. `path`: where this page lives when it answers a POST."""
    page = _templates.get_template(f"{name}.html").render(
        w=words,
        t=words.t,
        screen=name,
        languages=LANGUAGES,
        language_links=_language_links(request, path),
        **values,
    )
    asked = asked_language(request)
    cookies = [Cookie(COOKIE, value=asked, max_age=_A_YEAR_S, httponly=True, samesite="lax")] if asked else []
    return Response(page, status_code=status, media_type="text/html", cookies=cookies)


def with_query(request: AnyRequest, **changed: str | None) -> str:
    """The query of this page with some parameters changed or (None) left out, ready for a link."""
    kept = [(name, value) for name, value in request.query_params.items() if name not in changed and value]
    query = urlencode(kept + [(name, value) for name, value in changed.items() if value])
    return f"?{query}" if query else "?"


def _language_links(request: AnyRequest, path: str | None) -> dict[str, str]:
    return {
        language: (path or "") + (f"?lang={language}" if path else with_query(request, lang=language, done=None))
        for language in LANGUAGES
    }
