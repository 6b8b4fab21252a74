"""What goes wrong on the way to a screen, as a page."""

from typing import Any, Final

from litestar import Response

from dispatcher.web import problems
from dispatcher.web.asking import AnyRequest
from dispatcher.web.console.language import language_of
from dispatcher.web.console.screens import render
from dispatcher.web.console.wording import Words


def show_failure(request: AnyRequest, error: Exception) -> Response[Any]:
    """The problem that the API would answer, in words of the reader; needs neither store nor bundle."""
    told, words = problems.told(error, request.scope["path"]), Words(language_of(request))
    name, status = str(told.body["title"]), int(str(told.body["status"]))
    keys = (f"failure.{name}", f"refusal.{name}", "failure.InternalServerError")
    sentence = words.t(next(key for key in keys if words.has(key)), detail=told.body["detail"])
    page = render(request, "failure", words, status=status, path="/", sentence=sentence)
    page.headers.update(told.headers)
    return page


HANDLERS: Final[dict[Any, Any]] = {Exception: show_failure}
