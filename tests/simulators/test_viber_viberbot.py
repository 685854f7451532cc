"""The official library of Viber reads what the simulator tells it, and the simulator takes what it sends."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

# The library has no types.
from viberbot.api.api import Api  # type: ignore[import-untyped]
from viberbot.api.api_request_sender import ApiRequestSender  # type: ignore[import-untyped]
from viberbot.api.bot_configuration import BotConfiguration  # type: ignore[import-untyped]
from viberbot.api.message_sender import MessageSender  # type: ignore[import-untyped]
from viberbot.api.messages import (  # type: ignore[import-untyped]
    ContactMessage,
    FileMessage,
    KeyboardMessage,
    LocationMessage,
    PictureMessage,
    RichMediaMessage,
    StickerMessage,
    TextMessage,
    URLMessage,
    VideoMessage,
)
from viberbot.api.messages.data_types.contact import Contact  # type: ignore[import-untyped]
from viberbot.api.messages.data_types.location import Location  # type: ignore[import-untyped]

from botkit.simulators.simulator import Person
from tests.simulators import viber_rig
from tests.simulators.viber_rig import (
    ANA,
    CARD,
    HEADER,
    WEBHOOK,
    Rig,
    keyboard,
    unregistered,
)


@pytest.fixture(autouse=True)
def discreet(caplog: pytest.LogCaptureFixture) -> None:
    """The library logs the bot's token, which nobody may in these tests."""
    caplog.set_level(logging.WARNING, "viber")


rig = viber_rig.rig


class Sender(ApiRequestSender):  # type: ignore[misc]
    """Posts to the simulator what the library would post to the internet."""

    def __init__(self, rig: Rig, configuration: Any) -> None:
        super().__init__(None, "", configuration, "")
        self.client = TestClient(rig.simulator.app)

    def post_request(self, endpoint: str, payload: str) -> Any:
        return self.client.post(f"/pa/{endpoint}", content=payload).json()


def library(rig: Rig) -> Any:
    """The library as a bot with the rig's token."""
    configuration = BotConfiguration(rig.token, "Demo", None)
    api, sender = Api(configuration), Sender(rig, configuration)
    api._request_sender, api._message_sender = sender, MessageSender(api._logger, sender, configuration)
    return api


def read(rig: Rig, request: httpx.Request) -> Any:
    """What the library makes of a callback, once it has believed it."""
    api = library(rig)
    assert api.verify_signature(request.content, request.headers[HEADER])
    assert api.verify_signature(request.content, request.url.params["sig"])
    return api.parse_request(request.content)


# --- what it reads

Act = Callable[[Rig], Awaitable[Any]]

ASKING = keyboard(
    {"ActionType": "share-phone", "ActionBody": "phone"},
    {"ActionType": "location-picker", "ActionBody": "place"},
    {"ActionBody": "quiet", "Silent": True},
)


async def asked(rig: Rig, label: str) -> None:
    await rig.sends(keyboard=ASKING, min_api_version=3)
    await rig.simulator.taps("demo", ANA, label)


async def reported(rig: Rig) -> None:
    await rig.sends()
    await rig.simulator.redeliver()


async def refused_by_the_device(rig: Rig) -> None:
    rig.simulator.devices_refuse = True
    await reported(rig)


async def left_and_back(rig: Rig) -> None:
    await rig.simulator.leaves("demo", ANA)
    await rig.simulator.subscribes("demo", ANA)


CALLBACKS: dict[str, tuple[Act, list[str]]] = {
    "webhook": (lambda rig: rig.registers(), ["webhook"]),
    "opened": (lambda rig: rig.simulator.opens("demo", ANA), ["conversation_started"]),
    "opened by a link": (lambda rig: rig.simulator.opens("demo", ANA, "promo"), ["conversation_started"]),
    "left and back": (left_and_back, ["unsubscribed", "subscribed"]),
    "reports": (reported, ["delivered", "seen"]),
    "failed": (refused_by_the_device, ["failed"]),
    "text": (lambda rig: rig.simulator.says("demo", ANA, "šž 🙂"), ["message"]),
    "picture": (lambda rig: rig.simulator.sends_photo("demo", ANA, "my cat"), ["message"]),
    "picture alone": (lambda rig: rig.simulator.sends_photo("demo", ANA), ["message"]),
    "video": (lambda rig: rig.simulator.sends_video("demo", ANA, "my dog"), ["message"]),
    "file": (lambda rig: rig.simulator.sends_file("demo", ANA), ["message"]),
    "sticker": (lambda rig: rig.simulator.sends_sticker("demo", ANA), ["message"]),
    "contact": (lambda rig: rig.simulator.sends_contact("demo", ANA, "Bo", "38640111222"), ["message"]),
    "url": (lambda rig: rig.simulator.sends_url("demo", ANA, "https://m.test/"), ["message"]),
    "location": (lambda rig: rig.simulator.sends_location("demo", ANA, 46.05, 14.5), ["message"]),
    "number shared": (lambda rig: asked(rig, "phone"), ["delivered", "seen", "message"]),
    "place picked": (lambda rig: asked(rig, "place"), ["delivered", "seen", "message"]),
    "silent press": (lambda rig: asked(rig, "quiet"), ["delivered", "seen", "message"]),
}


