"""claims.embedded: 50 operators at one list on SQLite; and 100,000 races for one incident each, none won twice."""

import tempfile
from pathlib import Path
from typing import Final

from benchmarks.claiming import CATEGORY
from benchmarks.claims import Round, claimed, latency, naively, pace, wins
from benchmarks.figures import Bound, Row
from benchmarks.seeded import seed
from dispatcher.bootstrap import find_pack
from dispatcher.store import Store

ROUNDS: Final = 3
OURS: Final = 10_000  # incidents a round
NAIVE: Final = 1_000
RACES: Final = 100_000


def run() -> list[Row]:
    Path("var").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir="var") as name:
        folder = Path(name).absolute()
        rounds = [(_ours(folder / f"o{number}"), _naive(folder / f"n{number}")) for number in range(ROUNDS)]
        raced, unfair = _races(folder / "races")
    ours, theirs = [mine for mine, _ in rounds], [naive for _, naive in rounds]
    return [
        pace("claims.embedded", ours, theirs, per_s=5_000),
        latency("claims.embedded.p99", ours, theirs, at_most=20),
        Row(
            "claims.embedded.double",
            unfair,
            "count",
            bound=Bound(at_most=0),
            note=f"of {RACES:,} races of two; {raced.per_s:,.0f} races/s, p99 {raced.p99_ms:.1f} ms",
        ),
    ]


def _ours(folder: Path) -> Round:
    url, position = _seeded(folder, OURS)
    seen = claimed(OURS, side="ours", database=url, folder=str(folder))
    _insist_on_one_win_each(url, position, OURS)
    return seen


def _races(folder: Path) -> tuple[Round, int]:
    """What was seen, and how many races did not have exactly one winner."""
    url, position = _seeded(folder, RACES)
    raced = claimed(RACES, side="races", database=url, folder=str(folder), races=RACES)
    assert raced.tries_each == len(("one", "other"))
    _insist_on_one_win_each(url, position, RACES)
    return raced, raced.double


def _seeded(folder: Path, count: int) -> tuple[str, int]:
    """URL, and where the journal ends."""
    folder.mkdir()
    seed(folder / "ours.db", count, pack=find_pack("qinggang"), category=CATEGORY)
    store = Store.open(f"sqlite:///{folder}/ours.db")
    position = store.last_position()
    store.close()
    return f"sqlite:///{folder}/ours.db", position


def _insist_on_one_win_each(url: str, position: int, count: int) -> None:
    store = Store.open(url)
    won = wins(store, position)
    store.close()
    assert (len(won), set(won.values())) == (count, {1})


def _naive(folder: Path) -> Round:
    folder.mkdir()
    return naively(f"sqlite:///{folder}/naive.db", folder, NAIVE, 1)
