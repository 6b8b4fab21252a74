from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from connectors.files.mapping import load_mapping
from connectors.files.yaml_keys import MappingError

SMALL = """\
zone: Asia/Shanghai
report:
  source: {value: "110"}
  source_id: id
  text: words
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "map.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_small_mapping(tmp_path: Path) -> None:
    mapping = load_mapping(written(tmp_path, SMALL))
    assert mapping.fields["source"].pieces == ("110",)
    (column,) = mapping.fields["source_id"].columns
    assert (column.name, column.line, column.column) == ("id", 4, 14)
    assert mapping.format is None
    assert mapping.due is None


def test_no_clock_and_the_rules_clock_are_told_apart(tmp_path: Path) -> None:
    mapping = load_mapping(written(tmp_path, SMALL + "due:\n  claim_at: null\n"))
    assert mapping.due == {"claim_at": None}


def test_a_time_has_the_zone_that_is_nearest(tmp_path: Path) -> None:
    more = SMALL + "  reported_at: {column: at, zone: America/New_York}\nclosed_at: done\n"
    mapping = load_mapping(written(tmp_path, more))
    assert mapping.reported_at is not None
    assert mapping.reported_at.zone == ZoneInfo("America/New_York")
    assert mapping.closed_at is not None
    assert mapping.closed_at.zone == ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ("", 1, 1, "a mapping is a mapping with keys"),
        ("- a\n", 1, 1, "a mapping with keys"),
        ("zone: [\n", 2, 1, "expected"),
        ("a: &x [*x]\n", 1, 1, "not readable"),
        ("zone: Asia/Shanghai\n", 1, 1, "`report` is missing"),
        (SMALL + "colour: red\n", 6, 1, "unknown key 'colour'"),
        (SMALL + "format: xml\n", 6, 9, "csv, jsonl"),
        (SMALL + "encoding: utf-16\n", 6, 11, "gb18030"),
        (SMALL + "delimiter: ';;'\n", 6, 12, "one character"),
        (SMALL.replace("Asia/Shanghai", "Asia/Nowhere"), 1, 7, "no time zone 'Asia/Nowhere'"),
        (SMALL.replace("  source_id: id\n", ""), 3, 3, "`report.source_id` is missing"),
        (SMALL.replace("  text: words\n", ""), 3, 3, "`text` or `category`"),
        (SMALL.replace("text: words", "text: {template: words}"), 5, 20, "a template looks like"),
        (SMALL.replace("text: words", "text: {template: '{a'}"), 5, 20, "a template looks like"),
        (SMALL.replace("text: words", "text: {column: a, value: b}"), 5, 9, "exactly one of"),
        (SMALL.replace("text: words", "text: {column: a, upper: true}"), 5, 21, "unknown key 'upper'"),
        (SMALL.replace("text: words", "text: {column: a, slug: maybe}"), 5, 27, "true or false"),
        (SMALL.replace("text: words", "text: {column: a, map: [b]}"), 5, 26, "`map` is a mapping"),
        (SMALL.replace("text: words", "text: [words]"), 5, 9, "the name of a column"),
        (SMALL.replace("text: words", "text: words\n  text: more"), 6, 3, "there twice"),
        (SMALL + "  location: {lat: lat}\n", 6, 13, "`lat` and `lon`"),
        (SMALL + "  reporter: {name: who, email: mail}\n", 6, 25, "unknown key 'email'"),
        (SMALL + "due: {fix_at: target}\n", 6, 7, "unknown key 'fix_at'"),
        (SMALL.replace("zone: Asia/Shanghai\n", "") + "closed_at: done\n", 5, 12, "needs a zone"),
    ],
)
def test_what_is_wrong_is_said_with_file_line_and_column(
    tmp_path: Path, text: str, line: int, column: int, said: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(MappingError) as caught:
        load_mapping(path)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert said in caught.value.message
    assert str(caught.value).startswith(f"{path}:{line}:{column}: ")
