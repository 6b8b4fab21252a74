"""path.postgres: the whole path on a private PostgreSQL with fsync on, over loopback."""

from benchmarks.figures import Row
from benchmarks.whole_path import compare
from deploy.local.postgres_server import PostgresServer


def run() -> list[Row]:
    with PostgresServer(durable=True) as server:
        ours, naive = server.create_database("ours"), server.create_database("naive")
        return compare("path.postgres", ours, naive, per_s=5_000, times=None)
