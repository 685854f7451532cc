"""What SMSGold takes, each rule with its path."""

from typing import Any

import pytest

from botkit.buttons import Button, Dial, Link
from botkit.exceptions import InvalidRequestError, MessageError, Problem
from botkit.gateways.smsgold_requests import MAX_BUTTONS, find_problems, phone_of
from botkit.messages import AnyMessage, Image, Raw, Text
from tests.gateways.smsgold_desk import BOT, NUMBER, SUBSCRIBER, Desk, Json, account, recorded

NEEDED = "number: is needed with botId"
ALONE = "number: goes with botId alone"
WRONG = "number: is a phone number of 10 to 15 digits, with its country's code"
BOTH = "has one of subscriberId, botId, not subscriberId and botId"
NONE = "has one of subscriberId, botId, not none"
WEB = "is an address that starts with http:// or https://, without spaces"

TO: Json = {"subscriberId": SUBSCRIBER}
BY_NUMBER: Json = {"botId": BOT, "number": "79990001122"}
WORDS: Json = {"text": "hi"}
LINK: Json = {"text": "Route", "url": "https://x.example/r"}


def problems(**body: Any) -> list[str]:
    return [str(problem) for problem in find_problems(body, BOT)]


@pytest.mark.parametrize("name", ["subscriber", "number"])
async def test_a_recorded_request_leaves_as_it_is_written(name: str) -> None:
    whole = recorded(name)
    body = {member: value for member, value in whole.items() if member != "auth"}
    desk = Desk(account(user=whole["auth"]["user"]))
    addressed = desk.adapter.read_send(body)
    assert addressed.to == (SUBSCRIBER if name == "subscriber" else NUMBER)
    (message,) = desk.adapter.prepare(addressed.message, desk.place(addressed.to)).messages
    await desk.send(message, addressed.to)
    assert list(desk.told.items()) == list(whole.items())


@pytest.mark.parametrize("name", ["subscriber", "number"])
async def test_our_own_message_is_the_recorded_request_too(name: str) -> None:
    whole = recorded(name)
    desk = Desk(account(user=whole["auth"]["user"]))
    links = [Link(button["text"], button["url"]) for button in whole.get("buttons", [])]
    message = Text(text=whole["text"], buttons=(tuple(links),) if links else ())
    await desk.send(message, SUBSCRIBER if name == "subscriber" else NUMBER)
    assert list(desk.told.items()) == list(whole.items())


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, [NONE, "text: is needed"]),
        (TO | BY_NUMBER | WORDS, [BOTH]),
        (TO | {"botId": BOT} | WORDS, [BOTH, NEEDED]),
        ({"botId": BOT} | WORDS, [NEEDED]),
        ({"number": "79990001122"} | WORDS, [NONE, ALONE]),
        (TO | {"number": "79990001122"} | WORDS, [ALONE]),
        (BY_NUMBER | {"botId": "other"} | WORDS, ["botId: is another bot than this account's"]),
        (BY_NUMBER | {"number": "123456789"} | WORDS, [WRONG]),
        (BY_NUMBER | {"number": "7" * 16} | WORDS, [WRONG]),
        (BY_NUMBER | {"number": "seven"} | WORDS, [WRONG]),
        (BY_NUMBER | {"number": 79990001122} | WORDS, ["number: is a text", NEEDED]),
        ({"subscriberId": 7} | WORDS, ["subscriberId: is a text"]),
        (TO | {"text": " "}, ["text: has at least one character that can be seen"]),
        (TO | {"text": 7}, ["text: is a text"]),
        (TO | {"text": "x" * 4097}, ["text: has at most 4096 UTF-16 units, not 4097"]),
        (TO | {"text": "😀" * 2049}, ["text: has at most 4096 UTF-16 units, not 4098"]),
        (TO | WORDS | {"buttons": LINK}, ["buttons: is a list of objects"]),
        (TO | WORDS | {"buttons": ["x"]}, ["buttons[0]: is an object"]),
        (TO | WORDS | {"buttons": [LINK, {"url": "ftp:x"}]}, ["buttons[1].text: is needed", f"buttons[1].url: {WEB}"]),
        (TO | WORDS | {"buttons": [LINK | {"url": "/path"}]}, [f"buttons[0].url: {WEB}"]),
        (TO | WORDS | {"buttons": [LINK | {"callback": "x"}]}, ["buttons[0].callback: there is no such member here"]),
        (TO | WORDS | {"buttons": [LINK] * (MAX_BUTTONS + 1)}, ["buttons: has 1 to 100 objects, not 101"]),
        (TO | WORDS | {"auth": {"user": "1", "pass": "2"}}, ["auth: must not be given: the account has its own"]),
        (TO | WORDS | {"buton": [LINK]}, ["buton: there is no such member here; did you mean buttons?"]),
    ],
)  # fmt: skip
def test_everything_that_is_wrong_is_told_with_its_path(body: Json, expected: list[str]) -> None:
    assert problems(**body) == expected
    with pytest.raises(InvalidRequestError) as raised:
        account().read_send(body)
    assert [str(problem) for problem in raised.value.problems] == expected


@pytest.mark.parametrize(
    "body",
    [
        TO | WORDS,
        BY_NUMBER | WORDS,
        BY_NUMBER | WORDS | {"number": "+7 (999) 000-11-22"},
        TO | {"text": "x" * 4096},
        TO | {"text": "😀" * 2048},
        TO | WORDS | {"buttons": []},
        TO | WORDS | {"buttons": [LINK] * MAX_BUTTONS},
        TO | WORDS | {"botId": None, "number": ""},
        TO | WORDS | {"buton": []},
        TO | WORDS | {"trafficAccountId": "demo", "id": "17", "reference": "r"},
    ],
    ids=range(10),
)
def test_what_is_within_the_rules_has_no_problem(body: Json) -> None:
    assert problems(**body) == []


