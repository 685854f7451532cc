"""What a request's object is as a message of ours, for the accounts that speak to the service directly."""

from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from botkit.buttons import AskContact, AskLocation, Button, Link, rows
from botkit.channels import gbm_messages, telegram_messages, viber_messages, viber_rendering
from botkit.chatapps.contents import encode_content, read_content
from botkit.chatapps.gbm import Gbm, as_google
from botkit.chatapps.messages import content_of
from botkit.chatapps.nouns import message_of
from botkit.chatapps.sms import Sms
from botkit.chatapps.viber import Viber
from botkit.chatapps.whatsapp import WhatsApp
from botkit.degradation import prepare
from botkit.exceptions import InvalidRequestError
from botkit.formatting import Span
from botkit.messages import (
    AnyMessage,
    Card,
    Carousel,
    File,
    Image,
    Location,
    Message,
    Raw,
    Representative,
    Text,
    Video,
    Voice,
)
from botkit.outgoing import Outgoing, decode, encode
from botkit.simulators import gbm_checks, viber_checks
from tests.chatapps.contents_made import GBM, MADE, SMS, TELEGRAM, VIBER, WHATSAPP

URL = "https://cdn.example/a"


def said(network: str, **members: Any) -> AnyMessage:
    return message_of(read_content(network, members))


@pytest.mark.parametrize("network", MADE)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_every_message_is_the_same_after_it_was_stored(network: str, data: st.DataObject) -> None:
    message = message_of(data.draw(MADE[network]))
    outgoing = Outgoing(key="1", account=("a", "b"), to="c", message=message)
    assert decode(encode(outgoing)) == outgoing


@settings(max_examples=30, deadline=None)
@given(SMS)
def test_an_sms_comes_back_as_it_was_but_for_spaces_at_its_ends(content: Sms) -> None:
    assert content_of("sms", message_of(content)) == Sms(content.text.strip(), content.sender)


@settings(max_examples=30, deadline=None)
@given(WHATSAPP)
def test_a_text_for_whatsapp_comes_back_as_it_was_but_for_spaces_at_its_ends(content: WhatsApp) -> None:
    back = WhatsApp("regular", {"type": "text", "text": content.text.strip()})
    assert content_of("whatsapp", message_of(content)) == back


def test_a_sender_stays_with_an_sms() -> None:
    message = Text(text="*Hi*", markdown=False, extra={"mitto": {"sender": "SHOP"}})
    assert said("sms", text="*Hi*", sender="SHOP") == message
    assert encode_content(content_of("sms", message)) == {"text": "*Hi*", "sender": "SHOP"}


def test_a_form_of_whatsapp_that_is_not_known_is_left_to_the_gateway() -> None:
    assert said("whatsapp", type="regular", regular={"type": "text", "text": "Hi"}) == Text(text="Hi", markdown=False)
    with pytest.raises(InvalidRequestError, match=r"whatsapp\.template: is a form that only the gateway sends"):
        said("whatsapp", type="template", template={"type": "text", "text": "Hi"})


# --- Telegram


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"text": {"message": "*Hi*"}}, Text(text="*Hi*", markdown=False)),
        ({"text": {"message": "*Hi*", "parseMode": "Default"}}, Text(text="*Hi*", markdown=False)),
        (
            {"silent": True, "text": {"message": "<b>Hi</b>", "parseMode": "Html"}},
            Text(text="Hi", markdown=False, spans=(Span("bold", 0, 2),), silent=True),
        ),
        (
            {"text": {"message": "_Hi_", "parseMode": "MarkdownV2"}},
            Text(text="Hi", markdown=False, spans=(Span("italic", 0, 2),)),
        ),
        (
            {"text": {"message": "<u>Hi</u>", "parseMode": "Html"}},
            Text(text="Hi", markdown=False, extra={"telegram": {"text": "<u>Hi</u>", "parse_mode": "HTML"}}),
        ),
        (
            {"text": {"message": "Hi", "noPreview": True}},
            Text(text="Hi", markdown=False, extra={"telegram": {"link_preview_options": {"is_disabled": True}}}),
        ),
        ({"photo": {"url": URL, "caption": "*a*\nb"}}, Image(source=URL, caption=r"\*a\*&#10;b")),
        (
            {"photo": {"url": URL, "caption": "<b>a</b>", "parseMode": "Html"}},
            Image(source=URL, caption="a", extra={"telegram": {"caption": "<b>a</b>", "parse_mode": "HTML"}}),
        ),
        ({"document": {"url": f"{URL}.pdf"}}, File(source=f"{URL}.pdf")),
        ({"video": {"url": f"{URL}.mp4"}, "silent": True}, Video(source=f"{URL}.mp4", silent=True)),
        ({"voice": {"url": f"{URL}.ogg"}}, Voice(source=f"{URL}.ogg")),
        ({"location": {"latitude": 1.5, "longitude": 2}}, Location(latitude=1.5, longitude=2)),
    ],
    ids=range(12),
)
def test_what_telegram_is_sent(members: dict[str, Any], message: Message) -> None:
    assert said("telegram", **members) == message


