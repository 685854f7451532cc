"""Which messages the simulated Viber takes, and in which words it refuses the others.

The bounds are those of Viber's REST API. Its words are mostly ours: only the numbers of refusals are documented.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botkit.channels.viber_messages import FORBIDDEN
from botkit.formatting import utf16_length
from botkit.simulators.viber_keyboards import check_keyboard
from botkit.simulators.viber_refusals import BAD_DATA, INCOMPATIBLE, MISSING_DATA, PAYMENT_UNSUPPORTED, RefusedError

MAX_URL = 2000
MAX_FILE = 52_428_800
MAX_VIDEO = 27_262_976
#: Devices below it have no cards.
CARDS_SINCE = 2

Json = Mapping[str, Any]
#: Looks at a member of a message. Raises RefusedError.
Rule = Callable[[Json], None]

_PICTURES = ("jpeg", "jpg", "png", "gif")


def check_message(message: Json) -> str:
    """Checks everything of a message but its receiver.

    Returns what a device will object to, or nothing. Raises RefusedError for what the API itself refuses.
    """
    for rule in _EVERY_MESSAGE:
        rule(message)
    minimum = min_api_version(message)
    problem = ""
    if "keyboard" in message:
        problem = check_keyboard(message["keyboard"], "keyboard", minimum)
    elif "type" not in message:
        raise RefusedError(MISSING_DATA, "type is missing")
    return (_content_problem(message, minimum) if "type" in message else "") or problem


def min_api_version(message: Json) -> float:
    """Returns the API version that devices must have for a message. Raises RefusedError when it is none."""
    return _number(message, "min_api_version", 1, 100, is_required=False) or 1


def _content_problem(message: Json, minimum: float) -> str:
    kind = _text(message, "type", 100)
    if kind == "payment":
        raise RefusedError(PAYMENT_UNSUPPORTED, "paymentUnsupported")
    if kind not in _TYPES:
        raise RefusedError(BAD_DATA, "type is not supported")
    for rule in _TYPES[kind]:
        rule(message)
    if kind == "rich_media":
        if minimum < CARDS_SINCE:
            raise RefusedError(INCOMPATIBLE, f"rich_media needs min_api_version {CARDS_SINCE}")
        return check_keyboard(message["rich_media"], "rich_media", minimum)
    if kind == "picture" and _extension(message["media"].partition("?")[0]) not in _PICTURES:
        return "media is not a picture by its extension"
    if kind == "file" and _extension(message["file_name"]) in FORBIDDEN:
        return "file_name has a forbidden format"
    return ""


def _extension(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""


def _member(holder: Json, name: str, kind: type) -> Any:
    if name not in holder:
        raise RefusedError(MISSING_DATA, f"{name} is missing")
    if not isinstance(holder[name], kind):
        raise RefusedError(BAD_DATA, f"{name} is not of the right type")
    return holder[name]


def _text(holder: Json, name: str, most: int, *, is_required: bool = True) -> str:
    if not is_required and holder.get(name) is None:
        return ""
    value: str = _member(holder, name, str)
    if is_required and not value:
        raise RefusedError(MISSING_DATA, f"{name} is missing")
    if utf16_length(value) > most:
        raise RefusedError(BAD_DATA, f"{name} is too long: {utf16_length(value)} characters, at most {most}")
    return value


def _number(holder: Json, name: str, least: float, most: float, *, is_required: bool = True) -> float:
    """Reads a number, which Viber also takes as text."""
    if name not in holder and is_required:
        raise RefusedError(MISSING_DATA, f"{name} is missing")
    if not is_required and holder.get(name) is None:
        return 0
    try:
        number = float("" if isinstance(holder[name], bool) else holder[name])
    except (TypeError, ValueError, OverflowError):
        raise RefusedError(BAD_DATA, f"{name} is not a number") from None
    if not least <= number <= most:
        raise RefusedError(BAD_DATA, f"{name} is out of range: {least} to {most}")
    return number


def text(name: str, most: int, *, is_required: bool = True) -> Rule:
    """A text of so many UTF-16 units."""

    def rule(holder: Json) -> None:
        _text(holder, name, most, is_required=is_required)

    return rule


def number(name: str, least: float, most: float, *, is_required: bool = True) -> Rule:
    """A number within bounds, also written as text."""

    def rule(holder: Json) -> None:
        _number(holder, name, least, most, is_required=is_required)

    return rule


def address(name: str, *, is_required: bool = True) -> Rule:
    """An address on the internet."""

    def rule(holder: Json) -> None:
        url = _text(holder, name, MAX_URL, is_required=is_required)
        if url and not url.startswith(("https://", "http://")):
            raise RefusedError(BAD_DATA, f"{name} is not an address")

    return rule


def inside(name: str, *rules: Rule) -> Rule:
    """An object whose members follow rules of their own."""

    def rule(holder: Json) -> None:
        member = _member(holder, name, dict)
        for inner in rules:
            inner(member)

    return rule


_EVERY_MESSAGE: Sequence[Rule] = (
    inside("sender", text("name", 28), address("avatar", is_required=False)),
    text("tracking_data", 4096, is_required=False),
)
_CAPTION = text("text", 768, is_required=False)
_THUMBNAIL = address("thumbnail", is_required=False)
_TYPES: Mapping[str, Sequence[Rule]] = {
    "text": (text("text", 7000),),
    "picture": (_CAPTION, address("media"), _THUMBNAIL),
    "video": (
        _CAPTION,
        address("media"),
        _THUMBNAIL,
        number("size", 1, MAX_VIDEO),
        number("duration", 0, 180, is_required=False),
    ),
    "file": (address("media"), number("size", 1, MAX_FILE), text("file_name", 256)),
    "location": (inside("location", number("lat", -90, 90), number("lon", -180, 180)),),
    "contact": (inside("contact", text("name", 28), text("phone_number", 18)),),
    "sticker": (number("sticker_id", 1, 2**31),),
    "url": (address("media"),),
    "rich_media": (inside("rich_media"), text("alt_text", 7000, is_required=False)),
}
