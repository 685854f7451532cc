"""Checks messages against Viber's bounds and renders them as its JSON."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from botkit.exceptions import MessageError
from botkit.formatting import utf16_length
from botkit.messages import AnyButton, AnyMessage, Button, File, Image, Location, Raw, Text, Typing
from botkit.rendering import to_viber

#: Lengths are in UTF-16 units: Viber says "characters", and this reading of it is never too long.
MAX_TEXT = 7000
MAX_CAPTION = 768
MAX_TRACKING = 4000
MAX_URL = 2000
MAX_FILE_NAME = 256
MAX_FILE_SIZE = 52_428_800
MAX_ROWS = 12
MAX_COLUMNS = 6
MAX_LABEL = 250
# Viber names no bound for a button's value; it is sent as a text, and longer ones are a mistake.
MAX_VALUE = 250
MAX_REQUEST = 30 * 1024

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

Sendable = Text | Image | File | Location | Raw


def check_message(message: AnyMessage, sender: Mapping[str, str]) -> AnyMessage:
    """Returns what will be sent: the message, or words and a link for a `File` with a caption, which Viber has not.

    Raises MessageError that names the bound and both numbers.
    """
    if isinstance(message, Typing):
        return message
    if isinstance(message, File) and message.caption:
        message = Text(text=message.plain, markdown=False, buttons=message.buttons)
    _check_content(message)
    _check_buttons(message.buttons)
    try:
        # Viber's user ids have 24 characters; there is room for longer ones.
        size = len(msgspec.json.encode({"receiver": "x" * 64, "sender": sender} | render(message)))
    except (UnicodeEncodeError, TypeError):
        raise MessageError("a message must be JSON, without halves of surrogate pairs, to be sent on viber") from None
    _limit("a whole message", size, MAX_REQUEST, unit="bytes of JSON")
    return message


def render(message: Sendable) -> dict[str, Any]:
    """Returns the message as Viber's JSON, still without receiver and sender. The same message gives the same bytes."""
    payload = _content(message)
    if message.buttons:
        payload["keyboard"] = {"Type": "keyboard", "Buttons": _keyboard(message.buttons)}
        if tracking_data := _tracking_data(message.buttons):
            payload["tracking_data"] = tracking_data
    return payload


def _limit(what: str, length: int, bound: int, unit: str = "characters") -> None:
    if length > bound:
        raise MessageError(f"{what} has {length} {unit}; Viber takes at most {bound}")


def _check_content(message: Sendable) -> None:
    match message:
        case Text():
            _limit("a Text", utf16_length(to_viber(message.formatted)), MAX_TEXT)
        case Image():
            _limit("a caption", utf16_length(to_viber(message.formatted)), MAX_CAPTION)
            _check_address(message)
            if _extension(message.source.partition("?")[0]) not in PICTURES:
                raise MessageError(f"an Image's address must end in one of {', '.join(PICTURES)} for Viber")
        case File():
            _check_address(message)
            _check_file(message)
        case Raw() if message.channel != "viber":
            raise MessageError(f"a Raw for {message.channel} cannot be sent on viber")
        case Raw() if message.method and not _RESOURCE.fullmatch(message.method):
            raise MessageError("the method of a Raw must be 1 to 40 lower-case letters or underscores for Viber")


def _check_address(message: Image | File) -> None:
    if not message.is_url:
        raise MessageError("Viber fetches attachments itself: the source must be an http(s) address")
    _limit("an attachment's address", utf16_length(message.source), MAX_URL)


def _check_file(message: File) -> None:
    if not message.name:
        raise MessageError("a File needs a name for Viber")
    _limit("a File's name", utf16_length(message.name), MAX_FILE_NAME)
    if not 1 <= message.size <= MAX_FILE_SIZE:
        raise MessageError(f"a File has {message.size} bytes; Viber takes 1 to {MAX_FILE_SIZE}")
    if (extension := _extension(message.name)) in FORBIDDEN:
        raise MessageError(f"a File must not be of the format .{extension} for Viber")


def _extension(name: str) -> str:
    return name.rpartition("/")[2].rpartition(".")[2].lower() if "." in name else ""


def _check_buttons(buttons: Sequence[Sequence[AnyButton]]) -> None:
    _limit("a keyboard", len(buttons), MAX_ROWS, unit="rows")
    for row in buttons:
        _limit("a row of buttons", len(row), MAX_COLUMNS, unit="buttons")
        for button in row:
            _limit("a button's text", utf16_length(button.text), MAX_LABEL)
            if isinstance(button, Button):
                _limit("a Button's value", utf16_length(button.value), MAX_VALUE)
            else:
                _limit("a Link's address", utf16_length(button.url), MAX_URL)


def _content(message: Sendable) -> dict[str, Any]:
    match message:
        case Text():
            return {"type": "text", "text": to_viber(message.formatted)}
        case Image():
            return {"type": "picture", "text": to_viber(message.formatted), "media": message.source}
        case File():
            return {"type": "file", "media": message.source, "size": message.size, "file_name": message.name}
        case Location():
            return {"type": "location", "location": {"lat": message.latitude, "lon": message.longitude}}
        case Raw():
            return dict(message.payload)


def _keyboard(rows: Sequence[Sequence[AnyButton]]) -> list[dict[str, Any]]:
    return [_button(button, width) for row in rows for button, width in zip(row, _widths(len(row)), strict=True)]


def _widths(count: int) -> list[int]:
    """Shares the six columns of a row: as evenly as whole columns allow, the wider buttons first."""
    width, wider = divmod(MAX_COLUMNS, count)
    return [width + 1] * wider + [width] * (count - wider)


def _button(button: AnyButton, columns: int) -> dict[str, Any]:
    is_reply = isinstance(button, Button)
    return {
        "Columns": columns,
        "Rows": 1,
        "ActionType": "reply" if is_reply else "open-url",
        "ActionBody": button.value if isinstance(button, Button) else button.url,
        "Text": button.text,
        # Without it Viber shows the value, or the link, as if the person had typed it.
        "Silent": True,
    }


def _tracking_data(rows: Sequence[Sequence[AnyButton]]) -> str:
    """Returns the labels by value; only the values where that would be too long, nothing where even they are."""
    labels = {button.value: button.text for row in rows for button in row if isinstance(button, Button)}
    for known in (labels, dict.fromkeys(labels, "")):
        text = msgspec.json.encode({"b": known}).decode()
        if known and utf16_length(text) <= MAX_TRACKING:
            return text
    return ""