@pytest.mark.parametrize("spelling", ["compact", "odd"])
@pytest.mark.parametrize("name", CALLBACKS)
async def test_the_library_believes_and_reads_every_callback_that_it_knows(
    rig: Rig, name: str, spelling: Literal["compact", "odd"]
) -> None:
    act, events = CALLBACKS[name]
    rig.simulator.spelling = spelling
    await act(rig)
    parsed = [read(rig, request) for request in rig.bot.requests]
    assert [request.event_type for request in parsed] == events
    assert [request.timestamp for request in parsed] == [told["timestamp"] for told in rig.bot.told]


async def test_the_library_finds_in_a_message_what_was_sent(rig: Rig) -> None:
    await rig.sends(tracking_data="step1")
    await rig.simulator.sends_contact("demo", ANA, "Bo", "38640111222")
    parsed = read(rig, rig.bot.requests[-1])
    user = parsed.sender
    assert (user.id, user.name) == (rig.simulator.conversation_id("demo", ANA), "Ana")
    assert (user.country, user.language, user.api_version) == ("UA", "uk-UA", 10)
    assert (parsed.message.contact.name, parsed.message.contact.phone_number) == ("Bo", "38640111222")
    assert (parsed.message.tracking_data, parsed.silent) == ("step1", False)
    assert parsed.message_token == rig.bot.told[-1]["message_token"]


async def test_the_library_finds_the_kinds_parts(rig: Rig) -> None:
    await rig.simulator.sends_photo("demo", ANA, "cat")
    await rig.simulator.sends_video("demo", ANA)
    await rig.simulator.sends_file("demo", ANA, "cv.pdf")
    await rig.simulator.sends_sticker("demo", ANA, 46105)
    await rig.simulator.sends_location("demo", ANA, 46.05, 14.5)
    picture, video, file, sticker, place = (read(rig, request).message for request in rig.bot.requests)
    told = [body["message"] for body in rig.bot.told]
    assert (picture.text, picture.media, picture.thumbnail) == ("cat", told[0]["media"], told[0]["thumbnail"])
    assert (video.media, video.size, video.duration) == (told[1]["media"], 1_048_576, 12)
    assert (file.file_name, file.media) == ("cv.pdf", told[2]["media"])
    assert sticker.sticker_id == 46105
    assert (place.location.latitude, place.location.longitude) == (46.05, 14.5)


async def test_the_library_reads_an_opened_chat() -> None:
    async with unregistered() as rig:
        await rig.registers()
        await rig.simulator.opens("demo", ANA, "promo 7")
        parsed = read(rig, rig.bot.requests[-1])
        assert (parsed.type, parsed.context, parsed.subscribed, parsed.user.name) == ("open", "promo 7", False, "Ana")


async def test_the_library_reads_of_which_message_a_report_is(rig: Rig) -> None:
    rig.simulator.devices_refuse = True
    token = (await rig.sends())["message_token"]
    await rig.simulator.redeliver()
    parsed = read(rig, rig.bot.requests[-1])
    assert (parsed.message_token, parsed.user_id) == (token, rig.simulator.conversation_id("demo", ANA))
    assert parsed.desc.startswith("message validation failed")


@pytest.mark.parametrize(
    ("act", "quirk"),
    [
        (lambda rig: rig.simulator.pays("demo", ANA), "event type 'client_status' is not supported"),
        (lambda rig: rig.simulator.emits("demo", ANA, "action", {}), "event type 'action' is not supported"),
        (lambda rig: rig.simulator.sends("demo", ANA, {"type": "poll"}), "message type 'poll' is not supported"),
    ],
)
async def test_the_library_raises_for_kinds_that_it_does_not_know(rig: Rig, act: Act, quirk: str) -> None:
    await act(rig)
    with pytest.raises(Exception, match=quirk):
        read(rig, rig.bot.requests[-1])


@pytest.mark.parametrize("signatures", ["wrong", "none"])
async def test_the_library_does_not_believe_what_is_not_signed_right(
    rig: Rig, signatures: Literal["wrong", "none"]
) -> None:
    rig.simulator.signatures = signatures
    await rig.simulator.says("demo", ANA, "hi")
    (request,) = rig.bot.requests
    assert not library(rig).verify_signature(request.content, request.headers.get(HEADER, ""))


