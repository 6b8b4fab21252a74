"""When a partition counts as no longer read."""

from kafka import TopicPartition

from connectors.kafka.stuck import StandingStill

A, B = TopicPartition("t", 0), TopicPartition("t", 1)


def test_three_looks_at_the_same_place_are_one_too_many() -> None:
    standing = StandingStill()
    assert standing.seen({A: 7}) == []
    assert standing.seen({A: 7}) == []
    assert standing.seen({A: 7}) == ["t/0"]


def test_who_moves_or_catches_up_begins_anew() -> None:
    standing = StandingStill()
    for behind in ({A: 7, B: 1}, {A: 7, B: 2}, {B: 3}, {A: 7, B: 4}, {A: 7, B: 4}):
        assert standing.seen(behind) == []
    assert standing.seen({A: 7, B: 4}) == ["t/0", "t/1"]
