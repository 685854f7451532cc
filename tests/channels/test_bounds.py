"""Both sides of every bound on what is sent: at the bound a message is sent as it is, beyond it as the service can.

Beyond a bound a message is split, degraded or refused when it is decided on: nothing is sent that a service is known
to refuse.
"""

from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import replace

from botkit.adapter import Outcome
from botkit.buttons import Button, Link, rows
from botkit.channels import gbm, viber
from botkit.channels.viber import Viber
from botkit.channels.viber_messages import FORBIDDEN
from botkit.conversation import Conversation
from botkit.exceptions import MessageError
from botkit.menu import token_of
from botkit.messages import (
    AnyMessage,
    Card,
    Carousel,
    Contact,
    Delete,
    Edit,
    File,
    Image,
    Raw,
    Representative,
    Sticker,
    Text,
    Video,
)
from tests.channels.bot_api import BotApi
from tests.channels.lines import open_line

URL = "https://media.example/"
FILE = File(source=f"{URL}a", name="a.pdf", size=1)
VIDEO = Video(source=f"{URL}a.mp4", size=1)
CONTACT = Contact(phone="+38640111222", name="Ana")


class Bound(Struct, frozen=True):
    """A message at a bound and one beyond it; what is lost beyond, or as a pattern the error that it leads to."""

    within: AnyMessage
    beyond: AnyMessage
    loses: str = ""
    error: str = ""


def buttons(count: int, *, row: int = 1, label: str = "", value: str = "", **more: Any) -> Text:
    """Returns a text with so many buttons, so many in a row."""
    made = [Button(label or f"b{number}", value or f"v{number}") for number in range(count)]
    return Text(text="?", buttons=rows([made[start : start + row] for start in range(0, count, row)]), **more)


def address(length: int, end: str = ".png") -> str:
    return URL + "x" * (length - len(URL) - len(end)) + end


def card(**content: Any) -> Card:
    return Card(**({"title": "A"} | content))


def choices(count: int) -> Any:
    return rows([Button(f"b{number}", f"v{number}") for number in range(count)])


def cards(count: int) -> Carousel:
    return Carousel(cards=tuple(Card(title=f"{number}") for number in range(count)))


def speaking(name: str = "", avatar: str = "") -> Text:
    return Text(text="x", representative=Representative(name, avatar=avatar))


def tracked(length: int) -> Text:
    return Text(text="x", extra={"viber": {"tracking_data": "x" * length}})


