"""The life cycle as a page: diagram and tables, printed from the one table and nothing else."""

from collections.abc import Iterator

from dispatcher.core.lifecycle import LIFECYCLE, UNDO_WITHIN_S, UNIT_MOVES, Move, edges
from schemas.commands import BODIES, TOPIC_COMMANDS
from schemas.incidents import ALL_STATES

_SAYS = {
    "offered": "somebody is asked; nobody has it",
    "claimed": "the lead has it (接单)",
    "planned": "a date is promised",
    "working": "somebody works on it",
    "paused": "work stands, and so does the resolution clock",
    "resolved": "the work is done (办结), not yet confirmed",
    "closed": "confirmed, or closed by time",
    "cancelled": "withdrawn",
    "duplicate": "merged into another incident",
}


def lifecycle_page() -> str:
    """Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Life cycle of an incident"
    yield ""
    yield "Generated from `dispatcher/core/lifecycle.py` by `make generate`; do not edit."
    yield ""
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield "    [*] --> offered: report"
    yield "    [*] --> claimed: report of a team that took the call itself"
    yield from (f"    {one} --> {other}: {', '.join(verbs)}" for (one, other), verbs in edges().items())
    yield "    resolved --> closed: nobody confirmed in time"
    yield "```"
    yield ""
    yield "| state | says |"
    yield "|---|---|"
    yield from (f"| {state} | {_SAYS[state]} |" for state in ALL_STATES)
    yield ""
    yield "## Commands"
    yield ""
    yield "Whatever is not in this table is refused with a typed error (`NotAllowedInState`, `NotYours` …). Claiming"
    yield "what is held works in mode `race` and `all`; joint handling asks anew only when another lead is named."
    yield f"Undo: by whoever did it, within {UNDO_WITHIN_S:g} s, while it is the newest step."
    yield ""
    yield "| command | in | by | leads to | reason | undo | topic |"
    yield "|---|---|---|---|---|---|---|"
    yield from (_row(verb, LIFECYCLE[verb]) for verb in BODIES)
    yield ""
    yield "## Units"
    yield ""
    yield "| command | from | leads to |"
    yield "|---|---|---|"
    for verb, (leaves, reaches) in UNIT_MOVES.items():
        yield f"| {verb} | {', '.join(sorted(it or 'never sent' for it in leaves))} | {reaches} |"


def _to(verb: str, move: Move) -> str:
    return "the state before" if verb == "undo" else ", ".join(move.to) or "stays"


def _row(verb: str, move: Move) -> str:
    states = [state for state in ALL_STATES if state in move.states]
    alone = [state for state in ALL_STATES if state in move.desk_from - move.states]
    where = ", ".join(states) + (f"; the desk alone, with a reason, also in {', '.join(alone)}" if alone else "")
    by = ", ".join(who for who in ("candidate", "holder", "desk") if who in move.who)
    marks = ["yes" if mark else "" for mark in (move.reason_required, move.undo, verb in TOPIC_COMMANDS)]
    return f"| {verb} | {where} | {by} | {_to(verb, move)} | {' | '.join(marks)} |"
