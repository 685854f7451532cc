import asyncio
import errno
import os
import signal
import socket
import time

from tests.processes.conftest import (
    OLENA,
    AppChild,
    OwnRedis,
    Project,
    Services,
    processes_in,
    replies,
    until,
)

CHANNELS = ("telegram", "viber", "gbm")


# --- the whole service ---


async def test_a_killed_service_leaves_no_process_and_goes_on_in_the_middle_of_its_conversations(
    project: Project,
) -> None:
    app = await project.start().until_ready()
    for channel in CHANNELS:
        assert (await app.says(channel, "order"))[-1] == "Tea or coffee?"
    app.process.kill()
    assert await app.until_gone() == {}
    app = await project.start().until_ready()
    for channel in CHANNELS:
        shown = await app.says(channel, "tea")
        async with asyncio.timeout(20):
            # What was being done in the conversation, such as noting a receipt, is done again after its lease.
            while len(shown) < 2:
                shown = await app.looks(channel)
        # In another state the word would be counted.
        assert shown == ["Tea or coffee?", "Here is your tea."]


async def test_the_store_ends_and_comes_back_with_its_service(project: Project) -> None:
    app = await project.start().until_ready()
    await app.says("telegram", "hello")
    app.process.terminate()
    assert await app.until_ended() == 0
    assert processes_in(app.folder) == {}
    app = await project.start().until_ready()
    assert (await app.says("telegram", "again"))[-1] == "2: again"


# --- a worker ---


async def kill_worker(app: AppChild) -> None:
    before = app.workers
    os.kill(before[0], signal.SIGKILL)
    await app.until_workers_change(before)


async def test_a_killed_worker_is_replaced_and_the_conversation_goes_on(
    project: Project, services: Services, own_redis: OwnRedis
) -> None:
    app = await project.start().until_ready()
    await services.greet(app)
    await own_redis.until_noted()
    await kill_worker(app)
    await services.telegram.says("shop-telegram", OLENA, "again")
    assert await services.until_replied(services.telegram, 2) == ["1: hello", "2: again"]


async def test_what_a_killed_worker_had_accepted_is_handled_once_and_in_order(
    project: Project, services: Services, own_redis: OwnRedis
) -> None:
    app = await project.start().until_ready()
    await services.greet(app)
    await own_redis.until_noted()
    for number, text in enumerate(("wait", "second", "third"), 1):
        assert (await services.post(app, number, text)).status_code == 200
    await until(project.file("waiting").exists)
    await kill_worker(app)
    await own_redis.end_leases()
    assert await services.until_replied(services.telegram, 4) == ["1: hello", "2: wait", "3: second", "4: third"]


async def test_updates_that_come_while_workers_are_killed_are_all_handled_once_and_in_order(
    project: Project, services: Services, own_redis: OwnRedis
) -> None:
    app = await project.start("run", "--workers=2").until_ready()
    await services.greet(app)
    expected = ["1: hello"]
    for number in range(2, 14):
        if number % 4 == 0:
            os.kill(app.workers[0], signal.SIGKILL)
        await services.deliver(app, number, "again")
        expected.append(f"{number}: again")

    def answered() -> list[str]:
        # Whoever is killed between sending and noting it has sent twice in the end; nobody counts twice.
        return list(dict.fromkeys(replies(services.telegram)))

    async with asyncio.timeout(20):
        while len(answered()) < len(expected):
            await own_redis.end_leases()
            await asyncio.sleep(0.05)
    assert answered() == expected


async def test_a_conversation_whose_handler_blocks_a_process_goes_on_in_another(
    project: Project, services: Services, own_redis: OwnRedis
) -> None:
    blocked, other = await project.start().until_ready(), await project.start().until_ready()
    await services.greet(other)
    await own_redis.until_noted()
    posting = asyncio.create_task(services.post(blocked, 1, "block"))
    await until(project.file("blocking").exists)
    assert (await services.post(other, 2, "second")).status_code == 200
    await own_redis.end_leases()
    assert await services.until_replied(services.telegram, 3) == ["1: hello", "2: block", "3: second"]
    # The blocked one comes back with a decision that nobody wants any more.
    project.file("go").touch()
    assert (await posting).status_code == 200
    assert (await services.post(blocked, 3, "third")).status_code == 200
    assert await services.until_replied(services.telegram, 4) == ["1: hello", "2: block", "3: second", "4: third"]


# --- a deploy ---


async def until_closed(app: AppChild) -> None:
    """Waits until nobody listens at the service's port."""

    def is_closed() -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", app.port)) == errno.ECONNREFUSED

    await until(is_closed)


async def test_a_handler_at_work_finishes_and_its_reply_is_sent_before_a_stopped_service_ends(
    project: Project, services: Services
) -> None:
    app = await project.start().until_ready()
    await services.greet(app)
    assert (await services.post(app, 1, "wait")).status_code == 200
    await until(project.file("waiting").exists)
    app.process.terminate()
    await until_closed(app)
    project.file("go").touch()
    assert await app.until_ended() == 0
    assert replies(services.telegram) == ["1: hello", "2: wait"]


async def test_a_service_that_is_stopped_takes_no_more_connections_while_a_handler_finishes(
    project: Project, services: Services
) -> None:
    app = await project.start().until_ready()
    await services.greet(app)
    assert (await services.post(app, 1, "wait")).status_code == 200
    await until(project.file("waiting").exists)
    app.process.terminate()
    await until_closed(app)
    assert app.process.poll() is None
    project.file("go").touch()
    assert await app.until_ended() == 0


# --- Redis ---


async def test_without_redis_webhooks_are_to_come_again_and_what_comes_again_is_handled_once(
    project: Project, services: Services, own_redis: OwnRedis
) -> None:
    app = await project.start().until_ready()
    await services.greet(app)
    own_redis.stop()
    answer = await services.post(app, 1, "again")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert (await app.get("readyz")).status_code == 503
    own_redis.start()
    await services.deliver(app, 1, "again")
    await services.deliver(app, 2, "third")
    assert await services.until_replied(services.telegram, 3) == ["1: hello", "2: again", "3: third"]


async def test_a_redis_that_hangs_is_told_to_the_service_in_time_and_costs_nothing(
    project: Project, services: Services, own_redis: OwnRedis
) -> None:
    app = await project.start().until_ready()
    await services.greet(app)
    os.kill(own_redis.pid, signal.SIGSTOP)
    started = time.monotonic()
    answer = await services.post(app, 1, "again")
    seconds = time.monotonic() - started
    os.kill(own_redis.pid, signal.SIGCONT)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert seconds < 1.2
    await services.deliver(app, 1, "again")
    await services.deliver(app, 2, "third")
    # Redis has stored the first as well, for a process that no longer waited for it.
    await own_redis.end_leases()
    assert await services.until_replied(services.telegram, 3) == ["1: hello", "2: again", "3: third"]


async def test_a_service_stops_in_time_while_redis_hangs(
    project: Project, services: Services, own_redis: OwnRedis
) -> None:
    app = await project.start().until_ready()
    os.kill(own_redis.pid, signal.SIGSTOP)
    app.process.terminate()
    code = await app.until_ended(seconds=12)
    os.kill(own_redis.pid, signal.SIGCONT)
    assert code == 0
