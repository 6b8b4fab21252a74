"""Running many seeds, on all cores, and keeping those that fail."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Final

from tests.simulation.kinds import bundles
from tests.simulation.world import Finished, SimulationFailed, World

KEPT: Final = Path(__file__).with_name("seeds.txt")
_CHUNK: Final = 50
_ENOUGH: Final = 10  # failures


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


def sweep(seeds: Sequence[int], *, limit_s: float) -> tuple[int, list[tuple[int, str]]]:
    """How many seeds were run within the limit, on all cores, and which of them failed; stops after ten."""
    bundles()  # read once, inherited by the others
    started, done, found = time.monotonic(), 0, list[tuple[int, str]]()
    chunks = [seeds[start : start + _CHUNK] for start in range(0, len(seeds), _CHUNK)]
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("fork")) as pool:
        for chunk, failures in zip(chunks, pool.map(failures_of, chunks), strict=True):
            done += len(chunk)
            found += failures
            if len(found) >= _ENOUGH or time.monotonic() - started > limit_s:
                pool.shutdown(wait=False, cancel_futures=True)
                break
    return done, found
