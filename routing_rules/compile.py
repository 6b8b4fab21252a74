"""A bundle made ready: everything that can be computed once, immutable, shared by threads."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from routing_rules.model import Bundle, Category, Responder


class Compiled:
    """A bundle with its indexes. Made by `compile_bundle`."""

    bundle: Bundle
    id: str
    jurisdiction: str
    zone: ZoneInfo
    desk: str
    responders: Mapping[str, Responder]
    categories: Mapping[str, Category]
    trusted: frozenset[str]


def compile_bundle(bundle: Bundle, bundle_id: str) -> Compiled:
    """Signature only for the moment: being written."""
    raise NotImplementedError