@settings(max_examples=30, deadline=None)
@given(TELEGRAM)
async def test_whatever_is_valid_leaves_for_telegram_as_one_call(content: Any) -> None:
    message = message_of(content)
    prepared = prepare(message, lambda part: telegram_messages.capabilities_for(part, is_private=True))
    (part,) = prepared.messages
    assert prepared.losses == ()
    telegram_messages.check_message(part)
    call = await telegram_messages.render(part, {"chat_id": "1"})
    assert call.parameters.get("disable_notification", False) == content.silent
    words = content.text.message if content.text else getattr(getattr(content, content.kind), "caption", "")
    if "parse_mode" in call.parameters:
        assert words in (call.parameters.get("text"), call.parameters.get("caption"))
        assert not {"entities", "caption_entities"} & call.parameters.keys()


# --- Viber

KEY = {"ActionType": "reply", "ActionBody": "yes", "Text": "<b>Yes</b> &amp; no", "BgColor": "#ffffff"}
KEYBOARD = {"Type": "keyboard", "DefaultHeight": True, "Buttons": [KEY]}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"text": "*Hi*"}, Text(text="*Hi*", markdown=False)),
        ({"text": "Hi", "ttl": 60}, Text(text="Hi", markdown=False, ttl=60)),
        ({"mediaUrl": f"{URL}.png"}, Image(source=f"{URL}.png")),
        ({"file": {"mediaUrl": f"{URL}.pdf"}}, File(source=f"{URL}.pdf", name="a.pdf")),
        (
            {"text": "_Hi_", "mediaUrl": f"{URL}.png", "button": {"caption": "Open", "action": "viber://pa"}},
            Image(source=f"{URL}.png", caption=r"\_Hi\_", buttons=rows([Link("Open", "viber://pa")])),
        ),
    ],
    ids=range(5),
)
def test_what_viber_is_sent(members: dict[str, Any], message: Message) -> None:
    found = said("viber", type="promotional", **members)
    assert found == msgspec.structs.replace(message, extra={"mitto": {"type": "promotional"}})


def test_the_keys_of_a_keyboard_are_buttons_that_look_the_same() -> None:
    message = said("viber", type="session", text="Hi", keyboard=KEYBOARD)
    assert [type(button) for row in message.buttons for button in row] == [Button]
    (((button,),), looks) = (message.buttons, message.extra["viber"])
    assert isinstance(button, Button)
    assert (button.text, button.value) == ("Yes & no", "yes")
    assert looks == {"keyboard": {"DefaultHeight": True}}
    rendered = viber_rendering.render(message)["keyboard"]
    assert rendered == KEYBOARD | {"Buttons": [{"Columns": 6, "Rows": 1, "Silent": False} | KEY]}


@pytest.mark.parametrize(
    ("action", "body", "kind"),
    [
        ("reply", "a", Button),
        ("open-url", "https://shop.example/", Link),
        ("open-url", "mailto:a@shop.example", Button),
        ("location-picker", "a", AskLocation),
        ("share-phone", "a", AskContact),
        ("none", "a", Button),
    ],
)
def test_each_action_is_kept(action: str, body: str, kind: type) -> None:
    key = {"ActionType": action, "ActionBody": body, "Text": "A"}
    message = said("viber", type="session", text="Hi", keyboard={"Type": "keyboard", "Buttons": [key]})
    (((button,),),) = (message.buttons,)
    assert isinstance(button, kind)
    (shown,) = viber_rendering.render(message)["keyboard"]["Buttons"]
    assert key.items() <= shown.items()


