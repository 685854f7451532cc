"""What becomes of a message at a limit, by each policy, through a whole process; and what is booked for it."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from botkit.adapter import Outcome, Receipt
from botkit.context import Context
from botkit.conversation import Conversation, User
from botkit.degradation import Prepared
from botkit.events import MessageExpired, MessageFailed, MessageReceived, Unsubscribed
from botkit.exceptions import MessageError
from botkit.flow import Flow
from botkit.ledger import Ledger, month_of
from botkit.messages import AnyMessage, Text
from botkit.pace import Pace, Paces
from botkit.redis.audit import audit
from botkit.redis.bounds import Bounds
from botkit.redis.ledger import load_ledgers
from botkit.redis.store import RedisStore
from botkit.router import Router
from botkit.session_rules import Prices, SessionRules
from botkit.store import Counted
from botkit.turn import Turn
from tests.desk import NOT_SENT, REFUSED, UNKNOWN, Desk, Process, bot, happens, says, where

PRICES = Prices(session=Decimal("0.5"), message=Decimal("0.05"), by_country={"UA": Decimal("0.01")})


def rules(**changes: Any) -> SessionRules:
    """Two in a row end a session."""
    return msgspec.structs.replace(SessionRules(max_in_row=2, prices=PRICES), **changes)


def parrot(failures: list[str] | None = None, *, ttl: float = 0) -> Router[Flow]:
    """Says each word of what it hears in a message of its own; notes why one failed; is told where to fail over to."""
    router = Router()

    @router.text("^to ")
    async def to(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.fail_over_to(None if "nobody" in event.text else where("olena", ta=event.text.split()[-1]))

    @router.text()
    async def words(event: MessageReceived, ctx: Context[Flow]) -> None:
        for word in event.text.split():
            ctx.reply(Text(text=word, ttl=ttl))

    @router.failed()
    async def failed(event: MessageFailed, ctx: Context[Flow]) -> None:
        if failures is not None:
            failures.append(event.reason)

    @router.expired()
    async def expired(event: MessageExpired, ctx: Context[Flow]) -> None:
        if failures is not None:
            failures.append("expired")

    return router


async def hears(process: Process, text: str, country: str = "UA") -> None:
    await process.takes(msgspec.structs.replace(says(text), user=User(id="olena", country=country)))
    await process.engine.settle()


async def ledger(process: Process) -> Ledger:
    (found,) = await load_ledgers(process.store, month_of(process.clock.now()), ["desk:desk"])
    return found


# --- charge ---


async def test_what_no_session_covers_is_charged_by_the_persons_country(botkit_redis_url: str) -> None:
    desk = Desk(sessions=rules(at_limit="charge"))
    async with Process(botkit_redis_url, bot(parrot(), desk)) as process:
        await hears(process, "1 2 3 4")
        await hears(process, "5 6 7", country="SI")
        assert desk.texts == list("1234567")
        found = await ledger(process)
    assert (found.sessions, found.messages, found.outside, found.charged) == (2, 4, 3, 3)
    assert {cost.country: cost.amount for cost in found.costs} == {
        "UA": Decimal("0.02"),
        "SI": Decimal("0.05"),
        "session": Decimal(1),
    }


async def test_a_message_of_no_session_ends_the_one_that_was_open(botkit_redis_url: str) -> None:
    desk = Desk(sessions=rules(at_limit="charge"))
    async with Process(botkit_redis_url, bot(parrot(), desk)) as process:
        await hears(process, "1 2 3")
        await hears(process, "4")
        counts = (await process.store.load(where().key)).counts
        assert counts.sent == 1
        assert (await ledger(process)).sessions == 2


async def test_free_messages_of_the_month_go_before_those_at_a_price(botkit_redis_url: str) -> None:
    desk = Desk(sessions=rules(at_limit="charge", free_per_month=2))
    async with Process(botkit_redis_url, bot(parrot(), desk)) as process:
        await hears(process, "1 2 3 4 5")
        found = await ledger(process)
    assert (found.free, found.charged) == (2, 1)


async def test_without_charge_what_is_over_the_months_quota_is_held(botkit_redis_url: str) -> None:
    desk = Desk(sessions=rules(free_per_month=2))
    async with Process(botkit_redis_url, bot(parrot(), desk)) as process:
        await hears(process, "1 2 3 4 5 6")
        assert desk.texts == list("1234")
        found = await ledger(process)
        assert (found.free, found.charged, found.outside, found.held) == (2, 0, 2, 1)
        await hears(process, "7")
        assert desk.texts == list("123456"), "and 7 is held: the session ended, another began, and its row is full"


@pytest.mark.parametrize(
    ("receipts", "charged"),
    [([], 1), ([REFUSED], 0), ([NOT_SENT], 1), ([NOT_SENT] * 3, 1), ([UNKNOWN], 2), ([UNKNOWN] * 3, 3)],
    ids=["sent", "refused", "not sent", "not sent thrice", "unknown", "unknown to the end"],
)
async def test_what_was_paid_is_refunded_only_on_proof(
    botkit_redis_url: str, receipts: list[Receipt], charged: int
) -> None:
    desk = Desk(sessions=rules(at_limit="charge", starts_with="first_user_message", seconds=60))
    router = Router()

    @router.text()
    async def later(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.after("call", minutes=5)

    @router.timer("call")
    async def call(event: Any, ctx: Context[Flow]) -> None:
        ctx.reply("called")

    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await hears(process, "hello")
        desk.plan.extend(receipts)
        await process.advance(301)
        for _ in range(4):
            await process.advance(70)
        found = await ledger(process)
    assert (found.charged, found.outside, found.messages) == (charged, charged, 0)
    assert found.refunded == sum(receipt is not UNKNOWN for receipt in receipts)


class Trips(RedisStore):
    """A store that notes what was asked of it in the way of counting."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.asked: list[str] = []

    async def count(self, turn: Turn, rules: SessionRules, **options: Any) -> Counted:
        self.asked.append("count")
        return await super().count(turn, rules, **options)

    async def buy(self, account: str, month: str, *, free: int, charged_as: str) -> str:
        self.asked.append("buy")
        return await super().buy(account, month, free=free, charged_as=charged_as)


