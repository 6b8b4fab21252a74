"""Reading a report in one step and in two gives the same, whatever comes in."""

import msgspec
import pytest

from schemas.decode import Undecodable, decode_json, decode_report, report_from

WHOLE = (
    '{"source":"110","source_id":"1","channel":"phone","text":"泰和街21号门前路灯坏了","category":null,"severity":2,'
    '"attributes":{"ward":"3","lit":false,"depth":1.5},"area":"231223100","place":"泰和街21号",'
    '"location":{"lat":46.69,"lon":126.1,"crs":"WGS-84"},"reported_at":"2025-01-12T12:22:00+08:00",'
    '"reporter":{"name":"张某某","phone":"13800000000"},"due":{"claim_at":null}}'
)
START = '{"source":"110","source_id":"1"'


def outcome(raw: bytes, *, in_one_step: bool) -> object:
    """What comes out, comparable: JSON and warnings, or the reason."""
    try:
        report, warnings = decode_report(raw) if in_one_step else report_from(decode_json(raw))
    except Undecodable as error:
        return str(error), error.syntax
    return msgspec.json.encode(report), warnings


@pytest.mark.parametrize(
    "text",
    [
        WHOLE,
        START + ',"text":"a"}',
        START + ',"category":"a/b"}',
        START + "}",
        START + ',"text":" "}',
        START + ',"text":"a","colour":"red","shape":{"round":true}}',
        START + ',"text":"a","extras":{"b":1}}',
        START + ',"text":"a","extras":{}}',
        START + r',"text":"a\u0000b"}',
        START + r',"text":"a\\u0000b"}',
        START + r',"text":"a\ud800b"}',
        START + ',"text":7}',
        START + ',"text":"a","severity":2.0}',
        START + ',"text":"a","severity":2.5}',
        START + ',"text":"a","severity":true}',
        START + ',"text":"a","severity":1e400}',
        START + ',"text":"a","severity":123456789012345678901234567890}',
        START + ',"text":"a","attributes":{"a":{"b":1}}}',
        START + ',"text":"a","attributes":{"a":NaN}}',
        START + ',"text":"a","location":{"lat":46,"lon":126}}',
        START + ',"text":"a","location":{"lat":"46","lon":126}}',
        START + ',"text":"a","location":{"lat":46,"lon":126,"height":3}}',
        START + ',"text":"a","reported_at":"yesterday"}',
        START + ',"text":"a","reported_at":"2025-01-12T12:22:00"}',
        START + ',"text":"a","reported_at":1736655720}',
        START + ',"text":"a","text":"b"}',
        '{"source":"","source_id":"1","text":"a"}',
        '{"source_id":"1","text":"a"}',
        "[" * 100_000,
        START + ',"text":"a","attributes":' + '{"a":' * 100_000,
        "[]",
        "null",
        "",
        START,
    ],
)
def test_one_step_and_two_agree(text: str) -> None:
    raw = text.encode()
    assert outcome(raw, in_one_step=True) == outcome(raw, in_one_step=False)


def test_bad_utf8_is_no_json() -> None:
    raw = START.encode() + b',"text":"\xff"}'
    assert outcome(raw, in_one_step=True) == outcome(raw, in_one_step=False)
