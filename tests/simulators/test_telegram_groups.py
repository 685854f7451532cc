"""Groups, channels and business accounts of the simulated Telegram."""

from collections.abc import AsyncIterator
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.simulators.simulator import Bubble, NotOnScreenError, Person
from botkit.simulators.telegram import Connection, Group
from botkit.simulators.telegram_queue import KINDS
from tests.simulators.telegram_desk import ANA, BO, Bot, opened_bot, refused

FRIENDS, FORUM, NEWS = Group("Friends"), Group("Forum", "supergroup"), Group("News", "channel")
SHOP = Connection("bcA1", BO)


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with opened_bot(allowed_updates=[*KINDS]) as bot:
        yield bot


async def status(bot: Bot, group: Group = FRIENDS) -> tuple[int, str]:
    return refused(await bot.call("sendMessage", chat_id=group.id, text="x"))


@given(st.text())
def test_the_kinds_of_a_title_have_ids_of_their_own_in_52_bits(title: str) -> None:
    groups = [Group(title), Group(title, "supergroup"), Group(title, "channel"), Group(title, "direct")]
    assert not any(one.id == other.id for one, other in combinations(groups, 2))
    assert all(-(2**52) < group.id < 0 for group in groups)
    assert [str(group.id).startswith("-100") for group in groups[1:]] == [True] * 3
    assert Group(title).id == groups[0].id


async def test_a_bot_that_is_added_learns_of_it(bot: Bot) -> None:
    await bot.simulator.adds_bot("demo", ANA, FRIENDS, context="promo")
    [change] = bot.told("my_chat_member")
    assert (change["old_chat_member"]["status"], change["new_chat_member"]["status"]) == ("left", "member")
    added, command = bot.told("message")
    assert added["new_chat_members"][0]["is_bot"] is True
    assert (command["text"], command["chat"]) == ("/start@demo_bot promo", FRIENDS.info)


@pytest.mark.parametrize(
    ("group", "name"), [(FRIENDS, "group"), (FORUM, "supergroup"), (NEWS, "channel")], ids=lambda value: str(value)[:12]
)
async def test_a_bot_that_was_thrown_out_or_left_cannot_write(bot: Bot, group: Group, name: str) -> None:
    await bot.simulator.adds_bot("demo", ANA, group, is_admin=True)
    assert (await bot.call("sendMessage", chat_id=group.id, text="x")).status_code == 200
    await bot.simulator.kicks_bot("demo", ANA, group)
    assert await status(bot, group) == (403, f"Forbidden: bot was kicked from the {name} chat")
    await bot.simulator.adds_bot("demo", ANA, group)
    assert await bot.result("leaveChat", chat_id=group.id) is True
    assert await status(bot, group) == (403, f"Forbidden: bot is not a member of the {name} chat")
    await bot.simulator.redeliver()
    statuses = [change["new_chat_member"]["status"] for change in bot.told("my_chat_member")]
    assert statuses == ["administrator", "kicked", "member", "left"]


async def test_a_deleted_group_is_gone(bot: Bot) -> None:
    await bot.simulator.adds_bot("demo", ANA, FRIENDS)
    bot.simulator.deletes_group("demo", FRIENDS)
    assert await status(bot) == (403, "Forbidden: the group chat was deleted")


async def test_a_group_without_the_bot_is_not_found(bot: Bot) -> None:
    assert await status(bot) == (400, "Bad Request: chat not found")
    with pytest.raises(NotOnScreenError, match="add it first"):
        await bot.simulator.says("demo", ANA, "hi", where=FRIENDS)
    with pytest.raises(NotOnScreenError, match="add it first"):
        await bot.simulator.joins("demo", ANA, FRIENDS)


async def test_only_an_administrator_posts_in_a_channel(bot: Bot) -> None:
    await bot.simulator.adds_bot("demo", ANA, NEWS)
    assert await status(bot, NEWS) == (400, "Bad Request: need administrator rights in the channel chat")
    await bot.simulator.promotes_bot("demo", ANA, NEWS)
    result = await bot.result("sendMessage", chat_id=NEWS.id, text="x")
    assert (result["sender_chat"]["id"], "from" in result) == (NEWS.id, False)


async def test_a_group_may_forbid_some_kinds_to_all_but_administrators(bot: Bot) -> None:
    await bot.simulator.adds_bot("demo", ANA, FRIENDS)
    bot.simulator.forbids("demo", FRIENDS, "text messages", "photos")
    assert await status(bot) == (400, "Bad Request: not enough rights to send text messages to the chat")
    photo = {"chat_id": FRIENDS.id, "photo": "https://a.example/b.png"}
    assert await bot.refusal("sendPhoto", **photo) == "Bad Request: not enough rights to send photos to the chat"
    await bot.result("sendDocument", chat_id=FRIENDS.id, document="https://a.example/b.pdf")
    await bot.simulator.promotes_bot("demo", ANA, FRIENDS)
    await bot.result("sendPhoto", **photo)


