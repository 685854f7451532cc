"""Which messages the simulated Viber takes, and in which words it refuses the others.

The bounds are those of Viber's REST API. Its words are mostly ours: only the numbers of refusals are documented.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from botkit.channels.viber_messages import FORBIDDEN
from botkit.formatting import utf16_length
from botkit.simulators.viber_state import rows_of

BAD_DATA = 3
MISSING_DATA = 4
INCOMPATIBLE = 14

MAX_ROWS = 24
MAX_FILE = 52_428_800
MAX_VIDEO = 27_262_976

_PICTURES = ("jpeg", "jpg", "png", "gif")
_ACTIONS = ("reply", "open-url", "location-picker", "share-phone", "open-map", "none")
_STYLES: Mapping[str, Sequence[str]] = {
    "TextSize": ("small", "regular", "large"),
    "TextVAlign": ("top", "middle", "bottom"),
    "TextHAlign": ("left", "center", "right"),
    "BgMediaType": ("picture", "gif"),
    "OpenURLType": ("internal", "external"),
    "OpenURLMediaType": ("not-media", "video", "gif", "picture", "audio"),
}


class RefusedError(Exception):
    """A call is refused with HTTP 200 and this status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def check_message(message: Mapping[str, Any]) -> None:
    """Checks everything of a message but its receiver. Raises RefusedError."""
    _text(_member(message, "sender", dict), "name", 28)
    _text(message, "tracking_data", 4096, required=False)
    minimum = _number(message, "min_api_version", 1, 100, required=False) or 1
    if "keyboard" in message:
        check_keyboard(message["keyboard"], "keyboard", minimum)
    elif "type" not in message:
        raise RefusedError(MISSING_DATA, "type is missing")
    if "type" in message:
        check = _TYPES.get(_text(message, "type", 100))
        if not check:
            raise RefusedError(BAD_DATA, "type is not supported")
        check(message)


def check_keyboard(keyboard: Any, name: str, minimum: float) -> None:
    """Checks a keyboard, or a rich_media with its larger bounds, for devices from `minimum` on. Raises RefusedError."""
    problem = _keyboard_problem(keyboard, name)
    if problem:
        raise RefusedError(BAD_DATA, f"{name} is not valid. [{problem}]")
    for button in keyboard["Buttons"]:
        if button.get("ActionType") in ("location-picker", "share-phone") and minimum < 3:
            raise RefusedError(INCOMPATIBLE, f"{button['ActionType']} needs min_api_version 3")


def _keyboard_problem(keyboard: Any, name: str) -> str:
    if not isinstance(keyboard, dict):
        return "instance type does not match any allowed primitive type"
    if missing := [key for key in ("Buttons", "Type") if key not in keyboard]:
        return _missing(missing)
    if keyboard["Type"] != name:
        return f'Type: instance value not found in enum (possible values: ["{name}"])'
    if keyboard.get("InputFieldState", "regular") not in ("regular", "minimized", "hidden"):
        return 'InputFieldState: instance value not found in enum (possible values: ["hidden","minimized","regular"])'
    columns, height = keyboard.get("ButtonsGroupColumns", 6), 7 if name == "rich_media" else 2
    if not _is_within(columns, 1, 6) or not _is_within(keyboard.get("ButtonsGroupRows", height), 1, height):
        return "ButtonsGroupColumns or ButtonsGroupRows: out of range"
    buttons = keyboard["Buttons"]
    if not isinstance(buttons, list) or not buttons:
        return "Buttons: array is too short: must have at least 1 elements"
    if problem := next(filter(None, (_button_problem(button, name, columns, height) for button in buttons)), ""):
        return f"Buttons: {problem}"
    if name == "keyboard" and sum(_height(row) for row in rows_of(buttons, columns)) > MAX_ROWS:
        return f"Buttons: more than {MAX_ROWS} rows"
    return ""


def _button_problem(button: Any, name: str, columns: int, height: int) -> str:
    if not isinstance(button, dict):
        return "instance type does not match any allowed primitive type"
    if "ActionBody" not in button:
        return _missing(["ActionBody"])
    if not isinstance(button["ActionBody"], str) or not button["ActionBody"]:
        return "ActionBody: string is too short"
    action = button.get("ActionType", "reply")
    if action not in _ACTIONS or (name == "rich_media" and action in ("location-picker", "share-phone")):
        return "ActionType: instance value not found in enum"
    if not _is_within(button.get("Columns", columns), 1, columns) or not _is_within(button.get("Rows", 1), 1, height):
        return f"Columns or Rows: out of range (columns 1 to {columns}, rows 1 to {height})"
    if not isinstance(button.get("Silent", False), bool):
        return "Silent: instance type does not match any allowed primitive type"
    text = button.get("Text", "")
    if not isinstance(text, str) or utf16_length(text) > 250:
        return "Text: string is too long (maximum allowed: 250)"
    odd = next((key for key, values in _STYLES.items() if button.get(key, values[0]) not in values), "")
    return f"{odd}: instance value not found in enum" if odd else ""


