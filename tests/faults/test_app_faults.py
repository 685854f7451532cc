"""Processes of the service are paused, replaced, killed by what they handle, and flooded: nobody notices."""

import asyncio
import contextlib
import os
import signal
import time

import httpx
import pytest

from botkit.conversation import Account, Conversation
from botkit.redis.audit import audit
from botkit.redis.store import RedisStore
from botkit.simulators.simulator import Person
from tests.faults.conftest import MakeRedis
from tests.faults.traffic import Traffic
from tests.processes.conftest import OLENA, SHOP, AppChild, OwnRedis, Project, Services, replies, until

#: Where the shop's last handler begins.
OTHER = """
@router.text("")
async def other("""


async def test_a_process_that_was_paused_commits_nothing_that_another_has_done_meanwhile(
    project: Project, services: Services, own_redis: OwnRedis
) -> None:
    paused, other = await project.start().until_ready(), await project.start().until_ready()
    await services.greet(other)
    await own_redis.until_noted()
    assert (await services.post(paused, 1, "wait")).status_code == 200
    await until(project.file("waiting").exists)
    worker = paused.workers[0]
    os.kill(worker, signal.SIGSTOP)
    for number, text in ((2, "second"), (3, "third"), (4, "fourth")):
        assert (await services.post(other, number, text)).status_code == 200
    # Behind it waits more than the fence's own check could mend.
    await own_redis.end_leases()
    expected = ["1: hello", "2: wait", "3: second", "4: third", "5: fourth"]
    assert await services.until_replied(services.telegram, len(expected)) == expected
    os.kill(worker, signal.SIGCONT)
    project.file("go").touch()
    assert (await services.post(paused, 5, "fifth")).status_code == 200
    assert await services.until_replied(services.telegram, len(expected) + 1) == [*expected, "6: fifth"]


WELCOME = """\
from pathlib import Path

from botkit import App, Bot, Context, ConversationStarted, Flow, Router, Viber

router = Router()


@router.on(ConversationStarted)
async def welcome(event: ConversationStarted, ctx: Context[Flow]) -> None:
    runs = Path("runs")
    runs.write_text(f"{runs.read_text() if runs.exists() else ''}x")
    ctx.reply(f"Welcome {len(runs.read_text())}")


app = App([Bot("shop", routers=[router], accounts=[Viber.from_env("SHOP_VIBER")])])
"""


@pytest.mark.parametrize(
    ("function", "runs"),
    [
        # After the commit, before the answer: the one that is stored is given when Viber asks again.
        ("botkit/redis/script_values.py:read_committed", 1),
        # Before the commit: nothing is stored, and the handler runs again.
        ("botkit/commit.py:make_commit", 2),
    ],
)
async def test_a_process_that_dies_with_the_answer_in_its_hands_leaves_it_to_whoever_is_asked_again(
    project: Project, services: Services, own_redis: OwnRedis, function: str, runs: int
) -> None:
    project.write(WELCOME)
    happened = project.set_failpoint(function)
    app = await project.start().until_ready()
    services.front.lead_to(app)
    services.viber.pauses = (0.2,) * 100
    await services.set_webhook("viber")
    await services.viber.opens("shop-viber", OLENA)
    await until(happened.exists)
    await own_redis.end_leases()
    await until(lambda: replies(services.viber), told=lambda: app.output)
    assert replies(services.viber) == [f"Welcome {runs}"]
    assert project.file("runs").read_text() == "x" * runs


# --- deploys ---


class Users:
    """Olena, who writes without a pause, to whichever process takes her message."""

    def __init__(self, services: Services, apps: list[AppChild]) -> None:
        self.services = services
        self.apps = apps
        self.number = 1
        self.refused = 0

    async def write(self) -> None:
        """Writes once; a process that is stopping may refuse it, and the other must take it."""
        self.number += 1
        for app in (self.apps[self.number % 2], self.apps[1 - self.number % 2]):
            try:
                if (await self.services.post(app, self.number, "again")).status_code == 200:
                    return
            except httpx.TransportError:
                self.refused += 1
        pytest.fail(f"nobody took message {self.number}")

    async def write_on(self) -> None:
        while True:
            await self.write()
            # As many as somebody with quick thumbs.
            await asyncio.sleep(0.02)


async def replaced(project: Project, app: AppChild) -> AppChild:
    """Stops a process as a deploy does, and starts its successor at the same port."""
    app.process.terminate()
    assert await app.until_ended() == 0
    return await project.start("run", port=app.port).until_ready()


async def test_a_rolling_deploy_under_load_loses_doubles_and_refuses_nothing(
    project: Project, services: Services, own_redis: OwnRedis, pytestconfig: pytest.Config
) -> None:
    apps = [await project.start().until_ready() for _ in range(2)]
    await services.greet(*apps)
    users = Users(services, apps)
    writing = asyncio.create_task(users.write_on())
    for _ in range(10 if pytestconfig.getoption("--long") else 1):
        for place in range(2):
            apps[place] = await replaced(project, apps[place])
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    services.front.lead_to(*apps)
    # The last one may have been cut off before it was taken.
    await services.deliver(apps[0], users.number, "again")
    expected = ["1: hello", *(f"{number}: again" for number in range(2, users.number + 1))]
    assert len(expected) > 20
    assert await services.until_replied(services.telegram, len(expected), seconds=60) == expected


# --- poison ---


async def dead(own_redis: OwnRedis) -> list[str]:
    """Returns the conversations of the dead letters, after a look at the structure of everything."""
    store = RedisStore(own_redis.url)
    try:
        assert await audit(store) == []
        return [letter.conversation async for letter in store.dead_letters.scan()]
    finally:
        await store.close()


