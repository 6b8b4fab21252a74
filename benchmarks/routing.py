"""routing: perceive and route together, CPU microseconds a report in one thread.

`routing.given`: the rules of `boston`, category given, a place in words. `routing.text`: 60 characters of Chinese in
which the keyword table of `qinggang` finds about four words. Baselines: the same perceiving, then every rule asked in
turn; the same routing, with each word of the table looked for by itself.
"""

import random
import re
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.boston_reports import PACK, boston_bodies
from benchmarks.figures import Rounds, Row
from routing_rules import Compiled, bundle_id, compile_bundle, encode_bundle, load_pack, perceive, route
from routing_rules.compile import Plan
from routing_rules.model import Keyword
from routing_rules.regions import OneOf
from routing_rules.words import Words
from schemas.facts import Facts
from schemas.reports import Location, Report

_COUNT: Final = 4_000
_ROUNDS: Final = 5
_NOW: Final = datetime(2025, 1, 12, 4, 22, tzinfo=UTC)
_FILLING: Final = (
    "的一是在不了有和人这中大上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定"
)


def run() -> list[Row]:
    boston, qinggang = _compiled(PACK), _compiled(PACK.parent / "qinggang")
    cases = [msgspec.json.decode(body, type=Report) for body in boston_bodies(_COUNT)]
    texts = _texts(qinggang.bundle.keywords)
    return [
        _row("routing.given", boston, cases, 15, "scan of all rules", _scanning(boston)),
        _row("routing.text", qinggang, texts, 30, "each word by itself", _searching(qinggang)),
    ]


def _compiled(folder: Path) -> Compiled:
    bundle = load_pack(folder)
    return compile_bundle(bundle, bundle_id(encode_bundle(bundle)))


def _row(
    name: str, pack: Compiled, reports: Sequence[Report], goal: float, baseline: str, plain: Callable[[Report], object]
) -> Row:
    ours, theirs = [], []
    for _ in range(_ROUNDS):
        ours.append(_microseconds(lambda report: route(perceive(report, pack, _NOW), pack, _NOW), reports))
        theirs.append(_microseconds(plain, reports))
    rounds = Rounds.of(ours)
    note = f"{len(pack.bundle.rules)} rules; goal {goal:g} µs on an idle machine"
    return Row(name, rounds.median, "µs", baseline, Rounds.of(theirs).median, None, str(rounds), note)


def _microseconds(work: Callable[[Report], object], reports: Sequence[Report]) -> float:
    began = time.process_time()
    for report in reports:
        work(report)
    return (time.process_time() - began) / len(reports) * 1e6


def _scanning(pack: Compiled) -> Callable[[Report], object]:
    """The same perceiving, then every rule asked in order of rank until one owns."""

    def scan(report: Report) -> object:
        facts = perceive(report, pack, _NOW)
        return next(plan for plan in pack.plans if plan.owns and _holds(plan, facts))

    return scan


def _holds(plan: Plan, facts: Facts) -> bool:
    for fact, value in (("category", facts.category), ("area", facts.area)):
        constraint = plan.region.get(fact)
        if isinstance(constraint, OneOf) and value not in constraint.values:
            return False
    return plan.test is None or plan.test(facts)


class _InTurn(Words):
    """The same answers, each piece of each word looked for by itself."""

    def _starts(self, text: str) -> dict[str, list[int]]:
        pieces = {*self._plain, *(piece for second in self._gapped.values() for piece in second), *self._gapped}
        places = {piece: [hit.start() for hit in re.finditer(f"(?={re.escape(piece)})", text)] for piece in pieces}
        return {piece: found for piece, found in places.items() if found}


def _searching(pack: Compiled) -> Callable[[Report], object]:
    plain = _compiled(PACK.parent / "qinggang")
    plain.keywords._words = _InTurn(each.word for each in plain.keywords._word_list)  # noqa: SLF001 - the part compared
    for report in _texts(pack.bundle.keywords)[:200]:
        assert perceive(report, plain, _NOW) == perceive(report, pack, _NOW)
    return lambda report: route(perceive(report, plain, _NOW), plain, _NOW)


def _texts(keywords: Sequence[Keyword]) -> list[Report]:
    dice = random.Random(2025)  # noqa: S311 - repeatable, not secret
    words = [word for keyword in keywords for word in keyword.any]
    return [
        Report(
            source="110",
            source_id=str(number),
            text=_text(dice, words),
            area="231223100",
            location=Location(lat=46.69, lon=126.10),
            reported_at=_NOW,
        )
        for number in range(_COUNT)
    ]


def _text(dice: random.Random, words: Sequence[str]) -> str:
    text = dice.choice(["", f"泰和街{dice.randrange(1, 99)}号", "盛世嘉园八号楼", "哈黑路与北环路交叉口"])
    while len(text) < 60:
        word = dice.choice(words).replace("…", "".join(dice.choices(_FILLING, k=3)))
        text += dice.choice(_FILLING) if dice.random() < 0.9 else word + dice.choice(",。")
    return text[:60]
