"""A disk that is really full, under the real server: a tmpfs of a few MiB and a ballast file.

Where nothing may be mounted, test_store_away.py shows the same with a limit on the size of files.
"""

from __future__ import annotations

import errno
import os
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from dispatcher.store import Store
from schemas.events import ClockBreached
from tests.installation import Installation
from tests.integration.crash.trusting_pack import trusting_pack
from tests.warm_parent import WarmParent

_DISK: Final = "6m"
_LEFT_BYTES: Final = 300_000
_RECOVERY_S: Final = 5.0
pytestmark = pytest.mark.slow


class SmallDisk:
    """`full` puts ballast on it, `free` takes it away."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def full(self, *, left: int = 0) -> None:
        """All but so many bytes."""
        with self._ballast.open("ab", buffering=0) as file:
            try:
                while file.write(bytes(65_536)):
                    pass
            except OSError as error:
                assert error.errno == errno.ENOSPC  # noqa: PT017 - it is how one learns that it is full
        os.truncate(self._ballast, max(0, self._ballast.stat().st_size - left))

    def free(self) -> None:
        self._ballast.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"nothing may be mounted here: {mounted.stderr.strip()}")
    yield SmallDisk(folder)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _report(number: int, **more: object) -> dict[str, object]:
    text = f"{number} " + "家里停水了" * 4_000  # 60 kB: a page or two are always left somewhere
    return {"source": "ledger", "source_id": str(number), "text": text, "category": "water/outage", **more}


def _post(http: httpx.Client, body: dict[str, object]) -> httpx.Response:
    return http.post("/api/v1/reports", json=body)


def _is_away(answer: httpx.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["content-type"] == "application/problem+json"
    assert "nothing was acknowledged" in answer.json()["detail"]


def test_a_full_disk_is_503_loses_nothing_and_is_over_when_there_is_space(
    warm: WarmParent, disk: SmallDisk, tmp_path: Path
) -> None:
    installation = Installation(warm, disk.folder / "var", LIANDONG_PACK=str(trusting_pack(tmp_path)))
    installation.log = tmp_path / "log"
    taken: dict[int, Any] = {}
    with installation.serving() as http:
        taken[0] = _post(http, _report(0, due={"claim_at": _soon(), "resolution_at": None})).json()
        taken[1] = _post(http, _report(1)).json()
        disk.full(left=_LEFT_BYTES)
        refused = _fill(http, taken)
        _is_readable(http, taken)
        _repeats_are_safe(http, taken)
        claim = f"/api/v1/incidents/{taken[1]['incident_id']}/claim"
        early = http.post(claim, json=_answer(), headers={"idempotency-key": "c-1"})
        assert early.status_code in {200, 503}, early.text  # a small one may still find room
        time.sleep(0.5)  # its alarm is due by now, and cannot be written
        disk.free()
        freed_at = time.monotonic()
        for number in refused:
            taken[number] = _until_taken(http, _report(number), freed_at)
        claimed = http.post(claim, json=_answer(), headers={"idempotency-key": "c-1"})
        assert claimed.status_code == 200, claimed.text
        assert early.status_code == 503 or early.json() == claimed.json()
        _wait_until_ready(http)
        _wait_until_rung(http, taken[0]["incident_id"])
    _holds(installation, taken, rung=taken[0]["incident_id"])


def _soon() -> str:
    return (datetime.now(UTC) + timedelta(seconds=1)).isoformat()


def _answer() -> dict[str, object]:
    return {"responder": "water-works", "note": "x" * 3_900}


def _fill(http: httpx.Client, taken: dict[int, Any]) -> list[int]:
    """Reports until the disk is full, and some more: from then on each is refused."""
    number = len(taken)
    while (answer := _post(http, _report(number))).status_code == 201:
        taken[number] = answer.json()
        number += 1
    refused = list(range(number, number + 5))
    _is_away(answer)
    for each in refused:
        _is_away(_post(http, _report(each)))
    return refused


def _is_readable(http: httpx.Client, taken: dict[int, Any]) -> None:
    assert http.get("/livez").status_code == 200
    assert http.get("/").status_code == 200
    listed = http.get("/api/v1/incidents", params={"limit": 100}).json()["items"]
    assert {item["incident_id"] for item in listed} == {answer["incident_id"] for answer in taken.values()}
    for answer in taken.values():
        assert http.get(f"/api/v1/incidents/{answer['incident_id']}").status_code == 200


def _repeats_are_safe(http: httpx.Client, taken: dict[int, Any]) -> None:
    """A known report needs no space: its first answer, or a 503, and nothing else."""
    for number, first in list(taken.items())[1:]:
        again = _post(http, _report(number))
        assert again.status_code == 503 or (again.status_code, again.json()) == (200, first)


def _until_taken(http: httpx.Client, body: dict[str, object], freed_at: float) -> Any:
    while (answer := _post(http, body)).status_code == 503:
        assert time.monotonic() - freed_at < _RECOVERY_S, "there is space, and it is not used"
        time.sleep(0.05)
    assert answer.status_code == 201, answer.text  # had it been kept after all, this would be a repeat
    return answer.json()


def _wait_until_ready(http: httpx.Client) -> None:
    give_up_at = time.monotonic() + 10
    while (answer := http.get("/readyz")).status_code != 200:
        assert time.monotonic() < give_up_at, answer.text
        time.sleep(0.05)


def _wait_until_rung(http: httpx.Client, incident_id: str) -> None:
    """The alarm that could not be written while it was due."""
    give_up_at = time.monotonic() + 10
    while "ClockBreached" not in (told := http.get(f"/api/v1/incidents/{incident_id}/timeline").text):
        assert time.monotonic() < give_up_at, told[:500]
        time.sleep(0.05)


def _holds(installation: Installation, taken: dict[int, Any], *, rung: str) -> None:
    store = Store.open(f"sqlite:///{installation.folder / 'liandong.db'}")
    try:
        assert store.verify_journal() is None
        ids = {answer["report_id"] for answer in taken.values()}
        assert len(ids) == len(taken)
        assert store.bodies(ids).keys() == ids
        rows = store.journal_after(0, 10_000)
        assert [row.position for row in rows] == list(range(1, len(rows) + 1))
        events = [event for row in store.journal_of(rung) for event in row.events]
        assert sum(isinstance(event, ClockBreached) and event.clock == "claim" for event in events) == 1
        with store.reading() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
    finally:
        store.close()


def test_on_a_full_disk_it_does_not_start_and_says_why(warm: WarmParent, disk: SmallDisk, tmp_path: Path) -> None:
    installation = Installation(warm, disk.folder / "var")
    installation.log = tmp_path / "log"
    with installation.serving() as http:
        assert _post(http, _report(1) | {"source": "110"}).status_code == 201
    disk.full()
    code, said = installation.refused("serve")
    assert code > 0, f"ended by signal {-code}"
    assert "disk" in said or "space" in said, said
    disk.free()
    with installation.serving() as http:
        assert len(http.get("/api/v1/incidents").json()["items"]) == 1
