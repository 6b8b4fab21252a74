"""An import whose mark fails while it is written; then the same command again, which must take every row once."""

from __future__ import annotations

import functools
import mmap
import os
import sys
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from dispatcher.cli.main import main as liandong
from dispatcher.store import Store
from schemas.events import ReportReceived
from tests.integration.crash.failpoints import Failpoint, Fault, no_space
from tests.integration.crash.one_life import fork
from tests.integration.importing.conftest import MAPPING

POINT: Final = "mark renamed"
_ROWS: Final = 700  # some pieces
_AT: Final = 2  # the second mark


def faults_of_import(folder: Path, pack: Path, fault: Fault) -> list[str]:
    """What is wrong after this fault and a second run; empty = each row is there once, and nobody saw a traceback."""
    file, mapping, fired = folder / "old.csv", folder / "map.yaml", mmap.mmap(-1, 1)
    mapping.write_text(MAPPING, encoding="utf-8")
    lines = [
        f"L{number},2025-01-12T12:00:00,lamp,路灯坏了,{46.6 + number / 100:.4f},126.10,," for number in range(_ROWS)
    ]
    file.write_text("\n".join(["id,at,kind,text,lat,lon,due,done", *lines, ""]), encoding="utf-8")
    words = ["import", str(file), "--mapping", str(mapping)]
    first = _run(folder, pack, words, functools.partial(_plant, Failpoint(fault, _AT, no_space, fired)))
    second = _run(folder, pack, words, lambda: None)
    said = (folder / "said").read_text(encoding="utf-8")
    return [
        *([] if fired[0] else ["the fault never happened"]),
        *([] if (first == -9) == fault.startswith("crash") else [f"the first run ended with {first}"]),
        *([] if second == 0 else [f"the second run ended with {second}: {said}"]),
        *([said] if "Traceback" in said else []),
        *_row_faults(folder),
    ]


def _plant(point: Failpoint) -> None:
    replace: Any = os.replace
    failing = point.meets(replace)

    def only_marks(source: Any, target: Any) -> Any:
        return (failing if Path(target).parent.name == "imports" else replace)(source, target)

    os.replace = only_marks  # type: ignore[assignment]


def _run(folder: Path, pack: Path, words: list[str], plant: Any) -> int:
    """`liandong WORDS…` in a child: its exit code, or minus the signal that ended it."""

    def life() -> None:
        for number in (1, 2):
            os.dup2(os.open(folder / "said", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), number)
        os.environ |= {"LIANDONG_VAR": str(folder / "var"), "LIANDONG_PACK": str(pack)}
        sys.argv = ["liandong", *words]
        plant()
        try:
            liandong()
        except SystemExit as ended:
            _end(ended.code if isinstance(ended.code, int) else 1)
        except BaseException:  # noqa: BLE001 - what a user would see
            traceback.print_exc()
            _end(1)

    return os.waitstatus_to_exitcode(os.waitpid(fork(life), 0)[1])


def _end(code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _row_faults(folder: Path) -> Iterator[str]:
    store = Store.open(f"sqlite:///{folder / 'var' / 'liandong.db'}")
    try:
        keys = Counter(
            event.key
            for row in store.journal_after(0, 10 * _ROWS)
            for event in row.events
            if isinstance(event, ReportReceived)
        )
        if len(keys) != _ROWS or keys.total() != _ROWS:
            yield f"{len(keys)} of {_ROWS} rows are there, {keys.total()} times in all"
        if store.verify_journal() is not None:
            yield "the chain breaks"
    finally:
        store.close()
    if left := list((folder / "var" / "imports").glob("*.json")):
        yield f"a mark is left: {left}"
