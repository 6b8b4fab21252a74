"""Codes, spans and instants as words for one reader: language, names of the pack, local time. Pure."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from dispatcher.web.console.language import Language, catalogue
from routing_rules import Compiled
from schemas.refusals import Refusal, title
from schemas.views import ClockReading


class Words:
    """Sentences of the catalogue, without a pack: all that a page about a failure has."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._words = catalogue(language)

    def t(self, key: str, /, **fields: object) -> str:
        """The sentence with this key. KeyError = a key that no catalogue has, which a test would find."""
        sentence = self._words[key]
        return sentence.format(**fields) if fields else sentence

    def has(self, key: str) -> bool:
        return key in self._words

    def jurisdiction(self) -> str:
        return ""


class Wording(Words):
    """What the templates call; `now` decides which instants are shown without their date."""

    def __init__(self, language: Language, compiled: Compiled, now: datetime) -> None:
        super().__init__(language)
        self._compiled = compiled
        self._today = now.astimezone(compiled.zone).date()
        self._areas = {area.id: area for area in compiled.bundle.areas}

    def responder(self, responder_id: str) -> str:
        known = self._compiled.responders.get(responder_id)
        return known.named(self.language) if known else responder_id

    def responders(self, ids: Iterable[str]) -> str:
        return ("、" if self.language == "zh" else ", ").join(map(self.responder, ids))

    def listed(self, parts: Iterable[str]) -> str:
        """Half-sentences, one after the other."""
        return (", " if self.language == "en" else ",").join(parts)

    def category(self, category_id: str | None) -> str:
        known = self._compiled.categories.get(category_id or "")
        return known.named(self.language) if known else category_id or self.t("category.none")

    def area(self, area_id: str | None) -> str:
        known = self._areas.get(area_id or "")
        return known.named(self.language) if known else area_id or self.t("area.none")

    def attributes(self) -> dict[str, str]:
        """What the rules ask beside kind and place: codes ("name=value", the value as JSON) with their words."""
        asked = (each for rule in self._compiled.bundle.rules for each in rule.when.attributes.items())
        several = ((name, values) for name, values in asked if isinstance(values, tuple))
        return {
            f"{name}={msgspec.json.encode(value).decode()}": f"{name}: {self._plain(value)}"
            for name, values in several
            for value in values
        }

    def _plain(self, value: object) -> str:
        return self.t("action.yes" if value else "action.no") if isinstance(value, bool) else str(value)

    def jurisdiction(self) -> str:
        bundle = self._compiled.bundle
        return bundle.name.get(self.language) or bundle.jurisdiction

    def at(self, instant: datetime) -> str:
        """Local time; with its date unless that is today's."""
        local = instant.astimezone(self._compiled.zone)
        if local.date() == self._today:
            return f"{local:%H:%M}"
        return f"{local:%m-%d %H:%M}" if local.year == self._today.year else f"{local:%Y-%m-%d %H:%M}"

    def field(self, instant: datetime | None) -> str:
        """As an input of type datetime-local holds it."""
        return "" if instant is None else f"{instant.astimezone(self._compiled.zone):%Y-%m-%dT%H:%M}"

    def full(self, instant: datetime) -> str:
        return f"{instant.astimezone(self._compiled.zone):%Y-%m-%d %H:%M:%S}"

    def span(self, seconds: int) -> str:
        """A span in the two units that matter, rounded down."""
        minutes, s = divmod(abs(seconds), 60)
        hours, m = divmod(minutes, 60)
        d, h = divmod(hours, 24)
        if d:
            return self.t("span.days", d=d, h=h)
        if hours:
            return self.t("span.hours", h=hours, m=m)
        return self.t("span.minutes", m=minutes) if minutes else self.t("span.seconds", s=s)

    def clock(self, clock: ClockReading) -> str:
        """How much is left, or by how much it is late, also of one that stands; or when it stopped."""
        if clock.stopped_at is not None:
            return self.t("clock.stopped.late" if clock.late else "clock.stopped", at=self.at(clock.stopped_at))
        ahead, late = ("clock.stands", "clock.stands.late") if clock.paused_at else ("clock.left", "clock.late")
        return self.t(late if clock.late else ahead, span=self.span(clock.remaining_s or 0))

    def refusal(self, refusal: Refusal) -> str:
        fields: dict[str, Any] = {name: getattr(refusal, name) for name in refusal.__struct_fields__}
        if "holder" in fields:
            fields |= {"holder": self.responder(fields["holder"]), "claimed_at": self.at(fields["claimed_at"])}
        if "state" in fields:
            fields["state"] = self.t(f"{'unit' if 'unit' in fields else 'state'}.{fields['state']}")
        return self.t(f"refusal.{title(refusal)}", **fields)

    def actor(self, actor: str) -> str:
        """Responders by name; sources and operators by id."""
        return self.responder(actor)
