"""GET /api/v1/events: everything in commit order, for everybody once, and where it goes on after a break."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import httpx
import pytest
from sqlalchemy import delete

from dispatcher.bootstrap import Engine
from dispatcher.store.tables import journal
from dispatcher.web.live import feed as feeding
from dispatcher.web.live import streams
from tests.integration.live.conftest import Event, Listener, Served, serving, started, wait_until

PHONE = "000-0000-0000"


def kinds(events: list[Event]) -> list[str]:
    return [event.data["type"].split(".")[-2] for event in events]


def test_life_cycle_events_come_in_commit_order_as_on_the_topic(served: Served) -> None:
    with Listener(served) as listener:
        before = served.last
        incident = served.report()
        served.command("claim", incident, responder="urban-lighting")
        served.command("resolve", incident, responder="urban-lighting", outcome="换了灯泡")
        events = listener.read_until(served.last)
    assert listener.status == 200
    assert b"content-type: text/event-stream" in listener.head
    assert b"cache-control: no-store" in listener.head
    assert kinds(events) == ["RoutingDecided", "IncidentClaimed", "IncidentResolved"]
    assert [event.data["id"] for event in events] == [f"{incident}.{seq}.0" for seq in (1, 2, 3)]
    assert [event.id for event in events] == [f"{before + n}.0" for n in (1, 2, 3)]
    assert events[1].data["data"] | {"event": {}} == {
        "incident_id": incident, "seq": 2, "cycle": 1, "epoch": 1, "state": "claimed", "event": {},
    }  # fmt: skip


def test_nothing_personal_is_told(served: Served) -> None:
    with Listener(served) as listener, Listener(served, "/api/v1/events?responder=urban-lighting") as notices:
        served.report(f"张三说路灯坏了,电话{PHONE}")
        told = listener.read_until(served.last) + notices.read(1)
    assert PHONE not in repr(told)
    assert "Invented" not in repr(told)
    assert "张三" not in repr(told[:-1])


def test_a_responder_hears_its_notices_with_the_ids_of_its_topic(served: Served) -> None:
    with Listener(served, "/api/v1/events?responder=urban-lighting") as listener:
        incident = served.report()
        served.report("家里停水了")
        served.command("cancel", incident, reason="twice")
        events = listener.read(2)
    assert kinds(events) == ["made", "withdrawn"]
    assert {event.data["data"]["incident_id"] for event in events} == {incident}
    assert events[0].data["id"] == f"{incident}.1.1", "0 is the event on the incidents topic"


@pytest.mark.parametrize("filters", ["category=lighting", "incident={incident}", "category=lighting/streetlight"])
def test_filters(served: Served, filters: str) -> None:
    with Listener(served) as everything:
        incident = served.report()
        everything.read_until(served.last)
    with Listener(served, f"/api/v1/events?{filters.format(incident=incident)}") as listener:
        served.report("家里停水了")
        served.command("claim", incident, responder="urban-lighting")
        (event,) = listener.read(1)
    assert (event.data["data"]["incident_id"], kinds([event])) == (incident, ["IncidentClaimed"])


def test_a_filter_takes_whole_steps_of_a_category(served: Served) -> None:
    with Listener(served, "/api/v1/events?category=light") as listener, Listener(served) as everything:
        served.report()
        everything.read_until(served.last)
        listener._socket.settimeout(0.2)
        with pytest.raises(TimeoutError):
            listener.next()


def test_who_resumes_after_every_single_event_misses_none_and_gets_none_twice(served: Served) -> None:
    before = served.last
    incidents = served.reports(3)
    for incident in incidents:
        served.command("return", incident, responder="urban-lighting", reason="not ours")
    with Listener(served, f"/api/v1/events?after={before}") as whole:
        expected = [event.id for event in whole.read_until(served.last)]
    assert len(expected) > served.last - before, "some rows tell more than one event"
    got: list[str] = []
    listener = Listener(served, f"/api/v1/events?after={before}")
    for _ in expected:
        with listener:
            event = listener.read(1)[0]
        listener.last_id = event.id  # the rest of what had arrived is thrown away, as when a connection breaks
        got.append(event.id)
    assert got == expected


def test_resuming_under_concurrent_commits_leaves_no_gap_and_repeats_nothing(served: Served) -> None:
    """Writers commit from four threads while readers break off and come back again and again."""
    before = served.last
    goal: list[int] = []
    found: dict[int, list[str]] = {}

    def read(number: int) -> None:
        listener = Listener(served, last_id=str(before))
        got: list[str] = []
        while True:
            with listener:
                for _ in range(7 + 5 * number):
                    event = listener.next()
                    assert event is not None
                    got.append(event.id)
                    if goal and event.id == f"{goal[0]}.0":
                        found[number] = got
                        return
            listener.last_id = got[-1]

    def write() -> None:
        for _ in range(25):
            served.reports(3)

    readers = [threading.Thread(target=read, args=(number,)) for number in range(4)]
    writers = [threading.Thread(target=write) for _ in range(4)]
    for thread in (*readers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    goal.append(served.last + 1)
    served.report()
    for thread in readers:
        thread.join(30)
    expected = [f"{position}.0" for position in range(before + 1, served.last + 1)]
    assert [found[number] == expected for number in range(4)] == [True] * 4


def test_rows_of_another_process_are_seen(tmp_path: Path, postgres_url: str) -> None:
    with started(tmp_path / "a", postgres_url) as ours, started(tmp_path / "b", postgres_url) as theirs:
        with serving(ours) as here, serving(theirs) as there, Listener(here) as listener:
            incident = there.report()
            here.command("claim", incident, responder="urban-lighting")
            told = listener.read_until(here.last)
        assert kinds(told) == ["RoutingDecided", "IncidentClaimed"]


def test_behind_the_horizon_there_is_a_reset_and_then_it_goes_on(tmp_path: Path) -> None:
    with started(tmp_path) as engine, serving(engine) as served:
        served.reports(10)
        last = served.last
        forget_before(engine, last - 2)
        for behind in ("0", str(last - 4), f"{last - 3}.0"):
            with Listener(served, last_id=behind) as listener:
                newest = served.last
                assert listener.read(1) == [Event("reset", str(newest), {"because": "horizon", "position": newest})]
                served.report()
                assert [event.id for event in listener.read(1)] == [f"{newest + 1}.0"]
        with Listener(served, last_id=str(last - 3)) as listener:
            assert [event.id for event in listener.read(2)] == [f"{last - 2}.0", f"{last - 1}.0"]


def forget_before(engine: Engine, position: int) -> None:
    """As when closed months are taken out of the journal."""
    with engine.store.begin() as txn:
        txn._connection.execute(delete(journal).where(journal.c.position < position))


@pytest.mark.parametrize(
    ("given", "because"),
    [("999999999", "ahead"), ("x", "unknown"), ("-1", "unknown"), ("1.2.3", "unknown"), ("9" * 40, "unknown")],
)
def test_a_last_event_id_of_another_database_or_no_sense_is_reset(served: Served, given: str, because: str) -> None:
    with Listener(served, last_id=given) as listener:
        last = served.last
        assert listener.read(1) == [Event("reset", str(last), {"because": because, "position": last})]
        served.report()
        assert [event.id for event in listener.read(1)] == [f"{last + 1}.0"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("after=x", 422),
        ("after=-1", 422),
        ("after=1&after=2", 422),
        ("digest=perhaps", 422),
        ("digest=true&area=231223", 422),
        ("responder=nobody", 404),
        ("responder=" + "x" * 300, 422),
    ],
)
def test_what_cannot_be_asked_is_a_problem(served: Served, query: str, status: int) -> None:
    answer = served.client.get(f"/api/v1/events?{query}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_while_nothing_happens_a_comment_keeps_the_line_open_and_moves_the_id_on(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_S", 0.1)
    with Listener(served, "/api/v1/events?responder=fire-119") as listener:
        served.report()
        last = served.last
        threading.Timer(0.5, lambda: served.report("楼道里有燃气味")).start()
        listener.read(1)
    assert listener.comments >= 2
    with Listener(served, "/api/v1/events?category=none") as listener:
        while listener.comments < 2:
            assert listener._take()
            listener._dechunk()
            listener._split()
    assert listener.last_id is not None
    assert int(listener.last_id) >= last


def test_a_client_that_does_not_read_is_dropped_and_gets_everything_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "SEND_LIMIT_S", 0.3)
    with started(tmp_path) as engine, serving(engine, send_buffer=4096) as served:
        before = served.last
        deaf = Listener(served, last_id=str(before), receive_buffer=4096)
        deaf.open()
        wait_until(lambda: served.feed._listeners == 1)
        for _ in range(6):
            served.reports(100)
        wait_until(lambda: bool(engine.metrics.live_dropped._value.get() == 1))
        wait_until(lambda: served.feed._listeners == 0)
        assert len(served.feed._newest) <= feeding.REMEMBERED_ROWS
        got = []
        while (event := deaf.next()) is not None:
            got.append(event.id)
        deaf.close()
        assert len(got) < 600, "it was cut off"
        with Listener(served, last_id=got[-1] if got else str(before)) as again:
            got += [event.id for event in again.read_until(served.last)]
        assert got == [f"{position}.0" for position in range(before + 1, served.last + 1)]


def test_too_many_are_told_to_come_back(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "MOST_LISTENERS", 0)
    answer = served.client.get("/api/v1/events")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_who_goes_away_is_no_longer_counted(engine: Engine, served: Served) -> None:
    wait_until(lambda: served.feed._listeners == 0)
    with Listener(served), Listener(served):
        wait_until(lambda: served.feed._listeners == 2)
        assert engine.metrics.live_clients._value.get() == 2
    wait_until(lambda: served.feed._listeners == 0)
    assert b"dispatch_live_clients 0.0" in served.client.get("/metrics").content


def test_a_page_asks_only_which_incidents_changed(served: Served) -> None:
    before = served.last
    with Listener(served, "/api/v1/events?digest=true") as listener:
        incident = served.report()
        first = listener.read(1)[0]
        for _ in range(3):
            served.report()
        second = listener.read(1)[0]
    assert (first.name, first.data) == ("changes", {"incidents": [incident], "complete": True})
    assert len(second.data["incidents"]) == 3, "what happens within half a second comes as one"
    with Listener(served, f"/api/v1/events?digest=true&after={before}&incident={incident}") as listener:
        assert listener.read(1)[0].data == {"incidents": [incident], "complete": True}
    with Listener(served, "/api/v1/events?digest=true&after=0") as listener:
        assert listener.read(1)[0].data["complete"] in (True, False)


def test_the_server_ends_at_once_although_streams_are_open(tmp_path: Path) -> None:
    with started(tmp_path) as engine:
        with serving(engine) as served:
            listeners = [Listener(served) for _ in range(5)]
            for listener in listeners:
                listener.open()
            address = f"{served.base}/api/v1/responders/fire-119/notices?after={served.last}&wait=30"
            waiting = threading.Thread(target=lambda: httpx.get(address, timeout=40, trust_env=False))
            waiting.start()
            wait_until(lambda: served.feed._listeners == 6)
            began = time.monotonic()
        assert time.monotonic() - began < 4.5, "uvicorn would cancel them after 5 s"
        for listener in listeners:
            assert listener.next() is None
            listener.close()
        waiting.join(5)
        assert not waiting.is_alive()
