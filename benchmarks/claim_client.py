"""An operator as a process of its own: claims one incident after another over HTTP, with a breath between two.

    python -m benchmarks.claim_client '{"host": …, "port": …, "responder": …, "incidents": [ids], "seconds": 8}'

Prints one JSON object: `took_ms`, the time of each answered claim. Whatever is not 200 ends it.
"""

import http.client
import json
import sys
import time
from collections.abc import Sequence
from typing import Final

BREATH_S: Final = 0.004


def claim_all(host: str, port: int, responder: str, incidents: Sequence[str], seconds: float) -> list[float]:
    """Milliseconds of each claim, until the time is up."""
    connection = http.client.HTTPConnection(host, port, timeout=30)
    body = json.dumps({"responder": responder})
    took_ms: list[float] = []
    until = time.perf_counter() + seconds
    for incident_id in incidents:
        began = time.perf_counter()
        if began > until:
            break
        connection.request("POST", f"/api/v1/incidents/{incident_id}/claim", body, {"content-type": "application/json"})
        answer = connection.getresponse()
        told = answer.read()
        took_ms.append((time.perf_counter() - began) * 1e3)
        assert answer.status == http.HTTPStatus.OK, told
        time.sleep(BREATH_S)
    else:
        raise RuntimeError("there was nothing left to claim")
    return took_ms


if __name__ == "__main__":
    print(json.dumps({"took_ms": claim_all(**json.loads(sys.argv[1]))}))
