from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.simulators.viber_rig import Json, Rig, keyboard, written_to


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with written_to() as rig:
        yield rig


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
