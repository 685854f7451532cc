import asyncio

import pytest

from tests.processes.conftest import OwnRedis, Project, Services

CREWS = pytest.mark.parametrize("crew", [("run",), ("run", "--workers=2")], ids=["two services", "of two workers each"])


async def test_what_one_process_takes_in_another_handles_within_a_second(
    project: Project, services: Services, own_redis: OwnRedis
) -> None:
    web = await project.start("run", "--role=web").until_ready()
    await project.start("run", "--role=worker").until_ready()
    await services.greet(web)
    assert (await services.post(web, 1, "again")).status_code == 200
    assert await services.until_replied(services.telegram, 2, seconds=1) == ["1: hello", "2: again"]


async def test_what_is_taken_in_while_nobody_works_waits_for_a_worker(
    project: Project, services: Services, own_redis: OwnRedis
) -> None:
    web = await project.start("run", "--role=web").until_ready()
    worker = await project.start("run", "--role=worker").until_ready()
    await services.greet(web)
    worker.process.terminate()
    assert await worker.until_ended() == 0
    for number, text in enumerate(("second", "third"), 1):
        assert (await services.post(web, number, text)).status_code == 200
    assert services.telegram.wire.calls("sendMessage")[-1].body["text"] == "1: hello"
    await project.start("run", "--role=worker").until_ready()
    assert await services.until_replied(services.telegram, 3) == ["1: hello", "2: second", "3: third"]


@CREWS
async def test_an_update_posted_fifty_times_to_two_processes_is_handled_and_answered_once(
    project: Project, services: Services, own_redis: OwnRedis, crew: tuple[str, ...]
) -> None:
    apps = [project.start(*crew) for _ in range(2)]
    await asyncio.gather(*(app.until_ready() for app in apps))
    await services.greet(*apps)
    answers = await asyncio.gather(*(services.post(apps[copy % 2], 1, "again") for copy in range(50)))
    assert [(answer.status_code, answer.content) for answer in answers] == [(200, b"")] * 50
    # What is said next is answered next: nothing is left of the copies.
    assert (await services.post(apps[0], 2, "third")).status_code == 200
    assert await services.until_replied(services.telegram, 3) == ["1: hello", "2: again", "3: third"]


@CREWS
async def test_thirty_messages_at_once_in_one_chat_are_answered_in_order_whoever_takes_them(
    project: Project, services: Services, own_redis: OwnRedis, crew: tuple[str, ...]
) -> None:
    apps = [project.start(*crew) for _ in range(2)]
    await asyncio.gather(*(app.until_ready() for app in apps))
    await services.greet(*apps)
    for number in range(2, 32):
        assert (await services.post(apps[number % 2], number, f"message {number}")).status_code == 200
    texts = ["1: hello", *(f"{number}: message {number}" for number in range(2, 32))]
    assert await services.until_replied(services.telegram, len(texts)) == texts
