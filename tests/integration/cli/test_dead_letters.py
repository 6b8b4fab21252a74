"""Dead letters, erasing and replay typed in a terminal: beside a running server and without one."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import time
import uuid
from pathlib import Path

import httpx
import pytest

from tests.installation import Installation

LAMP = "泰和街21号门前路灯坏了"
NAME = "Erfundene Ulrike"


def kept(at: Installation, *raws: bytes, reason: str = "broken-row") -> list[str]:
    """As an import keeps them."""
    token = json.loads(at.server_file.read_text())["token"]
    origin = f"{uuid.uuid4().hex}.csv"
    items = [
        {"raw": base64.b64encode(raw).decode(), "reason": reason, "origin": f"{origin}:{line}"}
        for line, raw in enumerate(raws)
    ]
    headers = {"authorization": f"Bearer {token}"}
    answer = httpx.post(f"{at.base}/api/v1/dead-letters", json=items, headers=headers, trust_env=False)
    return [item["letter_id"] for item in answer.json()]


def test_a_letter_is_found_looked_at_corrected_and_redriven(served: Installation, tmp_path: Path) -> None:
    (letter,) = kept(served, b"\xffpath\x00")
    assert letter in served.typed("deadletters", "list").stdout
    assert "ff 70 61 74 68 00" in served.typed("deadletters", "show", letter).stdout
    code, told = served.refused("deadletters", "redrive", letter)
    assert code == 1
    assert "not-json" in told
    corrected = tmp_path / "corrected.json"
    corrected.write_text(json.dumps({"text": LAMP}, ensure_ascii=False), encoding="utf-8")
    assert "open" in served.typed("deadletters", "fix", letter, str(corrected)).stdout
    assert "open, fixed" in served.typed("deadletters", "list").stdout
    told = served.typed("deadletters", "redrive", letter).stdout
    assert told.startswith(f"{letter}  redriven  incident ")
    again = served.said("deadletters", "redrive", letter)
    assert (again[0]["repeated"], again[0]["report"]["category"]) == (True, "lighting/streetlight")
    assert letter not in served.typed("deadletters", "list").stdout
    assert letter in served.typed("deadletters", "list", "--state", "redriven").stdout
    assert LAMP in served.typed("deadletters", "show", letter).stdout


def test_an_editor_may_be_used(served: Installation, tmp_path: Path) -> None:
    (letter,) = kept(served, b'{"txt": "lamp"}')
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i s/txt/text/ "$1"\n')
    editor.chmod(0o755)
    fixed = served.typed("deadletters", "fix", letter, "--edit", EDITOR=str(editor))
    assert fixed.returncode == 0, fixed.stderr
    assert "redriven" in served.typed("deadletters", "redrive", letter).stdout


@pytest.mark.parametrize(("editor", "told"), [("true", "nothing was changed"), ("false", "did not end well")])
def test_an_editor_that_changed_nothing_changes_nothing(served: Installation, editor: str, told: str) -> None:
    (letter,) = kept(served, b"{")
    assert told in served.refused("deadletters", "fix", letter, "--edit", EDITOR=editor)[1]
    assert "fixed" not in served.said("deadletters", "show", letter)["state"]


def test_all_of_a_reason_are_tried_and_what_stays_is_counted(served: Installation) -> None:
    lamps = [json.dumps({"text": LAMP, "place": str(n)}).encode() for n in range(4)]
    good = kept(served, *lamps[:3], reason="was-down")
    (bad,) = kept(served, b"{", reason="was-down: worse")
    (other,) = kept(served, lamps[3], reason="another")
    done = served.typed("deadletters", "redrive", "--all", "--reason", "was-down")
    assert done.returncode == 1
    assert done.stdout.split() == ["redriven", "3", "stay", "1", "not-json"]
    open_ones = served.typed("deadletters", "list", "--json").stdout
    assert all(letter not in open_ones for letter in good)
    assert bad in open_ones
    assert other in open_ones
    assert served.typed("deadletters", "discard", bad).stdout.strip() == f"{bad}  discarded"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("deadletters", "redrive"), "name dead letters"),
        (("deadletters", "redrive", "X", "--all"), "name dead letters"),
        (("deadletters", "redrive", "X"), "UnknownLetter"),
        (("deadletters", "show", "X"), "UnknownLetter"),
        (("deadletters", "fix", "X", "/nowhere/at/all"), "No such file"),
        (("deadletters", "list", "--state", "lost"), "BadParameter"),
        (("erase", "X"), "UnknownReport"),
        (("erase", "X", "--all", "--body"), "one of"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(served: Installation, words: tuple[str, ...], told: str) -> None:
    assert told in served.refused(*words)[1]


def test_without_a_server_and_nothing_of_an_erased_text_is_left(installation: Installation) -> None:
    """Reported, erased and replayed with nobody serving; then the folder is searched."""
    words = ("report", f"{LAMP}, sagt {NAME}", "--source-id", "7", "--name", NAME, "--place", f"bei {NAME}")
    taken = installation.said(*words)
    assert lingering(installation) > 0
    assert installation.typed("erase", taken["report_id"]).stdout.strip() == "erased 1 texts"
    assert installation.typed("erase", taken["report_id"]).stdout.strip() == "nothing was left to erase"
    assert lingering(installation) == 0
    assert installation.said(*words) == taken
    assert lingering(installation) == 0
    assert "BodyErased" in installation.typed("show", taken["incident_id"]).stdout
    replayed = installation.typed("replay")
    assert (replayed.returncode, "equal" in replayed.stdout) == (0, True), replayed.stdout + replayed.stderr


def test_nothing_is_left_while_the_server_runs_on(installation: Installation) -> None:
    taken: dict[str, str] = {}
    with installation.serving() as http:
        for number in range(40):
            text = f"{LAMP} {number}, sagt {NAME}"
            body = {"source": "110", "source_id": str(number), "text": text, "place": "泰和街21号"}
            taken = http.post("/api/v1/reports", json=body).json()
        incident_id = taken["incident_id"]
        installation.typed("claim", incident_id, "--as", "urban-lighting", "--note", f"{NAME} war da")
        installation.typed("resolve", incident_id, "--as", "urban-lighting", "--outcome", f"{NAME} sah zu")
        assert NAME in installation.typed("show", incident_id).stdout
        erased = installation.said("erase", incident_id, "--all")
        assert len(erased["refs"]) == 42
        give_up_at = time.monotonic() + 20
        while lingering(installation) and time.monotonic() < give_up_at:
            time.sleep(0.5)
        assert lingering(installation) == 0
        assert NAME not in installation.typed("show", incident_id).stdout


def lingering(at: Installation) -> int:
    """How often the name stands in any file of the installation."""
    files = [Path(folder) / name for folder, _, names in os.walk(at.folder) for name in names]
    return sum(file.read_bytes().count(NAME.encode()) for file in files)


def test_replay_goes_on_beside_a_server_and_names_what_was_changed(installation: Installation) -> None:
    with installation.serving():
        incident_id = installation.said("report", LAMP)["incident_id"]
        told = installation.said("replay")
        assert (told["is_equal"], told["incidents_count"]) == (True, 1)
        code, sentence = installation.refused("replay", "--repair")
        assert (code, "another Liandong process" in sentence) == (2, True)
    with sqlite3.connect(installation.folder / "liandong.db") as database:
        database.execute("UPDATE incidents SET owner = 'nobody'")
    code, sentence = installation.refused("replay")
    assert code == 1
    assert f"incident {incident_id}: incidents.owner is nobody, the journal tells urban-lighting" in sentence
    assert "put right: 1 rows" in installation.typed("replay", "--repair").stdout
    assert installation.typed("replay").returncode == 0
    with sqlite3.connect(installation.folder / "liandong.db") as database:
        database.execute("UPDATE journal SET actor = 'nobody' WHERE position = 1")
    assert "journal row 1 was changed" in installation.refused("replay")[1]


def test_there_must_be_something_to_replay(installation: Installation) -> None:
    assert "there is no database" in installation.refused("replay")[1]


def test_killed_in_the_middle_of_a_redrive_nothing_is_lost_and_nothing_twice(installation: Installation) -> None:
    """By kill -9, while 120 letters go through one by one; then the same again, to the end."""
    with installation.serving():
        bodies = [json.dumps({"text": LAMP, "location": {"lat": 46.5 + n / 300, "lon": 126.1}}) for n in range(120)]
        letters = kept(installation, *(body.encode() for body in bodies))
    server = installation.start()
    redriving = installation.launch("deadletters", "redrive", "--all")
    database = sqlite3.connect(installation.folder / "liandong.db")
    while database.execute("SELECT count(*) FROM letters WHERE state = 'redriven'").fetchone()[0] < 20:
        assert redriving.poll() is None
    server.kill()
    server.wait()
    assert redriving.wait() != 0
    half = database.execute("SELECT count(*) FROM letters WHERE state = 'redriven'").fetchone()[0]
    assert 20 <= half < len(letters)
    assert installation.typed("deadletters", "redrive", "--all").returncode == 0
    states = database.execute("SELECT state, count(*) FROM letters GROUP BY 1").fetchall()
    assert states == [("redriven", len(letters))]
    made = database.execute("SELECT count(*), count(DISTINCT incident_id) FROM letters").fetchone()
    assert made == (len(letters), len(letters))
    assert database.execute("SELECT count(*) FROM incidents").fetchone()[0] == len(letters)
    database.close()
    assert installation.typed("replay").returncode == 0
