"""The baseline of http.single: one handler, one ORM session and one durable transaction per request.

`/changes?after=ID` is the baseline of sse.fanout: what is in the journal after an id.

python -m benchmarks.naive_server PORT DATABASE_URL PACK
"""

import sys
from pathlib import Path
from typing import Any

import uvicorn
from litestar import Litestar, Request, get, post

from benchmarks.naive_dispatcher import NaiveDispatcher
from routing_rules import load_pack


def main() -> None:
    port, url, pack = sys.argv[1:]
    naive = NaiveDispatcher(url, load_pack(Path(pack)))

    @post("/api/v1/reports")
    async def submit(request: Request[Any, Any, Any]) -> dict[str, Any]:
        return naive.take(await request.body())

    @get("/changes", sync_to_thread=True)
    def changes(after: int) -> list[dict[str, Any]]:
        return naive.changes(after)

    @get("/readyz", sync_to_thread=False)
    def ready() -> str:
        return "ready"

    app = Litestar([submit, changes, ready], openapi_config=None, logging_config=None)
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_config=None, access_log=False)


if __name__ == "__main__":
    main()
