"""CloudEvents in and out: the binding's own examples, each kind of poison, and mutated bytes."""

import json
import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from schemas.decode import MAX_BODY_BYTES, Undecodable, decode_report
from schemas.envelope import (
    CODES,
    MAX_HEADERS,
    Envelope,
    binary_headers,
    event_id,
    letter_headers,
    read_envelope,
    reason_of,
)
from schemas.notices import OutgoingMessage

DATA = b'{"text":"\xe8\xb7\xaf\xe7\x81\xaf\xe5\x9d\x8f\xe4\xba\x86"}'
BINARY: list[tuple[str, bytes | None]] = [
    ("content-type", b"application/json"),
    ("ce_specversion", b"1.0"),
    ("ce_id", b"e-1"),
    ("ce_source", b"/110"),
    ("ce_type", b"dispatch.report.v1"),
]
STRUCTURED: list[tuple[str, bytes | None]] = [("content-type", b"application/cloudevents+json; charset=UTF-8")]


def structured(**members: object) -> bytes:
    event = {"specversion": "1.0", "id": "e-1", "source": "/110", "type": "dispatch.report.v1", "data": {"text": "x"}}
    return msgspec.json.encode(event | members)


def without(name: str, *instead: tuple[str, bytes | None]) -> list[tuple[str, bytes | None]]:
    return [header for header in BINARY if header[0] != name] + list(instead)


def test_both_modes_give_the_same_event() -> None:
    expected = Envelope(id="e-1", source="/110", type="dispatch.report.v1", data=b'{"text":"x"}')
    assert read_envelope(b'{"text":"x"}', BINARY) == expected
    assert read_envelope(b'{"text":"x"}', dict(BINARY)) == expected
    assert read_envelope(structured(), STRUCTURED) == expected


def test_data_is_handed_on_byte_for_byte() -> None:
    assert read_envelope(DATA, BINARY).data == DATA
    odd = b'{"specversion":"1.0","id":"1","source":"s","type":"t","data": {"n": 123456789012345678901234567890.10 }}'
    assert read_envelope(odd, STRUCTURED).data == b'{"n": 123456789012345678901234567890.10 }'


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (b"2025-01-12T12:22:00+08:00", datetime(2025, 1, 12, 4, 22, tzinfo=UTC)),
        (b"2018-04-05T03:56:24Z", datetime(2018, 4, 5, 3, 56, 24, tzinfo=UTC)),
        (b"yesterday", None),
        (b"2018-04-05T03:56:24", None),
    ],
)
def test_time_is_read_if_it_can_be_and_never_costs_an_event(said: bytes, read: datetime | None) -> None:
    assert read_envelope(DATA, [*BINARY, ("ce_time", said)]).time == read


POISON = {
    "tombstone": (None, BINARY, "tombstone"),
    "too large": (b"x" * (MAX_BODY_BYTES + 1), BINARY, "too-large"),
    "many headers": (DATA, BINARY + [("x", b"")] * MAX_HEADERS, "header-bomb"),
    "huge header": (DATA, [*BINARY, ("x", b"y" * 20_000)], "header-bomb"),
    "xml": (b"<a/>", without("content-type", ("content-type", b"application/xml")), "wrong-content-type"),
    "gbk": (DATA, without("content-type", ("content-type", b"application/json; charset=gbk")), "wrong-content-type"),
    "batch": (b"[]", [("content-type", b"application/cloudevents-batch+json")], "wrong-content-type"),
    "avro": (b"\0", [("content-type", b"application/cloudevents+avro")], "wrong-content-type"),
    "no headers": (DATA, None, "missing-attribute: specversion"),
    "version 0.3": (DATA, without("ce_specversion", ("ce_specversion", b"0.3")), "unsupported-specversion: 0.3"),
    "no id": (DATA, without("ce_id"), "missing-attribute: id"),
    "empty source": (DATA, without("ce_source", ("ce_source", b"")), "missing-attribute: source"),
    "null type": (DATA, without("ce_type", ("ce_type", None)), "missing-attribute: type"),
    "id with NUL": (DATA, without("ce_id", ("ce_id", b"a\0b")), "bad-attribute: id"),
    "id no UTF-8": (DATA, without("ce_id", ("ce_id", b"a\xffb")), "bad-attribute: id"),
    "long id": (DATA, without("ce_id", ("ce_id", b"a" * 201)), "bad-attribute: id"),
    "base64": (structured(data_base64="eA=="), STRUCTURED, "data-base64"),
    "a list": (b"[1]", STRUCTURED, "not-an-envelope"),
    "cut off": (structured()[:-3], STRUCTURED, "not-json"),
    "deep": (b"[" * 100_000, STRUCTURED, "not-"),
    "deep inside": (b'{"data":' + b"[" * 100_000, STRUCTURED, "not-json"),
    "number as id": (structured(id=7), STRUCTURED, "bad-attribute: id"),
    "list as content type": (structured(datacontenttype=[1]), STRUCTURED, "bad-attribute: datacontenttype"),
    "text inside": (structured(datacontenttype="text/plain", data="x"), STRUCTURED, "wrong-content-type: text/plain"),
}


