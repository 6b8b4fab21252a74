"""Commands that are long-running processes: serve, worker, relay."""

import os
import signal
import threading
from types import FrameType
from typing import Annotated, NoReturn

import structlog
import typer
import uvicorn
from msgspec.structs import replace

from dispatcher.bootstrap import Engine, open_engine, remove_server_file, write_server_file
from dispatcher.logs import configure_logs
from dispatcher.settings import Settings, settings_from
from dispatcher.store import StoreError
from dispatcher.web.app import create_app
from routing_rules import PackError

log = structlog.get_logger(__name__)


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
    except (StoreError, FileNotFoundError, PackError) as error:
        fail(str(error))
    return engine


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """Page, API, clocks and metrics in one process. Kafka is served by `worker` and `relay`."""
    settings = configured()
    settings = replace(settings, host=host or settings.host, port=settings.port if port is None else port)
    engine = started(settings, tick=True)
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(engine),
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=5,
        )
    )
    write_server_file(settings)
    typer.echo(f"Liandong is at {settings.http}  (Ctrl-C ends it)", err=True)
    try:
        server.run()
    finally:
        remove_server_file(settings)
        engine.stop()
    if not server.started:
        fail(f"could not listen on {settings.host}:{settings.port}; is it in use? Set LIANDONG_PORT.", 1)


def worker() -> None:
    """Take reports and responders' commands from Kafka (Faust intake, commands consumer)."""
    from connectors.kafka.commands import CommandsConsumer  # noqa: PLC0415 - only this process needs Kafka
    from connectors.kafka.intake import run_intake  # noqa: PLC0415

    settings = configured()
    bootstrap = broker_of(settings)
    engine = started(settings, tick=False)

    def handle(batch: list) -> list:  # type: ignore[type-arg]
        return engine.writer.submit(batch).result()

    stopping = threading.Event()
    consumer = CommandsConsumer(bootstrap, handle, stopping)
    consuming = threading.Thread(target=consumer.run, name="commands", daemon=True)
    consuming.start()
    log.info("worker_started", kafka=bootstrap)
    try:
        run_intake(bootstrap, handle)
    finally:
        stopping.set()
        consuming.join(timeout=10)
        engine.stop()


def relay() -> None:
    """Carry the journal to Kafka: responders' notices, incidents, dead letters."""
    from connectors.kafka.relay import KafkaRelay  # noqa: PLC0415

    settings = configured()
    bootstrap = broker_of(settings)
    engine = started(settings, tick=False)
    engine.deliver_to(KafkaRelay(bootstrap), adapter="kafka")
    log.info("relay_started", kafka=bootstrap)
    wait_for_signal()
    engine.stop()


def broker_of(settings: Settings) -> str:
    if settings.kafka is None:
        fail("LIANDONG_KAFKA must name a broker, host:port")
    return settings.kafka


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
