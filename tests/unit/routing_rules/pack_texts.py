"""Small packs for the tests of the rule language."""

from routing_rules import Compiled, PackError, compile_bundle
from routing_rules.parse import parse_pack

BASE = """\
jurisdiction: test-1
zone: Asia/Shanghai
centre: [46.69, 126.10]
default-points: [[46.0, 126.0]]
responders:
- {id: desk, desk: true, name: {zh: 调度台, en: Desk}}
- {id: lamps, name: {zh: 路灯, en: Lamps}, adapter: kafka}
- {id: roads}
- {id: police}
categories:
- {id: lighting/streetlight, priority: P2, name: {zh: 路灯, en: Streetlight}}
- {id: lighting/sign}
- {id: road/hole}
areas:
- {id: 231223, bbox: [46.0, 125.0, 47.0, 127.0], name: {zh: 县, en: County}}
- {id: 231223100, bbox: [46.6, 126.0, 46.8, 126.2], name: {zh: 镇, en: Town}}
bands: {night: "22:00-06:00", dark: sunset-22:00}
calendars:
  days: {kind: working-days}
sources:
  tester: {trusted: true}
keywords:
- {id: lamp, any: [路灯, 路灯…坏], category: lighting/streetlight}
- {id: hurt, any: [受伤], not: [没有受伤], flags: [injured]}
"""
DEFAULT = "- {id: default, when: any, send: {to: desk}}\n"


def pack(rules: str = "", default: str = DEFAULT) -> dict[str, str]:
    """A pack of two files with these rules and the default."""
    return {"pack.yaml": BASE, "rules.yaml": f"rules:\n{rules}{default}"}


def compiled(rules: str = "", base: str = BASE) -> Compiled:
    bundle = parse_pack({"pack.yaml": base, "rules.yaml": f"rules:\n{rules}{DEFAULT}"}).bundle
    return compile_bundle(bundle, "sha256:test")


def problems(files: dict[str, str]) -> list[str]:
    """What the parser says about a broken pack, one line each."""
    try:
        parse_pack(files)
    except PackError as error:
        return str(error).splitlines()
    return []
