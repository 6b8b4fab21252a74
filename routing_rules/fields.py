"""Reads a mapping of a pack key by key.

Whatever is wrong is noted with its place and reading goes on, so that one look at a pack reports everything.
"""

import difflib
import re
from collections.abc import Callable, Collection
from typing import TypeVar

from routing_rules.calendars import CalendarError
from routing_rules.model import Plain
from routing_rules.problems import Problem
from routing_rules.yaml_nodes import Mapping, Node, Place, Scalar, Sequence, place_at, plain

T = TypeVar("T")
_LONGEST_TEXT = 4_000
_SPAN = re.compile(r"([0-9]{1,6})(m|h|d)\Z")
_DISTANCE = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(m|km)\Z")
_SECONDS = {"m": 60, "h": 3_600, "d": 86_400}
_NAME = re.compile(r"[^\s*…\x00-\x1f\x7f](?:[^*…\x00-\x1f\x7f]{0,118}[^\s*…\x00-\x1f\x7f])?\Z")


class Fields:
    """The keys of one mapping. `what` names it in messages ("a rule"). Every key asked for counts as known."""

    def __init__(self, node: Node, what: str, problems: list[Problem]) -> None:
        self.place = node.place
        self.problems = problems
        self._what = what
        self._asked: set[str] = set()
        self._mapping = node if isinstance(node, Mapping) else Mapping(node.place)
        self._is_mapping = isinstance(node, Mapping)
        if not self._is_mapping:
            self.note(node.place, f"{what} must be a mapping of keys to values")

    def note(self, place: Place, message: str) -> None:
        self.problems.append(place.problem(message))

    def wrong(self, key: str, message: str) -> None:
        node = self._mapping.values.get(key)
        self.note(node.place if node else self.place, message)

    def has(self, key: str) -> bool:
        self._asked.add(key)
        return key in self._mapping.values

    def node(self, key: str, *, required: bool = False) -> Node | None:
        """The value, or None (noted) when it is missing or empty."""
        self._asked.add(key)
        node = self._mapping.values.get(key)
        if node is None and required and self._is_mapping:
            self.note(self.place, f"{self._what} needs `{key}`")
        if isinstance(node, Scalar) and node.value is None:
            self.note(node.place, f"`{key}` has no value")
            return None
        return node

    def scalars(self, key: str, *, required: bool = False) -> list[Scalar]:
        """One value or a list of them; an empty list is noted."""
        node = self.node(key, required=required)
        if node is None:
            return []
        nodes = node.items if isinstance(node, Sequence) else [node]
        if not nodes:
            self.note(node.place, f"`{key}` is an empty list")
        good = [item for item in nodes if isinstance(item, Scalar) and item.value is not None]
        for item in nodes:
            if not isinstance(item, Scalar) or item.value is None:
                self.note(item.place, f"`{key}` takes a value or a list of values")
        return good

    def texts(self, key: str, *, required: bool = False) -> tuple[str, ...]:
        """The texts of `scalars`, each once; a repetition is noted."""
        found: list[str] = []
        for scalar in self.scalars(key, required=required):
            if scalar.text in found:
                self.note(scalar.place, f"{scalar.text!r} stands twice in `{key}`")
            elif len(scalar.text) > _LONGEST_TEXT:
                self.note(scalar.place, f"longer than {_LONGEST_TEXT} characters")
            else:
                found.append(scalar.text)
        return tuple(found)

    def text(self, key: str, *, required: bool = False) -> str | None:
        node = self.node(key, required=required)
        if isinstance(node, Scalar) and len(node.text) <= _LONGEST_TEXT:
            return node.text
        if node is not None:
            self.note(node.place, f"`{key}` must be one text of at most {_LONGEST_TEXT} characters")
        return None

    def id(self, key: str = "id", pattern: re.Pattern[str] = _NAME, looks: str = "a name without * or …") -> str:
        """A required id; "" when it is missing or malformed."""
        text = self.text(key, required=True)
        if text is not None and not pattern.match(text):
            self.wrong(key, f"`{key}` must be {looks}, at most 120 characters, not {text!r}")
            return ""
        return text or ""

    def text_is(self, key: str, expected: str) -> bool:
        node = self._mapping.values.get(key)
        return isinstance(node, Scalar) and node.text == expected

    def value(self, key: str, kinds: tuple[type, ...]) -> Plain | None:
        """One value of these kinds."""
        node = self.node(key)
        value = node.value if isinstance(node, Scalar) else None
        if value is not None and type(value) in kinds:
            return value
        if node is not None:
            self.note(node.place, f"`{key}` takes one value of kind {', '.join(kind.__name__ for kind in kinds)}")
        return None

    def number(self, key: str, *, required: bool = False) -> float | None:
        node = self.node(key, required=required)
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        if node is not None:
            self.note(node.place, f"`{key}` is a number")
        return None

    def truth(self, key: str) -> bool:
        node = self.node(key)
        value = node.value if isinstance(node, Scalar) else None
        if node is not None and not isinstance(value, bool):
            self.note(node.place, f"`{key}` is true or false")
        return value is True

    def integer(self, key: str, default: int) -> int:
        node = self.node(key)
        value = node.value if isinstance(node, Scalar) else None
        if node is None:
            return default
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1_000_000:
            return value
        self.note(node.place, f"`{key}` is a whole number")
        return default

    def span_s(self, key: str) -> float | None:
        """Required elapsed time in seconds."""
        text = self.text(key, required=True)
        long = _SPAN.match(text or "")
        if text is not None and not long:
            self.wrong(key, f"`{key}` is a time such as 30m, 6h or 2d, not {text!r}")
        return float(int(long[1]) * _SECONDS[long[2]]) if long else None

    def distance_m(self, key: str) -> float | None:
        """Required distance in metres."""
        text = self.text(key, required=True)
        far = _DISTANCE.match(text or "")
        if text is not None and not far:
            self.wrong(key, f"`{key}` is a distance such as 30m or 2km, not {text!r}")
        return float(far[1]) * (1_000 if far[2] == "km" else 1) if far else None

    def numbers(self, key: str, count: int, looks: str) -> tuple[float, ...] | None:
        node = self.node(key)
        return None if node is None else self.numbers_of(node, count, looks)

    def numbers_of(self, node: Node, count: int, looks: str) -> tuple[float, ...] | None:
        values = [item.value for item in node.items if isinstance(item, Scalar)] if isinstance(node, Sequence) else []
        good = [float(value) for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
        if len(good) == count and isinstance(node, Sequence) and len(node.items) == count:
            return tuple(good)
        self.note(node.place, f"must look like {looks}")
        return None

    def choice(self, key: str, allowed: Collection[str]) -> str | None:
        text = self.text(key)
        if text is not None and text not in allowed:
            self.wrong(key, f"`{key}` is {' or '.join(allowed)}, not {text!r}")
            return None
        return text

    def fields(self, key: str, what: str) -> "Fields | None":
        node = self.node(key)
        return None if node is None else Fields(node, what, self.problems)

    def items(self, key: str, what: str) -> "list[Fields]":
        """Each mapping of a list of mappings."""
        node = self.node(key)
        if node is None:
            return []
        if not isinstance(node, Sequence):
            self.note(node.place, f"`{key}` must be a list")
            return []
        return [Fields(item, what, self.problems) for item in node.items]

    def pairs(self) -> list[tuple[Scalar, Node]]:
        """All keys with their values, for mappings whose keys are names; all count as known."""
        self._asked.update(self._mapping.keys)
        return [(key, self._mapping.values[name]) for name, key in self._mapping.keys.items()]

    def names(self) -> dict[str, str]:
        """`name`: one text, or a text for each language."""
        node = self.node("name")
        if node is None or isinstance(node, Scalar):
            return {"und": node.text} if node else {}
        named = Fields(node, "`name`", self.problems)
        return {key.text: text for key, _ in named.pairs() if (text := named.text(key.text))}

    def reference(self, key: str, known: Collection[str], noun: str) -> str | None:
        found = self.references(key, known, noun)
        if len(found) > 1:
            self.wrong(key, f"`{key}` takes one {noun}")
        return found[0] if found else None

    def references(self, key: str, known: Collection[str], noun: str) -> tuple[str, ...]:
        """Names of things that the pack declares; unknown ones are noted."""
        for scalar in self.scalars(key):
            if scalar.text not in known:
                self.note(scalar.place, unknown(noun, scalar.text, known))
        return tuple(text for text in self.texts_quietly(key) if text in known)

    def texts_quietly(self, key: str) -> tuple[str, ...]:
        node = self._mapping.values.get(key)
        nodes = node.items if isinstance(node, Sequence) else [node]
        return tuple(dict.fromkeys(item.text for item in nodes if isinstance(item, Scalar)))

    def parsed(self, key: str, parser: Callable[[object, str], T], where: str) -> T | None:
        """A value that has a parser of its own raising CalendarError."""
        node = self.node(key)
        return None if node is None else parsed(node, parser, where, self.problems)

    def unsupported(self, *keys: str) -> None:
        """Keys that the design has and this version has not: said plainly instead of being ignored."""
        for key in keys:
            if self.has(key):
                self.note(self._mapping.keys[key].place, f"`{key}` is not yet supported")

    def finish(self) -> None:
        """Note every key that nobody asked for."""
        for name, key in self._mapping.keys.items():
            if name not in self._asked:
                value = self._mapping.values[name]
                hint = " (a text with a comma needs quotes)" if isinstance(value, Scalar) and not value.text else ""
                self.note(key.place, unknown(f"key in {self._what}:", name, self._asked, listed=True) + hint)


def parsed(node: Node, parser: Callable[[object, str], T], where: str, problems: list[Problem]) -> T | None:
    try:
        return parser(plain(node), where)
    except CalendarError as error:
        problems.append(place_at(node, iter(error.path)).problem(str(error)))
        return None


def unknown(noun: str, name: str, known: Collection[str], *, listed: bool = False) -> str:
    """Like "unknown responder 'x'; did you mean 'y'?"."""
    near = difflib.get_close_matches(name, known, n=1) if len(name) < 200 else []
    if near:
        return f"unknown {noun} {name!r}; did you mean {near[0]!r}?"
    return f"unknown {noun} {name!r}" + (f"; known: {', '.join(sorted(known))}" if listed else "")
