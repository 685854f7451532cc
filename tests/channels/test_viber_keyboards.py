"""Every attribute of Viber's keyboards and rich media: both sides of its bound, and the version that it needs."""

from collections.abc import Mapping
from typing import Any

import pytest
from msgspec.structs import replace

from botkit.adapter import Outcome
from botkit.buttons import Button, Link, rows
from botkit.channels import viber
from botkit.channels.viber_keyboards import BUTTON, KEYBOARD, RICH_MEDIA, version_of
from botkit.exceptions import MessageError
from botkit.messages import Card, Raw, Text
from botkit.simulators import viber_attributes
from tests.channels.lines import open_line

URL = "https://media.example/"
LONGEST = URL + "x" * (2000 - len(URL))
FLAG: tuple[list[Any], list[Any]] = ([True, False], [1, "true", None])
COLOR: tuple[list[Any], list[Any]] = (["#2db9b9", "#FFFFFF"], ["#fff", "red", "#2db9b9 ", "", 7])
ADDRESS: tuple[list[Any], list[Any]] = ([URL, "http://a", LONGEST], [LONGEST + "x", "ftp://a", "https://a b", "", 7])
SCALE: tuple[list[Any], list[Any]] = (["crop", "fill", "fit"], ["stretch", "", 1])


def whole(least: int, most: int) -> tuple[list[Any], list[Any]]:
    return [least, most], [least - 1, most + 1, float(least), str(least), True]


def words(*good: str) -> tuple[list[Any], list[Any]]:
    return list(good), ["other", "", None, 1]


def inside(least: Mapping[str, Any], members: Mapping[str, tuple[list[Any], list[Any]]]) -> tuple[list[Any], list[Any]]:
    """Returns mappings with one member each at its bounds and beyond; `least` is what must be there."""
    good = [dict(least)] + [dict(least) | {name: value} for name in members for value in members[name][0]]
    bad = [dict(least) | {name: value} for name in members for value in members[name][1]]
    without = [{name: value for name, value in least.items() if name != missing} for missing in least]
    return good, [*bad, *without, "text", [], 7]


