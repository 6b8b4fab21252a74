"""`liandong deadletters`: what could not become a report or a command, looked at, put right and tried again."""

import os
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

import msgspec
import typer

from dispatcher.cli.api_client import Answer, Api, decoded, open_api
from dispatcher.cli.asking import AsJson, read
from dispatcher.cli.import_words import progress_bar
from dispatcher.cli.processes import fail
from dispatcher.cli.tables import letters_table, shown
from dispatcher.cli.words import letter_done, letter_story
from schemas.dead_letters import DeadLetterDetail, DeadLetterList
from schemas.outcomes import DeadLetterOutcome

_PATH: Final = "/api/v1/dead-letters"
app = typer.Typer(help="What could not become a report or a command.", no_args_is_help=True)

Letter = Annotated[str, typer.Argument(help="Id of the dead letter.")]
Reason = Annotated[str | None, typer.Option(help="Only those with this reason (a code, whatever its detail).")]


@app.command("list")
def list_letters(
    state: Annotated[str | None, typer.Option(help="open, redriven, discarded; several by comma.")] = None,
    reason: Reason = None,
    cursor: Annotated[str | None, typer.Option(help="Where the last page ended.")] = None,
    limit: Annotated[int | None, typer.Option(help="Rows of a page, 1 to 200.")] = None,
    as_json: AsJson = False,
) -> None:
    """Those that wait for somebody, newest first."""
    params = {"state": state, "reason": reason, "cursor": cursor, "limit": None if limit is None else str(limit)}
    with open_api() as api:
        page = read(api.ask("GET", _PATH, params=params), DeadLetterList, as_json=as_json)
    if page is None:
        return
    shown(letters_table(page))
    if page.next_cursor:
        typer.echo(f"more: --cursor {page.next_cursor}")


@app.command()
def show(letter: Letter, as_json: AsJson = False) -> None:
    """Bytes and headers as they came, in hexadecimal where they are no text. That somebody looked is written down."""
    with open_api() as api:
        detail = read(api.ask("GET", f"{_PATH}/{letter}"), DeadLetterDetail, as_json=as_json)
    for line in letter_story(detail) if detail else ():
        typer.echo(line)


@app.command()
def fix(
    letter: Letter,
    file: Annotated[Path | None, typer.Argument(help="The corrected body; - or left out = standard input.")] = None,
    edit: Annotated[bool, typer.Option("--edit", help="Open it in $EDITOR.")] = False,
    as_json: AsJson = False,
) -> None:
    """Lay a corrected body beside the original: a report as POST /api/v1/reports takes it, or a CloudEvent."""
    with open_api() as api:
        body = _edited(api, letter) if edit else _given(file)
        answer = api.ask("POST", f"{_PATH}/{letter}/fix", content=body)
    _tell(read(answer, DeadLetterOutcome, as_json=as_json))


@app.command()
def redrive(
    letters: Annotated[list[str] | None, typer.Argument(help="Ids of dead letters.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All that are open.")] = False,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """Through their door again, fixed or as they are. Harmless when repeated. Exit code 1 when one stays."""
    if bool(letters) == every or (reason and not every):
        fail("name dead letters, or say --all (perhaps with --reason)")
    with open_api() as api:
        ids = list(letters or _open_ones(api, reason))
        with progress_bar("redriving", len(ids)) as advance:
            answers = {letter: _redriven(api, letter, advance) for letter in ids}
    if as_json:
        typer.echo(msgspec.json.encode([msgspec.Raw(answer.content) for answer in answers.values()]).decode())
    elif every:
        _tell_counts(answers.values())
    else:
        _tell_each(answers)
    if any(answer.is_error for answer in answers.values()):
        raise SystemExit(1)


@app.command()
def discard(letter: Letter, as_json: AsJson = False) -> None:
    """Give it up. Its bytes stay until `liandong erase --letter`."""
    with open_api() as api:
        answer = api.ask("POST", f"{_PATH}/{letter}/discard")
    _tell(read(answer, DeadLetterOutcome, as_json=as_json))


def _redriven(api: Api, letter: str, advance: Callable[[int], None]) -> Answer:
    answer = api.ask("POST", f"{_PATH}/{letter}/redrive")
    advance(1)
    return answer


def _open_ones(api: Api, reason: str | None) -> Iterator[str]:
    """Oldest first, as they came."""
    ids: list[str] = []
    cursor: str | None = None
    while True:
        page = decoded(
            api.ask("GET", _PATH, params={"reason": reason, "cursor": cursor, "limit": "200"}), DeadLetterList
        )
        ids += [item.letter_id for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return reversed(ids)


def _given(file: Path | None) -> bytes:
    if file is None or str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        fail(f"{file}: {error.strerror}", 1)


def _edited(api: Api, letter: str) -> bytes:
    detail = decoded(api.ask("GET", f"{_PATH}/{letter}"), DeadLetterDetail)
    before = detail.raw if detail.fixed is None else detail.fixed
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with TemporaryDirectory() as folder:  # for its owner only
        file = Path(folder) / f"{letter}.json"
        file.write_bytes(before)
        try:
            subprocess.run([*shlex.split(editor), str(file)], check=True)  # noqa: S603 - the user's own editor
            after = file.read_bytes()
        except (OSError, ValueError, subprocess.CalledProcessError) as error:
            fail(f"{editor} did not end well, so nothing was changed: {error}", 1)
    if after == before:
        fail("nothing was changed", 1)
    return after


def _tell(done: DeadLetterOutcome | None) -> None:
    if done is not None:
        typer.echo(letter_done(done))


def _tell_each(answers: dict[str, Answer]) -> None:
    for letter, answer in answers.items():
        if answer.is_error:
            typer.echo(f"{letter}  {_problem(answer)}", err=True)
        else:
            _tell(msgspec.json.decode(answer.content, type=DeadLetterOutcome))


def _tell_counts(answers: Collection[Answer]) -> None:
    stay = Counter(_problem(answer).partition(":")[0] for answer in answers if answer.is_error)
    typer.echo(f"redriven  {len(answers) - stay.total():>6}")
    for reason, count in stay.most_common():
        typer.echo(f"stay      {count:>6}  {reason}")


def _problem(answer: Answer) -> str:
    problem = answer.json()
    return str(problem.get("reason") or problem.get("title"))
