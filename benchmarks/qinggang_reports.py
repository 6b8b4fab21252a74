"""Invented reports for the pack `qinggang`: kinds and texts as its people tell them, points all over the county."""

import random
from typing import Final

from benchmarks.boston_reports import as_sent
from schemas.reports import Location, Report, Reporter

KINDS: Final = (
    ("lighting/streetlight", "门前路灯坏了,晚上看不见路"),
    ("sanitation/garbage", "楼下堆了很多垃圾,几天没人清"),
    ("drain/blocked", "下水堵了,污水流到路上"),
    ("water/outage", "家里停水一上午了"),
    ("power/outage", "整个单元停电了"),
    ("telecom/fault", "宽带断了两天没人来修"),
    ("road/hole", "路面塌了一个坑,很危险"),
)


def qinggang_bodies(count: int, source: str) -> list[bytes]:
    """`count` different reports of one source, about 400 bytes of JSON each."""
    dice = random.Random(source)  # noqa: S311 - repeatable, not secret
    return [as_sent(_invented(source, number, dice)) for number in range(count)]


def _invented(source: str, number: int, dice: random.Random) -> Report:
    category, text = dice.choice(KINDS)
    place = f"示例街{dice.randrange(1, 400)}号"
    return Report(
        source=source,
        source_id=f"{number:08d}",
        channel="phone",
        text=place + text,
        category=category,
        area="231223100",
        place=place,
        location=Location(lat=round(dice.uniform(46.3, 47.2), 6), lon=round(dice.uniform(125.5, 126.6), 6)),
        reporter=Reporter(name="张某某", phone="13800000000"),
    )
