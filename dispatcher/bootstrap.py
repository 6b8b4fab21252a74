"""The composition root: the only place that chooses implementations."""

import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import structlog

from dispatcher.loops.deliver import Deliver, Outlet
from dispatcher.loops.files import FileSweep
from dispatcher.loops.loop import Loop
from dispatcher.loops.storms import StormWatch
from dispatcher.loops.tick import Tick
from dispatcher.loops.upkeep import Upkeep
from dispatcher.metrics import Metrics
from dispatcher.service import Commits, Observer, Policies, Spine, StoredBundles, Ulids, Writer
from dispatcher.service.file_keeper import FileKeeper
from dispatcher.settings import Settings
from dispatcher.store import Store, StoreError
from dispatcher.store.files import FileFolder, FileStore
from dispatcher.store.folders import make_folder, replace_file
from routing_rules import Bundle, Compiled, encode_bundle, load_pack
from schemas import outcomes as out
from schemas.commands import PublishBundle

log = structlog.get_logger(__name__)


def process_clock() -> datetime:
    return datetime.now(UTC)


class Engine:
    """One process's engine: store, spine behind its writer thread, and the loops it was asked to run.

    For an import: `observer` watches commits in place of the metrics, `replays` makes each command's effective_at its
    now, `groups` false lets no report join another.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        clock: Callable[[], datetime] | None = None,
        *,
        observer: Observer | None = None,
        replays: bool = False,
        groups: bool = True,
    ) -> None:
        self.settings = settings
        self.store = store
        self.metrics = Metrics()
        self.policies = Policies()
        self.commits = Commits(observer or self.metrics)
        self.now: Callable[[], datetime] = clock or (store.database_now if settings.database_clock else process_clock)
        batch_now = None if settings.database_clock and clock is None else self.now
        self.spine = Spine(
            store,
            self.policies,
            Ulids(os.urandom),
            now=batch_now,
            elapsed=time.perf_counter,
            observer=self.commits,
            now_is_effective=replays,
            groups=groups,
        )
        self.writer = Writer(self.spine, time.perf_counter)
        self.keeper = FileKeeper(store, self.writer, file_store(settings))
        self._loops: dict[str, Loop] = {}

    def start(self, *, tick: bool = True) -> None:
        """Start the writer, publish the pack if its jurisdiction has no bundle yet, start the alarms."""
        self.writer.start()
        self.publish_first(find_pack(self.settings.pack))
        self.metrics.refresh(self.store.counts())
        if tick:
            ticking = Tick(self.store, self.writer, self.metrics, self.now, time.monotonic)
            self.run_loop("tick", ticking.step)
            self.run_loop("storms", StormWatch(self.store, self.writer, self.policies, self.now).step)
            keep = timedelta(days=self.settings.keep_keys_days)
            self.run_loop("upkeep", Upkeep(self.store, keep, self.now, time.monotonic).step)
            self.run_loop("files", FileSweep(self.keeper, self.now, time.monotonic).step)

    def deliver_to(self, outlet: Outlet, *, adapter: str) -> None:
        """Relay the journal to a receiver that is one log, for responders with this adapter."""
        delivering = Deliver(self.store, self.policies, outlet, self.metrics, adapter=adapter)
        self.run_loop("deliver", delivering.step)

    def run_loop(self, name: str, step: Callable[[], float]) -> None:
        self._loops[name] = Loop(name, step)
        self._loops[name].start()

    def publish_first(self, pack: Path) -> None:
        """Publish the pack unless its jurisdiction has a bundle; what an operator published stays."""
        bundle = load_pack(pack)
        if self.store.active_bundle(bundle.jurisdiction) is None:
            self.publish(bundle)

    def publish(self, bundle: Bundle, actor: str = "local") -> out.Outcome:
        outcome = self.writer.submit([PublishBundle(bundle=encode_bundle(bundle), actor=actor)]).result()[0]
        log.info("bundle_published", jurisdiction=bundle.jurisdiction, outcome=type(outcome).__name__)
        return outcome

    def compiled(self, jurisdiction: str | None = None) -> Compiled:
        """The active bundle of a jurisdiction, or of the home one. Raises NoBundle."""
        active = self.policies.active(StoredBundles(self.store))
        found = active.of_jurisdiction(jurisdiction or active.home)
        return found or active.home_policy

    def ready(self) -> list[str]:
        """What keeps this process from working, in words; empty = ready."""
        problems = [f"loop {name} is failing: {loop.failing}" for name, loop in self._loops.items() if loop.failing]
        problems += [f"loop {name} has ended" for name, loop in self._loops.items() if not loop.alive]
        if not self.writer.alive:
            problems.append("the writer has ended")
        try:
            if not self.store.jurisdictions():
                problems.append("no bundle is published")
        except Exception as error:  # noqa: BLE001 - readiness reports, it does not fail
            problems.append(f"database: {type(error).__name__}")
        return problems

    def metrics_page(self) -> tuple[bytes, str]:
        return self.metrics.page()

    def stop(self) -> None:
        """Loops first, then what waits is written, then the store is closed."""
        for loop in self._loops.values():
            loop.stop()
        self.keeper.stop()
        self.writer.stop()
        self.store.close()


def open_engine(
    settings: Settings,
    clock: Callable[[], datetime] | None = None,
    *,
    observer: Observer | None = None,
    replays: bool = False,
    groups: bool = True,
) -> Engine:
    """Raises StoreLocked when another process has the SQLite file, StoreUnavailable when the database is away."""
    make_folder(settings.var)
    return Engine(settings, Store.open(settings.database), clock, observer=observer, replays=replays, groups=groups)


def file_store(settings: Settings) -> FileStore:
    """Where attachments lie. Raises StoreError with a sentence when that place cannot be meant."""
    if not settings.files.startswith("s3:"):
        return FileFolder(Path(settings.files) if settings.files else settings.var / "files")
    try:
        from connectors.s3.files import S3Files  # noqa: PLC0415 - its library is optional
    except ImportError as error:
        raise StoreError("LIANDONG_FILES names an S3 store; that needs pip install 'liandong[s3]'") from error
    try:
        return S3Files(settings.files, endpoint=settings.files_endpoint)
    except (ValueError, OSError) as error:
        raise StoreError(f"LIANDONG_FILES: {error}") from error


def find_pack(name: str) -> Path:
    """A folder as given, or a pack that ships with the product. Raises FileNotFoundError with the choices."""
    if Path(name).is_dir():
        return Path(name)
    packs = Path(str(files("routing_rules"))) / "packs"
    if (packs / name).is_dir():
        return packs / name
    known = ", ".join(sorted(folder.name for folder in packs.iterdir() if folder.is_dir()))
    raise FileNotFoundError(f"no pack {name!r}: neither a folder nor one of {known}")


def write_server_file(settings: Settings) -> None:
    """Tell the CLI where the server is; readable by its owner only, since it holds the token."""
    told = {"url": settings.http, "token": settings.admin_token, "pid": os.getpid()}
    replace_file(settings.server_file, json.dumps(told).encode())


def remove_server_file(settings: Settings) -> None:
    """Only our own: a later server may have written it anew."""
    try:
        told = json.loads(settings.server_file.read_text())
    except (OSError, ValueError):
        return
    if told.get("pid") == os.getpid():
        settings.server_file.unlink(missing_ok=True)
