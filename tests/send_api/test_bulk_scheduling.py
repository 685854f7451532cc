"""A bulk goes out while its window is open, until its deadline, and the program hears of each message."""

from pathlib import Path
from typing import Any

import pytest

from botkit.broadcast import Stage
from botkit.feeder import FeedPolicy
from botkit.send_api.keys import digest_of
from tests.send_api.conftest import SHOP_KEY, Program, many_hello, running
from tests.send_api.test_notify import Listener, keys
from tests.send_api.test_scheduling import DAYTIME, deadline, is_at

# More than lies in outboxes at a time.
MANY = [f"+38591{number:07}" for number in range(FeedPolicy().ahead + 1)]


async def takes(program: Program, *destinations: str, **members: object) -> str:
    taken = await program.posts("/messages/sendbulk", many_hello(*destinations, **members))
    assert taken.status_code == 200, taken.text
    await program.tester.settle()
    return str(taken.json()["bulkId"])


async def stage(program: Program, bulk_id: str) -> Stage:
    progress = await program.tester.store.broadcasts.load(bulk_id)
    assert progress
    return progress.stage


async def test_it_waits_for_its_window(program: Program) -> None:
    is_at(program, "08:00")
    bulk_id = await takes(program, "+385910000001", "+385910000002", scheduleInfo=DAYTIME)
    await program.tester.advance(minutes=59, seconds=59)
    assert program.desk.shown == []
    await program.tester.advance(seconds=2)
    await program.tester.advance(seconds=2)
    assert len(program.desk.shown) == 2
    assert await stage(program, bulk_id) is Stage.DONE


async def test_what_its_window_leaves_over_goes_out_when_it_opens_again(program: Program) -> None:
    is_at(program, "19:59:59")
    program.desk.is_open.clear()
    bulk_id = await takes_without_waiting(program, *MANY, scheduleInfo=DAYTIME)
    program.tester.clock.advance(seconds=2)
    program.desk.is_open.set()
    await program.tester.settle()
    before = len(program.desk.shown)
    assert 0 < before < len(MANY)
    await program.tester.advance(hours=12, minutes=58)
    assert len(program.desk.shown) == before
    await program.tester.advance(minutes=3)
    await program.tester.advance(seconds=2)
    assert sorted(person for person, _ in program.desk.shown) == MANY
    assert await stage(program, bulk_id) is Stage.DONE


async def takes_without_waiting(program: Program, *destinations: str, **members: object) -> str:
    taken = await program.posts("/messages/sendbulk", many_hello(*destinations, **members))
    # One page lies in the outboxes by then, and nobody has been sent to.
    await program.tester.service.engine.work_once()
    return str(taken.json()["bulkId"])


async def test_after_its_deadline_nobody_else_is_written_to(program: Program) -> None:
    now = is_at(program, "08:00")
    late = deadline(now.replace(hour=9, minute=30))
    bulk_id = await takes(program, "+385910000001", scheduleInfo={"timeBegin": "09:00", "deadline": late})
    # The service was down until after it.
    await program.tester.advance(hours=2)
    assert program.desk.shown == []
    assert await stage(program, bulk_id) is Stage.CANCELLED


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"useTimeDiff": True, "scheduleInfo": DAYTIME}, "useTimeDiff"),
        ({"scheduleInfo": {"timeBegin": "9"}}, "scheduleInfo.timeBegin"),
        ({"scheduleInfo": {"deadline": "2001-01-01T00:00:00+0000"}}, "scheduleInfo.deadline"),
        ({"notifyUrl": "https://program.example/own"}, "notifyUrl"),
    ],
)
async def test_what_cannot_be_is_told_with_its_path(program: Program, members: dict[str, Any], path: str) -> None:
    refused = await program.posts("/messages/sendbulk", many_hello(**members))
    assert refused.status_code == 400
    assert [problem["path"] for problem in refused.json()["problems"]] == [path]


@pytest.mark.parametrize(("members", "path"), [({}, "usual"), ({"notifyUrl": "https://elsewhere.example/own"}, "own")])
async def test_each_step_of_each_message_is_told_at_the_address_that_was_named(
    botkit_redis_url: str, tmp_path: Path, members: dict[str, Any], path: str
) -> None:
    listener, file = Listener(), keys(tmp_path)
    file.write_text(file.read_text().replace('["send", "read"]', '["send", "bulk", "read"]'))
    assert digest_of(SHOP_KEY) in file.read_text()
    async with running(botkit_redis_url, tmp_path, keys=file, programs=listener.network) as program:
        await takes(program, "+385910000001", "+385910000002", **members)
        await program.tester.settle()
    assert listener.steps == ["message.sent"] * 2
    assert {*listener.paths} == {path}
