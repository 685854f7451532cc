"""The people of the simulated Mitto: what they see and do, and what is remembered of them."""

import json
from typing import Any

import httpx
import pytest

from botkit.channels.viber import Viber
from botkit.clock import Clock
from botkit.redaction import Secret
from botkit.simulators.mitto import SMS_HOST, MittoSimulator
from botkit.simulators.mitto_servers import told_time
from botkit.simulators.mitto_state import MEMORY, SCREEN, Message, State
from botkit.simulators.simulator import Bubble, Choice, NotOnScreenError, load_simulator, phone_number
from tests.simulators.mitto_rig import ANA, BOB, CONTENTS, INBOUND, TEXT, TO, Rig, callback, opened

Json = dict[str, Any]

URL = "https://cdn.example/a.png"


class Account(Viber):
    """What an adapter of Mitto has, on top of any adapter."""

    via = "sms"
    sender = "Shop"
    callback_url = "https://bot.test/report"
    report_keys = (Secret("report"),)
    inbound_keys = (Secret("inbound"),)

    def __init__(self, ta: str, via: str, key: str) -> None:
        super().__init__(ta=ta, name="Shop")
        self.clock = Clock()
        self.via, self.api_key = via, Secret(key)


# Accounts


def test_the_simulator_is_found_by_its_channel_and_has_two_hosts() -> None:
    assert load_simulator("mitto") is MittoSimulator
    assert list(MittoSimulator(Clock()).hosts) == [SMS_HOST]


def test_an_account_is_opened_with_what_the_adapter_has() -> None:
    simulator = MittoSimulator(Clock())
    adapter = Account("shop", "viber", "k")
    simulator.add_account(adapter)
    assert adapter.clock is simulator.clock
    account = simulator.accounts["shop"]
    assert (account.via, account.key, account.sender) == ("viber", Secret("k"), "Shop")
    assert (account.callback_url, account.report_keys) == ("https://bot.test/report", (Secret("report"),))
    assert account.inbound_keys == (Secret("inbound"),)


@pytest.mark.parametrize("adapter", [Viber(ta="a", name="A"), Account("a", "fax", "k"), Account("a", "sms", "")])
def test_an_adapter_without_a_network_or_a_key_opens_no_account(adapter: Viber) -> None:
    with pytest.raises(TypeError, match="Mitto"):
        MittoSimulator(Clock()).add_account(adapter)


# Addresses


async def test_a_person_has_a_number_a_chat_and_a_conversation() -> None:
    async with opened() as rig:
        assert {rig.address(ta) for ta in ("sms", "sms2", "viber", "whatsapp")} == {phone_number(ANA)}
        assert rig.address("telegram").isdigit()
        assert rig.address("telegram") != rig.address("telegram", BOB)
        assert len(rig.address("gbm")) == 36


@pytest.mark.parametrize("destination", [TO, TO.removeprefix("+")])
async def test_a_number_is_the_same_with_a_plus_and_without(destination: str) -> None:
    async with opened() as rig:
        assert (await rig.sends("sms", TEXT, destination=destination)).status_code == 200
        assert rig.sees("sms") == ["Hello"]


async def test_a_stranger_gets_messages_too() -> None:
    async with opened() as rig:
        await rig.sends("sms", TEXT, destination="385910000001")
        assert [message.status for message in rig.simulator.sent("sms")] == ["Delivered"]


# Screens

CARD = {"title": "Shirt", "description": "Cotton", "media": {"height": "SHORT", "contentInfo": {"fileUrl": URL}}}
REPLY = {"reply": {"text": "Buy", "postbackData": "buy:1"}}
OPEN = {"action": {"text": "Site", "postbackData": "s", "openUrlAction": {"url": "https://shop.example/"}}}
BUY, SITE = Choice("Buy", "reply", "buy:1"), Choice("Site", "link", "https://shop.example/")


