"""Dead letters that somebody looks at, puts right, tries again or gives up: by the same door, in the same transaction.

Before the turn begins a redrive becomes the command in its letter, and is concluded with that command's outcome.
Twice the same answer and one incident come of the report's own key and, when that has gone, of the letter's state.
"""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from dispatcher.service.letter_meaning import command_in
from dispatcher.service.working import Working
from dispatcher.store import ChangedLetter, Letter
from schemas import events as ev
from schemas import outcomes as out
from schemas import refusals as no
from schemas.commands import Command, IncidentCommand
from schemas.dead_letters import DeadLetterDetail
from schemas.decode import Undecodable
from schemas.upkeep_commands import (
    DiscardDeadLetter,
    FixDeadLetter,
    LetterCommand,
    ReadDeadLetter,
    RedriveDeadLetter,
)

_outcome = msgspec.json.Decoder(out.DeadLetterOutcome).decode
_CONFLICT: Final = no.ReportConflict.__struct_config__.tag


class Letters:
    """The letter commands of one turn; each letter as the commands before it left it."""

    def __init__(self, work: Working) -> None:
        self._work = work
        self._letters: dict[str, Letter] = {}
        self._redriven: dict[int, RedriveDeadLetter] = {}
        self.handlers: dict[type[Command], Callable[..., out.Outcome]] = {
            ReadDeadLetter: self._on_known(self._read),
            FixDeadLetter: self._on_known(self._fix),
            DiscardDeadLetter: self._on_known(self._discard),
            RedriveDeadLetter: self._on_known(self._stays_or_stands),
        }

    def _on_known(self, handle: Callable[..., out.Outcome]) -> Callable[[LetterCommand], out.Outcome]:
        """The handler with the letter that its command names."""

        def handled(command: LetterCommand) -> out.Outcome:
            letter = self._letters.get(command.letter_id)
            return out.Refused(refusal=no.UnknownLetter()) if letter is None else handle(command, letter)

        return handled

    def meet(self, batch: Sequence[Command]) -> Sequence[Command]:
        """The batch with each redrive replaced by what its letter says, as far as that can be read."""
        named = {command.letter_id for command in batch if isinstance(command, LetterCommand)}
        if not named:
            return batch
        self._letters = self._work.txn.letters(named)
        bodies = {letter_id: letter.fixed for letter_id, letter in self._letters.items()}
        met: list[Command] = []
        for place, command in enumerate(batch):
            if isinstance(command, FixDeadLetter) and command.letter_id in bodies:
                bodies[command.letter_id] = command.body
            if isinstance(command, RedriveDeadLetter) and (letter := self._letters.get(command.letter_id)):
                inner = _inside(replace(letter, fixed=bodies[letter.letter_id]))
                if letter.state == "open" and letter.erased_at is None and not isinstance(inner, str):
                    self._redriven[place] = command
                    met.append(inner)
                    continue
            met.append(command)
        return met

    def concluded(self, place: int, command: Command, outcome: out.Outcome) -> out.Outcome:
        """What a redrive answers, now that the command in the letter has been carried out."""
        redrive = self._redriven.get(place)
        if redrive is None:
            return outcome
        letter = self._letters[redrive.letter_id]
        if letter.answer is not None:  # by this very batch
            return self._stands(letter)
        told = isinstance(command, IncidentCommand) and command.by_topic
        if isinstance(outcome, out.Refused) and not told:
            self._stay(redrive, letter, no.title(outcome.refusal))
            return outcome
        return self._settle(redrive, letter, outcome)

    def _settle(self, redrive: RedriveDeadLetter, letter: Letter, outcome: out.Outcome) -> out.Outcome:
        report = outcome.answer if isinstance(outcome, out.Taken) else None
        command = outcome.answer if isinstance(outcome, out.Done) else None
        refused = no.title(outcome.refusal) if isinstance(outcome, out.Refused) else None
        became = report or command
        answer = out.DeadLetterOutcome(
            letter_id=letter.letter_id,
            state="redriven",
            reason=letter.reason,
            report=report,
            command=command,
            refused=refused,
        )
        redriven = ev.DeadLetterRedriven(
            letter_id=letter.letter_id,
            report_id=report.report_id if report else None,
            incident_id=became.incident_id if became else None,
            refused=refused,
        )
        self._change(
            redrive,
            replace(
                letter,
                state="redriven",
                report_id=redriven.report_id,
                incident_id=redriven.incident_id,
                answer=msgspec.json.encode(answer),
                settled_at=self._work.now_of(redrive),
            ),
            redriven,
        )
        return out.LetterDone(answer=answer)

    def _stands(self, letter: Letter) -> out.Outcome:
        """As it was answered when it went through."""
        answer = _outcome(letter.answer) if letter.answer else _told(letter)
        return out.LetterDone(answer=replace(answer, repeated=True))

    def _stays_or_stands(self, command: RedriveDeadLetter, letter: Letter) -> out.Outcome:
        if letter.state == "redriven":
            return self._stands(letter)
        if letter.erased_at is not None:
            return out.Refused(refusal=no.Erased(detail="the bytes of this dead letter were erased"))
        if letter.state == "discarded":
            return _settled(letter)
        reason = _inside(letter)
        if not isinstance(reason, str):  # readable only once it was fixed, which this batch undid
            reason = letter.reason
        self._stay(command, letter, reason)
        return out.Refused(refusal=no.LetterStays(letter_id=letter.letter_id, reason=reason))

    def _stay(self, command: LetterCommand, letter: Letter, reason: str) -> None:
        if reason != letter.reason:
            stayed = ev.DeadLetterStayed(letter_id=letter.letter_id, reason=reason)
            self._change(command, replace(letter, reason=reason), stayed)

    def _read(self, command: ReadDeadLetter, letter: Letter) -> out.Outcome:
        if letter.erased_at is None:
            self._row(command, letter, ev.DeadLetterRead(letter_id=letter.letter_id))
        return out.LetterShown(answer=_detail(letter))

    def _fix(self, command: FixDeadLetter, letter: Letter) -> out.Outcome:
        if letter.erased_at is not None:
            return out.Refused(refusal=no.Erased(detail="the bytes of this dead letter were erased"))
        if letter.state != "open":
            return _settled(letter)
        repeated = letter.fixed == command.body
        if not repeated:
            fixed = replace(letter, fixed=command.body)
            self._change(command, fixed, ev.DeadLetterFixed(letter_id=letter.letter_id))
        return out.LetterDone(answer=replace(_told(letter), repeated=repeated))

    def _discard(self, command: DiscardDeadLetter, letter: Letter) -> out.Outcome:
        if letter.state == "redriven":
            return _settled(letter)
        if letter.state == "discarded":
            return self._stands(letter)
        gone = replace(letter, state="discarded", settled_at=self._work.now_of(command))
        self._change(command, gone, ev.DeadLetterDiscarded(letter_id=letter.letter_id))
        return out.LetterDone(answer=_told(gone))

    def _change(self, command: LetterCommand, after: Letter, event: ev.LetterEvent) -> None:
        self._letters[after.letter_id] = after
        self._work.changes.changed_letters.append(
            ChangedLetter(
                letter_id=after.letter_id,
                reason=after.reason,
                state=after.state,
                fixed=after.fixed,
                report_id=after.report_id,
                incident_id=after.incident_id,
                answer=after.answer,
                settled_at=after.settled_at,
            )
        )
        self._row(command, after, event)

    def _row(self, command: LetterCommand, letter: Letter, event: ev.LetterEvent) -> None:
        now = self._work.now_of(command)
        self._work.add_row(letter.jurisdiction, (event,), command_id="", actor=command.actor, now=now)


