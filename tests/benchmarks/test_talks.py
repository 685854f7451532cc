import asyncio
from collections.abc import Callable

import pytest

from benchmarks.checker import Checker, Verdict
from benchmarks.conversation import DAY
from benchmarks.talks import Flood, Neighbour, Talks, Times


class PerfectBot:
    """Answers at once, and replies at the loop's next turn; what it is told to lose or to say twice, it does."""

    def __init__(self) -> None:
        self.on_reply: Callable[[int, str], None] = lambda chat, text: None
        self.heard: list[tuple[int, str]] = []
        self.times: dict[int, int] = {}
        self._said: dict[int, tuple[str, str]] = {}

    def post(self, chat: int, text: str, on_answer: Callable[[], None]) -> None:
        self.heard.append((chat, text))
        loop = asyncio.get_running_loop()
        loop.call_soon(on_answer)
        reply = self._answer(chat, text)
        for _ in range(self.times.get(len(self.heard), 1)):
            loop.call_soon(self.on_reply, chat, reply)

    async def until_heard(self, messages: int) -> None:
        """Waits for so many messages."""
        async with asyncio.timeout(10):
            for _ in iter(lambda: len(self.heard) < messages, False):
                await asyncio.sleep(0)

    def _answer(self, chat: int, text: str) -> str:
        turn, number = self._said.get(chat, ("", ""))
        if text.startswith("order "):
            turn = text.removeprefix("order ")
            self._said[chat] = turn, ""
            return f"{turn}: what is the parcel number?"
        if text.isdigit():
            self._said[chat] = turn, text
            return f"{turn}: found {text}. Which day?"
        return f"{turn}: {number} comes on {text}."


async def talk(bot: PerfectBot, *, messages: int, people: int = 3, at_once: int = 2) -> tuple[Verdict, Times]:
    checker = Checker()
    talks = Talks(bot.post, checker, at_once=at_once, people=people, first_chat=100)
    bot.on_reply = talks.on_reply
    talks.start()
    await bot.until_heard(messages)
    await talks.stop()
    return checker.verdict(), talks.times


async def test_whoever_gets_every_reply_goes_on_and_on() -> None:
    bot = PerfectBot()
    verdict, times = await talk(bot, messages=50)
    assert verdict == Verdict(right=len(bot.heard), lost=0, double=0, wrong=0, reordered=0)
    assert len(times.answers) == len(times.replies) == len(bot.heard)


async def test_each_conversation_has_its_steps_in_order() -> None:
    bot = PerfectBot()
    await talk(bot, messages=18, people=2, at_once=1)
    assert [text for chat, text in bot.heard if chat == 100][:6] == [
        "order 1", "900001", DAY, "order 2", "900002", DAY,
    ]  # fmt: skip


async def test_people_take_turns() -> None:
    bot = PerfectBot()
    await talk(bot, messages=30, people=5, at_once=2)
    assert {chat for chat, _ in bot.heard} == set(range(100, 105))


async def test_nobody_writes_before_the_reply_has_come() -> None:
    bot = PerfectBot()
    bot.times[1] = 0
    checker = Checker()
    talks = Talks(bot.post, checker, at_once=1, people=1, first_chat=100)
    bot.on_reply = talks.on_reply
    talks.start()
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(bot.heard) == 1
    talks.on_reply(100, "1: what is the parcel number?")
    assert len(bot.heard) == 2


async def test_messages_have_a_rate_that_they_do_not_exceed() -> None:
    bot = PerfectBot()
    checker = Checker()
    talks = Talks(bot.post, checker, at_once=4, people=4, first_chat=100, rate=100)
    bot.on_reply = talks.on_reply
    began = asyncio.get_running_loop().time()
    talks.start()
    await bot.until_heard(20)
    await talks.stop()
    assert asyncio.get_running_loop().time() - began >= 0.19
    assert checker.verdict().is_clean


async def test_a_reply_said_twice_is_seen() -> None:
    bot = PerfectBot()
    bot.times[4] = 2
    verdict, _ = await talk(bot, messages=20)
    assert verdict.double == 1


def test_more_talk_at_once_than_there_are_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least as many people"):
        Talks(PerfectBot().post, Checker(), at_once=2, people=1, first_chat=1)


async def flood(bot: PerfectBot, *, quiet: float) -> tuple[Verdict, int]:
    checker = Checker()
    flood = Flood(bot.post, checker, chats=4, turns=3, first_chat=100)
    bot.on_reply = flood.on_reply
    await flood.run(quiet=quiet)
    return checker.verdict(), flood.sent


async def test_a_flood_ends_when_every_reply_has_come() -> None:
    verdict, sent = await flood(PerfectBot(), quiet=60)
    assert verdict == Verdict(right=sent, lost=0, double=0, wrong=0, reordered=0)
    assert sent == 4 * 3 * 3


async def test_a_flood_ends_when_nothing_comes_any_more() -> None:
    bot = PerfectBot()
    bot.times[7] = 0
    verdict, sent = await flood(bot, quiet=0.2)
    assert (verdict.right, verdict.lost) == (sent - 1, 1)


async def test_a_flood_waits_for_the_answer_but_not_for_the_reply() -> None:
    bot = PerfectBot()
    bot.times = dict.fromkeys(range(1, 37), 0)
    verdict, sent = await flood(bot, quiet=0.2)
    assert len(bot.heard) == sent
    assert verdict.lost == sent


async def test_a_neighbour_goes_on_and_on_in_one_chat_until_it_is_stopped() -> None:
    bot = PerfectBot()
    neighbour = Neighbour(bot.post, 7)
    neighbour.go_on()
    await bot.until_heard(6)
    neighbour.stop()
    heard = len(bot.heard)
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(bot.heard) == heard
    assert bot.heard[:4] == [(7, "order 0"), (7, "900000"), (7, DAY), (7, "order 1")]