async def test_a_message_costs_one_call_and_another_only_where_no_session_covers_it(botkit_redis_url: str) -> None:
    desk = Desk(sessions=rules(at_limit="charge"))
    async with Process(botkit_redis_url, bot(parrot(), desk), store=Trips) as process:
        await hears(process, "1 2 3")
        assert isinstance(process.store, Trips)
        assert process.store.asked == ["count", "count", "count", "buy"]


async def test_how_the_service_counted_a_message_is_kept(botkit_redis_url: str) -> None:
    class Talkative(Desk):
        async def send(self, *args: Any) -> Receipt:
            return msgspec.structs.replace(await super().send(*args), billing="5")

    async with Process(botkit_redis_url, bot(parrot(), Talkative(sessions=rules()))) as process:
        await hears(process, "1 2")
        found = await ledger(process)
    assert (found.billing, found.outside_by_service, found.outside) == ({"5": 2}, 2, 0)


# --- blocked ---


@pytest.mark.parametrize("policy", ["hold", "charge"])
async def test_what_the_service_would_refuse_cannot_be_bought_and_is_held(botkit_redis_url: str, policy: str) -> None:
    desk = Desk(sessions=rules(at_limit=policy, on_in_row="block"))
    async with Process(botkit_redis_url, bot(parrot(), desk)) as process:
        await hears(process, "1 2 3")
        await process.advance(5 * 86_400)
        assert desk.texts == ["1", "2"]
        await hears(process, "4")
        assert desk.texts == ["1", "2", "3", "4"]
        assert (await ledger(process)).charged == 0


async def test_a_full_session_that_blocks_opens_again_with_the_persons_message(botkit_redis_url: str) -> None:
    desk = Desk(sessions=rules(max_messages=2, on_max="block", max_in_row=0))
    async with Process(botkit_redis_url, bot(parrot(), desk)) as process:
        await hears(process, "1 2 3")
        assert desk.texts == ["1", "2"]
        await hears(process, "4")
        assert desk.texts == ["1", "2", "3", "4"]
        assert (await ledger(process)).sessions == 2


async def test_a_full_session_that_blocks_lets_go_when_it_is_over(botkit_redis_url: str) -> None:
    desk = Desk(sessions=rules(max_messages=2, on_max="block", max_in_row=0, seconds=600))
    async with Process(botkit_redis_url, bot(parrot(), desk)) as process:
        await hears(process, "1 2 3")
        await process.advance(590)
        assert desk.texts == ["1", "2"]
        await process.advance(11)
        assert desk.texts == ["1", "2", "3"]


