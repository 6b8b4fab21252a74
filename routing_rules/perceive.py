"""`perceive`: what a report is about, and where. Being written."""

from datetime import datetime

from routing_rules.compile import Compiled
from schemas.facts import Facts
from schemas.reports import Report


def perceive(report: Report, compiled: Compiled, received_at: datetime) -> Facts:
    """Pure and total: never raises for content. `received_at` is aware."""
    raise NotImplementedError
