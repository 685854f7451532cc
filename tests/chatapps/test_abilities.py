"""What each network shows through the gateway, and that whatever degradation makes is something it can show."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from botkit.buttons import AGENT, AskAgent, Button, Dial, Link, Login, rows
from botkit.capabilities import Support
from botkit.chatapps.abilities import CAPABILITIES, capabilities_for
from botkit.chatapps.contents import NETWORKS, encode_content, read_content
from botkit.chatapps.messages import content_of, prepare_for
from botkit.messages import (
    AnyMessage,
    Audio,
    Card,
    Carousel,
    Contact,
    File,
    Image,
    Location,
    Message,
    Raw,
    Sticker,
    Text,
    Video,
    Voice,
)
from tests.test_degradation import any_message, any_rows, choices, words

URL = "https://media.example/a"
MARKED = [
    "**bold** words",
    "# head\n- a\n- b",
    "[label](https://x.cz)",
    "`code` and ~~strike~~",
    "> quote",
    "a < b & c",
]
more_messages = st.one_of(
    st.builds(Text, text=st.sampled_from(MARKED), silent=st.booleans(), ttl=st.sampled_from([0, 30, 30.5, 1_209_600])),
    st.builds(Voice, source=st.sampled_from([f"{URL}.ogg", f"{URL}.wav", URL]), caption=words),
    st.builds(Video, source=st.sampled_from([f"{URL}.mp4", f"{URL}.mov"]), caption=st.sampled_from(MARKED)),
    st.builds(Audio, source=st.just(f"{URL}.mp3"), caption=words),
    st.builds(
        File, source=st.just(f"{URL}.pdf"), name=st.sampled_from(["", "a.pdf", "a" * 30 + ".pdf"]), caption=words
    ),
    st.builds(
        Image, source=st.sampled_from(["http://media.example/a.png", "AgACAgIAAx"]), fallback=words, caption=words
    ),
)
OWN: dict[str, list[dict[str, Any]]] = {
    "sms": [{"sender": "SHOP"}],
    "viber": [{"type": "transactional"}, {"type": "session", "ttl": 60}, {"type": "promotional"}, {"type": "regular"}],
    "telegram": [{"silent": True}],
    "gbm": [{"representative": {"representativeType": "HUMAN"}}],
    "whatsapp": [],
}


@pytest.mark.parametrize("network", NETWORKS)
@settings(max_examples=20, deadline=None)
@given(message=any_message | more_messages, buttons=any_rows, data=st.data())
def test_every_message_becomes_what_the_network_takes_and_every_choice_can_be_made(
    network: str, message: AnyMessage, buttons: Any, data: st.DataObject
) -> None:
    own = data.draw(st.sampled_from([{}, *OWN[network]]))
    message = replace(message, buttons=buttons, extra={"mitto": own} if own else {})
    prepared = prepare_for(network, message)
    assert prepared.messages
    for part in prepared.messages:
        content = content_of(network, part)
        written = encode_content(content)
        assert read_content(network, written) == content
        assert own.items() <= written.items()
    pressed = {button.value for part in prepared.messages for button in choices(part)}
    offered = pressed | {choice.value for choice in prepared.menu}
    if any(isinstance(button, AskAgent) for row in buttons for button in row):
        offered.add(AGENT)
    assert {button.value for button in choices(message)} <= {prepared.values.get(value, value) for value in offered}


def written(network: str, message: AnyMessage, **defaults: Any) -> list[dict[str, Any]]:
    return [
        encode_content(content_of(network, part, defaults))
        for part in prepare_for(network, message, defaults=defaults).messages
    ]


# --- what is named in the capability table


def test_only_telegram_has_video_voice_places_and_silence() -> None:
    for kind in (Video, Voice, Location):
        assert [name for name, can in CAPABILITIES.items() if can.is_native(kind)] == ["telegram"]
    assert [name for name, can in CAPABILITIES.items() if "silent" in can.options] == ["telegram"]


def test_only_business_messages_have_cards_answers_and_representatives() -> None:
    for kind in (Card, Carousel):
        assert [name for name, can in CAPABILITIES.items() if can.is_native(kind)] == ["gbm"]
    assert [name for name, can in CAPABILITIES.items() if Button in can.buttons] == ["gbm"]
    assert [name for name, can in CAPABILITIES.items() if "representative" in can.options] == ["gbm"]


def test_images_and_links_are_where_the_table_says() -> None:
    assert [name for name, can in CAPABILITIES.items() if can.is_native(Image)] == ["gbm", "viber", "telegram"]
    assert [name for name, can in CAPABILITIES.items() if can.is_native(File)] == ["viber", "telegram"]
    assert [name for name, can in CAPABILITIES.items() if Link in can.buttons] == ["gbm", "viber"]


# --- each network's own bounds


@pytest.mark.parametrize(
    ("network", "message", "is_shown"),
    [
        ("gbm", Image(source=f"{URL}.webp"), True),
        ("gbm", Image(source=f"{URL}.gif"), False),
        ("gbm", Image(source="http://media.example/a.png"), False),
        ("gbm", Card(title="A", image=f"{URL}.png"), True),
        ("gbm", Card(title="A", image=f"{URL}.gif"), False),
        ("gbm", Carousel(cards=(Card(title="A"), Card(title="B", image=f"{URL}.gif"))), False),
        ("telegram", File(source=f"{URL}.PDF"), True),
        ("telegram", File(source=URL), True),
        ("telegram", File(source=f"{URL}.docx"), False),
        ("telegram", Video(source=f"{URL}.mp4"), True),
        ("telegram", Video(source=f"{URL}.mov"), False),
        ("telegram", Voice(source=f"{URL}.mp3"), True),
        ("telegram", Voice(source=f"{URL}.wav"), False),
        ("telegram", Image(source=f"{URL}.tiff"), True),
        ("telegram", Image(source="AgACAgIAAx"), False),
        ("telegram", Audio(source=f"{URL}.mp3"), False),
        ("telegram", Location(latitude=1, longitude=2), True),
        ("telegram", Location(latitude=1, longitude=2, name="Shop", address="Main St"), False),
        ("telegram", Contact(phone="+386", name="Ana"), False),
        ("telegram", Sticker(id="CAAC"), False),
        ("viber", Image(source=f"{URL}.webp"), True),
        ("viber", File(source=f"{URL}.pdf", size=200_000_000), True),
        ("viber", File(source=f"{URL}.pdf", size=200_000_001), False),
        ("viber", File(source=f"{URL}.exe"), False),
        ("viber", File(source=URL, name="a" * 21 + ".pdf"), True),
        ("viber", File(source=URL, name="a" * 22 + ".pdf"), False),
        ("viber", Image(source=URL, extra={"mitto": {"type": "transactional"}}), False),
        ("sms", Image(source=URL), False),
        ("whatsapp", Image(source=URL), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Message) else str(value),
)
def test_what_a_network_would_not_take_is_known(network: str, message: AnyMessage, is_shown: bool) -> None:
    support = capabilities_for(network, message).support(type(message))
    assert (support is Support.NATIVE) is is_shown


def test_a_long_text_for_viber_is_split_at_1000_units() -> None:
    assert len(written("viber", Text(text="x" * 1000))) == 1
    assert [len(part["text"]) for part in written("viber", Text(text="x" * 1001))] == [1000, 1]


OPEN = Link("Open", "https://shop.example/")


def test_an_image_with_words_and_a_link_is_an_offer_on_viber() -> None:
    message = Image(source=f"{URL}.png", caption="**Sale**", buttons=rows([OPEN]))
    button = {"caption": "Open", "action": "https://shop.example/"}
    assert written("viber", message) == [
        {"type": "promotional", "text": "Sale", "mediaUrl": f"{URL}.png", "button": button}
    ]


def test_an_image_with_words_alone_is_an_image_and_a_text_on_viber() -> None:
    message = Image(source=f"{URL}.png", caption="Sale")
    assert written("viber", message) == [
        {"type": "session", "mediaUrl": f"{URL}.png"},
        {"type": "session", "text": "Sale"},
    ]


def test_an_image_with_a_link_alone_is_an_image_and_a_text_with_it_on_viber() -> None:
    first, second = written("viber", Image(source=f"{URL}.png", buttons=rows([OPEN])))
    assert first == {"type": "session", "mediaUrl": f"{URL}.png"}
    assert second["button"] == {"caption": "Open", "action": "https://shop.example/"}


@pytest.mark.parametrize(
    ("button", "action"),
    [(Dial("Call", "+386 40 111 222"), "tel:+38640111222"), (Login("In", "https://in.example"), "https://in.example")],
)
def test_a_number_and_a_sign_in_are_links_on_viber(button: Any, action: str) -> None:
    (made,) = written("viber", Text(text="x", buttons=rows([button])))
    assert made["button"]["action"] == action


def test_a_second_link_is_told_in_words_on_viber() -> None:
    (made,) = written("viber", Text(text="x", buttons=rows([OPEN, Link("Map", "https://map.example")])))
    assert made["text"] == "x\n\nMap: https://map.example"


@pytest.mark.parametrize("kind", ["session", "transactional"])
def test_a_message_that_is_no_offer_has_its_link_in_words(kind: str) -> None:
    message = Text(text="x", buttons=rows([OPEN]), extra={"mitto": {"type": kind}})
    assert written("viber", message) == [{"type": kind, "text": "x\n\nOpen: https://shop.example/"}]


def test_each_part_keeps_what_the_whole_was_given() -> None:
    card = Card(title="A", image=f"{URL}.png", extra={"mitto": {"sender": "SHOP"}})
    assert written("sms", card) == [{"text": f"A\n{URL}.png", "sender": "SHOP"}]
    long = Text(text="x" * 1001, extra={"mitto": {"type": "transactional"}})
    assert [part["type"] for part in written("viber", long)] == ["transactional"] * 2


def test_what_an_account_is_given_counts_where_the_message_has_nothing_of_its_own() -> None:
    assert written("sms", Text(text="x"), sender="SHOP") == [{"text": "x", "sender": "SHOP"}]
    own = Text(text="x", extra={"mitto": {"sender": "BANK"}})
    assert written("sms", own, sender="SHOP") == [{"text": "x", "sender": "BANK"}]
    offer = Text(text="x", buttons=rows([OPEN]))
    assert written("viber", offer, type="session")[0]["text"].endswith("Open: https://shop.example/")


def test_a_raw_message_is_what_an_account_was_given_and_then_itself() -> None:
    raw = Raw(channel="mitto", payload={"text": "x", "sender": "BANK"})
    assert written("sms", raw, sender="SHOP") == [{"text": "x", "sender": "BANK"}]
    assert written("sms", Raw(channel="mitto", payload={"text": "x"}), sender="SHOP")[0]["sender"] == "SHOP"
