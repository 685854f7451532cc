import asyncio
from datetime import timedelta

import httpx
import pytest

from botkit.channels.viber_own_events import ClientStatusChanged
from botkit.events import UnknownEvent, Unsubscribed
from botkit.simulators.simulator import NotOnScreenError, phone_number
from botkit.simulators.viber import ViberSimulator
from botkit.webhook import WebhookRequest
from tests.simulators import viber_rig
from tests.simulators.viber_rig import ANA, BORIS, Json, Rig, keyboard

new, rig = viber_rig.new, viber_rig.rig


# --- subscriptions


async def test_a_strangers_first_message_subscribes_without_an_event(new: Rig) -> None:
    await new.registers()
    assert (await new.sends())["status"] == 5
    await new.simulator.opens("demo", ANA)
    assert await new.sends() | {"message_token": 0} == {
        "status": 6,
        "status_message": "notSubscribed",
        "message_token": 0,
        "chat_hostname": "SN-CHAT-05_",
    }
    await new.simulator.says("demo", ANA, "hi")
    assert new.bot.events == ["webhook", "conversation_started", "message"]
    assert (await new.sends())["status"] == 0


async def test_who_leaves_cannot_be_written_to_until_they_write_again(rig: Rig) -> None:
    await rig.simulator.leaves("demo", ANA)
    (event,) = rig.adapter.parse(WebhookRequest({}, {}, rig.bot.requests[-1].content))
    assert isinstance(event, Unsubscribed)
    assert (await rig.sends())["status"] == 6
    with pytest.raises(NotOnScreenError, match="not subscribed"):
        await rig.simulator.leaves("demo", ANA)
    await rig.simulator.opens("demo", ANA)
    assert rig.bot.told[-1]["subscribed"] is False
    assert (await rig.sends())["status"] == 6
    await rig.simulator.says("demo", ANA, "back")
    assert rig.bot.events == ["unsubscribed", "conversation_started", "message"]
    assert (await rig.sends())["status"] == 0


async def test_allowing_messages_again_is_told_and_forgets_the_tracking_data(rig: Rig) -> None:
    await rig.sends(tracking_data="step1")
    await rig.simulator.leaves("demo", ANA)
    await rig.simulator.subscribes("demo", ANA)
    await rig.simulator.says("demo", ANA, "hi")
    assert rig.bot.events[-2:] == ["subscribed", "message"]
    assert "tracking_data" not in rig.bot.told[-1]["message"]
    assert (await rig.sends())["status"] == 0


async def test_a_message_brings_back_the_tracking_data_of_the_last_one(rig: Rig) -> None:
    for sent, told in [("one", "one"), ("two", "two"), (None, None)]:
        message: Json = {"tracking_data": sent} if sent else {}
        await rig.sends(**message)
        await rig.simulator.says("demo", ANA, "hi")
        assert rig.bot.told[-1]["message"].get("tracking_data") == told


# --- memory


async def test_a_restart_forgets_nothing_but_the_accounts(rig: Rig) -> None:
    await rig.sends(keyboard=keyboard({"Text": "Go"}), tracking_data="t")
    rig.bot.status = 500
    await rig.simulator.says("demo", BORIS, "hi")
    later = ViberSimulator(rig.clock, httpx.MockTransport(rig.bot))
    later.restore(rig.simulator.snapshot())
    later.add_account(rig.adapter)
    rig.bot.status = 200
    rig.bot.requests.clear()
    rig.clock.advance(seconds=10)
    assert await later.redeliver() == 3
    assert sorted(rig.bot.events) == ["delivered", "message", "seen"]
    assert later.screen("demo", ANA) == rig.simulator.screen("demo", ANA)
    await later.taps("demo", ANA, "Go")
    assert rig.bot.told[-1]["message"]["tracking_data"] == "t"
    assert later.next_token() > rig.simulator.next_token() - 10**9
    await later.close()


async def test_every_change_is_announced(rig: Rig) -> None:
    changes: list[int] = []
    rig.simulator.on_change = lambda: changes.append(len(rig.simulator.snapshot()))
    for act in (
        rig.sends(),
        rig.simulator.says("demo", ANA, "hi"),
        rig.simulator.leaves("demo", ANA),
        rig.simulator.opens("demo", BORIS),
        rig.registers(),
    ):
        before = len(changes)
        await act
        assert len(changes) > before


async def test_thirty_replies_at_once_pass(rig: Rig) -> None:
    answers = await asyncio.gather(*(rig.sends(text=str(number)) for number in range(30)))
    assert {answer["status"] for answer in answers} == {0}
    assert len({answer["message_token"] for answer in answers}) == 30


async def test_time_in_callbacks_moves_with_the_clock(rig: Rig) -> None:
    await rig.simulator.says("demo", ANA, "now")
    rig.clock.advance(days=2)
    await rig.simulator.says("demo", ANA, "then")
    before, after = (told["timestamp"] for told in rig.bot.told)
    assert timedelta(milliseconds=after - before) >= timedelta(days=2)


# --- what people send


async def test_the_number_that_somebody_shares_is_the_one_that_gateways_reach_them_by(rig: Rig) -> None:
    await rig.simulator.sends_contact("demo", ANA)
    told = rig.bot.told[-1]["message"]["contact"]["phone_number"]
    assert f"+{told}" == phone_number(ANA)