@pytest.mark.parametrize(("value", "headers", "reason"), POISON.values(), ids=POISON.keys())
def test_poison_is_named(value: bytes | None, headers: Any, reason: str) -> None:
    with pytest.raises(Undecodable) as caught:
        read_envelope(value, headers)
    assert str(caught.value).startswith(reason)
    assert str(caught.value).partition(":")[0] in CODES


def test_a_reason_tells_nothing_of_the_content() -> None:
    with pytest.raises(Undecodable) as caught:
        read_envelope(DATA, without("ce_specversion", ("ce_specversion", "张三 13900000000".encode())))
    assert "13900000000" not in str(caught.value)
    unknown = Undecodable("Object contains unknown field `张三 139`", syntax=False)
    assert reason_of(unknown, "not-a-command") == "not-a-command: Object contains unknown field `…`"
    plain = Undecodable("Object contains unknown field `phone`", syntax=False)
    assert reason_of(plain, "not-a-command").endswith("`phone`")
    assert reason_of(Undecodable("not JSON: x", syntax=True), "not-a-report") == "not-json: x"


def test_the_id_of_an_unreadable_event_is_found_for_its_sender() -> None:
    assert event_id(None, BINARY) == "e-1"
    assert event_id(b"<a/>", without("content-type", ("content-type", b"text/xml"))) == "e-1"
    assert event_id(structured(id="s-1"), STRUCTURED) == "s-1"
    assert event_id(b"{", STRUCTURED) is None
    assert event_id(DATA, without("ce_id", ("ce_id", b"\xff"))) is None
    assert event_id(DATA, None) is None


def test_headers_of_a_letter_are_few_and_printable() -> None:
    kept = letter_headers([("a\0", b"\xff\0"), ("b", None), *[(f"h{n}", b"z" * 9_000) for n in range(500)]])
    assert kept["a\ufffd"] == "\ufffd\ufffd"
    assert kept["b"] == ""
    assert len(kept) == MAX_HEADERS
    assert max(map(len, kept.values())) <= 512


def test_what_we_send_can_be_read_again() -> None:
    sent = OutgoingMessage(
        topic="t",
        key="k",
        id="01.2.0",
        type="dispatch.offer.made.v1",
        source="liandong/cn-231223",
        time=datetime(2025, 1, 12, 4, 22, 0, 123, tzinfo=UTC),
        data=DATA,
    )
    read = read_envelope(sent.data, [(name, said) for name, said in binary_headers(sent)])
    assert read == Envelope(id=sent.id, source=sent.source, type=sent.type, time=sent.time, data=DATA)


# ── mutated bytes ─────────────────────────────────────────────────────────────────────────────────
def mutated(valid: bytes) -> st.SearchStrategy[bytes]:
    """Valid bytes with up to four places overwritten, or cut off."""
    places = st.lists(st.tuples(st.integers(0, len(valid) - 1), st.integers(0, 255)), max_size=4)

    def change(hits: list[tuple[int, int]], cut: int) -> bytes:
        changed = bytearray(valid)
        for place, byte in hits:
            changed[place] = byte
        return bytes(changed[:cut])

    return st.builds(change, places, st.integers(0, len(valid)))


