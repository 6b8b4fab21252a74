"""How an incident stands beside its state: what it waits for, who urged, what the reporter said, what it is part of."""

from dispatcher.core.clocks import clock_of, runs
from schemas.incidents import Incident, Pause
from schemas.views import DuplicateReading, PauseReading


def standing_fields(incident: Incident) -> dict[str, object]:
    """Fields of IncidentItem."""
    confirm = clock_of(incident, "confirm")
    standing = next((pause for pause in incident.pauses if pause.until is None), None)
    return {
        "waiting": None if standing is None else _pause(standing),
        "extension_asked_for": incident.extension_asked_for,
        "suggested_owner": incident.suggested_owner,
        "urged_count": incident.urged,
        "supervised": incident.supervised,
        "solved": incident.solved,
        "satisfied": incident.satisfied,
        "unconfirmed": incident.unconfirmed,
        "closes_at": confirm.due_at if confirm is not None and runs(confirm) else None,
        "merged_into": incident.merged_into,
        "duplicates": tuple(
            DuplicateReading(incident_id=it.incident_id, voices_count=it.voices) for it in incident.duplicates
        ),
        "parent": incident.parent,
        "gathered_count": incident.gathered,
    }


def pauses_of(incident: Incident) -> tuple[PauseReading, ...]:
    return tuple(_pause(pause) for pause in incident.pauses)


def _pause(pause: Pause) -> PauseReading:
    return PauseReading(waiting_for=pause.waiting_for, at=pause.at, until=pause.until)