def test_another_bot_is_taken_where_the_account_names_none() -> None:
    assert find_problems(BY_NUMBER | WORDS, "") == []


@pytest.mark.parametrize(
    ("written", "phone"),
    [
        ("79990001122", "+79990001122"),
        ("+7 (999) 000-11-22", "+79990001122"),
        ("8 999 000 11 22", "+79990001122"),
        ("385910000001", "+385910000001"),
        ("+81 90 1234 5678", "+819012345678"),
        ("0123456789", ""),
        ("", ""),
        ("٧٩٩٩٠٠٠١١٢٢", ""),
    ],
)
def test_a_number_is_read_with_what_people_write_between_its_digits(written: str, phone: str) -> None:
    assert phone_of(written) == phone


# --- the requests of other programs


def test_a_number_leaves_as_its_digits_and_what_says_nothing_is_left_out() -> None:
    body: Json = {
        "id": "17",
        "botId": BOT,
        "number": "+7 999 000-11-22",
        "text": "hi",
        "buttons": [],
        "subscriberId": None,
    }
    addressed = account().read_send(body)
    assert addressed.to == NUMBER
    assert addressed.message == Raw(channel="smsgold", payload={"botId": BOT, "number": "79990001122", "text": "hi"})


@pytest.mark.parametrize(("destination", "to"), [(SUBSCRIBER, SUBSCRIBER), ("+7 999 000 11 22", NUMBER)])
def test_the_common_form_has_a_destination_and_a_text(destination: str, to: str) -> None:
    telegram = {"text": {"message": "<b>Hi</b> Ann", "parseMode": "Html"}}
    addressed = account().read_send({"trafficAccountId": "demo", "destination": destination, "telegram": telegram})
    assert addressed.to == to
    assert isinstance(addressed.message, Text)
    assert addressed.message.plain == "Hi Ann"


@pytest.mark.parametrize(
    ("members", "paths"),
    [
        ({"telegram": {"photo": {"url": "https://x.example/a.png"}}}, ["telegram.photo"]),
        ({"sms": {"text": "hi"}}, ["telegram"]),
        ({"telegram": {"text": {"message": ""}}, "destination": ""}, ["destination", "telegram"]),
        ({"telegram": {"text": {"message": "hi", "parseMode": "html"}}}, ["telegram.text.parseMode"]),
        ({"destination": "+7123", "telegram": {"text": {"message": "hi"}}}, ["destination"]),
    ],
    ids=["photo", "sms", "nothing", "mode", "number"],
)
def test_what_is_wrong_in_the_common_form_is_told_with_its_path(members: Json, paths: list[str]) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        account().read_send({"trafficAccountId": "demo", "destination": SUBSCRIBER} | members)
    found = [problem.path for problem in raised.value.problems]
    assert [path for path in paths if path not in found] == []


def test_a_number_needs_a_bot() -> None:
    body = {"trafficAccountId": "demo", "destination": NUMBER, "telegram": {"text": {"message": "hi"}}}
    with pytest.raises(InvalidRequestError) as raised:
        account(bot_id="").read_send(body)
    assert raised.value.problems == (Problem("destination", "a phone number needs a bot, and this account names none"),)


# --- what is decided on


@pytest.mark.parametrize(
    ("message", "texts", "buttons"),
    [
        (Text(text="**Good** [news](https://x.example)"), ["Good news (https://x.example)"], []),
        (Text(text="Pick", buttons=((Button("Yes", "y"), Button("No", "n")),)), ["Pick\n\n1. Yes\n2. No"], []),
        (Text(text="Go", buttons=((Link("Map", "https://x.example/m"), Link("Call", "tel:+79990001122")),)),
         ["Go\n\nCall: +79990001122"], [{"text": "Map", "url": "https://x.example/m"}]),
        (Text(text="Ring", buttons=((Dial("Us", "+79990001122"),),)), ["Ring\n\nUs: +79990001122"], []),
        (Image(source="https://x.example/a.png", caption="Look"), ["Look\nhttps://x.example/a.png"], []),
        (Text(text="a" * 4000 + "\n\n" + "b" * 4000), ["a" * 4000, "b" * 4000], []),
    ],
    ids=["marks", "menu", "links", "dial", "image", "long"],
)  # fmt: skip
async def test_a_message_becomes_texts_with_links(message: AnyMessage, texts: list[str], buttons: list[Json]) -> None:
    desk = Desk()
    told = []
    for part in desk.adapter.prepare(message, desk.place(SUBSCRIBER)).messages:
        await desk.send(part)
        told.append(desk.told)
    assert [body["text"].strip() for body in told] == texts
    assert told[-1].get("buttons", []) == buttons
    assert all("buttons" in body for body in told) is bool(buttons)


@pytest.mark.parametrize(
    "message",
    [
        Raw(channel="telegram", payload=WORDS),
        Raw(channel="smsgold", payload=WORDS, method="sendMessage"),
        Raw(channel="smsgold", payload={}),
        Raw(channel="smsgold", payload=WORDS | {"auth": {}, "x": 1}),
        Text(text="x" * 4097),
        Image(source="https://x.example/a.png"),
    ],
    ids=["channel", "method", "no text", "unknown", "long", "image"],
)
def test_what_smsgold_would_not_take_is_refused_before_the_network(message: AnyMessage) -> None:
    with pytest.raises(MessageError):
        account().check(message)


def test_a_raw_without_an_address_goes_to_its_conversation() -> None:
    account().check(Raw(channel="smsgold", payload=WORDS))
