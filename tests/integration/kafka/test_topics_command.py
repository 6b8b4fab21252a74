"""`liandong topics create`, as it is typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from schemas import topics


def create(environment: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    """A process of its own, since the command sets up the logs of its process."""
    argv = [str(Path(sys.executable).with_name("liandong")), "topics", "create", *options]
    return subprocess.run(argv, env=os.environ | environment, capture_output=True, text=True, check=False)


@pytest.fixture
def environment(tmp_path: Path, sqlite_url: str) -> dict[str, str]:
    return {"LIANDONG_VAR": str(tmp_path), "LIANDONG_DATABASE": sqlite_url, "LIANDONG_PACK": "qinggang"}


def test_it_says_what_it_made_and_can_be_run_again(kafka_bootstrap: str, environment: dict[str, str]) -> None:
    environment["LIANDONG_KAFKA"] = kafka_bootstrap
    first = create(environment)
    assert first.returncode == 0, first.stderr
    again = create(environment, "--json")
    told = {it["topic"]: it["what"] for it in json.loads(again.stdout)}
    assert set(told.values()) == {"there"}
    assert {topics.REPORTS, topics.notices("water-works"), topics.commands("search-team")} <= told.keys()
    assert {line.split()[1] for line in first.stdout.splitlines()} == told.keys()


@pytest.mark.parametrize(
    ("broker", "code", "sentence"),
    [("", 2, "LIANDONG_KAFKA must name a broker"), ("127.0.0.1:1", 1, "the broker at 127.0.0.1:1 does not answer")],
)
def test_without_a_broker_it_says_so(environment: dict[str, str], broker: str, code: int, sentence: str) -> None:
    done = create(environment | {"LIANDONG_KAFKA": broker})
    assert (done.returncode, sentence in done.stderr) == (code, True)
