import json
from collections.abc import Sequence
from typing import Literal

import httpx
import pytest

from botkit.buttons import Button, Link
from botkit.events import ConversationStarted
from botkit.messages import Text
from botkit.webhook import WebhookRequest
from tests.simulators import viber_rig
from tests.simulators.viber_rig import ANA, BORIS, WELCOME, Json, Rig, keyboard

new, rig = viber_rig.new, viber_rig.rig


# --- the welcome


async def test_opening_the_chat_tells_the_context_and_that_nobody_is_subscribed(new: Rig) -> None:
    await new.registers()
    await new.simulator.opens("demo", ANA, "promo 7")
    told = new.bot.told[-1]
    assert (told["event"], told["type"], told["context"], told["subscribed"]) == (
        "conversation_started",
        "open",
        "promo 7",
        False,
    )
    (event,) = new.adapter.parse(WebhookRequest({}, {}, new.bot.requests[-1].content))
    assert isinstance(event, ConversationStarted)
    assert event.context == "promo 7"


async def test_without_a_deep_link_there_is_no_context_and_later_the_person_is_subscribed(rig: Rig) -> None:
    await rig.simulator.opens("demo", ANA)
    assert "context" not in rig.bot.told[-1]
    assert rig.bot.told[-1]["subscribed"] is True


async def test_the_answer_to_an_opened_chat_is_shown_as_the_welcome(new: Rig) -> None:
    await new.registers()
    new.bot.body = json.dumps(WELCOME).encode()
    await new.simulator.opens("demo", ANA)
    (bubble,) = new.simulator.screen("demo", ANA)
    assert (bubble.side, bubble.kind, bubble.text) == ("bot", "text", "Hi!")
    assert bubble.choices[0][0].label == "X"
    await new.simulator.taps("demo", ANA, "X")
    assert new.bot.told[-1]["message"] == {"type": "text", "text": "x", "tracking_data": "w"}


async def test_an_adapters_welcome_is_taken(new: Rig) -> None:
    await new.registers()
    new.bot.body = new.adapter.render_answer(
        Text(text="Hi!", buttons=((Button("Go", "go"), Link("A", "https://a.test")),))
    )
    await new.simulator.opens("demo", ANA)
    assert new.simulator.refused_welcomes == []
    assert new.sees() == ["Hi!"]


@pytest.mark.parametrize(
    "answer",
    [
        json.dumps(WELCOME | {"receiver": "x"}),
        json.dumps(WELCOME | {"sender": {}}),
        json.dumps(WELCOME | {"text": "x" * 7001}),
        json.dumps([WELCOME]),
        "ok",
    ],
)
async def test_an_answer_that_is_no_welcome_is_not_shown_but_told(new: Rig, answer: str) -> None:
    await new.registers()
    new.bot.body = answer.encode()
    await new.simulator.opens("demo", ANA)
    assert new.sees() == []
    assert len(new.simulator.refused_welcomes) == 1


async def test_no_answer_is_no_welcome(new: Rig) -> None:
    await new.registers()
    await new.simulator.opens("demo", ANA)
    assert (new.sees(), new.simulator.refused_welcomes) == ([], [])


async def test_the_answer_to_a_repeat_is_the_welcome_when_the_first_answer_was_lost(new: Rig) -> None:
    await new.registers()
    new.bot.status, new.bot.body = 503, json.dumps(WELCOME).encode()
    await new.simulator.opens("demo", ANA)
    assert new.sees() == []
    new.bot.status = 200
    new.clock.advance(seconds=10)
    await new.simulator.redeliver()
    assert new.sees() == ["Hi!"]


async def test_the_answer_to_anything_else_is_ignored(rig: Rig) -> None:
    rig.bot.body = json.dumps(WELCOME).encode()
    await rig.simulator.says("demo", ANA, "hi")
    assert "Hi!" not in rig.sees()


# --- reports


async def test_reports_wait_until_somebody_asks_for_them_and_name_the_message(rig: Rig) -> None:
    token = (await rig.sends())["message_token"]
    assert rig.bot.requests == []
    assert await rig.simulator.redeliver() == 2
    ana = rig.simulator.conversation_id("demo", ANA)
    assert [(told["event"], told["message_token"], told["user_id"]) for told in rig.bot.told] == [
        ("delivered", token, ana),
        ("seen", token, ana),
    ]


async def test_reports_go_out_before_the_next_thing_a_person_does(rig: Rig) -> None:
    await rig.sends()
    await rig.simulator.says("demo", BORIS, "hi")
    assert rig.bot.events == ["delivered", "seen", "message"]


async def test_reports_can_be_switched_off_and_devices_can_refuse(rig: Rig) -> None:
    rig.simulator.receipts = False
    await rig.sends()
    assert await rig.simulator.redeliver() == 0
    rig.simulator.receipts, rig.simulator.devices_refuse = True, True
    token = (await rig.sends())["message_token"]
    assert await rig.simulator.redeliver() == 1
    assert (rig.bot.told[0]["event"], rig.bot.told[0]["message_token"]) == ("failed", token)
    assert rig.bot.told[0]["desc"]


