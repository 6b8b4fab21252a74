"""`liandong import`: reports from a file, as if they came in now or at the file's own times."""

import hashlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Annotated, Final

import msgspec
import typer

from connectors.files.mapping import Mapping, load_mapping
from connectors.files.reports import FileError, ReportFile, RowResult
from connectors.files.yaml_keys import MappingError
from dispatcher.bootstrap import Engine, open_engine
from dispatcher.cli.api_client import ServerApi, running_server
from dispatcher.cli.import_marks import Going, MarkFile
from dispatcher.cli.import_over_http import HttpImport, ServerStopped
from dispatcher.cli.import_words import progress_bar, told
from dispatcher.cli.processes import configured, fail
from dispatcher.loops.file_import import import_rows
from dispatcher.loops.file_replay import Foreseen, Replay, ReplayClock, carry_out, foresee, may_replay
from dispatcher.loops.file_rows import PIECE
from dispatcher.loops.import_tally import Tally
from dispatcher.service import StoredBundles
from dispatcher.service.writer import Lane
from dispatcher.settings import Settings
from dispatcher.store import StoreError, StoreLocked
from routing_rules import PackError
from schemas.commands import Command, SubmitReport
from schemas.outcomes import Outcome

_FOREVER: Final = datetime.max.replace(tzinfo=UTC)
_EVERY: Final = 1_000_000_000
_USED: Final = (
    "this database holds more than replays, and a replay would put old times among it. "
    "Name a fresh one in LIANDONG_DATABASE or LIANDONG_VAR."
)
Stopping = Callable[[], bool]


class Clocks(StrEnum):
    PACK = "pack"
    FILE = "file"


class Group(StrEnum):
    PACK = "pack"
    NONE = "none"


def add_to(app: typer.Typer) -> None:
    app.command("import")(import_file)


