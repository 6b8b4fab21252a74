"""What one client says, step by step, without saying how it travels: one open question, asked until it is answered."""

from __future__ import annotations

import random
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from tests.integration.crash.ledger import Answer, Json, Ledger

RIVALS: Final = ("sanitation", "property-management")
_TEXTS: Final = (
    "门前路灯坏了",
    "小区垃圾没人清",
    "道路上有个黑窟窿",
    "家里停水了",
    "家里老人走失了,82岁",
    "你好,咨询一件事",
)


@dataclass(frozen=True)
class Question:
    """`verb` "report": a body for each key; "attachment": a photo so wide, sent under its key.

    Any other: one command about the incident, its key the idempotency key.
    """

    verb: str
    keys: tuple[str, ...]
    bodies: tuple[Json, ...]
    incident_id: str = ""


Conversation = Generator[Question, "list[Answer]", "list[Answer]"]


def invented_report(dice: random.Random, source_id: str, *, due_within_s: float) -> Json:
    """Some in one place, to be grouped; some whose clock ends in a moment, so that alarms ring among the faults."""
    report: Json = {
        "source": "ledger",
        "source_id": source_id,
        "text": dice.choice(_TEXTS),
        "location": {"lat": 46.60 + dice.randrange(60) / 500, "lon": 126.1},
        "reporter": {"name": "Invented", "phone": "000-0000"},
    }
    if dice.random() < 0.4:
        soon = datetime.now(UTC) + timedelta(seconds=dice.uniform(0.03, 1.0) * due_within_s)
        report["due"] = {"claim_at": soon.isoformat(), "resolution_at": None}
    return report


class Talk:
    """One conversation after another: report, rivals claim, holder resolves; now and then a repeat or a conflict.

    `question` is what is to be asked next (again, when the answer did not come); `hear` takes its answers.
    """

    def __init__(self, name: str, ledger: Ledger, *, due_within_s: float) -> None:
        self._name = name
        self._random = random.Random(name)  # noqa: S311 - a test's dice
        self._ledger = ledger
        self._due_within_s = due_within_s
        self._count = 0
        self._mine: list[str] = []
        self._ending = False
        self._said = self._talk()
        self.question: Question | None = next(self._said)

    def hear(self, answers: Sequence[Answer]) -> None:
        assert self.question is not None
        for key, answer in zip(self.question.keys, answers, strict=True):
            self._ledger.answer(key, answer.status, answer.body)
        try:
            self.question = self._said.send(list(answers))
        except StopIteration:
            self.question = None

    def end(self) -> None:
        """Say nothing new once the running conversation is over."""
        self._ending = True

    # ── conversations ────────────────────────────────────────────────────────────────────────────
    def _talk(self) -> Conversation:
        while not self._ending:
            yield from self._random.choice(
                [self._dispatch, self._dispatch, self._race, self._batch, self._repeat, self._photo]
            )()
        return []

    def _dispatch(self) -> Conversation:
        (taken,) = yield from self._report(self._new_report())
        if taken.status >= 400:  # the ledger has it, and who judges will not like it
            return []
        responder = taken.body["offers"][0]
        if self._random.random() < 0.6:
            yield from self._command(taken.body["incident_id"], "claim", responder)
            if self._random.random() < 0.6:
                yield from self._command(taken.body["incident_id"], "resolve", responder, outcome="done")
        return []

    def _race(self) -> Conversation:
        """Both candidates claim, each until it has an answer."""
        (taken,) = yield from self._report(self._new_report() | {"category": "sanitation/garbage"})
        if taken.status >= 400:
            return []
        for responder in self._random.sample(RIVALS, k=2):
            yield from self._command(taken.body["incident_id"], "claim", responder)
        return []

    def _batch(self) -> Conversation:
        return (yield from self._report(*(self._new_report() for _ in range(self._random.randint(2, 12)))))

    def _repeat(self) -> Conversation:
        """One of my answered reports again: the same answer; and with other content: refused."""
        if not self._mine:
            return []
        key = self._random.choice(self._mine)
        body = self._ledger.asked[key]["body"]
        yield Question("report", (key,), (body,))
        if self._random.random() < 0.3:
            self._count += 1
            conflict = f"{self._name}-conflict-{self._count}"
            other = body | {"text": f"{body['text']} {conflict}"}
            self._ledger.ask(conflict, kind="conflict", body=other)
            yield Question("report", (conflict,), (other,))
        return []

    def _photo(self) -> Conversation:
        """Sent, and mostly named by a report; few widths, so that some share their file."""
        self._count += 1
        key, width = f"{self._name}-photo-{self._count}", self._random.randrange(20, 30)
        self._ledger.ask(key, kind="attachment", width=width)
        (kept,) = yield Question("attachment", (key,), ({"width": width},))
        if self._random.random() < 0.7:
            yield from self._report(self._new_report() | {"attachments": [kept.body["attachment_id"]]})
        return []

    # ── single questions ─────────────────────────────────────────────────────────────────────────
    def _report(self, *bodies: Json) -> Conversation:
        keys = tuple(str(body["source_id"]) for body in bodies)
        for key, body in zip(keys, bodies, strict=True):
            self._ledger.ask(key, kind="report", body=body)
        answers = yield Question("report", keys, bodies)
        self._mine += keys
        return answers

    def _new_report(self) -> Json:
        self._count += 1
        return invented_report(self._random, f"{self._name}-{self._count}", due_within_s=self._due_within_s)

    def _command(self, incident_id: str, verb: str, responder: str, **more: object) -> Conversation:
        self._count += 1
        key = f"{self._name}-{verb}-{self._count}"
        self._ledger.ask(key, kind=verb, incident_id=incident_id, responder=responder)
        return (yield Question(verb, (key,), ({"responder": responder, **more},), incident_id))
