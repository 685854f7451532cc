"""Reads a body piece by piece, unpacks it, and stops at a bound: a small body may unpack to a huge one."""

import zlib
from collections.abc import AsyncIterable

# What the head of each coding is, in zlib's words.
_FORMS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


class TooLongError(Exception):
    """A body has more bytes than asked for."""


class PackedError(Exception):
    """A body is packed in a way that is not known, or cannot be unpacked."""


async def read_bounded(pieces: AsyncIterable[bytes], coding: str, most: int) -> bytes:
    """Returns a whole body of at most `most` bytes as they are after unpacking; never holds more than that of it.

    `coding` is the body's `Content-Encoding`, empty for none. Raises TooLongError, PackedError.
    """
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return await _read(pieces, most)
    if coding not in _FORMS:
        raise PackedError(f"the coding {coding[:20]!r} is not known")
    return await _unpack(pieces, zlib.decompressobj(_FORMS[coding]), most)


async def _read(pieces: AsyncIterable[bytes], most: int) -> bytes:
    found: list[bytes] = []
    async for piece in pieces:
        most -= len(piece)
        if most < 0:
            raise TooLongError
        found.append(piece)
    return b"".join(found)


async def _unpack(pieces: AsyncIterable[bytes], unpacker: "zlib._Decompress", most: int) -> bytes:
    found: list[bytes] = []
    async for piece in pieces:
        try:
            # One byte more than there may be tells that there are too many.
            found.append(unpacker.decompress(piece, most + 1))
        except zlib.error:
            raise PackedError("the body cannot be unpacked") from None
        most -= len(found[-1])
        if most < 0:
            raise TooLongError
    if found and not unpacker.eof:
        raise PackedError("the body ends within what was packed")
    return b"".join(found)
