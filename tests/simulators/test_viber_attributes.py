from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.simulators.viber_attributes import BUTTON, KEYBOARD, RICH_MEDIA, Attribute
from botkit.simulators.viber_keyboards import check_keyboard
from botkit.simulators.viber_refusals import INCOMPATIBLE, RefusedError

Json = dict[str, Any]

URL = "https://m.test/"
LONG_URL = URL + "x" * (2000 - len(URL))
COLOUR = ("#0aF9c1", "#0aF9c")
FLAG = (False, "false")
ADDRESS = (LONG_URL, LONG_URL + "x")
SCALE = ("fit", "zoom")

# The last value that is taken and the first that is not, and the API version that knows the attribute.
KEYBOARDS: Mapping[str, tuple[Any, Any, int]] = {
    "BgColor": (*COLOUR, 1),
    "DefaultHeight": (*FLAG, 1),
    "CustomDefaultHeight": (40, 39, 3),
    "HeightScale": (20, 19, 3),
    "ButtonsGroupColumns": (1, 0, 4),
    "ButtonsGroupRows": (2, 3, 4),
    "InputFieldState": ("minimized", "maximized", 4),
    "FavoritesMetadata": ({"type": "gif", "url": URL}, {"type": "gif"}, 6),
}
CARDS: Mapping[str, tuple[Any, Any, int]] = {
    "BgColor": (*COLOUR, 1),
    "HeightScale": (100, 101, 3),
    "ButtonsGroupColumns": (6, 7, 1),
    "ButtonsGroupRows": (7, 8, 1),
    "FavoritesMetadata": ({"type": "link", "url": URL}, {"type": "song", "url": URL}, 6),
}
BUTTONS: Mapping[str, tuple[Any, Any, int]] = {
    "Silent": (*FLAG, 1),
    "Text": ("x" * 250, "x" * 251, 1),
    "TextSize": ("small", "tiny", 1),
    "TextVAlign": ("bottom", "low", 1),
    "TextHAlign": ("right", "middle", 1),
    "TextPaddings": ([0, 12, 0, 12], [0, 0, 0, 13], 4),
    "TextOpacity": (0, -1, 1),
    "TextBgGradientColor": (*COLOUR, 1),
    "TextShouldFit": (*FLAG, 6),
    "BgColor": (*COLOUR, 1),
    "BgMediaType": ("gif", "video", 1),
    "BgMedia": (*ADDRESS, 1),
    "BgMediaScaleType": (*SCALE, 6),
    "BgLoop": (*FLAG, 1),
    "Image": (*ADDRESS, 1),
    "ImageScaleType": (*SCALE, 6),
    "OpenURLType": ("external", "outside", 1),
    "OpenURLMediaType": ("picture", "photo", 1),
    "InternalBrowser": ({}, [], 3),
    "Map": ({"Latitude": "-90", "Longitude": "180"}, {"Latitude": "90", "Longitude": "180.1"}, 6),
    "Frame": ({}, "thick", 6),
    "MediaPlayer": ({}, True, 6),
}
MEMBERS: Mapping[str, Mapping[str, tuple[Any, Any]]] = {
    "InternalBrowser": {
        "ActionButton": ("send-to-bot", "send-away"),
        "ActionPredefinedURL": ADDRESS,
        "TitleType": ("domain", "page"),
        "CustomTitle": ("x" * 15, "x" * 16),
        "Mode": ("partial-size", "small"),
        "FooterType": ("hidden", "none"),
        "ActionReplyData": ("data", 7),
    },
    "Frame": {"BorderWidth": (10, 11), "BorderColor": COLOUR, "CornerRadius": (0, -1)},
    "MediaPlayer": {"Title": ("x", 7), "Subtitle": ("x", None), "ThumbnailURL": ADDRESS, "Loop": FLAG},
    "Map": {"Latitude": ("46.05", 46.05), "Longitude": ("14", "east")},
    "FavoritesMetadata": {
        "type": ("video", "film"),
        "url": (URL, "m.test"),
        "title": ("x", 7),
        "thumbnail": (URL, ""),
        "domain": ("x", 7),
        "width": (1, 0),
        "height": (1, 1.5),
        "alternativeUrl": (URL, 7),
        "alternativeText": ("x", []),
    },
}
#: What an object needs beside the member under test.
NEEDED: Mapping[str, Json] = {
    "Map": {"Latitude": "46.05", "Longitude": "14.5"},
    "FavoritesMetadata": {"type": "gif", "url": URL},
}


