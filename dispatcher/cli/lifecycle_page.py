"""`python -m dispatcher.cli.lifecycle_page` writes docs/lifecycle.md; with --check it says whether it is current."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from dispatcher.core.lifecycle_page import lifecycle_page

PAGE: Final = Path(__file__).parents[2] / "docs" / "lifecycle.md"


def main(arguments: Sequence[str]) -> int:
    text = lifecycle_page()
    if "--check" not in arguments:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    current = PAGE.exists() and PAGE.read_text(encoding="utf-8") == text
    if not current:
        print("docs/lifecycle.md is not current: run make generate")
    return 0 if current else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
