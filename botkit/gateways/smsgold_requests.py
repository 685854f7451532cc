"""What SMSGold's `sendMessage` takes: its rules, each with its path, and our messages in its words.

https://smsgold.ru/developers/razrabotchikam/telegram/otpravka-v-chat-bot
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from botkit.addresses import digits_of, is_phone, parse_phone
from botkit.buttons import AnyButton, Link
from botkit.capabilities import Bound, Capabilities
from botkit.chatapps.reading import Reader, is_blank
from botkit.exceptions import AddressError, Problem
from botkit.formatting import Formatted, utf16_length
from botkit.messages import AnyMessage, Raw, Text
from botkit.rendering import to_plain

#: UTF-16 units: SMSGold names no bound, and Telegram takes no more.
MAX_TEXT = 4096
#: As many as Telegram shows below a message.
MAX_BUTTONS = 100

#: The addresses that a request may have; exactly one of `subscriberId` and `botId`, the latter with `number`.
ADDRESS = ("subscriberId", "botId", "number")
# What the send API says beside the message.
_BESIDE = ("trafficAccountId", "id", "reference")
_NUMBER = re.compile(r"[0-9]{10,15}")
_WRITTEN = re.compile(r"[\s()+-]")


def _size(formatted: Formatted) -> int:
    return utf16_length(to_plain(formatted).strip())


def _is_link(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _shows(button: AnyButton) -> bool:
    return isinstance(button, Link) and _is_link(button.url)


CAPABILITIES = Capabilities(
    text=Bound(MAX_TEXT, _size, "UTF-16 units"),
    buttons=frozenset({Link}),
    shows=_shows,
    max_buttons={Text: MAX_BUTTONS},
    options=frozenset({"ttl"}),
    notes={
        "ttl": "kept by botkit",
        "Text": "without formatting",
        "Button": "as a numbered menu that nobody can answer: SMSGold passes on nothing that people write",
        "Link": "with an http or https address; others as words",
    },
    missing={
        "answers of people": "none: SMSGold calls nobody back; a bot that is to hear people is connected directly",
        "delivery reports": "none",
        "cascades": "none: SMSGold has them at an address of its own; use a route of botkit's",
    },
)


def render(message: AnyMessage) -> dict[str, Any]:
    """Returns a message that was prepared for SMSGold as the members of a request, without its address."""
    if isinstance(message, Raw):
        return dict(message.payload)
    body: dict[str, Any] = {"text": to_plain(_words(message)).strip()}
    links = (button for row in message.buttons for button in row if isinstance(button, Link))
    buttons = [{"text": link.text, "url": link.url} for link in links]
    return body | ({"buttons": buttons} if buttons else {})


def _words(message: AnyMessage) -> Formatted:
    return message.formatted if isinstance(message, Text) else Formatted(message.plain)


def address_of(conversation_id: str, bot_id: str) -> dict[str, str]:
    """Returns the members that say whom a message is for: the number where the id is one, else the subscriber."""
    if is_phone(conversation_id):
        return {"botId": bot_id, "number": digits_of(conversation_id)}
    return {"subscriberId": conversation_id}


def find_problems(body: Mapping[str, Any], bot_id: str, *, is_addressed: bool = True) -> Sequence[Problem]:
    """Returns everything that is wrong with a request in SMSGold's own form, in the order of the rules.

    `bot_id` is the account's bot, if it has one; `is_addressed` tells that the request must say whom it is for.
    """
    problems: list[Problem] = []
    reader = Reader(body, "", problems)
    for name in _BESIDE:
        reader.ignore(name)
    if "auth" in body:
        reader.ignore("auth")
        reader.refuse("auth", "must not be given: the account has its own")
    _check_address(reader, bot_id, is_addressed=is_addressed)
    reader.text("text", most=MAX_TEXT, size=utf16_length, unit="UTF-16 units", is_required=True)
    for button in reader.members_of("buttons", 1, MAX_BUTTONS):
        button.text("text", is_required=True)
        url = button.address("url", is_required=True)
        if url and url.startswith("http") and not _is_link(url):
            button.refuse("url", "is an address of a page")
        button.finish()
    reader.finish()
    return problems


def _check_address(reader: Reader, bot_id: str, *, is_addressed: bool) -> None:
    subscriber, bot, number = (reader.text(name) for name in ADDRESS)
    if is_addressed or subscriber or bot or number:
        reader.one_of(("subscriberId", "botId"))
    if number and not bot:
        reader.refuse("number", "goes with botId alone")
    if bot and not number:
        reader.refuse("number", "is needed with botId")
    if bot and bot_id and bot != bot_id:
        reader.refuse("botId", "is another bot than this account's")
    if number and not phone_of(number):
        reader.refuse("number", "is a phone number of 10 to 15 digits, with its country's code")


def phone_of(number: str) -> str:
    """Returns a number in E.164, with a Russian 8 in front read as 7; empty for what no telephone can have."""
    digits = _WRITTEN.sub("", number)
    if not _NUMBER.fullmatch(digits):
        return ""
    is_russian = len(digits) == 11 and digits.startswith("8") and not number.strip().startswith("+")
    try:
        return parse_phone(f"+7{digits[1:]}" if is_russian else f"+{digits}")
    except AddressError:
        return ""


def cleaned(body: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a request without problems as it leaves: what says nothing is left out, the number is its digits."""
    kept = {name: value for name, value in body.items() if name not in _BESIDE and not is_blank(value)}
    return kept | ({"number": digits_of(phone_of(kept["number"]))} if "number" in kept else {})
