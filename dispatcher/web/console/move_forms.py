"""The form of a move as the body that the API would have got; the forms are templates/moves/*.html."""

from collections.abc import Mapping
from typing import Final
from zoneinfo import ZoneInfo

from dispatcher.web.console.forms import attachments_of, instant, json_value, numbers
from schemas.command_bodies import IncidentCommandBody
from schemas.commands import BODIES
from schemas.decode import command_body_from, decode_json

_DEPARTMENT: Final = "department."
_ANSWERS: Final[dict[str, object]] = {"yes": True, "no": False}
_NAMES: Final = {verb: frozenset(body.__struct_fields__) for verb, (body, _) in BODIES.items()}


def body_from(verb: str, fields: Mapping[str, str], zone: ZoneInfo) -> IncidentCommandBody:
    """Raises Undecodable. Fields that the verb does not know are left out: a form brings more than its body."""
    value: dict[str, object] = dict(fields)
    value |= {name: _whole(number) for name, number in numbers(fields, ("cycle", "epoch", "seq")).items()}
    value |= {name: instant(fields[name], zone) for name in ("promised_at", "until") if name in fields}
    answered = ("crew_sent", "on", "granted", "solved", "satisfied")
    value |= {name: _ANSWERS.get(fields[name], fields[name]) for name in answered if name in fields}
    value |= _of_several(fields)
    return command_body_from(verb, json_value({name: value[name] for name in value if name in _NAMES[verb]}))


def _of_several(fields: Mapping[str, str]) -> dict[str, object]:
    """What is made of more than one field, or of a part of one."""
    found: dict[str, object] = {
        "departments": [name.removeprefix(_DEPARTMENT) for name in fields if name.startswith(_DEPARTMENT)]
    }
    if point := numbers(fields, ("lat", "lon")):
        found["location"] = point
    if "attribute" in fields:
        name, _, value = fields["attribute"].partition("=")
        found["attributes"] = {name: decode_json(value.encode())}
    if ids := attachments_of(fields):
        found["attachments"] = ids
    if "into" in fields:
        found["into"] = fields["into"].rstrip("/").rpartition("/")[2].partition("?")[0]
    return found


def _whole(number: float | str) -> int | float | str:
    return int(number) if isinstance(number, float) and number.is_integer() else number
