"""A page as a reader finds it: its text, forms and flaws."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"input", "link", "meta", "br", "img"}


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    options: dict[str, list[str]] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)


class Page(HTMLParser):
    """Raises AssertionError when elements are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.pictures: list[str] = []
        self.unlabelled: list[str] = []
        self.headers_without_scope = 0
        self.scripts_and_styles = 0
        self.language = ""
        self.words: list[str] = []
        self.rows: list[str] = []
        self._open: list[str] = []
        self._select = ""
        self.feed(text)
        self.close()
        assert self._open == []

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def form(self, action: str) -> Form:
        return next(form for form in self.forms if form.action == action)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag not in _VOID:
            self._open.append(tag)
        inline = tag == "style" or (tag == "script" and not given.get("src", "").startswith("/static/"))
        self.scripts_and_styles += inline or "style" in given or any(name.startswith("on") for name in given)
        self.headers_without_scope += tag == "th" and "scope" not in given
        self.links += [given[name] for name in ("href", "src", "action") if name in given]
        self.pictures += [given["src"]] if tag == "img" else []
        self.language = given["lang"] if tag == "html" else self.language
        if tag == "tr":
            self.rows.append("")
        if tag == "form":
            self.forms.append(Form(given["action"], given["method"]))
        if tag in {"input", "select", "textarea"}:
            self._field(tag, given)
        if tag == "option":
            self._option(given)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if "tr" in self._open and data.strip():
            self.rows[-1] += f"{data.strip()} "

    def _field(self, tag: str, given: dict[str, str]) -> None:
        name = given.get("name", "")
        if given.get("type") != "hidden" and "label" not in self._open:
            self.unlabelled.append(name)
        if given.get("type") == "radio":
            self.forms[-1].choices.setdefault(name, []).append(given["value"])
        elif given.get("type") == "checkbox":
            if "checked" in given:
                self.forms[-1].fields[name] = given["value"]
        elif name:
            self.forms[-1].fields[name] = given.get("value", "")
        self._select = name if tag == "select" else ""

    def _option(self, given: dict[str, str]) -> None:
        form = self.forms[-1]
        options = form.options.setdefault(self._select, [])
        options.append(given["value"])
        if "selected" in given or len(options) == 1:
            form.fields[self._select] = given["value"]
