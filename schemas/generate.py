"""`python -m schemas.generate` writes schemas/generated; with --check it only says what is not current (exit 1)."""

import difflib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec
import yaml
from msgspec import Struct

from schemas import events, incidents, notices, outcomes, reports, views
from schemas.asyncapi import asyncapi
from schemas.commands import BODIES
from schemas.json_schema import Schema, document
from schemas.openapi import openapi

FOLDER: Final = Path(__file__).parent / "generated"
_TYPES: Final[tuple[type[Struct], ...]] = (
    reports.Report,
    reports.ReportAnswer,
    *sorted({body for body, _ in BODIES.values()}, key=lambda body: body.__name__),
    outcomes.CommandAnswer,
    outcomes.ReporterAnswer,
    incidents.Incident,
    events.JournalRow,
    notices.Notice,
    notices.IncidentEventTold,
    views.IncidentList,
    views.IncidentDetail,
    views.Timeline,
    views.IncidentExplanation,
    views.Problem,
)


def generated() -> dict[str, str]:
    """Text by file name."""
    files = {"openapi.json": _json(openapi()), "asyncapi.yaml": _yaml(asyncapi())}
    return files | {f"{_file_name(kind)}.schema.json": _json(document(kind)) for kind in _TYPES}


def differences(folder: Path, wanted: dict[str, str]) -> Iterator[str]:
    """Lines of a diff from what lies there to what should."""
    there = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*")) if path.is_file()}
    for name in sorted(there.keys() | wanted.keys()):
        before, after = there.get(name, ""), wanted.get(name, "")
        yield from difflib.unified_diff(
            before.splitlines(), after.splitlines(), name, f"{name} (generated)", lineterm=""
        )


def write(folder: Path, wanted: dict[str, str]) -> None:
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*"):
        if path.is_file() and path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8")


def main(arguments: Sequence[str]) -> int:
    if "--check" not in arguments:
        write(FOLDER, generated())
        return 0
    found = list(differences(FOLDER, generated()))
    if found:
        print(*found, "", "schemas/generated is not current: run make generate", sep="\n")
    return 1 if found else 0


def _file_name(kind: type[Struct]) -> str:
    """IncidentList → incident_list."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind.__name__).lstrip("_")


def _json(schema: Schema) -> str:
    return msgspec.json.format(msgspec.json.encode(schema), indent=2).decode() + "\n"


def _yaml(schema: Schema) -> str:
    text: str = yaml.safe_dump(schema, sort_keys=False, allow_unicode=True, width=120)
    return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
