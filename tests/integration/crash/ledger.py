"""What the clients know for themselves: every question put and every answer got, on disk before they go on."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    status: int
    body: Json


@dataclass
class Ledger:
    """Append-only. `asked` by key; `answers` by key, in the order they came (repeats included).

    `synced` false where only others are killed: the ledger's own process, and so its memory, lives on.
    """

    path: Path
    synced: bool = True
    asked: dict[str, Json] = field(default_factory=dict)
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    _writing: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, key: str, **question: object) -> None:
        """`question` as it goes out, with its `kind`."""
        self._write({"asked": key, **question})
        self.asked[key] = dict(question)

    def answer(self, key: str, status: int, body: Json) -> None:
        self._write({"answered": key, "status": status, "body": body})
        self.answers.setdefault(key, []).append(Answer(status, body))

    def of_kind(self, kind: str) -> Iterator[tuple[str, Json, list[Answer]]]:
        """(key, question, answers) of everything asked."""
        for key, question in self.asked.items():
            if question["kind"] == kind:
                yield key, question, self.answers.get(key, [])

    def _write(self, line: Json) -> None:
        raw = (json.dumps(line, ensure_ascii=False) + "\n").encode()
        if not self.synced:
            return
        with self._writing:
            file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.write(file, raw)
            os.fsync(file)
            os.close(file)
