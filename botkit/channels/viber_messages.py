"""What Viber can show of our messages, and its bounds.

https://developers.viber.com/docs/api/rest-bot-api#message-types
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from botkit.buttons import AnyButton, AskContact, AskLocation, Button, Link, Rows
from botkit.capabilities import Bound, Capabilities, Support
from botkit.channels.viber_keyboards import (
    MAX_CARDS,
    MAX_COLUMNS,
    MAX_LABEL,
    MAX_ROWS,
    MAX_URL,
    check_keyboard,
    check_rich_media,
)
from botkit.channels.viber_missing import MISSING
from botkit.channels.viber_rendering import MAX_TEXT, MAX_TRACKING, file_name, full_name, markup, render
from botkit.exceptions import MessageError
from botkit.formatting import Formatted, utf16_length
from botkit.messages import (
    AnyMessage,
    Attachment,
    Card,
    Carousel,
    Contact,
    File,
    Image,
    Location,
    Message,
    Raw,
    Representative,
    Sticker,
    Text,
    Video,
)
from botkit.rendering import to_plain, to_viber

#: Lengths are in UTF-16 units: Viber says "characters", and this reading of it is never too long.
MAX_CAPTION = 768
MAX_FILE_NAME = 256
MAX_FILE_SIZE = 52_428_800
MAX_VIDEO_SIZE = 27_262_976
MAX_VIDEO_SECONDS = 180
MAX_NAME = 28
MAX_PHONE = 18
# Viber names no bound for a button's value; it is sent as a text, and longer ones are a mistake.
MAX_VALUE = 250
MAX_REQUEST = 30 * 1024
# A card's words share one button of at most 250 characters of markup.
MAX_CARD_TITLE = 80
MAX_CARD_TEXT = 120
MAX_CARD_BUTTONS = 2

PICTURES = ("jpeg", "jpg", "png", "gif")

# fmt: off
#: File formats that Viber's clients refuse.
FORBIDDEN = frozenset((
    "action", "apk", "app", "bat", "bin", "cmd", "com", "command", "cpl", "csh", "exe", "gadget", "inf1", "ins", "inx",
    "ipa", "isu", "job", "jse", "ksh", "lnk", "msc", "msi", "msp", "mst", "osx", "out", "paf", "pif", "ps1", "reg",
    "rgs", "run", "sct", "shb", "shs", "u3p", "vb", "vbe", "vbs", "vbscript", "workflow", "ws", "wsf",
))
# fmt: on

_RESOURCE = re.compile(r"[a-z_]{1,40}")
# Viber's user ids have 24 characters; there is room for longer ones.
_LONGEST_ID = "x" * 64


def _size(formatted: Formatted) -> int:
    return utf16_length(to_viber(formatted))


def _markup_size(formatted: Formatted) -> int:
    return utf16_length(markup(to_plain(formatted)))


_KINDS: tuple[type[Message], ...] = (Text, Image, Video, File, Location, Contact, Sticker, Card, Carousel, Raw)

CAPABILITIES = Capabilities(
    messages=dict.fromkeys(_KINDS, Support.NATIVE),
    text=Bound(MAX_TEXT, _size, "UTF-16 units"),
    caption=Bound(MAX_CAPTION, _size, "UTF-16 units"),
    captions=frozenset({Image}),
    card_title=Bound(MAX_CARD_TITLE, _markup_size, "UTF-16 units"),
    card_text=Bound(MAX_CARD_TEXT, _markup_size, "UTF-16 units"),
    buttons=frozenset({Button, Link, AskLocation, AskContact}),
    max_cards=MAX_CARDS,
    with_buttons=frozenset(_KINDS) - {Raw},
    shows=lambda button: not isinstance(button, Link) or utf16_length(button.url) <= MAX_URL,
    max_buttons={Message: MAX_ROWS * MAX_COLUMNS, Card: MAX_CARD_BUTTONS},
    max_row=MAX_COLUMNS,
    max_rows=MAX_ROWS,
    max_label=MAX_LABEL,
    label_size=lambda label: utf16_length(markup(label)),
    label_unit="UTF-16 units of HTML",
    max_value=MAX_VALUE,
    value_size=utf16_length,
    value_unit="UTF-16 units",
    options=frozenset({"representative", "ttl"}),
    notes={
        "Image": "by an address that ends in jpeg, jpg, png or gif; others as a link",
        "Video": "by address with its size; others as a link",
        "File": "by address with its size; others as a link",
        "Sticker": "by Viber's number",
        "Location": "its name and address in a text before it",
        "Card": "as rich media, with up to two buttons; longer ones in parts",
        "Carousel": "six cards side by side; more of them in two",
        "ttl": "kept by botkit: Viber itself tries for 14 days",
    },
    missing=MISSING,
)


def capabilities_for(message: AnyMessage) -> Capabilities:
    """Returns what can be shown of a message: an attachment that Viber cannot fetch or would refuse is a link.

    A keyboard that is said to have fewer columns has room for fewer buttons in a row.
    """
    columns = message.extra.get("viber", {}).get("keyboard", {}).get("ButtonsGroupColumns")
    found = _narrow(columns) if columns in range(1, MAX_COLUMNS) else CAPABILITIES
    if isinstance(message, Location) and message.name:
        return replace(found, messages={**found.messages, Location: Support.PARTS})
    if _is_shown(message):
        return found
    return replace(found, messages={**found.messages, type(message): Support.WORDS})


def _narrow(columns: int) -> Capabilities:
    most: dict[type[Message], int] = {Message: MAX_ROWS * columns, Card: MAX_CARD_BUTTONS}
    return replace(CAPABILITIES, max_row=columns, max_buttons=most)


def _is_shown(message: AnyMessage) -> bool:
    match message:
        case Image():
            return _is_address(message) and _extension(urlsplit(message.source).path) in PICTURES
        case Video():
            return _is_address(message) and 0 < message.size <= MAX_VIDEO_SIZE and message.duration <= MAX_VIDEO_SECONDS
        case File():
            is_sized = 0 < message.size <= MAX_FILE_SIZE
            return _is_address(message) and is_sized and _extension(file_name(message)) not in FORBIDDEN
        case Sticker():
            return message.id.isascii() and message.id.isdigit()
        case Card():
            return utf16_length(message.image) <= MAX_URL and not any(map(_asks, message.buttons))
        case Carousel():
            return all(map(_is_shown, message.cards))
        case Contact():
            is_short = utf16_length(full_name(message)) <= MAX_NAME
            return is_short and utf16_length(message.phone) <= MAX_PHONE
    return True


def _is_address(message: Attachment) -> bool:
    return message.is_url and utf16_length(message.source) <= MAX_URL


def _asks(row: Sequence[AnyButton]) -> bool:
    # Rich media takes no buttons that pick a place or share a number.
    return any(isinstance(button, (AskLocation, AskContact)) for button in row)


def _extension(name: str) -> str:
    return name.rpartition("/")[2].rpartition(".")[2].lower() if "." in name else ""


# --- bounds ---


def check_message(message: AnyMessage, sender: Mapping[str, str]) -> None:
    """Returns for a message that Viber takes. Raises MessageError that names the bound and both numbers."""
    if message.is_transient and not isinstance(message, Raw):
        return
    _check_content(message)
    _check_buttons(message.buttons)
    _check_sender(message.representative)
    try:
        payload = {"receiver": _LONGEST_ID, "sender": sender} | render(message)
        size = len(msgspec.json.encode(payload))
    except (UnicodeEncodeError, TypeError):
        raise MessageError("a message must be JSON, without halves of surrogate pairs, to be sent on viber") from None
    if not isinstance(message, Raw):
        _check_rendered(payload)
    _limit("a whole message", size, MAX_REQUEST, unit="bytes of JSON")


def _check_rendered(payload: Mapping[str, Any]) -> None:
    if "keyboard" in payload:
        check_keyboard(payload["keyboard"])
    if "rich_media" in payload:
        check_rich_media(payload["rich_media"])
    _limit("tracking_data", utf16_length(payload.get("tracking_data", "")), MAX_TRACKING)


def _check_sender(who: Representative | None) -> None:
    if who is not None:
        _limit("the name of a representative", utf16_length(who.name), MAX_NAME)
        _limit("the address of a representative's picture", utf16_length(who.avatar), MAX_URL)


def _limit(what: str, length: int, bound: int, unit: str = "characters") -> None:
    if length > bound:
        raise MessageError(f"{what} has {length} {unit}; Viber takes at most {bound}")


def _check_content(message: AnyMessage) -> None:
    match message:
        case Text():
            _check_text(message)
        case Image():
            _check_address(message)
            _limit("a caption", utf16_length(to_viber(message.formatted)), MAX_CAPTION)
            _limit("a thumbnail's address", utf16_length(message.thumbnail), MAX_URL)
            if _extension(urlsplit(message.source).path) not in PICTURES:
                raise MessageError(f"an Image's address must end in one of {', '.join(PICTURES)} for Viber")
        case Video():
            _check_address(message)
            _check_size("a Video", message.size, MAX_VIDEO_SIZE)
            _limit("a Video", round(message.duration), MAX_VIDEO_SECONDS, unit="seconds")
            _limit("a thumbnail's address", utf16_length(message.thumbnail), MAX_URL)
        case File():
            _check_address(message)
            _check_file(message)
        case Contact():
            _limit("a Contact's name", utf16_length(full_name(message)), MAX_NAME)
            _limit("a Contact's number", utf16_length(message.phone), MAX_PHONE)
        case Sticker() if not (message.id.isascii() and message.id.isdigit()):
            raise MessageError("Viber's stickers have numbers", fix="take one of its published list")
        case Raw():
            _check_raw(message)


def _check_text(message: Text) -> None:
    text = to_viber(message.formatted)
    if not text.strip():
        raise MessageError("a Text has nothing but formatting; Viber takes at least 1 character")
    _limit("a Text", utf16_length(text), MAX_TEXT)


def _check_raw(message: Raw) -> None:
    if message.channel != "viber":
        raise MessageError(f"a Raw for {message.channel} cannot be sent on viber")
    if message.method and not _RESOURCE.fullmatch(message.method):
        raise MessageError("the method of a Raw must be 1 to 40 lower-case letters or underscores for Viber")


def _check_address(message: Attachment) -> None:
    if not message.is_url:
        raise MessageError("Viber fetches attachments itself: the source must be an http(s) address")
    _limit("an attachment's address", utf16_length(message.source), MAX_URL)


def _check_file(message: File) -> None:
    name = file_name(message)
    if not name:
        raise MessageError("a File needs a name for Viber")
    _limit("a File's name", utf16_length(name), MAX_FILE_NAME)
    _check_size("a File", message.size, MAX_FILE_SIZE)
    if (extension := _extension(name)) in FORBIDDEN:
        raise MessageError(f"a File must not be of the format .{extension} for Viber")


def _check_size(what: str, size: int, most: int) -> None:
    if not 1 <= size <= most:
        raise MessageError(f"{what} has {size} bytes; Viber takes 1 to {most}")


def _check_buttons(buttons: Rows) -> None:
    _limit("a keyboard", len(buttons), MAX_ROWS, unit="rows")
    for row in buttons:
        _limit("a row of buttons", len(row), MAX_COLUMNS, unit="buttons")
        for button in row:
            _limit("a button's text", CAPABILITIES.label_size(button.text), MAX_LABEL)
            if isinstance(button, Button):
                _limit("a Button's value", utf16_length(button.value), MAX_VALUE)
            elif isinstance(button, Link):
                _limit("a Link's address", utf16_length(button.url), MAX_URL)
