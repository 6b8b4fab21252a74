"""The judge is judged: an honest ledger is clean, and each single lie or loss is seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from dispatcher.store import Store
from schemas import outcomes as out
from schemas.commands import FireDue
from schemas.events import ClockBreached
from tests.contracts.spine_making import Bench, claim, submit
from tests.integration.crash import verdict
from tests.integration.crash.ledger import Answer, Json, Ledger

ENDED_AT = datetime(2025, 1, 12, 5, 0, tzinfo=UTC)


class Session:
    """A bench's store and the ledger of its only client: two reports, one claim, one conflict, one alarm."""

    def __init__(self, folder: Path) -> None:
        self.store = Store.open(f"sqlite:///{folder / 'x.db'}")
        self.ledger = Ledger(folder / "ledger.jsonl")
        self.bench = Bench(self.store)
        self.bench.publish()
        self.first, self.second = self._report("a", "门前路灯坏了"), self._report("b", "家里停水了")
        self._tell("claim", "c", [claim(self.first, "urban-lighting")], incident_id=self.first)
        self._tell("conflict", "k", [submit("a", "别的事情")])
        self.bench.wait(21)
        self.bench.spine.handle([FireDue(incident_id=self.second)])

    def faults(self) -> list[str]:
        return verdict.faults(self.store, self.ledger, ENDED_AT)

    def _report(self, key: str, text: str) -> str:
        body = self._tell("report", key, [submit(key, text)])
        return str(body["incident_id"])

    def _tell(self, kind: str, key: str, commands: list[object], **more: object) -> Json:
        self.ledger.ask(key, kind=kind, responder="urban-lighting", **more)
        outcome = self.bench.spine.handle(commands)[0]  # type: ignore[arg-type]
        told = outcome.refusal if isinstance(outcome, out.Refused) else outcome.answer  # type: ignore[union-attr]
        body: Json = msgspec.to_builtins(told)
        self.ledger.answer(key, 409 if isinstance(outcome, out.Refused) else 200, body)
        return body


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    made = Session(tmp_path)
    yield made
    made.store.close()


def test_an_honest_session_is_clean(session: Session) -> None:
    assert session.faults() == []


def _execute(statement: str) -> Callable[[Session], None]:
    def tamper(session: Session) -> None:
        with session.store._writing() as connection:
            connection.exec_driver_sql(statement)

    return tamper


def _lose_a_report(session: Session) -> None:
    session.ledger.ask("lost", kind="report")
    answer = session.ledger.answers["a"][0].body | {"report_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}
    session.ledger.answer("lost", 201, answer)


def _never_answer(session: Session) -> None:
    session.ledger.ask("silent", kind="report")


def _answer_differently(session: Session) -> None:
    session.ledger.answer("a", 200, session.ledger.answers["a"][0].body | {"owner": "roads"})


def _one_report_for_two(session: Session) -> None:
    session.ledger.ask("twin", kind="report")
    session.ledger.answer("twin", 201, session.ledger.answers["a"][0].body)


def _report_nobody_sent(session: Session) -> None:
    session.bench.taken("unknown to the ledger", "道路上有个黑窟窿")


def _claim_that_is_not_there(session: Session) -> None:
    session.ledger.ask("claims b", kind="claim", incident_id=session.second, responder="water-works")
    session.ledger.answer("claims b", 200, {"state": "claimed"})


def _wrong_winner(session: Session) -> None:
    session.ledger.ask("lost to roads", kind="claim", incident_id=session.first, responder="power")
    told = {"title": "AlreadyClaimed", "holder": "roads", "claimed_at": "2025-01-12T04:22:00Z"}
    session.ledger.answer("lost to roads", 409, told)


def _letter_lost(session: Session) -> None:
    session.ledger.answers["k"] = [Answer(409, {"title": "ReportConflict", "letter_id": "another"})]


def _resolve_that_is_not_there(session: Session) -> None:
    session.ledger.ask("r", kind="resolve", incident_id=session.first, responder="urban-lighting")
    session.ledger.answer("r", 200, {"state": "resolved"})


@pytest.mark.parametrize(
    ("tamper", "seen"),
    [
        (_lose_a_report, "lost: received 0 times"),
        (_never_answer, "never answered"),
        (_answer_differently, "answers differ"),
        (_one_report_for_two, "answers two questions"),
        (_report_nobody_sent, "3 reports journalled, 2 acknowledged"),
        (_claim_that_is_not_there, "claims b"),
        (_wrong_winner, "lost to roads"),
        (_letter_lost, "dead letters told"),
        (_resolve_that_is_not_there, "resolved: False"),
        (_execute("UPDATE journal SET actor = 'else' WHERE position = 2"), "the chain breaks at 2"),
        (_execute("UPDATE journal SET command_id = 'c'"), "c: accepted [True], 4 rows in the journal"),
        (_execute("DELETE FROM bodies WHERE kind = 'report'"), "its body is not there"),
        (_execute("UPDATE incidents SET due_at = 1"), "never rang"),
        (_execute("UPDATE incidents SET doc = (SELECT max(doc) FROM incidents)"), "not the fold"),
        (_execute("DELETE FROM incidents"), "0 incidents open in the table, 2 by the journal"),
    ],
)
def test_a_single_lie_or_loss_is_seen(session: Session, tamper: Callable[[Session], None], seen: str) -> None:
    tamper(session)
    assert [fault for fault in session.faults() if seen in fault], session.faults()


def test_an_alarm_that_rings_twice_or_early_is_seen(session: Session) -> None:
    found = verdict.read(session.store)
    again = ClockBreached(clock="claim", due_at=ENDED_AT, fired_at=ENDED_AT)
    verdict._index(found, session.second, found.incidents[session.second], again)
    twice, early = verdict._alarm_faults(session.store, found, ENDED_AT)
    assert "rang 2 times" in twice
    assert early.startswith("early")
