"""How far an import came, in a file beside the database, so that the same command can go on there."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from dispatcher.loops.import_tally import Counted, Tally
from dispatcher.store.folders import replace_file

_UNREADABLE: Final = (OSError, msgspec.DecodeError, msgspec.ValidationError)


class Mark(Struct, frozen=True, kw_only=True):
    """`place` rows (steps of a replay) were taken; `counted` says what became of them.

    `content` = SHA-256 of the file, `way` names mapping and options. `proof` = an incident that the last of those rows
    opened: commits come in the order of rows, so a database that knows it holds everything before it, too, and one that
    does not is another, or was put back to an earlier day.
    """

    content: str
    way: str
    place: int
    proof: str
    counted: Counted


class MarkFile:
    """The mark of one file's import; written anew after each piece, gone when the import has come to its end."""

    def __init__(self, folder: Path, file: Path, *, way: str) -> None:
        """`folder` is made when something is to be kept. Raises OSError when `file` cannot be read."""
        place = str(file.resolve())
        self._path = folder / f"{file.name[:80]}.{hashlib.sha256(place.encode()).hexdigest()[:12]}.json"
        with file.open("rb") as opened:
            self._content = hashlib.file_digest(opened, "sha256").hexdigest()
        self._way = way

    def found(self) -> Mark | None:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Mark)
        except _UNREADABLE:
            return None

    def objection(self, mark: Mark) -> str | None:
        """Why one cannot go on from it, whatever the database holds."""
        if mark.content != self._content:
            return "the file was changed since"
        if mark.way != self._way:
            return "mapping or options were others then"
        return None

    def keep(self, place: int, proof: str, counted: Counted) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mark = Mark(content=self._content, way=self._way, place=place, proof=proof, counted=counted)
        replace_file(self._path, msgspec.json.encode(mark))

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)


class Going:
    """Where this run stands, and from where the next one goes on. `unit` = what a place counts, in words."""

    def __init__(self, marks: MarkFile, tally: Tally, *, unit: str, from_start: bool) -> None:
        self._marks = marks
        self._tally = tally
        self._unit = unit
        self._from_start = from_start
        self._kept = 0
        self.place = 0
        self.total: int | None = None

    def begin(self, knows: Callable[[str], bool]) -> tuple[int, str | None]:
        """How many rows to leave out, and a sentence about it; `knows` = whether the database has that incident."""
        mark = None if self._from_start else self._marks.found()
        if mark is None:
            self._marks.remove()
            return 0, None
        objection = self._marks.objection(mark)
        if objection is None and not knows(mark.proof):
            objection = "the database does not hold what was taken then"
        if objection is not None:
            self._marks.remove()
            return 0, f"{self._unit} {mark.place:,} was reached before, but {objection}: read from the first row"
        self.place = self._kept = mark.place
        self._tally.go_on_from(mark.counted)
        return mark.place, f"goes on after {self._unit} {mark.place:,}"

    def moved(self, place: int, proof: str | None) -> None:
        """Everything up to `place` was acknowledged. Without a proof the mark stays: what follows it is taken again."""
        self.place = place
        if proof is None:
            return
        with suppress(OSError):  # a full disk: the rows are in all the same, a later run only repeats some more
            self._marks.keep(place, proof, self._tally.counted())
            self._kept = place

    def ended(self) -> None:
        """The file was read to its end."""
        self._marks.remove()

    def stopped(self) -> str:
        of = "" if self.total is None else f" of {self.total:,}"
        where = "there" if self._kept == self.place else f"after {self._unit} {self._kept:,}"
        goes_on = f"goes on {where}" if self._kept else "reads from the first row and takes nothing twice"
        return f"stopped after {self._unit} {self.place:,}{of}; the same command {goes_on}"