# What each may be, and what not.
ON_KEYBOARDS = {
    "bg_color": COLOR,
    "default_height": FLAG,
    "custom_default_height": whole(40, 70),
    "height_scale": whole(20, 100),
    "columns": whole(1, 6),
    "rows": whole(1, 2),
    "input_field": words("regular", "minimized", "hidden"),
    "favorites_metadata": inside(
        {"type": "gif", "url": URL},
        {
            "type": words("gif", "link", "video"),
            "url": ADDRESS,
            "title": (["", "x" * 250], ["x" * 251, 1]),
            "thumbnail": ADDRESS,
            "domain": (["a.example"], [1]),
            "width": whole(1, 2**31 - 1),
            "height": whole(1, 2**31 - 1),
            "alternativeUrl": ADDRESS,
            "alternativeText": (["x"], [1]),
        },
    ),
}
ON_RICH_MEDIA = {
    "bg_color": COLOR,
    "height_scale": whole(20, 100),
    "columns": whole(1, 6),
    "rows": whole(1, 7),
    "favorites_metadata": ON_KEYBOARDS["favorites_metadata"],
}
ON_BUTTONS = {
    "html": (["", "<b>x</b>", "x" * 250, '<font size="12">x</font>', "<font size=32>x</font>"],
             ["x" * 251, "🙂" * 126, '<font size="11">x</font>', '<font color="#ff0000" size="33">x</font>', 7]),
    "action": words("reply", "open-url", "location-picker", "share-phone", "open-map", "none"),
    "columns": whole(1, 6),
    "rows": whole(1, 7),
    "silent": FLAG,
    "text_size": words("small", "regular", "large"),
    "text_v_align": words("top", "middle", "bottom"),
    "text_h_align": words("left", "center", "right"),
    "text_paddings": ([[0, 0, 0, 0], [12, 12, 12, 12]], [[0, 0, 0], [0] * 5, [0, 0, 0, 13], [-1, 0, 0, 0], "0000", 12]),
    "text_opacity": whole(0, 100),
    "text_bg_gradient_color": COLOR,
    "text_should_fit": FLAG,
    "bg_color": COLOR,
    "bg_media_type": words("picture", "gif"),
    "bg_media": ADDRESS,
    "bg_media_scale_type": SCALE,
    "bg_loop": FLAG,
    "image": ADDRESS,
    "image_scale_type": SCALE,
    "open_url_type": words("internal", "external"),
    "open_url_media_type": words("not-media", "video", "gif", "picture", "audio"),
    "internal_browser": inside(
        {},
        {
            "ActionButton": words("forward", "send", "open-externally", "send-to-bot", "none"),
            "ActionPredefinedURL": ADDRESS,
            "TitleType": words("domain", "default"),
            "CustomTitle": (["", "x" * 15], ["x" * 16, 7]),
            "Mode": words("fullscreen", "fullscreen-portrait", "fullscreen-landscape", "partial-size"),
            "FooterType": words("default", "hidden"),
            "ActionReplyData": (["x"], [7]),
        },
    ),
    "map": inside(
        {"Latitude": "46.05", "Longitude": "14.46"},
        {
            "Latitude": (["90", "-90", "0.5"], ["90.1", "-91", 46.05, "north", ""]),
            "Longitude": (["180", "-180"], ["180.1", "-181", 14, "1e2"]),
        },
    ),
    "frame": inside({}, {"BorderWidth": whole(0, 10), "CornerRadius": whole(0, 10), "BorderColor": COLOR}),
    "media_player": inside(
        {}, {"Title": (["x"], [7]), "Subtitle": (["x"], [7]), "ThumbnailURL": ADDRESS, "Loop": FLAG}
    ),
}  # fmt: skip
# The lowest version for something of each that needs more than the first.
VERSIONS: dict[str, int] = {
    "custom_default_height": 3,
    "height_scale": 3,
    "columns of a keyboard": 4,
    "rows of a keyboard": 4,
    "input_field": 4,
    "favorites_metadata": 6,
    "text_paddings": 4,
    "text_should_fit": 6,
    "bg_media_scale_type": 6,
    "image_scale_type": 6,
    "internal_browser": 3,
    "map": 6,
    "frame": 6,
    "media_player": 6,
}


def sides(table: Mapping[str, tuple[list[Any], list[Any]]], side: int) -> list[Any]:
    return [pytest.param(name, value, id=f"{name}-{value!r:.40}") for name in table for value in table[name][side]]


def keyed(**looks: Any) -> Text:
    """Returns a message with a button that looks so, and what else that needs."""
    if looks.get("action") == "open-map":
        looks["map"] = {"Latitude": "1", "Longitude": "2"}
    if "text_bg_gradient_color" in looks:
        looks["text_v_align"] = "top"
    return Text(text="x", buttons=rows([Link("X", URL, extra=viber.look(**looks))]))


def test_every_attribute_has_its_bounds_here() -> None:
    assert set(KEYBOARD) == set(ON_KEYBOARDS)
    assert set(RICH_MEDIA) == set(ON_RICH_MEDIA)
    assert set(BUTTON) == set(ON_BUTTONS)


def test_the_attributes_are_those_of_the_service() -> None:
    sized = {"Columns", "Rows", "ActionType"}
    assert {attribute.wire for attribute in KEYBOARD.values()} == set(viber_attributes.KEYBOARD)
    assert {attribute.wire for attribute in RICH_MEDIA.values()} == set(viber_attributes.RICH_MEDIA)
    assert {attribute.wire for attribute in BUTTON.values()} == set(viber_attributes.BUTTON) | sized
    for tables in ((KEYBOARD, viber_attributes.KEYBOARD), (BUTTON, viber_attributes.BUTTON)):
        for attribute in tables[0].values():
            known = tables[1].get(attribute.wire)
            assert {member.wire for member in attribute.members} == set(known.members if known else ())


@pytest.mark.parametrize(("name", "value"), sides(ON_BUTTONS, 1))
def test_a_look_out_of_bounds_is_refused_where_it_is_written(name: str, value: Any) -> None:
    with pytest.raises(MessageError, match=r"of a button (must be|needs)"):
        viber.look(**{name: value})


