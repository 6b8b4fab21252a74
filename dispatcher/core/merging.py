"""Two incidents that are one thing: merge and unmerge, each half decided on its own incident.

The one that stays keeps its clocks, its holder and its place. The duplicate's clocks stop at the merge and go on
towards the same due instants when it is taken out again; whoever had it or was asked is then asked anew.
"""

from dispatcher.core.clocks import ringing
from dispatcher.core.context import Context, Verdict
from dispatcher.core.guards import permitted, withdrawn
from dispatcher.core.lifecycle import OPEN
from dispatcher.core.parties import lost
from schemas import events as ev
from schemas import refusals as no
from schemas.commands import AttachDuplicate, DetachDuplicate, MergeIncident, UnmergeIncident
from schemas.incidents import Incident


def merge(incident: Incident, command: MergeIncident, ctx: Context) -> Verdict:
    who = permitted(incident, command, "merge")
    if isinstance(who, no.Refusal):
        return who
    into = ctx.other
    if command.body.into == incident.id:
        return no.MergeRefused(detail="an incident cannot be merged into itself")
    if into is None:
        return no.UnknownIncident(detail="there is no incident to merge into")
    if refusal := _not_into(incident, into):
        return refusal
    at = ctx.effective(command)
    return (
        *ringing(incident, at),
        ev.IncidentMerged(responder=who, into=into.id, at=at, body_ref=ctx.body_ref),
        *withdrawn(incident, (), at, "merged"),
    )


def _not_into(incident: Incident, into: Incident) -> no.Refusal | None:
    if into.merged_into is not None:
        circle = "in a circle: " if into.merged_into == incident.id else ""
        return no.MergeRefused(detail=f"{circle}that one was itself merged into {into.merged_into}")
    if into.jurisdiction != incident.jurisdiction:
        return no.MergeRefused(detail="the two belong to different jurisdictions")
    if into.state not in OPEN:
        return no.MergeRefused(detail=f"that one is {into.state}; reopen it first")
    return None


def attach(_incident: Incident, command: AttachDuplicate, ctx: Context) -> Verdict:
    at = ctx.effective(command)
    return (ev.DuplicateAttached(duplicate=command.duplicate, voices=command.voices, at=at),)


def unmerge(incident: Incident, command: UnmergeIncident, ctx: Context) -> Verdict:
    who = permitted(incident, command, "unmerge")
    if isinstance(who, no.Refusal):
        return who
    out_of = ctx.other
    if out_of is None:
        return no.UnknownIncident(detail="the incident it was merged into is not there")
    if out_of.merged_into is not None:
        return no.MergeRefused(detail=f"that one was itself merged into {out_of.merged_into}: take it out first")
    at = ctx.effective(command)
    asked = lost(incident) or (incident.desk,)
    owner = incident.owner if incident.owner in asked else asked[0]
    return (
        ev.IncidentUnmerged(responder=who, out_of=out_of.id, at=at, body_ref=ctx.body_ref),
        ev.IncidentReoffered(responders=asked, epoch=incident.epoch + 1, at=at, owner=owner),
    )


def detach(incident: Incident, command: DetachDuplicate, ctx: Context) -> Verdict:
    if all(it.incident_id != command.duplicate for it in incident.duplicates):
        return ()
    return (ev.DuplicateDetached(duplicate=command.duplicate, at=ctx.effective(command)),)
