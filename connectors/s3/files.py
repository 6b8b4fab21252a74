"""One bucket as a place for attachments. Whoever starts the process names it; the keys come from the environment."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

_PATIENCE: Final[timedelta] = timedelta(seconds=10)


class S3Files:
    """Objects `<prefix>/aa/<name>` for names that begin with aa; safe to share between threads.

    `url` is `s3://bucket/prefix`. Access key, secret, region and endpoint come from the variables that all tools for
    S3 read: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL. Plain HTTP is spoken only to an
    endpoint that says http://. ValueError = an address or variables that cannot be meant; every method
    raises OSError when the store does not do what it was asked.
    """

    def __init__(self, url: str, *, endpoint: str | None = None) -> None:
        address = urlsplit(url)
        if address.scheme != "s3" or not address.netloc or address.query:
            raise ValueError("a bucket is named s3://bucket or s3://bucket/prefix")
        try:
            self._store = S3Store(
                address.netloc,
                prefix=address.path.strip("/") or None,
                client_options={"allow_http": (endpoint or "").startswith("http://"), "timeout": _PATIENCE},
                retry_config={"max_retries": 3, "retry_timeout": _PATIENCE},
            )
        except BaseError as error:  # its first line names what is missing
            raise ValueError(str(error).split("\n", 1)[0]) from None

    def put(self, name: str, content: bytes) -> None:
        with _as_os_errors():
            obstore.put(self._store, _key(name), content, use_multipart=False)

    def read(self, name: str) -> bytes | None:
        with _as_os_errors():
            try:
                return bytes(obstore.get(self._store, _key(name)).bytes())
            except FileNotFoundError:
                return None

    def has(self, name: str) -> bool:
        with _as_os_errors():
            try:
                obstore.head(self._store, _key(name))
            except FileNotFoundError:
                return False
        return True

    def delete(self, name: str) -> None:
        with _as_os_errors():
            obstore.delete(self._store, _key(name))

    def older_than(self, age: timedelta) -> Iterator[str]:
        before = datetime.now(UTC) - age
        with _as_os_errors():
            for page in obstore.list(self._store):
                yield from (found["path"].rpartition("/")[2] for found in page if found["last_modified"] < before)


def _key(name: str) -> str:
    return f"{name[:2]}/{name}"


@contextmanager
def _as_os_errors() -> Iterator[None]:
    """The library's errors, which quote the request, as the one sort of error that callers know."""
    try:
        yield
    except BaseError as error:
        raise OSError(f"the S3 store does not answer as it should: {type(error).__name__}") from None