def build(where: str, attributes: Json) -> Json:
    """A keyboard, a card, or a keyboard of one button, with these attributes."""
    button: Json = {"ActionBody": "x"}
    if where == "button":
        aligned = {"TextVAlign": "top"} if "TextBgGradientColor" in attributes else {}
        return {"Type": "keyboard", "Buttons": [button | aligned | attributes]}
    return {"Type": where, "Buttons": [button | {"Columns": 1}]} | attributes


def verdict(where: str, attributes: Json, minimum: int = 10) -> str:
    """What a device says, or the API about the form."""
    name = "keyboard" if where == "button" else where
    try:
        return check_keyboard(build(where, attributes), name, minimum)
    except RefusedError as refusal:
        return f"{refusal.status} {refusal.text}"


def cases() -> Iterator[tuple[str, Json, Json, int]]:
    for where, table in (("keyboard", KEYBOARDS), ("rich_media", CARDS), ("button", BUTTONS)):
        yield from ((where, {name: good}, {name: bad}, known) for name, (good, bad, known) in table.items())
    for name, members in MEMBERS.items():
        where, needed = "keyboard" if name in KEYBOARDS else "button", NEEDED.get(name, {})
        for member, (good, bad) in members.items():
            known = 6 if member == "ActionReplyData" else {**KEYBOARDS, **BUTTONS}[name][2]
            yield where, {name: needed | {member: good}}, {name: needed | {member: bad}}, known


CASES = list(cases())
every_attribute = pytest.mark.parametrize(("where", "good", "bad", "known"), CASES, ids=str)


@every_attribute
def test_an_attribute_is_taken_within_its_bounds_from_its_version_on(
    where: str, good: Json, bad: Json, known: int
) -> None:
    assert verdict(where, good, known) == ""
    if known > 1:
        assert verdict(where, good, known - 1).startswith(f"{INCOMPATIBLE} ")
        assert verdict(where, good, known - 1).endswith(f"needs min_api_version {known}")


@every_attribute
def test_an_attribute_beyond_its_bounds_is_named(where: str, good: Json, bad: Json, known: int) -> None:
    (name,) = bad
    assert f"{name}: " in verdict(where, bad)


def test_the_cases_are_all_attributes_that_there_are() -> None:
    assert (set(KEYBOARDS), set(CARDS), set(BUTTONS)) == (set(KEYBOARD), set(RICH_MEDIA), set(BUTTON))
    objects = {name: attribute.members for name, attribute in {**KEYBOARD, **BUTTON}.items() if attribute.members}
    assert {name: set(members) for name, members in MEMBERS.items()} == {n: set(m) for n, m in objects.items()}


