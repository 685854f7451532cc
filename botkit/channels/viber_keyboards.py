"""Viber's keyboards and rich media: every attribute, its bounds, and since which version of the API it exists.

https://developers.viber.com/docs/tools/keyboards
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from botkit.exceptions import MessageError
from botkit.messages import Raw

MAX_COLUMNS = 6
MAX_LABEL = 250
MAX_URL = 2000

_COLOR = re.compile(r"#[0-9A-Fa-f]{6}")
_ADDRESS = re.compile(r"https?://\S{1,1990}")


class _Attribute(Struct, frozen=True):
    """A member of a keyboard or button: its name on the wire, what it may be, and the version that knows it."""

    wire: str
    wants: str
    is_good: Callable[[Any], bool]
    since: int = 1


def _within(least: int, most: int) -> tuple[str, Callable[[Any], bool]]:
    return f"a whole number from {least} to {most}", lambda value: type(value) is int and least <= value <= most


def _one_of(*words: str) -> tuple[str, Callable[[Any], bool]]:
    return f"one of {', '.join(words)}", lambda value: value in words


_FLAG = ("True or False", lambda value: isinstance(value, bool))
_COLORED = ("a colour like #2db9b9", lambda value: isinstance(value, str) and bool(_COLOR.fullmatch(value)))
_LINKED = ("an http(s) address", lambda value: isinstance(value, str) and bool(_ADDRESS.fullmatch(value)))
_TABLE = ("a mapping in Viber's words", lambda value: isinstance(value, Mapping))
_PADS = (
    "four whole numbers from 0 to 12",
    lambda value: (
        isinstance(value, Sequence) and len(value) == 4 and all(type(n) is int and 0 <= n <= 12 for n in value)
    ),
)
_SCALES = _one_of("crop", "fill", "fit")

#: What a keyboard has besides its buttons.
KEYBOARD: Mapping[str, _Attribute] = {
    "bg_color": _Attribute("BgColor", *_COLORED),
    "default_height": _Attribute("DefaultHeight", *_FLAG),
    "custom_default_height": _Attribute("CustomDefaultHeight", *_within(40, 70), since=3),
    "height_scale": _Attribute("HeightScale", *_within(20, 100), since=3),
    "columns": _Attribute("ButtonsGroupColumns", *_within(1, 6), since=4),
    "rows": _Attribute("ButtonsGroupRows", *_within(1, 2), since=4),
    "input_field": _Attribute("InputFieldState", *_one_of("regular", "minimized", "hidden"), since=4),
    "favorites_metadata": _Attribute("FavoritesMetadata", *_TABLE, since=6),
}

#: What a button has besides its text and what it does.
BUTTON: Mapping[str, _Attribute] = {
    "columns": _Attribute("Columns", *_within(1, 6)),
    "rows": _Attribute("Rows", *_within(1, 7)),
    "silent": _Attribute("Silent", *_FLAG),
    "text_size": _Attribute("TextSize", *_one_of("small", "regular", "large")),
    "text_v_align": _Attribute("TextVAlign", *_one_of("top", "middle", "bottom")),
    "text_h_align": _Attribute("TextHAlign", *_one_of("left", "center", "right")),
    "text_paddings": _Attribute("TextPaddings", *_PADS, since=4),
    "text_opacity": _Attribute("TextOpacity", *_within(0, 100)),
    "text_bg_gradient_color": _Attribute("TextBgGradientColor", *_COLORED),
    "text_should_fit": _Attribute("TextShouldFit", *_FLAG, since=6),
    "bg_color": _Attribute("BgColor", *_COLORED),
    "bg_media_type": _Attribute("BgMediaType", *_one_of("picture", "gif")),
    "bg_media": _Attribute("BgMedia", *_LINKED),
    "bg_media_scale_type": _Attribute("BgMediaScaleType", *_SCALES, since=6),
    "bg_loop": _Attribute("BgLoop", *_FLAG),
    "image": _Attribute("Image", *_LINKED),
    "image_scale_type": _Attribute("ImageScaleType", *_SCALES, since=6),
    "open_url_type": _Attribute("OpenURLType", *_one_of("internal", "external")),
    "open_url_media_type": _Attribute("OpenURLMediaType", *_one_of("not-media", "video", "gif", "picture", "audio")),
    "internal_browser": _Attribute("InternalBrowser", *_TABLE, since=3),
    "map": _Attribute("Map", *_TABLE, since=6),
    "frame": _Attribute("Frame", *_TABLE, since=6),
    "media_player": _Attribute("MediaPlayer", *_TABLE, since=6),
}

_SINCE = {attribute.wire: attribute.since for table in (KEYBOARD, BUTTON) for attribute in table.values()}
_ACTIONS_SINCE = {"location-picker": 3, "share-phone": 3, "open-map": 6}


def look(**attributes: Any) -> Mapping[str, dict[str, Any]]:
    """Returns the `extra` of a button that looks or acts so on Viber: `Button("Yes", "y", extra=viber.look(rows=2))`.

    The names are those of `BUTTON`. Raises MessageError for an unknown one, and for a value out of bounds.
    """
    return {"viber": _checked(attributes, BUTTON, "a button")}


def keyboard(**attributes: Any) -> Mapping[str, dict[str, Any]]:
    """Returns the `extra` of a message whose keyboard looks so on Viber.

    The names are those of `KEYBOARD`. Raises MessageError for an unknown one, and for a value out of bounds.
    """
    return {"viber": {"keyboard": _checked(attributes, KEYBOARD, "a keyboard")}}


def rich_media(
    buttons: Sequence[Mapping[str, Any]], *, alt_text: str, columns: int = 6, rows: int = 7, bg_color: str = ""
) -> Raw:
    """Returns a message of buttons in Viber's words, up to six cards of `columns` x `rows` cells.

    Raises MessageError for sizes out of bounds.
    """
    content: dict[str, Any] = {
        "Type": "rich_media",
        "ButtonsGroupColumns": columns,
        "ButtonsGroupRows": rows,
        "Buttons": [dict(button) for button in buttons],
    }
    if not (1 <= columns <= MAX_COLUMNS and 1 <= rows <= 7):
        raise MessageError("rich media has 1 to 6 columns and 1 to 7 rows for Viber")
    cells = sum(button.get("Columns", 6) * button.get("Rows", 1) for button in buttons)
    if not buttons or cells > 6 * columns * rows:
        raise MessageError(f"rich media has {cells} cells; Viber takes 1 to {6 * columns * rows} of this size")
    if bg_color:
        content |= _checked({"bg_color": bg_color}, KEYBOARD, "rich media")
    payload = {"type": "rich_media", "min_api_version": 7, "alt_text": alt_text, "rich_media": content}
    return Raw(channel="viber", payload=payload)


def _checked(given: Mapping[str, Any], table: Mapping[str, _Attribute], what: str) -> dict[str, Any]:
    for name, value in given.items():
        if name not in table:
            raise MessageError(f"{what} has no attribute {name!r} for Viber", fix=f"use one of {', '.join(table)}")
        if not table[name].is_good(value):
            raise MessageError(f"{name} of {what} must be {table[name].wants} for Viber")
    return {table[name].wire: value for name, value in given.items()}


def version_of(keyboard: Mapping[str, Any]) -> int:
    """Returns the lowest version of the API that knows everything in a keyboard."""
    parts = [keyboard, *keyboard.get("Buttons", ())]
    known = [_SINCE.get(name, 1) for part in parts for name in part]
    return max([1, *known, *(_ACTIONS_SINCE.get(str(part.get("ActionType")), 1) for part in parts)])
