"""What those who run an installation do: put dead letters right, erase personal data. Needs the admin token."""

from schemas.commands import Command


class LetterCommand(Command, frozen=True, kw_only=True):
    """Base of the commands about one dead letter."""

    letter_id: str
    actor: str = "admin"


class ReadDeadLetter(LetterCommand, frozen=True, kw_only=True, tag="ReadDeadLetter"):
    """Show its bytes, which may be personal; journalled."""


class FixDeadLetter(LetterCommand, frozen=True, kw_only=True, tag="FixDeadLetter"):
    """Keep `body` beside the original, to be taken in its place: a report, or what a commands topic takes."""

    body: bytes


class RedriveDeadLetter(LetterCommand, frozen=True, kw_only=True, tag="RedriveDeadLetter"):
    """Through the door again that it came by; once it got through, the same answer for ever."""


class DiscardDeadLetter(LetterCommand, frozen=True, kw_only=True, tag="DiscardDeadLetter"):
    """It never becomes anything; its bytes stay until they are erased."""


class EraseBody(Command, frozen=True, kw_only=True, tag="EraseBody"):
    """Personal data goes for good. Exactly one is set: a report, an incident with all of its, a ref, a letter."""

    report_id: str | None = None
    incident_id: str | None = None
    ref: str | None = None
    letter_id: str | None = None
    actor: str = "admin"
