"""What Viber's keyboards and cards are made of: every attribute, what it may be, and which devices know it.

https://developers.viber.com/docs/tools/keyboards
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from botkit.formatting import utf16_length

#: Takes a value and returns what is wrong with it, or nothing.
Check = Callable[[Any], str]
#: Takes a value and returns the API version that devices must have for it.
Since = Callable[[Any], int]

WRONG_TYPE = "instance type does not match any allowed primitive type"

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_ADDRESS = re.compile(r"https?://\S+")
_LATER_TAGS = re.compile(r"<(?:s|font)\b", re.IGNORECASE)
_FONT_SIZE = re.compile(r"<font\b[^>]*\bsize\s*=\s*[\"']?(\d+)", re.IGNORECASE)


def since(version: int) -> Since:
    """Needs the same version whatever the value is."""
    return lambda _value: version


class Attribute(Struct, frozen=True):
    """One attribute: what it may be, from which API version on, and whether it must be there.

    `members` are the attributes of one that is an object.
    """

    check: Check
    since: Since = since(1)
    is_required: bool = False
    members: Mapping[str, "Attribute"] = {}


def missing(names: Sequence[str]) -> str:
    """Returns Viber's words for required members that are not there."""
    return f"object has missing required properties ({msgspec.json.encode(names).decode()})"


def whole(least: int, most: int) -> Check:
    """A whole number within bounds."""

    def check(value: Any) -> str:
        if type(value) is not int:
            return WRONG_TYPE
        return "" if least <= value <= most else f"numeric instance is out of range ({least} to {most})"

    return check


def one_of(*values: str) -> Check:
    """One of some words."""
    known = msgspec.json.encode(sorted(values)).decode()
    return lambda value: "" if value in values else f"instance value not found in enum (possible values: {known})"


def text(bound: int, least: int = 0) -> Check:
    """A text of so many UTF-16 units."""

    def check(value: Any) -> str:
        if not isinstance(value, str):
            return WRONG_TYPE
        if utf16_length(value) < least:
            return f"string is too short (required minimum: {least})"
        return f"string is too long (maximum allowed: {bound})" if utf16_length(value) > bound else ""

    return check


def flag(value: Any) -> str:
    """True or false."""
    return "" if isinstance(value, bool) else WRONG_TYPE


def matching(pattern: re.Pattern[str], what: str, bound: int = 2000) -> Check:
    """A text of a form."""

    def check(value: Any) -> str:
        return text(bound)(value) or ("" if pattern.fullmatch(value) else f"string is not {what}")

    return check


def degrees(bound: int) -> Check:
    """A latitude or longitude, written out."""

    def check(value: Any) -> str:
        is_number = isinstance(value, str) and re.fullmatch(r"-?\d{1,3}(?:\.\d+)?", value, re.ASCII)
        return "" if is_number and abs(float(value)) <= bound else f"string is not a number from -{bound} to {bound}"

    return check


def paddings(value: Any) -> str:
    """Four distances from the button's edges."""
    if not isinstance(value, list) or len(value) != 4:
        return "array must have 4 elements"
    return next(filter(None, map(whole(0, 12), value)), "")


def label(value: Any) -> str:
    """What a button says, in a subset of HTML."""
    sizes = [int(size) for size in _FONT_SIZE.findall(value)] if isinstance(value, str) else []
    return text(250)(value) or ("" if all(12 <= size <= 32 for size in sizes) else "font size is not 12 to 32")


def label_since(value: Any) -> int:
    """Struck-through words and fonts came with version 4."""
    return 4 if isinstance(value, str) and _LATER_TAGS.search(value) else 1


def word_since(versions: Mapping[str, int]) -> Since:
    """Some words came later than the others."""
    return lambda value: versions.get(value, 1) if isinstance(value, str) else 1


def holding(version: int, **members: Attribute) -> Attribute:
    """An object with these members."""
    return Attribute(lambda value: "" if isinstance(value, dict) else WRONG_TYPE, since(version), members=members)


COLOUR = matching(_COLOUR, "a colour such as #FFFFFF")
ADDRESS = matching(_ADDRESS, "an http or https address")
SCALE = one_of("crop", "fill", "fit")
ANY_TEXT = text(30_720)

_FAVOURITE = holding(
    6,
    type=Attribute(one_of("gif", "link", "video"), is_required=True),
    url=Attribute(ADDRESS, is_required=True),
    title=Attribute(ANY_TEXT),
    thumbnail=Attribute(ADDRESS),
    domain=Attribute(ANY_TEXT),
    width=Attribute(whole(1, 2**31 - 1)),
    height=Attribute(whole(1, 2**31 - 1)),
    alternativeUrl=Attribute(ADDRESS),
    alternativeText=Attribute(ANY_TEXT),
)

