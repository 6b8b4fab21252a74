import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec import UNSET

from connectors.files.mapping import load_mapping
from connectors.files.reports import FileError, ReportFile, RowResult
from connectors.files.yaml_keys import MappingError
from schemas.reports import Due, Location, Report, Reporter

MAPPING = """\
zone: America/New_York
report:
  source: {value: city}
  source_id: number
  category: {template: "{group}/{kind}", slug: true}
  text: words
"""
HEADER = "number,group,kind,words\n"


def read(folder: Path, content: str | bytes, mapping: str = MAPPING, name: str = "rows.csv") -> list[RowResult]:
    return read_with_due(folder, content, mapping, name, with_due=False)


def read_with_due(
    folder: Path, content: str | bytes, mapping: str, name: str = "rows.csv", *, with_due: bool = True
) -> list[RowResult]:
    (folder / "map.yaml").write_text(mapping, encoding="utf-8")
    path = folder / name
    raw = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    with ReportFile(path, load_mapping(folder / "map.yaml"), with_due=with_due) as reports:
        return list(reports)


def only(rows: list[RowResult]) -> Report:
    (row,) = rows
    assert row.problem is None
    assert row.report is not None
    return row.report


@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz"])
def test_rows_become_reports(tmp_path: Path, name: str) -> None:
    rows = read(
        tmp_path, HEADER + '1,Street Lights,"Outage, long",dark\n\n2,,Hole,\n3,A,,"two\nlines"\n4,A,B,last', name=name
    )
    assert [row.line for row in rows] == [2, 4, 5, 7]
    first, second, third, fourth = rows
    assert first.report == Report(source="city", source_id="1", category="street-lights/outage-long", text="dark")
    assert second.problem == "a report needs text or category"
    assert third.report == Report(source="city", source_id="3", text="two\nlines")
    assert fourth.report is not None


def test_json_lines_keep_their_own_types(tmp_path: Path) -> None:
    mapping = MAPPING + "  severity: level\n  attributes: {floors: floors, empty: nothing, raw: kind}\n"
    rows = [
        {"number": 7, "group": "A", "kind": "B 2", "words": "x", "level": 3, "floors": 2.5, "nothing": ""},
        {"number": "8", "group": "A", "kind": ["B"], "words": "x"},
    ]
    content = "\n".join(map(json.dumps, rows)) + "\n\n"
    for name in ("rows.jsonl", "rows.ndjson.gz"):
        first, second = read(tmp_path, content, mapping, name)
        assert first.report is not None
        assert first.report.source_id == "7"
        assert first.report.category == "a/b-2"
        assert first.report.severity == 3
        assert first.report.attributes == {"floors": 2.5, "raw": "B 2"}
        assert (second.line, second.problem) == (2, "column group, kind: holds a list, not a text")


def test_lookup_constant_slug_and_number(tmp_path: Path) -> None:
    mapping = """\
report:
  source: {value: city}
  source_id: id
  channel: {column: how, map: {"Call, by phone": phone, App: app}, else: other}
  category: {column: kind, map: {old kind: new/kind}}
  severity: {column: level, as: number}
  place: {column: place, slug: true}
  attributes: {share: {column: share, as: number}}
"""
    content = 'id,how,kind,level,place,share\n1,"Call, by phone",old kind,2,泰和街 21号,0.5\n2,Pigeon,else/where,,,\n'
    first, second = read(tmp_path, content, mapping)
    assert first.report == Report(
        source="city",
        source_id="1",
        channel="phone",
        category="new/kind",
        severity=2,
        place="泰和街-21号",
        attributes={"share": 0.5},
    )
    assert second.report == Report(source="city", source_id="2", channel="other", category="else/where")


def test_times_of_all_kinds(tmp_path: Path) -> None:
    content = "number,group,kind,words,at\n1,A,B,x,{}\n"

    def at(value: str, how: str) -> datetime | None:
        return only(read(tmp_path, content.format(value), MAPPING + f"  reported_at: {how}\n")).reported_at

    assert at("2011-07-15T01:32:32", "at") == datetime(2011, 7, 15, 5, 32, 32, tzinfo=UTC)
    assert at("2011-07-15 01:32:32+02:00", "at") == datetime(2011, 7, 14, 23, 32, 32, tzinfo=UTC)
    assert at("2011-07-15", "at") == datetime(2011, 7, 15, 4, tzinfo=UTC)
    assert at("07/15/2011 13:05", '{column: at, format: "%m/%d/%Y %H:%M"}') == datetime(2011, 7, 15, 17, 5, tzinfo=UTC)
    assert at("1310707952", "{column: at, format: epoch-s}") == datetime(2011, 7, 15, 5, 32, 32, tzinfo=UTC)
    assert at("1310707952500", "{column: at, format: epoch-ms}") == datetime(2011, 7, 15, 5, 32, 32, 500_000, UTC)
    assert at("2011-07-15T01:32", "{column: at, zone: Asia/Shanghai}") == datetime(2011, 7, 14, 17, 32, tzinfo=UTC)
    assert at("", "at") is None


