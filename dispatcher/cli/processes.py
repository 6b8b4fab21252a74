"""Commands that are long-running processes: serve, worker, relay."""

import gc
import os
import signal
import socket
import threading
from types import FrameType
from typing import Annotated, Final, NoReturn

import structlog
import typer
import uvicorn
from msgspec.structs import replace
from prometheus_client import start_http_server

from connectors.kafka.calm import calm_libraries
from connectors.kafka.settings import KafkaClient
from dispatcher.bootstrap import Engine, open_engine, remove_server_file, write_server_file
from dispatcher.logs import configure_logs
from dispatcher.settings import Settings, settings_from
from dispatcher.store import StoreError
from dispatcher.web.app import create_app, feed_of
from dispatcher.web.live.feed import Feed
from routing_rules import PackError

log = structlog.get_logger(__name__)
_OBJECTS_BETWEEN_COLLECTIONS: Final = 100_000
_DEAF_MS: Final = 30_000


def add_to(app: typer.Typer) -> None:
    app.command()(serve)
    app.command()(worker)
    app.command()(relay)


def configured(log_level: str | None = None) -> Settings:
    """Settings of this process; a wrong variable ends it with a sentence."""
    try:
        settings = settings_from(os.environ)
    except ValueError as error:
        fail(str(error))
    configure_logs(log_level or settings.log_level)
    return settings


def fail(sentence: str, code: int = 2) -> NoReturn:
    typer.echo(sentence, err=True)
    raise SystemExit(code)


def started(settings: Settings, *, tick: bool) -> Engine:
    """An engine at work, or a sentence why not."""
    try:
        engine = open_engine(settings)
        engine.start(tick=tick)
    except (StoreError, OSError, PackError) as error:
        fail(str(error))
    return engine


def settle() -> None:
    """What stands now stays for good; the garbage collector would stop all for 90 ms to look through it again.

    What a batch makes dies with the batch by its reference counts; looking for cycles every 700 objects took a tenth
    of the CPU of a report and found none.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, 20, 20)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """Page, API, clocks and metrics in one process. Kafka is served by `worker` and `relay`."""
    settings = configured()
    settings = replace(settings, host=host or settings.host, port=settings.port if port is None else port)
    engine = started(settings, tick=True)
    try:
        listening = bound(settings.host, settings.port)
        serve_until_told(engine, listening, replace(settings, port=listening.getsockname()[1]))
    finally:
        engine.stop()


def serve_until_told(engine: Engine, listening: socket.socket, settings: Settings) -> None:
    """Answer until SIGTERM or SIGINT; requests under way get 5 s to end. The CLI finds us through the server file."""
    feed = feed_of(engine)
    config = uvicorn.Config(
        create_app(engine, feed), log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=5
    )
    server = StreamingServer(config, feed)
    for number in _ENDING:  # uvicorn raises the signal anew when it has ended; without a handler that would kill us
        signal.signal(number, server.handle_exit)
    try:
        write_server_file(settings)
    except OSError as error:
        fail(f"cannot write {settings.server_file}: {error.strerror or error}", 1)
    settle()
    typer.echo(f"Liandong is at {settings.http}  (Ctrl-C ends it)", err=True)
    try:
        server.run(sockets=[listening])
    finally:
        remove_server_file(settings)


class StreamingServer(uvicorn.Server):
    """Event streams never end by themselves, so they are told to before requests get their time to finish."""

    def __init__(self, config: uvicorn.Config, feed: Feed) -> None:
        super().__init__(config)
        self._feed = feed

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._feed.close()
        await super().shutdown(sockets)


def bound(host: str, port: int) -> socket.socket:
    """A socket listening there, or a sentence why not."""
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; connections inherit it: one whose other end is deaf is let go
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _DEAF_MS)
    try:
        listening.bind((host, port))
        listening.listen()
    except OSError as error:
        fail(f"cannot listen on {host}:{port}: {error.strerror or error}. Set LIANDONG_PORT or LIANDONG_HOST.", 1)
    return listening


def worker() -> None:
    """Take reports and responders' commands from Kafka (Faust intake, commands consumer)."""
    from connectors.kafka.commands import CommandsConsumer  # noqa: PLC0415 - only this process needs Faust
    from connectors.kafka.intake import run_intake  # noqa: PLC0415

    settings = configured()
    client = kafka_of(settings)
    engine = started(settings, tick=False)
    stopping = threading.Event()
    consumer = CommandsConsumer(client, lambda batch: engine.writer.submit(batch).result(), stopping)
    consuming = threading.Thread(target=consumer.run, name="commands", daemon=True)
    consuming.start()
    settle()
    answer_metrics(engine, settings)
    log.info("worker_started", kafka=client.bootstrap)
    try:
        scratch = settings.var / "tmp" / "faust"
        run_intake(client, lambda batch: engine.writer.submit(batch, lane="bulk").result(), stopping, scratch)
    finally:
        stopping.set()
        consuming.join(timeout=10)
        engine.stop()


def relay() -> None:
    """Carry the journal to Kafka: responders' notices, incidents, dead letters."""
    from connectors.kafka.relay import KafkaRelay  # noqa: PLC0415 - only this process needs it

    settings = configured()
    client = kafka_of(settings)
    engine = started(settings, tick=False)
    outlet = KafkaRelay(client)
    engine.deliver_to(outlet, adapter="kafka")
    settle()
    answer_metrics(engine, settings)
    log.info("relay_started", kafka=client.bootstrap)
    wait_for_signal()
    engine.stop()
    outlet.close()


def answer_metrics(engine: Engine, settings: Settings) -> None:
    """What this process committed is counted in this process; so each has its own /metrics."""
    if settings.metrics_port is None:
        return
    try:
        start_http_server(settings.metrics_port, settings.host, engine.metrics.registry)
    except OSError as error:
        engine.stop()
        fail(f"cannot listen on port {settings.metrics_port}: {error.strerror or error}. Set LIANDONG_METRICS_PORT.", 1)


def kafka_of(settings: Settings) -> KafkaClient:
    """The broker that the settings name, or a sentence; its clients will not flood the log."""
    calm_libraries()
    if settings.kafka is None:
        fail("LIANDONG_KAFKA must name a broker, host:port")
    return KafkaClient(bootstrap=settings.kafka, session_s=settings.kafka_session_s)


def wait_for_signal() -> None:
    """Until SIGTERM or SIGINT."""
    told = threading.Event()

    def tell(_number: int, _frame: FrameType | None) -> None:
        told.set()

    previous: list[tuple[int, object]] = [(number, signal.signal(number, tell)) for number in _ENDING]
    told.wait()
    for number, handler in previous:
        signal.signal(number, handler)  # type: ignore[arg-type]


_ENDING = (signal.SIGTERM, signal.SIGINT)
