"""Reports that name only a message find its conversation, early, late or never, and each is told once."""

from botkit.context import Context
from botkit.conversation import Conversation
from botkit.events import Event, MessageDelivered, MessageReceived, event_id
from botkit.flow import Flow
from botkit.router import Router
from tests.desk import Desk, Process, bot, says, where


class ReceiptDesk(Desk):
    """A desk whose reports name only the message."""

    finds_by_receipt = True


def told(desk: Desk, receipt_id: str, native: str = "1") -> Event:
    return MessageDelivered(
        id=event_id(desk.account, native),
        at=says("now").at,
        conversation=Conversation.unplaced(desk.account, receipt_id),
        receipt_id=receipt_id,
    )


def echo(heard: list[tuple[str, str]]) -> Router[Flow]:
    router = Router()

    @router.text(".*")
    async def answer(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply("hello")

    @router.on(MessageDelivered)
    async def delivered(event: MessageDelivered, ctx: Context[Flow]) -> None:
        heard.append((event.conversation.id, event.message_key[-2:]))

    return router


async def test_a_report_reaches_the_conversation_of_its_message_once(botkit_redis_url: str) -> None:
    desk, heard = ReceiptDesk(), list[tuple[str, str]]()
    async with Process(botkit_redis_url, bot(echo(heard), desk)) as process:
        await process.hears("hi")
        for _ in range(2):
            await process.takes(told(desk, "olena/1"))
            await process.engine.settle()
        assert heard == [("olena", "00")]


async def test_a_report_that_overtakes_the_sending_waits_for_it(botkit_redis_url: str) -> None:
    desk, heard = ReceiptDesk(), list[tuple[str, str]]()
    async with Process(botkit_redis_url, bot(echo(heard), desk)) as process:
        await process.takes(told(desk, "olena/1"))
        await process.engine.settle()
        assert heard == []
        await process.hears("hi")
        await process.advance(1)
        assert heard == [("olena", "00")]


async def test_a_report_of_a_message_that_was_never_ours_is_dropped_after_ten_minutes(botkit_redis_url: str) -> None:
    desk, heard = ReceiptDesk(), list[tuple[str, str]]()
    async with Process(botkit_redis_url, bot(echo(heard), desk)) as process:
        report = told(desk, "olena/1")
        await process.takes(report)
        for _ in range(50):
            await process.advance(15)
        assert await process.store.is_idle(report.conversation.key)
        await process.hears("hi")
        await process.advance(60)
        assert heard == []
        assert await process.dead_letters() == []
        assert where().id == "olena"
