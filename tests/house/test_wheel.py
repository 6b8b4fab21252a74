"""The wheel holds the application and all its data files, and nothing else of ours."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.house.tracked_files import tracked_files

_PACKAGES = ("connectors", "dispatcher", "routing_rules", "schemas")
_OWN_WHEEL = PROJECT / "connectors" / "department_sdk"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", f"{folder}"]
    subprocess.run(command, cwd=PROJECT, check=True, capture_output=True)
    (built,) = folder.glob("liandong-*.whl")
    return zipfile.ZipFile(built)


def test_every_file_of_the_application_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    ours = {path for name in _PACKAGES for path in tracked_files() if path.is_relative_to(PROJECT / name)}
    wanted = {str(path.relative_to(PROJECT)) for path in ours if not path.is_relative_to(_OWN_WHEEL)}
    assert wanted - set(wheel.namelist()) == set()


def test_nothing_but_the_application_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    rooms = {Path(name).parts[0] for name in wheel.namelist()}
    assert {room for room in rooms if not room.endswith(".dist-info")} <= set(_PACKAGES)
    assert not [name for name in wheel.namelist() if name.startswith("connectors/department_sdk")]


def test_the_wheel_brings_the_command(wheel: zipfile.ZipFile) -> None:
    (entry_points,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert "liandong = dispatcher.cli:main" in wheel.read(entry_points).decode()