@pytest.mark.parametrize(("name", "value"), sides(ON_KEYBOARDS, 1))
def test_a_keyboard_out_of_bounds_is_refused_where_it_is_written(name: str, value: Any) -> None:
    with pytest.raises(MessageError, match=r"of a keyboard (must be|needs)"):
        viber.keyboard(**{name: value})


@pytest.mark.parametrize(("name", "value"), sides(ON_RICH_MEDIA, 1))
def test_rich_media_out_of_bounds_is_refused_where_it_is_written(name: str, value: Any) -> None:
    with pytest.raises(MessageError, match=r"of rich media (must be|needs)"):
        viber.rich_media([{"ActionBody": "x", "Columns": 1, "Rows": 1}], **{name: value})


@pytest.mark.parametrize(("name", "value"), sides(ON_BUTTONS, 0))
async def test_a_look_within_its_bounds_is_taken_with_the_version_that_it_needs(name: str, value: Any) -> None:
    async with open_line("viber") as line:
        if (name, value) == ("rows", 7):
            high = {"ActionBody": "x", **viber.look(rows=7)["viber"]}
            assert await line.say(viber.rich_media([high])) == [Outcome.SENT]
        else:
            assert await line.say(keyed(**{name: value})) == [Outcome.SENT]


@pytest.mark.parametrize(("name", "value"), sides(ON_KEYBOARDS, 0))
async def test_a_keyboard_within_its_bounds_is_taken_with_the_version_that_it_needs(name: str, value: Any) -> None:
    styled = Text(text="x", buttons=rows([Button("X", "x")]), extra=viber.keyboard(**{name: value}))
    async with open_line("viber") as line:
        assert await line.say(styled) == [Outcome.SENT]


@pytest.mark.parametrize(("name", "value"), sides(ON_RICH_MEDIA, 0))
async def test_rich_media_within_its_bounds_is_taken_with_the_version_that_it_needs(name: str, value: Any) -> None:
    made = viber.rich_media([{"ActionBody": "x", "Columns": 1, "Rows": 1}], **{name: value})
    async with open_line("viber") as line:
        assert await line.say(made) == [Outcome.SENT]


@pytest.mark.parametrize("name", VERSIONS)
async def test_the_version_is_the_lowest_that_knows_everything(name: str) -> None:
    attribute = name.removesuffix(" of a keyboard")
    if attribute in ON_KEYBOARDS:
        value = ON_KEYBOARDS[attribute][0][0]
        message = Text(text="x", buttons=rows([Button("X", "x")]), extra=viber.keyboard(**{attribute: value}))
    else:
        message = keyed(**{attribute: ON_BUTTONS[attribute][0][0]})
    async with open_line("viber") as line:
        await line.say(message)
        assert line.tap.requests[-1]["body"]["min_api_version"] == VERSIONS[name]
        # One less, and the service says so.
        older = _older(line.tap.requests[-1]["body"])
        assert await line.say(Raw(channel="viber", payload=older)) == [Outcome.REFUSED]


def _older(body: dict[str, Any]) -> dict[str, Any]:
    return body | {"min_api_version": body["min_api_version"] - 1}


@pytest.mark.parametrize(
    ("looks", "version"),
    [
        ({}, 1),
        ({"html": "<b>x</b><i>y</i><u>z</u><br>"}, 1),
        ({"html": "<s>x</s>"}, 4),
        ({"html": '<font color="#ff0000">x</font>'}, 4),
        ({"action": "share-phone"}, 3),
        ({"action": "location-picker"}, 3),
        ({"action": "open-map", "map": {"Latitude": "1", "Longitude": "2"}}, 6),
        ({"open_url_media_type": "video"}, 1),
        ({"open_url_media_type": "audio"}, 6),
        ({"internal_browser": {"Mode": "fullscreen"}}, 3),
        ({"internal_browser": {"ActionReplyData": "x"}}, 6),
    ],
)
def test_what_came_later_needs_a_later_version(looks: dict[str, Any], version: int) -> None:
    assert version_of({"Type": "keyboard", "Buttons": [viber.look(**looks)["viber"]]}) == version