def _missing(names: Sequence[str]) -> str:
    return f"object has missing required properties ({msgspec.json.encode(names).decode()})"


def _is_within(value: Any, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most


def _height(row: Sequence[Mapping[str, Any]]) -> int:
    return max(int(button.get("Rows", 1)) for button in row)


def _member(holder: Mapping[str, Any], name: str, kind: type) -> Any:
    if name not in holder:
        raise RefusedError(MISSING_DATA, f"{name} is missing")
    if not isinstance(holder[name], kind):
        raise RefusedError(BAD_DATA, f"{name} is not of the right type")
    return holder[name]


def _text(holder: Mapping[str, Any], name: str, bound: int, *, required: bool = True) -> str:
    if not required and holder.get(name) is None:
        return ""
    text: str = _member(holder, name, str)
    if required and not text:
        raise RefusedError(MISSING_DATA, f"{name} is missing")
    if utf16_length(text) > bound:
        raise RefusedError(BAD_DATA, f"{name} is too long: {utf16_length(text)} characters, at most {bound}")
    return text


def _number(holder: Mapping[str, Any], name: str, least: float, most: float, *, required: bool = True) -> float:
    """Reads a number, which Viber also takes as text."""
    if name not in holder:
        if not required:
            return 0
        raise RefusedError(MISSING_DATA, f"{name} is missing")
    try:
        number = float(holder[name])
    except (TypeError, ValueError):
        raise RefusedError(BAD_DATA, f"{name} is not a number") from None
    if not least <= number <= most:
        raise RefusedError(BAD_DATA, f"{name} is out of range: {least} to {most}")
    return number


def _address(message: Mapping[str, Any], name: str = "media") -> str:
    url = _text(message, name, 2000)
    if not url.startswith(("https://", "http://")):
        raise RefusedError(BAD_DATA, f"{name} is not an address")
    return url


def _check_text(message: Mapping[str, Any]) -> None:
    _text(message, "text", 7000)


def _check_picture(message: Mapping[str, Any]) -> None:
    _text(message, "text", 768, required=False)
    path = _address(message).partition("?")[0]
    if path.rpartition(".")[2].lower() not in _PICTURES:
        raise RefusedError(BAD_DATA, "media is not a picture by its extension")


def _check_video(message: Mapping[str, Any]) -> None:
    _text(message, "text", 768, required=False)
    _address(message)
    _number(message, "size", 1, MAX_VIDEO)
    _number(message, "duration", 0, 180, required=False)


def _check_file(message: Mapping[str, Any]) -> None:
    _address(message)
    _number(message, "size", 1, MAX_FILE)
    name = _text(message, "file_name", 256)
    if "." in name and name.rpartition(".")[2].lower() in FORBIDDEN:
        raise RefusedError(BAD_DATA, "file_name has a forbidden format")


def _check_location(message: Mapping[str, Any]) -> None:
    location = _member(message, "location", dict)
    _number(location, "lat", -90, 90)
    _number(location, "lon", -180, 180)


def _check_contact(message: Mapping[str, Any]) -> None:
    contact = _member(message, "contact", dict)
    _text(contact, "name", 28)
    _text(contact, "phone_number", 18)


def _check_sticker(message: Mapping[str, Any]) -> None:
    _number(message, "sticker_id", 1, 2**31)


def _check_url(message: Mapping[str, Any]) -> None:
    _address(message)


def _check_rich_media(message: Mapping[str, Any]) -> None:
    minimum = _number(message, "min_api_version", 1, 100, required=False) or 1
    if minimum < 2:
        raise RefusedError(INCOMPATIBLE, "rich_media needs min_api_version 2")
    check_keyboard(_member(message, "rich_media", dict), "rich_media", minimum)
    _text(message, "alt_text", 7000, required=False)


_TYPES: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
    "text": _check_text,
    "picture": _check_picture,
    "video": _check_video,
    "file": _check_file,
    "location": _check_location,
    "contact": _check_contact,
    "sticker": _check_sticker,
    "url": _check_url,
    "rich_media": _check_rich_media,
}
