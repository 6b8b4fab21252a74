"""memory.1m: what `liandong serve` needs with a million open deadlines, in memory and, idle, in CPU."""

from benchmarks.many_open import memory as run

__all__ = ["run"]
