"""docs/lifecycle.md is what the table prints."""

from dispatcher.cli.lifecycle_page import PAGE, main
from dispatcher.core.lifecycle import edges
from dispatcher.core.lifecycle_page import lifecycle_page
from schemas.commands import BODIES


def test_the_page_is_current() -> None:
    assert main(["--check"]) == 0
    assert PAGE.read_text(encoding="utf-8") == lifecycle_page()


def test_every_command_and_every_edge_is_on_it() -> None:
    page = lifecycle_page()
    assert all(f"| {verb} |" in page for verb in BODIES)
    assert all(f"    {one} --> {other}: " in page for one, other in edges())
