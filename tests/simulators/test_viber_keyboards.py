from typing import Any

import pytest

from botkit.simulators.viber_keyboards import rows_of
from tests.simulators import viber_rig
from tests.simulators.viber_rig import Json, Rig, keyboard

rig = viber_rig.rig


async def test_a_keyboard_without_type_is_refused_in_vibers_words(rig: Rig) -> None:
    refused = await rig.sends(keyboard={"Buttons": [{"ActionBody": "x"}]})
    assert refused["status"] == 3
    assert refused["status_message"] == 'keyboard is not valid. [object has missing required properties (["Type"])]'


@pytest.mark.parametrize(
    ("within", "beyond"),
    [
        (keyboard({}), keyboard({}, Type="rich_media")),
        (keyboard({}), keyboard()),
        (keyboard({}), {"Type": "keyboard"}),
        (keyboard({}), []),
        (keyboard({}), {"Type": "keyboard", "Buttons": [[]]}),
        (keyboard({}), {"Type": "keyboard", "Buttons": [{"Text": "X"}]}),
        (keyboard({"Columns": 1}, {"Columns": 6}), keyboard({"Columns": 0})),
        (keyboard({"Columns": 6}), keyboard({"Columns": 7})),
        (keyboard({"Columns": 2}, ButtonsGroupColumns=2), keyboard({"Columns": 3}, ButtonsGroupColumns=2)),
        (keyboard({"Columns": 3}), keyboard({"Columns": 2.5})),
        (keyboard({"Rows": 2}), keyboard({"Rows": 3})),
        (keyboard({}, ButtonsGroupRows=2), keyboard({}, ButtonsGroupRows=3)),
        (keyboard({"Text": "x" * 250}), keyboard({"Text": "x" * 251})),
        (keyboard({"ActionBody": "x" * 5000}), keyboard({"ActionBody": ""})),
        (keyboard({"ActionType": "none"}), keyboard({"ActionType": "fly"})),
        (keyboard({"ActionType": "open-url"}), keyboard({"ActionType": "open_url"})),
        (keyboard({"Silent": True}), keyboard({"Silent": "true"})),
        (keyboard({"TextSize": "large"}), keyboard({"TextSize": "huge"})),
        (keyboard({}, InputFieldState="hidden"), keyboard({}, InputFieldState="gone")),
        (keyboard(*[{}] * 24), keyboard(*[{}] * 25)),
        (keyboard(*[{"Columns": 1}] * 144), keyboard(*[{"Columns": 1}] * 145)),
        (keyboard(*[{"Rows": 2}] * 12), keyboard(*[{"Rows": 2}] * 13)),
    ],
)
async def test_a_keyboard_is_taken_within_its_bounds_and_refused_beyond(rig: Rig, within: Json, beyond: Any) -> None:
    assert (await rig.sends(keyboard=within, min_api_version=4))["status"] == 0
    refused = await rig.sends(keyboard=beyond, min_api_version=4)
    assert refused["status"] == 3
    assert refused["status_message"].startswith("keyboard is not valid. [")


@pytest.mark.parametrize("action", ["location-picker", "share-phone"])
async def test_asking_for_a_place_or_a_number_needs_version_3_and_is_not_for_cards(rig: Rig, action: str) -> None:
    asking = keyboard({"ActionType": action})
    assert (await rig.sends(keyboard=asking, min_api_version=3))["status"] == 0
    assert (await rig.sends(keyboard=asking))["status"] == 14
    card: Json = {"type": "rich_media", "rich_media": asking | {"Type": "rich_media"}, "min_api_version": 7}
    assert (await rig.sends(**card))["status"] == 3


# --- cards


def card(*buttons: Json, **attributes: Any) -> Json:
    """A message with a carousel."""
    rich_media = keyboard(*buttons, **({"Type": "rich_media"} | attributes))
    return {"type": "rich_media", "rich_media": rich_media, "min_api_version": 7}


@pytest.mark.parametrize(
    ("within", "beyond"),
    [
        (card({}), card({}, Type="keyboard")),
        (card({"Rows": 7}), card({"Rows": 8})),
        (card({"Columns": 6}), card({"Columns": 7})),
        (card(*[{"Rows": 7}] * 6), card(*[{"Rows": 7}] * 7)),
        (card(*[{}] * 12, ButtonsGroupRows=2), card(*[{}] * 13, ButtonsGroupRows=2)),
        (card(*[{"Columns": 1}] * 36, ButtonsGroupRows=1), card(*[{"Columns": 1}] * 37, ButtonsGroupRows=1)),
        (
            card(*[{"Columns": 2}] * 6, ButtonsGroupColumns=2, ButtonsGroupRows=1),
            card(*[{"Columns": 2}] * 7, ButtonsGroupColumns=2, ButtonsGroupRows=1),
        ),
        (card({"ActionType": "open-map", "Map": {"Latitude": "1", "Longitude": "1"}}), card({"ActionType": "fly"})),
        (card({"ActionType": "none", "ActionBody": ""}), card({"ActionType": "reply", "ActionBody": ""})),
    ],
)
async def test_a_carousel_holds_six_cards(rig: Rig, within: Json, beyond: Json) -> None:
    assert (await rig.sends(**within))["status"] == 0
    refused = await rig.sends(**beyond)
    assert refused["status"] == 3
    assert refused["status_message"].startswith("rich_media is not valid. [")


@pytest.mark.parametrize(("version", "status"), [(1, 14), (2, 0), (7, 0), (10, 0), (11, 13)])
async def test_cards_need_version_2_and_a_device_that_has_what_is_asked(rig: Rig, version: int, status: int) -> None:
    assert (await rig.sends(**card({}) | {"min_api_version": version}))["status"] == status


@pytest.mark.parametrize(
    ("button", "problem"),
    [
        ({"TextBgGradientColor": "#000000"}, "only with TextVAlign top or bottom"),
        ({"TextBgGradientColor": "#000000", "TextVAlign": "middle"}, "only with TextVAlign top or bottom"),
        ({"TextBgGradientColor": "#000000", "TextVAlign": "top"}, ""),
        ({"ActionType": "open-map"}, "Map: required for open-map"),
        ({"ActionType": "open-map", "Map": {"Latitude": "46", "Longitude": "14"}}, ""),
    ],
)
async def test_some_attributes_need_another(rig: Rig, button: Json, problem: str) -> None:
    answer = await rig.sends(keyboard=keyboard(button), min_api_version=6)
    assert (answer["status"] == 0) is not bool(problem)
    assert problem in answer["status_message"]


@pytest.mark.parametrize(("attribute", "version"), [({"TextShouldFit": True}, 6), ({"TextPaddings": [1, 1, 1, 1]}, 4)])
async def test_an_attribute_newer_than_declared_is_incompatible(rig: Rig, attribute: Json, version: int) -> None:
    (name,) = attribute
    assert (await rig.sends(keyboard=keyboard(attribute), min_api_version=version))["status"] == 0
    refused = await rig.sends(keyboard=keyboard(attribute), min_api_version=version - 1)
    assert (refused["status"], refused["status_message"]) == (14, f"{name} needs min_api_version {version}")


def test_a_row_is_full_when_the_next_button_does_not_fit() -> None:
    buttons: list[Json] = [{"Columns": 2}, {"Columns": 3}, {"Columns": 2}, {}, {"Columns": 6}]
    assert [len(row) for row in rows_of(buttons)] == [2, 1, 1, 1]
    assert [len(row) for row in rows_of(buttons[:3], 4)] == [1, 1, 1]
