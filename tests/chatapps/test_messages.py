"""Our messages as the JSON of each network, and a request to send as a message of ours."""

from typing import Any

import pytest

from botkit.addresses import parse_phone
from botkit.buttons import Button, Link, rows
from botkit.chatapps.contents import encode_content
from botkit.chatapps.messages import content_of, prepare_for, read_sent
from botkit.exceptions import InvalidRequestError, MessageError
from botkit.formatting import Span
from botkit.messages import (
    AnyMessage,
    Card,
    Carousel,
    Contact,
    File,
    Image,
    Location,
    Raw,
    Representative,
    Text,
    Video,
    Voice,
)
from tests.chatapps.requests_sent import BODIES

URL = "https://cdn.example/a"
PAGE = Link("Website", "https://shop.example/")
ACTION = {"text": "Website", "postbackData": "open:1", "openUrlAction": {"url": "https://shop.example/"}}


def made(network: str, message: AnyMessage) -> dict[str, Any]:
    return encode_content(content_of(network, message))


@pytest.mark.parametrize(
    ("message", "written"),
    [
        (Text(text="a **b**"), {"text": {"message": "a <b>b</b>", "parseMode": "Html"}}),
        (Text(text="a < b"), {"text": {"message": "a < b", "parseMode": "Default"}}),
        (Text(text="*<*"), {"text": {"message": "<i>&lt;</i>", "parseMode": "Html"}}),
        (
            Text(text="a", markdown=False, spans=(Span("link", 0, 1, url='https://x.cz/?a="&b'),)),
            {"text": {"message": '<a href="https://x.cz/?a=&quot;&amp;b">a</a>', "parseMode": "Html"}},
        ),
        (Text(text="a", silent=True), {"silent": True, "text": {"message": "a", "parseMode": "Default"}}),
        (Image(source=URL), {"photo": {"url": URL}}),
        (Image(source=URL, caption="_a_"), {"photo": {"url": URL, "caption": "<i>a</i>", "parseMode": "Html"}}),
        (File(source=f"{URL}.pdf"), {"document": {"url": f"{URL}.pdf"}}),
        (Video(source=f"{URL}.mp4"), {"video": {"url": f"{URL}.mp4"}}),
        (Voice(source=f"{URL}.ogg"), {"voice": {"url": f"{URL}.ogg"}}),
        (Location(latitude=1.5, longitude=2), {"location": {"latitude": 1.5, "longitude": 2}}),
    ],
    ids=range(11),
)
def test_a_message_on_telegram(message: AnyMessage, written: dict[str, Any]) -> None:
    assert made("telegram", message) == written


@pytest.mark.parametrize(
    ("message", "written"),
    [
        (Text(text="a **b** [c](https://x.cz)"), {"type": "session", "text": "a b c (https://x.cz)"}),
        (Text(text="a", ttl=59.5), {"type": "session", "ttl": 60, "text": "a"}),
        (Image(source=URL), {"type": "session", "mediaUrl": URL}),
        (
            File(source=f"{URL}.pdf"),
            {"type": "session", "file": {"mediaUrl": f"{URL}.pdf", "fileName": "a.pdf"}},
        ),
        (
            Text(text="a", buttons=rows([PAGE])),
            {"type": "promotional", "text": "a", "button": {"caption": "Website", "action": "https://shop.example/"}},
        ),
    ],
    ids=range(5),
)
def test_a_message_on_viber(message: AnyMessage, written: dict[str, Any]) -> None:
    assert made("viber", message) == written


