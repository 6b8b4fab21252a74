from __future__ import annotations

import httpx
import pytest
from msgspec.structs import replace

from dispatcher.bootstrap import Engine, find_pack
from routing_rules import Bundle, bundle_id, encode_bundle, load_pack
from tests.integration.web.conftest import ADMIN_TOKEN, Door

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def pack() -> Bundle:
    return load_pack(find_pack("qinggang"))


async def publish(door: Door, content: bytes) -> httpx.Response:
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    return await door.client.post("/api/v1/bundles", content=content, headers=headers)


def without_streetlights(pack: Bundle) -> Bundle:
    return replace(pack, rules=tuple(rule for rule in pack.rules if rule.id != "streetlight"))


async def test_a_bundle_decides_from_its_publication_on(door: Door, pack: Bundle) -> None:
    before = await door.report()
    encoded = encode_bundle(without_streetlights(pack))
    answer = await publish(door, encoded)
    expected = {"bundle": bundle_id(encoded), "jurisdiction": "cn-231223", "changed": True}
    assert (answer.status_code, answer.json()) == (200, expected)
    assert (await door.get("/api/v1/bundles/active")).json()["bundle"] == bundle_id(encoded)
    after = await door.report(location=None, text="远处的路灯坏了")
    assert (before["owner"], after["owner"]) == ("urban-lighting", "desk-110")
    why = (await door.get(f"/api/v1/incidents/{before['incident_id']}/explanation")).json()["reports"][0]
    assert why["decision"]["rule"] == "streetlight"
    assert (await publish(door, encoded)).json()["changed"] is False


async def test_the_same_bundle_written_otherwise_is_the_same(door: Door, pack: Bundle) -> None:
    encoded = encode_bundle(pack)
    answer = await publish(door, b" " + encoded.replace(b'","', b'" , "'))
    assert answer.json() == {"bundle": bundle_id(encoded), "jurisdiction": "cn-231223", "changed": False}


async def test_a_bundle_that_cannot_be_used_leaves_the_old_one_serving(
    door: Door, engine: Engine, pack: Bundle
) -> None:
    serving = (await door.get("/api/v1/bundles/active")).json()
    twice = replace(pack, rules=(*pack.rules, replace(pack.rules[0], id="rival", to=("roads",))))
    nobody = replace(pack, rules=tuple(replace(rule, to=("nobody",)) if rule.to else rule for rule in pack.rules))
    nowhere = replace(pack, zone="Mars/Olympus")
    wrong = [b"", b"not json", b"[]", b"{}", b"[" * 100_000, b"\xff", *map(encode_bundle, (twice, nobody, nowhere))]
    before = engine.store.last_position()
    for content in wrong:
        answer = await publish(door, content)
        assert (answer.status_code, answer.json()["title"]) == (422, "BundleRefused"), content[:40]
        assert answer.json()["problems"]
    assert (await door.get("/api/v1/bundles/active")).json() == serving
    assert engine.store.last_position() == before
    assert (await door.report())["owner"] == "urban-lighting"


async def test_a_bundle_may_be_larger_than_a_report_but_not_endless(door: Door) -> None:
    assert (await publish(door, b" " * 2_000_000)).status_code == 422
    assert (await publish(door, b" " * (16 * 1_048_576 + 1))).status_code == 413


async def test_responders_with_their_names(door: Door) -> None:
    told = (await door.get("/api/v1/responders")).json()
    assert told["jurisdiction"] == "cn-231223"
    by_id = {responder["id"]: responder for responder in told["items"]}
    assert by_id["desk-110"]["desk"] is True
    assert by_id["taxi-antai"]["parent"] == "transport-bureau"
    assert by_id["urban-lighting"]["name"] == {"zh": "城建路灯", "en": "Urban lighting"}
    assert all(responder["adapter"] == "kafka" for responder in told["items"])
