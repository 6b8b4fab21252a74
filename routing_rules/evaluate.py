"""`route`: who gets it. Being written."""

from datetime import datetime

from routing_rules.compile import Compiled
from schemas.facts import Facts, RoutingDecision


def route(facts: Facts, compiled: Compiled, now: datetime) -> RoutingDecision:
    """Pure and total: at worst the default rule gives it to the desk. `now` (aware) starts the claim clock."""
    raise NotImplementedError
