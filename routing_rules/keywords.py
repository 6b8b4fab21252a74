"""The keyword table over a text: words in one pass of `words`, regular expressions in one pass of RE2, both linear."""

import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

import re2

from routing_rules.model import Keyword
from routing_rules.words import GAP, Words, parts_of

_LONGEST_PATTERN = 1_000
_SET_MEMORY = 64 << 20  # bytes for the automaton of all patterns
_PATTERN_MEMORY = 1 << 20  # bytes for one pattern: what needs more is refused


class Reading(NamedTuple):
    """What the table found: ids of entries in table order, their flags, and the deciding category with its reason."""

    ids: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    category: str | None = None
    because: str = ""


class _Word(NamedTuple):
    """A word of the table and the row it belongs to; a guard keeps its row from counting."""

    row: int
    word: str
    guard: bool


class _Pattern(NamedTuple):
    row: int
    regex: "re2._Regexp"


NOTHING = Reading()


def wrong_with_word(word: str) -> str | None:
    """Why a word of the table is refused, or None."""
    if all(parts_of(word)):
        return None
    return f"a word needs text around each {GAP}: {word!r}" if GAP in word else f"no word: {word!r}"


def wrong_with_pattern(pattern: str) -> str | None:
    """Why a regular expression of the table is refused, or None."""
    if len(pattern) > _LONGEST_PATTERN:
        return f"a pattern has at most {_LONGEST_PATTERN} characters"
    for character in pattern:
        if unicodedata.normalize("NFKC", character) != character:
            meant = unicodedata.normalize("NFKC", character)
            return f"{character!r} can never match: texts are read with {meant!r} in its place"
    try:
        compiled = re2.compile(_source(pattern), _options(_PATTERN_MEMORY))
    except re2.error as error:
        said = error.args[0] if error.args else "unknown fault"
        return f"not a pattern RE2 can run: {said.decode() if isinstance(said, bytes) else said}"
    return f"matches every text: {pattern!r}" if compiled.search("") else None


def _options(memory: int) -> re2.Options:
    options = re2.Options()
    options.max_mem = memory
    options.log_errors = False
    return options


def _source(pattern: str) -> str:
    return f"(?i)(?:{pattern})"


class KeywordTable:
    """The compiled table. Immutable; `read` may run in many threads."""

    def __init__(self, keywords: Iterable[Keyword]) -> None:
        self._rows = tuple(keywords)
        self._word_list = [
            _Word(number, word, guard)
            for number, keyword in enumerate(self._rows)
            for words, guard in ((keyword.any, False), (keyword.unless, True))
            for word in words
        ]
        self._words = Words(each.word for each in self._word_list)
        self._patterns: list[_Pattern] = []
        self._set = re2.Set.SearchSet(_options(_SET_MEMORY))
        for number, keyword in enumerate(self._rows):
            for pattern in keyword.regex:
                self._set.Add(_source(pattern))
                self._patterns.append(_Pattern(number, re2.compile(_source(pattern), _options(_PATTERN_MEMORY))))
        if self._patterns:
            self._set.Compile()

    def read(self, text: str) -> Reading:
        """What the table says about a text that is normalised already."""
        longest: dict[int, tuple[int, str]] = {}
        guarded: set[int] = set()
        for number in self._words.find(text):
            row, word, guard = self._word_list[number]
            if guard:
                guarded.add(row)
            elif row not in longest or longest[row] < (len(word), word):  # words come in no order: the same one always
                longest[row] = len(word), word
        if self._patterns:
            self._read_patterns(text, longest)
        return self._reading([row for row in sorted(longest) if row not in guarded], longest) if longest else NOTHING

    def _read_patterns(self, text: str, longest: dict[int, tuple[int, str]]) -> None:
        """A pattern is called by its entry: the text that it hit stays out of reasons and journal."""
        encoded = text.encode("utf-8", "replace")  # a lone surrogate is no reason to fail
        for number in self._set.Match(encoded) or ():
            row, regex = self._patterns[number]
            match = regex.search(encoded)
            length = len(match[0].decode("utf-8", "replace")) if match else 0
            longest[row] = max(longest.get(row, (0, "")), (length, self._rows[row].id))

    def _reading(self, rows: list[int], longest: dict[int, tuple[int, str]]) -> Reading:
        category, because = self._decide(rows, longest)
        ids = tuple([self._rows[row].id for row in rows])
        flags = {flag for row in rows if self._rows[row].flags for flag in self._rows[row].flags}
        return Reading(ids, tuple(sorted(flags)) if flags else (), category, because)

    def _decide(self, rows: list[int], longest: dict[int, tuple[int, str]]) -> tuple[str | None, str]:
        deciding = [row for row in rows if self._rows[row].category is not None]
        if not deciding:
            return None, ""
        if len(deciding) == 1:
            return self._rows[deciding[0]].category, longest[deciding[0]][1]
        best = min(deciding, key=lambda row: (-self._rows[row].weight, -longest[row][0], self._rows[row].id))
        return self._rows[best].category, longest[best][1]
