"""kill -9 of the one process under load, again and again on the same file; the clients' own ledger is the oracle."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dispatcher.store import Store
from tests.chaos_size import chaos_seed, scaled
from tests.installation import Installation
from tests.integration.crash import verdict
from tests.integration.crash.crowd import Client
from tests.integration.crash.ledger import Ledger
from tests.integration.crash.trusting_pack import trusting_pack
from tests.warm_parent import Child, WarmParent

CLIENTS = 4


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_twenty_kills_lose_nothing_and_double_nothing(warm: WarmParent, tmp_path: Path) -> None:
    _kill_and_check(warm, tmp_path, kills=20, seed=20250112)


@pytest.mark.chaos
def test_two_hundred_kills_lose_nothing_and_double_nothing(warm: WarmParent, tmp_path: Path) -> None:
    _kill_and_check(warm, tmp_path, kills=scaled(200), seed=chaos_seed())


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_sigterm_under_load_is_in_order_each_time(warm: WarmParent, tmp_path: Path) -> None:
    """What was asked is answered or cut off, what was answered is there, and the exit code says that all went well."""
    _kill_and_check(warm, tmp_path, kills=4, seed=20250113, by=signal.SIGTERM)


def _kill_and_check(
    warm: WarmParent, folder: Path, *, kills: int, seed: int, by: signal.Signals = signal.SIGKILL
) -> None:
    installation = Installation(warm, folder / "var", LIANDONG_PACK=str(trusting_pack(folder)))
    ledger = Ledger(folder / "ledger.jsonl")
    clients = [Client(number, seed, installation.base, ledger) for number in range(CLIENTS)]
    server = installation.start()
    started = time.monotonic()
    for client in clients:
        client.start()
    dice = random.Random(seed)  # noqa: S311 - a test's dice
    if by == signal.SIGKILL:
        server = _kill_again_and_again(installation, server, dice, kills)
    else:
        server = _end_again_and_again(installation, server, dice, kills)
    for client in clients:
        client.enough.set()
    for client in clients:
        client.join(timeout=60)
    time.sleep(2.5)  # what is due by now rings, in this life at the latest
    ended_at = datetime.now(UTC)
    server.terminate()
    assert server.wait() == 0
    assert [client.failure for client in clients if client.failure] == []

    store = Store.open(f"sqlite:///{installation.folder / 'liandong.db'}")
    try:
        wrong = verdict.faults(store, ledger, ended_at)
        told = _figures(store, ledger, clients)
    finally:
        store.close()
    print(f"\nseed {seed}: {kills} kills in {time.monotonic() - started:.0f} s; {told}")  # noqa: T201 - a report
    assert wrong == [], f"seed {seed}: {len(wrong)} faults"
    assert told["reports"] > kills, "next to nothing happened between the kills"
    assert by == signal.SIGTERM or told["cut off"] > kills // 2, "the kills met nobody"


def _kill_again_and_again(installation: Installation, server: Child, dice: random.Random, kills: int) -> Child:
    """Every fourth life is ended while it starts, the others while they work; the last one lives."""
    for number in range(kills):
        if number % 4 == 3:
            time.sleep(dice.uniform(0.0, 0.6))
        else:
            installation.wait_until_ready(server)
            time.sleep(dice.uniform(0.01, 0.5))
        server.kill()
        assert server.wait() == -9
        server = installation.launch()
    installation.wait_until_ready(server)
    return server


def _end_again_and_again(installation: Installation, server: Child, dice: random.Random, times: int) -> Child:
    for _ in range(times):
        time.sleep(dice.uniform(0.3, 0.8))
        server.terminate()
        assert server.wait() == 0, installation.log.read_text(encoding="utf-8")
        assert not installation.server_file.exists()
        server = installation.start()
    return server


def _figures(store: Store, ledger: Ledger, clients: list[Client]) -> dict[str, int]:
    found = verdict.read(store)
    kinds = Counter(str(question["kind"]) for question in ledger.asked.values())
    return {
        "reports": kinds["report"],
        "incidents": len(found.incidents),
        "answers": sum(len(answers) for answers in ledger.answers.values()),
        "claims": kinds["claim"],
        "resolved": kinds["resolve"],
        "conflicts": kinds["conflict"],
        "breaches": sum(found.breaches.values()),
        "journal rows": len(found.rows),
        "cut off": sum(client.cut_off_count for client in clients),
    }
