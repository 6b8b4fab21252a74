"""A report's text with names and numbers struck out, for departments that must know what, not who."""

import re
from typing import Final

_STRUCK: Final = "***"
# Telephone and identity numbers, plates; short numbers stay, since house numbers tell where to go.
_DIGIT: Final = "[0-9\uff10-\uff19]"
_NUMBERS: Final = re.compile(rf"[+\uff0b]?{_DIGIT}(?:[-\uff0d ]?(?:{_DIGIT}|[Xx])){{5,}}")
_PLATES: Final = re.compile(r"[\u4e00-\u9fa5][A-Z][·• ]?[A-Z0-9]{5,6}")
_LIMIT: Final = 500


def masked(text: str, names: tuple[str, ...] = ()) -> str:
    """At most 500 characters; `names` = what the report itself gives as its reporter's name."""
    struck = _PLATES.sub(_STRUCK, _NUMBERS.sub(_STRUCK, text))
    for name in names:
        if name.strip():
            struck = struck.replace(name.strip(), _STRUCK)
    return struck[:_LIMIT]
