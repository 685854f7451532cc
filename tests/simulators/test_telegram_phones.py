"""What people of the simulated Telegram write, change and take back, and how they stay away."""

from collections.abc import AsyncIterator

import pytest

from botkit.simulators.simulator import NotOnScreenError, phone_number
from tests.simulators.telegram_desk import ANA, BO, Bot, opened_bot, refused

KEYBOARD = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}]]}


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with opened_bot() as bot:
        yield bot


async def test_an_album_is_several_updates_with_one_group_id(bot: Bot) -> None:
    await bot.simulator.sends_album("demo", ANA, ("my cat", "", ""))
    await bot.simulator.sends_album("demo", ANA)
    messages = bot.told("message")
    assert [len({message["media_group_id"] for message in part}) for part in (messages[:3], messages)] == [1, 2]
    assert [message.get("caption") for message in messages[:3]] == ["my cat", None, None]
    assert len({message["photo"][-1]["file_id"] for message in messages}) == 5
    assert [bubble.kind for bubble in bot.simulator.screen("demo", ANA)][-5:] == ["image"] * 5


@pytest.mark.parametrize(("count", "is_taken"), [(1, False), (2, True), (10, True), (11, False)])
async def test_an_album_has_2_to_10_pictures(bot: Bot, count: int, is_taken: bool) -> None:
    if is_taken:
        await bot.simulator.sends_album("demo", ANA, ("",) * count)
    else:
        with pytest.raises(NotOnScreenError, match="2 to 10"):
            await bot.simulator.sends_album("demo", ANA, ("",) * count)
    assert len(bot.told("message")) == count * is_taken


async def test_an_own_number_carries_the_senders_id_and_a_card_does_not(bot: Bot) -> None:
    await bot.simulator.sends_contact("demo", ANA)
    await bot.simulator.sends_contact("demo", ANA, "+38640999888", own=False)
    own, card = bot.told("message")
    assert own["contact"]["user_id"] == own["from"]["id"]
    assert own["contact"]["phone_number"] == phone_number(ANA), "gateways reach her by it"
    assert ("user_id" in card["contact"], card["contact"]["phone_number"]) == (False, "+38640999888")


async def test_an_edit_changes_the_newest_words_of_the_person(bot: Bot) -> None:
    await bot.simulator.says("demo", ANA, "/go")
    await bot.send("answer")
    bot.clock.advance(seconds=5)
    await bot.simulator.edits("demo", ANA, "😀 /stop")
    [old], [new] = bot.told("message"), bot.told("edited_message")
    assert (new["message_id"], new["date"], new["edit_date"]) == (old["message_id"], old["date"], old["date"] + 5)
    assert (new["text"], new["entities"]) == ("😀 /stop", [{"type": "bot_command", "offset": 3, "length": 5}])
    assert bot.texts() == ["/start", "😀 /stop", "answer"]


async def test_an_edit_changes_a_caption(bot: Bot) -> None:
    await bot.simulator.sends_photo("demo", ANA, "one")
    await bot.simulator.edits("demo", ANA, "two")
    [new] = bot.told("edited_message")
    assert (new["caption"], "photo" in new, "text" in new) == ("two", True, False)


async def test_who_wrote_nothing_changes_nothing(bot: Bot) -> None:
    await bot.simulator.unblocks("demo", BO)
    for act in (bot.simulator.edits("demo", BO, "x"), bot.simulator.deletes("demo", BO)):
        with pytest.raises(NotOnScreenError, match="nothing of their own"):
            await act
    with pytest.raises(NotOnScreenError, match="no message"):
        await bot.simulator.reacts("demo", BO)


async def test_in_a_private_chat_no_update_tells_of_a_deletion(bot: Bot) -> None:
    await bot.simulator.says("demo", ANA, "oops")
    bot.requests.clear()
    await bot.simulator.deletes("demo", ANA)
    assert (bot.updates, bot.texts()) == ([], ["/start"])


async def test_reactions_of_people_are_off_by_default(bot: Bot) -> None:
    await bot.simulator.reacts("demo", ANA)
    assert bot.updates == []


async def test_who_blocks_and_unblocks_is_told_in_both_directions(bot: Bot) -> None:
    await bot.simulator.blocks("demo", ANA)
    assert refused(await bot.send()) == (403, "Forbidden: bot was blocked by the user")
    await bot.simulator.unblocks("demo", ANA)
    assert (await bot.send()).status_code == 200
    statuses = [change["new_chat_member"]["status"] for change in bot.told("my_chat_member")]
    assert statuses == ["kicked", "member"]


async def test_nobody_writes_to_an_account_that_ended(bot: Bot) -> None:
    bot.simulator.deactivates(ANA)
    assert refused(await bot.send()) == (403, "Forbidden: user is deactivated")
    assert bot.updates == []


async def test_a_button_of_an_old_message_hides_the_message(bot: Bot) -> None:
    sent = (await bot.send("Pick", reply_markup=KEYBOARD)).json()["result"]
    await bot.simulator.taps("demo", ANA, "Yes", is_inaccessible=True)
    [pressed] = bot.told("callback_query")
    assert pressed["message"] == {"chat": sent["chat"], "message_id": sent["message_id"], "date": 0}


async def test_content_of_any_kind_can_be_sent(bot: Bot) -> None:
    await bot.simulator.sends("demo", ANA, {"dice": {"emoji": "🎲", "value": 6}})
    assert bot.told("message")[0]["dice"]["value"] == 6
    shown = bot.simulator.screen("demo", ANA)[-1]
    assert (shown.side, shown.kind, shown.text) == ("person", "dice", "🎲 6")
