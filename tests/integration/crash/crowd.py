"""Clients under load: each puts one question, and puts the same one again until it is answered, whatever dies."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Final

import httpx

from tests.integration.crash.ledger import Json, Ledger
from tests.integration.crash.talk import RIVALS, invented_report

_PAUSE_S: Final = 0.01


class Client(threading.Thread):
    """One conversation after another: report, rivals claim, holder resolves; now and then a repeat or a conflict."""

    def __init__(self, number: int, seed: int, base: str, ledger: Ledger) -> None:
        super().__init__(name=f"client-{number}", daemon=True)
        self._name = f"{seed}-{number}"
        self._random = random.Random(self._name)  # noqa: S311 - a test's dice
        self._http = httpx.Client(base_url=base, trust_env=False, timeout=10)
        self._ledger = ledger
        self._count = 0
        self.enough = threading.Event()
        self.failure: BaseException | None = None
        self.cut_off_count = 0  # questions that went out and whose answer never came

    def run(self) -> None:
        try:
            while not self.enough.is_set():
                self._random.choice([self._dispatch, self._dispatch, self._race, self._batch, self._repeat])()
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.failure = error
        finally:
            self._http.close()

    # ── conversations ────────────────────────────────────────────────────────────────────────────
    def _dispatch(self) -> None:
        taken = self._report()
        responder = taken["offers"][0]
        if self._random.random() < 0.6:
            self._command(taken["incident_id"], "claim", responder)
            if self._random.random() < 0.6:
                self._command(taken["incident_id"], "resolve", responder, outcome="done")

    def _race(self) -> None:
        """Both candidates claim, each until it has an answer."""
        taken = self._report(category="sanitation/garbage")
        for responder in self._random.sample(RIVALS, k=2):
            self._command(taken["incident_id"], "claim", responder)

    def _batch(self) -> None:
        reports = [self._new_report() for _ in range(self._random.randint(2, 12))]
        for report in reports:
            self._ledger.ask(str(report["source_id"]), kind="report", body=report)
        results: list[Json] = self._until_answered("/api/v1/reports:batch", reports).json()
        for report, result in zip(reports, results, strict=True):
            self._ledger.answer(str(report["source_id"]), int(result.pop("status")), result)

    def _repeat(self) -> None:
        """One of my answered reports again: the same answer; and with other content: refused."""
        mine = [key for key, answers in list(self._ledger.answers.items()) if answers and key.startswith(self._name)]
        mine = [key for key in mine if self._ledger.asked[key]["kind"] == "report"]
        if not mine:
            return
        key = self._random.choice(mine)
        body = self._ledger.asked[key]["body"]
        again = self._until_answered("/api/v1/reports", body)
        self._ledger.answer(key, again.status_code, again.json())
        if self._random.random() < 0.3:
            self._count += 1
            conflict = f"{self._name}-conflict-{self._count}"
            other = body | {"text": f"{body['text']} {conflict}"}
            self._ledger.ask(conflict, kind="conflict", body=other)
            refused = self._until_answered("/api/v1/reports", other)
            self._ledger.answer(conflict, refused.status_code, refused.json())

    # ── single questions ─────────────────────────────────────────────────────────────────────────
    def _report(self, **fields: object) -> Json:
        body = self._new_report() | fields
        self._ledger.ask(str(body["source_id"]), kind="report", body=body)
        answer = self._until_answered("/api/v1/reports", body)
        taken: Json = answer.json()
        self._ledger.answer(str(body["source_id"]), answer.status_code, taken)
        return taken

    def _new_report(self) -> Json:
        self._count += 1
        return invented_report(self._random, f"{self._name}-{self._count}", due_within_s=1.5)

    def _command(self, incident_id: str, verb: str, responder: str, **more: object) -> None:
        self._count += 1
        key = f"{self._name}-{verb}-{self._count}"
        body = {"responder": responder, **more}
        self._ledger.ask(key, kind=verb, incident_id=incident_id, responder=responder)
        answer = self._until_answered(f"/api/v1/incidents/{incident_id}/{verb}", body, key)
        self._ledger.answer(key, answer.status_code, answer.json())

    def _until_answered(self, path: str, body: Json | Sequence[Json], key: str | None = None) -> httpx.Response:
        headers = {"content-type": "application/json"} | ({"idempotency-key": key} if key else {})
        raw = json.dumps(body).encode()
        for _ in self._patiently():
            try:
                answer = self._http.post(path, content=raw, headers=headers)
            except httpx.ConnectError:
                continue
            except httpx.TransportError:
                self.cut_off_count += 1
                continue
            if answer.status_code != 503:
                return answer
        raise AssertionError  # pragma: no cover - patience ends by itself

    def _patiently(self) -> Iterator[None]:
        give_up_at = time.monotonic() + 60
        while True:
            yield
            if time.monotonic() > give_up_at:
                raise AssertionError("no answer for a minute")
            time.sleep(_PAUSE_S)
