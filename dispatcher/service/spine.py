"""The spine: everything that comes in goes through `handle`, one transaction per batch."""

from collections.abc import Callable, Sequence
from datetime import datetime
from traceback import extract_tb
from typing import Final, Protocol

import msgspec
import structlog

from dispatcher.service.ids import Ulids
from dispatcher.service.letter_meaning import OF_THE_ENGINE
from dispatcher.service.policies import Policies
from dispatcher.service.turn import Turn
from dispatcher.service.working import Working
from dispatcher.store import Changes, Conflict, Store, StoreUnavailable
from schemas import outcomes as out
from schemas import refusals as no
from schemas.commands import Command, KeepDeadLetter
from schemas.upkeep_commands import LetterCommand

log = structlog.get_logger(__name__)
_CONFLICT_RETRIES: Final = 8


class Observer(Protocol):
    """Told after each commit what it did (metrics, wake-up of the loops)."""

    def committed(self, changes: Changes, outcomes: Sequence[out.Outcome], seconds: float) -> None: ...


class Spine:
    """Synchronous; one thread of a process calls it. `now` None = the database's clock, read once a batch.

    `now_is_effective` and `groups`: see `Working`.
    """

    def __init__(
        self,
        store: Store,
        policies: Policies,
        ids: Ulids,
        *,
        now: Callable[[], datetime] | None,
        elapsed: Callable[[], float],
        observer: Observer,
        now_is_effective: bool = False,
        groups: bool = True,
    ) -> None:
        self._store = store
        self._policies = policies
        self._ids = ids
        self._now = now
        self._elapsed = elapsed
        self._observer = observer
        self._now_is_effective = now_is_effective
        self._groups = groups
        self._secret = store.secret()

    def handle(self, batch: Sequence[Command]) -> list[out.Outcome]:
        """One outcome per command, in order; all of it committed, or StoreUnavailable and nothing acknowledged.

        A batch that fails is halved until the guilty command stands alone; that one becomes a dead letter.
        """
        try:
            return self._attempt(batch)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the others must not suffer
            if len(batch) > 1:
                middle = len(batch) // 2
                return [*self.handle(batch[:middle]), *self.handle(batch[middle:])]
            return [self._bury(batch[0], error)]

    def _attempt(self, batch: Sequence[Command]) -> list[out.Outcome]:
        for tries_left in reversed(range(_CONFLICT_RETRIES)):
            try:
                return self._transact(batch)
            except Conflict as conflict:
                if not tries_left:
                    raise StoreUnavailable("too many conflicts with other writers") from conflict
        raise AssertionError  # pragma: no cover

    def _transact(self, batch: Sequence[Command]) -> list[out.Outcome]:
        started = self._elapsed()
        with self._store.begin() as txn:
            now = self._now() if self._now is not None else txn.now()
            self._ids.start_batch(now)
            work = Working(
                txn,
                self._policies.active(txn),
                self._ids,
                self._secret,
                now,
                now_is_effective=self._now_is_effective,
                groups=self._groups,
            )
            outcomes = Turn(work).run(batch)
            txn.save(work.changes)
        self._tell(work.changes, outcomes, self._elapsed() - started)
        return outcomes

    def _tell(self, changes: Changes, outcomes: Sequence[out.Outcome], seconds: float) -> None:
        """What is committed is answered, and is no dead letter, whatever happens to those who watch."""
        try:
            self._observer.committed(changes, outcomes, seconds)
        except Exception as error:  # noqa: BLE001 - the batch is done
            log.error(  # noqa: TRY400 - a traceback may quote personal text
                "observer_failed", error=type(error).__name__, at=_where(error)
            )

    def _bury(self, command: Command, error: Exception) -> out.Outcome:
        kind = type(error).__name__
        log.error("command_failed", command=type(command).__name__, error=kind, at=_where(error))
        if isinstance(command, KeepDeadLetter):
            raise StoreUnavailable(f"a dead letter could not be kept: {kind}") from error
        if isinstance(command, LetterCommand):  # its bytes are kept already
            return out.Refused(refusal=no.Unprocessable(letter_id=command.letter_id, detail=f"it stays ({kind})"))
        letter = KeepDeadLetter(
            raw=msgspec.json.encode(command),
            reason=f"engine-error: {kind}",
            origin=f"{OF_THE_ENGINE}{command.via}",
            via=command.via,
        )
        kept = self._attempt([letter])[0]
        letter_id = kept.letter_id if isinstance(kept, out.Lettered) else ""
        return out.Refused(refusal=no.Unprocessable(letter_id=letter_id, detail=f"kept as a dead letter ({kind})"))


def _where(error: Exception) -> list[str]:
    """The innermost frames, without messages and values: those may be personal data."""
    frames = extract_tb(error.__traceback__)[-4:]
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
