"""Where an engine keeps its files: below `var`, in a folder, in a bucket; and places that cannot be meant."""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path

import httpx
import pytest

from connectors.s3.files import S3Files
from dispatcher.bootstrap import file_store, open_engine
from dispatcher.settings import Settings, settings_from
from dispatcher.store import StoreError
from dispatcher.store.files import FileFolder
from schemas import outcomes as out
from tests.s3_server import ACCESS, BUCKET, s3_server
from tests.unit.attachments.picture_making import photo


def settings(tmp_path: Path, **environment: str) -> Settings:
    return settings_from({"LIANDONG_VAR": str(tmp_path), **environment})


def test_a_folder_below_var_unless_said_otherwise(tmp_path: Path) -> None:
    file_store(settings(tmp_path)).put("abcd", b"x")
    assert (tmp_path / "files" / "ab" / "abcd").read_bytes() == b"x"
    file_store(settings(tmp_path, LIANDONG_FILES=str(tmp_path / "elsewhere"))).put("abcd", b"y")
    assert (tmp_path / "elsewhere" / "ab" / "abcd").read_bytes() == b"y"


def test_a_bucket_that_the_settings_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A photo goes through a whole engine into the bucket and, erased, out of it."""
    with s3_server() as endpoint:
        for name, value in {**ACCESS, "AWS_ENDPOINT_URL": endpoint}.items():
            monkeypatch.setenv(name, value)
        named = {"LIANDONG_FILES": f"s3://{BUCKET}/photos", "AWS_ENDPOINT_URL": endpoint}
        engine = open_engine(settings(tmp_path, **named))
        engine.start(tick=True)
        try:
            kept = engine.keeper.submit(BytesIO(photo())).result(20)
            assert isinstance(kept, out.AttachmentKept)
            row = engine.store.attachments([kept.answer.attachment_id])[kept.answer.attachment_id]
            assert row.sha256 is not None
            assert len(engine.keeper.read(row.sha256) or b"") == kept.answer.size
            listed = httpx.get(f"{endpoint}/{BUCKET}", params={"list-type": "2"}, trust_env=False).text
            assert f"<Key>photos/{row.sha256[:2]}/{row.sha256}</Key>" in listed
            assert engine.ready() == []
        finally:
            engine.stop()
    assert not (tmp_path / "files").exists()


@pytest.mark.parametrize("files", ["s3:bucket", "s3://", "s3://bucket?x=y"])
def test_a_place_that_cannot_be_meant_is_said_in_a_sentence(tmp_path: Path, files: str) -> None:
    with pytest.raises(StoreError, match=r"LIANDONG_FILES: a bucket is named s3://"):
        file_store(settings(tmp_path, LIANDONG_FILES=files))


def test_keys_that_are_missing_are_said_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "half of it")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    with pytest.raises(StoreError, match=r"LIANDONG_FILES: .*SecretAccessKey"):
        file_store(settings(tmp_path, LIANDONG_FILES="s3://bucket"))


def test_without_the_library_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, S3Files.__module__)
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(StoreError, match=r"pip install 'liandong\[s3\]'"):
        file_store(settings(tmp_path, LIANDONG_FILES="s3://bucket"))
    assert isinstance(file_store(settings(tmp_path)), FileFolder)
