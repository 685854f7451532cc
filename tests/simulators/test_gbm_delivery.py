import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import get_args

import httpx
import msgspec
import pytest

from botkit.bot import Bot
from botkit.buttons import Button, Link
from botkit.channels.gbm import BusinessMessages
from botkit.clock import Clock
from botkit.context import Context
from botkit.events import (
    AgentRequested,
    ButtonPressed,
    Event,
    MessageDelivered,
    MessageReceived,
    MessageSeen,
    TypingStarted,
    TypingStopped,
    UnknownEvent,
)
from botkit.flow import Flow
from botkit.messages import Text
from botkit.router import Router
from botkit.simulators.gbm import BusinessMessagesSimulator
from botkit.simulators.gbm_delivery import SLOW, Signer
from botkit.simulators.gbm_payloads import Oddity
from botkit.testing import BotTester
from tests.simulators.gbm_rig import ANA, TEXT, Rig, open_rig

Answer = Callable[[bytes, bool], tuple[int, bytes]]


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with open_rig() as rig:
        yield rig


async def test_receipts_are_told_with_the_next_delivery_in_order(rig: Rig) -> None:
    receipt = await rig.say(Text(text="hi"))
    assert rig.posts == []
    await rig.simulator.says("demo", ANA, "thanks")
    delivered, seen, thanks = rig.events()
    assert isinstance(delivered, MessageDelivered)
    assert isinstance(seen, MessageSeen)
    assert delivered.receipt_id == seen.receipt_id == receipt.id
    assert thanks.text == "thanks"


async def test_receipts_can_be_fetched_by_redelivery_or_switched_off(rig: Rig) -> None:
    await rig.say(Text(text="hi"))
    assert await rig.simulator.redeliver() == 2
    assert await rig.simulator.redeliver() == 0
    rig.simulator.receipts = False
    await rig.say(Text(text="hi"))
    assert await rig.simulator.redeliver() == 0


@pytest.mark.parametrize("failure", [500, 503, 302, 204, 404, httpx.ConnectError("down"), httpx.ReadTimeout("slow")])
async def test_anything_but_200_is_repeated_with_the_same_bytes(rig: Rig, failure: int | Exception) -> None:
    rig.answers.append(failure)
    await rig.simulator.says("demo", ANA, "hello")
    assert await rig.simulator.redeliver() == 0
    rig.clock.advance(seconds=1)
    assert await rig.simulator.redeliver() == 1
    first, second = rig.posts
    assert first.body == second.body
    assert await rig.simulator.redeliver() == 0


async def test_pauses_double_up_to_ten_minutes(rig: Rig) -> None:
    rig.answers.extend([503] * 13)
    await rig.simulator.says("demo", ANA, "hello")
    for pause in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600):
        rig.clock.advance(seconds=pause - 0.5)
        assert await rig.simulator.redeliver() == 0
        rig.clock.advance(seconds=0.5)
        assert await rig.simulator.redeliver() == 1


async def test_a_delivery_is_given_up_after_seven_days(rig: Rig) -> None:
    rig.answers.extend([503] * 2)
    await rig.simulator.says("demo", ANA, "hello")
    rig.clock.advance(days=7, seconds=-1)
    assert await rig.simulator.redeliver() == 1
    rig.clock.advance(minutes=11)
    assert await rig.simulator.redeliver() == 0
    assert len(rig.posts) == 2


async def test_an_agents_queue_keeps_its_order_and_holds_up_nobody_else(rig: Rig) -> None:
    other = BusinessMessages(ta="other").simulated("http://gbm.test")
    rig.simulator.add_account(other)
    rig.answers.append(503)
    await rig.simulator.says("demo", ANA, "one")
    await rig.simulator.says("demo", ANA, "two")
    await rig.simulator.says("other", ANA, "elsewhere")
    assert [post.query["ta"] for post in rig.posts] == ["demo", "other"]
    rig.posts.clear()
    rig.clock.advance(seconds=1)
    assert await rig.simulator.redeliver() == 2
    assert rig.texts() == ["one", "two"]


async def test_the_webhooks_address_can_be_set(rig: Rig) -> None:
    rig.simulator.webhooks["demo"] = "http://elsewhere.test/callback/"
    await rig.simulator.says("demo", ANA, "hello")
    assert rig.posts[0].query == {}


@pytest.mark.parametrize(
    ("answer", "passes"),
    [
        (lambda secret, is_right: (200, secret) if is_right else (403, b""), True),
        (lambda secret, is_right: (200, secret), False),
        (lambda secret, is_right: (200, secret + b"\n"), False),
        (lambda secret, is_right: (201, secret) if is_right else (403, b""), False),
        (lambda secret, is_right: (403, b""), False),
    ],
)
async def test_the_address_check_wants_the_secret_for_the_right_token_only(answer: Answer, passes: bool) -> None:
    account = BusinessMessages(ta="demo").simulated("http://gbm.test")

    def webhook(inbound: httpx.Request) -> httpx.Response:
        body = msgspec.json.decode(inbound.content)
        status, content = answer(body["secret"].encode(), body["clientToken"] == account.client_token.reveal())
        return httpx.Response(status, content=content)

    simulator = BusinessMessagesSimulator(Clock(), httpx.MockTransport(webhook))
    simulator.add_account(account)
    assert await simulator.verifies("demo") is passes
    await simulator.close()