def _inside(letter: Letter) -> Command | str:
    """The command in a letter, or why there is none."""
    try:
        return command_in(letter)
    except Undecodable as error:
        return str(error)


def _settled(letter: Letter) -> out.Outcome:
    return out.Refused(refusal=no.LetterSettled(letter_id=letter.letter_id, state=letter.state))


def _told(letter: Letter) -> out.DeadLetterOutcome:
    return out.DeadLetterOutcome(letter_id=letter.letter_id, state=letter.state, reason=letter.reason)  # type: ignore[arg-type]


def _detail(letter: Letter) -> DeadLetterDetail:
    return DeadLetterDetail(
        letter_id=letter.letter_id,
        at=letter.at,
        origin=letter.origin,
        reason=letter.reason,
        state=letter.state,  # type: ignore[arg-type]
        size=len(letter.raw),
        is_fixed=letter.fixed is not None,
        report_id=letter.report_id,
        incident_id=letter.incident_id,
        settled_at=letter.settled_at,
        erased_at=letter.erased_at,
        raw=letter.raw,
        text=_text(letter.raw),
        fixed=letter.fixed,
        fixed_text=None if letter.fixed is None else _text(letter.fixed),
        headers=letter.headers,
    )


def _text(raw: bytes) -> str | None:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None
