"""YAML text as nodes that know their place.

Stricter than YAML: no anchors, aliases, tags, second documents or duplicate keys, and scalars are text until somebody
asks for their value (so 231223100 can be a code).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from routing_rules.problems import Problem

_MAX_DEPTH = 24
_NULL = {"", "~", "null", "Null", "NULL"}
_BOOL = {"true": True, "True": True, "false": False, "False": False}
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})\Z")
_FLOAT = re.compile(r"[-+]?[0-9]{1,18}\.[0-9]{1,18}\Z")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where the wheel has it


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node begins; line and column from 1."""

    file: str
    line: int
    column: int

    def problem(self, message: str) -> Problem:
        return Problem(self.file, self.line, self.column, message)


@dataclass(frozen=True, slots=True)
class Scalar:
    place: Place
    text: str
    plain: bool  # unquoted: may be a number, a truth value or nothing

    @property
    def value(self) -> str | int | float | bool | None:
        """What the text means: YAML 1.2 core, so `no` and `12:30` stay text."""
        if not self.plain:
            return self.text
        if self.text in _NULL:
            return None
        if self.text in _BOOL:
            return _BOOL[self.text]
        if _INT.match(self.text):
            return int(self.text)
        return float(self.text) if _FLOAT.match(self.text) else self.text


@dataclass(frozen=True, slots=True)
class Sequence:
    place: Place
    items: list["Node"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Mapping:
    place: Place
    keys: dict[str, Scalar] = field(default_factory=dict)
    values: dict[str, "Node"] = field(default_factory=dict)


Node = Scalar | Sequence | Mapping


def compose(file: str, text: str, problems: list[Problem]) -> Node | None:
    """The one document of a file, or None when it is empty or broken; what is wrong is added to `problems`."""
    composer = _Composer(file, problems)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            composer.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)
        said = ", ".join(filter(None, (error.context, error.problem)))
        problems.append(place.problem(f"not readable as YAML: {said}"))
        return None
    except yaml.reader.ReaderError as error:
        problems.append(_unreadable(file, text, error))
        return None
    return composer.root


def _unreadable(file: str, text: str, error: yaml.reader.ReaderError) -> Problem:
    before = text[: error.position]
    place = Place(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
    return place.problem(f"not readable as YAML: a character that may not stand here ({error.reason})")


class _Composer:
    """Builds nodes from parser events, without recursion: depth of the input is no danger."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self._file = file
        self._problems = problems
        self._open: list[Sequence | Mapping] = []
        self._keys: list[Scalar | None] = []  # for each open mapping the key that waits for its value
        self._documents = 0
        self.root: Node | None = None

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._note(event, "a second document begins here; a file of a pack holds one")
        elif isinstance(event, yaml.AliasEvent):
            self._note(event, f"aliases are not allowed (*{event.anchor}): write the value out")
            self._add(Scalar(self._place(event), "", plain=True))
        elif isinstance(event, yaml.NodeEvent):
            self._node(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()
            self._keys.pop()

    def _node(self, event: yaml.NodeEvent) -> None:
        if event.anchor:
            self._note(event, f"anchors are not allowed (&{event.anchor}): write the value out where it is needed")
        if getattr(event, "tag", None):
            self._note(event, "tags are not allowed (!…): write a plain value")
        place = self._place(event)
        if isinstance(event, yaml.ScalarEvent):
            self._add(Scalar(place, event.value, plain=not event.style))
            return
        node = Sequence(place) if isinstance(event, yaml.SequenceStartEvent) else Mapping(place)
        if len(self._open) == _MAX_DEPTH:
            self._note(event, f"nested more than {_MAX_DEPTH} deep")
        self._add(node)
        self._open.append(node)
        self._keys.append(None)

    def _add(self, node: Node) -> None:
        if not self._open:
            self.root = node if self._documents == 1 else self.root
        elif isinstance(parent := self._open[-1], Sequence):
            parent.items.append(node)
        elif (key := self._keys[-1]) is None:
            self._keys[-1] = self._key(node)
        else:
            self._keys[-1] = None
            if key.text in parent.values:
                first = parent.keys[key.text].place.line
                self._problems.append(key.place.problem(f"duplicate key {key.text!r} (first in line {first})"))
            else:
                parent.keys[key.text] = key
                parent.values[key.text] = node

    def _key(self, node: Node) -> Scalar:
        if isinstance(node, Scalar):
            return node
        self._problems.append(node.place.problem("a key must be a word, not a list or mapping"))
        return Scalar(node.place, "", plain=True)

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        return Place(self._file, mark.line + 1, mark.column + 1) if mark else Place(self._file, 1, 1)

    def _note(self, event: yaml.Event, message: str) -> None:
        self._problems.append(self._place(event).problem(message))


def plain(node: Node, depth: int = 0) -> object:
    """The node as Python values (None below the allowed depth, which `compose` has complained about)."""
    if isinstance(node, Scalar):
        return node.value
    if depth > _MAX_DEPTH:
        return None
    if isinstance(node, Sequence):
        return [plain(item, depth + 1) for item in node.items]
    return {key: plain(value, depth + 1) for key, value in node.values.items()}


def place_at(node: Node, path: Iterator[str | int]) -> Place:
    """Place of the value at the end of a path of keys and indexes, or of the last that exists."""
    for step in path:
        if isinstance(node, Mapping) and step in node.values:
            node = node.values[str(step)]
        elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
        else:
            break
    return node.place