def import_file(
    file: Annotated[Path, typer.Argument(help="CSV or JSON lines, .gz too.")],
    mapping: Annotated[Path, typer.Option(help="Which columns become which fields of a report (YAML).")],
    replay: Annotated[bool, typer.Option("--replay", help="At the file's own times; needs an empty database.")] = False,
    clocks: Annotated[Clocks, typer.Option(help="Due times: by the pack's rules, or those in the file.")] = Clocks.PACK,
    group: Annotated[Group, typer.Option(help="Similar reports: as the pack says, or never joined.")] = Group.PACK,
    from_start: Annotated[bool, typer.Option("--from-start", help="Do not go on where a stopped run stood.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Take reports from a file. Broken rows become dead letters and stop nobody; a second run adds nothing.

    Stopped (Ctrl-C, SIGTERM, kill -9), the same command goes on after the last row that was taken; into a running
    server, too. Exit code 0: read to the end, dead letters or not. 1: file or database cannot be used (any more).
    2: not possible here. 130: interrupted. What was taken until then stays.
    """
    settings = configured(log_level="WARNING")
    with_due, groups = clocks is Clocks.FILE, group is Group.PACK
    server = running_server(settings)
    if server is not None and (replay or not groups):
        option = "--replay" if replay else "--group none"
        fail(f"a server at {server.base} holds the database, and {option} needs it to itself: stop the server first.")
    problem = ""
    with _opened(file, mapping, with_due=with_due) as (rows, known), _stopping() as stopping:
        options = f"{replay} {clocks} {group} {server is not None and known.closed_at is not None}"
        marks = MarkFile(settings.var / "imports", file, way=_way(mapping, options))
        run = ImportRun(settings, file, marks, with_due=with_due, groups=groups, replay=replay, from_start=from_start)
        try:
            if server is not None:
                is_complete = run.over_http(server, rows, known, stopping)
            else:
                is_complete = run.replayed(rows, stopping) if replay else run.imported(rows, known, stopping)
        except (FileError, StoreError, ServerStopped) as error:
            is_complete, problem = False, f"{error}\n"
    summary = run.tally.summary(is_complete=is_complete, reached_at=run.reached_at)
    typer.echo(msgspec.json.encode(summary).decode() if as_json else "\n".join(told(summary)))
    if not is_complete:
        fail(problem + run.going.stopped(), 1 if problem else 130)
    run.going.ended()


class ImportRun:
    """One import and what it counted. `going` = where it stands; `reached_at` = how far a replay got."""

    def __init__(
        self,
        settings: Settings,
        file: Path,
        marks: MarkFile,
        *,
        with_due: bool,
        groups: bool,
        replay: bool,
        from_start: bool,
    ) -> None:
        self._settings = settings
        self._path = file
        self._file = file.name
        self._with_due = with_due
        self._groups = groups
        self.tally = Tally(file.name)
        self.going = Going(marks, self.tally, unit="step" if replay else "row", from_start=from_start)
        self.reached_at: datetime | None = None

    def over_http(self, server: ServerApi, rows: ReportFile, mapping: Mapping, stopping: Stopping) -> bool:
        """The server's own clock and rules; it cannot be told what happened elsewhere and before."""
        if mapping.closed_at is not None:
            typer.echo("a server holds the database: the file's closings are left out", err=True)
        sending = HttpImport(server, self._file, self.tally, trusted=self._with_due)
        self.going.total = _rows_count(self._path, mapping)
        after = self._begin(sending.knows)
        with _watched(rows, self.going.total, after) as watched:
            return sending.take(watched, stopping, self._taken)

    def imported(self, rows: ReportFile, mapping: Mapping, stopping: Stopping) -> bool:
        """The engine's own clock: reports come in now; what the file says was closed, was closed then."""
        self.going.total = _rows_count(self._path, mapping)
        with self._engine() as engine:
            after = self._begin(lambda incident_id: bool(engine.store.journal_of(incident_id, 1)))
            with _watched(rows, self.going.total, after) as watched:
                return import_rows(
                    watched,
                    self._file,
                    _through(engine, "bulk"),
                    self.tally,
                    trusted=self._with_due,
                    stopping=stopping,
                    done=self._taken,
                )

    def replayed(self, rows: ReportFile, stopping: Stopping) -> bool:
        """All rows are read before the first is taken: they need not stand in order of time."""
        with _watched(rows, None, 0) as watched:
            replay = Replay(self._file, list(watched), trusted=self._with_due)
        clock = ReplayClock(replay.begins_at or datetime.now(UTC))
        self.going.total = replay.steps_count
        with self._engine(clock) as engine, progress_bar("replaying", replay.steps_count) as advance:
            after = self._begin(lambda incident_id: bool(engine.store.journal_of(incident_id, 1)))
            if not after:
                self.tally.read(replay.rows_count)
            advance(after)
            commands = replay.commands(_foreseeing(engine), engine.store.due_before(_FOREVER, _EVERY), after=after)
            is_complete = carry_out(
                commands,
                _through(engine, "people"),
                clock,
                self.tally,
                engine.store,
                stopping=stopping,
                progress=advance,
                done=lambda opened: self.going.moved(replay.steps_done, opened),
            )
        self.reached_at = replay.ends_at if is_complete else clock.at
        return is_complete

    def _begin(self, knows: Callable[[str], bool]) -> int:
        """How many rows or steps are left out."""
        after, said = self.going.begin(knows)
        if said is not None:
            typer.echo(f"{self._file}: {said}", err=True)
        return after

    def _taken(self, opened: str | None) -> None:
        self.going.moved(self.tally.rows_count, opened)

    @contextmanager
    def _engine(self, clock: ReplayClock | None = None) -> Iterator[Engine]:
        """At work, without alarms of its own; with a clock it replays. A sentence where that cannot be."""
        try:
            engine = open_engine(
                self._settings, clock, observer=self.tally, replays=clock is not None, groups=self._groups
            )
        except (StoreError, OSError) as error:
            fail(str(error), 2 if isinstance(error, StoreLocked) else 1)
        if clock is not None and not may_replay(engine.store):
            engine.store.close()
            fail(_USED)
        try:
            engine.start(tick=False)
            yield engine
        except (PackError, FileNotFoundError) as error:
            fail(str(error), 1)
        finally:
            engine.stop()


def _through(engine: Engine, lane: Lane) -> Callable[[Sequence[Command]], Sequence[Outcome]]:
    return lambda commands: engine.writer.submit(commands, lane).result()


def _foreseeing(engine: Engine) -> Callable[[SubmitReport, datetime], Foreseen]:
    policies, secret = engine.policies.active(StoredBundles(engine.store)), engine.store.secret()
    return lambda command, at: foresee(command, at, policies, secret)


@contextmanager
def _opened(file: Path, mapping: Path, *, with_due: bool) -> Iterator[tuple[ReportFile, Mapping]]:
    """The file as reports; a sentence when file or mapping cannot be used."""
    try:
        known = load_mapping(mapping)
        rows = ReportFile(file, known, with_due=with_due)
    except (OSError, MappingError, FileError) as error:
        fail(str(error), 1)
    with rows:
        yield rows, known


def _way(mapping: Path, options: str) -> str:
    """Names how the file's rows become reports."""
    return hashlib.sha256(mapping.read_bytes() + options.encode()).hexdigest()


def _rows_count(file: Path, mapping: Mapping) -> int | None:
    """Of the whole file; None when it cannot be read to its end."""
    with ReportFile(file, mapping) as rows:
        try:
            return rows.skip(sys.maxsize)
        except FileError:
            return None


@contextmanager
def _watched(rows: ReportFile, total: int | None, after: int) -> Iterator[Iterator[RowResult]]:
    """The rows after so many, with a bar that shows how many of them are read."""
    with progress_bar("reading", total) as advance:

        def watched() -> Iterator[RowResult]:
            advance(rows.skip(after))
            for number, row in enumerate(rows, start=1):
                yield row
                if number % PIECE == 0:
                    advance(PIECE)

        yield watched()


@contextmanager
def _stopping() -> Iterator[Stopping]:
    """Whether SIGINT or SIGTERM came; a second one ends the process at once."""
    told_to = threading.Event()

    def tell(number: int, _frame: FrameType | None) -> None:
        told_to.set()
        signal.signal(number, signal.SIG_DFL)

    before = [(number, signal.signal(number, tell)) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        yield told_to.is_set
    finally:
        for number, handler in before:
            signal.signal(number, handler)
