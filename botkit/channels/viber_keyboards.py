"""Viber's keyboards and rich media: every attribute, its bounds, and since which version of the API it exists.

https://developers.viber.com/docs/tools/keyboards
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from botkit.exceptions import MessageError
from botkit.formatting import utf16_length
from botkit.messages import Raw

MAX_COLUMNS = 6
MAX_LABEL = 250
MAX_URL = 2000
#: How high a keyboard is at most, and a button of a keyboard or of a card.
MAX_ROWS = 12
MAX_BUTTON_ROWS, MAX_CARD_ROWS = 2, 7
#: How many cards stand side by side at most.
MAX_CARDS = 6

ACTIONS = ("reply", "open-url", "location-picker", "share-phone", "open-map", "none")
PICKERS = ("location-picker", "share-phone")

_COLOR = re.compile(r"#[0-9A-Fa-f]{6}")
_ADDRESS = re.compile(r"https?://\S+")
_DEGREES = re.compile(r"-?\d{1,3}(?:\.\d+)?", re.ASCII)
_FONT_SIZE = re.compile(r"<font\b[^>]*\bsize\s*=\s*[\"']?(\d+)", re.IGNORECASE)
_LATER_TAGS = re.compile(r"<(?:s|font)\b", re.IGNORECASE)

#: What a value may be, in words, and whether it is.
_Rule = tuple[str, Callable[[Any], bool]]


class Attribute(Struct, frozen=True):
    """A member of a keyboard or button: its name on the wire, what it may be, and the version that knows it.

    `later` are the versions of values that came after the member itself, `members` what is in one that is an object.
    """

    wire: str
    wants: str
    is_good: Callable[[Any], bool]
    since: int = 1
    later: Mapping[str, int] = {}
    members: "tuple[Attribute, ...]" = ()
    is_needed: bool = False


def _within(least: int, most: int) -> _Rule:
    return f"a whole number from {least} to {most}", lambda value: type(value) is int and least <= value <= most


def _one_of(*words: str) -> _Rule:
    return f"one of {', '.join(words)}", lambda value: value in words


def _text(most: int) -> _Rule:
    return f"a text of at most {most} characters", lambda value: isinstance(value, str) and utf16_length(value) <= most


def _degrees(most: int) -> _Rule:
    def is_good(value: Any) -> bool:
        return isinstance(value, str) and bool(_DEGREES.fullmatch(value)) and abs(float(value)) <= most

    return f"a number from -{most} to {most} as a text", is_good


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and bool(_ADDRESS.fullmatch(value)) and utf16_length(value) <= MAX_URL


def _is_markup(value: Any) -> bool:
    is_short = isinstance(value, str) and utf16_length(value) <= MAX_LABEL
    return is_short and all(12 <= int(size) <= 32 for size in _FONT_SIZE.findall(value))


def _are_paddings(value: Any) -> bool:
    is_four = isinstance(value, (list, tuple)) and len(value) == 4
    return is_four and all(type(padding) is int and 0 <= padding <= 12 for padding in value)


_FLAG: _Rule = ("True or False", lambda value: isinstance(value, bool))
_COLORED: _Rule = ("a colour like #2db9b9", lambda value: isinstance(value, str) and bool(_COLOR.fullmatch(value)))
_LINKED: _Rule = (f"an http(s) address of at most {MAX_URL} characters", _is_address)
_MARKUP: _Rule = (f"at most {MAX_LABEL} characters of Viber's HTML, in fonts of the sizes 12 to 32", _is_markup)
_PADS: _Rule = ("four whole numbers from 0 to 12", _are_paddings)
_TABLE: _Rule = ("a mapping in Viber's words", lambda value: isinstance(value, Mapping))
_SCALES = _one_of("crop", "fill", "fit")
_WORDS = _text(MAX_LABEL)

_FAVORITES = (
    Attribute("type", *_one_of("gif", "link", "video"), is_needed=True),
    Attribute("url", *_LINKED, is_needed=True),
    *(Attribute(name, *_WORDS) for name in ("title", "domain", "alternativeText")),
    *(Attribute(name, *_LINKED) for name in ("thumbnail", "alternativeUrl")),
    *(Attribute(name, *_within(1, 2**31 - 1)) for name in ("width", "height")),
)
_BROWSER = (
    Attribute("ActionButton", *_one_of("forward", "send", "open-externally", "send-to-bot", "none")),
    Attribute("ActionPredefinedURL", *_LINKED),
    Attribute("TitleType", *_one_of("domain", "default")),
    Attribute("CustomTitle", *_text(15)),
    Attribute("Mode", *_one_of("fullscreen", "fullscreen-portrait", "fullscreen-landscape", "partial-size")),
    Attribute("FooterType", *_one_of("default", "hidden")),
    Attribute("ActionReplyData", *_WORDS, since=6),
)
_MAP = (
    Attribute("Latitude", *_degrees(90), is_needed=True),
    Attribute("Longitude", *_degrees(180), is_needed=True),
)
_FRAME = (
    *(Attribute(name, *_within(0, 10)) for name in ("BorderWidth", "CornerRadius")),
    Attribute("BorderColor", *_COLORED),
)
_PLAYER = (
    *(Attribute(name, *_WORDS) for name in ("Title", "Subtitle")),
    Attribute("ThumbnailURL", *_LINKED),
    Attribute("Loop", *_FLAG),
)

#: What a keyboard has besides its buttons.
KEYBOARD: Mapping[str, Attribute] = {
    "bg_color": Attribute("BgColor", *_COLORED),
    "default_height": Attribute("DefaultHeight", *_FLAG),
    "custom_default_height": Attribute("CustomDefaultHeight", *_within(40, 70), since=3),
    "height_scale": Attribute("HeightScale", *_within(20, 100), since=3),
    "columns": Attribute("ButtonsGroupColumns", *_within(1, MAX_COLUMNS), since=4),
    "rows": Attribute("ButtonsGroupRows", *_within(1, MAX_BUTTON_ROWS), since=4),
    "input_field": Attribute("InputFieldState", *_one_of("regular", "minimized", "hidden"), since=4),
    "favorites_metadata": Attribute("FavoritesMetadata", *_TABLE, since=6, members=_FAVORITES),
}

#: What rich media has besides its buttons.
RICH_MEDIA: Mapping[str, Attribute] = {
    "bg_color": KEYBOARD["bg_color"],
    "height_scale": KEYBOARD["height_scale"],
    "columns": Attribute("ButtonsGroupColumns", *_within(1, MAX_COLUMNS)),
    "rows": Attribute("ButtonsGroupRows", *_within(1, MAX_CARD_ROWS)),
    "favorites_metadata": KEYBOARD["favorites_metadata"],
}

#: What a button may be given besides its text and what it does; `html` and `action` replace those.
BUTTON: Mapping[str, Attribute] = {
    "html": Attribute("Text", *_MARKUP),
    "action": Attribute(
        "ActionType", *_one_of(*ACTIONS), later={"location-picker": 3, "share-phone": 3, "open-map": 6}
    ),
    "columns": Attribute("Columns", *_within(1, MAX_COLUMNS)),
    "rows": Attribute("Rows", *_within(1, MAX_CARD_ROWS)),
    "silent": Attribute("Silent", *_FLAG),
    "text_size": Attribute("TextSize", *_one_of("small", "regular", "large")),
    "text_v_align": Attribute("TextVAlign", *_one_of("top", "middle", "bottom")),
    "text_h_align": Attribute("TextHAlign", *_one_of("left", "center", "right")),
    "text_paddings": Attribute("TextPaddings", *_PADS, since=4),
    "text_opacity": Attribute("TextOpacity", *_within(0, 100)),
    "text_bg_gradient_color": Attribute("TextBgGradientColor", *_COLORED),
    "text_should_fit": Attribute("TextShouldFit", *_FLAG, since=6),
    "bg_color": Attribute("BgColor", *_COLORED),
    "bg_media_type": Attribute("BgMediaType", *_one_of("picture", "gif")),
    "bg_media": Attribute("BgMedia", *_LINKED),
    "bg_media_scale_type": Attribute("BgMediaScaleType", *_SCALES, since=6),
    "bg_loop": Attribute("BgLoop", *_FLAG),
    "image": Attribute("Image", *_LINKED),
    "image_scale_type": Attribute("ImageScaleType", *_SCALES, since=6),
    "open_url_type": Attribute("OpenURLType", *_one_of("internal", "external")),
    "open_url_media_type": Attribute(
        "OpenURLMediaType", *_one_of("not-media", "video", "gif", "picture", "audio"), later={"audio": 6}
    ),
    "internal_browser": Attribute("InternalBrowser", *_TABLE, since=3, members=_BROWSER),
    "map": Attribute("Map", *_TABLE, since=6, members=_MAP),
    "frame": Attribute("Frame", *_TABLE, since=6, members=_FRAME),
    "media_player": Attribute("MediaPlayer", *_TABLE, since=6, members=_PLAYER),
}


def look(**attributes: Any) -> Mapping[str, dict[str, Any]]:
    """Returns the `extra` of a button that looks or acts so on Viber: `Button("Yes", "y", extra=viber.look(rows=2))`.

    The names are those of `BUTTON`. Raises MessageError for an unknown one, and for a value out of bounds.
    """
    return {"viber": _named(attributes, BUTTON, "a button")}


def keyboard(**attributes: Any) -> Mapping[str, dict[str, Any]]:
    """Returns the `extra` of a message whose keyboard looks so on Viber.

    The names are those of `KEYBOARD`. Raises MessageError for an unknown one, and for a value out of bounds.
    """
    return {"viber": {"keyboard": _named(attributes, KEYBOARD, "a keyboard")}}


def rich_media(
    buttons: Sequence[Mapping[str, Any]], *, alt_text: str = "", columns: int = 6, rows: int = 7, **attributes: Any
) -> Raw:
    """Returns a message of buttons in Viber's words: up to six cards of `columns` x `rows` cells.

    `alt_text` is for devices that show no rich media; the names of `attributes` are those of `RICH_MEDIA`. Raises
    MessageError for what is out of bounds.
    """
    size = {"columns": columns, "rows": rows}
    content: dict[str, Any] = {
        "Type": "rich_media",
        **_named(size | attributes, RICH_MEDIA, "rich media"),
        "Buttons": [dict(button) for button in buttons],
    }
    check_rich_media(content)
    version = max(7, version_of(content))
    payload: dict[str, Any] = {"type": "rich_media", "min_api_version": version, "rich_media": content}
    return Raw(channel="viber", payload=payload | ({"alt_text": alt_text} if alt_text else {}))


def _named(given: Mapping[str, Any], table: Mapping[str, Attribute], what: str) -> dict[str, Any]:
    for name, value in given.items():
        if name not in table:
            raise MessageError(f"{name!r} is no attribute of {what} on Viber", fix=f"use one of {', '.join(table)}")
        _check(table[name], value, name, what)
    return {table[name].wire: value for name, value in given.items()}


def _check(attribute: Attribute, value: Any, name: str, what: str) -> None:
    if not attribute.is_good(value):
        raise MessageError(f"{name} of {what} must be {attribute.wants} for Viber")
    for member in attribute.members:
        if member.wire in value:
            _check(member, value[member.wire], f"{member.wire} in {name}", what)
        elif member.is_needed:
            raise MessageError(f"{name} of {what} needs {member.wire} for Viber")


# --- what was put together, in Viber's words ---


def check_keyboard(keyboard: Mapping[str, Any]) -> None:
    """Returns for a keyboard that Viber takes. Raises MessageError that names the bound."""
    _check_members(keyboard, KEYBOARD, "a keyboard")
    columns = keyboard.get("ButtonsGroupColumns", MAX_COLUMNS)
    for button in keyboard["Buttons"]:
        _check_button(button, columns, MAX_BUTTON_ROWS)
    height = sum(_heights(keyboard["Buttons"], columns))
    if height > MAX_ROWS:
        raise MessageError(f"a keyboard has {height} rows; Viber takes at most {MAX_ROWS}")


def check_rich_media(content: Mapping[str, Any]) -> None:
    """Returns for rich media that Viber takes. Raises MessageError that names the bound."""
    _check_members(content, RICH_MEDIA, "rich media")
    columns, rows = content["ButtonsGroupColumns"], content["ButtonsGroupRows"]
    for button in content["Buttons"]:
        _check_button(button, columns, MAX_CARD_ROWS)
        if button.get("ActionType") in PICKERS:
            raise MessageError(f"a button of rich media cannot be a {button['ActionType']} for Viber")
    cells = sum(button.get("Columns", columns) * button.get("Rows", 1) for button in content["Buttons"])
    most = MAX_CARDS * columns * rows
    if not 1 <= cells <= most:
        raise MessageError(f"rich media of {columns} x {rows} has {cells} cells; Viber takes 1 to {most}")


def _check_members(holder: Mapping[str, Any], table: Mapping[str, Attribute], what: str) -> None:
    # Members that are not in the table may belong to a newer version.
    for attribute in table.values():
        if attribute.wire in holder:
            _check(attribute, holder[attribute.wire], attribute.wire, what)


def _check_button(button: Mapping[str, Any], columns: int, rows: int) -> None:
    _check_members(button, BUTTON, "a button")
    for name, most in (("Columns", columns), ("Rows", rows)):
        if button.get(name, 1) > most:
            raise MessageError(f"{name} of a button is {button[name]}; Viber takes at most {most} here")
    action = button.get("ActionType", "reply")
    if action != "none" and not button.get("ActionBody"):
        raise MessageError(f"a button of the kind {action} needs an ActionBody for Viber")
    if action == "open-map" and "Map" not in button:
        raise MessageError("a button of the kind open-map needs a Map for Viber")
    if "TextBgGradientColor" in button and button.get("TextVAlign") not in ("top", "bottom"):
        raise MessageError("TextBgGradientColor needs TextVAlign top or bottom for Viber")


def _heights(buttons: Sequence[Mapping[str, Any]], columns: int) -> Iterator[int]:
    """Yields the height of each row: one is full when the next button does not fit."""
    free, height = columns, 0
    for button in buttons:
        width = button.get("Columns", columns)
        if width > free:
            yield height
            free, height = columns, 0
        free -= width
        height = max(height, button.get("Rows", 1))
    yield height


def version_of(keyboard: Mapping[str, Any]) -> int:
    """Returns the lowest version of the API that knows everything in a keyboard or rich media."""
    table = RICH_MEDIA if keyboard.get("Type") == "rich_media" else KEYBOARD
    buttons = keyboard.get("Buttons", ())
    return max([_newest(keyboard, table.values()), *(_newest(button, BUTTON.values()) for button in buttons)])


def _newest(holder: Mapping[str, Any], attributes: Iterable[Attribute]) -> int:
    newest = 1
    for attribute in attributes:
        if attribute.wire not in holder:
            continue
        value = holder[attribute.wire]
        is_later = attribute.wire == "Text" and _LATER_TAGS.search(value)
        known = 4 if is_later else attribute.later.get(value, 1) if isinstance(value, str) else 1
        inside = _newest(value, attribute.members) if attribute.members else 1
        newest = max(newest, attribute.since, known, inside)
    return newest
