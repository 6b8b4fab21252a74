"""What an installation may choose, from environment variables `LIANDONG_*`; every one has a working default."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

_LEAST_KEEP_DAYS: Final = 8  # the incoming topics keep 7
LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")


class Settings(Struct, frozen=True, kw_only=True):
    """`database` is an SQLAlchemy URL; `pack` a folder, or the name of one that ships with the product.

    `kafka` None = no broker: HTTP only. `kafka_session_s` = how long a worker may be silent before others take over its
    partitions. `metrics_port` = where `worker` and `relay` answer /metrics, None = nowhere (`serve` has it at its
    own address). `database_clock` = the database says what time it is (several processes).
    `files` = where attachments lie: a folder, or s3://bucket/prefix with `files_endpoint` ("" = below `var`).
    `allowed_hosts` = Host headers answered beside loopback names. `keep_keys_days` = how long a repeated report or
    command is recognised.
    """

    database: str
    var: Path
    host: str = "127.0.0.1"
    port: int = 8311
    pack: str = "qinggang"
    kafka: str | None = None
    kafka_session_s: float = 15.0
    metrics_port: int | None = None
    database_clock: bool = False
    allowed_hosts: tuple[str, ...] = ()
    log_level: str = "INFO"
    admin_token: str = ""
    keep_keys_days: int = 30
    files: str = ""
    files_endpoint: str | None = None

    @property
    def http(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def server_file(self) -> Path:
        """Where a running server leaves its address and token for the CLI."""
        return self.var / "server.json"


def settings_from(environment: Mapping[str, str]) -> Settings:
    """Raises ValueError with the variable's name when a value cannot be read."""
    var = Path(environment.get("LIANDONG_VAR", "var"))
    database = environment.get("LIANDONG_DATABASE") or f"sqlite:///{(var / 'liandong.db').absolute()}"
    port = _port(environment, "LIANDONG_PORT", "8311")
    metrics_port = _port(environment, "LIANDONG_METRICS_PORT", "0")
    level = environment.get("LIANDONG_LOG_LEVEL", "INFO").upper()
    if level not in LOG_LEVELS:
        raise ValueError(f"LIANDONG_LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}, not {level!r}")
    session = environment.get("LIANDONG_KAFKA_SESSION_S", "15")
    if not session.isdecimal() or not 6 <= int(session) <= 300:
        raise ValueError(f"LIANDONG_KAFKA_SESSION_S must be a number of seconds from 6 to 300, not {session!r}")
    keep = environment.get("LIANDONG_KEEP_KEYS_DAYS", "30")
    if not keep.isdecimal() or not _LEAST_KEEP_DAYS <= int(keep) <= 3650:
        least = f"{_LEAST_KEEP_DAYS}, longer than any topic may repeat a report,"
        raise ValueError(f"LIANDONG_KEEP_KEYS_DAYS must be a number of days from {least} to 3650, not {keep!r}")
    hosts = environment.get("LIANDONG_ALLOWED_HOSTS", "")
    return Settings(
        database=database,
        var=var,
        host=environment.get("LIANDONG_HOST", "127.0.0.1"),
        port=port,
        pack=environment.get("LIANDONG_PACK", "qinggang"),
        kafka=environment.get("LIANDONG_KAFKA") or None,
        kafka_session_s=float(session),
        metrics_port=metrics_port or None,
        database_clock=database.startswith("postgresql"),
        allowed_hosts=tuple(host.strip() for host in hosts.split(",") if host.strip()),
        log_level=level,
        keep_keys_days=int(keep),
        files=environment.get("LIANDONG_FILES", ""),
        files_endpoint=environment.get("AWS_ENDPOINT_URL") or None,
        admin_token=environment.get("LIANDONG_ADMIN_TOKEN") or secrets.token_urlsafe(24),
    )


def _port(environment: Mapping[str, str], name: str, default: str) -> int:
    port = environment.get(name, default)
    if not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{name} must be a port number, not {port!r}")
    return int(port)