async def test_a_version_that_is_asked_for_is_only_ever_raised() -> None:
    async with open_line("viber") as line:
        for asked, sent in ((1, 3), (3, 3), (7, 7)):
            message = replace(keyed(action="share-phone"), extra={"viber": {"min_api_version": asked}})
            assert await line.say(message) == [Outcome.SENT]
            assert line.tap.requests[-1]["body"]["min_api_version"] == sent


@pytest.mark.parametrize("build", [viber.look, viber.keyboard])
def test_an_unknown_attribute_is_told_with_the_known_ones(build: Any) -> None:
    with pytest.raises(MessageError, match=r"'colour' is no attribute of a \w+ on Viber\n  fix: use one of .*bg_color"):
        build(colour="red")


# --- what shows only when it is put together


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (keyed(rows=3), "Rows of a button is 3; Viber takes at most 2"),
        (
            replace(keyed(columns=4), extra=viber.keyboard(columns=3)),
            "Columns of a button is 4; Viber takes at most 3",
        ),
        (Text(text="x", buttons=rows([Link("X", URL, extra=viber.look(action="open-map"))])), "needs a Map"),
        (
            Text(text="x", buttons=rows([Link("X", URL, extra=viber.look(text_bg_gradient_color="#2db9b9"))])),
            "TextBgGradientColor needs TextVAlign top or bottom",
        ),
        (
            Text(text="x", buttons=rows([Button("X", "x", extra=viber.look(rows=2))] * 7)),
            "a keyboard has 14 rows; Viber takes at most 12",
        ),
        (Text(text="x", buttons=rows([Button("X", "x", extra={"viber": {"BgColor": "red"}})])), "BgColor of a button"),
        (Text(text="x", buttons=rows([Button("X", "x", extra={"viber": {"ActionBody": ""}})])), "needs an ActionBody"),
        (
            Card(title="A", buttons=rows([Button("X", "x", extra=viber.look(action="share-phone"))])),
            "cannot be a share-phone",
        ),
    ],
)
async def test_a_keyboard_that_viber_would_refuse_is_refused_when_it_is_decided_on(message: Any, error: str) -> None:
    async with open_line("viber") as line:
        with pytest.raises(MessageError, match=error):
            line.prepare(message)


async def test_high_buttons_fill_a_keyboard_of_twelve_rows() -> None:
    async with open_line("viber") as line:
        high = Text(text="x", buttons=rows([Button("X", f"x{n}", extra=viber.look(rows=2)) for n in range(6)]))
        assert await line.say(high) == [Outcome.SENT]


@pytest.mark.parametrize(("columns", "rows_", "cells"), [(6, 7, 252), (1, 1, 6), (2, 3, 36)])
async def test_rich_media_has_cells_for_six_cards(columns: int, rows_: int, cells: int) -> None:
    one = {"ActionBody": "x", "Columns": 1, "Rows": 1}
    async with open_line("viber") as line:
        assert await line.say(viber.rich_media([one] * cells, columns=columns, rows=rows_)) == [Outcome.SENT]
    for count in (0, cells + 1):
        with pytest.raises(MessageError, match=f"{count} cells; Viber takes 1 to {cells}"):
            viber.rich_media([one] * count, columns=columns, rows=rows_)


@pytest.mark.parametrize(
    ("button", "error"),
    [
        ({"ActionBody": "x", "Rows": 8}, "Rows of a button must be"),
        ({"ActionBody": "x", "Columns": 3}, "Columns of a button is 3; Viber takes at most 2"),
        ({"ActionBody": "x", "ActionType": "location-picker"}, "cannot be a location-picker"),
        ({"ActionType": "reply"}, "needs an ActionBody"),
        ({"ActionType": "open-url", "ActionBody": ""}, "needs an ActionBody"),
    ],
)
def test_a_button_that_rich_media_does_not_take_is_refused(button: dict[str, Any], error: str) -> None:
    with pytest.raises(MessageError, match=error):
        viber.rich_media([button], columns=2)


def test_members_that_are_not_known_pass_untouched() -> None:
    made = viber.rich_media([{"ActionBody": "x", "NewerThanWeAre": 1}], alt_text="A")
    assert made.payload["rich_media"]["Buttons"] == [{"ActionBody": "x", "NewerThanWeAre": 1}]
    assert made.payload["alt_text"] == "A"
