"""The mapping file: which columns of a CSV or JSONL file become which fields of a report. Language: README.md here."""

import re
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn, TypeVar
from zoneinfo import ZoneInfo

from connectors.files.cells import Column, Recipe, TimeRecipe
from connectors.files.yaml_keys import Keys, MappingError, compose

Format = Literal["csv", "jsonl"]
Choice = TypeVar("Choice", bound=str)
FORMATS: tuple[Format, ...] = ("csv", "jsonl")
ENCODINGS = ("utf-8", "gb18030", "latin-1", "cp1252")  # each keeps a line break one byte of its own
TEXT_FIELDS = ("source", "source_id", "channel", "text", "category", "severity", "area", "place")
_TOP = ("format", "encoding", "delimiter", "zone", "report", "due", "closed_at")
_REPORT = (*TEXT_FIELDS, "attributes", "location", "reported_at", "reporter")
_RECIPE = ("column", "template", "value", "map", "else", "slug", "as")
_TIME = (*_RECIPE, "zone", "format")


@dataclass(frozen=True, slots=True)
class PlaceRecipe:
    """A point; none where a cell of `unless` holds one of its texts (a default point that means "unknown")."""

    lat: Recipe
    lon: Recipe
    crs: str
    unless: tuple[tuple[Recipe, frozenset[str]], ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping file, read. A due clock that is None here means "no such clock"; one that is absent, the rule's."""

    file: str
    fields: MappingOf[str, Recipe]
    format: Format | None = None
    encoding: str = "utf-8"
    delimiter: str = ","
    attributes: MappingOf[str, Recipe] | None = None
    reporter: MappingOf[str, Recipe] | None = None
    location: PlaceRecipe | None = None
    reported_at: TimeRecipe | None = None
    due: MappingOf[str, TimeRecipe | None] | None = None
    closed_at: TimeRecipe | None = None


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file. Raises MappingError, or OSError when it cannot be opened."""
    file = str(path)
    return _Reader(file).mapping(compose(file, path.read_bytes()))


class _Reader:
    """Turns the YAML nodes into recipes and says where something is wrong."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._zone: ZoneInfo | None = None

    def mapping(self, document: object) -> Mapping:
        top = self._keys(document, _TOP, (1, 1), "a mapping")
        if "report" not in top:
            self._wrong((1, 1), "`report` is missing: it says how a report is made from a row")
        self._zone = self._zone_of(top) if "zone" in top else None
        report = self._keys(top["report"], _REPORT, self._at(top, "report"), "`report`")
        for required in ("source", "source_id"):
            if required not in report:
                self._wrong(self._at(top, "report"), f"`report.{required}` is missing: a report is known by it")
        if "text" not in report and "category" not in report:
            self._wrong(self._at(top, "report"), "a report needs `text` or `category`")
        return Mapping(
            file=self._file,
            fields={name: self._recipe(report, name) for name in TEXT_FIELDS if name in report},
            format=self._one_of(top, "format", FORMATS),
            encoding=self._one_of(top, "encoding", ENCODINGS) or "utf-8",
            delimiter=self._delimiter(top),
            attributes=self._recipes(report, "attributes"),
            reporter=self._recipes(report, "reporter", ("name", "phone")),
            location=self._location(report) if "location" in report else None,
            reported_at=self._time(report, "reported_at") if "reported_at" in report else None,
            due=self._due(top) if "due" in top else None,
            closed_at=self._time(top, "closed_at") if "closed_at" in top else None,
        )

    def _recipes(self, parent: Keys, key: str, known: tuple[str, ...] | None = None) -> dict[str, Recipe] | None:
        if key not in parent:
            return None
        node = self._keys(parent[key], known, self._at(parent, key), f"`{key}`")
        return {name: self._recipe(node, name) for name in node}

    def _due(self, top: Keys) -> dict[str, TimeRecipe | None]:
        node = self._keys(top["due"], ("claim_at", "resolution_at"), self._at(top, "due"), "`due`")
        return {name: None if node[name] is None else self._time(node, name) for name in node}

    def _location(self, report: Keys) -> PlaceRecipe:
        node = self._keys(
            report["location"], ("lat", "lon", "crs", "unless"), self._at(report, "location"), "`location`"
        )
        if not {"lat", "lon"} <= set(node):
            self._wrong(self._at(report, "location"), "`location` needs `lat` and `lon`")
        unless: list[tuple[Recipe, frozenset[str]]] = []
        if "unless" in node:
            marks = self._keys(node["unless"], None, self._at(node, "unless"), "`unless`")
            for name, texts in marks.items():
                column = Column(name, *self._at(marks, name, key=True))
                unless.append((Recipe((column,)), frozenset(map(str, texts if isinstance(texts, list) else [texts]))))
        return PlaceRecipe(
            lat=self._recipe(node, "lat"),
            lon=self._recipe(node, "lon"),
            crs=self._text(node, "crs") if "crs" in node else "WGS-84",
            unless=tuple(unless),
        )

    def _time(self, parent: Keys, key: str) -> TimeRecipe:
        node, at = parent[key], self._at(parent, key)
        zone, pattern = self._zone, None
        if isinstance(node, Keys):
            self._keys(node, _TIME, at, f"`{key}`")
            zone = self._zone_of(node) if "zone" in node else zone
            pattern = self._text(node, "format") if "format" in node else None
        if zone is None:
            self._wrong(at, f"`{key}` needs a zone, here or at the top, for times without an offset")
        return TimeRecipe(self._recipe(parent, key, _TIME), zone, pattern)

    def _recipe(self, parent: Keys, key: str, known: tuple[str, ...] = _RECIPE) -> Recipe:
        node, at = parent[key], self._at(parent, key)
        if isinstance(node, str):
            return Recipe((Column(node, *at),))
        if not isinstance(node, Keys):
            self._wrong(at, f"`{key}` is the name of a column or one of {{column: …}}, {{template: …}}, {{value: …}}")
        self._keys(node, known, at, f"`{key}`")
        kinds = [kind for kind in ("column", "template", "value") if kind in node]
        if len(kinds) != 1:
            self._wrong(at, f"`{key}` needs exactly one of `column`, `template`, `value`")
        return Recipe(
            pieces=self._pieces(node, kinds[0]),
            lookup=self._lookup(node),
            otherwise=self._text(node, "else") if "else" in node else None,
            slug=self._slug(node),
            number=self._one_of(node, "as", ("text", "number")) == "number",
        )

    def _pieces(self, node: Keys, kind: str) -> tuple[str | Column, ...]:
        text, (line, column) = self._text(node, kind), self._at(node, kind)
        if kind == "value":
            return (text,)
        if kind == "column":
            return (Column(text, line, column),)
        parts = re.split(r"\{([^{}]+)\}", text)
        if len(parts) < 3 or any("{" in part or "}" in part for part in parts[::2]):
            self._wrong((line, column), f'a template looks like "{{subject}}/{{type}}", not {text!r}')
        return tuple(
            Column(part, line, column) if index % 2 else part for index, part in enumerate(parts) if index % 2 or part
        )

    def _lookup(self, node: Keys) -> dict[str, str]:
        if "map" not in node:
            return {}
        table = self._keys(node["map"], None, self._at(node, "map"), "`map`")
        return {found: self._text(table, found) for found in table}

    def _slug(self, node: Keys) -> bool:
        slug = node.get("slug", False)
        if not isinstance(slug, bool):
            self._wrong(self._at(node, "slug"), f"`slug` is true or false, not {slug!r}")
        return slug

    def _delimiter(self, top: Keys) -> str:
        delimiter = self._text(top, "delimiter") if "delimiter" in top else ","
        if len(delimiter) != 1 or delimiter in '"\r\n':
            self._wrong(self._at(top, "delimiter"), f"`delimiter` is one character, not {delimiter!r}")
        return delimiter

    def _zone_of(self, node: Keys) -> ZoneInfo:
        name = self._text(node, "zone")
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            self._wrong(self._at(node, "zone"), f"no time zone {name!r}")

    def _one_of(self, node: Keys, key: str, known: tuple[Choice, ...]) -> Choice | None:
        if key not in node:
            return None
        found = next((choice for choice in known if choice == node[key]), None)
        if found is None:
            self._wrong(self._at(node, key), f"`{key}` is one of {', '.join(known)}, not {node[key]!r}")
        return found

    def _text(self, node: Keys, key: str) -> str:
        value = node[key]
        if not isinstance(value, str):
            self._wrong(self._at(node, key), f"`{key}` is a text, not {value!r:.40}")
        return value

    def _keys(self, node: object, known: tuple[str, ...] | None, at: tuple[int, int], what: str) -> Keys:
        if not isinstance(node, Keys):
            self._wrong(at, f"{what} is a mapping with keys, not {node!r:.40}")
        for key in node:
            if known is not None and key not in known:
                self._wrong(self._at(node, key, key=True), f"unknown key {key!r} in {what}; known: {', '.join(known)}")
        return node

    @staticmethod
    def _at(node: Keys, name: str, *, key: bool = False) -> tuple[int, int]:
        return (node.key_places if key else node.value_places)[name]

    def _wrong(self, at: tuple[int, int], message: str) -> NoReturn:
        raise MappingError(self._file, *at, message)
