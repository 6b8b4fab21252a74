"""An explanation in sentences, English and Chinese. Names come from the pack, times in the jurisdiction's zone."""

from collections.abc import Iterator
from datetime import datetime

from routing_rules.clocks import Before, ClockSpec, Limit
from routing_rules.compile import Compiled
from routing_rules.explain import Considered, Explanation
from schemas.facts import Why

_EN = {
    "category.given": "Category {name}: the source said so.",
    "category.keyword": "Category {name}: the text says “{detail}”.",
    "category.unknown": "The source gave the category “{detail}”, which this pack does not know; it is not guessed.",
    "category.none": "No category: the source gave none and no keyword was found.",
    "area.given": "Area {name}: the source said so.",
    "area.coordinates": "Area {name}: by the coordinates.",
    "area.none": "The area is not known.",
    "unlocated": "Unlocated: there are no usable coordinates.",
    "flags": "Flags found in the text: {flags}.",
    "won": "Rule {rule} decides, because {conditions}.",
    "won.always": "Rule {rule} decides: it holds for everything that no other rule takes.",
    "mode.first-claim": "Offered to {offers}: the first to claim gets it.",
    "mode.race": "Offered to {offers}: all may work side by side, the first result ends it.",
    "mode.all": "Given to {offers} together; {owner} leads.",
    "copies": "Copies go to {copies}.",
    "priority": "Priority {priority}.",
    "claim": "Must be claimed by {at} ({clock}).",
    "fix": "Must be resolved by {at} ({clock}).",
    "no-clock": "The rule names no clock.",
    "group": "Open reports of this kind within {metres} m and {hours} h count as the same incident.",
    "adds": "Rule {rule} matches too and only adds copies or tags.",
    "narrower": "Rule {rule} matches too, but {winner} is more specific.",
    "overrides": "Rule {rule} matches too, but {winner} overrides it.",
    "order": "Rule {rule} matches too, but {winner} comes first (more conditions).",
    "not-reached": "Rule {rule} was not asked: {winner} had decided before it.",
    "no-match": "Rule {rule} does not match: {missed}.",
    "missed": "{fact} is {has}, it needs {needs}",
    "error": "Rule {rule} failed and counts as no match ({because}).",
    "elsewhere": "{count} other rules are for other categories or areas.",
    "reason": "It is with the desk or needs a look because: {reason}.",
    "unknown": "unknown",
    "before": "before {event} if {lead} min are left, else {otherwise}",
    "given-clock": "given by the source",
}
_ZH = {
    "category.given": "类别:{name},由来源给出。",
    "category.keyword": "类别:{name},文中出现“{detail}”。",
    "category.unknown": "来源给出的类别“{detail}”不在规则包中,不作猜测。",
    "category.none": "没有类别:来源未给出,文中也未找到关键词。",
    "area.given": "区域:{name},由来源给出。",
    "area.coordinates": "区域:{name},由坐标得出。",
    "area.none": "区域未知。",
    "unlocated": "未定位:没有可用的坐标。",
    "flags": "文中的标记:{flags}。",
    "won": "由规则 {rule} 决定,因为 {conditions}。",
    "won.always": "由规则 {rule} 决定:没有其他规则负责的都归它。",
    "mode.first-claim": "派给 {offers}:先接单者承办。",
    "mode.race": "派给 {offers}:可同时办理,先有结果者结束。",
    "mode.all": "共同派给 {offers},由 {owner} 牵头。",
    "copies": "抄送 {copies}。",
    "priority": "优先级 {priority}。",
    "claim": "须在 {at} 前接单({clock})。",
    "fix": "须在 {at} 前办结({clock})。",
    "no-clock": "规则没有设时限。",
    "group": "{metres} 米、{hours} 小时之内同类的未结反映并为同一事项。",
    "adds": "规则 {rule} 也符合,只增加抄送或标签。",
    "narrower": "规则 {rule} 也符合,但 {winner} 更具体。",
    "overrides": "规则 {rule} 也符合,但 {winner} 声明优先于它。",
    "order": "规则 {rule} 也符合,但 {winner} 排在前面(条件更多)。",
    "not-reached": "规则 {rule} 未查询:{winner} 已先决定。",
    "no-match": "规则 {rule} 不符合:{missed}。",
    "missed": "{fact} 是 {has},需要 {needs}",
    "error": "规则 {rule} 出错,按不符合处理({because})。",
    "elsewhere": "另有 {count} 条规则属于其他类别或区域。",
    "reason": "交调度台或需查看,原因:{reason}。",
    "unknown": "未知",
    "before": "剩余 {lead} 分钟以上则在 {event} 之前,否则 {otherwise}",
    "given-clock": "由来源给出",
}
_LANGUAGES = {"en": _EN, "zh": _ZH}


