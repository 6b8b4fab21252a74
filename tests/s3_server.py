"""An S3 server of its own process on loopback: moto's, which keeps its buckets in memory."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import httpx

BUCKET: Final = "liandong-test"
# What every tool for S3 reads; the keys are invented.
ACCESS: Final = {"AWS_ACCESS_KEY_ID": "invented", "AWS_SECRET_ACCESS_KEY": "invented", "AWS_REGION": "us-east-1"}


@contextmanager
def s3_server() -> Iterator[str]:
    """Its endpoint, with an empty bucket."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    endpoint = f"http://127.0.0.1:{port}"
    try:
        _wait_for(server, endpoint)
        httpx.put(f"{endpoint}/{BUCKET}", trust_env=False).raise_for_status()
        yield endpoint
    finally:
        server.terminate()
        server.wait(10)


def _wait_for(server: subprocess.Popen[bytes], endpoint: str) -> None:
    for _ in range(300):
        if server.poll() is not None:
            raise RuntimeError(f"moto's server ended with {server.returncode}")
        try:
            httpx.get(f"{endpoint}/moto-api/", trust_env=False)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("moto's server does not answer")
