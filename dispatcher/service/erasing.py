"""Erasing personal data: what goes, which incident's journal says so, and what is told."""

from collections.abc import Sequence

from dispatcher.service.working import Working
from dispatcher.store import Erasure
from dispatcher.store.bodies import body_refs
from schemas import events as ev
from schemas import outcomes as out
from schemas import refusals as no
from schemas.commands import Command
from schemas.dead_letters import ErasedAnswer
from schemas.upkeep_commands import EraseBody


class Erasing:
    """The EraseBody commands of one turn."""

    def __init__(self, work: Working) -> None:
        self._work = work
        self._incident_of: dict[EraseBody, str] = {}

    def meet(self, batch: Sequence[Command]) -> set[str]:
        """Incidents whose journal will say what was erased."""
        for command in batch:
            if isinstance(command, EraseBody) and (incident_id := self._find(command)):
                self._incident_of[command] = incident_id
        return set(self._incident_of.values())

    def _find(self, command: EraseBody) -> str | None:
        if command.report_id is not None:
            return self._work.txn.report_of(command.report_id)
        if command.ref is not None:
            body = self._work.txn.body(command.ref)
            return None if body is None else body.incident_id
        return command.incident_id

    def erase(self, command: EraseBody) -> out.Outcome:
        if command.letter_id is not None:
            return self._erase_letter(command, command.letter_id)
        work = self._work
        incident = work.incidents.get(self._incident_of.get(command, ""))
        if incident is None:
            return out.Refused(refusal=_unknown(command))
        named = command.report_id or command.ref
        refs = self._kept([named] if named else body_refs(event for _, row in work.history(incident) for event in row))
        letter_ids = work.txn.letters_of_reports(refs)
        if not refs:
            return out.BodiesErased(answer=ErasedAnswer(refs=(), letter_ids=(), repeated=True))
        now = work.now_of(command)
        happened = (ev.BodyErased(refs=refs, at=now),)
        work.journal(incident, happened, command_id="", actor=command.actor, now=now)
        self._row_of_letters(command, incident.jurisdiction, letter_ids)
        work.changes.erasures.append(Erasure(refs, tuple(letter_ids), now))
        return out.BodiesErased(answer=ErasedAnswer(refs=refs, letter_ids=tuple(letter_ids), repeated=False))

    def _kept(self, refs: Sequence[str]) -> tuple[str, ...]:
        """Those under which something is still kept, also by this batch."""
        changes = self._work.changes
        erased = {ref for erasure in changes.erasures for ref in erasure.refs}
        fresh = {body.ref for body in changes.bodies} & set(refs)
        return tuple(sorted({*self._work.txn.kept_refs(refs), *fresh} - erased))

    def _erase_letter(self, command: EraseBody, letter_id: str) -> out.Outcome:
        work = self._work
        letter = work.txn.letters([letter_id]).get(letter_id)
        if letter is None:
            return out.Refused(refusal=no.UnknownLetter())
        before = {each for erasure in work.changes.erasures for each in erasure.letter_ids}
        if letter.erased_at is not None or letter_id in before:
            return out.BodiesErased(answer=ErasedAnswer(refs=(), letter_ids=(), repeated=True))
        self._row_of_letters(command, letter.jurisdiction, [letter_id])
        work.changes.erasures.append(Erasure((), (letter_id,), work.now_of(command)))
        return out.BodiesErased(answer=ErasedAnswer(refs=(), letter_ids=(letter_id,), repeated=False))

    def _row_of_letters(self, command: EraseBody, jurisdiction: str, letter_ids: Sequence[str]) -> None:
        if letter_ids:
            happened = tuple(ev.DeadLetterErased(letter_id=letter_id) for letter_id in letter_ids)
            now = self._work.now_of(command)
            self._work.add_row(jurisdiction, happened, command_id="", actor=command.actor, now=now)


def _unknown(command: EraseBody) -> no.UnknownReport | no.UnknownBody | no.UnknownIncident:
    if command.report_id is not None:
        return no.UnknownReport()
    return no.UnknownBody() if command.ref is not None else no.UnknownIncident()
