"""Qinggang, whose source `ledger` may say when a claim is due: soon enough to ring between two faults."""

from __future__ import annotations

import shutil
from pathlib import Path

from dispatcher.bootstrap import find_pack


def trusting_pack(folder: Path) -> Path:
    """The pack's folder, made below this one."""
    pack = folder / "pack"
    shutil.copytree(find_pack("qinggang"), pack)
    file = pack / "pack.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("sources:\n", "sources:\n  ledger: {trusted: true}\n"), encoding="utf-8")
    return pack
