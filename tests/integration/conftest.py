from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.warm_parent import WarmParent


@pytest.fixture(scope="session")
def warm() -> Iterator[WarmParent]:
    """Runs `liandong` commands without their second of imports."""
    with WarmParent() as parent:
        yield parent