def words(explanation: Explanation, compiled: Compiled, language: str = "en") -> tuple[str, ...]:
    """Sentences in "en" or "zh" (any other language: English), facts first, then the rule, then who lost and why."""
    return tuple(_Teller(explanation, compiled, language).tell())


class _Teller:
    def __init__(self, explanation: Explanation, compiled: Compiled, language: str) -> None:
        self._facts = explanation.facts
        self._decision = explanation.decision
        self._explanation = explanation
        self._compiled = compiled
        self._language = language
        self._say = _LANGUAGES.get(language, _EN)

    def tell(self) -> Iterator[str]:
        yield self._of_category()
        yield self._of_area()
        if self._facts.cell is None:
            yield self._say["unlocated"]
        if self._facts.flags:
            yield self._say["flags"].format(flags=", ".join(self._facts.flags))
        yield from self._of_decision()
        for reason in self._decision.reasons:
            yield self._say["reason"].format(reason=reason)
        for each in self._explanation.considered:
            if each.verdict != "won":
                yield self._of_loser(each)
        if self._explanation.elsewhere:
            yield self._say["elsewhere"].format(count=self._explanation.elsewhere)

    def _why(self, subject: str) -> Why | None:
        return next((why for why in self._facts.why if why.subject == subject), None)

    def _of_category(self) -> str:
        why = self._why("category")
        category = self._compiled.categories.get(self._facts.category or "")
        name = f"{category.named(self._language)} ({category.id})" if category else self._facts.category
        return self._say[f"category.{why.by if why else 'none'}"].format(name=name, detail=why.detail if why else "")

    def _of_area(self) -> str:
        why = self._why("area")
        name = self._compiled.area_named(self._facts.area, self._language) if self._facts.area else ""
        return self._say[f"area.{why.by if why else 'none'}"].format(name=name)

    def _of_decision(self) -> Iterator[str]:
        decision = self._decision
        won = next((each for each in self._explanation.considered if each.verdict == "won"), None)
        conditions = ", ".join(won.conditions) if won else ""
        yield self._say["won" if conditions else "won.always"].format(rule=decision.rule, conditions=conditions)
        yield self._say[f"mode.{decision.mode}"].format(
            offers=self._names(decision.offers), owner=self._names((decision.owner,))
        )
        if decision.copies:
            yield self._say["copies"].format(copies=self._names(decision.copies))
        yield self._say["priority"].format(priority=decision.priority)
        yield from self._of_clocks()
        if decision.group is not None:
            hours = decision.group.for_s / 3_600
            yield self._say["group"].format(metres=f"{decision.group.within_m:g}", hours=f"{hours:g}")

    def _of_clocks(self) -> Iterator[str]:
        decision = self._decision
        rule = next((plan.rule for plan in self._compiled.plans if plan.rule.id == decision.rule), None)
        for name, at, spec in (
            ("claim", decision.claim_due_at, rule.claim if rule else None),
            ("fix", decision.resolution_due_at, rule.fix if rule else None),
        ):
            if at is not None:
                yield self._say[name].format(at=self._local(at), clock=self._clock(spec))
        if decision.claim_due_at is None and decision.resolution_due_at is None:
            yield self._say["no-clock"]

    def _of_loser(self, each: Considered) -> str:
        said = self._say[each.because if each.verdict == "outranked" else each.verdict]
        missed = "; ".join(
            self._say["missed"].format(fact=miss.fact, has=miss.has or self._say["unknown"], needs=miss.needs)
            for miss in each.missed
        )
        return said.format(rule=each.rule, winner=self._decision.rule, because=each.because, missed=missed)

    def _names(self, ids: tuple[str, ...]) -> str:
        known = self._compiled.responders
        joint = "、" if self._language == "zh" else ", "
        return joint.join(known[id_].named(self._language) if id_ in known else id_ for id_ in ids)

    def _local(self, at: datetime) -> str:
        return at.astimezone(self._compiled.zone).strftime("%Y-%m-%d %H:%M")

    def _clock(self, spec: ClockSpec | None) -> str:
        if spec is None:
            return self._say["given-clock"]
        if isinstance(spec, Before):
            return self._say["before"].format(
                event=spec.event, lead=spec.min_lead_s // 60, otherwise=_limit(spec.otherwise)
            )
        return _limit(spec)


def _limit(limit: Limit) -> str:
    return f"{limit.count}{limit.unit} {limit.calendar}"
