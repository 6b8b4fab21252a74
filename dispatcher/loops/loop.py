"""A background thread that does one thing again and again, survives its errors and stops when told."""

import threading
from collections.abc import Callable
from typing import Final

import structlog

log = structlog.get_logger(__name__)
_ERROR_PAUSE_S: Final = 1.0


class Loop:
    """`step` does what there is to do and says how many seconds to wait before the next time."""

    def __init__(self, name: str, step: Callable[[], float]) -> None:
        self._name = name
        self._step = step
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.failing: str | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                pause = self._step()
                if self.failing is not None:
                    log.info("loop_recovered", loop=self._name)
                    self.failing = None
            except Exception as error:  # noqa: BLE001 - a loop outlives whatever is away
                if self.failing is None:
                    log.warning("loop_failing", loop=self._name, error=f"{type(error).__name__}: {error}"[:300])
                self.failing, pause = type(error).__name__, _ERROR_PAUSE_S
            self._stopping.wait(pause)