@pytest.mark.parametrize(
    ("ta", "content", "bubble"),
    [
        ("sms", TEXT, Bubble("bot", "sms", "Hello")),
        (
            "viber",
            {
                "type": "promotional",
                "text": "Sale",
                "mediaUrl": URL,
                "button": {"caption": "Open", "action": "https://shop.example/"},
            },
            Bubble("bot", "viber", "Sale", URL, [[Choice("Open", "link", "https://shop.example/")]]),
        ),
        (
            "viber",
            {"type": "session", "file": {"mediaUrl": "https://cdn.example/i.pdf", "fileName": "bill.pdf"}},
            Bubble("bot", "viber", "bill.pdf", "https://cdn.example/i.pdf", []),
        ),
        (
            "viber",
            {"type": "session", "file": {"mediaUrl": "https://cdn.example/i.pdf"}},
            Bubble("bot", "viber", "i.pdf", "https://cdn.example/i.pdf", []),
        ),
        (
            "telegram",
            {"silent": True, "text": {"message": "<b>Hi</b>", "parseMode": "Html"}},
            Bubble("bot", "telegram", "Hi"),
        ),
        ("telegram", {"photo": {"url": URL, "caption": "Shop"}}, Bubble("bot", "telegram", "Shop", URL)),
        (
            "telegram",
            {"location": {"latitude": 45.815, "longitude": 15.982}},
            Bubble("bot", "telegram", "45.815, 15.982"),
        ),
        ("whatsapp", CONTENTS["whatsapp"], Bubble("bot", "whatsapp", "Hello")),
        (
            "whatsapp",
            {"type": "template", "template": {"type": "body", "body": {}}},
            Bubble("bot", "whatsapp", "body"),
        ),
        (
            "gbm",
            {"text": {"message": "**Hi**", "containsRichText": True}, "suggestions": [REPLY, OPEN]},
            Bubble("bot", "gbm", "Hi", "", [[BUY, SITE]]),
        ),
        ("gbm", {"text": {"message": "**Hi**"}}, Bubble("bot", "gbm", "**Hi**", "", [])),
        ("gbm", {"image": {"fileUrl": URL, "altText": "Shirt"}}, Bubble("bot", "gbm", "Shirt", URL, [])),
        (
            "gbm",
            {"standaloneCard": {**CARD, "suggestions": [REPLY]}, "suggestions": [OPEN]},
            Bubble("bot", "gbm", "Shirt\nCotton", URL, [[BUY], [SITE]]),
        ),
        (
            "gbm",
            {"carouselCard": {"cardWidth": "MEDIUM", "cardContents": [CARD, {"title": "Hat"}]}},
            Bubble("bot", "gbm", "Shirt\nCotton\nHat", URL, []),
        ),
        (
            "gbm",
            {"text": {"message": "Hi"}, "fallback": "Hi there", "forceFallback": True},
            Bubble("bot", "gbm", "Hi there"),
        ),
    ],
)
async def test_a_phone_shows_each_content_under_its_network_s_name(ta: str, content: Json, bubble: Bubble) -> None:
    async with opened() as rig:
        await rig.sends_one(ta, content)
        assert rig.simulator.screen(ta, ANA) == (bubble,)


async def test_each_account_and_each_person_has_a_screen_of_its_own() -> None:
    async with opened() as rig:
        await rig.sends_one("sms", TEXT)
        await rig.sends_one("sms2", TEXT, BOB)
        assert [rig.sees("sms"), rig.sees("sms", BOB), rig.sees("sms2"), rig.sees("sms2", BOB)] == [
            ["Hello"],
            [],
            [],
            ["Hello"],
        ]


def test_a_screen_keeps_its_newest_messages() -> None:
    state = State()
    for number in range(SCREEN + 1):
        state.show("ta", "1", Bubble("bot", "sms", str(number)))
    (screen,) = state.screens.values()
    assert (len(screen), screen[0].text, screen[-1].text) == (SCREEN, "1", str(SCREEN))


