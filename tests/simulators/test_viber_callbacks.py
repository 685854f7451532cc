import asyncio
import json
from typing import Literal

import httpx
import pytest

from botkit.events import MessageReceived
from botkit.simulators.viber import ViberSimulator
from botkit.webhook import WebhookRequest
from tests.simulators import viber_rig
from tests.simulators.viber_rig import ANA, HEADER, WEBHOOK, Rig

new, rig = viber_rig.new, viber_rig.rig


async def test_a_message_is_told_as_viber_tells_it(rig: Rig) -> None:
    await rig.simulator.says("demo", ANA, "good day")
    (told,) = rig.bot.told
    user = rig.simulator.conversation_id("demo", ANA)
    assert len(user) == 24
    assert abs(told.pop("timestamp") - rig.clock.timestamp() * 1000) < 60_000
    assert told.pop("message_token") > 10**18
    assert told["sender"].pop("avatar").startswith("https://")
    assert told == {
        "event": "message",
        "chat_hostname": "SN-CHAT-05_",
        "sender": {"id": user, "name": "Ana", "country": "UA", "language": "uk-UA", "api_version": 10},
        "message": {"type": "text", "text": "good day"},
        "silent": False,
    }


async def test_names_and_pictures_come_only_where_they_were_asked_for(new: Rig) -> None:
    await new.asks("set_webhook", {"url": WEBHOOK})
    await new.simulator.says("demo", ANA, "hi")
    assert set(new.bot.told[-1]["sender"]) == {"id", "country", "language", "api_version"}


@pytest.mark.parametrize(
    ("signatures", "in_header", "in_query", "is_genuine"),
    [
        ("both", True, True, True),
        ("header", True, False, True),
        ("query", False, True, True),
        ("none", False, False, False),
        ("wrong", True, True, False),
    ],
)
async def test_callbacks_are_signed_as_set(
    rig: Rig,
    signatures: Literal["both", "header", "query", "none", "wrong"],
    in_header: bool,
    in_query: bool,
    is_genuine: bool,
) -> None:
    rig.simulator.signatures = signatures
    await rig.simulator.says("demo", ANA, "šž 🙂")
    (request,) = rig.bot.requests
    assert (HEADER in request.headers, "sig" in request.url.params) == (in_header, in_query)
    assert request.url.params["ta"] == "demo"
    callback = WebhookRequest(dict(request.headers), dict(request.url.params), request.content)
    assert rig.adapter.verify(callback) is is_genuine


async def test_every_kind_of_message_is_read_by_the_adapter(rig: Rig) -> None:
    await rig.simulator.sends_photo("demo", ANA, "my cat")
    await rig.simulator.sends_file("demo", ANA, "cv.pdf")
    await rig.simulator.sends_location("demo", ANA, 46.05, 14.5)
    await rig.simulator.sends(
        "demo", ANA, {"type": "sticker", "sticker_id": 40126, "media": "https://dl.example/s.png"}
    )
    parsed = [rig.adapter.parse(WebhookRequest({}, {}, request.content))[0] for request in rig.bot.requests]
    events = [event for event in parsed if isinstance(event, MessageReceived)]
    assert events == parsed
    assert [event.media.kind for event in events if event.media] == ["image", "file", "sticker"]
    assert events[0].text == "my cat"
    assert events[1].media
    assert events[1].media.name == "cv.pdf"
    assert events[2].location
    assert (events[2].location.latitude, events[2].location.longitude) == (46.05, 14.5)
    assert rig.sees()[1:] == ["my cat", "cv.pdf", "46.05, 14.5", ""]


async def test_events_that_viber_does_not_have_can_be_sent(rig: Rig) -> None:
    await rig.simulator.emits("demo", ANA, "hologram", {"user_id": "x"})
    assert rig.bot.events == ["hologram"]


async def test_tokens_have_19_digits_and_only_rise(rig: Rig) -> None:
    tokens = [(await rig.sends())["message_token"] for _ in range(20)]
    assert all(len(str(token)) == 19 and token > 2**53 and token < 2**63 for token in tokens)
    assert tokens == sorted(set(tokens))


async def test_tokens_after_a_restart_are_later_even_if_the_state_was_lost(rig: Rig) -> None:
    before = (await rig.sends())["message_token"]
    rig.clock.advance(seconds=1)
    assert ViberSimulator(rig.clock).next_token() > before


@pytest.mark.parametrize("status", [201, 302, 403, 500, 503])
async def test_what_is_not_answered_with_200_comes_again_unchanged(rig: Rig, status: int) -> None:
    rig.bot.status = status
    await rig.simulator.says("demo", ANA, "hi")
    rig.bot.status = 200
    rig.clock.advance(seconds=10)
    assert await rig.simulator.redeliver() == 1
    first, second = rig.bot.requests
    assert first.content == second.content
    assert first.headers[HEADER] == second.headers[HEADER]
    rig.clock.advance(hours=1)
    assert await rig.simulator.redeliver() == 0


