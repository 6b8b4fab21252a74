"""Names of the topics; nobody else spells them."""

import re

REPORTS = "dispatch.reports.v1"
INCIDENTS = "dispatch.incidents.v1"
DEAD_LETTERS = "dispatch.deadletters.v1"
COMMANDS_PATTERN = r"^dispatch\.responders\.[a-z0-9][a-z0-9-]*\.commands\.v1$"
_COMMANDS = re.compile(r"^dispatch\.responders\.([a-z0-9][a-z0-9-]*)\.commands\.v1$")
_NOTICES = re.compile(r"^dispatch\.responders\.([a-z0-9][a-z0-9-]*)\.notices\.v1$")

REPORT_TYPE = "dispatch.report.v1"
COMMAND_TYPE_PREFIX = "dispatch.command."


def notices(responder: str) -> str:
    return f"dispatch.responders.{responder}.notices.v1"


def commands(responder: str) -> str:
    return f"dispatch.responders.{responder}.commands.v1"


def responder_of(topic: str) -> str | None:
    """Who speaks on a commands topic, or None when it is no commands topic."""
    found = _COMMANDS.match(topic)
    return found.group(1) if found else None


def reader_of(topic: str) -> str | None:
    """Who reads a notices topic, or None when it is no notices topic."""
    found = _NOTICES.match(topic)
    return found.group(1) if found else None
