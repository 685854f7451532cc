"""Files that come one by one are one message, in order, once, through every failure."""

from datetime import UTC, datetime

import pytest

from botkit.albums import WINDOW
from botkit.context import Context
from botkit.conversation import Account
from botkit.dispatcher import HandlerPolicy
from botkit.events import Event, Media, MessageReceived, event_id
from botkit.flow import Flow, Trigger
from botkit.redis.audit import audit
from botkit.router import Router
from tests.desk import Desk, Process, bot, says, where


class Talk(Flow):
    states = ("on",)
    note = Trigger("on", "on")
    heard: list[str] = []


def file(name: str, group: str = "g", *, caption: str = "", edited: bool = False) -> MessageReceived:
    return MessageReceived(
        id=event_id(Account("desk", "desk"), name),
        at=datetime.now(UTC),
        conversation=where(),
        media=Media("image", name),
        text=caption,
        group=group,
        edited=edited,
    )


def told(event: MessageReceived) -> str:
    return f"{event.text}[{' '.join(media.file_id for media in event.album)}]"


@pytest.fixture
def router() -> Router[Talk]:
    router = Router(Talk)

    @router.on(MessageReceived)
    async def every(event: MessageReceived, ctx: Context[Talk]) -> None:
        ctx.flow.heard.append(told(event))
        ctx.reply(told(event))

    return router


async def takes(process: Process, *events: Event) -> None:
    for event in events:
        await process.takes(event)
    await process.engine.settle()


async def test_the_files_of_an_album_are_one_message_with_the_first_file_and_the_first_caption(
    botkit_redis_url: str,
) -> None:
    heard: list[MessageReceived] = []
    router = Router()

    @router.on(MessageReceived)
    async def every(event: MessageReceived, ctx: Context[Flow]) -> None:
        heard.append(event)

    async with Process(botkit_redis_url, bot(router)) as process:
        await takes(process, file("a"), file("b", caption="Two cats"), file("c", caption="Three"))
        await process.advance(WINDOW)
    (event,) = heard
    assert (event.id, event.media, event.text) == (file("a").id, Media("image", "a"), "Two cats")
    assert event.album == (Media("image", "a"), Media("image", "b"), Media("image", "c"))


async def test_an_album_is_complete_one_second_after_its_first_file(
    botkit_redis_url: str, router: Router[Talk]
) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await takes(process, file("a"))
        await process.advance(WINDOW / 2)
        await takes(process, file("b"))
        await process.advance(WINDOW / 2 - 0.2)
        assert desk.texts == []
        await process.advance(0.2)
        assert desk.texts == ["[a b]"]


async def test_a_file_that_comes_too_late_is_an_album_of_its_own(botkit_redis_url: str, router: Router[Talk]) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await takes(process, file("a"), file("b"))
        await process.advance(WINDOW)
        await takes(process, file("c"))
        await process.advance(WINDOW)
        assert desk.texts == ["[a b]", "[c]"]


async def test_words_between_the_files_are_heard_after_the_album_and_in_order(
    botkit_redis_url: str, router: Router[Talk]
) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await takes(process, says("before"), file("a"), says("one"), file("b"), says("two"), file("c"), says("three"))
        assert desk.texts == ["before[]"]
        await process.advance(WINDOW)
        assert desk.texts == ["before[]", "[a b c]", "one[]", "two[]", "three[]"]
        assert await audit(process.store) == []


async def test_two_albums_in_each_other_are_told_apart(botkit_redis_url: str, router: Router[Talk]) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await takes(process, file("a", "g"), file("x", "h"), file("b", "g"), file("y", "h"))
        await process.advance(WINDOW)
        assert desk.texts == ["[a b]", "[x y]"]


@pytest.mark.parametrize(("between", "albums"), [(18, ["[a z]"]), (20, ["[a]", "[z]"])])
async def test_an_album_is_looked_for_among_the_next_twenty_events(
    botkit_redis_url: str, router: Router[Talk], between: int, albums: list[str]
) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await takes(process, file("a"), *(says(str(number)) for number in range(between)), file("z"))
        await process.advance(WINDOW)
        assert [text for text in desk.texts if text.startswith("[")] == albums


async def test_what_is_no_album_does_not_wait(botkit_redis_url: str, router: Router[Talk]) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await takes(process, file("a", ""))
        assert desk.texts == ["[]"]


async def test_waiting_for_an_album_is_no_attempt(botkit_redis_url: str) -> None:
    router, attempts = Router(), []

    @router.on(MessageReceived)
    async def failing(event: MessageReceived, ctx: Context[Flow]) -> None:
        attempts.append(told(event))
        raise ValueError

    async with Process(botkit_redis_url, bot(router), handler=HandlerPolicy(delays=(5,))) as process:
        await takes(process, file("a"))
        for _ in range(4):
            await process.advance(WINDOW / 5)
        await process.advance(WINDOW / 5)
        assert (attempts, await process.dead_letters()) == (["[a]"], [])
        await process.advance(5)
        assert len(attempts) == 2
        assert len(await process.dead_letters()) == 1


async def test_an_album_whose_handler_fails_is_tried_again_whole_and_leaves_nothing_behind(
    botkit_redis_url: str,
) -> None:
    desk, router, failures = Desk(), Router(Talk), ["once", "twice"]

    @router.on(MessageReceived)
    async def failing(event: MessageReceived, ctx: Context[Talk]) -> None:
        ctx.flow.heard.append(told(event))
        if failures:
            raise ValueError(failures.pop())
        ctx.reply(" ".join(ctx.flow.heard))

    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await takes(process, file("a"), file("b"))
        await process.advance(WINDOW)
        await takes(process, file("c"))
        await process.advance(1)
        await process.advance(4)
        assert desk.texts == ["[a b c]"]
        assert b"gathered" not in (await process.store.load(where().key)).state
        assert await process.version() == 3