@settings(max_examples=25, deadline=None)
@given(
    st.text(min_size=1).filter(str.strip),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9),
    st.sampled_from(["compact", "odd"]),
)
def test_the_library_reads_whatever_is_written(text: str, name: str, spelling: Literal["compact", "odd"]) -> None:
    async def write() -> Any:
        async with unregistered() as rig:
            rig.simulator.spelling = spelling
            await rig.registers()
            await rig.simulator.says("demo", Person(name), text)
            return read(rig, rig.bot.requests[-1])

    parsed = asyncio.run(write())
    assert (parsed.message.text, parsed.sender.name) == (text, name)


# --- what it sends

PICTURE = "https://m.test/a.png"
MESSAGES: dict[str, tuple[Any, str]] = {
    "text": (TextMessage(text="hi", tracking_data="t", min_api_version=1), "hi"),
    "text with keyboard": (TextMessage(text="hi", keyboard=keyboard({})), "hi"),
    "picture": (PictureMessage(media=PICTURE, text="cat", thumbnail=PICTURE), "cat"),
    "picture alone": (PictureMessage(media=PICTURE), ""),
    "video": (VideoMessage(media="https://m.test/v.mp4", size=1, duration=180, text="dog", thumbnail=PICTURE), "dog"),
    "video alone": (VideoMessage(media="https://m.test/v.mp4", size=1), ""),
    "file": (FileMessage(media="https://m.test/a.pdf", size=10, file_name="a.pdf"), "a.pdf"),
    "contact": (ContactMessage(contact=Contact(name="Bo", phone_number="38640111222")), "Bo 38640111222"),
    "contact with avatar": (ContactMessage(contact=Contact("Bo", "1", avatar=PICTURE)), "Bo 1"),
    "location": (LocationMessage(location=Location(lat=-89.9, lon=179.9)), "-89.9, 179.9"),
    "sticker": (StickerMessage(sticker_id=46105), ""),
    "url": (URLMessage(media="https://m.test/"), "https://m.test/"),
    "keyboard": (KeyboardMessage(keyboard=keyboard({}), tracking_data="t"), ""),
    "card": (RichMediaMessage(rich_media=CARD, alt_text="An offer", min_api_version=2), "An offer"),
    "card alone": (RichMediaMessage(rich_media=CARD, min_api_version=7), ""),
}


@pytest.mark.parametrize("name", MESSAGES)
async def test_every_message_of_the_library_is_taken_and_shown(rig: Rig, name: str) -> None:
    message, text = MESSAGES[name]
    (token,) = library(rig).send_messages(rig.simulator.conversation_id("demo", ANA), [message])
    assert token == rig.simulator.state.last_token
    assert rig.sees() == ["hello", text]


@pytest.mark.parametrize("name", MESSAGES)
async def test_a_message_of_the_library_is_taken_as_it_is_written_down(rig: Rig, name: str) -> None:
    message, text = MESSAGES[name]
    known = {"receiver": rig.simulator.conversation_id("demo", ANA), "sender": {"name": "Demo"}}
    assert (await rig.asks("send_message", known | message.to_dict()))["status"] == 0
    assert rig.sees() == ["hello", text]


@pytest.mark.parametrize("name", MESSAGES)
async def test_a_message_of_the_library_is_a_welcome(name: str) -> None:
    message, text = MESSAGES[name]
    async with unregistered() as rig:
        await rig.registers()
        rig.bot.body = json.dumps({"sender": {"name": "Demo"}} | message.to_dict()).encode()
        await rig.simulator.opens("demo", ANA)
        assert (rig.simulator.refused_welcomes, rig.sees()) == ([], [text])


async def test_a_card_of_the_library_names_its_version_or_is_refused(rig: Rig) -> None:
    with pytest.raises(Exception, match="failed with status: 14"):
        library(rig).send_messages(rig.simulator.conversation_id("demo", ANA), [RichMediaMessage(rich_media=CARD)])


async def test_the_library_is_told_why_it_is_refused(rig: Rig) -> None:
    with pytest.raises(Exception, match="failed with status: 5, message: receiverNotRegistered"):
        library(rig).send_messages("nobody", [TextMessage(text="hi")])


async def test_the_other_calls_of_the_library_are_answered(rig: Rig) -> None:
    api, ana = library(rig), rig.simulator.conversation_id("demo", ANA)
    assert set(api.set_webhook(WEBHOOK, webhook_events=["delivered"])) >= {"delivered", "message"}
    assert api.get_account_info()["webhook"] == WEBHOOK
    assert api.get_online([ana])[0]["online_status"] == 0
    assert api.get_user_details(ana)["name"] == "Ana"
    assert "message" in api.unset_webhook()
    assert api.get_account_info()["webhook"] == ""
    with pytest.raises(Exception, match="failed with status: 10"):
        api.send_messages(ana, [TextMessage(text="hi")])


async def test_the_library_has_no_public_chat(rig: Rig) -> None:
    with pytest.raises(Exception, match="failed with status: 18"):
        library(rig).post_messages_to_public_account(rig.simulator.conversation_id("demo", ANA), TextMessage(text="hi"))
