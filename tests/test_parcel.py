"""The shipped bot, on every service it answers on."""

import pytest

from botkit.testing import BotTester, Visitor

CHANNELS = ("telegram", "viber", "gbm")

every_channel = pytest.mark.parametrize("channel", CHANNELS)


async def booked(bot_tester: BotTester, channel: str) -> Visitor:
    olena = bot_tester.user("Olena", channel=channel)
    await olena.opens()
    await olena.says("track")
    await olena.says("1234567")
    await olena.taps("Today")
    return olena


@every_channel
async def test_a_parcel_is_found_and_its_day_booked(bot_tester: BotTester, channel: str) -> None:
    olena = await booked(bot_tester, channel)
    assert olena.last.text == "Booked: Today."
    assert olena.state == "booked"


@pytest.mark.parametrize("channel", ["telegram", "viber"])
async def test_whoever_opens_the_chat_is_welcomed_with_buttons(bot_tester: BotTester, channel: str) -> None:
    olena = bot_tester.user("Olena", channel=channel)
    await olena.opens()
    assert olena.received == ["Hello! I know where your parcel is."]
    assert olena.buttons == ["Track a parcel", "Ask a person"]


@every_channel
async def test_the_day_can_be_moved(bot_tester: BotTester, channel: str) -> None:
    olena = await booked(bot_tester, channel)
    await olena.taps("Another day")
    await olena.taps("Friday")
    assert olena.last.text == "Booked: Friday."


@every_channel
async def test_a_note_and_a_photo_reach_the_driver(bot_tester: BotTester, channel: str) -> None:
    olena = await booked(bot_tester, channel)
    await olena.taps("Leave a note")
    await olena.says("The bell does not work")
    await olena.taps("Leave a note")
    await olena.sends_photo()
    assert olena.received[-3:] == [
        "Thank you, the driver will read it.",
        "What should the driver know? A text or a photo, please.",
        "Thank you, the driver will see the photo.",
    ]


@every_channel
async def test_what_is_no_number_is_asked_again(bot_tester: BotTester, channel: str) -> None:
    olena = bot_tester.user("Olena", channel=channel)
    await olena.says("track")
    await olena.says("it is brown")
    assert olena.last.text.startswith("A parcel number has 6 to 12 digits")
    assert olena.state == "number"


@every_channel
async def test_a_person_is_called_and_the_bot_keeps_quiet(bot_tester: BotTester, channel: str) -> None:
    olena = bot_tester.user("Olena", channel=channel)
    await olena.says("person please")
    before = list(olena.received)
    await olena.says("hello, anybody?")
    assert olena.state == "person"
    assert list(olena.received) == before


@every_channel
async def test_the_bot_can_be_called_back_while_waiting_for_a_person(bot_tester: BotTester, channel: str) -> None:
    olena = bot_tester.user("Olena", channel=channel)
    await olena.says("person")
    await olena.says("track")
    assert olena.state == "number"


@every_channel
async def test_a_reminder_comes_before_the_parcel(bot_tester: BotTester, channel: str) -> None:
    olena = await booked(bot_tester, channel)
    await bot_tester.advance(hours=12)
    assert olena.last.text == "Parcel 1234567 is on its way."


@every_channel
async def test_whoever_says_stop_gets_no_reminder(bot_tester: BotTester, channel: str) -> None:
    olena = await booked(bot_tester, channel)
    await olena.says("stop")
    await bot_tester.advance(hours=13)
    assert not olena.sees("on its way")


@every_channel
async def test_a_number_that_never_comes_is_given_up_after_half_an_hour(bot_tester: BotTester, channel: str) -> None:
    olena = bot_tester.user("Olena", channel=channel)
    await olena.says("track")
    await bot_tester.advance(minutes=29)
    assert olena.state == "number"
    await bot_tester.advance(minutes=2)
    assert olena.state == "idle"
    assert olena.last.text.startswith("I stopped waiting")


async def test_google_s_own_button_calls_a_person(bot_tester: BotTester) -> None:
    olena = bot_tester.user("Olena", channel="gbm")
    await olena.says("hello")
    await bot_tester.simulator("gbm").asks_for_agent(olena.account.ta, olena.person)  # type: ignore[attr-defined]
    await bot_tester.settle()
    assert olena.state == "person"


@pytest.mark.parametrize("channel", ["telegram", "viber"])
async def test_whoever_leaves_and_returns_starts_afresh(bot_tester: BotTester, channel: str) -> None:
    olena = await booked(bot_tester, channel)
    await olena.leaves()
    assert olena.state == "idle"
    await olena.says("track")
    assert olena.state == "number"


