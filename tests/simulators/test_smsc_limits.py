"""How often the simulated SMSC may be asked."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.simulators.smsc_rig import TO_ANA, TO_BORIS, Rig, opened


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with opened() as rig:
        yield rig


async def code(rig: Rig, script: str, **fields: Any) -> int:
    answer = json.loads(await rig.asks(script, fmt=3, **fields))
    return int(answer.get("error_code", 0)) if isinstance(answer, dict) else 0


@pytest.mark.parametrize(
    ("script", "most", "fields"),
    [
        ("phones", 3, {"add": 1, "phone": TO_ANA}),
        ("send", 1, {"phones": TO_ANA, "mes": "hi"}),
        ("send", 5, {"phones": TO_ANA, "mes": "hi", "cost": 1}),
        ("balance", 10, {}),
    ],
    ids=["contacts", "send", "cost", "balance"],
)
async def test_one_too_many_is_refused_until_a_minute_has_passed(
    rig: Rig, script: str, most: int, fields: dict[str, Any]
) -> None:
    assert [await code(rig, script, **fields) for _ in range(most + 2)] == [0] * most + [9, 9]
    rig.clock.advance(seconds=59)
    assert await code(rig, script, **fields) == 9
    rig.clock.advance(seconds=1)
    assert [await code(rig, script, **fields) for _ in range(most + 1)] == [0] * most + [9]


async def test_the_window_slides(rig: Rig) -> None:
    for seconds in (0, 20, 20):
        rig.clock.advance(seconds=seconds)
        assert await code(rig, "phones", add=1, phone=TO_ANA) == 0
    rig.clock.advance(seconds=21)
    assert await code(rig, "phones", add=1, phone=TO_ANA) == 0
    assert await code(rig, "phones", add=1, phone=TO_ANA) == 9


async def test_only_equal_requests_are_counted_together(rig: Rig) -> None:
    for number in range(20):
        assert await code(rig, "phones", add=1, phone=TO_ANA, name=str(number)) == 0
        assert await code(rig, "send", phones=TO_ANA, mes="hi", id=number + 1) == 0
    assert await code(rig, "send", phones=TO_BORIS, mes="hi") == 0


async def test_balances_are_counted_whatever_is_asked(rig: Rig) -> None:
    assert [await code(rig, "balance", salt=number) for number in range(11)] == [0] * 10 + [9]


async def test_statuses_and_the_inbox_may_be_asked_for_as_often_as_one_likes(rig: Rig) -> None:
    assert [await code(rig, "status", phone=TO_ANA, id=1) for _ in range(30)] == [0] * 30
    assert [await code(rig, "get", get_answers=1) for _ in range(30)] == [0] * 30


@pytest.mark.parametrize(("count", "refused"), [(14, 0), (15, 1), (16, 2)])
async def test_fifteen_at_once_are_one_too_many(rig: Rig, count: int, refused: int) -> None:
    rig.simulator.is_open.clear()
    tasks = [asyncio.create_task(rig.asks("status", phone=TO_ANA, id=number + 1, fmt=3)) for number in range(count)]
    for _ in range(100):  # every task goes as far as it can
        await asyncio.sleep(0)
    assert sum(task.done() for task in tasks) == refused
    rig.simulator.is_open.set()
    answers = [json.loads(answer) for answer in await asyncio.gather(*tasks)]
    errors = [answer for answer in answers if "error_code" in answer]
    assert errors == [{"error": "too many concurrent requests", "error_code": 9}] * refused
    assert await code(rig, "status", phone=TO_ANA, id=1) == 0


async def test_an_address_that_asks_badly_is_blocked_for_a_while_and_no_other(rig: Rig) -> None:
    rig.simulator.limits.bad_requests = 3
    assert [await code(rig, "balance", psw="x") for _ in range(3)] == [2, 2, 2]
    assert await code(rig, "balance") == 4
    other = rig.connect("10.0.0.9")
    rig.http, first = other, rig.http
    assert await code(rig, "balance") == 0
    rig.http = first
    rig.clock.advance(seconds=599)
    assert await code(rig, "balance") == 4
    rig.clock.advance(seconds=1)
    assert await code(rig, "balance") == 0
    await other.aclose()


async def test_bad_requests_are_forgotten_after_a_minute(rig: Rig) -> None:
    rig.simulator.limits.bad_requests = 3
    for seconds in (0, 30, 30, 30):
        rig.clock.advance(seconds=seconds)
        assert await code(rig, "balance", psw="x") == 2
    assert await code(rig, "phones") == 1
    assert await code(rig, "balance") == 4


async def test_what_is_not_found_is_no_bad_request(rig: Rig) -> None:
    rig.simulator.limits.bad_requests = 2
    assert [await code(rig, "phones", get=1, salt=number) for number in range(5)] == [3] * 5
    assert await code(rig, "balance") == 0
