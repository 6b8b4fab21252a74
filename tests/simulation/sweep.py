"""Running many seeds, on all cores, and keeping those that fail.

`python -m tests.simulation.sweep FIRST COUNT` does so by hand and says every ten seconds how far it is.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Final

from tests.simulation.kinds import bundles
from tests.simulation.world import Finished, SimulationFailed, World

KEPT: Final = Path(__file__).with_name("seeds.txt")
_CHUNK: Final = 50
_ENOUGH: Final = 10  # failures
_SAID_EVERY_S: Final = 10.0
Progress = Callable[[int, int, float], None]


def run_seed(seed: int) -> Finished:
    """Raises SimulationFailed with the seed and the last steps before."""
    return World(seed).run()


def kept_seeds() -> list[int]:
    """Those that failed once, without the words behind them."""
    lines = KEPT.read_text(encoding="utf-8").splitlines()
    return [int(line.split()[0]) for line in lines if line and not line.startswith("#")]


def keep(seed: int, what: str) -> None:
    """Note a seed for ever. Who commits the repair commits the line with it."""
    if seed not in kept_seeds():
        with KEPT.open("a", encoding="utf-8") as file:
            file.write(f"{seed} {what[:120]}\n")


def failures_of(seeds: Iterable[int]) -> list[tuple[int, str]]:
    """Seeds that fail, with what they say."""
    found = []
    for seed in seeds:
        try:
            run_seed(seed)
        except SimulationFailed as failure:
            found.append((seed, str(failure)))
    return found


def say(done: int, of: int, elapsed_s: float) -> None:
    """Progress on stderr: what is done, and how long the rest will take."""
    left_s = elapsed_s / done * (of - done)
    sys.stderr.write(f"{done:,} of {of:,} seeds in {elapsed_s:,.0f} s, {left_s:,.0f} s to go\n")


def sweep(seeds: Sequence[int], *, limit_s: float, progress: Progress = say) -> tuple[int, list[tuple[int, str]]]:
    """How many seeds were run within the limit, on all cores, and which of them failed; stops after ten."""
    bundles()  # read once, inherited by the others
    started, done, found = time.monotonic(), 0, list[tuple[int, str]]()
    said = started
    chunks = [seeds[start : start + _CHUNK] for start in range(0, len(seeds), _CHUNK)]
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("fork")) as pool:
        for chunk, failures in zip(chunks, pool.map(failures_of, chunks), strict=True):
            done += len(chunk)
            found += failures
            if time.monotonic() - said > _SAID_EVERY_S or done == len(seeds):
                said = time.monotonic()
                progress(done, len(seeds), said - started)
            if len(found) >= _ENOUGH or time.monotonic() - started > limit_s:
                pool.shutdown(wait=False, cancel_futures=True)
                break
    return done, found


def main() -> None:
    first, count = int(sys.argv[1]), int(sys.argv[2])
    done, failures = sweep(range(first, first + count), limit_s=float("inf"))
    sys.stdout.write("".join(f"{words}\n\n" for _, words in failures) + f"{done:,} seeds, {len(failures)} failed\n")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