@pytest.mark.parametrize(
    ("message", "written"),
    [
        (Text(text="a"), {"text": {"message": "a"}}),
        (
            Text(text="a **b**"),
            {"text": {"message": "a **b**", "containsRichText": True}, "fallback": "a b"},
        ),
        (
            Text(text="a", buttons=rows([Button("One", "1"), PAGE])),
            {
                "text": {"message": "a"},
                "suggestions": [
                    {"reply": {"text": "One", "postbackData": "1"}},
                    {"action": ACTION | {"postbackData": "open:2"}},
                ],
                "fallback": "a\nWebsite: https://shop.example/\nReply with: One",
            },
        ),
        (
            Text(text="a", fallback="b", representative=Representative("Ana", "human", f"{URL}.png")),
            {
                "text": {"message": "a"},
                "fallback": "b",
                "representative": {
                    "representativeType": "HUMAN",
                    "displayName": "Ana",
                    "avatarImage": f"{URL}.png",
                },
            },
        ),
        (
            Image(source=f"{URL}.png", thumbnail=f"{URL}.jpg"),
            {"image": {"fileUrl": f"{URL}.png", "thumbnailUrl": f"{URL}.jpg"}, "fallback": f"{URL}.png"},
        ),
        (
            Image(source=f"{URL}.png", caption="**Cat**"),
            {
                "standaloneCard": {
                    "description": "Cat",
                    "media": {"height": "MEDIUM", "contentInfo": {"fileUrl": f"{URL}.png", "altText": "Cat"}},
                },
                "fallback": f"Cat\n{URL}.png",
            },
        ),
        (
            Card(title="Shirt", description="_Blue_", image=f"{URL}.png", height="tall", buttons=rows([PAGE])),
            {
                "standaloneCard": {
                    "title": "Shirt",
                    "description": "Blue",
                    "media": {"height": "TALL", "contentInfo": {"fileUrl": f"{URL}.png", "altText": "Shirt"}},
                    "suggestions": [{"action": ACTION}],
                },
                "fallback": f"Shirt\nBlue\n{URL}.png\nWebsite: https://shop.example/",
            },
        ),
    ],
    ids=range(7),
)
def test_a_message_on_business_messages(message: AnyMessage, written: dict[str, Any]) -> None:
    assert made("gbm", message) == written


@pytest.mark.parametrize(("width", "height"), [("small", "MEDIUM"), ("medium", "TALL")])
def test_tall_cards_are_lower_in_a_narrow_carousel(width: Any, height: str) -> None:
    cards = (Card(title="A", image=f"{URL}.png", height="tall"), Card(title="B", buttons=rows([Button("B", "b")])))
    content = made("gbm", Carousel(cards=cards, width=width, buttons=rows([Button("None", "no")])))
    assert content["carouselCard"]["cardWidth"] == width.upper()
    first, second = content["carouselCard"]["cardContents"]
    assert first["media"]["height"] == height
    assert second == {"title": "B", "suggestions": [{"reply": {"text": "B", "postbackData": "b"}}]}
    assert content["suggestions"] == [{"reply": {"text": "None", "postbackData": "no"}}]
    assert content["fallback"].endswith("Reply with: B, None")


def test_a_fallback_that_is_made_keeps_to_its_bound_and_keeps_the_choices() -> None:
    content = made("gbm", Text(text="x" * 3072, buttons=rows([Button("One", "1")])))
    assert len(content["fallback"]) == 3072
    assert content["fallback"].endswith("…\nReply with: One")


@pytest.mark.parametrize("network", ["sms", "whatsapp"])
def test_words_are_bare_where_there_is_nothing_else(network: str) -> None:
    written = {"sms": {"text": "a b"}, "whatsapp": {"type": "regular", "regular": {"type": "text", "text": "a b"}}}
    assert made(network, Text(text="a **b**")) == written[network]


@pytest.mark.parametrize("network", ["sms", "whatsapp", "viber", "telegram", "gbm"])
def test_a_kind_that_a_network_has_not_is_refused(network: str) -> None:
    with pytest.raises(MessageError, match=f"{network} through mitto has no Contact"):
        content_of(network, Contact(phone="+386", name="Ana"))


@pytest.mark.parametrize("network", ["viber", "telegram"])
def test_a_button_that_a_network_has_not_is_refused(network: str) -> None:
    with pytest.raises(MessageError, match=f"{network} through mitto has"):
        content_of(network, Text(text="a", buttons=rows([Button("One", "1")])))


