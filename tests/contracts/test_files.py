"""One suite for every place that can keep attachments: a folder, and a bucket of a server that speaks S3."""

from __future__ import annotations

import resource
import stat
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.s3.files import S3Files
from dispatcher.store.files import FileFolder, FileStore
from tests.s3_server import ACCESS, BUCKET, s3_server

LARGEST = 10 * 1_048_576
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3_server() as running, pytest.MonkeyPatch.context() as environment:
        for name, value in {**ACCESS, "AWS_ENDPOINT_URL": running}.items():
            environment.setenv(name, value)
        yield running


@pytest.fixture(params=["folder", "s3"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> FileStore:
    """An empty place of each kind."""
    if request.param == "folder":
        return FileFolder(tmp_path / "files")
    return S3Files(f"s3://{BUCKET}/{uuid.uuid4().hex}", endpoint=request.getfixturevalue("endpoint"))


def named(content: bytes) -> str:
    return sha256(content).hexdigest()


def test_what_was_put_is_there_and_what_was_not_is_not(files: FileStore) -> None:
    name = named(b"one")
    assert (files.has(name), files.read(name)) == (False, None)
    files.put(name, b"one")
    assert (files.has(name), files.read(name)) == (True, b"one")
    assert files.read(named(b"two")) is None


def test_putting_twice_is_putting_once(files: FileStore) -> None:
    name = named(b"one")
    files.put(name, b"one")
    files.put(name, b"one")
    assert list(files.older_than(timedelta(seconds=-60))) == [name]


def test_what_was_deleted_is_gone_and_may_be_deleted_again(files: FileStore) -> None:
    name = named(b"one")
    files.delete(name)
    files.put(name, b"one")
    files.delete(name)
    assert (files.has(name), files.read(name)) == (False, None)
    files.delete(name)
    files.put(name, b"one")
    assert files.read(name) == b"one"


def test_the_largest_file_and_the_smallest(files: FileStore) -> None:
    for content in (bytes(range(256)) * (LARGEST // 256), b"\0"):
        files.put(named(content), content)
        assert files.read(named(content)) == content


def test_age_counts_from_the_last_put(files: FileStore) -> None:
    names = [named(bytes([number])) for number in range(5)]
    for number, name in enumerate(names):
        files.put(name, bytes([number]))
    assert sorted(files.older_than(timedelta(seconds=-60))) == sorted(names)
    assert list(files.older_than(HOUR)) == []
    time.sleep(1.1)  # S3 counts in seconds
    files.put(names[0], bytes([0]))
    assert names[0] not in list(files.older_than(timedelta(seconds=1)))


def test_many_threads_put_and_read_the_same_names(files: FileStore) -> None:
    contents = [f"content {number}".encode() * 1000 for number in range(4)]

    def work(number: int) -> bytes | None:
        content = contents[number % 4]
        files.put(named(content), content)
        return files.read(named(content))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(32))) == [contents[number % 4] for number in range(32)]
    assert sorted(files.older_than(timedelta(seconds=-60))) == sorted(map(named, contents))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["put", "delete"]), st.binary(max_size=20)), max_size=12))
def test_it_behaves_like_a_dictionary(files: FileStore, steps: list[tuple[str, bytes]]) -> None:
    model: dict[str, bytes] = {}
    for name in list(files.older_than(timedelta(seconds=-60))):
        files.delete(name)
    for step, content in steps:
        if step == "put":
            files.put(named(content), content)
            model[named(content)] = content
        else:
            files.delete(named(content))
            model.pop(named(content), None)
    assert {name: files.read(name) for name in files.older_than(timedelta(seconds=-60))} == model


def test_a_store_that_is_away_is_an_os_error(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert endpoint
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    away = S3Files(f"s3://{BUCKET}", endpoint="http://127.0.0.1:9")
    for attempt in (
        lambda: away.put("aa", b""),
        lambda: away.read("aa"),
        lambda: away.has("aa"),
        lambda: away.delete("aa"),
        lambda: list(away.older_than(HOUR)),
    ):
        with pytest.raises(OSError, match="S3 store"):
            attempt()


def test_a_bucket_that_is_not_there_is_an_os_error(endpoint: str) -> None:
    with pytest.raises(OSError):  # noqa: PT011 - whose words the server chooses
        S3Files("s3://no-such-bucket", endpoint=endpoint).put("aa", b"")


@pytest.mark.parametrize("url", ["http://bucket", "s3://", "bucket", "s3://bucket/x?endpoint=y"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ValueError, match="s3://bucket"):
        S3Files(url)


def test_a_folder_is_for_its_owner_only(tmp_path: Path) -> None:
    files = FileFolder(tmp_path / "files")
    files.put("abcd", b"one")
    assert stat.S_IMODE((tmp_path / "files" / "ab" / "abcd").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "files" / "ab").stat().st_mode) == 0o700


def test_a_put_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """As on a full disk: the file system takes the first half."""
    files = FileFolder(tmp_path / "files")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError):  # noqa: PT011 - EFBIG here, ENOSPC there
            files.put("abcd", bytes(2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list((tmp_path / "files").glob("*/*")) == []
    assert files.read("abcd") is None
    files.put("abcd", bytes(2000))
    assert files.read("abcd") == bytes(2000)


def test_what_a_killed_process_left_half_written_is_found_by_its_age(tmp_path: Path) -> None:
    files = FileFolder(tmp_path / "files")
    files.put("abcd", b"one")
    (tmp_path / "files" / "ab" / "abcd.1234abcd").write_bytes(b"on")
    assert sorted(files.older_than(timedelta(seconds=-60))) == ["abcd", "abcd.1234abcd"]
    files.delete("abcd.1234abcd")
    assert list(files.older_than(timedelta(seconds=-60))) == ["abcd"]
