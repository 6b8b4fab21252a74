"""queue.page and queue.search: lists over 100,000 open incidents, as one request costs the server.

From the parsed question to the bytes of the answer, on SQLite and on PostgreSQL; 50 rows a page. `queue.page` is the
slowest of: first page, the page after it, a page from the middle, one responder's. `queue.search` is the slowest of: a
word that a seventh of them hold, two characters that few hold, mixed with ASCII, two words, a word that none holds.
Beside them ORM objects with OFFSET and LIKE, in turns.
"""

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import msgspec
import psycopg

from benchmarks.figures import Bound, Row, shown
from benchmarks.naive_lists import NaiveLists
from benchmarks.town_rows import HERE, NOW, fill
from deploy.local.postgres_install import PostgresUnavailable
from deploy.local.postgres_server import PostgresServer
from dispatcher.store import Store
from dispatcher.views.asked import Asked
from dispatcher.views.moment import moment_now
from dispatcher.views.queue import page
from schemas.incidents import OPEN_STATES
from schemas.views import IncidentList

COUNT: Final = 100_000
ROUNDS: Final = 9
PAGE: Final = 50
_PAGE_MS, _SEARCH_MS = 50, 100
_WORDS: Final = {
    "a frequent word": "路灯",
    "two characters": "街7",
    "with ASCII": "led路",
    "two words": "示例街7号 路灯",
    "found nowhere": "喷泉",
}
_encode = msgspec.json.Encoder().encode
Question = Callable[[], object]


class Cost(NamedTuple):
    """Of one question, in milliseconds; PostgreSQL's own CPU is not in it."""

    ms: float
    cpu_ms: float


Spent = dict[str, list[Cost]]


def run() -> list[Row]:
    Path("var").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir="var") as name:
        folder = Path(name).absolute()
        rows = _measured(f"sqlite:///{folder}/ours.db", f"sqlite:///{folder}/naive.db", "")
    try:
        with _postgres() as (ours, naive):
            rows += _measured(ours, naive, ".postgres")
    except PostgresUnavailable as reason:
        print(f"queue.*.postgres were not measured: {reason}")
    return rows


@contextmanager
def _postgres() -> Iterator[tuple[str, str]]:
    with PostgresServer(durable=False) as server:  # only reading is measured
        yield server.create_database("ours"), server.create_database("naive")


def _measured(ours_url: str, naive_url: str, suffix: str) -> list[Row]:
    store, naive = Store.open(ours_url), NaiveLists(naive_url, COUNT)
    fill(store, COUNT)
    for url in (ours_url, naive_url):
        _settle(url)
    try:
        pages = _compare(
            _pages(store), {"first": lambda: naive.page(0, PAGE), "middle": lambda: naive.page(COUNT // 2, PAGE)}
        )
        words = {name: word.split() for name, word in _WORDS.items()}
        naively = {name: lambda each=each: naive.search(each, PAGE) for name, each in words.items()}
        searches = _compare(_searches(store), naively)
    finally:
        store.close()
        naive.close()
    return [
        _row(f"queue.page{suffix}", pages, "ORM, OFFSET", _PAGE_MS),
        _row(f"queue.search{suffix}", searches, "ORM, LIKE over all", _SEARCH_MS),
    ]


def _settle(url: str) -> None:
    """What PostgreSQL does by itself within minutes after so many rows came."""
    if url.startswith("postgresql"):
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")


def _pages(store: Store) -> dict[str, Question]:
    open_ones = Asked(jurisdiction=HERE, states=OPEN_STATES)
    first = _list(store, open_ones)
    middle = _list(store, open_ones, limit=COUNT // 10)
    for _ in range(4):
        middle = _list(store, open_ones, middle.next_cursor, limit=COUNT // 10)
    own = Asked(jurisdiction=HERE, states=OPEN_STATES, responder="roads")
    return {
        "first": lambda: _list(store, open_ones),
        "second": lambda: _list(store, open_ones, first.next_cursor),
        "middle": lambda: _list(store, open_ones, middle.next_cursor),
        "one responder's": lambda: _list(store, own),
    }


def _searches(store: Store) -> dict[str, Question]:
    asked = {name: Asked(jurisdiction=HERE, states=OPEN_STATES, q=word) for name, word in _WORDS.items()}
    counts = {name: len(_list(store, each).items) for name, each in asked.items()}
    assert counts == {
        **dict.fromkeys(_WORDS, PAGE),
        "with ASCII": 20,
        "two words": counts["two words"],
        "found nowhere": 0,
    }
    return {name: lambda each=each: _list(store, each) for name, each in asked.items()}  # type: ignore[misc]


def _list(store: Store, asked: Asked, cursor: str | None = None, *, limit: int = PAGE) -> IncidentList:
    with store.reading() as connection:
        found = page(connection, asked, moment_now(connection, NOW), cursor=cursor, limit=limit)
    _encode(found)
    return found


def _compare(ours: Mapping[str, Question], theirs: Mapping[str, Question]) -> tuple[Spent, Spent]:
    """Every round's cost by question, ours and theirs in turns; theirs fewer, they take long."""
    mine: Spent = defaultdict(list)
    naive: Spent = defaultdict(list)
    for number in range(ROUNDS):
        for spent, questions in ((mine, ours), (naive, theirs if number % 3 == 0 else {})):
            for name, ask in questions.items():
                began, cpu = time.perf_counter(), time.process_time()
                ask()
                spent[name].append(Cost((time.perf_counter() - began) * 1000, (time.process_time() - cpu) * 1000))
    return mine, naive


def _row(name: str, spent: tuple[Spent, Spent], baseline: str, at_most: float) -> Row:
    mine, naive = ({kind: median(cost.ms for cost in each) for kind, each in by.items()} for by in spent)
    slowest = max(mine, key=lambda kind: mine[kind])
    every = [cost.ms for cost in spent[0][slowest]]
    cpu = {kind: median(cost.cpu_ms for cost in each) for kind, each in spent[0].items()}
    return Row(
        name=name,
        figure=mine[slowest],
        unit="ms",
        baseline=baseline,
        baseline_figure=max(naive.values()),
        bound=Bound(at_most=at_most),
        spread=f"{shown(min(every))}..{shown(max(every))}",
        note="; ".join(f"{kind} {shown(ms)}, our CPU {shown(cpu[kind])}" for kind, ms in mine.items()),
    )