async def test_each_device_reports_a_delivery_and_the_person_sees_it_once(rig: Rig) -> None:
    rig.simulator.chat("demo", ANA).devices = 2
    await rig.sends()
    assert await rig.simulator.redeliver() == 3
    assert rig.bot.events == ["delivered", "delivered", "seen"]
    assert rig.bot.told[0] == rig.bot.told[1] | {"timestamp": rig.bot.told[0]["timestamp"]}


@pytest.mark.parametrize("reports", [(), ("seen",), ("delivered",), ("seen", "delivered")])
async def test_reports_may_be_missing_or_in_another_order(
    rig: Rig, reports: Sequence[Literal["delivered", "seen"]]
) -> None:
    rig.simulator.reports = reports
    await rig.sends()
    await rig.simulator.redeliver()
    assert rig.bot.events == list(reports)


async def test_reports_may_come_before_the_answer_to_the_call(rig: Rig) -> None:
    rig.simulator.reports_early = True
    order: list[str] = []

    def hears(request: httpx.Request) -> httpx.Response:
        order.append(json.loads(request.content)["event"])
        return httpx.Response(200)

    rig.simulator.http = httpx.AsyncClient(transport=httpx.MockTransport(hears))
    await rig.sends()
    order.append("answer")
    receiver = rig.simulator.conversation_id("demo", ANA)
    await rig.asks(
        "broadcast_message", {"broadcast_list": [receiver], "sender": {"name": "D"}, "type": "text", "text": "x"}
    )
    assert order == ["delivered", "seen", "answer", "delivered", "seen"]


# --- devices


@pytest.mark.parametrize(
    "message",
    [
        {"keyboard": keyboard({"TextSize": "huge"})},
        {"keyboard": keyboard({"BgColor": "white"})},
        {"type": "picture", "media": "https://m.test/a.webp"},
        {"type": "file", "media": "https://m.test/a", "size": 1, "file_name": "a.exe"},
    ],
)
async def test_what_only_looks_wrong_is_refused_at_once_or_by_the_device(rig: Rig, message: Json) -> None:
    assert (await rig.sends(**message))["status"] == 3
    rig.simulator.checks_on_device = True
    token = (await rig.sends(**message))["message_token"]
    assert rig.sees() == ["hello"]
    await rig.simulator.redeliver()
    (told,) = rig.bot.told
    assert (told["event"], told["message_token"]) == ("failed", token)
    assert told["desc"].startswith("message validation failed: ")


@pytest.mark.parametrize(
    "message", [{"keyboard": {"Buttons": []}}, {"text": "x" * 7001}, {"keyboard": keyboard({"ActionType": "fly"})}]
)
async def test_what_has_not_the_form_of_a_message_is_always_refused_at_once(rig: Rig, message: Json) -> None:
    rig.simulator.checks_on_device = True
    assert (await rig.sends(**message))["status"] == 3


async def test_a_message_for_newer_devices_is_not_for_this_one(rig: Rig) -> None:
    rig.simulator.chat("demo", ANA).api_version = 6
    assert (await rig.sends(min_api_version=6))["status"] == 0
    assert (await rig.sends(min_api_version=7))["status"] == 13


async def test_somebody_may_have_no_device_for_bots(rig: Rig) -> None:
    rig.simulator.chat("demo", ANA).has_device = False
    assert (await rig.sends())["status"] == 11


async def test_a_country_may_be_closed_to_the_bot(rig: Rig) -> None:
    await rig.simulator.says("demo", BORIS, "hi")
    rig.simulator.blocked_countries = frozenset({"UA"})
    assert [(await rig.sends(person))["status"] for person in (ANA, BORIS)] == [21, 0]


@pytest.mark.parametrize(
    ("welcome", "refusal"),
    [
        (WELCOME | {"min_api_version": 10}, []),
        (WELCOME | {"min_api_version": 11}, ["apiVersionNotSupported"]),
        (WELCOME | {"text": "x" * 7000}, []),
        (WELCOME | {"keyboard": keyboard({"TextSize": "huge"})}, ["TextSize"]),
        (WELCOME | {"keyboard": keyboard({"TextShouldFit": True})}, ["TextShouldFit needs min_api_version 6"]),
        (WELCOME | {"pad": "x" * 30_720}, ["at most 30720"]),
    ],
)
async def test_a_welcome_is_judged_as_any_message(new: Rig, welcome: Json, refusal: list[str]) -> None:
    await new.registers()
    new.bot.body = json.dumps(welcome).encode()
    await new.simulator.opens("demo", ANA)
    assert len(new.sees()) == (0 if refusal else 1)
    assert len(new.simulator.refused_welcomes) == len(refusal)
    assert all(part in told for part, told in zip(refusal, new.simulator.refused_welcomes, strict=True))


async def test_a_welcome_costs_nothing_and_counts_for_nothing(new: Rig) -> None:
    await new.registers()
    new.simulator.free_messages = 0
    new.bot.body = json.dumps(WELCOME).encode()
    await new.simulator.opens("demo", ANA)
    chat = new.simulator.chat("demo", ANA)
    assert (new.sees(), chat.unanswered, chat.in_session) == (["Hi!"], 0, 0)
