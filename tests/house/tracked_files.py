"""What git knows of this checkout."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

from tests.conftest import PROJECT


@cache
def tracked_files() -> tuple[Path, ...]:
    """Every file under version control that is there, and those about to be: new files that are not ignored."""
    told = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    return tuple(path for name in sorted(set(told.split("\0")) - {""}) if (path := PROJECT / name).is_file())


def python_files() -> tuple[Path, ...]:
    return tuple(path for path in tracked_files() if path.suffix == ".py")
