"""Messages are checked when they are built, and are the same after they were stored."""

import json
from typing import Any, get_args

import pytest

from botkit import messages
from botkit.buttons import AskAgent, AskContact, AskLocation, Button, Dial, Link, Login, rows
from botkit.exceptions import MessageError
from botkit.formatting import Span
from botkit.messages import (
    MAX_CONTENT,
    Album,
    AnyMessage,
    Attachment,
    Audio,
    Card,
    Carousel,
    Contact,
    Delete,
    Edit,
    File,
    Image,
    Joined,
    Left,
    Location,
    Message,
    Raw,
    Representative,
    Sticker,
    Text,
    Typing,
    Video,
    Voice,
)
from botkit.outgoing import Outgoing, decode, encode

URL = "https://media.example/a"
MAP = "https://www.openstreetmap.org/?mlat=1&mlon=2"
EVERY_BUTTON = rows(
    [
        [Button("A", "a"), Link("B", "https://b.example")],
        [Dial("Call", "+386 40 111 222"), AskLocation("Where?"), AskContact("Number"), AskAgent()],
        [
            Login(
                "In",
                "https://in.example",
                client_id="c",
                code_challenge="x",
                scopes=("s",),
                extra={"viber": {"Rows": 2}},
            )
        ],
    ]
)
FULL: tuple[AnyMessage, ...] = (
    Text(text="**hi**", buttons=EVERY_BUTTON, silent=True, protect=True, fallback="hi", ttl=30, reply_to="7"),
    Text(text="as *typed*", markdown=False, spans=(Span("bold", 0, 2),), representative=Representative("Ana", "human")),
    Image(source=f"{URL}.png", caption="_a_", thumbnail=f"{URL}s.png", extra={"viber": {"a": 1}}),
    Video(path="film.mp4", size=12, duration=1.5),
    Audio(content=b"\x00\xff", name="a.mp3", title="Song", performer="Ana"),
    Voice(source="AwAC", duration=2),
    File(source=f"{URL}.pdf", name="a.pdf", size=12),
    Location(latitude=-90, longitude=180, name="Shop", address="Street 1"),
    Contact(phone="+38640111222", name="Ana", last_name="Kos"),
    Sticker(id="40133", fallback=":)"),
    Card(title="Shirt", description="*Blue*", image=f"{URL}.png", height="tall", buttons=rows([Button("Buy", "b")])),
    Carousel(cards=(Card(title="A"), Card(title="B")), width="small"),
    Album(items=(Image(source=f"{URL}.png"), Video(source=f"{URL}.mp4"))),
    Edit(message_id="41", text="**new**"),
    Delete(message_ids=("1", "2")),
    Typing(action="upload_photo"),
    Joined(representative=Representative("Ana", "human", URL)),
    Left(),
    Raw(channel="telegram", payload={"chat_id": 1}, method="sendDice", transient=True),
)


def outgoing(message: AnyMessage, **values: Any) -> Outgoing:
    return Outgoing("e" * 22 + "00", ("viber", "demo"), "ana", message, **values)


def test_every_public_message_can_be_stored() -> None:
    public = [cls for name, cls in vars(messages).items() if isinstance(cls, type) and not name.startswith("_")]
    assert set(get_args(AnyMessage)) == {
        cls for cls in public if issubclass(cls, Message) and cls not in (Message, Attachment)
    }
    assert {type(message) for message in FULL} == set(get_args(AnyMessage))


@pytest.mark.parametrize("message", FULL, ids=lambda message: str(type(message).__name__))
def test_a_message_on_its_way_is_the_same_after_it_was_stored(message: AnyMessage) -> None:
    sent = outgoing(message, created_ms=7, is_last_word=True)
    assert decode(encode(sent)) == sent


def test_what_a_newer_version_adds_does_not_hinder_reading() -> None:
    stored = json.loads(encode(outgoing(Text(text="hi"))))
    stored["message"]["of_the_future"] = stored["of_the_future"] = 1
    assert decode(json.dumps(stored).encode()) == outgoing(Text(text="hi"))


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
@pytest.mark.parametrize("kind", [Image, Video, Audio, Voice, File])
def test_an_attachment_needs_a_source_without_spaces(kind: Any, source: str) -> None:
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
        (Location(latitude=1, longitude=2, name="Shop", address="Street 1"), f"Shop\nStreet 1\n{MAP}"),
        (Contact(phone="+386 40", name="Ana", last_name="Kos"), "Ana Kos: +386 40"),
        (Sticker(id="7"), ""),
        (Card(title="Shirt", description="Blue", image=URL), f"Shirt\nBlue\n{URL}"),
        (Carousel(cards=(Card(title="A", description="a"), Card(title="B"))), "A\na\n\nB"),
        (Album(items=(Image(source=URL, caption="*one*"), Image(source=URL))), f"one\n{URL}\n{URL}"),
        (Typing(), ""),
    ],
)
def test_a_channel_without_the_kind_can_say_it_in_plain_text(message: AnyMessage, plain: str) -> None:
    assert message.plain == plain