# --- what is given for the gateway alone


def test_own_members_take_the_place_of_what_the_message_has() -> None:
    assert made("sms", Text(text="a", extra={"mitto": {"sender": "SHOP"}})) == {"text": "a", "sender": "SHOP"}
    own = {"type": "transactional", "ttl": 60}
    assert made("viber", Text(text="a", ttl=90, extra={"mitto": own})) == own | {"text": "a"}


def test_own_members_are_judged_like_the_others() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        content_of("sms", Text(text="a", extra={"mitto": {"sender": "A" * 12, "from": "1"}}))
    assert [problem.path for problem in caught.value.problems] == ["sms.sender", "sms.from"]


def test_what_an_account_is_given_counts_where_the_message_says_nothing_else() -> None:
    given = {"type": "promotional", "ttl": 60}
    assert encode_content(content_of("viber", Text(text="a"), given)) == given | {"text": "a"}
    assert encode_content(content_of("viber", Text(text="a", ttl=90), given))["ttl"] == 90
    assert encode_content(content_of("telegram", Text(text="a"), {"silent": True}))["silent"] is True
    own = Text(text="a", extra={"mitto": {"type": "session"}})
    assert encode_content(content_of("viber", own, given))["type"] == "session"


def test_own_members_that_break_a_rule_are_told_when_the_message_is_prepared() -> None:
    with pytest.raises(InvalidRequestError, match=r"sms\.sender"):
        prepare_for("sms", Text(text="a", extra={"mitto": {"sender": "A" * 12}}))
    with pytest.raises(InvalidRequestError, match=r"sms\.sender"):
        prepare_for("sms", Text(text="a"), defaults={"sender": "A" * 12})


def test_a_raw_message_is_the_object_itself() -> None:
    for name, body in BODIES.items():
        for network in ("sms", "gbm", "viber", "telegram", "whatsapp"):
            if network in body:
                assert made(network, Raw(channel="mitto", payload=body[network])) == body[network], name


def test_a_raw_message_for_another_channel_is_refused() -> None:
    with pytest.raises(MessageError, match="a Raw for viber cannot be sent through mitto"):
        content_of("viber", Raw(channel="viber", payload={"type": "session", "text": "a"}))


# --- requests to an account

SMS: dict[str, Any] = {"trafficAccountId": "shop-sms", "destination": "385910000001", "sms": {"text": "Hello"}}


def told(body: dict[str, Any], network: str) -> list[str]:
    with pytest.raises(InvalidRequestError) as caught:
        read_sent(body, network, parse_phone)
    return [problem.path for problem in caught.value.problems]


def test_a_request_to_an_account_is_an_address_and_a_message() -> None:
    assert read_sent(SMS, "sms", parse_phone) == ("+385910000001", Text(text="Hello", markdown=False))


def test_a_request_without_the_object_of_the_account_is_refused() -> None:
    assert told(SMS, "viber") == ["viber"]


def test_everything_wrong_with_a_request_to_an_account_is_told_at_once() -> None:
    sent: dict[str, Any] = {"type": "promotional", "text": "a", "button": {"caption": "b", "action": "shop:1"}}
    body = {"destination": "12", "viber": sent, "shop": 1}
    assert set(told(body, "viber")) == {"trafficAccountId", "destination", "viber.button.action", "shop"}


def test_an_object_that_is_bad_is_not_told_to_be_missing() -> None:
    assert told(SMS | {"sms": {"text": 5}}, "sms") == ["sms.text"]
    assert told(SMS | {"sms": 5}, "sms") == ["sms"]


def test_other_members_of_the_send_api_are_not_in_the_way() -> None:
    to, _ = read_sent(SMS | {"notifyUrl": "https://a.example", "id": "7"}, "sms", parse_phone)
    assert to == "+385910000001"
