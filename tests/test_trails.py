"""A message that goes from one way to the next: when, once, what its home hears of it, and what is kept."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from msgspec.structs import replace

from botkit.adapter import Adapter, Outcome, Receipt
from botkit.addresses import AddressKind
from botkit.bot import Bot
from botkit.buttons import Button, rows
from botkit.capabilities import Bound, Capabilities
from botkit.context import Context
from botkit.conversation import Conversation
from botkit.deliveries import Delivery, Status
from botkit.delivery_route import DeliveryRoute
from botkit.events import (
    ButtonPressed,
    Event,
    MessageDelivered,
    MessageExpired,
    MessageFailed,
    MessageReceived,
    MessageSeen,
    SharedContact,
    Unsubscribed,
    event_id,
)
from botkit.events import encode as encode_event
from botkit.flow import Flow
from botkit.http_client import HttpClient
from botkit.messages import AnyMessage, Raw, Text
from botkit.outgoing import Hop, Outgoing, Trail, encode
from botkit.redis.audit import audit
from botkit.redis.bounds import Bounds
from botkit.router import Router
from botkit.session_rules import SessionRules
from botkit.store import Commit, Mine
from botkit.trails import submit
from tests.desk import NOT_SENT, REFUSED, UNKNOWN, Desk, Process, Report, happens, says, where

PHONE, OTHER = "+385910000001", "+385910000002"
Route = DeliveryRoute[Adapter]
_native = count(1)


class Sms(Desk):
    """A desk that writes to numbers."""

    address = AddressKind.PHONE


class Talk:
    """A person on a chat, who shared their number; everything that they hear of goes the route `urgent`."""

    def __init__(
        self, redis_url: str, route: Callable[[Desk, Sms, Sms], Any], *, message: Text | None = None, **options: Any
    ) -> None:
        self.chat, self.first, self.second = Desk(ta="chat"), Sms(ta="first"), Sms(ta="second")
        self.router = Router[Flow]()
        self.ids: list[str] = []
        self.told: list[Event] = []
        self.elsewhere: list[Event] = []
        self.pressed: list[tuple[str, str]] = []

        @self.router.text("^send")
        async def send(event: MessageReceived, ctx: Context[Flow]) -> None:
            for _ in event.text.split():
                self.ids.append(ctx.reply(message or Text(text="Your code is 1234."), route="urgent").id)

        @self.router.text("^tell (?P<place>.+)$")
        async def tell(event: MessageReceived, ctx: Context[Flow]) -> None:
            self.ids.append(ctx.send(Conversation.parse(ctx.match["place"]), "hello", route="urgent").id)

        @self.router.button("{day}")
        async def day(event: ButtonPressed, ctx: Context[Flow]) -> None:
            self.pressed.append((event.account.ta, event.value))

        for kind in (MessageDelivered, MessageSeen, MessageFailed, MessageExpired):
            self.router.on(kind)(self._note)
        bot = Bot(
            "shop",
            routers=[self.router],
            accounts=[self.chat],
            routes={"urgent": route(self.chat, self.first, self.second)},
        )
        self.process = Process(redis_url, bot, **options)

    async def _note(self, event: Any, ctx: Context[Flow]) -> None:
        (self.told if event.conversation == self.home else self.elsewhere).append(event)

    @property
    def home(self) -> Conversation:
        return where(ta="chat")

    @property
    def steps(self) -> list[tuple[type[Event], str]]:
        return [(type(event), event.message_key) for event in self.told]  # type: ignore[attr-defined]  # all reports

    @property
    def ways(self) -> list[list[str]]:
        """What arrived, by each way."""
        return [desk.texts for desk in (self.chat, self.first, self.second)]

    async def __aenter__(self) -> "Talk":
        await self.process.takes(replace(says("here", ta="chat"), contact=SharedContact(PHONE, "Olena", is_own=True)))
        await self.process.engine.settle()
        return self

    async def __aexit__(self, error: object, *_: object) -> None:
        async with self.process:
            if error is None:
                assert await audit(self.process.store) == []
                assert self.elsewhere == []

    async def say(self, text: str) -> None:
        await self.process.takes(says(text, ta="chat"))
        await self.process.engine.settle()

    async def send(self) -> None:
        await self.say("send")

    async def report(self, kind: type[Report | MessageExpired], desk: Desk, number: int = 1) -> None:
        """Lets a service report on the message that a desk sent as its `number`th."""
        place = desk.shown[number - 1][0]
        native = f"report {next(_native)}"
        await self.process.takes(
            kind(
                id=event_id(desk.account, native),
                at=datetime.now(UTC),
                conversation=Conversation(desk.account, place),
                receipt_id=f"{place}/{number}",
            )
        )
        await self.process.engine.settle()

    async def delivery(self, number: int = 0) -> Delivery:
        found = await self.process.store.deliveries.load(self.home.key, self.ids[number])
        assert found
        return found


def refusal_only(chat: Desk, first: Sms, second: Sms) -> Route:
    return chat | first | second


def a_minute_each(chat: Desk, first: Sms, second: Sms) -> Route:
    return chat.within(60) | first.within(60) | second


D, S, F = MessageDelivered, MessageSeen, MessageFailed


# --- when the next way is taken ---


async def test_what_the_first_way_brings_goes_no_other(botkit_redis_url: str) -> None:
    async with Talk(botkit_redis_url, a_minute_each) as talk:
        await talk.send()
        await talk.report(D, talk.chat)
        await talk.process.advance(86_400)
        assert talk.ways == [["Your code is 1234."], [], []]
        assert talk.steps == [(D, talk.ids[0])]
        assert not (await talk.delivery()).may_be_double


@pytest.mark.parametrize("refusals", [0, 1, 2, 3])
async def test_a_refused_message_goes_the_next_way_at_once_until_there_is_none(
    botkit_redis_url: str, refusals: int
) -> None:
    async with Talk(botkit_redis_url, refusal_only) as talk:
        desks = (talk.chat, talk.first, talk.second)
        for desk in desks[:refusals]:
            desk.plan.append(REFUSED)
        await talk.send()
        assert [len(texts) for texts in talk.ways] == [int(number == refusals) for number in range(3)]
        assert talk.steps == ([(F, talk.ids[0])] if refusals == 3 else [])
        letters = await talk.process.store.dead_letters.count()
        assert letters == (1 if refusals == 3 else 0), "only what no way brought is to be looked into"


async def test_a_failure_that_is_reported_later_is_a_refusal(botkit_redis_url: str) -> None:
    async with Talk(botkit_redis_url, refusal_only) as talk:
        await talk.send()
        await talk.process.advance(7200)
        await talk.report(F, talk.chat)
        await talk.report(F, talk.first)
        assert [len(texts) for texts in talk.ways] == [1, 1, 1]
        assert talk.told == []
        assert not (await talk.delivery()).may_be_double
        await talk.report(F, talk.second)
        assert talk.steps == [(F, talk.ids[0])]


@pytest.mark.parametrize(("seconds", "is_sent"), [(59, False), (61, True)])
async def test_what_is_not_delivered_in_its_time_goes_the_next_way(
    botkit_redis_url: str, seconds: float, *, is_sent: bool
) -> None:
    async with Talk(botkit_redis_url, a_minute_each) as talk:
        await talk.send()
        await talk.process.advance(seconds)
        assert bool(talk.first.texts) is is_sent
        assert (await talk.delivery()).may_be_double is is_sent
        assert talk.told == []


async def test_the_last_way_without_an_end_waits_for_ever(botkit_redis_url: str) -> None:
    async with Talk(botkit_redis_url, a_minute_each) as talk:
        await talk.send()
        for _ in range(3):
            await talk.process.advance(61)
        assert [len(texts) for texts in talk.ways] == [1, 1, 1]
        await talk.process.advance(3 * 86_400)
        assert talk.told == []
        await talk.report(D, talk.second)
        assert talk.steps == [(D, talk.ids[0])]


async def test_the_last_way_with_an_end_fails_when_it_is_over(botkit_redis_url: str) -> None:
    async with Talk(botkit_redis_url, lambda chat, first, _: chat.within(60) | first.within(30)) as talk:
        await talk.send()
        await talk.process.advance(61)
        await talk.process.advance(31)
        assert talk.steps == [(F, talk.ids[0])]
        assert [event.reason for event in talk.told if isinstance(event, F)] == ["not delivered in its time"]
        assert await talk.process.store.dead_letters.count() == 0


@pytest.mark.parametrize(("report", "is_enough"), [(D, False), (S, True)])
async def test_what_must_be_seen_is_not_enough_when_delivered(
    botkit_redis_url: str, report: type[Report], *, is_enough: bool
) -> None:
    async with Talk(botkit_redis_url, lambda chat, first, _: chat.within(60, "seen") | first) as talk:
        await talk.send()
        await talk.report(report, talk.chat)
        await talk.process.advance(61)
        assert talk.steps == [(report, talk.ids[0])]
        assert bool(talk.first.texts) is not is_enough


async def test_what_must_be_sent_in_time_goes_on_only_while_its_service_does_not_take_it(botkit_redis_url: str) -> None:
    async with Talk(botkit_redis_url, lambda chat, first, _: chat.within(5, "sent") | first) as talk:
        await talk.send()
        await talk.process.advance(60)
        assert talk.first.texts == []
        talk.chat.plan.extend([NOT_SENT] * 9)
        await talk.send()
        for _ in range(9):
            await talk.process.advance(1)
        assert talk.first.texts == ["Your code is 1234."]
        assert len(talk.chat.texts) == 1
        assert not (await talk.delivery(1)).may_be_double


async def test_a_way_whose_time_is_over_is_not_tried_any_more(botkit_redis_url: str) -> None:
    async with Talk(botkit_redis_url, a_minute_each) as talk:
        talk.chat.plan.extend([NOT_SENT] * 20)
        await talk.send()
        for _ in range(8):
            await talk.process.advance(8)
        tries = len(talk.chat.attempts)
        await talk.process.advance(100)
        assert len(talk.chat.attempts) == tries
        assert len(talk.first.texts) == 1
        assert await talk.process.store.dead_letters.count() == 0


async def test_the_next_way_does_not_wait_for_what_stands_behind_it_at_home(botkit_redis_url: str) -> None:
    async with Talk(botkit_redis_url, a_minute_each) as talk:
        await talk.send()
        talk.chat.plan.extend([NOT_SENT] * 20)
        await talk.send()
        await talk.process.advance(61)
        assert len(talk.first.texts) == 2


# --- what is not a refusal, and what is ---


async def test_an_unknown_outcome_is_no_refusal(botkit_redis_url: str) -> None:
    async with Talk(botkit_redis_url, refusal_only) as talk:
        talk.chat.max_repeats = 0
        talk.chat.plan.append(UNKNOWN)
        await talk.send()
        await talk.process.advance(3600)
        assert talk.ways == [[], [], []]
        (failed,) = talk.told
        assert isinstance(failed, F)
        assert "its outcome is not known" in failed.reason
        assert await talk.process.store.dead_letters.count() == 1


async def test_after_an_unknown_outcome_the_time_decides(botkit_redis_url: str) -> None:
    async with Talk(botkit_redis_url, a_minute_each) as talk:
        talk.chat.max_repeats = 0
        talk.chat.plan.append(UNKNOWN)
        await talk.send()
        assert (talk.told, talk.first.texts) == ([], [])
        await talk.process.advance(61)
        assert len(talk.first.texts) == 1
        assert (await talk.delivery()).may_be_double


@pytest.mark.parametrize("at_limit", ["failover", "fail"])
async def test_what_a_limit_stops_goes_the_next_way(botkit_redis_url: str, at_limit: Any) -> None:
    async with Talk(botkit_redis_url, refusal_only) as talk:
        talk.chat.sessions = SessionRules(max_in_row=1, at_limit=at_limit)
        await talk.say("send send")
        assert [len(texts) for texts in talk.ways] == [1, 1, 0]
        assert await talk.process.store.dead_letters.count() == 0


async def test_what_is_held_goes_the_next_way_in_time_and_no_longer_this_one(botkit_redis_url: str) -> None:
    async with Talk(botkit_redis_url, a_minute_each) as talk:
        talk.chat.sessions = SessionRules(max_in_row=1, at_limit="hold")
        await talk.say("send send")
        await talk.report(D, talk.chat)
        await talk.process.advance(61)
        assert [len(texts) for texts in talk.ways] == [1, 1, 0]
        await talk.say("here I am")
        assert [len(texts) for texts in talk.ways] == [1, 1, 0]
        assert not (await talk.delivery(1)).may_be_double


async def test_who_left_the_chat_is_reached_the_next_way(botkit_redis_url: str) -> None:
    async with Talk(botkit_redis_url, refusal_only) as talk:
        talk.chat.plan.append(NOT_SENT)
        await talk.send()
        await talk.process.takes(replace(happens(Unsubscribed), conversation=talk.home))
        await talk.process.advance(2)
        assert talk.ways == [[], ["Your code is 1234."], []]


# --- late reports, and what is told ---


async def test_a_late_report_of_a_way_that_was_left_is_kept_and_told_once(botkit_redis_url: str) -> None:
    async with Talk(botkit_redis_url, a_minute_each) as talk:
        await talk.send()
        await talk.process.advance(61)
        await talk.report(D, talk.chat)
        await talk.report(D, talk.first)
        await talk.process.advance(300)
        assert talk.ways[2] == []
        assert talk.steps == [(D, talk.ids[0])]
        delivery = await talk.delivery()
        assert delivery.status is Status.DELIVERED
        assert ["delivered" in hop.times for hop in delivery.hops] == [True, True]
        assert delivery.may_be_double


async def test_a_late_failure_of_a_way_that_was_left_changes_nothing_but_the_doubt(botkit_redis_url: str) -> None:
    async with Talk(botkit_redis_url, a_minute_each) as talk:
        await talk.send()
        await talk.process.advance(61)
        assert (await talk.delivery()).may_be_double
        await talk.report(F, talk.chat)
        assert talk.told == []
        assert talk.ways[2] == []
        assert not (await talk.delivery()).may_be_double


async def test_a_message_that_arrived_after_all_ways_had_failed_is_delivered(botkit_redis_url: str) -> None:
    async with Talk(botkit_redis_url, lambda chat, first, _: chat.within(60) | first) as talk:
        talk.first.plan.append(REFUSED)
        await talk.send()
        await talk.process.advance(61)
        await talk.report(D, talk.chat)
        assert talk.steps == [(F, talk.ids[0]), (D, talk.ids[0])]


async def test_reports_of_any_way_are_told_at_home_each_step_once(botkit_redis_url: str) -> None:
    async with Talk(botkit_redis_url, refusal_only) as talk:
        talk.chat.plan.append(REFUSED)
        await talk.send()
        for kind in (D, D, S, D, S, F):
            await talk.report(kind, talk.first)
        assert talk.steps == [(D, talk.ids[0]), (S, talk.ids[0])]


# --- time to live ---


@pytest.mark.parametrize(("ttl", "ways"), [(60, 1), (100, 2), (0, 3)])
async def test_a_message_goes_no_further_way_when_it_is_worth_nothing_any_more(
    botkit_redis_url: str, ttl: float, ways: int
) -> None:
    text = Text(text="Your code is 1234.", ttl=ttl)
    async with Talk(botkit_redis_url, lambda c, f, s: c.within(50) | f.within(60) | s, message=text) as talk:
        await talk.send()
        for _ in range(20):
            await talk.process.advance(10)
        sent = [len(texts) for texts in talk.ways]
        assert sum(sent) == (2 if ttl == 60 else ways)
        assert talk.steps == ([(MessageExpired, talk.ids[0])] if ttl else [])


@pytest.mark.parametrize("has_receipts", [False, True])
async def test_a_message_with_one_way_expires_as_any_other(botkit_redis_url: str, *, has_receipts: bool) -> None:
    async with Talk(botkit_redis_url, a_minute_each) as talk:
        talk.first.has_receipts = has_receipts  # type: ignore[misc]  # this desk only
        now_ms = round(1000 * talk.process.clock.timestamp())
        message = given("k" * 24, Hop(("desk", "first"), PHONE), now_ms=now_ms)
        await submit(talk.process.store, replace(message, message=Text(text="hello", ttl=60)))
        await talk.process.engine.settle()
        await talk.process.advance(100)
        assert [type(event) for event in talk.elsewhere] == ([MessageExpired] if has_receipts else [])
        talk.elsewhere.clear()


@pytest.mark.parametrize("has_receipts", [False, True])
async def test_what_a_service_took_that_reports_nothing_does_not_expire(
    botkit_redis_url: str, *, has_receipts: bool
) -> None:
    text = Text(text="hello", ttl=60)
    async with Talk(botkit_redis_url, lambda chat, first, _: chat | first, message=text) as talk:
        talk.chat.has_receipts = has_receipts  # type: ignore[misc]  # this desk only
        await talk.send()
        await talk.process.advance(100)
        assert talk.steps == ([(MessageExpired, talk.ids[0])] if has_receipts else [])


async def test_what_a_service_lets_expire_goes_the_next_way_while_it_is_worth_anything(botkit_redis_url: str) -> None:
    async with Talk(botkit_redis_url, refusal_only) as talk:
        await talk.send()
        await talk.report(MessageExpired, talk.chat)
        assert len(talk.first.texts) == 1
        await talk.report(MessageExpired, talk.first)
        await talk.report(MessageExpired, talk.second)
        assert talk.steps == [(MessageExpired, talk.ids[0])]


# --- addresses ---


async def test_a_way_without_an_address_is_noted_and_passed_over(botkit_redis_url: str) -> None:
    class Chat(Desk):
        """Another chat, where nobody knows the person."""

    other = Chat(ta="other")
    async with Talk(botkit_redis_url, lambda chat, first, _: chat | other | first) as talk:
        talk.chat.plan.append(REFUSED)
        await talk.send()
        assert len(talk.first.texts) == 1
        hops = (await talk.delivery()).hops
        assert [sorted(hop.times) for hop in hops] == [["failed"], ["skipped"], ["sent", "taken"]]
        assert hops[1].reason == "nobody knows where to reach the person there"


async def test_a_message_fails_where_nobody_knows_any_other_way(botkit_redis_url: str) -> None:
    async with Talk(botkit_redis_url, refusal_only) as talk:
        talk.chat.plan.append(REFUSED)
        event = says("send", "stranger", ta="chat")
        await talk.process.takes(event)
        await talk.process.engine.settle()
        talk.elsewhere.clear()
        assert talk.ways == [[], [], []]
        found = await talk.process.store.deliveries.load(event.conversation.key, talk.ids[0])
        assert found
        assert found.status is Status.FAILED


# --- straight into an outbox ---


def given(outgoing_key: str, *hops: Hop, notify: str = "", text: str = "hello", now_ms: int = 0) -> Outgoing:
    message = Text(text=text)
    trail = Trail((*hops[0].account, hops[0].to), hops, message, since_ms=now_ms, notify=notify)
    return Outgoing(outgoing_key, hops[0].account, hops[0].to, message, now_ms, trail=trail)


async def test_what_is_submitted_goes_its_ways_once_however_often_it_is_said(botkit_redis_url: str) -> None:
    async with Talk(botkit_redis_url, a_minute_each) as talk:
        now_ms = round(1000 * talk.process.clock.timestamp())
        hops = (Hop(("desk", "first"), PHONE, 60), Hop(("desk", "second"), PHONE))
        message = given("k" * 24, *hops, now_ms=now_ms)
        for _ in range(2):
            assert await submit(talk.process.store, message)
        await talk.process.engine.settle()
        assert talk.ways == [[], ["hello"], []]
        await talk.process.advance(61)
        assert await submit(talk.process.store, message)
        await talk.process.engine.settle()
        assert talk.ways == [[], ["hello"], ["hello"]]


async def test_of_what_does_not_fit_nothing_is_left(botkit_redis_url: str) -> None:
    talk = Talk(botkit_redis_url, a_minute_each, bounds=Bounds(outbox=0))
    async with talk:
        hops = (Hop(("desk", "first"), PHONE, 60), Hop(("desk", "second"), PHONE))
        assert not await submit(talk.process.store, given("k" * 24, *hops))
        assert await talk.process.store.due_timers(10) == ([], None)


# --- attempts that were cut short, and services that can be asked ---


class Knowing(Sms):
    """A desk whose service can be asked: of its attempts `known` tells what became, of its messages `reports`."""

    def __init__(self, *, ta: str) -> None:
        super().__init__(ta=ta)
        self.reports: dict[str, type[Report]] = {}

    async def load_report(self, receipt_id: str, to: Conversation, client: HttpClient) -> Event | None:
        kind = self.reports.get(receipt_id)
        return kind(id="x" * 22, at=datetime.now(UTC), conversation=to, receipt_id=receipt_id) if kind else None


@pytest.mark.parametrize(("told", "is_left"), [(None, True), (D, False), (S, False), (F, True)])
async def test_a_service_is_asked_before_its_way_is_left(
    botkit_redis_url: str, told: type[Report] | None, *, is_left: bool
) -> None:
    desk = Knowing(ta="knowing")
    async with Talk(botkit_redis_url, lambda _, first, __: desk.within(60) | first) as talk:
        talk.chat.plan.append(REFUSED)
        if told:
            desk.reports[f"{PHONE}/1"] = told
        await talk.send()
        assert desk.texts == ["Your code is 1234."]
        await talk.process.advance(61)
        assert bool(talk.first.texts) is is_left
        assert talk.steps == ([] if is_left else [(told, talk.ids[0])])
        assert (await talk.delivery()).may_be_double is (told is None)


# --- ways that one service looks after ---


class Gateway(Sms):
    """A desk that goes on by itself; `requests` has how many ways each request named."""

    def __init__(self, *, ta: str) -> None:
        super().__init__(ta=ta)
        self.requests: list[tuple[Any, ...]] = []

    def joins(self, following: Adapter) -> bool:
        return isinstance(following, Gateway)

    def can_last(self, seconds: float) -> bool:
        return seconds != 61

    def rendered(self, message: AnyMessage) -> Raw:
        return Raw(channel="desk", payload={"text": message.plain, "via": self.ta})

    async def send(self, outgoing: Outgoing, to: Conversation, client: HttpClient) -> Receipt:
        receipt = await super().send(outgoing, to, client)
        trail = outgoing.trail
        assert trail
        self.requests.append(tuple(way.message for way in trail.ways))
        others = tuple(f"{receipt.id}/{number}" for number in range(1, trail.joined))
        return replace(receipt, others=others) if receipt.outcome is Outcome.SENT else receipt


async def reach(talk: Talk, kind: type[Report], desk: Desk, receipt_id: str) -> None:
    conversation = Conversation(desk.account, PHONE)
    native = f"report {next(_native)}"
    event = kind(
        id=event_id(desk.account, native), at=datetime.now(UTC), conversation=conversation, receipt_id=receipt_id
    )
    await talk.process.takes(event)
    await talk.process.engine.settle()


async def test_ways_of_one_gateway_are_one_request_which_is_waited_for_as_long_as_all_of_them(
    botkit_redis_url: str,
) -> None:
    one, two = Gateway(ta="one"), Gateway(ta="two")
    route = lambda chat, first, _: chat | one.within(60) | two.within(60) | first  # noqa: E731
    async with Talk(botkit_redis_url, route) as talk:
        talk.chat.plan.append(REFUSED)
        await talk.send()
        ((shown, also),) = one.requests
        assert (shown.payload["via"], also.payload["via"]) == ("one", "two")
        await reach(talk, F, one, f"{PHONE}/1")
        await talk.process.advance(119)
        assert (two.texts, talk.first.texts) == ([], [])
        await talk.process.advance(2)
        assert talk.first.texts == ["Your code is 1234."]
        hops = (await talk.delivery()).hops
        assert [hop.account.ta for hop in hops] == ["chat", "one", "first"]


@pytest.mark.parametrize(("first", "second"), [(61, 60), (60, 61)])
async def test_a_way_whose_time_the_gateway_cannot_keep_is_a_request_of_its_own(
    botkit_redis_url: str, first: float, second: float
) -> None:
    one, two = Gateway(ta="one"), Gateway(ta="two")
    async with Talk(botkit_redis_url, lambda chat, _, __: chat | one.within(first) | two.within(second)) as talk:
        talk.chat.plan.append(REFUSED)
        await talk.send()
        assert [len(ways) for ways in one.requests] == [1]
        await talk.process.advance(first + 1)
        assert [len(ways) for ways in two.requests] == [1]


async def test_what_the_gateway_brings_by_its_second_way_is_told_and_goes_no_further(botkit_redis_url: str) -> None:
    one, two = Gateway(ta="one"), Gateway(ta="two")
    route = lambda chat, first, _: chat | one.within(60) | two.within(60) | first  # noqa: E731
    async with Talk(botkit_redis_url, route) as talk:
        talk.chat.plan.append(REFUSED)
        await talk.send()
        await reach(talk, F, one, f"{PHONE}/1")
        await reach(talk, D, one, f"{PHONE}/1/1")
        await talk.process.advance(300)
        assert talk.first.texts == []
        assert talk.steps == [(D, talk.ids[0])]
        delivery = await talk.delivery()
        assert [(hop.account.ta, sorted(hop.times)) for hop in delivery.hops][1:] == [
            ("one", ["failed", "sent", "taken"]),
            ("two", ["delivered"]),
        ]
        assert not delivery.may_be_double


async def test_when_the_gateway_s_last_way_fails_the_next_is_taken(botkit_redis_url: str) -> None:
    one, two = Gateway(ta="one"), Gateway(ta="two")
    async with Talk(botkit_redis_url, lambda chat, first, _: chat | one.within(60) | two | first) as talk:
        talk.chat.plan.append(REFUSED)
        await talk.send()
        await reach(talk, F, one, f"{PHONE}/1")
        assert talk.first.texts == []
        await reach(talk, F, one, f"{PHONE}/1/1")
        assert talk.first.texts == ["Your code is 1234."]


async def test_ways_with_different_times_are_no_one_request(botkit_redis_url: str) -> None:
    one, two, three = Gateway(ta="one"), Gateway(ta="two"), Gateway(ta="three")
    route = lambda chat, *_: chat | one.within(60) | two.within(30) | three  # noqa: E731
    async with Talk(botkit_redis_url, route) as talk:
        talk.chat.plan.append(REFUSED)
        await talk.send()
        assert [len(request) for request in one.requests] == [2]
        one.requests.clear()
        await talk.process.advance(91)
        assert [len(request) for request in three.requests] == [1]


# --- who is told outside ---


class Outside(Desk):
    """Where programs are told."""

    channel = "callback"

    def __init__(self) -> None:
        super().__init__(ta="shop")

    @property
    def payloads(self) -> list[dict[str, Any]]:
        return [attempt.message.payload for attempt in self.attempts if isinstance(attempt.message, Raw)]

    @property
    def types(self) -> list[str]:
        return [payload["type"] for payload in self.payloads]


async def test_each_step_is_told_outside_once_and_in_order(botkit_redis_url: str) -> None:
    outside = Outside()
    async with Talk(botkit_redis_url, lambda chat, first, second: chat | outside | first | second) as talk:
        hops = (Hop(("desk", "first"), PHONE, 60), Hop(("desk", "second"), PHONE))
        now_ms = round(1000 * talk.process.clock.timestamp())
        await submit(talk.process.store, given("k" * 24, *hops, notify="shop", now_ms=now_ms))
        await talk.process.engine.settle()
        await talk.process.advance(61)
        for kind in (D, D, S):
            await reach(talk, kind, talk.second, f"{PHONE}/1")
        assert outside.types == [
            "message.sent", "message.failed_over", "message.sent", "message.delivered", "message.seen",
        ]  # fmt: skip
        assert {attempt.to for attempt in outside.attempts} == {"k" * 24}
        data = outside.payloads[3]["data"]
        assert (data["messageId"], data["status"], data["mayBeDouble"]) == ("k" * 24, "delivered", True)
        assert data["account"] == {"channel": "desk", "trafficAccountId": "second"}
        assert [way["account"]["trafficAccountId"] for way in data["ways"]] == ["first", "second"]
        talk.elsewhere.clear()


async def test_of_a_message_with_one_way_each_step_is_told_outside_as_well(botkit_redis_url: str) -> None:
    outside = Outside()
    async with Talk(botkit_redis_url, lambda chat, first, second: chat | outside | first | second) as talk:
        now_ms = round(1000 * talk.process.clock.timestamp())
        talk.second.plan.append(REFUSED)
        for key, ta in (("k" * 24, "first"), ("l" * 24, "second")):
            await submit(talk.process.store, given(key, Hop(("desk", ta), PHONE), notify="shop", now_ms=now_ms))
        await talk.process.engine.settle()
        await reach(talk, D, talk.first, f"{PHONE}/1")
        told = [(attempt.to[0], kind) for attempt, kind in zip(outside.attempts, outside.types, strict=True)]
        assert sorted(told) == [("k", "message.delivered"), ("k", "message.sent"), ("l", "message.failed")]
        assert outside.payloads[-1]["data"]["ways"][0]["reason"] in ("", REFUSED.reason)
        talk.elsewhere.clear()


# --- where it goes, and from where ---


async def test_of_a_message_sent_elsewhere_everything_is_heard_where_it_was_decided(botkit_redis_url: str) -> None:
    async with Talk(botkit_redis_url, a_minute_each) as talk:
        await talk.say(f"tell {Conversation(talk.first.account, OTHER).address}")
        await talk.process.advance(61)
        assert (talk.first.shown, talk.second.shown) == ([(OTHER, "hello")], [(OTHER, "hello")])
        await talk.report(D, talk.second)
        await talk.report(D, talk.first)
        assert talk.steps == [(D, talk.ids[0])]


async def test_a_message_to_somebody_else_never_goes_to_the_number_of_who_asked_for_it(botkit_redis_url: str) -> None:
    async with Talk(botkit_redis_url, a_minute_each) as talk:
        await talk.say(f"tell {where('stranger', ta='chat').address}")
        await talk.process.advance(61)
        assert talk.chat.shown == [("stranger", "hello")]
        assert (talk.first.shown, talk.second.shown) == ([], [])
        assert talk.steps == [(F, talk.ids[0])]


async def test_what_is_split_for_a_way_is_heard_of_as_one_message(botkit_redis_url: str) -> None:
    class Short(Sms):
        """Takes forty characters."""

        capabilities = Capabilities(text=Bound(40))

    short = Short(ta="short")
    text = Text(text="One sentence is here. " * 3, buttons=rows([Button("Yes", "y"), Button("No", "n")]))
    async with Talk(botkit_redis_url, lambda chat, *_: chat | short, message=text) as talk:
        talk.chat.plan.append(REFUSED)
        await talk.send()
        assert len(short.texts) > 1
        assert short.texts[-1].endswith("1. Yes\n2. No")
        for number in range(1, len(short.texts) + 1):
            await talk.report(D, short, number)
        assert talk.steps == [(D, talk.ids[0])]
        assert len((await talk.delivery()).hops) == 2


async def test_a_choice_of_the_next_way_is_pressed_there_by_its_number(botkit_redis_url: str) -> None:
    class Plain(Sms):
        """Shows text alone."""

        capabilities = Capabilities(text=Bound(400))

    plain = Plain(ta="plain")
    text = Text(text="When?", buttons=rows([Button("Today", "1"), Button("Friday", "5")]))
    async with Talk(botkit_redis_url, lambda chat, *_: chat | plain, message=text) as talk:
        talk.chat.plan.append(REFUSED)
        await talk.send()
        await talk.process.takes(says("2", PHONE, ta="plain"))
        await talk.process.engine.settle()
        assert talk.pressed == [("plain", "5")]


async def test_a_way_that_takes_no_more_messages_is_a_refusal(botkit_redis_url: str) -> None:
    async with Talk(botkit_redis_url, refusal_only, bounds=Bounds(outbox=1)) as talk:
        talk.chat.plan.append(REFUSED)
        talk.first.is_open.clear()
        full = Conversation(talk.first.account, PHONE)
        now_ms = round(1000 * talk.process.clock.timestamp())
        waiting = given("w" * 24, Hop(("desk", "first"), PHONE), now_ms=now_ms)
        await talk.process.store.enqueue(full.key, waiting.key, encode(waiting))
        await talk.process.takes(says("send", ta="chat"))
        while not talk.second.texts:
            await talk.process.engine.work_once()
            await talk.process.store.ping()
        talk.first.is_open.set()
        await talk.process.engine.settle()
        hops = (await talk.delivery()).hops
        assert hops[1].reason == "the other conversation's outbox is full"
        talk.elsewhere.clear()


async def test_what_a_way_tells_waits_while_home_has_too_much_mail(botkit_redis_url: str) -> None:
    async with Talk(botkit_redis_url, refusal_only, bounds=Bounds(mailbox=2)) as talk:
        talk.chat.plan.append(REFUSED)
        await talk.send()
        key, store = talk.home.key, talk.process.store
        held = await store.ingest(key, "h" * 22, encode_event(says("x", ta="chat")), token="mine.0", window=60)
        assert isinstance(held, Mine)
        await store.ingest(key, "i" * 22, encode_event(says("y", ta="chat")), token="", window=60)
        await talk.report(D, talk.first)
        assert talk.told == []
        await store.commit(held.turn, Commit(b"", ()), keep=False, send=False)
        await talk.process.advance(2)
        assert talk.steps == [(D, talk.ids[0])]


async def test_a_refusal_waits_while_home_has_too_much_mail_and_then_the_next_way_is_taken(
    botkit_redis_url: str,
) -> None:
    async with Talk(botkit_redis_url, refusal_only, bounds=Bounds(mailbox=2)) as talk:
        talk.chat.plan.append(REFUSED)
        talk.first.plan.extend([REFUSED] * 9)
        talk.first.is_open.clear()
        await talk.process.takes(says("send", ta="chat"))
        while not talk.first.attempts:
            await talk.process.engine.work_once()
            await talk.process.store.ping()
        key, store = talk.home.key, talk.process.store
        held = await store.ingest(key, "h" * 22, encode_event(says("x", ta="chat")), token="mine.0", window=60)
        assert isinstance(held, Mine)
        await store.ingest(key, "i" * 22, encode_event(says("y", ta="chat")), token="", window=60)
        talk.first.is_open.set()
        await talk.process.engine.settle()
        assert talk.second.texts == []
        await store.commit(held.turn, Commit(b"", ()), keep=False, send=False)
        await talk.process.advance(2)
        assert talk.ways == [[], [], ["Your code is 1234."]]


async def test_a_report_that_overtakes_the_answer_of_a_way_counts(botkit_redis_url: str) -> None:
    async with Talk(botkit_redis_url, refusal_only) as talk:
        talk.chat.plan.append(REFUSED)
        talk.first.is_open.clear()
        await talk.process.takes(says("send", ta="chat"))
        while not talk.first.attempts:
            await talk.process.engine.work_once()
            await talk.process.store.ping()
        early = D(
            id="e" * 22,
            at=datetime.now(UTC),
            conversation=Conversation(talk.first.account, PHONE),
            receipt_id=f"{PHONE}/1",
        )
        await talk.process.takes(early)
        (mailbox,) = talk.process.store.keys.of(early.conversation.key, "m")
        while await talk.process.store.call("EXISTS", mailbox):
            await talk.process.engine.work_once()
        talk.first.is_open.set()
        await talk.process.engine.settle()
        assert talk.steps == [(D, talk.ids[0])]
        assert list((await talk.delivery()).hops[1].times) == ["taken", "sent", "delivered"]


async def test_a_message_with_one_way_costs_no_trip_and_no_event_more(botkit_redis_url: str) -> None:
    async with Talk(botkit_redis_url, a_minute_each) as talk:
        now_ms = round(1000 * talk.process.clock.timestamp())
        await submit(talk.process.store, given("k" * 24, Hop(("desk", "first"), PHONE), now_ms=now_ms))
        await talk.process.engine.settle()
        assert talk.first.texts == ["hello"]
        home = Conversation(talk.first.account, PHONE).key
        assert (await talk.process.store.load(home)).version == 0
        found = await talk.process.store.deliveries.load(home, "k" * 24)
        assert found
        assert found.status is Status.SENT