async def test_over_the_hours_limit_a_message_waits_for_the_hour_or_for_the_person(botkit_redis_url: str) -> None:
    desk = Desk(sessions=rules(max_in_row=0, max_per_hour=3))
    async with Process(botkit_redis_url, bot(parrot(), desk)) as process:
        # To the start of an hour, so that the next one is far.
        process.clock.advance(seconds=3600 - process.clock.timestamp() % 3600)
        await hears(process, "1 2 3 4")
        assert desk.texts == ["1", "2", "3"]
        await process.advance(3500)
        assert desk.texts == ["1", "2", "3"]
        await process.advance(101)
        assert desk.texts == ["1", "2", "3", "4"]
        await hears(process, "5 6 7 8")
        assert desk.texts == list("1234567")
        await hears(process, "9")
        assert desk.texts == list("123456789")
        assert await audit(process.store) == []


async def test_the_reason_of_a_failure_names_the_limit(botkit_redis_url: str) -> None:
    cases = {
        "the limit of messages in an hour without an answer": rules(max_per_hour=1),
        "the session's limit of messages without an answer": rules(max_in_row=1),
        "the session's limit of messages": rules(max_messages=1, on_max="block"),
    }
    for reason, limits in cases.items():
        failures: list[str] = []
        desk = Desk(sessions=msgspec.structs.replace(limits, at_limit="fail"))
        async with Process(botkit_redis_url, bot(parrot(failures), desk)) as process:
            await hears(process, "1 2")
            assert (desk.texts, failures) == (["1"], [reason])
            assert (await ledger(process)).stopped == 1


# --- failover ---


async def test_at_a_limit_a_message_goes_to_the_conversations_other_way_in_order(botkit_redis_url: str) -> None:
    desk, other, failures = Desk(sessions=rules(at_limit="failover")), Desk(ta="other"), list[str]()
    async with Process(botkit_redis_url, bot(parrot(failures), desk, other)) as process:
        await hears(process, "to other")
        await hears(process, "1 2 3 4")
        assert (desk.texts, other.texts, failures) == (["1", "2"], ["3", "4"], [])
        await hears(process, "5")
        assert desk.texts == ["1", "2", "5"]


async def test_without_another_way_a_message_fails_at_the_limit(botkit_redis_url: str) -> None:
    desk, other, failures = Desk(sessions=rules(at_limit="failover")), Desk(ta="other"), list[str]()
    async with Process(botkit_redis_url, bot(parrot(failures), desk, other)) as process:
        await hears(process, "1 2 3")
        await hears(process, "to other")
        await hears(process, "to nobody")
        await hears(process, "4 5 6")
        assert (desk.texts, other.texts, len(failures)) == (["1", "2", "4", "5"], [], 2)


async def test_a_message_whose_other_way_has_no_room_fails_at_the_limit(botkit_redis_url: str) -> None:
    desk, other, failures = Desk(sessions=rules(at_limit="failover")), Desk(ta="other"), list[str]()
    other.plan.append(NOT_SENT)
    async with Process(botkit_redis_url, bot(parrot(failures), desk, other), bounds=Bounds(outbox=2)) as process:
        await hears(process, "to other")
        await hears(process, "1 2 3 4 5")
        assert failures == ["the session's limit of messages without an answer"]
        await process.advance(2)
        assert (desk.texts, other.texts) == (["1", "2"], ["3", "4"])
        assert await audit(process.store) == []


async def test_a_message_that_the_other_way_cannot_send_fails_at_the_limit(botkit_redis_url: str) -> None:
    class Mute(Desk):
        def prepare(self, message: AnyMessage, to: Conversation, *, offered: int = 0) -> Prepared:
            raise MessageError("nothing can be said here")

    desk, other, failures = Desk(sessions=rules(at_limit="failover")), Mute(ta="other"), list[str]()
    async with Process(botkit_redis_url, bot(parrot(failures), desk, other)) as process:
        await hears(process, "to other")
        await hears(process, "1 2 3")
        assert (desk.texts, failures) == (["1", "2"], ["the session's limit of messages without an answer"])