def test_local_times_skipped_and_told_twice(tmp_path: Path) -> None:
    content = "number,group,kind,words,at\n1,A,B,x,2025-03-09T02:30\n2,A,B,x,2025-11-02T01:30\n"
    skipped, twice = read(tmp_path, content, MAPPING + "  reported_at: at\n")
    assert skipped.report is not None
    assert skipped.report.reported_at == datetime(2025, 3, 9, 7, 30, tzinfo=UTC)
    assert twice.report is not None
    assert twice.report.reported_at == datetime(2025, 11, 2, 5, 30, tzinfo=UTC)


def test_places_and_the_default_point(tmp_path: Path) -> None:
    mapping = MAPPING + '  location: {lat: lat, lon: lon, unless: {guess: ["1", unknown]}}\n'
    places = ["42.3,-71,0", "42.3,-71,1", "42.3,-71,unknown", ",-71,", "91,-71,", "nan,1,", "x,1,"]
    content = "number,group,kind,words,lat,lon,guess\n" + "".join(f"1,A,B,x,{place}\n" for place in places)
    rows = read(tmp_path, content, mapping)
    assert [row.report.location if row.report else row.problem for row in rows] == [
        Location(lat=42.3, lon=-71),
        None,
        None,
        None,
        Location(lat=91, lon=-71),
        "column lat: 'nan' is no number",
        "column lat: 'x' is no number",
    ]


def test_due_times_only_when_asked_for(tmp_path: Path) -> None:
    mapping = MAPPING + "due: {claim_at: null, resolution_at: target}\nclosed_at: done\n"
    content = "number,group,kind,words,target,done\n1,A,B,x,2011-07-15T01:00,2011-07-16T01:00\n2,A,B,x,,\n"
    first, second = read_with_due(tmp_path, content, mapping)
    assert first.report is not None
    assert first.report.due == Due(claim_at=None, resolution_at=datetime(2011, 7, 15, 5, tzinfo=UTC))
    assert first.closed_at == datetime(2011, 7, 16, 5, tzinfo=UTC)
    assert second.report is not None
    assert second.report.due == Due(claim_at=None, resolution_at=None)
    assert second.closed_at is None
    assert [row.report.due for row in read(tmp_path, content, mapping) if row.report] == [None, None]
    partly, _ = read_with_due(tmp_path, content, MAPPING + "due: {resolution_at: target}\n")
    assert partly.report is not None
    assert partly.report.due is not None
    assert partly.report.due.claim_at is UNSET


def test_reporter_and_area(tmp_path: Path) -> None:
    mapping = MAPPING + "  area: group\n  reporter: {name: who, phone: phone}\n"
    report = only(read(tmp_path, "number,group,kind,words,who,phone\n1,231223100,B,x,测试员,000\n", mapping))
    assert report.area == "231223100"
    assert report.reporter == Reporter(name="测试员", phone="000")


def test_broken_rows_do_not_stop_the_others(tmp_path: Path) -> None:
    content = (
        HEADER.encode()
        + b"1,A,B,good\n"
        + b"2,A,B\n"
        + b"3,A,B,x,y\n"
        + b'4,A,B,"x"y\n'
        + b"5,A,B,\xff\xfe\n"
        + b"6,A,B,x\0y\n"
        + b",A,B,no number\n"
        + b"8" * 201
        + b",A,B,x\n"
        + b"9,A,B,good\n"
    )
    rows = read(tmp_path, content)
    assert [row.line for row in rows] == list(range(2, 11))
    assert [row.problem for row in rows[1:6]] == [
        "has 3 of 4 columns",
        "has 5 of 4 columns",
        "is no CSV: ',' expected after '\"'",
        "is not utf-8",
        "holds NUL (U+0000)",
    ]
    assert "source_id" in (rows[6].problem or "")
    assert "length <= 200" in (rows[7].problem or "")
    assert [row.report.source_id for row in rows if row.report] == ["1", "9"]
    assert rows[1].raw == b"2,A,B\n"


def test_a_quote_that_never_closes_breaks_its_own_row_only(tmp_path: Path) -> None:
    content = HEADER + '1,A,B,"never closed\n2,A,B,x\n3,A,B,"closed"\n4,A,B,x\n5,A,B,"never again\n6,A,B,x\n7,A,B,x\n'
    rows = read(tmp_path, content)
    assert [row.line for row in rows] == [2, 3, 4, 5, 6, 7, 8]
    assert [row.report.source_id if row.report else None for row in rows] == [None, "2", "3", "4", None, "6", "7"]
    assert rows[0].raw == b'1,A,B,"never closed\n'


