"""The build fails when a setting or a metric is not documented."""

from __future__ import annotations

import re

from dispatcher.metrics import Metrics
from tests.conftest import PROJECT


def _words(page: str) -> set[str]:
    return set(re.findall(r"`([\w]+)`", (PROJECT / "docs" / page).read_text(encoding="utf-8")))


def test_every_metric_is_documented_and_every_documented_one_exists() -> None:
    known = set()
    for family in Metrics().registry.collect():
        known.add(f"{family.name}_total" if family.type == "counter" else family.name)
    told = {word for word in _words("metrics.md") if word.startswith("dispatch_")}
    assert told == known


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    read = set(re.findall(r'"(LIANDONG_\w+)"', (PROJECT / "dispatcher" / "settings.py").read_text(encoding="utf-8")))
    told = {word for word in _words("settings.md") if word.startswith("LIANDONG_")}
    ours_for_tests = {word for word in told if re.search("TEST|SHARED|LIBS|REQUIRE", word)}
    assert told - ours_for_tests == read
