"""Names of places → place keys: two texts about one place should get one key, two places never the same.

Without a gazetteer a text has a key only where its words show a structure: road and number, crossing, village,
compound with building, a named house such as a hotel. A road alone names no place. Chinese and English.
"""

import re

from routing_rules.words import normalise

_LOOKED_AT = 300  # characters of a text; a key is at most 80 long
_ROAD = r"(大街|大道|胡同|[路街巷弄道])"
_NUMERAL = r"[0-9]{1,5}|[一二三四五六七八九十百零〇两]{1,6}"
_HAN = r"[\u4e00-\u9fff]"
_ROAD_NUMBER = re.compile(rf"{_ROAD}({_NUMERAL})(?:-([0-9]{{1,4}}))?号(?![楼栋幢线车])")
_CROSSING = re.compile(
    rf"{_ROAD}(?:[与和及跟同、/,-]|到)?\s?({_HAN}{{1,5}}?){_ROAD}的?(?:交叉|交汇|交界|交口|路口|街口|道口|十字|丁字|口)"
)
_VILLAGE = re.compile(rf"([乡镇])({_HAN}{{1,5}}?)([村屯])")
_COMPOUND = re.compile(
    r"(小区|家园|嘉园|佳园|花园|花苑|御苑|名苑|雅苑|新苑|新居|新村|公寓|华府|庭院)"
    rf"(?:({_NUMERAL})(?:号楼|号院|栋|幢|号))?"
)
_HOUSE = re.compile(
    "酒店|宾馆|饭店|医院|幼儿园|小学|中学|学校|超市|商场|商城|广场|公园|市场|车站|加油站|银行|派出所|大厦|大桥"
)
# Words before a name that are no part of it. Names containing one lose their head, in every text alike.
_STOPS = frozenset("在于从到的住位报说是我你他她它们请把被省市县区镇乡村屯号楼院与及跟某")
_NUMERAL_BEFORE = re.compile(r"([一二三四五六七八九十百零〇两]{1,6})(?=号|栋|幢|单元|组|层)")
_TAIL = re.compile(r"(?:附近|门口|门前|旁边|旁|路边|[东西南北]侧|[东西南北]边|对面|周边|处|的)+\Z")
_DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}

_ROAD_WORDS = {
    "st": "street", "str": "street", "ave": "avenue", "av": "avenue", "rd": "road", "blvd": "boulevard", "dr": "drive",
    "ln": "lane", "pl": "place", "sq": "square", "ct": "court", "pkwy": "parkway", "hwy": "highway", "ter": "terrace",
    "cir": "circle",
}  # fmt: skip
_ROAD_NAMES = "|".join(sorted({*_ROAD_WORDS, *_ROAD_WORDS.values()}, key=lambda word: (-len(word), word)))
_ENGLISH_NUMBER = re.compile(rf"\b([0-9]{{1,5}}[a-z]?) ((?:[a-z0-9']+ ){{1,3}}?)({_ROAD_NAMES})\b")
_ENGLISH_CROSSING = re.compile(
    rf"\b((?:[a-z0-9']+ ){{1,2}})({_ROAD_NAMES}) (?:and|at|&) ((?:[a-z0-9']+ ){{1,2}}?)({_ROAD_NAMES})\b"
)
_ENGLISH_STOPS = frozenset(("a", "an", "at", "by", "corner", "from", "in", "intersection", "near", "of", "on", "the"))
_NOT_ENGLISH_WORD = re.compile(r"[^a-z0-9&']+")


def place_key(place: str | None, text: str) -> str | None:
    """The key of the place given, else of one that `text` (normalised already) shows by its words; None = neither."""
    if place:
        given = normalise(place[:_LOOKED_AT])
        return _recognised(given) or _as_it_stands(given)
    return _recognised(text[:_LOOKED_AT])


def _recognised(text: str) -> str | None:
    if text.isascii():
        return _english(text) if text else None
    return _numbered_road(text) or _crossing(text) or _village(text) or _compound(text) or _house(text)


def _numbered_road(text: str) -> str | None:
    for found in _ROAD_NUMBER.finditer(text):
        name = _name_before(text, found.start())
        if name:
            sub = f"-{found[3]}" if found[3] else ""
            return f"{name}{found[1]}{_number(found[2])}{sub}号"
    return None


def _crossing(text: str) -> str | None:
    for found in _CROSSING.finditer(text):
        name = _name_before(text, found.start())
        if name:
            return "×".join(sorted((f"{name}{found[1]}", f"{found[2]}{found[3]}")))
    return None


def _village(text: str) -> str | None:
    for found in _VILLAGE.finditer(text):
        name = _name_before(text, found.start())
        if name and "某" not in found[2]:
            return f"{name}{found[1]}{found[2]}{found[3]}"
    return None


def _compound(text: str) -> str | None:
    for found in _COMPOUND.finditer(text):
        name = _name_before(text, found.start())
        if name:
            return f"{name}{found[1]}" + (f"{_number(found[2])}号楼" if found[2] else "")
    return None


def _house(text: str) -> str | None:
    for found in _HOUSE.finditer(text):
        name = _name_before(text, found.start())
        if len(name) >= 2:
            return name + found[0]
    return None


def _name_before(text: str, end: int) -> str:
    """Up to four Chinese characters before `end`, back to the first that cannot belong to a name."""
    start = end
    while start > 0 and end - start < 4 and "\u4e00" <= text[start - 1] <= "\u9fff" and text[start - 1] not in _STOPS:
        start -= 1
    return text[start:end]


def _number(numeral: str) -> str:
    """Chinese or Latin digits as Latin digits: 二十一 and 二一 are 21."""
    if numeral.isdigit() and numeral.isascii():
        return str(int(numeral))
    if not set(numeral) & set("十百"):
        return str(int("".join(str(_DIGITS[digit]) for digit in numeral)))
    total, digit = 0, 0
    for character in numeral:
        if character in "十百":
            total += (digit or 1) * (100 if character == "百" else 10)
            digit = 0
        else:
            digit = _DIGITS[character]
    return str(total + digit)


def _as_it_stands(place: str) -> str | None:
    """A place with no structure known: its letters, without words such as 'in front of'."""
    if place.isascii():
        words = [_ROAD_WORDS.get(word, word) for word in _NOT_ENGLISH_WORD.split(place) if word]
        return " ".join(words)[:80] or None
    whole = _NUMERAL_BEFORE.sub(lambda found: _number(found[1]), place)
    whole = "".join(character for character in whole if character.isalnum())
    return _TAIL.sub("", whole)[:80] or None


def _english(text: str) -> str | None:
    words = _NOT_ENGLISH_WORD.sub(" ", text)
    maybe_crossing = " & " in words or " and " in words or " at " in words
    crossing = _ENGLISH_CROSSING.search(words) if maybe_crossing else None
    if crossing:
        first, other = _road(crossing[1], crossing[2]), _road(crossing[3], crossing[4])
        return "×".join(sorted((first, other))) if first and other else None
    numbered = _ENGLISH_NUMBER.search(words)
    return f"{numbered[1]} {_road(numbered[2], numbered[3])}" if numbered else None


def _road(name: str, kind: str) -> str | None:
    words = name.split()
    for position in range(len(words) - 1, -1, -1):
        if words[position] in _ENGLISH_STOPS:
            words = words[position + 1 :]
            break
    return " ".join((*words, _ROAD_WORDS.get(kind, kind))) if words else None