def test_a_row_of_several_lines_counts_from_its_first(tmp_path: Path) -> None:
    rows = read(tmp_path, HEADER + '1,A,B,"a\nb\nc"\n2,A,B\n3,A,B,x\n')
    assert [(row.line, row.problem) for row in rows] == [(2, None), (5, "has 3 of 4 columns"), (6, None)]


def test_broken_json_lines(tmp_path: Path) -> None:
    good = b'{"number":1,"group":"A","kind":"B","words":"x"}\n'
    deep = b'{"words":' + b"[" * 100_000 + b"\n"
    rows = read(
        tmp_path,
        good + b"{\n[1]\n" + deep + good[:-3] + b'\\u0000"}\n' + b'{"words":"\\ud800"}\n\xff\n' + good,
        name="rows.jsonl",
    )
    assert [row.line for row in rows] == list(range(1, 9))
    assert [row.report is not None for row in rows] == [True, *[False] * 6, True]
    assert (rows[2].problem, rows[2].raw) == ("is no JSON object", b"[1]\n")


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
def test_a_byte_order_mark_is_no_content(tmp_path: Path, name: str) -> None:
    content = '{"number":1,"group":"A","kind":"B","words":"x"}' if name == "rows.jsonl" else HEADER + "1,A,B,x\n"
    assert only(read(tmp_path, b"\xef\xbb\xbf" + content.encode(), name=name)).source_id == "1"


def test_other_encodings_and_delimiters(tmp_path: Path) -> None:
    mapping = "encoding: gb18030\ndelimiter: ';'\n" + MAPPING
    content = "number;group;kind;words\n1;A;B;路灯坏了\n".encode("gb18030")
    assert only(read(tmp_path, content, mapping)).text == "路灯坏了"


def test_a_column_that_is_not_there_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(MappingError) as caught:
        read(tmp_path, "number,group,type,words\n1,A,B,x\n")
    assert (caught.value.line, caught.value.column) == (5, 24)
    assert "column 'kind' is not in rows.csv, which has: number, group, type, words" in str(caught.value)
    with pytest.raises(MappingError, match=r"is in none of the first 100 rows of rows\.jsonl"):
        read(tmp_path, '{"number":1,"group":"A","words":"x"}\n', name="rows.jsonl")
    with pytest.raises(MappingError, match=r"column 'kind' is there twice in rows\.csv"):
        read(tmp_path, "number,group,kind,kind,words\n")


def test_a_json_column_that_comes_later_is_fine(tmp_path: Path) -> None:
    rows = read(tmp_path, '{"number":1,"words":"x"}\n{"number":2,"words":"y","group":"A","kind":"B"}\n', name="a.json")
    assert [row.report.category if row.report else "?" for row in rows] == [None, "a/b"]


@pytest.mark.parametrize(("content", "said"), [(b"", ":1: is empty"), (b'"number\n', ":1: is no CSV")])
def test_a_file_without_a_header(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(FileError, match=said):
        read(tmp_path, content)


def test_a_header_alone_is_an_empty_file(tmp_path: Path) -> None:
    assert read(tmp_path, HEADER) == []


def test_a_damaged_archive_says_where_it_ends(tmp_path: Path) -> None:
    content = HEADER + "".join(f"{number},A,B,{number * 7919 % 1009}\n" for number in range(20_000))
    packed = gzip.compress(content.encode())
    (tmp_path / "map.yaml").write_text(MAPPING)
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(packed[: len(packed) // 2])
    taken: list[RowResult] = []
    with ReportFile(path, load_mapping(tmp_path / "map.yaml")) as reports, pytest.raises(FileError) as caught:
        taken.extend(reports)
    assert 1000 < len(taken) < 20_000
    assert caught.value.line == len(taken) + 2
    assert "cannot be read further" in str(caught.value)


def test_rows_passed_over_are_the_same_rows(tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_text(MAPPING)
    path = tmp_path / "rows.csv"
    broken = {3: "too,short\n", 5: '1,"never closed,B,x\n', 8: '8,"two\nlines",B,x\n'}
    path.write_text(HEADER + "".join(broken.get(number, f"{number},A,B,x\n") for number in range(12)))
    with ReportFile(path, load_mapping(tmp_path / "map.yaml")) as reports:
        all_rows = list(reports)
    for passed in range(len(all_rows) + 2):
        with ReportFile(path, load_mapping(tmp_path / "map.yaml")) as reports:
            assert reports.skip(passed) == min(passed, len(all_rows))
            assert list(reports) == all_rows[passed:]
