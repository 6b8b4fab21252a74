"""Photos and voice notes from a terminal, beside a running server and without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.installation import Installation
from tests.unit.attachments.picture_making import photo
from tests.unit.attachments.test_sounds import AMR


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    picture, sound = tmp_path / "my street.html", tmp_path / "voice"
    picture.write_bytes(photo())
    sound.write_bytes(AMR)
    return str(picture), str(sound)


def test_a_report_and_its_answers_bring_files(served: Installation, files: tuple[str, str]) -> None:
    picture, sound = files
    told = served.said("report", "路灯坏了", "--source-id", "a1", "--attach", picture, "--attach", sound)
    again = served.said("report", "路灯坏了", "--source-id", "a1", "--attach", picture, "--attach", sound)
    assert again == told
    incident_id = told["incident_id"]
    served.typed("claim", incident_id, "--as", "urban-lighting")
    noted = served.typed("progress", incident_id, "看过了", "--attach", picture)
    assert noted.returncode == 0, noted.stderr
    resolved = served.typed("resolve", incident_id, "--outcome", "换了灯泡", "--attach", picture)
    assert "resolved" in resolved.stdout, resolved.stderr
    story = served.typed("show", incident_id).stdout
    assert (story.count("image/jpeg, "), story.count("80×40"), story.count("audio/amr")) == (3, 3, 1)
    assert "my street" not in story


def test_files_may_be_sent_by_themselves(installation: Installation, files: tuple[str, str]) -> None:
    """No server runs: the command opens the database itself."""
    sent = installation.typed("attach", *files)
    assert sent.returncode == 0, sent.stderr
    one, two = sent.stdout.split()
    assert one != two
    assert len(list((Path(installation.environment["LIANDONG_VAR"]) / "files").glob("*/*"))) == 3


def test_what_is_refused_is_said(served: Installation, tmp_path: Path) -> None:
    page = tmp_path / "photo.jpg"
    page.write_text("<html>")
    refused = served.typed("report", "路灯坏了", "--attach", str(page))
    assert refused.returncode == 1
    assert "UnsupportedFile" in refused.stderr
    missing = served.typed("attach", str(tmp_path / "nowhere.jpg"))
    assert missing.returncode == 2
