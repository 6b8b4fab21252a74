"""A bundle made ready: everything that can be computed once, immutable, shared by threads.

Rules are found by (category, area). The candidates of such a cell are gathered when it is first asked for, in order of
rank, and cut at the first unconditional owner: below it only rules that add copies or tags matter.
"""

from collections import defaultdict
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from routing_rules.areas import AreaTree
from routing_rules.bands import DayBands
from routing_rules.clocks import Before, ClockSpec, DueAt, compile_clock
from routing_rules.conditions import Condition, Test, World, conditions_of, region_of, test_of_all
from routing_rules.keywords import KeywordTable
from routing_rules.model import Bundle, Category, Point, Responder, Rule, When
from routing_rules.ranking import ranked
from routing_rules.regions import OneOf, Region


@dataclass(frozen=True, slots=True)
class Plan:
    """A rule ready to be asked.

    `copies_alone` = its copies when no other rule matches; `point_matters` = one of its clocks asks the sun;
    `test` = the conditions that category and area have not settled, None when there are none.
    """

    rule: Rule
    rank: int
    region: Region
    conditions: tuple[Condition, ...]
    test: Test | None
    copies: tuple[str, ...]
    copies_alone: tuple[str, ...]
    claim: DueAt | None
    fix: DueAt | None
    point_matters: bool
    owns: bool

    @property
    def adds(self) -> bool:
        return bool(self.copies or self.rule.tags)


@dataclass(frozen=True, slots=True)
class Cell:
    """Candidates of one (category, area): those asked, and those that are not because `asked` decides before them."""

    asked: tuple[Plan, ...]
    not_reached: tuple[Plan, ...]


class Compiled:
    """A bundle with its indexes. Made by `compile_bundle`; nothing in it changes but what it remembers."""

    def __init__(self, bundle: Bundle, bundle_id: str) -> None:
        self.bundle = bundle
        self.id = bundle_id
        self.jurisdiction = bundle.jurisdiction
        self.zone = ZoneInfo(bundle.zone)
        self.responders: dict[str, Responder] = {item.id: item for item in bundle.responders}
        self.categories: dict[str, Category] = {item.id: item for item in bundle.categories}
        self.desk = next(item.id for item in bundle.responders if item.desk)
        self.trusted = frozenset(source.id for source in bundle.sources if source.trusted)
        self.areas = AreaTree(bundle.areas)
        self._areas_by_id = {area.id: area for area in bundle.areas}
        self.bands = DayBands(bundle.bands, self.zone, bundle.centre)
        self.keywords = KeywordTable(bundle.keywords)
        self.default_points = frozenset(map(rounded, bundle.default_points))
        self.world = World(tuple(self.categories), self.areas)
        self.plans = self._plan()
        self.default = next(plan for plan in self.plans if plan.owns and not plan.region)
        self.ranks = {plan.rule.id: plan.rank for plan in self.plans}
        self.attributes = tuple(sorted({name for rule in bundle.rules for name in rule.when.attributes}))
        self._by_category, self._of_any_category = self._index()
        self._cells: dict[tuple[str | None, str | None], Cell] = {}

    def knows_area(self, code: str) -> bool:
        """Whether a code lies in the area tree."""
        return self.areas.node_of(code) is not None

    def area_named(self, code: str, language: str) -> str:
        """The declared area's name with the code; the code alone when the pack names none."""
        area = self._areas_by_id.get(self.areas.node_of(code) or "")
        return f"{area.named(language)} ({code})" if area else code

    def cell_of(self, category: str | None, area: str | None) -> Cell:
        """Candidates for a category (None or unknown: those for any) and an area code."""
        cell = self._cells.get((category, area))
        if cell is None:
            key = (category if category in self.categories else None, self.areas.node_of(area))
            cell = self._cells.get(key) or self._gather(*key)
            if len(self._cells) < 100_000:  # codes below declared areas are remembered too, within reason
                self._cells[key] = self._cells[category, area] = cell
        return cell

    def _plan(self) -> tuple[Plan, ...]:
        regions = {rule.id: region_of(rule.when, self.world) for rule in self.bundle.rules}
        order, _ = ranked(self.bundle.rules, regions)
        return tuple(self._plan_of(rule, rank, regions[rule.id]) for rank, rule in enumerate(order))

    def _plan_of(self, rule: Rule, rank: int, region: Region) -> Plan:
        conditions = conditions_of(region)
        copies = tuple(dict.fromkeys(rule.copies if rule.owns else (*rule.to, *rule.copies)))
        return Plan(
            rule=rule,
            rank=rank,
            region=region,
            conditions=conditions,
            test=test_of_all(conditions),
            owns=rule.owns,
            copies=copies,
            copies_alone=tuple(each for each in copies if not (rule.owns and each in rule.to)),
            claim=self._clock(rule.claim),
            fix=self._clock(rule.fix),
            point_matters=isinstance(rule.claim, Before) or isinstance(rule.fix, Before),
        )

    def _clock(self, spec: ClockSpec | None) -> DueAt | None:
        return None if spec is None else compile_clock(spec, self.bundle.calendars, self.zone)

    def _index(self) -> tuple[dict[str, list[Plan]], list[Plan]]:
        by_category: defaultdict[str, list[Plan]] = defaultdict(list)
        of_any: list[Plan] = []
        for plan in self.plans:
            constraint = plan.region.get("category")
            if isinstance(constraint, OneOf):
                for category in constraint.values:
                    by_category[str(category)].append(plan)
            else:
                of_any.append(plan)
        return dict(by_category), of_any

    def _gather(self, category: str | None, area: str | None) -> Cell:
        named = self._by_category.get(category, []) if category else []
        asked: list[Plan] = []
        not_reached: list[Plan] = []
        settled = False
        for plan in sorted((*named, *self._of_any_category), key=lambda plan: plan.rank):
            where = plan.region.get("area")
            if isinstance(where, OneOf) and area not in where.values:
                continue
            (not_reached if settled and not plan.adds else asked).append(plan)
            settled = settled or (plan.owns and not plan.conditions)
        return Cell(tuple(asked), tuple(not_reached))


def rounded(point: Point) -> Point:
    """About a metre: coordinates written with other numbers of digits are the same point."""
    return round(point[0], 5), round(point[1], 5)


def compile_bundle(bundle: Bundle, bundle_id: str) -> Compiled:
    """Make a bundle ready to decide.

    Raises ValueError when it cannot decide (no desk, no default rule, a clock on a missing calendar), which
    `check_bundle` would have said.
    """
    if not any(item.desk for item in bundle.responders):
        raise ValueError("the bundle has no desk")
    if not any(rule.owns and rule.when == When() for rule in bundle.rules):
        raise ValueError("the bundle has no default rule")
    return Compiled(bundle, bundle_id)
