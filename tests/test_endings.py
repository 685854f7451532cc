"""What is given up: who hears of it, what is left of it, and whoever cannot be written to."""

import pytest
from msgspec.structs import replace

from botkit.adapter import Outcome, Receipt
from botkit.context import Context
from botkit.events import (
    ConversationStarted,
    Event,
    MessageFailed,
    MessageReceived,
    MessageSeen,
    Subscribed,
    TimerFired,
    Unsubscribed,
)
from botkit.flow import Flow
from botkit.outgoing import encode as encode_outgoing
from botkit.redis.audit import audit
from botkit.router import Router
from tests.desk import NOT_SENT, REFUSED, UNKNOWN, Desk, Process, bot, happens, opens, parrot, presses, says, where


async def test_what_is_refused_is_a_dead_letter_at_once_and_the_next_message_goes_out(botkit_redis_url: str) -> None:
    desk, failures = Desk(), list[MessageFailed]()
    desk.plan.append(REFUSED)
    async with Process(botkit_redis_url, bot(parrot(failures), desk)) as process:
        await process.hears("bad good")
        assert desk.texts == ["good"]
        (event,) = failures
        assert (event.message_key, event.reason) == (desk.attempts[0].key, "400 chat not found")
        (letter,) = await process.dead_letters()
        assert letter.error == "400 chat not found"


async def test_a_reply_to_a_failure_that_fails_too_is_the_last_word(botkit_redis_url: str) -> None:
    desk, router, failures = Desk(), Router(), list[str]()

    @router.text()
    async def echo(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply(event.text)

    @router.failed()
    async def failed(event: MessageFailed, ctx: Context[Flow]) -> None:
        failures.append(event.message_key)
        ctx.reply("could you read it?")

    desk.plan.extend([REFUSED] * 10)
    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await process.hears("hello")
        assert len(desk.attempts) == 2
        assert failures == [desk.attempts[0].key]
        assert len(await process.dead_letters()) == 2


@pytest.mark.parametrize("failure", [NOT_SENT, UNKNOWN, REFUSED], ids=lambda receipt: receipt.outcome.value)
async def test_what_is_worth_nothing_later_is_dropped_without_a_trace(botkit_redis_url: str, failure: Receipt) -> None:
    desk, router, failures = Desk(), Router(), list[str]()
    desk.plan.append(failure)

    @router.text()
    async def types(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.typing()
        ctx.reply("done")

    @router.failed()
    async def failed(event: MessageFailed, ctx: Context[Flow]) -> None:
        failures.append(event.reason)

    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await process.hears("hello")
        assert (desk.texts, failures, await process.dead_letters()) == (["done"], [], [])


async def test_a_message_of_an_account_that_nobody_speaks_for_is_given_up(botkit_redis_url: str) -> None:
    desk = Desk()
    desk.plan.append(NOT_SENT)
    async with Process(botkit_redis_url, bot(parrot(), desk)) as process:
        await process.hears("hello")
        async with process.another(bot(parrot(), Desk(ta="other"))) as successor:
            await successor.advance(2)
            letters = await successor.dead_letters()
            assert [(letter.queue.value, letter.error) for letter in letters] == [
                ("outbox", "no bot here speaks for its account any more"),
                ("mailbox", "no bot here speaks for its account any more"),
            ]


# --- people who cannot be written to ---

GONE = Receipt(Outcome.REFUSED, reason="403 blocked", is_gone=True)


async def tells(process: Process, event: Event) -> None:
    await process.takes(event)
    await process.engine.settle()


def writes_on_a_timer(failures: list[MessageFailed]) -> Router[Flow]:
    """Sends two messages in a minute, whatever happened since."""
    router = Router()

    @router.timer("later")
    async def later(event: TimerFired, ctx: Context[Flow]) -> None:
        ctx.reply("one")
        ctx.typing()
        ctx.reply("two")

    @router.failed()
    async def failed(event: MessageFailed, ctx: Context[Flow]) -> None:
        failures.append(event)

    @router.unsubscribed()
    async def sets_it(event: Unsubscribed, ctx: Context[Flow]) -> None:
        ctx.after("later", minutes=1)

    return router


async def test_whoever_unsubscribed_is_not_written_to_and_the_handlers_are_told(botkit_redis_url: str) -> None:
    desk, failures = Desk(), list[MessageFailed]()
    async with Process(botkit_redis_url, bot(writes_on_a_timer(failures), desk)) as process:
        await tells(process, happens(Unsubscribed))
        await process.advance(61)
        assert desk.attempts == []
        assert [event.reason for event in failures] == ["the person cannot be written to (unsubscribed)"] * 2
        assert await process.dead_letters() == [], "nobody is to look into it"
        assert await audit(process.store) == []


async def test_whoever_the_service_says_is_gone_is_not_tried_again_by_any_process(botkit_redis_url: str) -> None:
    desk, failures = Desk(), list[MessageFailed]()
    desk.plan.append(GONE)
    async with Process(botkit_redis_url, bot(parrot(failures), desk)) as process, process.another() as colleague:
        await process.hears("one two")
        await process.store.enqueue(where().key, "k" * 24, encode_outgoing(replace(desk.attempts[0], key="k" * 24)))
        await colleague.engine.settle()
        assert len(desk.attempts) == 1
        reason = "the person cannot be written to (403 blocked)"
        assert [event.reason for event in failures] == ["403 blocked", reason, reason]
        assert len(await process.dead_letters()) == 1, "the one that was tried"


@pytest.mark.parametrize(
    ("back", "is_written_to"),
    [
        (happens(Subscribed), True),
        (says("I am back"), True),
        (happens(ConversationStarted), True),
        (opens(), False),
        (happens(MessageSeen), False),
    ],
    ids=["subscribed", "wrote", "started", "started, no subscriber", "seen"],
)
async def test_whoever_comes_back_is_written_to_again(
    botkit_redis_url: str, back: Event, *, is_written_to: bool
) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(writes_on_a_timer([]), desk)) as process:
        await tells(process, happens(Unsubscribed))
        await tells(process, back)
        await process.advance(61)
        assert desk.texts == (["one", "Typing", "two"] if is_written_to else [])


async def test_a_callback_is_answered_though_the_person_is_gone(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(parrot(), desk), role="web") as web, web.another() as worker:
        await web.takes(presses("silent"))
        await web.takes(happens(Unsubscribed))
        await worker.engine.settle()
        assert desk.texts == ["acknowledged"]


class Sms(Desk):
    """A desk of which one takes leave with a word."""

    stays_away = True


@pytest.mark.parametrize(("sms", "hears"), [(Sms(), []), (Desk(), ["pong"])], ids=["by word", "by writing"])
async def test_whoever_took_leave_is_written_to_when_they_say_so_and_not_before(
    botkit_redis_url: str, sms: Desk, hears: list[str]
) -> None:
    router = Router()

    @router.text("ping")
    async def ping(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply("pong")

    async with Process(botkit_redis_url, bot(router, sms)) as process:
        await process.takes(happens(Unsubscribed))
        await process.hears("ping")
        assert sms.texts == hears
        await process.takes(happens(Subscribed))
        await process.hears("ping")
        assert sms.texts == [*hears, "pong"]
