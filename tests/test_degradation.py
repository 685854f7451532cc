"""What a message becomes on a service that cannot show all of it; no choice is ever dropped."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from botkit.buttons import AGENT, AnyButton, AskAgent, AskContact, AskLocation, Button, Dial, Link, Login, rows
from botkit.capabilities import EVERYTHING, Bound, Capabilities, Support
from botkit.channels import gbm_messages, telegram_messages, viber_messages, viber_rendering
from botkit.degradation import Prepared
from botkit.degradation import prepare as prepare_by
from botkit.events import Choice
from botkit.exceptions import MessageError
from botkit.menu import token_of
from botkit.messages import (
    Album,
    AnyMessage,
    Card,
    Carousel,
    Contact,
    Delete,
    Edit,
    File,
    Image,
    Joined,
    Location,
    Message,
    Raw,
    Representative,
    Sticker,
    Text,
    Typing,
    Video,
)
from botkit.simulators import gbm_checks, viber_checks
from tests.test_messages import FULL

URL = "https://media.example/a"
PLAIN = Capabilities()
BUTTONS = Capabilities(
    messages=dict.fromkeys((Text, Image, Card), Support.NATIVE),
    buttons=frozenset({Button, Link}),
    with_buttons=frozenset({Text, Image, Card}),
    captions=frozenset({Image}),
    caption=Bound(20),
    card_title=Bound(10),
    card_text=Bound(20),
    max_buttons={Message: 3, Card: 1},
    max_row=2,
    max_rows=2,
    max_label=10,
    max_value=30,
)
DAYS = rows([Button("Today", "day:today"), Button("Friday", "day:fri")])


def prepare(message: AnyMessage, can: Capabilities, *, offered: int = 0) -> Prepared:
    return prepare_by(message, lambda _: can, offered=offered)


def texts(prepared: Prepared) -> list[str]:
    return [message.plain for message in prepared.messages]


def labels(prepared: Prepared) -> list[str]:
    return [button.text for message in prepared.messages for row in message.buttons for button in row]


@pytest.mark.parametrize("message", FULL, ids=lambda message: str(type(message).__name__))
def test_a_service_that_has_everything_is_sent_the_message_itself(message: AnyMessage) -> None:
    assert prepare(message, EVERYTHING) == Prepared((message,))


# --- buttons


def test_without_buttons_the_choices_are_a_numbered_menu() -> None:
    prepared = prepare(Text(text="**When?**", buttons=DAYS), PLAIN)
    assert texts(prepared) == ["When?\n\n1. Today\n2. Friday"]
    assert prepared.menu == (Choice("Today", "day:today"), Choice("Friday", "day:fri"))
    assert labels(prepared) == []


def test_formatting_survives_the_menu_below_it() -> None:
    (message,) = prepare(Text(text="**When?**", buttons=DAYS), PLAIN).messages
    assert isinstance(message, Text)
    assert [(span.kind, span.start, span.end) for span in message.spans] == [("bold", 0, 5)]


def test_a_menu_goes_on_from_the_one_before_it() -> None:
    prepared = prepare(Text(text="And?", buttons=DAYS), PLAIN, offered=2)
    assert texts(prepared) == ["And?\n\n3. Today\n4. Friday"]


def test_what_fits_is_a_button_and_only_the_rest_is_numbered() -> None:
    buttons = rows([[Button(name, name) for name in "abcd"]])
    prepared = prepare(Text(text="Which?", buttons=buttons), BUTTONS)
    assert texts(prepared) == ["Which?\n\n4. d"]
    assert labels(prepared) == ["a", "b", "c"]
    assert [choice.value for choice in prepared.menu] == ["a", "b", "c", "d"]


def test_rows_are_wrapped_to_what_the_service_takes() -> None:
    (message,) = prepare(Text(text="x", buttons=rows([[Button(name, name) for name in "abc"]])), BUTTONS).messages
    assert [len(row) for row in message.buttons] == [2, 1]
    (message,) = prepare(Text(text="x", buttons=rows([Button(name, name) for name in "abc"])), BUTTONS).messages
    assert [len(row) for row in message.buttons] == [2, 1], "three rows where two fit"


def test_a_label_at_the_bound_stays_and_a_longer_one_is_cut_and_told_in_full() -> None:
    assert texts(prepare(Text(text="x", buttons=rows([Button("x" * 10, "v")])), BUTTONS)) == ["x"]
    prepared = prepare(Text(text="x", buttons=rows([Button("x" * 11, "v")])), BUTTONS)
    assert labels(prepared) == ["x" * 9 + "…"]
    assert texts(prepared) == ["x\n\n1. " + "x" * 11]
    assert prepared.menu == (Choice("x" * 11, "v"),)


def test_a_value_at_the_bound_stays_and_a_longer_one_is_a_token() -> None:
    prepared = prepare(Text(text="x", buttons=rows([Button("a", "v" * 30), Button("b", "v" * 31)])), BUTTONS)
    values = [button.value for row in prepared.messages[0].buttons for button in row if isinstance(button, Button)]
    assert values == ["v" * 30, token_of("v" * 31)]
    assert prepared.values == {token_of("v" * 31): "v" * 31}


@pytest.mark.parametrize(
    ("button", "line"),
    [
        (Link("Map", "https://map.example"), "Map: https://map.example"),
        (Dial("Call", "+386 40 111 222"), "Call: +386 40 111 222"),
        (AskLocation("Send your place"), "Send your place"),
        (AskContact("Send your number"), "Send your number"),
        (Login("Sign in", "https://in.example"), "Sign in: https://in.example"),
    ],
)
def test_a_button_that_a_service_has_not_is_said_in_words(button: AnyButton, line: str) -> None:
    prepared = prepare(Text(text="x", buttons=rows([button])), PLAIN)
    assert texts(prepared) == [f"x\n\n{line}"]
    assert prepared.menu == ()


def test_a_number_to_dial_is_a_link_where_links_can_dial() -> None:
    (message,) = prepare(Text(text="x", buttons=rows([Dial("Call", "+386 40 111 222")])), BUTTONS).messages
    assert message.buttons == ((Link("Call", "tel:+38640111222"),),)


def test_asking_for_a_person_is_a_button_of_ours_where_the_service_has_none() -> None:
    (message,) = prepare(Text(text="x", buttons=rows([AskAgent("Help")])), BUTTONS).messages
    assert message.buttons == ((Button("Help", AGENT),),)
    assert prepare(Text(text="x", buttons=rows([AskAgent("Help")])), PLAIN).menu == (Choice("Help", AGENT),)


def test_where_people_may_type_a_label_it_can_be_picked_though_it_is_a_button() -> None:
    prepared = prepare(Text(text="x", buttons=DAYS), replace(EVERYTHING, types_answers=True))
    assert prepared.menu == (Choice("Today", "day:today"), Choice("Friday", "day:fri"))
    assert texts(prepared) == ["x"]


def test_where_people_may_type_a_label_those_on_cards_count_too() -> None:
    cards = (Card(title="A", buttons=rows([Button("Pick A", "a" * 31)])), Card(title="B", buttons=rows([AskAgent()])))
    can = replace(EVERYTHING, types_answers=True, max_value=30)
    prepared = prepare(Carousel(cards=cards, buttons=rows([Button("None", "no")])), can)
    assert [choice.label for choice in prepared.menu] == ["Pick A", "None"]
    assert prepared.menu[0].value == token_of("a" * 31)


def test_buttons_that_their_message_cannot_carry_come_after_it() -> None:
    album = Album(items=(Image(source=URL), Image(source=URL)), buttons=DAYS)
    can = replace(EVERYTHING, with_buttons=frozenset({Text}))
    first, second = prepare(album, can).messages
    assert first == replace(album, buttons=())
    assert (second.plain, second.buttons) == ("1. Today\n2. Friday", DAYS)


# --- kinds


@pytest.mark.parametrize("sign", [Typing(), Delete(message_ids=("1",)), Joined()])
def test_a_sign_that_a_service_has_not_is_not_missed(sign: AnyMessage) -> None:
    assert prepare(sign, PLAIN) == Prepared(())


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (Image(source=URL, caption="**Cat**"), f"Cat\n{URL}"),
        (Video(source=URL), URL),
        (File(path="a.pdf", fallback="the bill"), "the bill"),
        (Location(latitude=1, longitude=2), "https://www.openstreetmap.org/?mlat=1&mlon=2"),
        (Contact(phone="+386", name="Ana"), "Ana: +386"),
        (Sticker(id="1", fallback=":)"), ":)"),
        (Card(title="Shirt", description="*Blue*", image=URL), f"Shirt\nBlue\n{URL}"),
        (Edit(message_id="1", text="new"), "new"),
    ],
)
def test_a_kind_that_a_service_has_not_is_said_in_words_with_its_buttons(message: AnyMessage, words: str) -> None:
    assert texts(prepare(replace(message, buttons=DAYS), PLAIN)) == [f"{words}\n\n1. Today\n2. Friday"]


@pytest.mark.parametrize("message", [Sticker(id="1"), Image(source="AgAC")])
def test_what_has_no_words_is_refused_with_a_fix(message: AnyMessage) -> None:
    with pytest.raises(MessageError, match="give it a fallback"):
        prepare(message, PLAIN)


def test_bytes_of_ours_are_refused_where_they_cannot_be_sent() -> None:
    with pytest.raises(MessageError, match="give it an https address"):
        prepare(File(content=b"x", caption="the bill"), PLAIN)


def test_a_kind_that_is_refused_says_so() -> None:
    with pytest.raises(MessageError, match="no Sticker"):
        prepare(Sticker(id="1", fallback=":)"), Capabilities(messages={Sticker: Support.REFUSED}))


def test_a_carousel_becomes_its_cards_and_keeps_every_button() -> None:
    cards = tuple(Card(title=name, image=f"{URL}.png", buttons=rows([Button(f"Buy {name}", name)])) for name in "AB")
    prepared = prepare(Carousel(cards=cards, buttons=rows([Button("None", "no")])), BUTTONS)
    assert [type(message) for message in prepared.messages] == [Card, Card, Text]
    assert labels(prepared) == ["Buy A", "Buy B"]
    assert prepared.messages[-1].plain == "3. None"
    assert [choice.value for choice in prepared.menu] == ["A", "B", "no"]


def test_a_card_at_its_bounds_is_a_card_and_beyond_them_a_picture_with_words() -> None:
    at = Card(title="x" * 10, description="y" * 20, image=f"{URL}.png")
    assert prepare(at, BUTTONS).messages == (at,)
    for beyond in (replace(at, title="x" * 11), replace(at, description="y" * 21)):
        picture, words = prepare(beyond, BUTTONS).messages
        assert isinstance(picture, Image)
        assert words.plain == f"{beyond.title}\n{beyond.description}"


def test_a_caption_at_its_bound_stays_and_a_longer_one_follows_as_a_text_with_the_buttons() -> None:
    assert len(prepare(Image(source=URL, caption="x" * 20, buttons=DAYS), BUTTONS).messages) == 1
    picture, words = prepare(Image(source=URL, caption="x" * 21, buttons=DAYS), BUTTONS).messages
    assert isinstance(picture, Image)
    assert (picture.caption, picture.buttons) == ("", ())
    assert (words.plain, words.buttons) == ("x" * 21, ((*DAYS[0],), (*DAYS[1],)))


def test_what_only_one_service_knows_stands_with_the_buttons() -> None:
    extra: dict[str, dict[str, Any]] = {"viber": {"keyboard": {"BgColor": "#ffffff"}}}
    can = replace(BUTTONS, text=Bound(10))
    first, last = prepare(Text(text="x" * 10 + " y", buttons=DAYS, extra=extra), can).messages
    assert (first.extra, last.extra, last.buttons) == ({}, extra, DAYS)
    picture, words = prepare(Image(source=URL, caption="x" * 21, buttons=DAYS, extra=extra), BUTTONS).messages
    assert (picture.extra, words.extra, words.buttons) == (extra, extra, DAYS)


def test_what_is_asked_of_the_whole_is_asked_of_each_part() -> None:
    album = Album(items=(Image(source=URL), Image(source=URL)), silent=True, protect=True, ttl=60, reply_to="7")
    first, second = prepare(album, replace(EVERYTHING, messages={Image: Support.NATIVE})).messages
    assert (first.silent, first.protect, first.ttl, first.reply_to) == (True, True, 60, "7")
    assert (second.silent, second.protect, second.ttl, second.reply_to) == (True, True, 60, "")


def test_what_is_lost_is_told() -> None:
    lost = Text(text="x", silent=True, protect=True, reply_to="1", representative=Representative("Ana"))
    assert prepare(lost, PLAIN).losses == ("no silent", "no protect", "no reply_to", "no representative")
    assert prepare(Carousel(cards=(Card(title="A"), Card(title="B"))), BUTTONS).losses == ("Carousel in parts",)


@pytest.mark.parametrize(
    "asked",
    [{"silent": True}, {"protect": True}, {"reply_to": "1"}, {"representative": Representative("Ana")}],
    ids=["silent", "protect", "reply_to", "representative"],
)
def test_whatever_alone_is_asked_of_a_text_and_lost_is_told(asked: dict[str, Any]) -> None:
    assert prepare(Text(text="x", **asked), PLAIN).losses == (f"no {next(iter(asked))}",)


# --- every service, every message

CHECKS: dict[str, Any] = {
    "telegram": telegram_messages.check_message,
    "viber": lambda message: viber_messages.check_message(message, {"name": "Demo"}),
    "gbm": gbm_messages.check_message,
}
# What the simulated services themselves say; Telegram's has no check apart from its methods.
TAKES: dict[str, Any] = {
    "telegram": lambda message: "",
    "viber": lambda message: viber_checks.check_message({"sender": {"name": "Demo"}} | viber_rendering.render(message)),
    "gbm": lambda message: gbm_checks.check_message({"messageId": "m"} | gbm_messages.render(message)),
}
CAPABILITIES: dict[str, Any] = {
    "telegram": lambda message: telegram_messages.capabilities_for(message, is_private=True),
    "viber": viber_messages.capabilities_for,
    "gbm": gbm_messages.capabilities_for,
}

words = st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda text: bool(text.strip()))
long_words = st.builds(lambda text, count: (text + " ") * count, words, st.sampled_from([1, 30, 200]))
any_button = st.one_of(
    st.builds(Button, words, words | st.text("v", min_size=60, max_size=3000)),
    st.builds(Link, words, st.sampled_from(["https://a.example", "tel:+386", "viber://pa", "tg://resolve"])),
    st.builds(Dial, words, st.just("+38640111222")),
    st.builds(AskLocation, words),
    st.builds(AskContact, words),
    st.builds(AskAgent, words),
    st.builds(Login, words, st.just("https://in.example")),
)
any_rows = st.lists(st.lists(any_button, min_size=1, max_size=12), max_size=20).map(rows)
card_rows = st.lists(st.lists(st.builds(Button, words, words), min_size=1, max_size=3), max_size=3).map(rows)
cards = st.builds(
    Card,
    title=words,
    description=words | long_words,
    image=st.sampled_from(["", URL + ".png", URL + ".gif"]),
    buttons=card_rows,
)
any_message = st.one_of(
    st.builds(Text, text=words | long_words, markdown=st.booleans()),
    st.builds(Image, source=st.sampled_from([URL, URL + ".png", URL + ".webp"]), caption=words | long_words),
    st.builds(Video, source=st.just(URL), size=st.sampled_from([0, 1, 30_000_000]), duration=st.sampled_from([0, 181])),
    st.builds(
        File, source=st.sampled_from([URL, URL + ".exe", URL + ".pdf"]), size=st.sampled_from([0, 9]), caption=words
    ),
    st.builds(Contact, phone=words, name=words),
    st.builds(Location, latitude=st.floats(-90, 90), longitude=st.floats(-180, 180), name=words, address=words),
    st.builds(Sticker, id=st.sampled_from(["40126", "CAAC"]), fallback=words),
    st.builds(Edit, message_id=st.just("7"), text=words),
    cards,
    st.builds(Carousel, cards=st.lists(cards, min_size=2, max_size=10).map(tuple)),
    st.builds(lambda caption: Album(items=(Image(source=URL, caption=caption), Image(source=URL))), words | long_words),
)


def choices(message: AnyMessage) -> Iterator[Button]:
    parts = [*message.cards, message] if isinstance(message, Carousel) else [message]
    for button in (button for part in parts for row in part.buttons for button in row):
        if isinstance(button, AskAgent):
            yield Button(button.text, AGENT)
        elif isinstance(button, Button):
            yield button


@pytest.mark.parametrize("channel", CHECKS)
@settings(max_examples=40, deadline=None)
@given(message=any_message, buttons=any_rows)
def test_every_message_fits_every_service_and_every_choice_can_be_made(
    channel: str, message: AnyMessage, buttons: Any
) -> None:
    message = replace(message, buttons=buttons)
    prepared = prepare_by(message, CAPABILITIES[channel])
    for part in prepared.messages:
        CHECKS[channel](part)
        assert not TAKES[channel](part)
    pressed = {button.value for part in prepared.messages for button in choices(part)}
    offered = pressed | {choice.value for choice in prepared.menu}
    if any(isinstance(button, AskAgent) for row in buttons for button in row):
        offered.add(AGENT)
    assert {button.value for button in choices(message)} <= {prepared.values.get(value, value) for value in offered}


def test_raw_is_sent_as_it_is() -> None:
    raw = Raw(channel="telegram", payload={"a": 1}, method="sendDice")
    assert prepare(raw, PLAIN).messages == (raw,)
