from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installation import Installation
from tests.warm_parent import WarmParent


@pytest.fixture
def installation(warm: WarmParent, tmp_path: Path) -> Installation:
    """Nothing runs yet, nothing is there yet."""
    return Installation(warm, tmp_path / "var")


@pytest.fixture(scope="module")
def served(warm: WarmParent, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A server that the tests of one file share."""
    installation = Installation(warm, tmp_path_factory.mktemp("served") / "var")
    with installation.serving():
        yield installation
