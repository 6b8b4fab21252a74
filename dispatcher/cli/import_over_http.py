"""An import into a running server, which alone writes to its database: rows go to its door in small batches."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from dispatcher.cli.api_client import Answer, Api
from dispatcher.loops.file_rows import BROKEN, PIECE, Row
from dispatcher.loops.import_tally import PROBLEM, Tally
from schemas.views import DeadLetterBody

_LINES: Final = {"content-type": "application/x-ndjson"}
_ROOM: Final = 1_000_000  # bytes of a request: the door takes 1 MiB


class ServerStopped(Exception):
    """The server does not take the reports; str() says why. What it took before stays taken."""


class HttpImport:
    """`trusted` = the reports' own due times count."""

    def __init__(self, api: Api, file: str, tally: Tally, *, trusted: bool) -> None:
        self._api = api
        self._file = file
        self._tally = tally
        self._params = {"trusted": "true" if trusted else None}
        self._reports: list[tuple[str, bytes]] = []
        self._letters: list[tuple[str, str, bytes]] = []
        self._size = 0

    def take(self, rows: Iterable[Row], stopping: Callable[[], bool]) -> bool:
        """False = `stopping` said so before the end. Raises ServerStopped."""
        for row in rows:
            encoded = _encoded(row)
            if len(self._reports) + len(self._letters) == PIECE or self._size + len(encoded) > _ROOM:
                self._send()
                if stopping():
                    return False
            self._add(row, encoded)
        self._send()
        return True

    def _add(self, row: Row, encoded: bytes) -> None:
        origin = f"{self._file}:{row.line}"
        if row.report is not None and len(encoded) <= _ROOM:
            self._reports.append((origin, encoded))
        else:
            self._letters.append((origin, row.problem or f"is larger than {_ROOM} bytes", row.raw or encoded))
        self._size += len(encoded)

    def _send(self) -> None:
        self._tally.read(len(self._reports) + len(self._letters))
        if self._reports:
            results = self._ask("/api/v1/reports:batch", [encoded for _, encoded in self._reports], self._params)
            for (origin, _), result in zip(self._reports, results, strict=True):
                self._count(origin, result)
        if self._letters:
            self._keep_letters()
        self._reports, self._letters, self._size = [], [], 0

    def _count(self, origin: str, result: dict[str, Any]) -> None:
        if result["status"] in (200, 201):
            self._tally.take(result["owner"], joined=result["joined"], repeated=result["status"] == 200)
        else:
            self._tally.reject(origin, result["title"])

    def _keep_letters(self) -> None:
        bodies = [
            DeadLetterBody(raw=raw, reason=BROKEN, origin=origin, headers={PROBLEM: problem})
            for origin, problem, raw in self._letters
        ]
        self._ask("/api/v1/dead-letters", [msgspec.json.encode(body) for body in bodies], {})
        for origin, problem, _ in self._letters:
            self._tally.reject(origin, problem)

    def _ask(self, path: str, lines: Sequence[bytes], params: dict[str, str | None]) -> list[dict[str, Any]]:
        answer = self._api.ask("POST", path, content=b"\n".join(lines), params=params, headers=_LINES)
        if not answer.is_success:
            raise ServerStopped(f"the server does not take them: {_title(answer)}")
        results: list[dict[str, Any]] = answer.json()
        return results


def _encoded(row: Row) -> bytes:
    """The body of a report; of a broken row its bytes, which will be sent as they are."""
    if row.report is None:
        return row.raw
    fields = msgspec.to_builtins(row.report)
    return msgspec.json.encode(fields.pop("extras") | fields)


def _title(answer: Answer) -> str:
    try:
        return str(answer.json()["title"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code}"
