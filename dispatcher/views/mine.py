"""What one responder has before it."""

from dispatcher.store.queue_rows import OPEN
from dispatcher.views.asked import Asked
from schemas.incidents import ALL_STATES


def own(jurisdiction: str, responder: str) -> Asked:
    """Open incidents that it is offered or has claimed, late ones first, then as in the queue."""
    return Asked(
        jurisdiction=jurisdiction,
        states=tuple(state for state in ALL_STATES if state in OPEN),
        responder=responder,
        late_first=True,
    )