# --- who signs


@pytest.mark.parametrize(
    ("signer", "is_genuine"), [("partner key", True), ("client token", True), ("wrong key", False), ("nobody", False)]
)
async def test_payloads_are_signed_by_whom_the_test_says(rig: Rig, signer: Signer, is_genuine: bool) -> None:
    rig.simulator.signed_by = signer
    await rig.simulator.says("demo", ANA, "hello")
    assert rig.adapter.verify(rig.posts[0]) is is_genuine


async def test_each_kind_of_key_gives_another_signature(rig: Rig) -> None:
    signers: list[Signer] = ["partner key", "client token", "wrong key"]
    for signer in signers:
        assert await rig.simulator.posts("demo", b"{}", signed_by=signer) == 200
    assert len({post.headers["x-goog-signature"] for post in rig.posts}) == 3


async def test_any_bytes_can_be_posted_once(rig: Rig) -> None:
    rig.answers.extend([403, httpx.ConnectError("down")])
    assert await rig.simulator.posts("demo", b"\xff{") == 403
    assert await rig.simulator.posts("demo", b"\xff{") == 0
    assert await rig.simulator.redeliver() == 0
    assert rig.posts[0].body == b"\xff{"


async def test_the_newest_payload_is_repeated_as_it_was(rig: Rig) -> None:
    with pytest.raises(LookupError, match="'nobody'"):
        await rig.simulator.repeats("nobody", 1)
    await rig.simulator.says("demo", ANA, "one")
    await rig.simulator.says("demo", ANA, "two")
    rig.answers.extend([200, 503, 200])
    assert await rig.simulator.repeats("demo", 3) == [200, 503, 200]
    assert len({post.body for post in rig.posts[1:]}) == 1
    assert rig.texts() == ["one", "two", "two", "two", "two"]


# --- oddities


async def test_odd_payloads_are_genuine_and_say_the_same(rig: Rig) -> None:
    oddities: list[Oddity] = ["no_request_id", "unknown_members", "wrapped", "escaped"]
    for number in range(len(oddities) + 1):
        rig.simulator.oddities = set(oddities[:number])
        await rig.simulator.says("demo", ANA, f"haček {number}")
    assert rig.texts() == [f"haček {number}" for number in range(5)]


async def test_receipts_may_come_in_one_batch(rig: Rig) -> None:
    rig.simulator.oddities = {"batched_receipts"}
    await rig.post(TEXT)
    await rig.post(TEXT | {"messageId": "n"})
    assert await rig.simulator.redeliver() == 1
    assert [(type(event), event.receipt_id) for event in rig.events()] == [
        (MessageDelivered, "m"),
        (MessageSeen, "m"),
        (MessageDelivered, "n"),
        (MessageSeen, "n"),
    ]


async def test_receipts_may_come_twice(rig: Rig) -> None:
    rig.simulator.oddities = {"doubled_receipts"}
    await rig.post(TEXT)
    assert await rig.simulator.redeliver() == 4
    delivered, again, seen, seen_again = rig.events()
    assert delivered.id == again.id != seen.id == seen_again.id


async def test_receipts_may_come_before_the_call_has_returned(rig: Rig) -> None:
    rig.simulator.oddities = {"early_receipts"}
    rig.answers.append(503)
    await rig.post(TEXT)
    assert [type(event) for event in rig.events()] == [MessageDelivered, MessageSeen]
    rig.clock.advance(seconds=1)
    assert await rig.simulator.redeliver() == 1
    assert [type(event) for event in rig.events()] == [MessageDelivered]


async def test_early_receipts_do_not_wait_for_a_delivery_that_is_under_way(rig: Rig) -> None:
    rig.simulator.oddities = {"early_receipts"}
    seen: list[int] = []

    async def webhook(_: httpx.Request) -> httpx.Response:
        # A bot that answers inside the webhook: its call must not wait for the delivery that it is part of.
        if not seen:
            seen.append(0)
            seen[0] = (await rig.post(TEXT)).status_code
        return httpx.Response(200)

    rig.simulator.http = httpx.AsyncClient(transport=httpx.MockTransport(webhook))
    async with asyncio.timeout(5):
        await rig.simulator.says("demo", ANA, "hello")
    assert seen == [200]


async def test_every_second_payload_may_be_dated_before_the_one_in_front_of_it(rig: Rig) -> None:
    rig.simulator.oddities = {"wandering_times"}
    for text in ("one", "two", "three"):
        await rig.simulator.says("demo", ANA, text)
    one, two, three = [event.at for event in rig.events()]
    assert sorted([one, two, three]) != [one, two, three]


