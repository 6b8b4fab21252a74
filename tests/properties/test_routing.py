"""The indexed router against an obvious scan over a world small enough to be listed."""

import random
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from routing_rules import check_bundle, compile_bundle, decode_bundle, encode_bundle, explain, route
from routing_rules.model import Bundle
from tests.properties.rule_worlds import AT, WORLD, bundles, matches, reach, unbeaten

NOW = AT + timedelta(minutes=1)
SOME = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
samples = st.lists(st.integers(0, len(WORLD) - 1), min_size=20, max_size=20)  # facts by number


def _answers(bundle: Bundle, number: int, reaches: dict[str, frozenset[int]]) -> set[tuple[tuple[str, ...], str]]:
    """What those would offer who are beaten by none."""
    return {(rule.to, rule.mode) for rule in unbeaten(bundle, number, reaches)}


@SOME
@given(bundles(overriding=False), samples)
def test_the_winner_matches_and_nothing_that_matches_is_narrower(bundle: Bundle, numbers: list[int]) -> None:
    compiled = compile_bundle(bundle, "x")
    reaches = {rule.id: reach(rule) for rule in bundle.rules}
    for number in numbers:
        facts = WORLD[number]
        assert route(facts, compiled, NOW).rule in {rule.id for rule in unbeaten(bundle, number, reaches)}


@SOME
@given(bundles(), samples)
def test_a_bundle_without_contradictions_has_one_answer(bundle: Bundle, numbers: list[int]) -> None:
    """Nobody who is as good as the winner would offer it to others: what `check` promises."""
    if any(finding.is_error for finding in check_bundle(bundle)):
        return
    compiled = compile_bundle(bundle, "x")
    reaches = {rule.id: reach(rule) for rule in bundle.rules}
    for number in numbers:
        decision = route(WORLD[number], compiled, NOW)
        assert {(rule.to, rule.mode) for rule in unbeaten(bundle, number, reaches)} == {
            (decision.offers, decision.mode)
        }


@SOME
@given(bundles(overriding=False))
def test_no_contradiction_escapes_the_check(bundle: Bundle) -> None:
    """Wherever two that are equally good would offer to others, `check` says so."""
    reaches = {rule.id: reach(rule) for rule in bundle.rules}
    contradictory = any(len(_answers(bundle, number, reaches)) > 1 for number in range(0, len(WORLD), 3))
    if contradictory:
        assert any(finding.is_error for finding in check_bundle(bundle))


@SOME
@given(bundles(), samples)
def test_copies_and_tags_come_from_all_matches(bundle: Bundle, numbers: list[int]) -> None:
    compiled = compile_bundle(bundle, "x")
    for facts in map(WORLD.__getitem__, numbers):
        decision = route(facts, compiled, NOW)
        matching = [rule for rule in bundle.rules if matches(rule, facts)]
        told = {who for rule in matching for who in (*rule.copies, *(() if rule.owns else rule.to))}
        assert set(decision.copies) == told - set(decision.offers)
        assert set(decision.tags) == {tag for rule in matching for tag in rule.tags}


@SOME
@given(bundles(), samples, st.randoms(use_true_random=False))
def test_order_of_rows_and_of_questions_means_nothing(
    bundle: Bundle, numbers: list[int], chance: random.Random
) -> None:
    one = compile_bundle(bundle, "x")
    turned = compile_bundle(replace(bundle, rules=tuple(chance.sample(bundle.rules, len(bundle.rules)))), "x")
    expected = {number: route(WORLD[number], one, NOW) for number in numbers}
    for number in chance.sample(numbers, len(numbers)):
        assert route(WORLD[number], one, NOW) == expected[number]
        assert route(WORLD[number], turned, NOW) == expected[number]


@SOME
@given(bundles(), samples)
def test_an_explanation_never_contradicts_the_decision(bundle: Bundle, numbers: list[int]) -> None:
    compiled = compile_bundle(decode_bundle(encode_bundle(bundle)), "x")
    for facts in map(WORLD.__getitem__, numbers):
        told = explain(facts, compiled, NOW)
        assert told.decision == route(facts, compiled, NOW)
        assert [each.rule for each in told.considered if each.verdict == "won"] == [told.decision.rule]
        assert set(told.matched) <= {rule.id for rule in bundle.rules if matches(rule, facts)}
        for each in told.considered:
            assert bool(each.missed) is (each.verdict == "no-match")
        assert len(told.considered) + told.elsewhere == len(bundle.rules)
