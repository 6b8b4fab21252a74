"""A line to PostgreSQL that is cut between COMMIT and its answer."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class CutLine:
    """Forwards bytes from a free loopback port to a server; `armed`, it hangs up once the server has committed."""

    def __init__(self, server_port: int) -> None:
        self.armed = threading.Event()
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._server_port))
                cut = threading.Event()
                threading.Thread(target=self._to_server, args=(client, server, cut), daemon=True).start()
                threading.Thread(target=self._to_client, args=(server, client, cut), daemon=True).start()

    def _to_server(self, client: socket.socket, server: socket.socket, cut: threading.Event) -> None:
        with suppress(OSError):
            while said := client.recv(65536):
                if self.armed.is_set() and b"COMMIT\0" in said:
                    cut.set()
                server.sendall(said)
        server.close()

    @staticmethod
    def _to_client(server: socket.socket, client: socket.socket, cut: threading.Event) -> None:
        with suppress(OSError):
            while answer := server.recv(65536):
                if cut.is_set():
                    break
                client.sendall(answer)
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
        client.close()


@contextmanager
def cut_line(server_port: int) -> Iterator[CutLine]:
    line = CutLine(server_port)
    try:
        yield line
    finally:
        line.close()
