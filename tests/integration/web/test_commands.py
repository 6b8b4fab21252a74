from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.integration.web.conftest import Door, SetClock

pytestmark = pytest.mark.anyio


def told(answer: httpx.Response) -> tuple[int, str]:
    """Status and title of a problem."""
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]
    assert answer.json()["status"] == answer.status_code
    return answer.status_code, answer.json()["title"]


async def wallet(door: Door) -> str:
    taken = await door.report(text="钱包落在出租车上了")
    assert (taken["mode"], taken["offers"]) == ("race", ["taxi-antai", "taxi-shengda"])
    return str(taken["incident_id"])


async def streetlight(door: Door) -> str:
    return str((await door.report())["incident_id"])


async def test_claim_resolve_close(door: Door, clock: SetClock) -> None:
    incident = await streetlight(door)
    clock.pass_by(minutes=5)
    claimed = await door.command(incident, "claim", responder="urban-lighting", crew_sent=True, note="两人去")
    assert claimed.status_code == 200
    assert claimed.json()["state"] == "claimed"
    assert claimed.json()["holder"] == "urban-lighting"
    assert claimed.json()["claimed_at"] == "2025-01-12T04:30:00Z"
    resolved = await door.command(incident, "resolve", responder="urban-lighting", outcome="换了灯泡")
    assert (resolved.status_code, resolved.json()["state"]) == (200, "resolved")
    closed = await door.command(incident, "close")
    assert (closed.status_code, closed.json()["state"]) == (200, "closed")


async def test_claiming_what_one_holds_is_accepted_again_and_changes_nothing(door: Door, clock: SetClock) -> None:
    incident = await streetlight(door)
    first = await door.command(incident, "claim", responder="urban-lighting")
    clock.pass_by(minutes=1)
    again = await door.command(incident, "claim", responder="urban-lighting")
    assert (again.status_code, again.json()) == (200, first.json())


async def test_who_returned_it_cannot_claim_it_again(door: Door) -> None:
    incident = await streetlight(door)
    await door.command(incident, "return", responder="urban-lighting", reason="不是我们的灯")
    assert told(await door.command(incident, "claim", responder="urban-lighting")) == (409, "OfferWithdrawn")
    assert (await door.command(incident, "claim", responder="desk-110")).status_code == 200


async def test_the_loser_of_a_race_for_one_offer_learns_who_won(door: Door) -> None:
    """Garbage is offered to two."""
    incident = (await door.report(text="小区垃圾没人清"))["incident_id"]
    answers = await asyncio.gather(
        door.command(incident, "claim", responder="property-management"),
        door.command(incident, "claim", responder="sanitation"),
    )
    won, lost = sorted(answers, key=lambda answer: answer.status_code)
    assert won.status_code == 200
    assert told(lost) == (409, "AlreadyClaimed")
    assert lost.json()["holder"] == won.json()["holder"]
    assert lost.json()["claimed_at"] == won.json()["claimed_at"] == "2025-01-12T04:25:00Z"


async def test_refusals_over_http(door: Door) -> None:
    incident = await streetlight(door)
    assert told(await door.command(incident, "claim")) == (422, "ResponderRequired")
    assert told(await door.command(incident, "claim", responder="roads")) == (403, "NotCandidate")
    assert told(await door.command(incident, "claim", responder="urban-lighting", epoch=7)) == (409, "OfferWithdrawn")
    assert told(await door.command(incident, "return", responder="urban-lighting")) == (422, "ReasonRequired")
    assert told(await door.command(incident, "return", responder="roads", reason="x")) == (403, "NotCandidate")
    assert told(await door.command(incident, "resolve", responder="roads")) == (409, "NotYours")
    assert told(await door.command(incident, "resolve", responder="desk-110")) == (422, "ReasonRequired")
    assert told(await door.command(incident, "cancel", responder="urban-lighting", reason="x")) == (409, "NotYours")
    assert told(await door.command(incident, "cancel")) == (422, "ReasonRequired")
    answer = await door.command(incident, "close")
    assert told(answer) == (409, "NotAllowedInState")
    assert answer.json()["state"] == "offered"
    assert (await door.command(incident, "cancel", reason="重复")).json()["state"] == "cancelled"
    assert told(await door.command(incident, "claim", responder="urban-lighting"))[0] == 409