async def test_a_queue_may_be_delivered_newest_first(rig: Rig) -> None:
    rig.answers.append(503)
    await rig.simulator.says("demo", ANA, "one")
    await rig.simulator.says("demo", ANA, "two")
    rig.posts.clear()
    rig.simulator.oddities = {"newest_first"}
    rig.clock.advance(seconds=1)
    assert await rig.simulator.redeliver() == 2
    assert rig.texts() == ["two", "one"]


@pytest.mark.parametrize(("seconds", "is_slow"), [(SLOW - 0.5, False), (SLOW + 0.5, True)])
async def test_a_slow_webhook_is_remarked_on(rig: Rig, seconds: float, is_slow: bool) -> None:
    def webhook(_: httpx.Request) -> httpx.Response:
        rig.clock.advance(seconds=seconds)
        return httpx.Response(200)

    rig.simulator.http = httpx.AsyncClient(transport=httpx.MockTransport(webhook))
    await rig.simulator.says("demo", ANA, "hello")
    told = [(remark.kind, remark.conversation, remark.detail) for remark in rig.simulator.remarks]
    assert told == ([("slow_webhook", rig.talk, "message")] if is_slow else [])


# --- the real receiver and a bot behind it


class Talk:
    """Ana talks to a bot that counts what it hears."""

    def __init__(self, tester: BotTester, heard: list[Event]) -> None:
        self.tester = tester
        self.heard = heard
        self.ana = tester.user("Ana", channel="gbm")
        simulator = tester.simulator("gbm")
        assert isinstance(simulator, BusinessMessagesSimulator)
        self.gbm = simulator

    def statuses(self) -> set[int]:
        return {exchange.status for exchange in self.gbm.wire.deliveries()}


@pytest.fixture
async def talk(botkit_redis_url: str, tmp_path: Path) -> AsyncIterator[Talk]:
    router, heard = Router(), list[Event]()

    @router.on(Event)
    async def hear(event: Event, ctx: Context[Flow]) -> None:
        heard.append(event)
        if isinstance(event, MessageReceived):
            ctx.reply("Sure?", buttons=[Button("Yes", "yes"), Link("Site", "https://shop.example/")])

    bot = Bot("counter", routers=[router], accounts=[BusinessMessages.from_env("DEMO", {})])
    async with BotTester([bot], botkit_redis_url, folder=tmp_path) as tester:
        yield Talk(tester, heard)


@pytest.mark.parametrize("oddity", [None, *get_args(Oddity)])
async def test_in_every_odd_form_all_that_a_person_does_is_taken_and_heard_once(
    talk: Talk, oddity: Oddity | None
) -> None:
    talk.gbm.oddities = {oddity} if oddity else set()
    ta, ana = talk.ana.account.ta, talk.ana.person
    await talk.ana.says("haček")
    await talk.ana.taps("Yes")
    await talk.gbm.types(ta, ana)
    await talk.gbm.stops_typing(ta, ana)
    await talk.gbm.asks_for_agent(ta, ana)
    await talk.gbm.emits(ta, ana, somethingNew={"deep": [1]})
    await talk.ana.says("https://shop.example/cat.jpg")
    await talk.ana.sends_photo()
    assert talk.statuses() == {200}
    acts = [event for event in talk.heard if not isinstance(event, MessageDelivered | MessageSeen)]
    assert [type(event) for event in acts] == [
        *(MessageReceived, ButtonPressed, TypingStarted, TypingStopped, AgentRequested, UnknownEvent),
        *(MessageReceived, MessageReceived),
    ]
    assert [bool(event.media) for event in acts if isinstance(event, MessageReceived)] == [False, False, True]
    steps = [type(event) for event in talk.heard if isinstance(event, MessageDelivered | MessageSeen)]
    assert steps.count(MessageSeen) == 3
    # What was seen is known to be delivered: told later, it is no news.
    is_overtaken = oddity in ("newest_first", "early_receipts")
    assert steps.count(MessageDelivered) == (0 if is_overtaken else 3)


async def test_a_payload_that_comes_many_times_at_once_is_handled_once(talk: Talk) -> None:
    await talk.ana.says("hello")
    assert await talk.gbm.repeats(talk.ana.account.ta, 20) == [200] * 20
    await talk.tester.settle()
    assert len([event for event in talk.heard if isinstance(event, MessageReceived)]) == 1
    assert len(talk.ana.received) == 1


async def test_the_receiver_takes_either_kind_of_key_and_no_other(talk: Talk) -> None:
    ta = talk.ana.account.ta
    signers: list[Signer] = ["partner key", "client token", "wrong key", "nobody"]
    await talk.ana.says("hello")
    body = talk.gbm.wire.deliveries("message")[-1].request
    assert [await talk.gbm.posts(ta, body, signed_by=signer) for signer in signers] == [200, 200, 403, 403]


async def test_the_receiver_passes_the_consoles_check(talk: Talk) -> None:
    assert await talk.gbm.verifies(talk.ana.account.ta)


async def test_the_receiver_answers_in_time(talk: Talk) -> None:
    await talk.ana.says("hello")
    assert talk.gbm.remarks == []
