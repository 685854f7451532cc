"""Bodies are counted as they come, together as well, and for as long as they are needed."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope

from botkit.body import Bodies, BodyTooLargeError, Share, TooMuchAtOnceError, read_body


def request(*parts: bytes, announced: int | None = None) -> tuple[Scope, Receive]:
    left = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    left.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Any:
        return left.pop(0)

    headers: Sequence[tuple[bytes, bytes]] = [(b"content-length", str(announced).encode())] if announced else []
    return {"type": "http", "method": "POST", "headers": headers}, receive


async def test_the_parts_of_a_body_are_put_together() -> None:
    assert await read_body(*request(b"ab", b"c"), most=3, seconds=1) == b"abc"


@pytest.mark.parametrize("announced", [None, 4])
async def test_a_body_has_a_greatest_size_announced_or_not(announced: int | None) -> None:
    with pytest.raises(BodyTooLargeError):
        await read_body(*request(b"ab", b"cd", announced=announced), most=3, seconds=1)


async def test_bodies_count_together_until_they_are_not_needed_any_more() -> None:
    bodies = Bodies(5)
    with Share(bodies) as share:
        await read_body(*request(b"abc"), most=9, seconds=1, of=share)
        assert bodies.size == 3
        with pytest.raises(TooMuchAtOnceError), Share(bodies) as other:
            await read_body(*request(b"ab", b"c"), most=9, seconds=1, of=other)
        assert bodies.size == 3
        with Share(bodies) as other:
            assert await read_body(*request(b"ab"), most=9, seconds=1, of=other) == b"ab"
    assert bodies.size == 0


async def test_what_is_only_announced_does_not_count() -> None:
    bodies = Bodies(5)
    with Share(bodies) as share:
        await read_body(*request(b"ab", announced=9), most=9, seconds=1, of=share)
        assert bodies.size == 2


def slowly(*parts: Message) -> Receive:
    """Gives what there is a moment later, then nothing for good."""
    left = list(parts)

    async def receive() -> Message:
        await asyncio.sleep(0)
        return left.pop(0) if left else await asyncio.Future()

    return receive


async def test_a_body_that_comes_a_moment_later_is_waited_for() -> None:
    more: list[Message] = [{"type": "http.request", "body": b"ab", "more_body": True}, {"type": "http.request"}]
    assert await read_body({"headers": []}, slowly(*more), most=2, seconds=10) == b"ab"
    assert await read_body({"headers": []}, slowly({"type": "http.request", "body": b"c"}), most=2, seconds=10) == b"c"


@pytest.mark.parametrize("begins", [True, False])
async def test_a_body_that_does_not_come_is_given_up(begins: bool) -> None:
    parts: list[Message] = [{"type": "http.request", "body": b"a", "more_body": True}] if begins else []
    with pytest.raises(TimeoutError):
        await read_body({"headers": []}, slowly(*parts), most=2, seconds=0.01)


@pytest.mark.parametrize("begins", [True, False])
async def test_who_leaves_before_the_end_has_sent_no_body(begins: bool) -> None:
    parts: list[Message] = [{"type": "http.request", "body": b"a", "more_body": True}] if begins else []
    with pytest.raises(ClientDisconnect):
        await read_body({"headers": []}, slowly(*parts, {"type": "http.disconnect"}), most=2, seconds=10)


async def test_whoever_waits_for_a_body_can_be_stopped() -> None:
    ended = asyncio.Event()

    async def receive() -> Message:
        try:
            return await asyncio.Future()
        finally:
            ended.set()

    reading = asyncio.create_task(read_body({"headers": []}, receive, most=2, seconds=10))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert ended.is_set()