VIBER = {
    "text": Bound(Text(text="x" * 7000), Text(text="x" * 7001), "text in 2 pieces"),
    "text in UTF-16 units": Bound(Text(text="🙂" * 3500), Text(text="🙂" * 3501), "text in 2 pieces"),
    "caption": Bound(
        Image(source=f"{URL}a.png", caption="x" * 768),
        Image(source=f"{URL}a.png", caption="x" * 769),
        "caption as a text",
    ),
    "address of a picture": Bound(Image(source=address(2000)), Image(source=address(2001)), "Image as words"),
    "thumbnail": Bound(
        Image(source=f"{URL}a.png", thumbnail=address(2000)),
        Image(source=f"{URL}a.png", thumbnail=address(2001)),
        error="2001.*2000",
    ),
    "address of a film": Bound(
        replace(VIDEO, source=address(2000)), replace(VIDEO, source=address(2001)), "Video as words"
    ),
    "most bytes of a film": Bound(replace(VIDEO, size=27_262_976), replace(VIDEO, size=27_262_977), "Video as words"),
    "least bytes of a film": Bound(VIDEO, replace(VIDEO, size=0), "Video as words"),
    "seconds of a film": Bound(replace(VIDEO, duration=180), replace(VIDEO, duration=180.1), "Video as words"),
    "most bytes of a file": Bound(replace(FILE, size=52_428_800), replace(FILE, size=52_428_801), "File as words"),
    "least bytes of a file": Bound(FILE, replace(FILE, size=0), "File as words"),
    "name of a file": Bound(replace(FILE, name="x" * 256), replace(FILE, name="x" * 257), error="257.*256"),
    "name of somebody": Bound(replace(CONTACT, name="x" * 28), replace(CONTACT, name="x" * 29), "Contact as words"),
    "both names of somebody": Bound(
        replace(CONTACT, name="x" * 20, last_name="y" * 7),
        replace(CONTACT, name="x" * 20, last_name="y" * 8),
        "Contact as words",
    ),
    "number of somebody": Bound(replace(CONTACT, phone="1" * 18), replace(CONTACT, phone="1" * 19), "Contact as words"),
    "sticker": Bound(Sticker(id="40126"), Sticker(id="CAAC", fallback=":)"), "Sticker as words"),
    "sender's name": Bound(speaking("x" * 28), speaking("x" * 29), error="29.*28"),
    "sender's picture": Bound(speaking(avatar=address(2000)), speaking(avatar=address(2001)), error="2001.*2000"),
    "tracking data": Bound(tracked(4000), tracked(4001), error="4001.*4000"),
    "whole message": Bound(
        Text(text="\x01" * 4900, markdown=False), Text(text="\x01" * 5200, markdown=False), error="bytes of JSON.*30720"
    ),
    "rows": Bound(buttons(12), buttons(13)),
    "buttons in a row": Bound(buttons(6, row=6), buttons(7, row=7)),
    "buttons": Bound(buttons(72, row=6), buttons(73, row=6), "Button as words"),
    "narrow rows": Bound(
        buttons(3, row=3, extra=viber.keyboard(columns=3)), buttons(4, row=4, extra=viber.keyboard(columns=3))
    ),
    "narrow buttons": Bound(
        buttons(36, row=3, extra=viber.keyboard(columns=3)),
        buttons(37, row=3, extra=viber.keyboard(columns=3)),
        "Button as words",
    ),
    "label": Bound(buttons(1, label="x" * 250), buttons(1, label="x" * 251), "Button with a label cut short"),
    "label in HTML": Bound(buttons(1, label="&" * 50), buttons(1, label="&" * 51), "Button with a label cut short"),
    "value": Bound(buttons(1, value="x" * 250), buttons(1, value="x" * 251)),
    "link": Bound(
        Text(text="?", buttons=rows([Link("x", address(2000))])),
        Text(text="?", buttons=rows([Link("x", address(2001))])),
        "Link as words",
    ),
    "title of a card": Bound(card(title="x" * 80), card(title="x" * 81), "Card in parts"),
    "words of a card": Bound(
        card(description="x" * 120), card(description="x" * 121, image=address(40)), "Card in parts"
    ),
    "words of a card in HTML": Bound(card(description="&" * 24), card(description="&" * 25), "Card in parts"),
    "lines of a card": Bound(card(description="a\n" * 24), card(description="a\n" * 25), "Card in parts"),
    "picture of a card": Bound(card(image=address(2000)), card(image=address(2001)), "Card as words"),
    "buttons of a card": Bound(card(buttons=choices(2)), card(buttons=choices(3)), "Button as words"),
    "cards": Bound(cards(6), cards(7), "Carousel in parts"),
    "buttons of a card among cards": Bound(
        Carousel(cards=(card(), card(buttons=choices(2)))),
        Carousel(cards=(card(), card(buttons=choices(3)))),
        "Carousel in parts",
    ),
}