@pytest.mark.parametrize(
    ("where", "good", "bad"),
    [
        ("keyboard", {"CustomDefaultHeight": 70}, {"CustomDefaultHeight": 71}),
        ("keyboard", {"HeightScale": 100}, {"HeightScale": 101}),
        ("keyboard", {"ButtonsGroupColumns": 6}, {"ButtonsGroupColumns": 7}),
        ("keyboard", {"ButtonsGroupRows": 1}, {"ButtonsGroupRows": 0}),
        ("rich_media", {"ButtonsGroupRows": 1}, {"ButtonsGroupRows": 0}),
        ("button", {"TextOpacity": 100}, {"TextOpacity": 101}),
        ("button", {"TextOpacity": 50}, {"TextOpacity": True}),
        ("button", {"TextPaddings": [0] * 4}, {"TextPaddings": [0] * 3}),
        ("button", {"TextPaddings": [0] * 4}, {"TextPaddings": [0] * 5}),
        ("button", {"TextPaddings": [0] * 4}, {"TextPaddings": [0, 0, 0, -1]}),
        ("button", {"Text": "🙂" * 125}, {"Text": "🙂" * 126}),
        ("button", {"Text": ""}, {"Text": None}),
        ("button", {"Text": '<font size="12">x</font>'}, {"Text": '<font size="11">x</font>'}),
        ("button", {"Text": "<font color='#fff' size=32>x"}, {"Text": "<font color='#fff' size=33>x"}),
        ("button", {"BgColor": "#FFFFFF"}, {"BgColor": "white"}),
        ("button", {"BgColor": "#FFFFFF"}, {"BgColor": "#FFFFFF0"}),
        ("button", {"Image": "http://m.test/a.png"}, {"Image": "m.test/a.png"}),
        ("button", {"Frame": {"BorderWidth": 0}}, {"Frame": {"BorderWidth": -1}}),
        ("button", {"Frame": {"CornerRadius": 10}}, {"Frame": {"CornerRadius": 11}}),
        ("button", {"Map": NEEDED["Map"]}, {"Map": {"Latitude": "1"}}),
        ("button", {"Map": NEEDED["Map"]}, {"Map": {"Latitude": "90.1", "Longitude": "1"}}),
    ],
)
def test_the_other_side_of_an_attribute_is_bounded_too(where: str, good: Json, bad: Json) -> None:
    assert verdict(where, good) == ""
    assert verdict(where, bad) != ""


@pytest.mark.parametrize(
    ("attributes", "known"),
    [
        ({"Text": "<b>a</b> <i>b</i> <u>c</u><br>"}, 1),
        ({"Text": "<s>gone</s>"}, 4),
        ({"Text": "<FONT color='#ff0000'>red</FONT>"}, 4),
        ({"Text": "<small>"}, 1),
        ({"OpenURLMediaType": "audio"}, 6),
        ({"ActionType": "reply"}, 1),
        ({"ActionType": "open-url"}, 1),
        ({"ActionType": "location-picker"}, 3),
        ({"ActionType": "share-phone"}, 3),
        ({"ActionType": "open-map", "Map": NEEDED["Map"]}, 6),
    ],
)
def test_some_values_need_newer_devices_than_their_attribute(attributes: Json, known: int) -> None:
    assert verdict("button", attributes, known) == ""
    assert known == 1 or verdict("button", attributes, known - 1).startswith(f"{INCOMPATIBLE} ")


def test_of_several_attributes_the_newest_is_named() -> None:
    attributes: Json = {"TextPaddings": [0] * 4, "Frame": {}, "InternalBrowser": {}}
    assert verdict("button", attributes, 5) == "14 Frame needs min_api_version 6"


def test_attributes_that_nobody_knows_are_let_be() -> None:
    assert verdict("button", {"Sparkle": 7}) == verdict("keyboard", {"Sparkle": 7}) == ""


scalars: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just([]), st.just({})
)
names = {"button": sorted(BUTTON), "keyboard": sorted(KEYBOARD), "rich_media": sorted(RICH_MEDIA)}


@given(st.data(), st.sampled_from(sorted(names)), st.integers(1, 10))
def test_no_value_upsets_the_checks(data: st.DataObject, where: str, minimum: int) -> None:
    attributes = data.draw(st.dictionaries(st.sampled_from(names[where]), scalars, max_size=4))
    assert isinstance(verdict(where, attributes, minimum), str)


def test_an_attribute_without_version_is_as_old_as_keyboards() -> None:
    assert Attribute(lambda _: "").since("anything") == 1