async def test_people_send_all_that_viber_has(rig: Rig) -> None:
    await rig.simulator.sends_photo("demo", ANA, "my cat")
    await rig.simulator.sends_video("demo", ANA, "my dog")
    await rig.simulator.sends_file("demo", ANA, "cv.pdf")
    await rig.simulator.sends_sticker("demo", ANA, 40126)
    await rig.simulator.sends_contact("demo", ANA, "Boris", "38640111222")
    await rig.simulator.sends_url("demo", ANA, "https://m.test/", "look")
    await rig.simulator.sends_location("demo", ANA, 46.05, 14.5)
    messages = [told["message"] for told in rig.bot.told]
    for message in messages:
        for link in ("media", "thumbnail"):
            if message.get("type") != "url" and link in message:
                assert message.pop(link).startswith("http://viber.test/media/")
    assert messages == [
        {"type": "picture", "text": "my cat", "file_name": "photo.jpg", "size": 88_120},
        {"type": "video", "text": "my dog", "duration": 12, "size": 1_048_576},
        {"type": "file", "file_name": "cv.pdf", "file_size": 20_480},
        {"type": "sticker", "sticker_id": 40126},
        {"type": "contact", "contact": {"name": "Boris", "phone_number": "38640111222"}},
        {"type": "url", "media": "https://m.test/", "text": "look"},
        {"type": "location", "location": {"lat": 46.05, "lon": 14.5}},
    ]
    assert [bubble.kind for bubble in rig.simulator.screen("demo", ANA)] == [
        *("text", "image", "video", "file", "sticker", "contact", "text", "location")
    ]


@pytest.mark.parametrize("kind", ["poll", "hologram"])
async def test_a_message_of_an_unknown_kind_can_be_sent(rig: Rig, kind: str) -> None:
    await rig.simulator.sends("demo", ANA, {"type": kind, "text": "?"})
    (event,) = rig.adapter.parse(WebhookRequest({}, {}, rig.bot.requests[-1].content))
    assert isinstance(event, UnknownEvent)
    assert event.kind == f"message.{kind}"


async def test_a_place_is_picked_only_where_a_button_asks_for_one(rig: Rig) -> None:
    with pytest.raises(NotOnScreenError, match="the screen has none"):
        await rig.simulator.picks_location("demo", ANA, 1, 2)
    asking = {"ActionType": "location-picker", "ActionBody": "where", "Text": "Where?"}
    await rig.sends(keyboard=keyboard({}, asking), min_api_version=3)
    with pytest.raises(NotOnScreenError, match=r"the screen has Where\?"):
        await rig.simulator.picks_location("demo", ANA, 1, 2, label="X")
    await rig.simulator.picks_location("demo", ANA, 1.5, 2.5)
    assert rig.bot.told[-1]["message"] == {"type": "location", "location": {"lat": 1.5, "lon": 2.5}}


async def test_a_shared_number_says_which_button_asked(rig: Rig) -> None:
    asking = {"ActionType": "share-phone", "ActionBody": "phone", "Text": "Share"}
    await rig.sends(keyboard=keyboard(asking), min_api_version=3)
    await rig.simulator.taps("demo", ANA, "Share")
    message = rig.bot.told[-1]["message"]
    assert (message["type"], message["text"], message["contact"]["name"]) == ("contact", "phone", "Ana")


async def test_a_payment_tells_which_services_the_device_has(rig: Rig) -> None:
    await rig.simulator.pays("demo", ANA, "order-9")
    (told,) = rig.bot.told
    assert (told["event"], told["user"]["name"]) == ("client_status", "Ana")
    assert told["status"] == {
        "type": "payment",
        "code": 0,
        "supported_psps": ["LiqPay", "Portmone"],
        "tracking_data": "order-9",
    }
    (event,) = rig.adapter.parse(WebhookRequest({}, {}, rig.bot.requests[-1].content))
    assert isinstance(event, ClientStatusChanged)
    assert (event.providers, event.tracking_data) == (("LiqPay", "Portmone"), "order-9")


async def test_somebody_may_keep_their_name_and_picture_private(rig: Rig) -> None:
    rig.simulator.chat("demo", ANA).consents = False
    await rig.simulator.says("demo", ANA, "hi")
    assert set(rig.bot.told[-1]["sender"]) == {"id", "country", "language", "api_version"}
    details = await rig.asks("get_user_details", {"id": rig.simulator.conversation_id("demo", ANA)})
    assert not {"name", "avatar"} & set(details["user"])


async def test_opening_the_chat_may_subscribe(new: Rig) -> None:
    new.simulator.opening_subscribes = True
    await new.registers()
    await new.simulator.opens("demo", ANA)
    assert new.bot.events == ["webhook", "conversation_started", "subscribed"]
    assert (await new.sends())["status"] == 0
    await new.simulator.opens("demo", ANA)
    assert new.bot.events[-1] == "conversation_started"


async def test_what_is_set_on_a_chat_outlives_a_restart(rig: Rig) -> None:
    chat = rig.simulator.chat("demo", ANA)
    chat.consents, chat.devices, chat.api_version, chat.online = False, 2, 6, 1
    later = ViberSimulator(rig.clock)
    later.restore(rig.simulator.snapshot())
    assert later.chat("demo", ANA) == chat
