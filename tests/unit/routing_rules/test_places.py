"""Two texts about one place get one key; what names no place gets none."""

import pytest

from routing_rules.places import place_key
from routing_rules.words import normalise


def key(text: str) -> str | None:
    return place_key(None, normalise(text))


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (
            (
                "泰和街21号门前路灯坏了",
                "泰和街21号盛世嘉园八号楼南厢房门前路灯坏了",
                "泰和街２１号",
                "家住泰和街二十一号,路灯不亮",
                "青冈县青冈镇泰和街21号",
            ),
            "泰和街21号",
        ),
        (("泰和街一百零五号",), "泰和街105号"),
        (("泰和街一二三号",), "泰和街123号"),
        (("泰和街21-1号",), "泰和街21-1号"),
        (
            (
                "哈黑路与北环路交叉口路东路灯接触不好",
                "北环路与哈黑路交叉口",
                "北环路和哈黑路路口",
                "哈黑路北环路交叉口西侧",
            ),
            "北环路×哈黑路",
        ),
        (("盛世嘉园八号楼楼道灯坏了", "盛世嘉园8栋"), "盛世嘉园8号楼"),
        (("盛世嘉园门口",), "盛世嘉园"),
        (("车在连丰乡长发屯附近",), "连丰乡长发屯"),
        (("钱包丢在益民酒店",), "益民酒店"),
        (("Street light out at 100 Main St", "the lamp at 100 main street is dark"), "100 main street"),
        (("corner of Main St and Pine Ave", "Pine Avenue & Main Street"), "main street×pine avenue"),
    ],
)
def test_one_place_one_key(texts: tuple[str, ...], expected: str) -> None:
    assert {key(text) for text in texts} == {expected}


@pytest.mark.parametrize(
    "text", ["路灯坏了", "道路上有个黑窟窿", "泰和街的路灯坏了", "连丰乡某屯附近", "去医院了", "hello", ""]
)
def test_no_place_no_key(text: str) -> None:
    assert key(text) is None


def test_different_places_different_keys() -> None:
    texts = [
        "泰和街21号",
        "泰和街22号",
        "泰和路21号",
        "安和街21号",
        "盛世嘉园8号楼",
        "盛世嘉园9号楼",
        "哈黑路与南环路交叉口",
    ]
    assert len({key(text) for text in texts}) == len(texts)


def test_a_place_given_is_taken_before_the_text_and_as_it_stands() -> None:
    assert place_key("泰和街21号", normalise("盛世嘉园门口")) == "泰和街21号"
    assert place_key("实验小学门口", "") == place_key("实验小学 附近", "") == "实验小学"
    assert place_key("City Hall,  2nd Fl.", "") == "city hall 2nd fl"
    assert place_key("。。。", "") is None