@pytest.mark.parametrize(
    ("text", "is_heard"),
    [
        ("hello", False),
        ("/go", True),
        ("/go@demo_bot x", True),
        ("/go@other_bot", False),
        ("a /go", False),
        ("/", False),
    ],
)
async def test_privacy_mode_keeps_what_is_not_meant_for_the_bot(bot: Bot, text: str, is_heard: bool) -> None:
    await bot.simulator.adds_bot("demo", ANA, FRIENDS)
    bot.requests.clear()
    await bot.simulator.says("demo", BO, text, where=FRIENDS)
    assert len(bot.told("message")) == is_heard
    bot.simulator.bot("demo").has_privacy_mode = False
    await bot.simulator.says("demo", BO, text, where=FRIENDS)
    assert len(bot.told("message")) == is_heard + 1


async def test_privacy_mode_lets_replies_through(bot: Bot) -> None:
    await bot.simulator.adds_bot("demo", ANA, FRIENDS)
    await bot.result("sendMessage", chat_id=FRIENDS.id, text="Your name?", reply_markup={"force_reply": True})
    await bot.simulator.says("demo", BO, "Bo", where=FRIENDS)
    assert bot.told("message")[-1]["text"] == "Bo"


async def test_an_administrator_hears_everything(bot: Bot) -> None:
    await bot.simulator.adds_bot("demo", ANA, FRIENDS, is_admin=True)
    await bot.simulator.says("demo", BO, "hello", where=FRIENDS)
    assert bot.told("message")[-1]["text"] == "hello"
    assert bot.texts(where=FRIENDS)[-1] == "hello"


async def test_who_comes_and_goes_is_told_twice(bot: Bot) -> None:
    await bot.simulator.adds_bot("demo", ANA, FRIENDS)
    await bot.simulator.joins("demo", BO, FRIENDS)
    with pytest.raises(NotOnScreenError, match="already"):
        await bot.simulator.joins("demo", BO, FRIENDS)
    await bot.simulator.leaves_group("demo", BO, FRIENDS)
    changes = [
        (change["old_chat_member"]["status"], change["new_chat_member"]["status"]) for change in bot.told("chat_member")
    ]
    assert changes == [("left", "member"), ("member", "left")]
    assert bot.told("message")[-1]["left_chat_member"]["first_name"] == "Bo"
    assert bot.simulator.screen("demo", ANA, where=FRIENDS)[-1] == Bubble("service", "left_chat_member", "Bo")


async def test_a_request_to_join_is_decided_once_by_an_administrator(bot: Bot) -> None:
    await bot.simulator.adds_bot("demo", ANA, FRIENDS)
    await bot.simulator.requests_to_join("demo", BO, FRIENDS, bio="hi")
    asked = {"chat_id": FRIENDS.id, "user_id": bot.told("chat_join_request")[0]["from"]["id"]}
    assert await bot.refusal("approveChatJoinRequest", **asked) == "Bad Request: CHAT_ADMIN_REQUIRED"
    await bot.simulator.promotes_bot("demo", ANA, FRIENDS)
    assert await bot.result("approveChatJoinRequest", **asked) is True
    assert await bot.refusal("declineChatJoinRequest", **asked) == "Bad Request: HIDE_REQUESTER_MISSING"
    await bot.simulator.redeliver()
    assert bot.told("chat_member")[0]["new_chat_member"]["status"] == "member"


async def test_a_group_becomes_a_supergroup_with_another_id(bot: Bot) -> None:
    await bot.simulator.adds_bot("demo", ANA, FRIENDS)
    new = await bot.simulator.upgrades("demo", ANA, FRIENDS)
    gone, come = bot.told("message")[-2:]
    assert (gone["chat"]["id"], gone["migrate_to_chat_id"]) == (FRIENDS.id, new.id)
    assert (come["chat"]["id"], come["migrate_from_chat_id"]) == (new.id, FRIENDS.id)
    response = await bot.call("sendMessage", chat_id=FRIENDS.id, text="x")
    assert response.json() == {
        "ok": False,
        "error_code": 400,
        "description": "Bad Request: group chat was upgraded to a supergroup chat",
        "parameters": {"migrate_to_chat_id": new.id},
    }
    assert (await bot.call("sendMessage", chat_id=new.id, text="x")).status_code == 200
    with pytest.raises(NotOnScreenError):
        await bot.simulator.says("demo", ANA, "hi", where=FRIENDS)
    with pytest.raises(NotOnScreenError, match="only a plain group"):
        await bot.simulator.upgrades("demo", ANA, new)


