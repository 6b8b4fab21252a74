"""`liandong rules`: a pack is checked, published on the running server, and a broken one changes nothing."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from dispatcher.bootstrap import find_pack
from dispatcher.cli.rules import unknown_holidays
from routing_rules import load_pack
from tests.installation import Installation


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A copy of the pack qinggang, to be edited."""
    copy = tmp_path / "pack"
    shutil.copytree(find_pack("qinggang"), copy)
    return copy


def _edit(pack: Path, old: str, new: str) -> None:
    rules = pack / "rules.yaml"
    text = rules.read_text(encoding="utf-8")
    assert old in text
    rules.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_packs_that_ship_are_in_order(installation: Installation) -> None:
    for name in ("qinggang", "boston"):
        done = installation.typed("rules", "check", name)
        assert (done.returncode, "in order" in done.stdout) == (0, True), done.stderr


def test_years_whose_holidays_nobody_knows_are_warned_of(installation: Installation, pack: Path) -> None:
    bundle = load_pack(pack)
    assert list(unknown_holidays(bundle, 2024)) == []
    told = list(unknown_holidays(bundle, 2098))
    assert [re.findall(r"holidays of (\w+) are known for (\d+)", line) for line in told] == [
        [("CN", "2098")],
        [("CN", "2099")],
    ]
    done = installation.typed("rules", "check", str(pack))
    warned = list(unknown_holidays(bundle, datetime.now(UTC).year))
    assert f"({len(warned)} warnings)" in done.stdout
    assert all(f"warning: {line}" in done.stderr for line in warned)


def test_publishing_swaps_the_rules_of_a_running_server(served: Installation, pack: Path) -> None:
    before = served.said("report", "手机没信号", "--source-id", "before")
    _edit(pack, "send: {to: telecom, mode: first-claim}", "send: {to: desk-110, mode: first-claim}")
    _edit(pack, "finds: telecom/fault, owner: telecom}", "finds: telecom/fault, owner: desk-110}")
    _edit(pack, "finds: telecom/fault, owner: telecom, copies: none}", "finds: telecom/fault, owner: desk-110}")
    done = served.typed("rules", "publish", str(pack))
    assert (done.returncode, "published" in done.stdout) == (0, True), done.stderr
    after = served.said("report", "手机没信号", "--source-id", "after")
    assert (before["owner"], after["owner"]) == ("telecom", "desk-110")
    assert before["bundle"] != after["bundle"]
    assert after["bundle"] in done.stdout
    assert "was active already" in served.typed("rules", "publish", str(pack)).stdout
    assert served.said("report", "手机没信号", "--source-id", "before") == before, "an answer given stays as it was"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("claim: 20m always", "claim: [20m always", "rules.yaml"),
        ("to: urban-lighting", "to: urban-lightning", "urban-lightning"),
        ("category: gas/leak", "category: gas/leek", "gas/leek"),
        ("claim: 5m always", "claim: 5 fortnights", "fortnights"),
    ],
    ids=["no YAML", "unknown responder", "unknown category", "unknown unit"],
)
def test_a_broken_pack_is_refused_by_file_line_and_column_and_the_old_one_serves_on(
    served: Installation, pack: Path, old: str, new: str, told: str
) -> None:
    _edit(pack, old, new)
    with httpx.Client(base_url=served.base, trust_env=False) as http:
        before = http.get("/api/v1/bundles/active").json()
        for command in ("check", "publish"):
            code, said = served.refused("rules", command, str(pack))
            assert (code, told in said) == (1, True), said
            assert re.search(r"rules\.yaml:\d+:\d+: ", said), said
        assert http.get("/api/v1/bundles/active").json() == before


def test_an_expectation_that_does_not_hold_stops_publishing(served: Installation, pack: Path) -> None:
    _edit(pack, "to: telecom, mode: first-claim", "to: power, mode: first-claim")
    code, said = served.refused("rules", "publish", str(pack))
    assert code == 1
    assert re.search(r"rules\.yaml:\d+:\d+: .*telecom", said), said


@pytest.mark.parametrize("command", ["check", "publish"])
def test_an_unknown_pack_is_named_with_the_choices(installation: Installation, command: str) -> None:
    code, said = installation.refused("rules", command, "no-such-pack")
    assert code == 2
    assert "no pack 'no-such-pack': neither a folder nor one of boston, qinggang" in said


def test_a_folder_without_a_pack_is_refused(installation: Installation, tmp_path: Path) -> None:
    code, said = installation.refused("rules", "check", str(tmp_path))
    assert code == 1
    assert str(tmp_path) in said


def test_without_a_server_the_rules_are_published_into_the_database(installation: Installation, pack: Path) -> None:
    first = installation.said("report", "手机没信号")
    _edit(pack, "claim: 60m always, fix: 2wd", "claim: 61m always, fix: 2wd")
    assert "published" in installation.typed("rules", "publish", str(pack)).stdout
    assert installation.said("report", "手机没信号")["bundle"] != first["bundle"]
