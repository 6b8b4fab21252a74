"""The baseline on Kafka: a Faust agent as in the tutorial, one ORM transaction per event, then the notice.

python -m benchmarks.naive_agent BOOTSTRAP DATABASE_URL PACK FOLDER
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

import faust

from benchmarks.naive_dispatcher import NaiveDispatcher
from connectors.kafka.settings import KafkaClient
from routing_rules import load_pack

GROUP: Final = "naive"
REPORTS: Final = "naive.reports"
NOTICES: Final = "naive.notices"


def make_app(client: KafkaClient, naive: NaiveDispatcher, folder: Path) -> faust.App:
    app = faust.App(GROUP, **client.faust(folder))
    reports = app.topic(REPORTS, key_serializer="raw", value_serializer="raw")
    notices = app.topic(NOTICES, key_serializer="raw", value_serializer="raw")

    async def dispatch(stream: Any) -> None:  # noqa: ANN401 - Faust's types are half there
        async for event in stream.events():
            answer = naive.take(event.value)
            await notices.send(key=answer["incident_id"].encode(), value=json.dumps(answer).encode())

    app.agent(reports, name="dispatch")(dispatch)
    return app


def main() -> None:
    bootstrap, url, pack, folder = sys.argv[1:]
    naive = NaiveDispatcher(url, load_pack(Path(pack)))
    app = make_app(KafkaClient(bootstrap=bootstrap), naive, Path(folder))
    worker = faust.Worker(app, override_logging=False, redirect_stdouts=False, quiet=True)
    worker.spinner = None
    worker.execute_from_commandline()


if __name__ == "__main__":
    main()
