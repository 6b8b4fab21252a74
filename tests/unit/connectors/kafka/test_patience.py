"""A batch is handed over until it is taken; the process ends rather than skip it."""

import threading
from collections.abc import Sequence
from typing import NoReturn

import pytest

from connectors.kafka.patience import PatientHandle
from schemas.commands import Command, FireDue
from schemas.outcomes import Fired, Outcome

BATCH: list[Command] = [FireDue(incident_id="1")]
ANSWER: list[Outcome] = [Fired(incident_id="1", rang=())]


class GaveUp(Exception):
    pass


def give_up(why: str) -> NoReturn:
    raise GaveUp(why)


class Away:
    """A handle that fails so many times."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.tried: list[Sequence[Command]] = []

    def __call__(self, batch: Sequence[Command]) -> Sequence[Outcome]:
        self.tried.append(batch)
        if len(self.tried) <= self.times:
            raise ConnectionError
        return ANSWER


def test_the_same_batch_is_tried_until_it_is_taken() -> None:
    away = Away(2)
    assert PatientHandle(away, threading.Event(), give_up=give_up)(BATCH) is ANSWER
    assert away.tried == [BATCH] * 3


def test_it_gives_up_when_the_limit_has_passed() -> None:
    with pytest.raises(GaveUp, match="was not taken for"):
        PatientHandle(Away(100), threading.Event(), limit_s=0.2, give_up=give_up)(BATCH)


def test_told_to_stop_it_does_not_wait_for_a_database_that_is_away() -> None:
    stopping = threading.Event()
    stopping.set()
    with pytest.raises(GaveUp, match="told to stop"):
        PatientHandle(Away(1), stopping, give_up=give_up)(BATCH)


def test_told_to_stop_it_still_hands_over_what_it_holds() -> None:
    stopping = threading.Event()
    stopping.set()
    assert PatientHandle(Away(0), stopping, give_up=give_up)(BATCH) is ANSWER
