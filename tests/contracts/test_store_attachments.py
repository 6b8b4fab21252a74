"""Rows of attachments over both stores: used once, erased with their body, their files known for as long as needed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dispatcher.store import BoundAttachment, Changes, Conflict, Erasure, NewAttachment, NewBody, Store
from dispatcher.store.attachments import attachments_of
from tests.contracts.store_samples import HERE, NOON, ident, save

LATER = NOON + timedelta(hours=1)


def photo(number: int, sha256: str | None = None, **changed: object) -> NewAttachment:
    return NewAttachment(
        attachment_id=ident(number, "F"),
        jurisdiction=HERE,
        media_type="image/jpeg",
        size=1000 + number,
        width=80,
        height=40,
        sha256=sha256 or f"{number:064x}",
        thumbnail=f"{number + 1000:064x}",
        at=changed.get("at", NOON),  # type: ignore[arg-type]
    )


def voice(number: int) -> NewAttachment:
    return NewAttachment(ident(number, "F"), HERE, "audio/amr", 5, None, None, f"{number:064x}", None, NOON)


def bound(number: int, body: int = 1) -> BoundAttachment:
    return BoundAttachment(ident(number, "F"), ident(body, "B"), ident(1))


def body(number: int) -> NewBody:
    return NewBody(HERE, ident(number, "B"), ident(1), "said", NOON, b"{}")


def erased(store: Store, number: int) -> None:
    save(store, Changes(erasures=[Erasure((ident(number, "B"),), (), LATER)]))


def test_what_was_kept_is_read_back(store: Store) -> None:
    save(store, Changes(attachments=[photo(1), voice(2)]))
    found = store.attachments([ident(1, "F"), ident(2, "F"), "nowhere"])
    assert sorted(found) == [ident(1, "F"), ident(2, "F")]
    picture, sound = found[ident(1, "F")], found[ident(2, "F")]
    assert (picture.media_type, picture.size, picture.width, picture.height) == ("image/jpeg", 1001, 80, 40)
    assert (picture.sha256, picture.thumbnail, picture.at) == (f"{1:064x}", f"{1001:064x}", NOON)
    assert (picture.body_ref, picture.incident_id, picture.erased_at) == (None, None, None)
    assert (sound.width, sound.height, sound.thumbnail) == (None, None, None)


def test_one_body_uses_it_and_no_other(store: Store) -> None:
    save(store, Changes(attachments=[photo(1), photo(2)]))
    save(store, Changes(bodies=[body(1)], bound=[bound(2), bound(1)]))
    with store.reading() as connection:
        came = attachments_of(connection, [ident(1, "B"), ident(2, "B")])
    assert came.keys() == {ident(1, "F"), ident(2, "F")}
    assert came[ident(1, "F")].size == 1001
    for number in (1, 3):
        with pytest.raises(Conflict):
            save(store, Changes(bodies=[body(2)], bound=[bound(number, body=2)]))
    assert store.body(ident(2, "B")) is None


def test_erasing_a_body_takes_its_attachments_along(store: Store) -> None:
    save(store, Changes(attachments=[photo(1), photo(2)], bodies=[body(1), body(2)]))
    save(store, Changes(bound=[bound(1, 1), bound(2, 2)]))
    erased(store, 1)
    found = store.attachments([ident(1, "F"), ident(2, "F")])
    assert (found[ident(1, "F")].erased_at, found[ident(2, "F")].erased_at) == (LATER, None)
    with store.reading() as connection:
        assert attachments_of(connection, [ident(1, "B"), ident(2, "B")]).keys() == {ident(2, "F")}
    erased(store, 1)
    assert store.attachments([ident(1, "F")])[ident(1, "F")].erased_at == LATER


def test_files_of_the_erased_are_known_until_they_are_forgotten(store: Store) -> None:
    save(store, Changes(attachments=[photo(1), voice(2), photo(3)], bodies=[body(1)]))
    save(store, Changes(bound=[bound(1), bound(2)]))
    assert store.erased_files(10) == []
    erased(store, 1)
    assert store.erased_files(10) == sorted([f"{1:064x}", f"{1001:064x}", f"{2:064x}"])
    store.forget_files(store.erased_files(10))
    assert store.erased_files(10) == []
    found = store.attachments([ident(1, "F"), ident(3, "F")])
    assert (found[ident(1, "F")].sha256, found[ident(1, "F")].thumbnail) == (None, None)
    assert found[ident(3, "F")].sha256 == f"{3:064x}"


def test_a_file_is_needed_while_anybody_has_it(store: Store) -> None:
    same = f"{7:064x}"
    save(store, Changes(attachments=[photo(1, same), photo(2, same)], bodies=[body(1), body(2)]))
    save(store, Changes(bound=[bound(1, 1), bound(2, 2)]))
    thumbnails = {f"{1001:064x}", f"{1002:064x}"}
    assert store.needed_files([same, *thumbnails, "other"]) == {same, *thumbnails}
    erased(store, 1)
    assert store.needed_files([same, *thumbnails]) == {same, f"{1002:064x}"}
    erased(store, 2)
    assert store.needed_files([same, *thumbnails]) == set()
    assert store.needed_files([]) == set()


def test_what_was_never_used_is_dropped_after_its_time(store: Store) -> None:
    save(store, Changes(attachments=[photo(1), photo(2), photo(3, at=LATER)], bodies=[body(1)]))
    save(store, Changes(bound=[bound(2)]))
    assert store.drop_unused_attachments(LATER) == 1
    assert sorted(store.attachments([ident(n, "F") for n in (1, 2, 3)])) == [ident(2, "F"), ident(3, "F")]
    with pytest.raises(Conflict):
        save(store, Changes(bound=[bound(1)]))
