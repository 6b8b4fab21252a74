from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from schemas.asyncapi import asyncapi
from schemas.generate import differences, generated, write
from schemas.openapi import openapi


def test_every_schema_is_one() -> None:
    for document in (openapi(), asyncapi()):
        for schema in document["components"]["schemas"].values():
            Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("document", [openapi(), asyncapi()], ids=["openapi", "asyncapi"])
def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in references(document):
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        assert found


def references(part: object) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return own + [one for value in part.values() for one in references(value)]
    return [one for value in part for one in references(value)] if isinstance(part, list) else []


def test_nothing_differs_after_writing_and_every_change_is_seen(tmp_path: Path) -> None:
    wanted = generated()
    write(tmp_path, wanted)
    assert list(differences(tmp_path, wanted)) == []
    (tmp_path / "old.schema.json").write_text("{}\n", encoding="utf-8")
    (tmp_path / "openapi.json").write_text("{}\n", encoding="utf-8")
    (tmp_path / "asyncapi.yaml").unlink()
    changed = {line[4:].partition(" ")[0] for line in differences(tmp_path, wanted) if line.startswith("--- ")}
    assert changed == {"old.schema.json", "openapi.json", "asyncapi.yaml"}
    write(tmp_path, wanted)
    assert list(differences(tmp_path, wanted)) == []


def test_a_report_says_what_it_needs() -> None:
    report = openapi()["components"]["schemas"]["Report"]
    assert sorted(report["required"]) == ["source", "source_id"]