GBM = {
    "text": Bound(Text(text="x" * 3072), Text(text="x" * 3073), "text in 2 pieces"),
    "text in characters": Bound(Text(text="🙂" * 3072), Text(text="🙂" * 3073), "text in 2 pieces"),
    "rich text": Bound(Text(text=f"**{'x' * 3068}**"), Text(text=f"**{'x' * 3069}**"), "text in 2 pieces"),
    "fallback": Bound(Text(text="x", fallback="x" * 3072), Text(text="x", fallback="x" * 3073), error="3072.*3073"),
    "fallback that is not there": Bound(
        Text(text="x", fallback="y", extra=gbm.FORCE_FALLBACK),
        Text(text="x", extra=gbm.FORCE_FALLBACK),
        error="give it a fallback",
    ),
    "suggestions": Bound(buttons(13), buttons(14), "Button as words"),
    "label": Bound(buttons(1, label="x" * 25), buttons(1, label="x" * 26), "Button with a label cut short"),
    "value": Bound(buttons(1, value="x" * 2048), buttons(1, value="x" * 2049)),
    "number": Bound(
        Text(text="?", buttons=rows([Link("x", "tel:+386")])),
        Text(text="?", buttons=rows([Link("x", "tel:+abc")])),
        "Link as words",
    ),
    "type of a picture": Bound(Image(source=f"{URL}a.png"), Image(source=f"{URL}a.gif"), "Image as words"),
    "scheme of a picture": Bound(Image(source=f"{URL}a"), Image(source="http://media.example/a"), "Image as words"),
    "thumbnail": Bound(
        Image(source=f"{URL}a.png", thumbnail=f"{URL}b.png"),
        Image(source=f"{URL}a.png", thumbnail=f"{URL}b.tiff"),
        error="jpeg, jpg, png, webp",
    ),
    "caption": Bound(
        Image(source=f"{URL}a.png", caption="x" * 2000),
        Image(source=f"{URL}a.png", caption="x" * 2001),
        "caption as a text",
    ),
    "title of a card": Bound(card(title="x" * 200), card(title="x" * 201), "Card in parts"),
    "words of a card": Bound(card(description="x" * 2000), card(description="x" * 2001), "Card in parts"),
    "picture of a card": Bound(card(image=f"{URL}a.png"), card(image=f"{URL}a.gif"), "Card in parts"),
    "buttons of a card": Bound(card(buttons=choices(4)), card(buttons=choices(5)), "Button as words"),
    "cards": Bound(cards(2), Carousel(cards=(card(image=f"{URL}a.gif"), card())), "Carousel in parts"),
    "most cards": Bound(cards(10), Carousel(cards=(*cards(9).cards, card(title="x" * 201))), "Carousel in parts"),
    "buttons of a card among cards": Bound(
        Carousel(cards=(card(), card(buttons=choices(4)))),
        Carousel(cards=(card(), card(buttons=choices(5)))),
        "Carousel in parts",
    ),
    "label on a card among cards": Bound(
        Carousel(cards=(card(), card(buttons=rows([Button("x" * 25, "v")])))),
        Carousel(cards=(card(), card(buttons=rows([Button("x" * 26, "v")])))),
        "Carousel in parts",
    ),
    "method": Bound(
        Raw(channel="gbm", payload={}, method="surveys"),
        Raw(channel="gbm", payload={}, method="survey"),
        error="messages, events or surveys",
    ),
}

TELEGRAM = {
    "text": Bound(Text(text="x" * 4096), Text(text="x" * 4097), "text in 2 pieces"),
    "text in UTF-16 units": Bound(Text(text="🙂" * 2048), Text(text="🙂" * 2049), "text in 2 pieces"),
    "text without its marks": Bound(Text(text=f"**{'x' * 4096}**"), Text(text=f"**{'x' * 4097}**"), "text in 2 pieces"),
    "entities": Bound(Text(text="**a** b " * 100), Text(text="**a** b " * 101), "text in 2 pieces"),
    "caption": Bound(Image(source=URL, caption="x" * 1024), Image(source=URL, caption="x" * 1025), "caption as a text"),
    "entities of a caption": Bound(
        Image(source=URL, caption="**a** b " * 100), Image(source=URL, caption="**a** b " * 101), "caption as a text"
    ),
    "buttons": Bound(buttons(100), buttons(101), "Button as words"),
    "buttons in a row": Bound(buttons(8, row=8), buttons(9, row=9)),
    "value": Bound(buttons(1, value="x" * 64), buttons(1, value="x" * 65)),
    "value in bytes": Bound(buttons(1, value="ž" * 32), buttons(1, value="ž" * 33)),
    "type of a file by its address": Bound(File(source=f"{URL}a.pdf"), File(source=f"{URL}a.docx"), "File as words"),
    "id of a message to answer": Bound(
        Text(text="x", reply_to="9" * 19), Text(text="x", reply_to="9" * 20), error="numbers"
    ),
    "id of a message to edit": Bound(
        Edit(text="x", message_id="9" * 19), Edit(text="x", message_id="9" * 20), error="numbers"
    ),
    "id of a message to delete": Bound(Delete(message_ids=("7",)), Delete(message_ids=("-7",)), error="numbers"),
    "address of a link": Bound(
        Text(text="?", buttons=rows([Link("x", "tg://resolve?domain=a")])),
        Text(text="?", buttons=rows([Link("x", "viber://pa")])),
        "Link as words",
    ),
}
SIMULATED = [(channel, name) for channel, table in (("viber", VIBER), ("gbm", GBM)) for name in table]
BOUNDS = {"viber": VIBER, "gbm": GBM}
TAKEN = [(channel, name) for channel, name in SIMULATED if not isinstance(BOUNDS[channel][name].within, Raw)]


