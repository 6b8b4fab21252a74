"""Dead letters as they are listed, shown and put right, and what erasing answers."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

LetterState = Literal["open", "redriven", "discarded"]


class DeadLetterItem(Struct, frozen=True, kw_only=True):
    """One letter without its bytes. `report_id`, `incident_id` = what it became, or the report it contradicts."""

    letter_id: str
    at: datetime
    origin: str
    reason: str
    state: LetterState
    size: int
    is_fixed: bool
    report_id: str | None
    incident_id: str | None
    settled_at: datetime | None
    erased_at: datetime | None


class DeadLetterList(Struct, frozen=True, kw_only=True):
    """One page, newest first; `next_cursor` None = the last."""

    items: tuple[DeadLetterItem, ...]
    next_cursor: str | None


class DeadLetterDetail(DeadLetterItem, frozen=True, kw_only=True):
    """`raw` and `fixed` in base64; `text` and `fixed_text` = the same where they are UTF-8. Personal data."""

    raw: bytes
    text: str | None
    fixed: bytes | None
    fixed_text: str | None
    headers: dict[str, str]


class ErasedAnswer(Struct, frozen=True, kw_only=True):
    """Refs of bodies and ids of letters that went in this turn; `repeated` = nothing was left to erase."""

    refs: tuple[str, ...]
    letter_ids: tuple[str, ...]
    repeated: bool
