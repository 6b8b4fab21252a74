"""PostgreSQL's text knows no NUL. What that means is the same on both stores, and is decided here."""

import unicodedata


def code(text: str | None) -> str | None:
    """A code or key that must stay what it is: refused (ValueError) when it holds a NUL."""
    if text and "\0" in text:
        raise ValueError("a code or id with a NUL character cannot be stored")
    return text


def readable(text: str) -> str:
    """Words for people, beside a document that is exact: NUL becomes U+FFFD."""
    return text.replace("\0", "\ufffd") if "\0" in text else text


def storable(text: str) -> str:
    """Whatever came in, as valid UTF-8 without NUL: lone surrogates become "?"."""
    return readable(text).encode("utf-8", "replace").decode("utf-8")


def folded(text: str) -> str:
    """As a search compares: neither case nor full-width forms count."""
    return unicodedata.normalize("NFKC", readable(text)).casefold()
