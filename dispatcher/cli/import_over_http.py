"""An import into a running server, which alone writes to its database: rows go to its door in small batches."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from dispatcher.cli.api_client import Answer, Api, NoAnswer
from dispatcher.loops.file_rows import BROKEN, Row, pieces
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
        self._opened_last: str | None = None

    def take(self, rows: Iterable[Row], stopping: Callable[[], bool], done: Callable[[str | None], None]) -> bool:
        """False = `stopping` said so before the end. Raises ServerStopped.

        `done` is told after each piece which incident its rows opened last, None = none.
        """
        for piece in pieces(rows):
            if stopping():
                return False
            self._opened_last = None
            self._send(piece)
            done(self._opened_last)
        return True

    def knows(self, incident_id: str) -> bool:
        return self._answer("GET", f"/api/v1/incidents/{incident_id}").is_success

    def _send(self, piece: Sequence[Row]) -> None:
        reports: list[tuple[str, bytes]] = []
        letters: list[tuple[str, bytes, str]] = []
        for row in piece:
            origin, encoded = f"{self._file}:{row.line}", _encoded(row)
            if row.report is None:
                letters.append((origin, row.raw, row.problem or ""))
            elif len(encoded) > _ROOM:
                letters.append((origin, encoded, f"is larger than {_ROOM} bytes"))
            else:
                reports.append((origin, encoded))
        self._tally.read(len(piece))
        for lines in _fitting(reports):
            results = self._ask("/api/v1/reports:batch", [encoded for _, encoded in lines], self._params)
            for (origin, _), result in zip(lines, results, strict=True):
                self._count(origin, result)
        self._keep(letters)

    def _keep(self, letters: Sequence[tuple[str, bytes, str]]) -> None:
        bodies = [
            DeadLetterBody(raw=raw, reason=BROKEN, origin=origin, headers={PROBLEM: problem})
            for origin, raw, problem in letters
        ]
        for lines in _fitting([(body.origin, msgspec.json.encode(body)) for body in bodies]):
            self._ask("/api/v1/dead-letters", [encoded for _, encoded in lines], {})
        for origin, _, problem in letters:
            self._tally.reject(origin, problem)

    def _count(self, origin: str, result: dict[str, Any]) -> None:
        if result["status"] == 201 and not result["joined"]:
            self._opened_last = result["incident_id"]
        if result["status"] in (200, 201):
            self._tally.take(result["owner"], joined=result["joined"], repeated=result["status"] == 200)
        else:
            self._tally.reject(origin, result["title"])

    def _ask(self, path: str, lines: Sequence[bytes], params: dict[str, str | None]) -> list[dict[str, Any]]:
        answer = self._answer("POST", path, content=b"\n".join(lines), params=params, headers=_LINES)
        if not answer.is_success:
            raise ServerStopped(f"the server does not take them: {_title(answer)}")
        results: list[dict[str, Any]] = answer.json()
        return results

    def _answer(self, method: str, path: str, **more: Any) -> Answer:  # noqa: ANN401 - as Api.attempt has them
        try:
            return self._api.attempt(method, path, **more)
        except NoAnswer as error:
            raise ServerStopped(str(error)) from error


def _encoded(row: Row) -> bytes:
    """The body of a report."""
    fields = msgspec.to_builtins(row.report)
    return msgspec.json.encode(fields.pop("extras") | fields) if fields else b""


def _fitting(lines: Iterable[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    """Cut so that each part fits into a request; a line that alone does not is a part of its own."""
    part: list[tuple[str, bytes]] = []
    size = 0
    for line in lines:
        if part and size + len(line[1]) > _ROOM:
            yield part
            part, size = [], 0
        part.append(line)
        size += len(line[1]) + 1
    if part:
        yield part


def _title(answer: Answer) -> str:
    try:
        return str(answer.json()["title"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code}"