#: A keyboard beside its Type, Buttons and the size of its groups.
KEYBOARD: Mapping[str, Attribute] = {
    "BgColor": Attribute(COLOUR),
    "DefaultHeight": Attribute(flag),
    "CustomDefaultHeight": Attribute(whole(40, 70), since(3)),
    "HeightScale": Attribute(whole(20, 100), since(3)),
    "ButtonsGroupColumns": Attribute(whole(1, 6), since(4)),
    "ButtonsGroupRows": Attribute(whole(1, 2), since(4)),
    "InputFieldState": Attribute(one_of("regular", "minimized", "hidden"), since(4)),
    "FavoritesMetadata": _FAVOURITE,
}

#: A carousel, which had its groups from the start.
RICH_MEDIA: Mapping[str, Attribute] = {
    "BgColor": Attribute(COLOUR),
    "HeightScale": Attribute(whole(20, 100), since(3)),
    "ButtonsGroupColumns": Attribute(whole(1, 6)),
    "ButtonsGroupRows": Attribute(whole(1, 7)),
    "FavoritesMetadata": _FAVOURITE,
}

ACTIONS = ("reply", "open-url", "location-picker", "share-phone", "open-map", "none")
ACTIONS_SINCE = word_since({"location-picker": 3, "share-phone": 3, "open-map": 6})

_BROWSER = holding(
    3,
    ActionButton=Attribute(one_of("forward", "send", "open-externally", "send-to-bot", "none")),
    ActionPredefinedURL=Attribute(ADDRESS),
    TitleType=Attribute(one_of("domain", "default")),
    CustomTitle=Attribute(text(15)),
    Mode=Attribute(one_of("fullscreen", "fullscreen-portrait", "fullscreen-landscape", "partial-size")),
    FooterType=Attribute(one_of("default", "hidden")),
    ActionReplyData=Attribute(ANY_TEXT, since(6)),
)

#: A button beside its action and its size.
BUTTON: Mapping[str, Attribute] = {
    "Silent": Attribute(flag),
    "Text": Attribute(label, label_since),
    "TextSize": Attribute(one_of("small", "regular", "large")),
    "TextVAlign": Attribute(one_of("top", "middle", "bottom")),
    "TextHAlign": Attribute(one_of("left", "center", "right")),
    "TextPaddings": Attribute(paddings, since(4)),
    "TextOpacity": Attribute(whole(0, 100)),
    "TextBgGradientColor": Attribute(COLOUR),
    "TextShouldFit": Attribute(flag, since(6)),
    "BgColor": Attribute(COLOUR),
    "BgMediaType": Attribute(one_of("picture", "gif")),
    "BgMedia": Attribute(ADDRESS),
    "BgMediaScaleType": Attribute(SCALE, since(6)),
    "BgLoop": Attribute(flag),
    "Image": Attribute(ADDRESS),
    "ImageScaleType": Attribute(SCALE, since(6)),
    "OpenURLType": Attribute(one_of("internal", "external")),
    "OpenURLMediaType": Attribute(one_of("not-media", "video", "gif", "picture", "audio"), word_since({"audio": 6})),
    "InternalBrowser": _BROWSER,
    "Map": holding(
        6, Latitude=Attribute(degrees(90), is_required=True), Longitude=Attribute(degrees(180), is_required=True)
    ),
    "Frame": holding(
        6, BorderWidth=Attribute(whole(0, 10)), BorderColor=Attribute(COLOUR), CornerRadius=Attribute(whole(0, 10))
    ),
    "MediaPlayer": holding(
        6,
        Title=Attribute(ANY_TEXT),
        Subtitle=Attribute(ANY_TEXT),
        ThumbnailURL=Attribute(ADDRESS),
        Loop=Attribute(flag),
    ),
}


def problem_of(holder: Mapping[str, Any], attributes: Mapping[str, Attribute]) -> str:
    """Returns the first thing wrong with the values of an object, or nothing; unknown members are let be."""
    if absent := [name for name, attribute in attributes.items() if attribute.is_required and name not in holder]:
        return missing(absent)
    for name, attribute in attributes.items():
        if name not in holder:
            continue
        if problem := attribute.check(holder[name]) or problem_of(holder[name], attribute.members):
            return f"{name}: {problem}"
    return ""


def newest_of(holder: Mapping[str, Any], attributes: Mapping[str, Attribute]) -> tuple[int, str]:
    """Returns the highest API version that the members of an object need, and the one that needs it."""
    newest = (1, "")
    for name, attribute in attributes.items():
        if isinstance(holder, dict) and name in holder:
            newest = max(newest, (attribute.since(holder[name]), name), newest_of(holder[name], attribute.members))
    return newest
