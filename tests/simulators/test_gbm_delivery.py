from collections.abc import AsyncIterator, Callable

import httpx
import msgspec
import pytest

from botkit.channels.gbm import BusinessMessages
from botkit.clock import Clock
from botkit.events import MessageDelivered, MessageSeen
from botkit.messages import Text
from botkit.simulators.gbm import BusinessMessagesSimulator
from tests.simulators.gbm_rig import ANA, Rig, open_rig

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
