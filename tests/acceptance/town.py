"""Call-takers, departments and the desk, who know Liandong by its address only."""

from __future__ import annotations

import re
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import httpx
import uvicorn

from dispatcher.bootstrap import Engine, open_engine
from dispatcher.settings import Settings
from dispatcher.web.app import create_app

Json = dict[str, Any]


class Town:
    """What people of the stories do, over HTTP."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def report(self, text: str, **fields: object) -> Json:
        """The call-taker's POST, to be taken as new; the answer."""
        body = {"source": "110", "source_id": uuid.uuid4().hex, "channel": "phone", "text": text, "area": "231223100"}
        answer = self.http.post("/api/v1/reports", json=body | fields)
        assert answer.status_code == 201, answer.text
        return _object(answer)

    def command(self, incident_id: str, verb: str, **body: object) -> httpx.Response:
        return self.http.post(f"/api/v1/incidents/{incident_id}/{verb}", json=body)

    def done(self, incident_id: str, verb: str, **body: object) -> Json:
        answer = self.command(incident_id, verb, **body)
        assert answer.status_code == 200, answer.text
        return _object(answer)

    def incident(self, incident_id: str) -> Json:
        return _object(self.http.get(f"/api/v1/incidents/{incident_id}"))

    def events(self, incident_id: str, kind: str) -> list[Json]:
        """Entries of the timeline of one type, each the event's own fields."""
        entries = _object(self.http.get(f"/api/v1/incidents/{incident_id}/timeline"))["entries"]
        return [entry["event"] for entry in entries if entry["type"] == kind]

    def queue(self, responder: str | None = None) -> list[Json]:
        """What a department sees when it looks at its queue; without a name, the desk's view of all."""
        params = {"state": "open", "limit": "200"} | ({"responder": responder} if responder else {})
        items: list[Json] = _object(self.http.get("/api/v1/incidents", params=params))["items"]
        return items

    def responders(self) -> list[str]:
        return [each["id"] for each in _object(self.http.get("/api/v1/responders"))["items"]]

    def metric(self, sample: str) -> float:
        """A sample of /metrics by its name and labels as printed; 0 while it was never counted."""
        page = self.http.get("/metrics").text
        found = re.search(rf"^{re.escape(sample)} (\S+)$", page, flags=re.MULTILINE)
        return float(found[1]) if found else 0.0


def clock_of(incident: Json, name: str) -> Json:
    found: Json = next(clock for clock in incident["clocks"] if clock["name"] == name)
    return found


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


@contextmanager
def opened(settings: Settings, clock: Callable[[], datetime] | None) -> Iterator[Town]:
    """A town whose engine runs, alarms included; `clock` None = the time it is."""
    engine = open_engine(settings, clock)
    engine.start()
    try:
        with answering(engine) as town:
            yield town
    finally:
        engine.stop()


@contextmanager
def answering(engine: Engine) -> Iterator[Town]:
    """The application on a real socket, in a thread of this process."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(engine), log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.005)
    try:
        base = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with httpx.Client(base_url=base, trust_env=False, timeout=10) as http:
            yield Town(http)
    finally:
        server.should_exit = True
        thread.join()


def _object(answer: httpx.Response) -> Json:
    assert answer.is_success, answer.text
    found: Json = answer.json()
    return found
