from typing import Any

import pytest

from botkit.buttons import AnyButton, Button, Dial, Link
from botkit.conversation import Conversation
from botkit.exceptions import InvalidRequestError, MessageError
from botkit.gateways.rapporto_types import NETWORKS
from botkit.messages import AnyMessage, Card, Image, Location, Raw, Text, Typing
from tests.gateways.rapporto_desk import NUMBER, Desk, Json, account

TRACK = Link("Track", "https://shop.example/p/1")
PICTURE = "https://cdn.example/1.png"


def desk(via: str, **environ: str) -> Desk:
    return Desk(account(VIA=via, SERVICE_NUMBER="SHOP" if via == "vk" else "", **environ))


def row(*buttons: AnyButton) -> tuple[tuple[AnyButton, ...], ...]:
    return (buttons,)


def instant(content: str, **data: Any) -> Json:
    return {"instantContent": {"type": content, "data": data}}


# --- words


@pytest.mark.parametrize(
    ("via", "data"),
    [
        ("telegram", {"text": "Your parcel is here (https://a.example)"}),
        ("whatsapp", instant("TEXT", text="Your parcel is here (https://a.example)")),
        ("viber", instant("TEXT", text="Your parcel is here (https://a.example)")),
        ("sms", {"text": "Your parcel is here (https://a.example)"}),
        ("vk", {"text": "Your parcel is here (https://a.example)", "ttl": 1440, "ttlUnit": "MINUTES"}),
    ],
)
async def test_a_text_is_sent_in_the_form_of_its_network_without_marks(via: str, data: Json) -> None:
    (said,) = await desk(via).says(Text(text="Your **parcel** is [here](https://a.example)"))
    sender = {"serviceNumber": "SHOP"} if via == "vk" else {}
    assert said == {"type": NETWORKS[via], "data": data | sender}


