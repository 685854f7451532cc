import pytest

from botkit.simulators.simulator import NotOnScreenError, Person
from botkit.simulators.viber import ViberSimulator
from tests.simulators import viber_rig
from tests.simulators.viber_rig import ANA, BORIS, CARD, Json, Rig, keyboard

new, rig = viber_rig.new, viber_rig.rig


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


# --- keyboards, cards and carousels


async def test_html_is_shown_as_words(rig: Rig) -> None:
    button = {"Text": "<b>A</b> &amp; <font color='#fff'>B</font><br>C", "ActionBody": "go"}
    await rig.sends(keyboard=keyboard(button), min_api_version=4)
    assert rig.simulator.screen("demo", ANA)[-1].choices[0][0].label == "A & B\nC"
    await rig.simulator.taps("demo", ANA, "A & B\nC")
    assert rig.bot.told[-1]["message"]["text"] == "go"


async def test_a_button_of_a_picture_is_called_by_what_it_sends(rig: Rig) -> None:
    await rig.sends(keyboard=keyboard({"Text": "", "Image": "https://m.test/a.png", "ActionBody": "buy"}))
    assert rig.simulator.screen("demo", ANA)[-1].choices[0][0].label == "buy"


async def test_a_carousel_is_shown_with_its_words_its_picture_and_its_buttons(rig: Rig) -> None:
    cells: list[Json] = []
    for offer in ("Tea", "Coffee"):
        picture = {"Image": f"https://m.test/{offer}.png", "Rows": 2, "ActionType": "none", "Text": ""}
        title = {"Text": f"<b>{offer}</b>", "ActionType": "none"}
        buy = {"Text": "Buy", "ActionBody": f"buy:{offer}", "Columns": 3}
        more = {"Text": "More", "ActionType": "open-url", "ActionBody": f"https://m.test/{offer}", "Columns": 3}
        cells += [picture, title, buy, more]
    carousel = keyboard(*cells, Type="rich_media", ButtonsGroupRows=4)
    await rig.sends(type="rich_media", rich_media=carousel, alt_text="We have Tea", min_api_version=7)
    bubble = rig.simulator.screen("demo", ANA)[-1]
    assert (bubble.kind, bubble.text, bubble.source) == ("rich_media", "We have Tea\nCoffee", "https://m.test/Tea.png")
    assert [[(choice.label, choice.kind) for choice in row] for row in bubble.choices] == [
        [("Buy", "reply"), ("More", "link")],
        [("Buy", "reply"), ("More", "link")],
    ]
    await rig.simulator.taps("demo", ANA, "buy:Coffee")
    assert rig.bot.told[-1]["message"]["text"] == "buy:Coffee"


async def test_rows_are_as_wide_as_the_keyboard_says(rig: Rig) -> None:
    await rig.sends(keyboard=keyboard({}, {}, ButtonsGroupColumns=2), min_api_version=4)
    await rig.sends(keyboard=keyboard(*[{"Columns": 1}] * 4, ButtonsGroupColumns=2), min_api_version=4)
    assert [len(row) for row in rig.simulator.screen("demo", ANA)[-1].choices] == [2, 2]


async def test_an_empty_label_presses_nothing(rig: Rig) -> None:
    await rig.sends(keyboard=keyboard({}))
    with pytest.raises(NotOnScreenError, match="the screen has X"):
        await rig.simulator.taps("demo", ANA, "")


async def test_every_kind_of_message_is_shown(rig: Rig) -> None:
    media = "https://m.test/a.png"
    for message in (
        {"type": "picture", "media": media, "text": "*A* cat"},
        {"type": "video", "media": media, "size": 1, "text": "A film"},
        {"type": "file", "media": media, "size": 1, "file_name": "a.pdf"},
        {"type": "location", "location": {"lat": 1.5, "lon": "2"}},
        {"type": "contact", "contact": {"name": "Bo", "phone_number": "1"}},
        {"type": "sticker", "sticker_id": 46105},
        {"type": "url", "media": media},
    ):
        assert (await rig.sends(**message))["status"] == 0
    bubbles = rig.simulator.screen("demo", ANA)[1:]
    assert [(bubble.kind, bubble.text, bubble.source) for bubble in bubbles] == [
        ("image", "A cat", media),
        ("video", "A film", media),
        ("file", "a.pdf", media),
        ("location", "1.5, 2", ""),
        ("contact", "Bo 1", ""),
        ("sticker", "", ""),
        ("text", media, ""),
    ]