# --- in another language


@every_channel
async def test_a_parcel_is_booked_in_slovene(bot_tester: BotTester, channel: str) -> None:
    maja = bot_tester.user("Maja", channel=channel, locale="sl")
    await maja.says("Kje je moj paket?")
    await maja.says("1234567")
    assert "Kdaj naj ga dostavimo?" in maja.last.text
    assert maja.buttons == ["Danes", "Jutri", "Petek"]
    await maja.taps("Danes")
    assert maja.last.text == "Dogovorjeno: Danes."
    assert maja.buttons == ["Drug dan", "Sporočilo vozniku", "Pogovor s sodelavcem"]


@every_channel
@pytest.mark.parametrize(
    ("number", "beginning"),
    [("1", "To je 1 števka,"), ("12", "To sta 2 števki,"), ("123", "To so 3 števke,"), ("12345", "To je 5 števk,")],
)
async def test_one_two_three_and_five_have_their_own_form_each(
    bot_tester: BotTester, channel: str, number: str, beginning: str
) -> None:
    maja = bot_tester.user("Maja", channel=channel, locale="sl-SI")
    await maja.says("sledi")
    await maja.says(number)
    assert maja.last.text.startswith(beginning)


@pytest.mark.parametrize(
    ("number", "beginning"), [("1", "That is 1 digit;"), ("1234567890123", "Those are 13 digits;")]
)
async def test_a_number_of_a_wrong_length_is_told_its_length(
    bot_tester: BotTester, number: str, beginning: str
) -> None:
    olena = bot_tester.user("Olena", channel="telegram")
    await olena.says("track")
    await olena.says(number)
    assert olena.last.text.startswith(beginning)
    assert olena.state == "number"


@pytest.mark.parametrize("channel", ["telegram", "viber"])
async def test_whoever_opens_the_chat_is_welcomed_in_their_language(bot_tester: BotTester, channel: str) -> None:
    maja = bot_tester.user("Maja", channel=channel, locale="sl")
    await maja.opens()
    assert maja.received == ["Pozdravljeni! Vem, kje je vaš paket."]
    assert maja.buttons == ["Kje je paket?", "Pogovor s sodelavcem"]


@every_channel
async def test_a_reminder_and_a_timeout_speak_the_person_s_language(bot_tester: BotTester, channel: str) -> None:
    maja = bot_tester.user("Maja", channel=channel, locale="sl")
    await maja.says("sledi")
    await maja.says("1234567")
    await maja.taps("Petek")
    await bot_tester.advance(hours=12)
    assert maja.last.text == "Paket 1234567 je na poti."
    await maja.says("sledi")
    await bot_tester.advance(minutes=31)
    assert maja.last.text.startswith("Na številko ne čakam več.")


@every_channel
async def test_another_language_than_the_phone_s_can_be_chosen(bot_tester: BotTester, channel: str) -> None:
    maja = bot_tester.user("Maja", channel=channel, locale="sl")
    await maja.says("English")
    await maja.says("sledi")
    assert maja.received == ["I speak English now.", "What is the parcel number?"]
    await maja.says("slovensko")
    await maja.says("track")
    assert maja.received[2:] == ["Zdaj govorim slovensko.", "Kakšna je številka paketa?"]


@every_channel
async def test_people_of_two_languages_are_answered_each_in_theirs(bot_tester: BotTester, channel: str) -> None:
    maja = bot_tester.user("Maja", channel=channel, locale="sl")
    olena = bot_tester.user("Olena", channel=channel, locale="uk")
    await maja.says("track")
    await olena.says("sledi")
    assert (maja.last.text, olena.last.text) == ("Kakšna je številka paketa?", "What is the parcel number?")


@pytest.mark.parametrize(("words", "state"), [("človek, prosim", "person"), ("Kje je moj paket", "number")])
async def test_slovene_words_lead_where_the_english_ones_do(bot_tester: BotTester, words: str, state: str) -> None:
    maja = bot_tester.user("Maja", channel="viber", locale="sl")
    await maja.says(words)
    assert maja.state == state


async def test_ustavi_stops_the_reminders(bot_tester: BotTester) -> None:
    maja = bot_tester.user("Maja", channel="viber", locale="sl")
    await maja.says("sledi")
    await maja.says("1234567")
    await maja.taps("Danes")
    await maja.says("ustavi")
    await bot_tester.advance(hours=13)
    assert not maja.sees("na poti")
