"""Bodies are counted as they come, together as well, and for as long as they are needed."""

from collections.abc import Sequence
from typing import Any

import pytest
from starlette.requests import Request

from botkit.body import Bodies, BodyTooLargeError, TooMuchAtOnceError, read_body


def request(*parts: bytes, announced: int | None = None) -> Request:
    left = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    left.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Any:
        return left.pop(0)

    headers: Sequence[tuple[bytes, bytes]] = [(b"content-length", str(announced).encode())] if announced else []
    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


async def test_the_parts_of_a_body_are_put_together() -> None:
    assert await read_body(request(b"ab", b"c"), most=3, seconds=1) == b"abc"


@pytest.mark.parametrize("announced", [None, 4])
async def test_a_body_has_a_greatest_size_announced_or_not(announced: int | None) -> None:
    with pytest.raises(BodyTooLargeError):
        await read_body(request(b"ab", b"cd", announced=announced), most=3, seconds=1)


async def test_bodies_count_together_until_they_are_not_needed_any_more() -> None:
    bodies = Bodies(5)
    with bodies.share() as share:
        await read_body(request(b"abc"), most=9, seconds=1, of=share)
        assert bodies.size == 3
        with pytest.raises(TooMuchAtOnceError), bodies.share() as other:
            await read_body(request(b"ab", b"c"), most=9, seconds=1, of=other)
        assert bodies.size == 3
        with bodies.share() as other:
            assert await read_body(request(b"ab"), most=9, seconds=1, of=other) == b"ab"
    assert bodies.size == 0


async def test_what_is_only_announced_does_not_count() -> None:
    bodies = Bodies(5)
    with bodies.share() as share:
        await read_body(request(b"ab", announced=9), most=9, seconds=1, of=share)
        assert bodies.size == 2
