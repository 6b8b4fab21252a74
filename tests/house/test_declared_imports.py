"""What the application imports is declared as its dependency, not borrowed from the development tools or from below."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import PROJECT
from tests.house.tracked_files import python_files

_PACKAGES = ("connectors", "dispatcher", "routing_rules", "schemas")
_OWN_WHEEL = PROJECT / "connectors" / "department_sdk"
# Parts of faust-streaming that it brings and re-exports as its own API.
_OF_FAUST = {"mode"}


def _declared() -> set[str]:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]
    return {canonicalize_name(Requirement(line).name) for line in lines}


@pytest.mark.parametrize("package", _PACKAGES)
def test_every_foreign_import_is_a_declared_dependency(package: str) -> None:
    distributions = packages_distributions()
    borrowed = {
        f"{file.relative_to(PROJECT)}: {module}"
        for file in python_files()
        if file.is_relative_to(PROJECT / package) and not file.is_relative_to(_OWN_WHEEL)
        for module in _foreign_modules(file)
        if not {canonicalize_name(name) for name in distributions.get(module, ())} & _declared()
    }
    assert sorted(borrowed) == []


def test_a_borrowed_import_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "borrows.py"
    file.write_text("import os\nimport attrs.validators\nfrom schemas import x\nfrom . import y\n", encoding="utf-8")
    assert set(_foreign_modules(file)) == {"attrs"}
    assert "attrs" not in _declared()


def _foreign_modules(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_bytes())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module]
        tops = {name.partition(".")[0] for name in names}
        yield from tops - sys.stdlib_module_names - {*_PACKAGES, "deploy"} - _OF_FAUST
