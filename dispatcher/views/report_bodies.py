"""Reports as they came, from the erasable bodies."""

from collections.abc import Collection

import msgspec
from sqlalchemy import Connection

from dispatcher.store.bodies import read_bodies
from schemas.reports import Report

_report = msgspec.json.Decoder(Report)


def report_bodies(connection: Connection, report_ids: Collection[str]) -> dict[str, Report]:
    """By report_id; erased ones are absent. They hold name and phone: pass on single fields only."""
    found = read_bodies(connection, report_ids)
    return {ref: _report.decode(body.doc) for ref, body in found.items() if body.doc}