def test_of_too_many_messages_the_oldest_that_are_over_are_forgotten() -> None:
    state = State()
    for number in range(MEMORY + MEMORY // 10):
        state.remember(Message(str(number), "ta", "sms", "1", "1", {}, 0, 0, is_over=number > 0))
    assert len(state.messages) == MEMORY
    assert ["0" in state.messages, "1" in state.messages, str(MEMORY) in state.messages] == [True, False, True]


# Phones


async def test_a_message_arrives_after_its_time() -> None:
    async with opened() as rig:
        rig.simulator.delivery_seconds = 5
        await rig.sends_one("sms", TEXT)
        rig.clock.advance(seconds=4)
        before = rig.sees("sms")
        rig.clock.advance(seconds=1)
        assert (before, await rig.simulator.redeliver(), rig.sees("sms")) == ([], 1, ["Hello"])


@pytest.mark.parametrize("ta", ["sms", "gbm", "viber", "telegram", "whatsapp"])
async def test_what_is_sent_to_a_phone_that_is_off_waits_until_it_is_on(ta: str) -> None:
    async with opened() as rig:
        rig.simulator.phone_off(ANA)
        await rig.sends_one(ta, CONTENTS[ta])
        await rig.sends_one(ta, CONTENTS[ta], BOB)
        rig.clock.advance(hours=1)
        assert (rig.sees(ta), rig.sees(ta, BOB)) == ([], ["Hello"])
        rig.simulator.phone_on(ANA)
        assert rig.sees(ta) == ["Hello"]


async def test_what_waits_longer_than_its_ttl_never_arrives() -> None:
    async with opened() as rig:
        rig.simulator.phone_off(ANA)
        ids = [
            await rig.sends_one("viber", {**CONTENTS["viber"], "ttl": 60}),
            await rig.sends_one("viber", CONTENTS["viber"]),
        ]
        rig.clock.advance(seconds=60)
        rig.simulator.phone_on(ANA)
        assert (await rig.statuses(ids), rig.sees("viber")) == (["Expired", "Delivered"], ["Hello"])


async def test_what_arrives_at_the_very_end_of_its_ttl_has_arrived() -> None:
    async with opened() as rig:
        rig.simulator.delivery_seconds = 30
        ids = [await rig.sends_one("viber", {**CONTENTS["viber"], "ttl": 30})]
        rig.clock.advance(seconds=30)
        assert await rig.statuses(ids) == ["Delivered"]


async def test_what_has_expired_waits_no_more() -> None:
    async with opened() as rig:
        rig.simulator.phone_off(ANA)
        await rig.sends_one("viber", {**CONTENTS["viber"], "ttl": 30})
        waiting = len(rig.simulator.state.waiting)
        rig.clock.advance(seconds=30)
        await rig.simulator.redeliver()
        assert (waiting, rig.simulator.state.waiting) == (1, [])


async def test_viber_tries_for_fourteen_days() -> None:
    async with opened() as rig:
        rig.simulator.phone_off(ANA)
        ids = [await rig.sends_one("viber", CONTENTS["viber"])]
        rig.clock.advance(days=13, hours=23)
        before = await rig.statuses(ids)
        rig.clock.advance(hours=1)
        assert before + await rig.statuses(ids) == ["Ready", "Expired"]


async def test_a_network_that_a_person_has_not_is_that_one_only_until_they_have_it() -> None:
    async with opened() as rig:
        rig.simulator.without(ANA, "viber")
        ids = [await rig.sends_one(ta, CONTENTS[ta]) for ta in ("viber", "whatsapp")]
        rig.simulator.without(ANA, "viber", has=True)
        ids.append(await rig.sends_one("viber", CONTENTS["viber"]))
        assert await rig.statuses(ids) == ["Failure", "Delivered", "Delivered"]


# What people do


async def test_who_opens_a_chat_has_seen_what_is_there() -> None:
    async with opened() as rig:
        ids = [await rig.sends_one("viber", CONTENTS["viber"])]
        await rig.simulator.opens("viber", ANA)
        assert await rig.statuses(ids) == ["Seen"]


@pytest.mark.parametrize(("context", "text"), [("", "/start"), ("promo", "/start promo")])
async def test_opening_a_chat_on_telegram_is_told(context: str, text: str) -> None:
    async with opened() as rig:
        await rig.registers("telegram")
        await rig.simulator.opens("telegram", ANA, context)
        assert [body["text"] for body in rig.customer.told] == [text]


async def test_what_a_person_writes_stands_on_their_screen() -> None:
    async with opened() as rig:
        rig.simulator.set_inbound("sms", INBOUND)
        await rig.sends_one("sms", TEXT)
        await rig.simulator.says("sms", ANA, "hi")
        assert [bubble.side for bubble in rig.simulator.screen("sms", ANA)] == ["bot", "person"]
        with pytest.raises(NotOnScreenError, match="empty"):
            await rig.simulator.says("sms", ANA, " ")


@pytest.mark.parametrize("label", ["Buy", "buy:1"])
async def test_a_reply_that_is_pressed_is_told_with_its_data(label: str) -> None:
    async with opened() as rig:
        await rig.registers("gbm", webhookTriggers=["InboundMessage"])
        await rig.sends_one("gbm", {**CONTENTS["gbm"], "suggestions": [REPLY, OPEN]})
        await rig.simulator.taps("gbm", ANA, label)
        assert [(body["text"], body["postbackData"]) for body in rig.customer.told] == [("Buy", "buy:1")]


async def test_of_a_link_that_is_pressed_nobody_hears_and_another_button_is_not_there() -> None:
    async with opened() as rig:
        await rig.registers("gbm", webhookTriggers=["InboundMessage"])
        await rig.sends_one("gbm", {**CONTENTS["gbm"], "suggestions": [REPLY, OPEN]})
        await rig.simulator.taps("gbm", ANA, "Site")
        assert rig.customer.requests == []
        with pytest.raises(NotOnScreenError, match="Buy, Site"):
            await rig.simulator.taps("gbm", ANA, "Sell")


async def test_of_two_buttons_with_one_label_the_newest_is_pressed() -> None:
    async with opened() as rig:
        await rig.registers("gbm", webhookTriggers=["InboundMessage"])
        for value in ("buy:1", "buy:2"):
            reply = {"reply": {"text": "Buy", "postbackData": value}}
            await rig.sends_one("gbm", {**CONTENTS["gbm"], "suggestions": [reply]})
        await rig.simulator.taps("gbm", ANA, "Buy")
        assert [body["postbackData"] for body in rig.customer.told] == ["buy:2"]


async def test_a_key_of_a_viber_keyboard_is_pressed() -> None:
    async with opened() as rig:
        await rig.registers("viber", webhookTriggers=["InboundMessage"])
        keyboard = {"Type": "keyboard", "Buttons": [{"ActionBody": "yes", "Text": "Yes"}]}
        await rig.sends_one("viber", {**CONTENTS["viber"], "keyboard": keyboard})
        await rig.simulator.taps("viber", ANA, "Yes")
        assert [(body["text"], body["postbackData"]) for body in rig.customer.told] == [("Yes", "yes")]


async def test_pictures_and_files_are_told_by_their_address_and_sms_has_none() -> None:
    async with opened() as rig:
        await rig.registers("viber", "sms")
        await rig.simulator.sends_photo("viber", ANA, "look")
        await rig.simulator.sends_file("viber", ANA, "bill.pdf")
        told = [(body["text"], body["mediaUrl"].rpartition("/")[2]) for body in rig.customer.told]
        assert told == [("look", "photo.jpg"), ("", "bill.pdf")]
        with pytest.raises(NotOnScreenError, match="SMS"):
            await rig.simulator.sends_photo("sms", ANA)
        with pytest.raises(NotOnScreenError, match="SMS"):
            await rig.simulator.sends_file("sms", ANA)


async def test_a_place_cannot_be_sent() -> None:
    async with opened() as rig:
        with pytest.raises(NotOnScreenError, match="place"):
            await rig.simulator.sends_location("viber", ANA, 45, 15)


async def test_who_leaves_writes_stop_on_sms() -> None:
    async with opened() as rig:
        rig.simulator.set_inbound("sms", INBOUND)
        await rig.simulator.leaves("sms", ANA)
        assert [body["text"] for body in rig.customer.told] == ["STOP"]


async def test_who_leaves_elsewhere_gets_nothing_until_they_return() -> None:
    async with opened() as rig:
        await rig.simulator.leaves("viber", ANA)
        ids = [await rig.sends_one("viber", CONTENTS["viber"]), await rig.sends_one("sms", TEXT)]
        await rig.simulator.returns("viber", ANA)
        ids.append(await rig.sends_one("viber", CONTENTS["viber"]))
        assert await rig.statuses(ids) == ["Failure", "Delivered", "Delivered"]


# Memory


def written(rig: Rig) -> Json:
    """Returns the snapshot; what has no order in the order of the alphabet."""
    state: Json = json.loads(rig.simulator.snapshot())
    return state | {"off": sorted(state["off"])}


async def test_a_restart_changes_nothing() -> None:
    async with opened() as rig, opened() as other:
        await rig.registers("viber", headers={"X-Secret": "s3"})
        rig.simulator.set_inbound("sms", INBOUND)
        rig.simulator.without(ANA, "whatsapp")
        await rig.simulator.leaves("gbm", ANA)
        rig.simulator.phone_off(BOB)
        waiting = await rig.sends_one("viber", CONTENTS["viber"], BOB)
        await rig.sms(callback=callback())
        other.simulator.restore(rig.simulator.snapshot())
        assert written(other) == written(rig)
        await other.simulator.redeliver()
        other.simulator.phone_on(BOB)
        await other.simulator.says("sms", ANA, "hi")
        assert [body.get("messageId") for body in other.customer.told][1] == waiting
        assert other.customer.requests[1].headers["x-secret"] == "s3"
        ids = [await other.sends_one(ta, CONTENTS[ta]) for ta in ("whatsapp", "gbm")]
        assert await other.statuses(ids) == ["Failure", "Failure"]
        assert (rig.customer.requests, other.sees("sms"), other.sees("viber", BOB)) == ([], ["Hello", "hi"], ["Hello"])


async def test_a_snapshot_holds_no_key() -> None:
    async with opened() as rig:
        await rig.registers("viber")
        await rig.sends_one("viber", CONTENTS["viber"])
        assert b"the key of the shop" not in rig.simulator.snapshot()


async def test_every_change_is_announced_and_nothing_else() -> None:
    async with opened() as rig:
        changes: list[str] = []
        rig.simulator.on_change = lambda: changes.append("")
        message_id = await rig.sends_one("viber", CONTENTS["viber"])
        after_sending = len(changes)
        await rig.statuses([message_id])
        await rig.simulator.redeliver()
        assert (after_sending, len(changes)) == (1, 1)
        rig.simulator.phone_off(ANA)
        assert len(changes) == 2


async def test_a_webhook_that_cannot_be_reached_is_tried_again() -> None:
    def refuses(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route", request=request)

    async with opened() as rig:
        rig.simulator.http = httpx.AsyncClient(transport=httpx.MockTransport(refuses))
        await rig.sms()
        await rig.simulator.redeliver()
        assert [exchange.status for exchange in rig.simulator.wire.deliveries()] == [0]
        rig.clock.advance(seconds=60)
        assert await rig.simulator.redeliver() == 1


def test_an_instant_has_seven_digits_after_its_point() -> None:
    assert told_time(1_709_283_600.5) == "2024-03-01T09:00:00.5000006Z"
