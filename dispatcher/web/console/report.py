"""Entering a report at the desk."""

import asyncio
import secrets
from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

from litestar import Response, get, post
from litestar.response import Redirect

from dispatcher.web.asking import AnyRequest
from dispatcher.web.console.forms import (
    MAX_FORM_BYTES,
    attachments_of,
    form_of,
    instant,
    json_value,
    keep_files,
    numbers,
)
from dispatcher.web.console.screens import render, wording
from dispatcher.web.engine import carry_out, engine_of
from dispatcher.web.problems import Refuse
from schemas import outcomes as out
from schemas.commands import SubmitReport
from schemas.decode import Undecodable, report_from

CHANNELS: Final = ("phone", "visit", "patrol", "app", "other")
_SOURCE: Final = "console"
_TEXTS: Final = ("text", "category", "place", "area", "channel")
_SEE_OTHER: Final = 303


@get("/report", sync_to_thread=True)
def show_form(request: AnyRequest) -> Response[str]:
    return _page(request, {"key": secrets.token_urlsafe(12)})


@post("/report", request_max_body_size=MAX_FORM_BYTES)
async def take_report(request: AnyRequest) -> Response[Any]:
    """The form's key is the source_id, so that pressing twice makes one report."""
    form, engine = await form_of(request), engine_of(request)
    fields = form.fields
    try:
        await keep_files(engine, form, fields.get("key", ""))
        report, warnings = report_from(json_value(_value(fields, engine.compiled().zone)))
    except Undecodable as error:
        return await asyncio.to_thread(_page, request, fields, status=422, unreadable=str(error))
    except Refuse as refused:
        return await asyncio.to_thread(_page, request, fields, status=refused.status, file_refused=refused.title)
    outcome = (await carry_out(engine, [SubmitReport(report=report, warnings=warnings, origin=_SOURCE)]))[0]
    if isinstance(outcome, out.Taken):
        return Redirect(f"/incidents/{outcome.answer.incident_id}?done=report", status_code=_SEE_OTHER)
    if not isinstance(outcome, out.Refused):
        raise TypeError(f"{type(outcome).__name__} is no answer to a report")
    return await asyncio.to_thread(_page, request, fields, status=outcome.refusal.status, refusal=outcome.refusal)


def _value(fields: Mapping[str, str], zone: ZoneInfo) -> dict[str, object]:
    value: dict[str, object] = {name: fields.get(name) for name in _TEXTS}
    value |= {"source": _SOURCE, "source_id": fields.get("key", "")}
    value["reported_at"] = instant(fields.get("reported_at"), zone)
    if point := numbers(fields, ("lat", "lon")):
        value["location"] = point
    if reporter := {name: fields[name] for name in ("name", "phone") if name in fields}:
        value["reporter"] = reporter
    if ids := attachments_of(fields):
        value["attachments"] = ids
    if "held_by" in fields:
        value["held_by"] = fields["held_by"]
    return value


def _page(request: AnyRequest, fields: Mapping[str, str], *, status: int = 200, **shown: object) -> Response[str]:
    engine = engine_of(request)
    compiled = engine.compiled()
    said: dict[str, object] = {"refusal": None, "unreadable": None, "file_refused": None}
    return render(
        request,
        "report",
        wording(request, engine, compiled),
        status=status,
        path="/report",
        fields={"key": secrets.token_urlsafe(12)} | dict(fields),
        categories=compiled.categories,
        areas=compiled.bundle.areas,
        channels=CHANNELS,
        responders=compiled.responders,
        attachments_of=attachments_of,
        **said | shown,
    )