def test_keys_stand_in_rows_as_viber_would_set_them() -> None:
    keys = [{"ActionBody": str(columns), "Columns": columns} for columns in (3, 3, 4, 3, 2, 2, 2)]
    message = said("viber", type="session", text="Hi", keyboard={"Type": "keyboard", "Buttons": keys})
    assert [len(row) for row in message.buttons] == [2, 1, 2, 2]
    narrow = {"Type": "keyboard", "ButtonsGroupColumns": 4, "Buttons": [*keys[:2], {"ActionBody": "x"}]}
    message = said("viber", type="session", text="Hi", keyboard=narrow)
    assert [len(row) for row in message.buttons] == [1, 1, 1]


def test_a_keyboard_alone_is_sent_in_viber_s_own_words() -> None:
    message = said("viber", type="session", keyboard=KEYBOARD, ttl=60)
    assert message == Raw(channel="viber", payload={"keyboard": KEYBOARD, "min_api_version": 7}, ttl=60)
    assert not viber_checks.check_message({"sender": {"name": "Demo"}} | viber_rendering.render(message))


def test_an_address_that_no_link_opens_is_left_to_the_gateway() -> None:
    button = {"caption": "Open", "action": "app.shop:open"}
    with pytest.raises(InvalidRequestError) as caught:
        said("viber", type="promotional", text="a", button=button)
    assert [problem.path for problem in caught.value.problems] == ["viber.button.action"]


@settings(max_examples=30, deadline=None)
@given(VIBER)
def test_whatever_is_valid_leaves_for_viber_with_its_words_and_keys(content: Viber) -> None:
    message = message_of(content)
    prepared = prepare(message, viber_messages.capabilities_for)
    for part in prepared.messages:
        viber_messages.check_message(part, {"name": "Demo"})
        assert not viber_checks.check_message({"sender": {"name": "Demo"}} | viber_rendering.render(part))
    assume(not isinstance(message, Raw))
    shown = [viber_rendering.render(part).get("keyboard", {}).get("Buttons", []) for part in prepared.messages]
    natives = content.keyboard.get("Buttons", [])
    assert len(natives) + bool(content.button) == sum(map(len, shown))


# --- Business Messages


def test_a_rich_text_of_business_messages_is_markdown() -> None:
    message = said(
        "gbm",
        text={"message": "Pick **one**", "containsRichText": True},
        fallback="Pick one",
        representative={"representativeType": "HUMAN", "displayName": "Ana", "avatarImage": f"{URL}.png"},
        suggestions=[
            {"reply": {"text": "One", "postbackData": "1"}},
            {"action": {"text": "Shop", "postbackData": "shop", "openUrlAction": {"url": "https://shop.example/"}}},
        ],
    )
    assert isinstance(message, Text)
    assert (message.text, message.markdown, message.fallback) == ("Pick **one**", True, "Pick one")
    assert message.representative == Representative("Ana", "human", f"{URL}.png")
    assert message.buttons == ((Button("One", "1"),), (Link("Shop", "https://shop.example/"),))


def test_a_plain_text_of_business_messages_is_not_markdown() -> None:
    message = said("gbm", text={"message": "a **b**"})
    assert isinstance(message, Text)
    assert (message.text, message.markdown) == ("a **b**", False)


def test_images_cards_and_carousels_are_ours() -> None:
    media = {"height": "TALL", "contentInfo": {"fileUrl": f"{URL}.png"}}
    card = {"title": "Shirt", "description": "*Blue*", "media": media}
    expected = Card(title="Shirt", description=r"\*Blue\*", image=f"{URL}.png", height="tall")
    image, one = said("gbm", image={"fileUrl": f"{URL}.png", "thumbnailUrl": URL}), said("gbm", standaloneCard=card)
    several = said("gbm", carouselCard={"cardWidth": "MEDIUM", "cardContents": [card, card]})
    bare = [msgspec.structs.replace(message, extra={}) for message in (image, one, several)]
    assert bare == [Image(source=f"{URL}.png", thumbnail=URL), expected, Carousel(cards=(expected, expected))]


@settings(max_examples=40, deadline=None)
@given(GBM)
def test_whatever_is_valid_leaves_for_google_as_it_would_through_the_gateway(content: Gbm) -> None:
    prepared = prepare(message_of(content), gbm_messages.capabilities_for)
    (part,) = prepared.messages
    assert prepared.losses == ()
    gbm_messages.check_message(part)
    rendered = gbm_messages.render(part)
    google = as_google(content)
    assert google.items() <= rendered.items()
    assert rendered.keys() - google.keys() <= {"fallback"}
    rendered.pop("forceFallback", None)
    gbm_checks.check_message({"messageId": "m"} | rendered)
