from collections.abc import AsyncIterator

import pytest

from botkit.simulators.simulator import NotOnScreenError, Person
from botkit.simulators.viber import ViberSimulator
from tests.simulators.viber_rig import ANA, BORIS, CARD, Json, Rig, keyboard, unregistered, written_to


@pytest.fixture
async def new() -> AsyncIterator[Rig]:
    async with unregistered() as rig:
        yield rig


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with written_to() as rig:
        yield rig


async def test_a_tap_sends_what_the_button_says_and_shows_it(rig: Rig) -> None:
    await rig.sends(keyboard=keyboard({"ActionBody": "start", "Text": "Start"}), tracking_data="t")
    await rig.simulator.taps("demo", ANA, "Start")
    told = rig.bot.told[-1]
    assert told["message"] == {"type": "text", "text": "start", "tracking_data": "t"}
    assert told["silent"] is False
    assert rig.sees()[-1] == "start"


async def test_a_silent_tap_is_told_but_not_shown(rig: Rig) -> None:
    await rig.sends(keyboard=keyboard({"ActionBody": "start", "Text": "Start", "Silent": True}))
    await rig.simulator.taps("demo", ANA, "start")
    assert rig.bot.told[-1]["message"]["text"] == "start"
    assert rig.bot.told[-1]["silent"] is True
    assert rig.sees()[-1] == "hi"


async def test_the_keyboard_is_that_of_the_last_message_that_had_one(rig: Rig) -> None:
    await rig.sends(keyboard=keyboard({"Text": "Old"}))
    await rig.sends(keyboard=keyboard({"Text": "New"}))
    await rig.sends(text="no buttons")
    assert [len(bubble.choices) for bubble in rig.simulator.screen("demo", ANA)] == [0, 0, 1, 0]
    with pytest.raises(NotOnScreenError, match="the screen has New"):
        await rig.simulator.taps("demo", ANA, "Old")
    await rig.simulator.taps("demo", ANA, "New")
    assert rig.bot.events[-1] == "message"


async def test_a_card_keeps_its_buttons(rig: Rig) -> None:
    card: Json = {"type": "rich_media", "rich_media": CARD, "min_api_version": 7, "alt_text": "An offer"}
    await rig.sends(**card)
    await rig.sends(keyboard=keyboard({"Text": "New"}))
    await rig.simulator.taps("demo", ANA, "Card")
    assert rig.bot.told[-1]["message"]["text"] == "x"
    assert "An offer" in rig.sees()


async def test_buttons_are_told_by_what_they_do(rig: Rig) -> None:
    actions = ["reply", "open-url", "location-picker", "share-phone"]
    buttons = [{"ActionType": action, "ActionBody": action, "Columns": 3} for action in actions]
    await rig.sends(keyboard=keyboard(*buttons), min_api_version=3)
    rows = rig.simulator.screen("demo", ANA)[-1].choices
    assert [[choice.kind for choice in row] for row in rows] == [["reply", "link"], ["location", "contact"]]
    await rig.simulator.taps("demo", ANA, "share-phone")
    assert rig.bot.told[-1]["message"]["type"] == "contact"
    assert rig.bot.told[-1]["message"]["contact"]["phone_number"].isdecimal()
    await rig.simulator.taps("demo", ANA, "location-picker")
    assert rig.bot.told[-1]["message"]["type"] == "location"
    await rig.simulator.taps("demo", ANA, "open-url")
    assert rig.bot.told[-1]["message"]["text"] == "open-url"


async def test_a_silent_link_and_a_button_without_action_say_nothing(rig: Rig) -> None:
    buttons: list[Json] = [
        {"ActionType": "open-url", "ActionBody": "https://a.test", "Silent": True},
        {"ActionType": "none"},
    ]
    await rig.sends(keyboard=keyboard(*buttons))
    rig.simulator.receipts = False
    await rig.simulator.redeliver()
    rig.bot.requests.clear()
    await rig.simulator.taps("demo", ANA, "https://a.test")
    await rig.simulator.taps("demo", ANA, "x")
    assert rig.bot.requests == []


async def test_without_a_keyboard_there_is_nothing_to_tap(rig: Rig) -> None:
    with pytest.raises(NotOnScreenError, match="the screen has none"):
        await rig.simulator.taps("demo", ANA, "Start")


async def test_an_empty_text_cannot_be_written(rig: Rig) -> None:
    with pytest.raises(NotOnScreenError):
        await rig.simulator.says("demo", ANA, " \n")


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("*bold* and _it_ ~no~ ```x*y*```", "bold and it no x*y*"),
        ("2*3*4 snake_case_name", "2*3*4 snake_case_name"),
        ("* not bold *", "* not bold *"),
        ("plain", "plain"),
    ],
)
async def test_marks_are_shown_as_formatting(rig: Rig, sent: str, shown: str) -> None:
    await rig.sends(text=sent)
    assert rig.sees()[-1] == shown


def test_people_are_the_same_on_every_start(new: Rig) -> None:
    again = ViberSimulator(new.clock)
    assert again.conversation_id("demo", ANA) == new.simulator.conversation_id("demo", Person("Ana", "de"))
    assert again.conversation_id("demo", ANA) != again.conversation_id("demo", BORIS)


def test_a_stranger_has_an_empty_screen(new: Rig) -> None:
    assert list(new.simulator.screen("demo", BORIS)) == []
