"""Sound keeps its samples, byte for byte as a decoder hears them, and loses every word and place around them.

The samples were made by ffmpeg 5: a tone of 0.6 s, with words and a position hidden in whatever the format has for
that; ffmpeg decoded each before and after cleaning to the same samples. AMR, which it cannot encode, is made here.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.attachments import FileRefused, clean, ogg
from dispatcher.attachments.kinds import SUFFIXES

SAMPLES = Path(__file__).with_name("samples")
TYPES = {
    "tone.mp3": "audio/mpeg",
    "tone.m4a": "audio/mp4",
    "faststart.m4a": "audio/mp4",
    "fragmented.m4a": "audio/mp4",
    "tone.3gp": "audio/3gpp",
    "tone.aac": "audio/aac",
    "tone.opus": "audio/ogg",
    "tone.ogg": "audio/ogg",
    "speex.ogg": "audio/ogg",
    "tone.wav": "audio/wav",
}
IN_PLACE = {"audio/mp4", "audio/3gpp", "audio/ogg"}
AMR = b"#!AMR\n" + (b"\x3c" + bytes(31)) * 20 + b"\x7c"
AMR_WB = b"#!AMR-WB\n" + (b"\x44" + bytes(60)) * 20


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def title_of(raw: bytes) -> str:
    with pytest.raises(FileRefused) as refused:
        clean(raw)
    return str(refused.value.title)


@pytest.mark.parametrize(("name", "media_type"), TYPES.items())
def test_words_and_places_are_gone(name: str, media_type: str) -> None:
    raw = sample(name)
    assert name == "tone.aac" or b"HIDDEN" in raw or b"46.69" in raw or b"loci" in raw
    cleaned = clean(raw)
    assert cleaned.media_type == media_type
    for hidden in (b"HIDDEN", b"46.69", b"loci", b"Lavf", b"udta"):
        assert hidden not in cleaned.content
    assert (cleaned.width, cleaned.height, cleaned.thumbnail) == (None, None, None)
    assert (len(cleaned.content) == len(raw)) or media_type not in IN_PLACE


@pytest.mark.parametrize("name", TYPES)
def test_clean_is_clean(name: str) -> None:
    once = clean(sample(name)).content
    assert clean(once).content == once


def test_the_sound_itself_is_untouched() -> None:
    raw, kept = sample("tone.wav"), clean(sample("tone.wav")).content
    assert raw[raw.index(b"data") :] == kept[kept.index(b"data") :]
    mp3, kept = sample("tone.mp3"), clean(sample("tone.mp3")).content
    assert kept in mp3
    assert len(mp3) - len(kept) == 10 + int.from_bytes(mp3[8:9]) * 128 + mp3[9]  # the ID3 tag
    assert clean(sample("tone.aac")).content == sample("tone.aac")
    for name in ("tone.m4a", "tone.3gp", "fragmented.m4a"):
        raw, kept = sample(name), clean(sample(name)).content
        start = raw.index(b"mdat")
        size = int.from_bytes(raw[start - 4 : start])
        assert raw[start : start + size - 4] == kept[start : start + size - 4]


def test_dates_in_mp4_are_blank() -> None:
    dated = bytearray(sample("tone.m4a"))
    place = dated.index(b"mvhd") + 8
    dated[place : place + 8] = struct.pack(">II", 3_800_000_000, 3_800_000_001)
    assert clean(bytes(dated)).content[place : place + 8] == bytes(8)


@pytest.mark.parametrize(("raw", "media_type"), [(AMR, "audio/amr"), (AMR_WB, "audio/amr-wb")])
def test_amr_from_telephones(raw: bytes, media_type: str) -> None:
    assert clean(raw).media_type == media_type
    assert clean(raw).content == raw
    assert clean(raw + b"\x3c" + bytes(5)).content[: len(raw)] == raw
    assert title_of(raw + b"\xff" * 5000) == "DamagedFile"
    assert title_of(raw[:10]) == "DamagedFile"


def test_tags_at_the_end_of_mp3_go_too() -> None:
    tag = b"TAG" + b"HIDDEN-WORDS".ljust(125, b"\0")
    ape = b"APETAGEX" + bytes(24) + b"HIDDEN" * 1000
    assert clean(sample("tone.mp3") + ape + tag).content == clean(sample("tone.mp3")).content
    assert clean(sample("tone.mp3") + tag).content == clean(sample("tone.mp3")).content


def test_two_id3_tags_are_two_tags_too_many() -> None:
    other = b"ID3\x04\x00\x00\x00\x00\x00\x0aHIDDENHIDD"
    assert clean(other + sample("tone.mp3")).content == clean(sample("tone.mp3")).content


def test_a_film_is_no_voice_note() -> None:
    assert title_of(sample("film.mp4")) == "UnsupportedFile"


@pytest.mark.parametrize("name", [name for name in TYPES if name not in {"tone.mp3", "tone.aac"}])
def test_sound_that_ends_too_early(name: str) -> None:
    """Frames and pages that are whole are kept; boxes and chunks that promise more than there is are refused."""
    raw = sample(name)
    if TYPES[name] == "audio/ogg":
        assert title_of(raw[:200]) == "DamagedFile"
        assert len(clean(raw[:-10]).content) < len(raw) if name != "tone.opus" else True
    else:
        assert title_of(raw[: len(raw) // 2]) == "DamagedFile"


@pytest.mark.parametrize("name", ["tone.mp3", "tone.aac"])
def test_a_last_frame_cut_off_is_dropped(name: str) -> None:
    whole = clean(sample(name)).content
    kept = clean(sample(name)[:-3]).content
    assert whole.startswith(kept)
    assert 0 < len(whole) - len(kept) < 500


@pytest.mark.parametrize("name", TYPES)
def test_a_program_behind_the_sound_is_not_kept(name: str) -> None:
    behind = b"PK\x03\x04<script>alert(1)</script>" * 200
    with suppress(FileRefused):
        assert b"script" not in clean(sample(name) + behind).content


def test_an_ogg_page_that_was_tampered_with() -> None:
    raw = bytearray(sample("tone.opus"))
    raw[-5] ^= 1
    assert title_of(bytes(raw)) == "DamagedFile"


def test_comments_over_many_pages() -> None:
    """A picture of the singer, 100 kB: three pages of comments, rewritten each with its checksum."""
    raw = sample("tone.opus")
    pages = list(ogg._pages(raw))
    comments = b"OpusTags" + bytes(4) + struct.pack("<II", 1, 100_000) + b"HIDDEN=".ljust(100_000, b"x")
    lacing = b"\xff" * (len(comments) // 255) + bytes([len(comments) % 255])
    made, sequence = raw[: pages[0].end], 1
    while lacing:
        part, lacing = lacing[:255], lacing[255:]
        body, comments = comments[: sum(part)], comments[sum(part) :]
        flags = 0 if sequence == 1 else 1
        made += sealed(
            struct.pack("<4sBBq4sIIB", b"OggS", 0, flags, 0, pages[0].serial, sequence, 0, len(part)), part, body
        )
        sequence += 1
    for page in pages[2:]:
        made += raw[page.place : page.end]
    kept = clean(made).content
    assert len(kept) == len(made)
    assert b"HIDDEN" not in kept
    assert len(list(ogg._pages(kept))) == len(list(ogg._pages(made))) == 4


def sealed(head: bytes, lacing: bytes, body: bytes) -> bytes:
    page = head + lacing + body
    return page[:22] + ogg._checksum(page) + page[26:]


def test_two_streams_in_one_ogg_are_refused() -> None:
    """A film with sound looks like that."""
    assert title_of(sample("tone.opus") + sample("tone.ogg")) == "DamagedFile"


def test_wav_of_a_recorder_that_could_not_go_back() -> None:
    raw = clean(sample("tone.wav")).content
    place = raw.index(b"data") + 4
    streamed = raw[:place] + b"\xff\xff\xff\xff" + raw[place + 4 :]
    assert clean(streamed).content == raw


@pytest.mark.parametrize(
    "beginning",
    [
        b"ID3\x04\x00\x00\x00\x00\x00\x00\xff\xfb\x90",
        b"\xff\xfb\x90",
        b"\xff\xf1",
        b"OggS",
        b"RIFF\0\0\0\0WAVE",
        b"\0\0\0\x18ftypM4A ",
        b"#!AMR\n",
        b"#!AMR-WB\n",
    ],
)
def test_a_page_dressed_as_sound(beginning: bytes) -> None:
    assert title_of(beginning + b"<html><script>alert(1)</script></html>" * 50) == "DamagedFile"


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([*TYPES, "film.mp4"]), st.data())
def test_whatever_is_done_to_a_file_it_is_refused_or_clean(name: str, data: st.DataObject) -> None:
    """Never another exception; what passes once, passes again and does not change."""
    raw = bytearray(sample(name))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=6))
    del raw[data.draw(st.integers(1, len(raw))) :]
    try:
        cleaned = clean(bytes(raw))
    except FileRefused:
        return
    assert cleaned.media_type in SUFFIXES
    assert clean(cleaned.content).content == cleaned.content


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(
        [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF    WEBP", b"RIFF    WAVE", b"OggS", b"\0\0\0\x08ftyp"]
    ),
    st.binary(max_size=400),
)
def test_noise_is_refused(beginning: bytes, noise: bytes) -> None:
    if beginning or not noise.startswith((b"#!AMR", b"ID3", b"\xff")):
        with pytest.raises(FileRefused):
            clean(beginning + noise)
