"""Start a server as a child that cannot outlive us, and end it.

The child is started through a two-line launcher that asks the kernel for PR_SET_PDEATHSIG and then execs the server:
the kernel itself kills the child when its parent dies, even by SIGKILL, when no handler of ours could run. (A
`preexec_fn` would do the same, but runs Python between fork and exec, which can deadlock in a parent with threads.)
Two limits: the signal follows the *thread* that started the child, so start servers from a thread that lives as long
as they should; and the kernel call is Linux's, elsewhere a child of a killed parent stays.
"""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

# The parent may die before prctl is reached; comparing its pid closes that gap.
_LAUNCHER: Final = """
import ctypes, os, sys
parent, argv = int(sys.argv[1]), sys.argv[2:]
if sys.platform == 'linux':
    ctypes.CDLL(None).prctl(1, 9)
if os.getppid() != parent:
    os._exit(1)
os.execvp(argv[0], argv)
"""
_FIRST_PORT: Final = 20_000
_LAST_PORT: Final = 32_000


def start_child(
    argv: Sequence[str], *, log: Path, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start `argv` with stdout and stderr appended to `log`, in a session of its own.

    A session of its own keeps Ctrl-C in a terminal from reaching the server before those who use it have ended.
    The returned pid is the server's own (the launcher execs).
    """
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), *argv],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=None if env is None else dict(env),
            start_new_session=True,
        )


def end_child(child: subprocess.Popen[bytes], *, grace_s: float) -> int:
    """SIGTERM, then SIGKILL after `grace_s`; returns the exit code. Harmless when the child has ended."""
    if child.poll() is None:
        child.terminate()
        try:
            return child.wait(timeout=grace_s)
        except subprocess.TimeoutExpired:
            child.kill()
    return child.wait()


def pick_free_ports(count: int) -> list[int]:
    """`count` different free loopback ports below the kernel's range for outgoing connections.

    A port from that range (as bind(0) gives) may be taken by any client before a server restarts on it, and a client
    that retries such a port on loopback can even connect to itself.
    """
    ports: list[int] = []
    for port in random.sample(range(_FIRST_PORT, _LAST_PORT), k=200):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        ports.append(port)
        if len(ports) == count:
            return ports
    raise RuntimeError(f"found no {count} free loopback ports between {_FIRST_PORT} and {_LAST_PORT}")
