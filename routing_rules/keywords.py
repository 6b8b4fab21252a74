"""The keyword table over a text: all words and patterns of a bundle in one pass of RE2, linear in the text.

Texts are compared after `normalise` (NFKC, lower case), so full-width and half-width forms are the same. In a word
"…" stands for anything within the same sentence ("路灯…坏"), a space for any white space, and words of Latin letters
and digits are found as whole words only.
"""

import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

import re2

from routing_rules.model import Keyword

_LONGEST_PATTERN = 1_000
_WITHIN_SENTENCE = r"[^。!?;\n]*"
_SET_MEMORY = 64 << 20  # bytes for the automaton of all patterns
_PATTERN_MEMORY = 1 << 20  # bytes for one pattern: what needs more is refused


class Reading(NamedTuple):
    """What the table found: ids of entries in table order, their flags, and the deciding category with its reason."""

    ids: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    category: str | None = None
    because: str = ""


class _Hit(NamedTuple):
    """One pattern of the set and the row it belongs to: a word, a regex, or a word that guards the row."""

    row: int
    word: str
    regex: "re2._Regexp | None" = None
    guard: bool = False


NOTHING = Reading()


def normalise(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower()


def wrong_with_word(word: str) -> str | None:
    """Why a word of the table is refused, or None."""
    parts = [part.strip() for part in word.split("…")]
    if not all(parts):
        return f"a word needs text around each …: {word!r}"
    return _wrong_with_source(_word_pattern(word), word)


def wrong_with_pattern(pattern: str) -> str | None:
    """Why a regular expression of the table is refused, or None."""
    if len(pattern) > _LONGEST_PATTERN:
        return f"a pattern has at most {_LONGEST_PATTERN} characters"
    for character in pattern:
        if unicodedata.normalize("NFKC", character) != character:
            meant = unicodedata.normalize("NFKC", character)
            return f"{character!r} can never match: texts are read with {meant!r} in its place"
    return _wrong_with_source(_regex_pattern(pattern), pattern)


def _wrong_with_source(source: str, shown: str) -> str | None:
    try:
        compiled = re2.compile(source, _options(_PATTERN_MEMORY))
    except re2.error as error:
        said = error.args[0] if error.args else "unknown fault"
        return f"not a pattern RE2 can run: {said.decode() if isinstance(said, bytes) else said}"
    return f"matches every text: {shown!r}" if compiled.search("") else None


def _options(memory: int) -> re2.Options:
    options = re2.Options()
    options.max_mem = memory
    options.log_errors = False
    return options


def _word_pattern(word: str) -> str:
    return _WITHIN_SENTENCE.join(_part_pattern(normalise(part).strip()) for part in word.split("…"))


def _part_pattern(part: str) -> str:
    body = r"\s+".join(re2.escape(piece) for piece in part.split())
    before = r"\b" if _is_latin(part[:1]) else ""
    after = r"\b" if _is_latin(part[-1:]) else ""
    return f"{before}{body}{after}"


def _regex_pattern(pattern: str) -> str:
    return f"(?i)(?:{pattern})"


def _is_latin(character: str) -> bool:
    return character.isascii() and character.isalnum()


class KeywordTable:
    """The compiled table. Immutable; `read` may run in many threads."""

    def __init__(self, keywords: Iterable[Keyword]) -> None:
        self._rows = tuple(keywords)
        self._hits: list[_Hit] = []
        self._set = re2.Set.SearchSet(_options(_SET_MEMORY))
        for number, keyword in enumerate(self._rows):
            for word in keyword.any:
                self._add(_word_pattern(word), _Hit(number, word))
            for pattern in keyword.regex:
                source = _regex_pattern(pattern)
                self._add(source, _Hit(number, "", re2.compile(source, _options(_PATTERN_MEMORY))))
            for word in keyword.unless:
                self._add(_word_pattern(word), _Hit(number, word, guard=True))
        if self._hits:
            self._set.Compile()

    def _add(self, source: str, hit: _Hit) -> None:
        self._set.Add(source)
        self._hits.append(hit)

    def read(self, text: str) -> Reading:
        """`text` is normalised already."""
        if not self._hits:
            return NOTHING
        encoded = text.encode("utf-8", "replace")  # a lone surrogate is no reason to fail
        numbers = self._set.Match(encoded)
        return self._weigh(numbers, encoded) if numbers else NOTHING

    def _weigh(self, numbers: list[int], encoded: bytes) -> Reading:
        longest: dict[int, tuple[int, str]] = {}
        guarded: set[int] = set()
        for number in numbers:
            hit = self._hits[number]
            if hit.guard:
                guarded.add(hit.row)
            else:
                found = self._measure(hit, encoded)
                longest[hit.row] = max(longest.get(hit.row, found), found)
        rows = [row for row in sorted(longest) if row not in guarded]
        category, because = self._decide(rows, longest)
        ids = tuple(self._rows[row].id for row in rows)
        flags = tuple(sorted({flag for row in rows for flag in self._rows[row].flags}))
        return Reading(ids, flags, category, because)

    def _measure(self, hit: _Hit, encoded: bytes) -> tuple[int, str]:
        """(characters of the hit, what to call it): a pattern is called by its entry, the text stays out of it."""
        if hit.regex is None:
            return len(hit.word), hit.word
        match = hit.regex.search(encoded)
        return (len(match[0].decode("utf-8", "replace")) if match else 0), self._rows[hit.row].id

    def _decide(self, rows: list[int], longest: dict[int, tuple[int, str]]) -> tuple[str | None, str]:
        deciding = [row for row in rows if self._rows[row].category is not None]
        if not deciding:
            return None, ""
        best = min(deciding, key=lambda row: (-self._rows[row].weight, -longest[row][0], self._rows[row].id))
        return self._rows[best].category, longest[best][1]