@pytest.mark.parametrize(("channel", "name"), TAKEN)
async def test_at_its_bound_a_message_is_sent_as_it_is_and_the_service_takes_it(channel: str, name: str) -> None:
    within = BOUNDS[channel][name].within
    async with open_line(channel) as line:
        assert line.prepare(within).messages == (within,)
        assert await line.say(within) == [Outcome.SENT]


@pytest.mark.parametrize(("channel", "name"), SIMULATED)
async def test_beyond_its_bound_the_service_is_sent_only_what_it_takes(channel: str, name: str) -> None:
    bound = BOUNDS[channel][name]
    async with open_line(channel) as line:
        if bound.error:
            with pytest.raises(MessageError, match=bound.error):
                line.prepare(bound.beyond)
            return
        prepared = line.prepare(bound.beyond)
        assert prepared.messages != (bound.beyond,)
        assert (bound.loses in prepared.losses) if bound.loses else prepared.losses == ()
        assert set(await line.say(bound.beyond)) == {Outcome.SENT}


@pytest.mark.parametrize("name", TELEGRAM)
async def test_telegram_is_sent_what_is_at_a_bound_as_it_is_and_nothing_beyond_it(name: str) -> None:
    bound, api = TELEGRAM[name], BotApi()
    place = Conversation(api.adapter.account, "5550001")
    assert api.adapter.prepare(bound.within, place).messages == (bound.within,)
    if bound.error:
        with pytest.raises(MessageError, match=bound.error):
            api.adapter.prepare(bound.beyond, place)
        return
    prepared = api.adapter.prepare(bound.beyond, place)
    assert prepared.messages != (bound.beyond,)
    assert (bound.loses in prepared.losses) if bound.loses else prepared.losses == ()
    for receipt in await api.send(bound.beyond):
        assert receipt.outcome is Outcome.SENT


def test_a_value_beyond_the_bound_travels_as_a_token() -> None:
    api = BotApi()
    (part,) = api.adapter.prepare(TELEGRAM["value"].beyond, Conversation(api.adapter.account, "5550001")).messages
    assert part.buttons == ((Button("b0", token_of("x" * 65)),),)


@pytest.mark.parametrize("extension", sorted(FORBIDDEN))
async def test_a_file_of_a_format_that_vibers_clients_refuse_is_a_link(extension: str) -> None:
    async with open_line("viber") as line:
        await line.say(replace(FILE, name=f"a.{extension.upper()}"))
        assert line.tap.requests[-1]["body"]["type"] == "text"


@pytest.mark.parametrize("extension", ["jpg", "jpeg", "png", "gif", "PNG"])
async def test_a_picture_that_viber_takes_is_a_picture(extension: str) -> None:
    async with open_line("viber") as line:
        await line.say(Image(source=f"{URL}a.{extension}?size=1"))
        assert line.tap.requests[-1]["body"]["type"] == "picture"


@pytest.mark.parametrize("extension", ["pdf", "gif", "zip", "PDF"])
async def test_a_file_that_telegram_fetches_is_a_file(extension: str) -> None:
    api = BotApi()
    await api.send(File(source=f"{URL}a.{extension}"))
    assert api.calls[-1].method == "sendDocument"


async def test_tall_pictures_stand_between_wide_cards_only() -> None:
    async with open_line("gbm") as line:
        tall = card(image=f"{URL}a.png", height="tall")
        small = Carousel(width="small", cards=(tall, tall))
        for carousel, height in ((small, "MEDIUM"), (replace(small, width="medium"), "TALL")):
            assert await line.say(carousel) == [Outcome.SENT]
            contents = line.tap.requests[-1]["body"]["richCard"]["carouselCard"]["cardContents"]
            assert {content["media"]["height"] for content in contents} == {height}


async def test_the_words_for_old_devices_are_cut_to_their_bound() -> None:
    async with open_line("viber") as line:
        for length, kept in ((7000, 7000), (7001, 3500)):
            assert await line.say(card(fallback="x" * length)) == [Outcome.SENT]
            assert len(line.tap.requests[-1]["body"]["alt_text"]) == kept


async def test_a_name_of_the_account_that_is_too_long_for_viber_is_cut_between_two_characters() -> None:
    async with open_line("viber") as line:
        assert isinstance(line.adapter, Viber)
        line.adapter.name, line.adapter.ta = "", "x" + "🙂" * 14
        await line.say(Text(text="x"))
        assert line.tap.requests[-1]["body"]["sender"]["name"] == "x" + "🙂" * 13
