"""Opens what a power cut left with the ordinary store, and holds it against everything acknowledged before the cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from dispatcher.bootstrap import Engine, file_store
from dispatcher.settings import Settings
from dispatcher.store import Store
from tests.integration.crash import verdict
from tests.integration.crash.ledger import Answer
from tests.integration.crash.one_life import answer_of, commands_of
from tests.integration.power.disk import Image
from tests.integration.power.recorded_life import Relayed, Told


def write(image: Image, folder: Path) -> None:
    """The disk as the next start finds it."""
    for name, content in image.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def faults(settings: Settings, known: Sequence[object]) -> list[str]:
    """In words; empty = it opens, is whole, holds all of `known`, and says to each repeated question what it said."""
    try:
        store = Store.open(settings.database)
    except Exception as error:  # noqa: BLE001 - whatever it is, this is what the operator would see
        return [f"does not open: {type(error).__name__}: {error}"]
    try:
        return list(_faults(settings, store, known))
    except Exception as error:  # noqa: BLE001 - a page that cannot be read, a row that cannot be decoded
        return [f"cannot be read: {type(error).__name__}: {error}"]
    finally:
        store.close()


def _faults(settings: Settings, store: Store, known: Sequence[object]) -> Iterator[str]:
    with store.reading() as connection:
        sound = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
    if sound != ["ok"]:
        yield f"integrity check: {sound}"
    broken_at = store.verify_journal()
    if broken_at is not None:
        yield f"the chain breaks at {broken_at}"
    found = verdict.read(store)
    yield from verdict.state_faults(store, found)
    yield from (f"{offering} was won {count} times" for offering, count in found.leads.items() if count > 1)
    yield from (f"key {key} was received {count} times" for key, count in found.keys.items() if count > 1)
    there = {f"{row.incident_id}.{row.seq}" for row in found.rows} | set(found.letters)
    for relayed in known:
        if isinstance(relayed, Relayed):
            yield from (f"{each} was relayed and is not there" for each in relayed.ids if _row_of(each) not in there)
    yield from verdict.file_faults(store, file_store(settings))
    yield from _repeat_faults(settings, store, [told for told in known if isinstance(told, Told)])


def _row_of(message_id: str) -> str:
    """Incident and seq, or the id of a dead letter."""
    return message_id.rpartition(".")[0] or message_id


def _repeat_faults(settings: Settings, store: Store, known: Sequence[Told]) -> Iterator[str]:
    """Whatever was accepted is asked again: the same answers, and not one row more."""
    spine, before = Engine(settings, store).spine, store.last_position()
    photos = {str(told.answers[0].body["attachment_id"]) for told in known if told.question.verb == "attachment"}
    yield from (f"photo {each} is not there" for each in photos - store.attachments(photos).keys())
    known = [told for told in known if told.question.verb != "attachment"]
    accepted = [told for told in known if all(answer.status < 300 for answer in told.answers)]
    commands = [command for told in accepted for command in commands_of(told.question)]
    if not commands:
        return
    outcomes = iter(spine.handle(commands))
    for told in accepted:
        for key, first in zip(told.question.keys, told.answers, strict=True):
            again = answer_of(next(outcomes))
            if again != Answer(200, first.body):
                yield f"{key}: was answered {first}, and after the cut {again}"
    if store.last_position() != before:
        yield f"repeating what was acknowledged made {store.last_position() - before} rows"