def test_only_what_is_worth_nothing_later_is_transient() -> None:
    transient = [message for message in FULL if message.is_transient]
    assert [type(message) for message in transient] == [Delete, Typing, Raw]
    assert not Raw(channel="telegram", payload={}).is_transient


@pytest.mark.parametrize("ttl", [0, 30, 1_209_600])
def test_a_message_may_live_for_30_seconds_to_14_days_or_for_ever(ttl: float) -> None:
    assert Text(text="x", ttl=ttl).ttl == ttl


@pytest.mark.parametrize("ttl", [-1, 0.5, 29.9, 1_209_600.1, float("nan")])
def test_any_other_time_to_live_is_refused(ttl: float) -> None:
    with pytest.raises(MessageError, match="30 to 1209600"):
        Text(text="x", ttl=ttl)


@pytest.mark.parametrize("ways", [{}, {"source": URL, "path": "a"}, {"path": "a", "content": b"x"}])
def test_an_attachment_is_given_in_exactly_one_way(ways: Any) -> None:
    with pytest.raises(MessageError, match="one of source, path and content"):
        File(**ways)


def test_a_message_carries_up_to_a_mebibyte_itself() -> None:
    assert File(content=b"x" * MAX_CONTENT).is_upload
    with pytest.raises(MessageError, match=f"{MAX_CONTENT + 1} bytes; at most {MAX_CONTENT}"):
        File(content=b"x" * (MAX_CONTENT + 1))


@pytest.mark.parametrize("phone", ["+386 40 111-222", "+1 (201) 555 0123", "+1234567", "+123456789012345"])
def test_a_number_to_dial_has_a_plus_and_7_to_15_digits(phone: str) -> None:
    assert Dial("Call", phone).number == "+" + "".join(char for char in phone if char.isdigit())


@pytest.mark.parametrize("phone", ["", "040 111 222", "+123456", "+1234567890123456", "+38640x11222", "+٣٨٦٤٠١١١"])
def test_any_other_number_to_dial_is_refused(phone: str) -> None:
    with pytest.raises(MessageError, match="with \\+ and 7 to 15 digits"):
        Dial("Call", phone)


@pytest.mark.parametrize("make", [lambda: Dial(" ", "+38640111222"), lambda: AskLocation(""), lambda: AskAgent(" ")])
def test_every_button_needs_a_text(make: Any) -> None:
    with pytest.raises(MessageError, match="needs a text"):
        make()


@pytest.mark.parametrize("url", ["http://in.example", "https://in .example", "tel:+386"])
def test_a_login_needs_an_https_address(url: str) -> None:
    with pytest.raises(MessageError, match="https address"):
        Login("In", url)


@pytest.mark.parametrize("card", [{"title": " "}, {"image": "http://a/b.png"}, {"title": "x", "image": "https://a b"}])
def test_a_card_needs_a_title_or_a_picture_by_its_https_address(card: Any) -> None:
    with pytest.raises(MessageError, match="a Card"):
        Card(**card)


@pytest.mark.parametrize(("count", "is_good"), [(1, False), (2, True), (10, True), (11, False)])
def test_a_carousel_and_an_album_hold_2_to_10(count: int, is_good: bool) -> None:
    for make in (
        lambda: Carousel(cards=(Card(title="A"),) * count),
        lambda: Album(items=(Image(source=URL),) * count),
    ):
        if is_good:
            make()
        else:
            with pytest.raises(MessageError, match=f"2 to 10 .*{count}"):
                make()


def test_an_album_holds_one_family_of_things() -> None:
    image, film, file, song = (kind(source=URL) for kind in (Image, Video, File, Audio))
    for good in ((image, film), (file, file), (song, song)):
        assert len(Album(items=good).items) == 2
    for bad in ((image, file), (file, song), (film, song)):
        with pytest.raises(MessageError, match="files only, or audio only"):
            Album(items=bad)


def test_the_things_of_an_album_have_no_buttons_of_their_own() -> None:
    with pytest.raises(MessageError, match="no buttons"):
        Album(items=(Image(source=URL, buttons=rows([Button("A", "a")])), Image(source=URL)))


@pytest.mark.parametrize(("count", "is_good"), [(0, False), (1, True), (100, True), (101, False)])
def test_1_to_100_messages_are_taken_back_at_once(count: int, is_good: bool) -> None:
    ids = tuple(map(str, range(count)))
    if is_good:
        assert Delete(message_ids=ids).message_ids == ids
        return
    with pytest.raises(MessageError, match="1 to 100"):
        Delete(message_ids=ids)


def test_a_place_has_a_name_and_an_address_or_neither() -> None:
    with pytest.raises(MessageError, match="or neither"):
        Location(latitude=1, longitude=2, name="Shop")
