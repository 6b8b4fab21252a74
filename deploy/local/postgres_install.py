"""Find PostgreSQL's programs, or install them where that is ours to do: as root, with apt."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

_INSTALL: Final = "install PostgreSQL 15 or newer (Debian: postgresql), or name a server in LIANDONG_TEST_POSTGRES"
_APT_LIMIT_S: Final = 600
_APT_OPTIONS: Final = ("-q", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300")
# Debian makes and starts a cluster of its own when the server package comes in; this file, there only while we install,
# says that nobody asked for one.
_NO_CLUSTER: Final = Path("/etc/postgresql-common/createcluster.d/liandong.conf")


class PostgresUnavailable(RuntimeError):
    """No server can be had on this machine; the text says what to install or what went wrong."""


def ensure_installed() -> Path:
    """The folder with `initdb` and `postgres`; installs Debian's package first where it is root and apt is there.

    Raises PostgresUnavailable. Several processes may call this at once.
    """
    found = find_programs()
    if found is not None:
        return found
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise PostgresUnavailable(f"{_INSTALL}: there is no `initdb` on this machine")
    with (Path(tempfile.gettempdir()) / ".liandong-apt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = find_programs() or _install()
    if found is None:
        raise PostgresUnavailable(f"{_INSTALL}: apt-get ended well, but there is still no `initdb`")
    return found


def find_programs() -> Path | None:
    """The folder that holds both `initdb` and `postgres`: the newest of Debian's, else pg_config's, else on PATH."""
    for folder in _likely_folders():
        if os.access(folder / "initdb", os.X_OK) and os.access(folder / "postgres", os.X_OK):
            return folder
    return None


def _likely_folders() -> list[Path]:
    debian = sorted(Path("/usr/lib/postgresql").glob("[0-9]*/bin"), key=lambda folder: int(folder.parent.name))
    folders = list(reversed(debian))
    pg_config = shutil.which("pg_config")
    if pg_config is not None:
        told = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False, timeout=10).stdout
        folders += [Path(told.strip())] if told.strip() else []
    on_path = shutil.which("initdb")
    return folders + ([Path(on_path).resolve().parent] if on_path else [])


def _install() -> Path | None:
    _apt("update", "-q")
    _apt("install", *_APT_OPTIONS, "postgresql-common")
    _NO_CLUSTER.parent.mkdir(exist_ok=True)
    _NO_CLUSTER.write_text("create_main_cluster = false\n", encoding="utf-8")
    try:
        _apt("install", *_APT_OPTIONS, "postgresql")
    finally:
        _NO_CLUSTER.unlink()
    return find_programs()


def _apt(*arguments: str) -> None:
    done = subprocess.run(
        ["apt-get", *arguments],  # noqa: S607 - found on PATH by ensure_installed
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=_APT_LIMIT_S,
    )
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines()[-3:]
        raise PostgresUnavailable(f"{_INSTALL}: apt-get {arguments[0]} failed: {' / '.join(said)}")


if __name__ == "__main__":
    try:
        print(ensure_installed())
    except PostgresUnavailable as reason:
        sys.exit(str(reason))
