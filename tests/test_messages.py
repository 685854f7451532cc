"""Messages are checked when they are built, and are the same after they were stored."""

import json
from typing import Any, get_args

import pytest

from botkit import messages
from botkit.exceptions import MessageError
from botkit.messages import (
    AnyMessage,
    Button,
    File,
    Image,
    Link,
    Location,
    Message,
    Outgoing,
    Raw,
    Text,
    Typing,
    rows,
)

FULL: tuple[AnyMessage, ...] = (
    Text(text="**hi**", buttons=rows([Button("A", "a"), Link("B", "https://b.example")]), silent=True, fallback="hi"),
    Text(text="as *typed*", markdown=False),
    Image(source="https://media.example/a.png", caption="_a_"),
    File(source="https://media.example/a.pdf", name="a.pdf", size=12),
    Location(latitude=-90, longitude=180),
    Typing(),
    Raw(channel="telegram", payload={"chat_id": 1}, method="sendDice", transient=True),
)


def outgoing(message: AnyMessage, **values: Any) -> Outgoing:
    return Outgoing("e" * 22 + "00", ("viber", "demo"), "ana", message, **values)


def test_every_public_message_can_be_stored() -> None:
    public = [cls for name, cls in vars(messages).items() if isinstance(cls, type) and not name.startswith("_")]
    assert set(get_args(AnyMessage)) == {cls for cls in public if issubclass(cls, Message) and cls is not Message}
    assert {type(message) for message in FULL} == set(get_args(AnyMessage))


@pytest.mark.parametrize("message", FULL, ids=lambda message: str(type(message).__name__))
def test_a_message_on_its_way_is_the_same_after_it_was_stored(message: AnyMessage) -> None:
    sent = outgoing(message, created_ms=7, is_last_word=True)
    assert messages.decode(messages.encode(sent)) == sent


def test_what_a_newer_version_adds_does_not_hinder_reading() -> None:
    stored = json.loads(messages.encode(outgoing(Text(text="hi"))))
    stored["message"]["of_the_future"] = stored["of_the_future"] = 1
    assert messages.decode(json.dumps(stored).encode()) == outgoing(Text(text="hi"))


@pytest.mark.parametrize("message", FULL, ids=lambda message: str(type(message).__name__))
def test_a_message_cannot_be_changed(message: AnyMessage) -> None:
    with pytest.raises(AttributeError):
        message.silent = True  # type: ignore[misc]


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_a_text_without_a_visible_character_is_refused(text: str) -> None:
    with pytest.raises(MessageError, match="visible"):
        Text(text=text)
    assert Text(text=f"{text}x").text == f"{text}x"


@pytest.mark.parametrize(("text", "value"), [("", "v"), (" ", "v"), ("t", "")])
def test_a_button_needs_a_text_and_a_value(text: str, value: str) -> None:
    with pytest.raises(MessageError, match="a Button needs"):
        Button(text, value)


@pytest.mark.parametrize("url", ["https://a.example", "http://a", "tel:+380", "viber://pa", "tg://resolve"])
def test_a_link_opens_a_page_or_an_app(url: str) -> None:
    assert Link("Open", url).url == url


@pytest.mark.parametrize("url", ["", "a.example", "javascript:alert(1)", "ftp://a", "https://a b", "https://a\n"])
def test_a_link_to_anything_else_is_refused(url: str) -> None:
    with pytest.raises(MessageError, match="a Link needs"):
        Link("Open", url)


@pytest.mark.parametrize("source", ["", "a b", "https://a/b\n"])
@pytest.mark.parametrize("kind", [Image, File])
def test_an_attachment_needs_a_source_without_spaces(kind: type[Image] | type[File], source: str) -> None:
    with pytest.raises(MessageError, match="source"):
        kind(source=source)


@pytest.mark.parametrize(("latitude", "longitude"), [(90.1, 0), (-90.1, 0), (0, 180.1), (0, -180.1), (float("nan"), 0)])
def test_a_place_off_the_globe_is_refused(latitude: float, longitude: float) -> None:
    with pytest.raises(MessageError, match="lies between"):
        Location(latitude=latitude, longitude=longitude)


@pytest.mark.parametrize(("latitude", "longitude"), [(90, 180), (-90, -180), (0, 0)])
def test_the_edges_of_the_globe_are_places(latitude: float, longitude: float) -> None:
    assert Location(latitude=latitude, longitude=longitude).latitude == latitude


@pytest.mark.parametrize("make", [lambda b: Text(text="x", buttons=b), lambda b: Image(source="x", buttons=b)])
def test_an_empty_row_of_buttons_is_refused(make: Any) -> None:
    with pytest.raises(MessageError, match="row"):
        make(((Button("A", "a"),), ()))


def test_a_flat_list_of_buttons_is_a_column() -> None:
    one, two = Button("A", "a"), Link("B", "https://b.example")
    assert rows([one, two]) == ((one,), (two,))


def test_nested_lists_of_buttons_are_the_rows() -> None:
    one, two, three = (Button(name, name) for name in "abc")
    assert rows([[one, two], [three]]) == ((one, two), (three,))


def test_no_buttons_are_no_rows() -> None:
    assert rows(()) == ()


@pytest.mark.parametrize(
    ("message", "plain"),
    [
        (Text(text="**Found** it"), "Found it"),
        (Text(text="**Found** it", markdown=False), "**Found** it"),
        (Text(text="**Found**", fallback="found"), "found"),
        (Image(source="https://a/b.png", caption="*this*"), "this\nhttps://a/b.png"),
        (Image(source="AgACAgI", caption="this"), "this"),
        (File(source="https://a/b.pdf"), "https://a/b.pdf"),
        (File(source="https://a/b.pdf", fallback="a paper"), "a paper"),
        (Location(latitude=50.45, longitude=30.52), "https://www.openstreetmap.org/?mlat=50.45&mlon=30.52"),
        (Location(latitude=1, longitude=2, fallback="here"), "here"),
        (Typing(), ""),
    ],
)
def test_a_channel_without_the_kind_can_say_it_in_plain_text(message: AnyMessage, plain: str) -> None:
    assert message.plain == plain


def test_only_what_is_worth_nothing_later_is_transient() -> None:
    transient = [message for message in FULL if message.is_transient]
    assert [type(message) for message in transient] == [Typing, Raw]
    assert not Raw(channel="telegram", payload={}).is_transient


@pytest.mark.parametrize("ttl", [0, 30, 90.5, 1_209_600])
def test_a_ttl_is_none_or_from_half_a_minute_to_two_weeks(ttl: float) -> None:
    assert Text(text="hi", ttl=ttl).ttl == ttl


@pytest.mark.parametrize("ttl", [-1, 29.9, 1_209_600.1, float("nan"), float("inf")])
def test_any_other_ttl_is_refused_with_the_bounds(ttl: float) -> None:
    with pytest.raises(MessageError, match="0, or 30 to 1209600 seconds"):
        Location(latitude=0, longitude=0, ttl=ttl)
