"""A planted fault: a transaction is committed only when the next one begins: answers leave before their commit."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from dispatcher.bootstrap import Engine


def commit_late(engine: Engine) -> None:
    store, pending, one_at_a_time = engine.store, list[Connection](), threading.Lock()

    @contextmanager
    def writing() -> Iterator[Connection]:
        with one_at_a_time:
            while pending:
                before = pending.pop()
                before.commit()
                before.close()
            connection = store._writer.connect()
            try:
                connection.begin()
                yield connection
            except BaseException:
                connection.close()
                raise
            pending.append(connection)

    store._writing = writing  # type: ignore[method-assign]