header_values = st.one_of(st.none(), st.binary(max_size=40), st.sampled_from([said for _, said in BINARY + STRUCTURED]))
header_names = st.one_of(st.text(max_size=12), st.sampled_from([name for name, _ in BINARY]))


@given(
    value=st.one_of(st.none(), st.binary(max_size=200), mutated(structured()), mutated(DATA)),
    headers=st.one_of(
        st.lists(st.tuples(header_names, header_values), max_size=8), st.just(BINARY), st.just(STRUCTURED)
    ),
)
def test_mutated_messages_are_events_or_undecodable(
    value: bytes | None, headers: list[tuple[str, bytes | None]]
) -> None:
    event, reason = outcome_of(value, headers)
    assert event is not None or reason.partition(":")[0] in CODES
    if event is not None:
        assert all((event.id, event.source, event.type))
        with suppress(Undecodable):
            decode_report(event.data)
    json.dumps(letter_headers(headers), ensure_ascii=False).encode()
    event_id(value, headers)


def outcome_of(value: bytes | None, headers: list[tuple[str, bytes | None]]) -> tuple[Envelope | None, str]:
    try:
        return read_envelope(value, headers), ""
    except Undecodable as error:
        return None, str(error)


# ── the specification's own examples ──────────────────────────────────────────────────────────────
def _tables(feature: str) -> list[dict[str, str]]:
    """The two-column tables of a feature file, without their heads."""
    tables = re.findall(r"(?:^ *\|.*\|$\n?)+", feature, flags=re.MULTILINE)
    rows = [[[cell.strip() for cell in line.strip(" |").split("|")] for line in table.splitlines()] for table in tables]
    return [{row[0]: row[1] for row in table if len(row) == 2 and row[0] != "key"} for table in rows]


def test_the_kafka_binding_feature_holds(shared_data: Path) -> None:
    feature = (shared_data / "cloudevents" / "kafka-protocol-binding.feature").read_text(encoding="utf-8")
    payloads = re.findall(r'"""\n(.*?)"""', feature, flags=re.DOTALL)
    binary, attributes = _tables(feature)[:2]
    kinds = re.findall(r"^ *\| (application/cloudevents\S*(?:; charset=utf-8)?) +\|", feature, flags=re.MULTILINE)
    assert len(kinds) == 2
    events = [read_envelope(payloads[0].encode(), [(name, said.encode()) for name, said in binary.items()])]
    events += [read_envelope(payloads[2].encode(), [("content-type", kind.encode())]) for kind in kinds]
    for event in events:
        assert (event.id, event.type, event.source) == (attributes["id"], attributes["type"], attributes["source"])
        assert event.time == datetime.fromisoformat(attributes["time"])
        assert json.loads(event.data) == {"message": "Hello World!"}


def test_conformance_events_are_taken_if_they_are_json(shared_data: Path) -> None:
    text = (shared_data / "cloudevents" / "v1_minimum.yaml").read_text(encoding="utf-8")
    outcomes = {}
    for event in yaml.safe_load_all(text):
        attributes = event["ContextAttributes"]
        headers = {f"ce_{name}": str(said).encode() for name, said in attributes.items() if name != "datacontenttype"}
        headers["content-type"] = attributes["datacontenttype"].encode()
        try:
            outcomes[attributes["id"]] = read_envelope(event["Data"].encode(), headers).id
        except Undecodable as error:
            outcomes[attributes["id"]] = str(error).partition(":")[0]
    refused = ("conformance-0001", "conformance-0002", "conformance-0006")
    assert all(read == ("wrong-content-type" if name in refused else name) for name, read in outcomes.items())
    assert len(outcomes) == 6


def test_our_structured_examples_are_valid_by_the_specifications_schema(shared_data: Path) -> None:
    schema = json.loads((shared_data / "cloudevents" / "cloudevents.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(json.loads(structured()), schema)