async def test_a_message_fails_over_once_and_not_round_in_a_circle(botkit_redis_url: str) -> None:
    desk, failures = Desk(sessions=rules(at_limit="failover")), list[str]()
    other = Desk(ta="other", sessions=rules(at_limit="failover", max_in_row=1))
    async with Process(botkit_redis_url, bot(parrot(failures), desk, other)) as process:
        await process.takes(says("to desk", ta="other"))
        await hears(process, "to other")
        await hears(process, "1 2 3 4")
        assert (desk.texts, other.texts) == (["1", "2"], ["3"])
        assert failures == ["the session's limit of messages without an answer"]


# --- who cannot be written to ---


async def test_what_was_held_for_somebody_who_left_fails_at_once_and_does_not_wait_for_their_return(
    botkit_redis_url: str,
) -> None:
    desk, failures = Desk(sessions=rules()), list[str]()
    async with Process(botkit_redis_url, bot(parrot(failures), desk)) as process:
        await hears(process, "1 2 3 4")
        await process.takes(happens(Unsubscribed))
        await process.engine.settle()
        assert failures == ["the person cannot be written to (unsubscribed)"] * 2
        assert await process.dead_letters() == []
        await hears(process, "5")
        assert desk.texts == ["1", "2", "5"]
        assert await audit(process.store) == []


async def test_what_is_suppressed_is_neither_counted_nor_failed_over(botkit_redis_url: str) -> None:
    desk, other = Desk(sessions=rules(at_limit="failover")), Desk(ta="other")
    desk.plan.append(Receipt(Outcome.REFUSED, reason="6 not subscribed", is_gone=True))
    async with Process(botkit_redis_url, bot(parrot(), desk, other)) as process:
        await hears(process, "to other")
        await hears(process, "1 2 3 4")
        assert (desk.texts, other.texts) == ([], [])
        found = await ledger(process)
    assert (found.sessions, found.messages, found.refunded, found.stopped) == (0, 0, 1, 0)


# --- pace ---


async def test_what_a_pace_puts_off_is_counted_when_it_goes(botkit_redis_url: str) -> None:
    desk = Desk(sessions=rules())
    desk.paces = Paces(chat=Pace(1, 10))
    async with Process(botkit_redis_url, bot(parrot(), desk)) as process:
        await hears(process, "1 2 3")
        assert (desk.texts, (await ledger(process)).messages) == (["1"], 1)
        await process.advance(10.1)
        assert (desk.texts, (await ledger(process)).messages) == (["1", "2"], 2)
        await process.advance(10.1)
        assert (desk.texts, (await ledger(process)).held) == (["1", "2"], 1)
        assert await audit(process.store) == []


# --- ttl ---


async def test_a_held_message_is_given_up_when_its_time_is_over(botkit_redis_url: str) -> None:
    desk, failures = Desk(sessions=rules()), list[str]()
    async with Process(botkit_redis_url, bot(parrot(failures, ttl=60), desk)) as process:
        await hears(process, "1 2 3 4")
        await process.advance(55)
        assert (desk.texts, failures) == (["1", "2"], [])
        await process.advance(6)
        # Two were not sent in time; the two that were sent, nobody reported to be delivered.
        assert (desk.texts, failures) == (["1", "2"], ["expired"] * 4)
        assert await process.dead_letters() == [], "nobody is to look into it"
        assert (await process.store.load(where().key)).queued == 0


async def test_a_held_message_whose_time_is_not_over_goes_out_when_the_person_writes(botkit_redis_url: str) -> None:
    desk, failures = Desk(sessions=rules()), list[str]()
    async with Process(botkit_redis_url, bot(parrot(failures, ttl=60), desk)) as process:
        await hears(process, "1 2 3")
        await process.advance(50)
        await hears(process, "4")
        assert (desk.texts, failures) == (["1", "2", "3", "4"], [])


@pytest.mark.parametrize(("seconds", "texts"), [(28, ["hello"]), (31, [])])
async def test_a_message_that_is_tried_again_too_late_is_given_up(
    botkit_redis_url: str, seconds: float, texts: list[str]
) -> None:
    desk, failures = Desk(), list[str]()
    desk.plan.append(Receipt(Outcome.NOT_SENT, reason="not now", retry_after=20))
    async with Process(botkit_redis_url, bot(parrot(failures, ttl=30), desk)) as process:
        await hears(process, "hello")
        await process.advance(seconds)
        assert desk.texts == texts
        assert failures == ([] if texts else ["expired"])
