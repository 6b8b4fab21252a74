"""pyproject.toml, requirements.lock and docs/dependencies.md speak of the same packages."""

from __future__ import annotations

import re
import tomllib
from itertools import chain

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import PROJECT


def _direct() -> dict[str, Requirement]:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    optional = chain.from_iterable(project["project"]["optional-dependencies"].values())
    lines = [*project["project"]["dependencies"], *optional, *project["dependency-groups"]["dev"]]
    return {canonicalize_name(requirement.name): requirement for requirement in map(Requirement, lines)}


def _locked() -> dict[str, tuple[str, int]]:
    """Version and number of hashes of each pinned package."""
    text = (PROJECT / "requirements.lock").read_text(encoding="utf-8")
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)
    pins = (re.match(r"([\w.-]+)(?:\[.*?\])?==([^\s;]+)", entry) for entry in entries)
    return {
        canonicalize_name(pin[1]): (pin[2], entry.count("--hash=sha256:"))
        for pin, entry in zip(pins, entries, strict=True)
        if pin
    }


def _documented() -> set[str]:
    page = (PROJECT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    return {canonicalize_name(name) for name in re.findall(r"^\| `([\w.-]+)` \|", page, flags=re.MULTILINE)}


@pytest.mark.parametrize("name", sorted(_direct()))
def test_a_direct_dependency_is_pinned_within_its_bounds(name: str) -> None:
    assert name in _locked(), "run `make lock`"
    version, _ = _locked()[name]
    assert _direct()[name].specifier.contains(version, prereleases=True), "run `make lock`"


def test_every_pin_has_hashes() -> None:
    assert [name for name, (_, hashes) in _locked().items() if hashes == 0] == []


def test_the_page_names_the_direct_dependencies_and_no_others() -> None:
    assert _documented() == set(_direct())
