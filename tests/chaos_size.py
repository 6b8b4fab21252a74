"""How long and with which dice `make chaos` plays.

LIANDONG_CHAOS_SEED   the seed that a report of a failure names; else a new one each time
LIANDONG_CHAOS_SCALE  1 = the full size, 0.1 = a tenth of it
"""

from __future__ import annotations

import os
import random


def chaos_seed() -> int:
    return int(os.environ.get("LIANDONG_CHAOS_SEED") or random.SystemRandom().randrange(10**6))


def scaled(count: int) -> int:
    return max(1, round(count * float(os.environ.get("LIANDONG_CHAOS_SCALE") or 1)))
