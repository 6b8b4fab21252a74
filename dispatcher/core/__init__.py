"""One incident: what may happen to it, what then is true of it, and when its alarm rings. Pure."""

from dispatcher.core.clocks import next_due_at
from dispatcher.core.context import Context, LastRow, Plan
from dispatcher.core.decide import decide
from dispatcher.core.evolve import apply_row, evolve, fold

__all__ = ["Context", "LastRow", "Plan", "apply_row", "decide", "evolve", "fold", "next_due_at"]
