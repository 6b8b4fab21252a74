"""A planted fault: a transaction is committed only when the next one begins: answers leave before their commit."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection

from dispatcher.bootstrap import Engine
from tests.integration.crash.one_life import Life

_WIDER_S: Final = 0.02  # the gap in which a kill shows it


def commit_late(engine: Engine, _life: Life) -> None:
    store, pending, one_at_a_time = engine.store, list[Connection](), threading.Lock()

    @contextmanager
    def writing() -> Iterator[Connection]:
        with one_at_a_time:
            while pending:
                time.sleep(_WIDER_S)
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
    store.move_cursor = lambda *_: None  # type: ignore[method-assign] # it would commit the answer before it