@pytest.mark.timeout(180)
async def test_of_a_message_that_kills_each_process_that_handles_it_nobody_else_dies(
    project: Project, services: Services, own_redis: OwnRedis
) -> None:
    app = await project.start().until_ready()
    await services.greet(app)
    people = [Person(f"Person {number}") for number in range(20)]
    for person in people:
        await services.telegram.says("shop-telegram", person, "hello")
        await until_shown(services, person, "1: hello")
    await own_redis.until_noted()
    updates = [(OLENA, "kill"), *((person, "slowly") for person in people)]

    async def write(number: int, person: Person, text: str) -> None:
        while True:
            with contextlib.suppress(httpx.TransportError):
                if (await services.post(app, number, text, person)).status_code == 200:
                    return
            await asyncio.sleep(0.05)

    writing = [asyncio.create_task(write(number, *update)) for number, update in enumerate(updates, 1000)]
    while not await dead(own_redis):
        await until_killed(app, own_redis)
        await own_redis.end_leases()
    await asyncio.gather(*writing)
    chat = services.telegram.conversation_id("shop-telegram", OLENA)
    assert await dead(own_redis) == [Conversation(Account("telegram", "shop-telegram"), chat).key]
    for person in people:
        await until_shown(services, person, "2: slowly")
        # Whoever is killed between sending and noting it has sent twice in the end; nobody counts twice.
        assert set(replies(services.telegram, person)) == {"1: hello", "2: slowly"}
    await services.deliver(app, 3000, "after")
    await until_shown(services, OLENA, "2: after")


async def until_killed(app: AppChild, own_redis: OwnRedis) -> None:
    """Waits until the working process is another, or nobody needs to die any more."""
    before = app.workers
    async with asyncio.timeout(60):
        # Two other processes decide which it will be.
        while app.workers == before and not await dead(own_redis):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def until_shown(services: Services, person: Person, text: str) -> None:
    await until(lambda: text in replies(services.telegram, person), told=lambda: replies(services.telegram, person))


# --- a flood ---


async def test_one_who_floods_is_told_to_wait_and_others_do_not_notice(
    make_redis: MakeRedis, pytestconfig: pytest.Config
) -> None:
    flood = 10_000 if pytestconfig.getoption("--long") else 1_500
    async with Traffic(make_redis().url) as traffic:
        traffic.may_handle.clear()
        taken = [await traffic.post("flood", str(number)) for number in range(flood)]
        # The depth of a mailbox; the one at its head is being handled.
        assert taken == [200] * 1000 + [503] * (flood - 1000)
        traffic.acknowledged["flood"] = [str(number) for number in range(1000)]
        assert await traffic.post("quiet", "hello") == 200
        traffic.acknowledged["quiet"] = ["hello"]
        traffic.may_handle.set()
        await until(lambda: ("quiet", "hello") in traffic.desk.shown)
        assert len(traffic.desk.shown) < 1000
        assert await traffic.mistakes(seconds=60) == []


# --- what ends a process, or nearly does ---


@pytest.mark.timeout(120)
async def test_a_process_that_is_blocked_for_three_leases_ends_and_another_goes_on(
    project: Project, services: Services, own_redis: OwnRedis, pytestconfig: pytest.Config
) -> None:
    if not pytestconfig.getoption("--long"):
        pytest.skip("a blocked loop is borne for half a minute: only with --long")
    app = await project.start().until_ready()
    await services.greet(app)
    (blocked,) = app.workers
    with contextlib.suppress(httpx.TransportError):
        await services.post(app, 1, "block")
    await until(lambda: app.workers and app.workers != [blocked], seconds=60, told=lambda: app.output)
    assert "the event loop is blocked: this process ends" in app.output
    # Its leases are long over, and nobody has to mend anything.
    assert await services.until_replied(services.telegram, 2) == ["1: hello", "2: block"]


#: A handler that takes memory until there is no more, the first time that it is asked to.
HUNGRY = """
@router.text("^eat$")
async def eat(event: MessageReceived, ctx: Context[Visit]) -> None:
    if is_first("eating"):
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 2**26, resource.RLIM_INFINITY))
        try:
            held = [bytearray(2**20) for _ in range(1000)]
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    count(event, ctx)


@router.text("")
async def other("""


async def test_a_handler_that_finds_no_more_memory_fails_as_any_other_and_nobody_else_notices(
    project: Project, services: Services, own_redis: OwnRedis
) -> None:
    project.write(SHOP.replace("import os\n", "import os\nimport resource\n").replace(OTHER, HUNGRY))
    app = await project.start().until_ready()
    await services.greet(app)
    before = app.workers
    assert (await services.post(app, 1, "eat")).status_code == 200
    await until(lambda: "MemoryError" in app.output, told=lambda: app.output)
    assert await services.until_replied(services.telegram, 2) == ["1: hello", "2: eat"]
    assert app.workers == before


@pytest.mark.timeout(60)
async def test_a_stop_that_is_asked_for_twice_ends_in_time_and_gives_back_what_never_ends(
    project: Project, services: Services, own_redis: OwnRedis
) -> None:
    app, other = await project.start().until_ready(), await project.start().until_ready()
    await services.greet(other)
    assert (await services.post(app, 1, "wait")).status_code == 200
    await until(project.file("waiting").exists)
    for _ in range(2):
        app.process.terminate()
    began = time.monotonic()
    assert await app.until_ended(seconds=30) == 0
    assert time.monotonic() - began <= 12
    # At once, not when its lease ends.
    assert await services.until_replied(services.telegram, 2, seconds=5) == ["1: hello", "2: wait"]
