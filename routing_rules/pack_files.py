"""Reads a pack's folder. Being written."""

from pathlib import Path

from routing_rules.model import Bundle


def load_pack(folder: Path) -> Bundle:
    """Raises PackError with every problem found."""
    raise NotImplementedError
