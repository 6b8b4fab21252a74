"""What one turn knows and has changed so far; its parts (reports, commands) read and write here only."""

from collections.abc import Iterable
from datetime import datetime

from dispatcher.core import apply_row, next_due_at
from dispatcher.service.arrivals import keyed
from dispatcher.service.ids import Ulids
from dispatcher.service.policies import ActivePolicies
from dispatcher.store import ChangedIncident, Changes, NewBody, NewIncident, NewJournalRow, NewLetter, Txn
from schemas import events as ev
from schemas import outcomes as out
from schemas.commands import Command, KeepDeadLetter
from schemas.incidents import Incident


class Working:
    """Commands see the effects of earlier ones in the same batch; nothing is written before `changes` is saved.

    `now_is_effective`: in a replay of old files every command brings its own now (`effective_at`).
    `groups` false: every report opens an incident of its own, whatever its rule says about grouping.
    """

    def __init__(
        self,
        txn: Txn,
        policies: ActivePolicies,
        ids: Ulids,
        secret: bytes,
        now: datetime,
        *,
        now_is_effective: bool = False,
        groups: bool = True,
    ) -> None:
        self.groups = groups
        self.changes = Changes()
        self.txn = txn
        self.policies = policies
        self.ids = ids
        self.secret = secret
        self.incidents: dict[str, Incident] = {}
        self._now = now
        self._now_is_effective = now_is_effective
        self._stored_seq: dict[str, int] = {}
        self._known_letters: dict[bytes, str] = {}

    def now_of(self, command: Command) -> datetime:
        if self._now_is_effective and command.effective_at is not None:
            return command.effective_at
        return self._now

    def load(self, incident_ids: Iterable[str]) -> None:
        """Incidents of the batch, locked; call once, so that all locks are taken in one order."""
        self.incidents = dict(self.txn.load(set(incident_ids)))
        self._stored_seq = {incident.id: incident.seq for incident in self.incidents.values()}

    def load_also(self, incident_ids: Iterable[str]) -> None:
        """More of them, known only by the first ones (merges): a second round of locks, so a Conflict may follow."""
        more = dict(self.txn.load(set(incident_ids) - self.incidents.keys()))
        self.incidents |= more
        self._stored_seq |= {incident.id: incident.seq for incident in more.values()}

    def history(self, incident: Incident) -> list[tuple[int, tuple[ev.AnyEvent, ...]]]:
        """(seq, events) of all rows of an incident, those of this batch too."""
        stored = self._stored_seq.get(incident.id, 0)
        rows = self.txn.journal_rows({(incident.id, seq) for seq in range(1, stored + 1)}) if stored else {}
        before = [(seq, rows[incident.id, seq].events) for seq in range(1, stored + 1)]
        return before + [(row.seq, row.events) for row in self.changes.journal if row.incident_id == incident.id]

    def journal(
        self,
        incident: Incident | None,
        happened: tuple[ev.AnyEvent, ...],
        *,
        opens: str | None = None,
        command_id: str,
        actor: str,
        now: datetime,
    ) -> Incident:
        """Append a row to an incident (or open it under the id `opens`) and fold it."""
        after = apply_row(incident, incident.seq + 1 if incident else 1, happened)
        self.incidents[opens or after.id] = after
        self.add_row(after.jurisdiction, happened, incident=after, command_id=command_id, actor=actor, now=now)
        return after

    def add_row(
        self,
        jurisdiction: str,
        happened: tuple[ev.AnyEvent, ...],
        *,
        incident: Incident | None = None,
        command_id: str,
        actor: str,
        now: datetime,
    ) -> None:
        """A journal row as it is; without incident it stands for itself."""
        self.changes.journal.append(
            NewJournalRow(
                jurisdiction=jurisdiction,
                incident_id=incident.id if incident else None,
                seq=incident.seq if incident else 0,
                command_id=command_id,
                actor=actor,
                at=now,
                events=happened,
            )
        )

    def keep_said(self, incident: Incident, ref: str, doc: bytes, now: datetime) -> None:
        """Free text of a command, into the erasable bodies."""
        self.changes.bodies.append(
            NewBody(jurisdiction=incident.jurisdiction, ref=ref, incident_id=incident.id, kind="said", at=now, doc=doc)
        )

    def keep_letter(self, command: KeepDeadLetter, jurisdiction: str) -> out.Lettered:
        """A dead letter, once per content and provenance."""
        content_hash = keyed(self.secret, command.origin.encode() + b"\x1f" + command.raw)
        known = self._known_letters.get(content_hash) or self.txn.known_letters([content_hash]).get(content_hash)
        if known is not None:
            return out.Lettered(letter_id=known, repeated=True)
        letter_id, now = self.ids.next(), self.now_of(command)
        self._known_letters[content_hash] = letter_id
        self.changes.letters.append(
            NewLetter(
                jurisdiction=jurisdiction,
                letter_id=letter_id,
                content_hash=content_hash,
                origin=command.origin,
                reason=command.reason,
                raw=command.raw,
                headers=command.headers,
                at=now,
                report_id=command.report_id,
            )
        )
        happened: tuple[ev.AnyEvent, ...] = (
            ev.DeadLettered(letter_id=letter_id, reason=command.reason, origin=command.origin),
        )
        if command.responder is not None:
            refused = ev.CommandRefused(responder=command.responder, command="unknown", reason=command.reason)
            happened = (*happened, refused)
        actor = command.responder or command.via
        self.add_row(jurisdiction, happened, command_id=command.command_id or "", actor=actor, now=now)
        return out.Lettered(letter_id=letter_id, repeated=False)

    def collect_incidents(self) -> None:
        """Turn what became of the incidents into rows to save."""
        for incident in self.incidents.values():
            stored = self._stored_seq.get(incident.id)
            if stored is None:
                self.changes.opened.append(NewIncident(incident=incident, due_at=next_due_at(incident)))
            elif incident.seq != stored:
                due_at = next_due_at(incident)
                self.changes.changed.append(ChangedIncident(incident=incident, expected_seq=stored, due_at=due_at))