@pytest.mark.parametrize(("via", "most"), [("telegram", 1000), ("whatsapp", 1000), ("sms", 2000)])
async def test_a_long_text_is_sent_in_pieces(via: str, most: int) -> None:
    assert len(await desk(via).says(Text(text="word " * (most // 5 - 1) + "word.", markdown=False))) == 1
    assert len(await desk(via).says(Text(text="word " * (most // 5) + "word.", markdown=False))) == 2


async def test_a_text_of_characters_that_count_twice_is_cut_in_time() -> None:
    assert len(await desk("telegram").says(Text(text="😀" * 501, markdown=False))) == 2


@pytest.mark.parametrize("via", NETWORKS)
async def test_choices_become_a_numbered_menu(via: str) -> None:
    message = Text(text="When?", buttons=row(Button("Today", "day:0"), Button("Friday", "day:5")))
    adapter = desk(via).adapter
    prepared = adapter.prepare(message, Conversation(adapter.account, NUMBER))
    assert [choice.value for choice in prepared.menu] == ["day:0", "day:5"]
    (said,) = await desk(via).says(message)
    assert "1. Today\\n2. Friday" in repr(said)


@pytest.mark.parametrize("via", NETWORKS)
async def test_what_a_network_has_not_is_said_in_words(via: str) -> None:
    for message in (Location(latitude=1, longitude=2), Card(title="Parcel", description="It is here")):
        (said,) = await desk(via).says(message)
        assert "openstreetmap" in repr(said) or "It is here" in repr(said)
    assert await desk(via).says(Typing()) == []


# --- links


async def test_a_link_of_a_telegram_message_is_its_link() -> None:
    (said,) = await desk("telegram").says(Text(text="Here it is", buttons=row(TRACK)))
    assert said["data"] == {"text": "Here it is", "link": "https://shop.example/p/1"}


async def test_a_second_link_of_a_telegram_message_is_words() -> None:
    (said,) = await desk("telegram").says(Text(text="Here", buttons=row(TRACK, Link("Shop", "https://shop.example"))))
    assert said["data"] == {"text": "Here\n\nShop: https://shop.example", "link": "https://shop.example/p/1"}


async def test_a_link_that_is_too_long_for_telegram_is_words() -> None:
    at, over = (f"https://shop.example/{'p' * length}" for length in (235, 236))
    (said,) = await desk("telegram").says(Text(text="Here", buttons=row(Link("Track", at))))
    assert said["data"] == {"text": "Here", "link": at}
    (said,) = await desk("telegram").says(Text(text="Here", buttons=row(Link("Track", over))))
    assert said["data"] == {"text": f"Here\n\nTrack: {over}"}


async def test_a_number_to_dial_is_no_link_of_a_telegram_message() -> None:
    (said,) = await desk("telegram").says(Text(text="Call", buttons=row(Dial("Us", "+79990001122"))))
    assert said["data"] == {"text": "Call\n\nUs: +79990001122"}


async def test_a_link_of_a_viber_message_is_its_button() -> None:
    (said,) = await desk("viber").says(Text(text="Here it is", buttons=row(TRACK)))
    assert said["data"] == instant("BUTTON", text="Here it is", caption="Track", action="https://shop.example/p/1")
    (said,) = await desk("viber").says(Text(text="Call", buttons=row(Dial("Us", "+79990001122"))))
    assert said["data"] == instant("BUTTON", text="Call", caption="Us", action="tel:+79990001122")


async def test_a_label_that_is_too_long_for_viber_is_cut_and_said_in_full() -> None:
    label = "Track the parcel that we have sent"
    (said,) = await desk("viber").says(Text(text="Here", buttons=row(Link(label, "https://a.example"))))
    data = said["data"]["instantContent"]["data"]
    assert len(data["caption"]) <= 30
    assert label in data["text"]


@pytest.mark.parametrize("via", ["whatsapp", "sms", "vk"])
async def test_where_there_is_no_place_for_a_link_it_is_words(via: str) -> None:
    (said,) = await desk(via).says(Text(text="Here", buttons=row(TRACK)))
    assert "Here\\n\\nTrack: https://shop.example/p/1" in repr(said)


# --- pictures


@pytest.mark.parametrize("via", ["whatsapp", "viber"])
async def test_a_picture_is_sent_by_its_address_with_its_caption_after_it(via: str) -> None:
    assert [said["data"] for said in await desk(via).says(Image(source=PICTURE, caption="A **parcel**"))] == [
        instant("IMAGE_URL", imageURL=PICTURE),
        instant("TEXT", text="A parcel"),
    ]


async def test_a_picture_with_a_link_is_one_message_on_viber() -> None:
    (said,) = await desk("viber").says(Image(source=PICTURE, caption="Here", buttons=row(TRACK)))
    button = {"text": "Here", "caption": "Track", "action": "https://shop.example/p/1", "imageURL": PICTURE}
    assert said["data"] == instant("BUTTON", **button)


@pytest.mark.parametrize("via", ["telegram", "sms", "vk"])
async def test_a_picture_is_an_address_where_there_are_none(via: str) -> None:
    (said,) = await desk(via).says(Image(source=PICTURE, caption="A parcel"))
    assert said["data"]["text"] == f"A parcel\n{PICTURE}"


@pytest.mark.parametrize("via", NETWORKS)
def test_a_picture_without_an_address_needs_something_to_say_instead(via: str) -> None:
    adapter = desk(via).adapter
    with pytest.raises(MessageError, match="is sent no Image"):
        adapter.prepare(Image(content=b"x"), Conversation(adapter.account, NUMBER))


# --- life times


@pytest.mark.parametrize(
    ("via", "ttl", "members"),
    [
        ("telegram", 0, {}),
        ("telegram", 30, {"ttl": 31, "ttlUnit": "SECONDS"}),
        ("telegram", 120, {"ttl": 2, "ttlUnit": "MINUTES"}),
        ("telegram", 200_000, {"ttl": 1440, "ttlUnit": "MINUTES"}),
        ("whatsapp", 60, {"ttl": 1440, "ttlUnit": "MINUTES"}),
        ("whatsapp", 100_000, {"ttl": 2880, "ttlUnit": "MINUTES"}),
        ("sms", 30, {"ttl": 1, "ttlUnit": "MINUTES"}),
        ("vk", 90, {"ttl": 90, "ttlUnit": "SECONDS"}),
    ],
)
async def test_a_ttl_is_the_nearest_that_the_network_has(via: str, ttl: float, members: Json) -> None:
    (said,) = await desk(via).says(Text(text="now", ttl=ttl))
    assert {name: said["data"][name] for name in ("ttl", "ttlUnit") if name in said["data"]} == members


# --- extra


async def test_extra_members_go_where_rapporto_wants_them() -> None:
    there = desk("telegram")
    extra = {
        "useTimeDiff": True,
        "scheduleInfo": {"timeBegin": "09:30"},
        "serviceNumber": "SALE",
        "ttl": 60,
        "id": "x1",
    }
    await there.says(Text(text="now", ttl=90, extra={"rapporto": extra, "viber": {"other": 1}}))
    assert there.told["useTimeDiff"] is True
    assert there.told["scheduleInfo"] == {"timeBegin": "09:30"}
    assert there.told["id"] == "x1"
    assert there.told["message"]["data"] == {"text": "now", "serviceNumber": "SALE", "ttl": 60}


async def test_parameters_of_one_s_own_may_be_given_by_name() -> None:
    there = desk("sms")
    await there.says(Text(text="now", extra={"rapporto": {"extraParam": {"branch": "north", "geo": "59.93,30.31"}}}))
    assert there.told["extraParam"] == "branch=north,geo=59.93,,30.31"
    await there.says(Text(text="now", extra={"rapporto": {"extraParam": "a=1"}}))
    assert there.told["extraParam"] == "a=1"


@pytest.mark.parametrize(
    ("extra", "error"),
    [
        ({"scheduleinfo": {}}, "has scheduleinfo, and Rapporto knows"),
        ({"password": "x"}, "has password, and Rapporto knows"),
        ({"extraParam": {"a,b": "1"}}, "extraParam cannot be written: a name is empty"),
        ({"registeredDelivery": 3}, "registeredDelivery: must be 0"),
        ({"shortenLinks": True}, "shortenLinks: is not for TELEGRAM"),
        ({"ttl": 3600}, "message.data.ttl: must come to 31"),
        ({"link": ""}, "message.data.link: must not be empty"),
    ],
)
def test_what_extra_has_is_checked(extra: Json, error: str) -> None:
    with pytest.raises(MessageError, match=error):
        desk("telegram").adapter.check(Text(text="now", extra={"rapporto": extra}))


# --- calls of one's own


async def test_a_raw_message_goes_as_it_is_to_the_number_of_the_conversation() -> None:
    there = desk("telegram")
    message = {"type": "TGCODE", "data": {"text": "123456"}, "new": 1}
    assert await there.says(Raw(channel="rapporto", payload={"message": message})) == [message]
    assert there.told["destAddr"] == NUMBER


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (Raw(channel="viber", payload={}), "this Raw is for viber"),
        (Raw(channel="rapporto", method="send", payload={}), "has its channel and no method"),
        (Raw(channel="rapporto", payload={}), "message: is required"),
        (Raw(channel="rapporto", payload={"login": "x", "message": {"type": "PUSH", "data": {}}}), "login: is the"),
        (Raw(channel="rapporto", payload={"message": {"type": "PUSH", "data": {"x": object()}}}), "must be JSON"),
        (Raw(channel="rapporto", payload={"message": {"type": "PUSH", "data": {"x": "\ud800"}}}), "surrogate"),
    ],
)
def test_a_raw_message_that_rapporto_would_not_take_is_refused(raw: AnyMessage, error: str) -> None:
    with pytest.raises(MessageError, match=error):
        desk("telegram").adapter.check(raw)


def test_a_message_that_was_not_made_fit_is_refused_with_every_problem() -> None:
    with pytest.raises(InvalidRequestError) as raised:
        desk("telegram").adapter.check(Text(text="x" * 1001, extra={"rapporto": {"registeredDelivery": 9}}))
    assert [problem.path for problem in raised.value.problems] == ["message.data.text", "registeredDelivery"]
    with pytest.raises(MessageError, match="Rapporto has no Location"):
        desk("telegram").adapter.check(Location(latitude=1, longitude=2))
