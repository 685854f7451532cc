"""A body is read up to its bound, whatever it unpacks to."""

import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.unpacking import PackedError, TooLongError, read_bounded

MB = 1024 * 1024


async def pieces(body: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def read(body: bytes, coding: str = "", most: int = MB, size: int = 65_536) -> bytes:
    return await read_bounded(pieces(body, size), coding, most)


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "identity": bytes,
    "gzip": gzip.compress,
    "X-GZip": gzip.compress,
    "deflate": zlib.compress,
}


@pytest.mark.parametrize("coding", PACKERS)
async def test_a_body_of_as_many_bytes_as_asked_for_is_read_and_one_more_is_not(coding: str) -> None:
    packed = PACKERS[coding](b"x" * 1000)
    assert await read(packed, coding, most=1000) == b"x" * 1000
    with pytest.raises(TooLongError):
        await read(packed, coding, most=999)


@given(body=st.binary(max_size=300), size=st.integers(1, 50), coding=st.sampled_from(sorted(PACKERS)))
async def test_a_body_is_the_same_however_it_is_cut(body: bytes, size: int, coding: str) -> None:
    assert await read(PACKERS[coding](body), coding, size=size) == body


async def test_a_bomb_is_given_up_before_it_is_unpacked() -> None:
    packed = gzip.compress(bytes(200 * MB), 9)
    assert len(packed) < MB
    tracemalloc.start()
    try:
        with pytest.raises(TooLongError):
            await read(packed, "gzip", size=MB)
        assert tracemalloc.get_traced_memory()[1] < 8 * MB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("body", "coding"),
    [(b"not gzip", "gzip"), (gzip.compress(b"x" * 99, mtime=0)[:-9], "gzip"), (b"x", "br"), (b"x", "gzip, gzip")],
    ids=["not packed", "cut off", "unknown", "twice"],
)
async def test_what_cannot_be_unpacked_is_told(body: bytes, coding: str) -> None:
    with pytest.raises(PackedError):
        await read(body, coding)


async def test_an_empty_body_needs_no_unpacking() -> None:
    assert await read(b"", "gzip") == b""
