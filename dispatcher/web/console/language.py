"""The words of the screens in the language a person reads: `?lang=`, else the cookie, else what the browser prefers."""

from functools import cache
from importlib.resources import files
from typing import Final, Literal

import msgspec

from dispatcher.web.asking import AnyRequest

Language = Literal["en", "zh"]
LANGUAGES: Final[dict[Language, str]] = {"en": "English", "zh": "中文"}
COOKIE: Final = "lang"


@cache
def catalogue(language: Language) -> dict[str, str]:
    """Sentences by key; the same keys in every language."""
    text = (files(__package__) / "catalogue" / f"{language}.json").read_bytes()
    return msgspec.json.decode(text, type=dict[str, str])


def asked_language(request: AnyRequest) -> Language | None:
    """What `?lang=` says, if it is a language of ours."""
    return _known(request.query_params.get(COOKIE, ""))


def language_of(request: AnyRequest) -> Language:
    return asked_language(request) or _known(request.cookies.get(COOKIE, "")) or _preferred(request)


def _preferred(request: AnyRequest) -> Language:
    """By the weights of Accept-Language; English when none of ours is named."""
    offers = [offer.partition(";") for offer in request.headers.get("accept-language", "")[:500].split(",")]
    weighed = [(_weight(rest), _known(name.strip().lower().partition("-")[0])) for name, _, rest in offers]
    ours = [(weight, language) for weight, language in weighed if language and weight > 0]
    return max(ours, key=lambda each: each[0])[1] if ours else "en"


def _weight(rest: str) -> float:
    try:
        return float(rest.strip().removeprefix("q=") or 1)
    except ValueError:
        return 0


def _known(name: str) -> Language | None:
    return name if name in LANGUAGES else None