async def test_repeats_come_after_10_60_300_600_and_then_every_900_seconds_ten_times(rig: Rig) -> None:
    rig.bot.status = 500
    await rig.simulator.says("demo", ANA, "hi")
    for pause in (10, 60, 300, 600, 900, 900, 900, 900, 900, 900):
        rig.clock.advance(seconds=pause - 1)
        assert await rig.simulator.redeliver() == 0
        rig.clock.advance(seconds=1)
        assert await rig.simulator.redeliver() == 1
    rig.clock.advance(days=1)
    assert await rig.simulator.redeliver() == 0
    assert len(rig.bot.requests) == 11


async def test_a_callback_that_fails_does_not_hold_up_the_next(rig: Rig) -> None:
    rig.bot.status = 500
    await rig.simulator.says("demo", ANA, "one")
    rig.bot.status = 200
    await rig.simulator.says("demo", ANA, "two")
    assert [told["message"]["text"] for told in rig.bot.told] == ["one", "two"]


async def test_a_callback_under_way_is_not_posted_again_meanwhile(rig: Rig) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow(request: httpx.Request) -> httpx.Response:
        entered.set()
        await leave.wait()
        return httpx.Response(200)

    rig.simulator.http = httpx.AsyncClient(transport=httpx.MockTransport(slow))
    saying = asyncio.create_task(rig.simulator.says("demo", ANA, "hi"))
    await entered.wait()
    assert await rig.simulator.redeliver() == 0
    leave.set()
    await saying
    assert len(rig.simulator.wire.deliveries("message")) == 2


# --- how they are written and repeated


async def test_callbacks_may_be_written_oddly_and_mean_the_same(rig: Rig) -> None:
    await rig.simulator.says("demo", ANA, "šž 🙂")
    rig.simulator.spelling = "odd"
    await rig.simulator.says("demo", ANA, "šž 🙂")
    plain, odd = rig.bot.requests
    assert ("šž 🙂".encode() in plain.content, b"\\u0161" in odd.content) == (True, True)
    assert (b" : " in odd.content, list(json.loads(odd.content))) == (True, list(reversed(json.loads(plain.content))))
    changed = ("timestamp", "message_token")
    first, second = ({k: v for k, v in told.items() if k not in changed} for told in rig.bot.told)
    assert first == second
    assert rig.adapter.verify(WebhookRequest(dict(odd.headers), {}, odd.content))


async def test_the_pauses_between_repeats_can_be_others(rig: Rig) -> None:
    rig.simulator.pauses, rig.bot.status = (1, 2), 500
    await rig.simulator.says("demo", ANA, "hi")
    for seconds in (1, 2, 3600):
        rig.clock.advance(seconds=seconds)
        await rig.simulator.redeliver()
    assert len(rig.bot.requests) == 3


class Slow:
    """A webhook that answers its first request only after the second one; `statuses` are in the order of answers."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.bodies: list[bytes] = []
        self.leave = asyncio.Event()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(request.content)
        if len(self.bodies) == 1:
            await self.leave.wait()
        else:
            self.leave.set()
        return httpx.Response(self.statuses.pop(0))


async def test_a_callback_may_come_again_while_the_first_still_runs(rig: Rig) -> None:
    slow = Slow(200, 200)
    rig.simulator.http = httpx.AsyncClient(transport=httpx.MockTransport(slow))
    rig.simulator.repeats_early, rig.simulator.answer_seconds = True, 0.02
    await rig.simulator.says("demo", ANA, "hi")
    assert slow.bodies[0] == slow.bodies[1]
    assert await rig.simulator.redeliver() == 0


@pytest.mark.parametrize(("statuses", "repeats"), [((200, 500), 0), ((500, 200), 0), ((500, 500), 1)])
async def test_of_two_answers_one_200_is_enough(rig: Rig, statuses: tuple[int, int], repeats: int) -> None:
    slow = Slow(*statuses, 200)
    rig.simulator.http = httpx.AsyncClient(transport=httpx.MockTransport(slow))
    rig.simulator.repeats_early, rig.simulator.answer_seconds = True, 0.02
    await rig.simulator.says("demo", ANA, "hi")
    rig.clock.advance(seconds=10)
    assert await rig.simulator.redeliver() == repeats


async def test_what_is_answered_in_time_does_not_come_early(rig: Rig) -> None:
    rig.simulator.repeats_early = True
    await rig.simulator.says("demo", ANA, "hi")
    assert len(rig.bot.requests) == 1


async def test_a_webhook_that_takes_too_long_has_not_answered(rig: Rig) -> None:
    slow = Slow(200, 200)
    rig.simulator.http = httpx.AsyncClient(transport=httpx.MockTransport(slow))
    rig.simulator.answer_seconds = 0.01
    await rig.simulator.says("demo", ANA, "hi")
    assert (await rig.registers())["status"] == 0
    rig.clock.advance(seconds=10)
    assert await rig.simulator.redeliver() == 1


async def test_a_slow_address_is_no_webhook(new: Rig) -> None:
    new.simulator.http = httpx.AsyncClient(transport=httpx.MockTransport(Slow(200)))
    new.simulator.answer_seconds = 0.01
    assert (await new.registers())["status"] == 1


async def test_the_fields_of_an_emitted_callback_win(rig: Rig) -> None:
    await rig.simulator.emits("demo", ANA, "action", {"message_token": 7, "timestamp": 1, "chat_hostname": "X"})
    assert rig.bot.told == [{"event": "action", "timestamp": 1, "chat_hostname": "X", "message_token": 7}]