async def test_what_is_said_in_a_topic_names_it(bot: Bot) -> None:
    await bot.simulator.adds_bot("demo", ANA, FORUM, is_admin=True)
    topic = await bot.simulator.opens_topic("demo", ANA, FORUM, "Tea")
    await bot.simulator.says("demo", BO, "green", where=topic)
    opened, said = bot.told("message")[-2:]
    assert (opened["forum_topic_created"]["name"], said["is_topic_message"]) == ("Tea", True)
    assert opened["message_thread_id"] == said["message_thread_id"] == topic.topic
    assert said["chat"]["is_forum"] is True


async def test_a_plain_group_has_no_topics(bot: Bot) -> None:
    await bot.simulator.adds_bot("demo", ANA, FRIENDS)
    with pytest.raises(NotOnScreenError, match="supergroup"):
        await bot.simulator.opens_topic("demo", ANA, FRIENDS, "Tea")


async def test_a_post_has_a_channel_and_no_author(bot: Bot) -> None:
    await bot.simulator.adds_bot("demo", ANA, NEWS)
    await bot.simulator.says("demo", ANA, "Release", where=NEWS)
    await bot.simulator.edits("demo", ANA, "Release!", where=NEWS)
    [post], [edited] = bot.told("channel_post"), bot.told("edited_channel_post")
    assert (post["sender_chat"]["id"], "from" in post, edited["text"]) == (NEWS.id, False, "Release!")


async def test_reactions_are_told_by_person_but_in_channels_by_number(bot: Bot) -> None:
    await bot.simulator.adds_bot("demo", ANA, NEWS)
    await bot.simulator.says("demo", ANA, "Release", where=NEWS)
    for person in (ANA, BO):
        await bot.simulator.reacts("demo", person, "🔥", where=NEWS)
    counts = [[found["total_count"] for found in count["reactions"]] for count in bot.told("message_reaction_count")]
    assert counts == [[1], [2]]
    await bot.simulator.reacts("demo", ANA, "👍")
    await bot.simulator.reacts("demo", ANA, "")
    first, second = bot.told("message_reaction")
    assert first["new_reaction"] == second["old_reaction"] == [{"type": "emoji", "emoji": "👍"}]
    assert first["old_reaction"] == second["new_reaction"] == []


async def test_a_button_in_a_group_is_pressed_by_anybody(bot: Bot) -> None:
    await bot.simulator.adds_bot("demo", ANA, FRIENDS)
    markup = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}]]}
    await bot.result("sendMessage", chat_id=FRIENDS.id, text="Pick", reply_markup=markup)
    await bot.simulator.taps("demo", BO, "Yes", where=FRIENDS)
    [pressed] = bot.told("callback_query")
    assert (pressed["from"]["first_name"], pressed["message"]["chat"]["id"]) == ("Bo", FRIENDS.id)


async def test_a_business_account_hands_its_chats_over(bot: Bot) -> None:
    await bot.simulator.connects("demo", SHOP)
    await bot.simulator.says("demo", ANA, "in stock?", where=SHOP)
    await bot.simulator.edits("demo", ANA, "in stock", where=SHOP)
    await bot.simulator.deletes("demo", ANA, where=SHOP)
    await bot.simulator.connects("demo", SHOP, is_enabled=False)
    [message], [edited] = bot.told("business_message"), bot.told("edited_business_message")
    [deleted] = bot.told("deleted_business_messages")
    assert message["business_connection_id"] == edited["business_connection_id"] == "bcA1"
    # The same id as the private chat, yet another conversation.
    assert message["chat"]["id"] == bot.chat_id()
    assert deleted["message_ids"] == [message["message_id"]]
    assert [connection["is_enabled"] for connection in bot.told("business_connection")] == [True, False]
    with pytest.raises(NotOnScreenError, match="no connection"):
        await bot.simulator.says("demo", ANA, "hello?", where=SHOP)


async def test_a_guest_query_comes_from_a_group_that_the_bot_is_not_in(bot: Bot) -> None:
    query = await bot.simulator.asks_as_guest("demo", ANA, FRIENDS, "weather?")
    [message] = bot.told("guest_message")
    assert (message["guest_query_id"], message["text"]) == (query, "weather?")
    assert (await status(bot))[0] == 403


async def test_groups_are_remembered_over_a_restart(bot: Bot) -> None:
    await bot.simulator.adds_bot("demo", ANA, FRIENDS)
    new = await bot.simulator.upgrades("demo", ANA, FRIENDS)
    bot.simulator.restore(bot.simulator.snapshot())
    assert (await status(bot))[0] == 400
    await bot.result("sendMessage", chat_id=new.id, text="x")
    assert bot.texts(Person("Cy"), where=new) == [str(FRIENDS.id), "x"]
