"""Claims by operators who look at one list, in processes of their own; who won is read in the journal afterwards.

Of the list as many are shown as there are operators, so that about every second try comes too late.
"""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.figures import Bound, Rounds, Row, percentile
from benchmarks.naive_claims import NaiveDesk
from dispatcher.store import Store
from schemas.events import IncidentClaimed

OPERATORS: Final = 50
BASELINE: Final = "ORM, SELECT FOR UPDATE each"
_LEAD_S: Final = 4.0  # for the processes to start
_PAGE: Final = 1_000


class Round:
    """`count` incidents, all claimed, from the first process's first claim on. Times in ms."""

    def __init__(self, count: int, seen: Sequence[dict[str, Any]]) -> None:
        took_ms = [ms for each in seen for ms in each["took_ms"]]
        self.per_s = count / (max(each["ended_at"] for each in seen) - min(each["began_at"] for each in seen))
        self.p50_ms, self.p99_ms = percentile(took_ms, 0.5), percentile(took_ms, 0.99)
        self.tries_each = len(took_ms) / count
        self.cpu_us = sum(each["cpu_s"] for each in seen) / count * 1e6
        self.double = sum(each["double"] for each in seen)


def claimed(count: int, **settings: object) -> Round:
    """By fifty operators in each of `processes` (1 if left out)."""
    processes = int(str(settings.pop("processes", 1)))
    begin_at = time.time() + _LEAD_S
    shown = OPERATORS * processes
    given = {"operators": OPERATORS, "shown": shown, "begin_at": begin_at, "shared": processes > 1, **settings}
    told = [Path(str(settings["folder"])) / f"told{number}.json" for number in range(processes)]
    children = [_start(given | {"seed": number, "told": str(path)}) for number, path in enumerate(told)]
    assert [child.wait(timeout=300) for child in children] == [0] * processes
    return Round(count, [json.loads(path.read_text(encoding="utf-8")) for path in told])


def _start(settings: dict[str, object]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "benchmarks.claiming", json.dumps(settings)])


def naively(url: str, folder: Path, count: int, processes: int) -> Round:
    NaiveDesk(url).open(count)
    return claimed(count, side="naive", database=url, folder=str(folder), processes=processes)


def wins(store: Store, after: int) -> Counter[str]:
    """How often each incident was claimed, by the journal past a position."""
    found: Counter[str] = Counter()
    while rows := store.journal_after(after, _PAGE):
        found.update(
            row.incident_id
            for row in rows
            for event in row.events
            if row.incident_id is not None and isinstance(event, IncidentClaimed)
        )
        after = rows[-1].position
    return found


def pace(name: str, ours: Sequence[Round], theirs: Sequence[Round], per_s: float) -> Row:
    mine, other = Rounds.of([each.per_s for each in ours]), Rounds.of([each.per_s for each in theirs])
    tries = Rounds.of([each.tries_each for each in ours])
    cpu, other_cpu = (Rounds.of([each.cpu_us for each in some]) for some in (ours, theirs))
    return Row(
        name=name,
        figure=mine.median,
        unit="/s",
        baseline=BASELINE,
        baseline_figure=other.median,
        bound=Bound(at_least=per_s),
        spread=str(mine),
        note=f"{tries.median:.2f} tries a claim; CPU µs a claim {cpu.median:.0f}, baseline {other_cpu.median:.0f}",
    )


def latency(name: str, ours: Sequence[Round], theirs: Sequence[Round], at_most: float | None) -> Row:
    mine, other = Rounds.of([each.p99_ms for each in ours]), Rounds.of([each.p99_ms for each in theirs])
    medians = Rounds.of([each.p50_ms for each in ours]), Rounds.of([each.p50_ms for each in theirs])
    return Row(
        name=name,
        figure=mine.median,
        unit="ms",
        baseline=BASELINE,
        baseline_figure=other.median,
        bound=None if at_most is None else Bound(at_most=at_most),
        spread=str(mine),
        note=f"median {medians[0].median:.1f} ms, baseline {medians[1].median:.1f} ms",
    )
