"""Callbacks are posted when they are due, one at a time, and put off when they fail."""

import asyncio

import pytest
from msgspec import Struct

from botkit.simulators.postman import Postman, put_off


class Letter(Struct, eq=False):
    name: str
    due_at: float = 0
    tries: int = 0


@pytest.mark.parametrize(("backwards", "order"), [(False, ["a", "c"]), (True, ["c", "a"])])
async def test_what_is_due_is_posted_in_its_order_or_backwards(*, backwards: bool, order: list[str]) -> None:
    posted: list[str] = []

    async def post(letter: Letter) -> None:
        posted.append(letter.name)

    pending = [Letter("a", 10), Letter("b", 10.1), Letter("c", 9)]
    assert await Postman(post).post_due(pending, 10, backwards=backwards) == 2
    assert posted == order


async def test_what_is_being_posted_is_not_posted_again_meanwhile_and_may_be_afterwards() -> None:
    posted: list[str] = []
    answered = asyncio.Event()

    async def post(letter: Letter) -> None:
        posted.append(letter.name)
        await answered.wait()

    postman, pending = Postman(post), [Letter("a")]
    first = asyncio.create_task(postman.post_due(pending, 0))
    await asyncio.sleep(0)
    assert await postman.post_due(pending, 0) == 0
    answered.set()
    assert await first == 1
    assert await postman.post_due(pending, 0) == 1
    assert posted == ["a", "a"]


async def test_a_mistake_while_posting_leaves_the_rest_to_be_posted() -> None:
    async def post(letter: Letter) -> None:
        raise ValueError("no")

    postman, pending = Postman(post), [Letter("a"), Letter("b")]
    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            await postman.post_due(pending, 0)


def test_a_callback_is_put_off_by_one_pause_after_the_other_until_none_is_left() -> None:
    letter = Letter("a")
    assert put_off(letter, (60, 300), 1000)
    assert (letter.due_at, letter.tries) == (1060, 1)
    assert put_off(letter, (60, 300), 1060)
    assert (letter.due_at, letter.tries) == (1360, 2)
    assert not put_off(letter, (60, 300), 1360)
    assert (letter.due_at, letter.tries) == (1360, 2)
