"""An import as a person at a terminal sees it: a bar while it runs, a summary at its end."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dispatcher.loops.import_tally import ImportSummary

_SHOWN: Final = 20


@contextmanager
def progress_bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A function that is told how much more is done; draws on a terminal only."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=total)
        yield lambda more: bar.advance(task, more)


def told(summary: ImportSummary) -> Iterator[str]:
    """The summary in lines."""
    yield f"{summary.file}: {summary.rows_count} rows{'' if summary.is_complete else ' so far'}"
    joined = f"  ({summary.joined_count} joined open incidents)" if summary.joined_count else ""
    yield f"  taken         {summary.taken_count:>9}{joined}"
    yield f"  repeated      {summary.repeated_count:>9}"
    yield f"  dead letters  {len(summary.dead_letters) + summary.earlier_letters_count:>9}"
    yield from (f"    {row.origin}  {row.reason}" for row in summary.dead_letters[:_SHOWN])
    if len(summary.dead_letters) > _SHOWN:
        yield f"    … and {len(summary.dead_letters) - _SHOWN} more; --json names them all"
    if summary.earlier_letters_count:
        yield f"    {summary.earlier_letters_count} of them were named by an earlier run"
    if summary.resolved_count:
        yield f"  resolved      {summary.resolved_count:>9}"
    yield from (f"  late: {clock:<8}{count:>9}" for clock, count in summary.breaches.items())
    if summary.by_responder:
        yield "  by responder"
    yield from (f"    {count:>9}  {responder}" for responder, count in list(summary.by_responder.items())[:_SHOWN])
    if len(summary.by_responder) > _SHOWN:
        yield f"    … and {len(summary.by_responder) - _SHOWN} more responders"