@pytest.mark.parametrize("incident", ["01JHCC43B0CF0T04X2K8D2K8XZ", "nonsense", "%00", "0" * 27])
@pytest.mark.parametrize("verb", ["claim", "return", "resolve", "close", "cancel"])
async def test_no_such_incident(door: Door, incident: str, verb: str) -> None:
    assert told(await door.command(incident, verb)) == (404, "UnknownIncident")


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"{", 400),
        (b"[" * 100_000, 400),
        (b'{"note":"\\ud800"}', 400),
        (b"[]", 422),
        (b'{"responder":7}', 422),
        (b'{"responder":""}', 422),
        (b'{"note":"a\\u0000"}', 422),
        (b'{"epoch":"1"}', 422),
        (b'{"colour":"blue"}', 422),
        (b'{"outcome":"x"}', 422),
        (b'{"promised_at":"soon"}', 422),
        (b'{"promised_at":"2025-01-12T12:00:00"}', 422),
    ],
)
async def test_commands_are_strict(door: Door, raw: bytes, status: int) -> None:
    answer = await door.raw(f"/api/v1/incidents/{await streetlight(door)}/claim", raw)
    assert told(answer) == (status, "Undecodable")


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_a_promise_that_has_no_local_time_is_refused(door: Door, at: str) -> None:
    """Taken, it would leave an incident that no page can show."""
    incident = await streetlight(door)
    refused = await door.command(incident, "claim", responder="urban-lighting", promised_at=at)
    assert told(refused) == (422, "Undecodable")
    assert (await door.get(f"/incidents/{incident}")).status_code == 200


async def test_an_empty_body_is_an_empty_command(door: Door) -> None:
    incident = await streetlight(door)
    await door.command(incident, "claim", responder="urban-lighting")
    answer = await door.raw(f"/api/v1/incidents/{incident}/resolve", b"")
    assert (answer.status_code, answer.json()["state"]) == (200, "resolved")


async def test_a_repeated_command_gets_its_first_answer(door: Door, clock: SetClock) -> None:
    incident = await streetlight(door)
    first = await door.command(incident, "claim", key="k-1", responder="urban-lighting", note="a")
    clock.pass_by(minutes=1)
    await door.command(incident, "resolve", responder="urban-lighting")
    path, headers = f"/api/v1/incidents/{incident}/claim", {"Idempotency-Key": "k-1"}
    spaced = b'{ "note" : "a", "responder":"urban-lighting" }'
    again = await door.client.post(path, content=spaced, headers=headers)
    assert (again.status_code, again.json()) == (200, first.json())


async def test_a_key_with_another_body_verb_or_incident_is_refused(door: Door) -> None:
    incident, other = await streetlight(door), await wallet(door)
    assert (await door.command(incident, "claim", key="k", responder="urban-lighting")).status_code == 200
    mismatch = (422, "IdempotencyMismatch")
    assert told(await door.command(incident, "claim", key="k", responder="urban-lighting", note="x")) == mismatch
    assert told(await door.command(incident, "resolve", key="k", responder="urban-lighting")) == mismatch
    assert told(await door.command(other, "claim", key="k", responder="urban-lighting")) == mismatch


async def test_keys_belong_to_the_responder_who_speaks(door: Door) -> None:
    incident = await wallet(door)
    for responder in ("taxi-antai", "taxi-shengda"):
        assert (await door.command(incident, "claim", key="same", responder=responder)).status_code == 200
    assert (await door.get(f"/api/v1/incidents/{incident}")).json()["holders"] == ["taxi-antai", "taxi-shengda"]


async def test_a_refusal_leaves_no_key(door: Door) -> None:
    incident = await streetlight(door)
    assert told(await door.command(incident, "return", key="k", responder="urban-lighting")) == (422, "ReasonRequired")
    answer = await door.command(incident, "return", key="k", responder="urban-lighting", reason="不归我们")
    assert answer.status_code == 200


@pytest.mark.parametrize("key", ["", " ", "a" * 201, "tab\there"])
async def test_a_key_is_printable_and_short(door: Door, key: str) -> None:
    answer = await door.client.post(
        f"/api/v1/incidents/{await streetlight(door)}/claim", json={}, headers={"Idempotency-Key": key}
    )
    assert told(answer) == (422, "BadParameter")


async def test_a_race_lets_several_claim_and_the_first_result_ends_it(door: Door) -> None:
    incident = await wallet(door)
    await door.command(incident, "claim", responder="taxi-antai")
    await door.command(incident, "claim", responder="taxi-shengda")
    assert told(await door.command(incident, "resolve", outcome="?")) == (422, "ResponderRequired")
    assert (await door.command(incident, "resolve", responder="taxi-shengda", outcome="找到了")).status_code == 200
    shown = (await door.get(f"/api/v1/incidents/{incident}")).json()
    assert {offer["responder"]: offer["state"] for offer in shown["offers"]} == {
        "taxi-antai": "withdrawn",
        "taxi-shengda": "claimed",
    }
