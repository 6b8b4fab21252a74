"""start.100k: how soon `liandong serve` is ready with 100,000 open incidents."""

from benchmarks.many_open import start as run

__all__ = ["run"]
