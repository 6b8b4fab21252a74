"""docs/moves.md names every move, says rightly which go by topic, and all that it tells people to type parses."""

from __future__ import annotations

import re
import shlex

import pytest
from typer.main import get_command

from dispatcher.cli.main import app
from schemas.commands import BODIES, TOPIC_COMMANDS
from tests.conftest import PROJECT

_ROW = re.compile(r"^\| `([\w-]+)` \| (\S+) \| `liandong ([^`]+)`.*\| (yes|) ?\|$", re.MULTILINE)
_ROWS = _ROW.findall((PROJECT / "docs" / "moves.md").read_text(encoding="utf-8"))


def test_every_move_is_there_and_those_by_topic_are_marked() -> None:
    assert [verb for verb, *_ in _ROWS] == list(BODIES)
    assert tuple(verb for verb, _, _, topic in _ROWS if topic) == TOPIC_COMMANDS


@pytest.mark.parametrize(("verb", "typed"), [(verb, typed) for verb, _, typed, _ in _ROWS])
def test_what_is_typed_parses(verb: str, typed: str) -> None:
    name, *words = shlex.split(typed)
    assert name == verb
    get_command(app).commands[name].make_context(name, words)  # type: ignore[attr-defined]
