"""`liandong attach`, and the option `--attach` of commands that may bring photos and voice notes."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from dispatcher.cli.api_client import Answer, Api, open_api, show_problem
from schemas.reports import Attachment

PATH: Final = "/api/v1/attachments"
Attached = Annotated[
    list[Path] | None,
    typer.Option("--attach", exists=True, dir_okay=False, help="A photo or voice note; may be given several times."),
]


def send_files(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Photos and voice notes.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the API's answers as they are, one a line.")] = False,
) -> None:
    """Send files; prints the ids by which a report or a command may name them, once and within a day."""
    with open_api() as api:
        for file in files:
            answer = _answer(api, file, None)
            typer.echo(answer.text if as_json else _kept(answer).attachment_id)


def sent(api: Api, files: Sequence[Path] | None, *, of: str | None = None) -> list[str]:
    """Ids of the files in order. `of` names the report or command: the same again gets the same ids."""
    return [
        _kept(_answer(api, file, None if of is None else f"{of}\x1f{number}")).attachment_id
        for number, file in enumerate(files or ())
    ]


def _answer(api: Api, file: Path, key: str | None) -> Answer:
    headers = {"content-type": "application/octet-stream"}
    if key is not None:
        headers["idempotency-key"] = hashlib.sha256(key.encode()).hexdigest()
    answer = api.ask("POST", PATH, content=file.read_bytes(), headers=headers)
    if answer.is_error:
        show_problem(answer)
    return answer


def _kept(answer: Answer) -> Attachment:
    return msgspec.json.decode(answer.content, type=Attachment)
