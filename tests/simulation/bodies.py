"""What people write into their commands: mostly sense, sometimes late, sometimes nonsense."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Final, NamedTuple

import msgspec

from tests.simulation.kinds import DESK, NOBODY, SPOTS

UNIT_VERBS: Final = ("dispatch", "en-route", "on-scene", "clear", "withdraw")
UNDOABLE: Final = (
    "claim",
    "plan",
    "start",
    "pause",
    "resume",
    "defer",
    "supervise",
    "prioritize",
    "resolve",
    "close",
    "cancel",
)
_UNITS: Final = ("crew-1", "crew-1", "drone-2")  # not only one department has a crew-1
_WAITS: Final = ("reporter", "parts", "weather", "budget", "other")
Said = dict[str, object]


class Scene(NamedTuple):
    """What whoever writes sees around: the time, whom one may name, the categories in play, other incidents."""

    now: datetime
    cast: tuple[str, ...]
    categories: tuple[str, ...]
    others: tuple[str, ...]


def body_of(verb: str, who: str, scene: Scene, rng: Random) -> Said:
    """The fields of a command's body, but for who acts and what it is based on."""
    body = _BODIES[verb](who, scene, rng) if verb in _BODIES else {}
    if rng.random() < 0.05:
        body["note"] = "补充一句"
    return body


def _claim(_who: str, scene: Scene, rng: Random) -> Said:
    body: Said = {"crew_sent": True} if rng.random() < 0.2 else {}
    return body | ({"promised_at": _ahead(scene, rng, 3600)} if rng.random() < 0.2 else {})


def _return(_who: str, scene: Scene, rng: Random) -> Said:
    return _because(rng) | ({"suggested_owner": _somebody(scene, rng)} if rng.random() < 0.2 else {})


def _refer(_who: str, scene: Scene, rng: Random) -> Said:
    return {"to": _somebody(scene, rng)} | _because(rng)


def _joint(_who: str, scene: Scene, rng: Random) -> Said:
    departments = [_somebody(scene, rng) for _ in range(rng.choice((1, 1, 2)))]
    return {"departments": departments} | ({"lead": _somebody(scene, rng)} if rng.random() < 0.4 else {})


def _plan(_who: str, scene: Scene, rng: Random) -> Said:
    return {"promised_at": _ahead(scene, rng, 7200)}


def _pause(_who: str, _scene: Scene, rng: Random) -> Said:
    return {"waiting_for": rng.choice(_WAITS)}


def _progress(_who: str, _scene: Scene, rng: Random) -> Said:
    return {"note": "到场查看"} if rng.random() < 0.9 else {}


def _unit(who: str, _scene: Scene, rng: Random) -> Said:
    return {"unit": rng.choice((*_UNITS, f"{who}-car"))}


def _extend(who: str, scene: Scene, rng: Random) -> Said:
    until: Said = {"until": _ahead(scene, rng, 4 * 3600, 86_400, 4 * 86_400)} if rng.random() < 0.8 else {}
    if who == DESK or rng.random() < 0.03:
        return until | rng.choice(({}, {"granted": True}, {"granted": False}))
    return until | _because(rng)


def _defer(_who: str, scene: Scene, rng: Random) -> Said:
    return {"until": _ahead(scene, rng, 900, 7200)} | _because(rng)


def _supervise(_who: str, _scene: Scene, rng: Random) -> Said:
    return {"on": rng.random() < 0.6}


def _prioritize(_who: str, _scene: Scene, rng: Random) -> Said:
    return {"priority": rng.choice(("P1", "P2", "P3", "P4"))}


def _correct(_who: str, scene: Scene, rng: Random) -> Said:
    body, dice, spot = Said(), rng.random(), rng.choice(SPOTS)
    if dice < 0.6:
        body["category"] = rng.choice(scene.categories) if scene.categories and rng.random() < 0.95 else "no/such-thing"
    if 0.5 < dice < 0.65:
        body["area"] = "231223100"
    if 0.6 < dice < 0.8:
        body["place"] = spot.place
    if 0.7 < dice < 0.95:
        body["location"] = msgspec.to_builtins(spot.location(0))
    return body


def _follow_up(_who: str, _scene: Scene, rng: Random) -> Said:
    said: Said = {"solved": rng.choice((True, True, False, None))}
    return said | ({"satisfied": rng.random() < 0.8} if rng.random() < 0.5 else {})


def _resolve(who: str, _scene: Scene, rng: Random) -> Said:
    return (_because(rng) if who == DESK else {}) | ({"outcome": "已修好"} if rng.random() < 0.3 else {})


def _merge(_who: str, scene: Scene, rng: Random) -> Said:
    return {"into": rng.choice(scene.others) if scene.others and rng.random() < 0.97 else "01JUNKNOWNUNKNOWNUNKNOWN00"}


def _reasoned(_who: str, _scene: Scene, rng: Random) -> Said:
    return _because(rng)


def _because(rng: Random) -> Said:
    return {"reason": "不归我们管"} if rng.random() < 0.9 else {}


def _somebody(scene: Scene, rng: Random) -> str:
    return rng.choice(scene.cast) if rng.random() < 0.96 else NOBODY


def _ahead(scene: Scene, rng: Random, *spans_s: int) -> str:
    span = -60 if rng.random() < 0.04 else rng.choice(spans_s) + rng.randrange(60)
    return (scene.now + timedelta(seconds=span)).isoformat()


_BODIES: Final[dict[str, Callable[[str, Scene, Random], Said]]] = {
    "claim": _claim,
    "return": _return,
    "refer": _refer,
    "joint": _joint,
    "plan": _plan,
    "pause": _pause,
    "progress": _progress,
    **dict.fromkeys(UNIT_VERBS, _unit),
    "extend": _extend,
    "defer": _defer,
    "supervise": _supervise,
    "prioritize": _prioritize,
    "correct": _correct,
    "follow-up": _follow_up,
    "resolve": _resolve,
    "reopen": _reasoned,
    "cancel": _reasoned,
    "merge": _merge,
}
