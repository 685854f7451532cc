"""People who talk to a bot: some who wait for each reply, and some who write faster than it comes."""

import asyncio
import time
from collections.abc import Callable

from benchmarks.checker import Checker
from benchmarks.conversation import STEPS, reply, said

#: Sends what somebody writes in a chat, and calls back when that is answered with 2xx.
Post = Callable[[int, str, Callable[[], None]], None]

# Seconds after which nobody waits for a reply any longer.
_PATIENCE = 5.0
# Chats are taken in this stride, so that neighbours in time are none in number.
_STRIDE = 7919


class Times:
    """Seconds from an update's sending to the end of the webhook's answer, and to its reply's arrival."""

    def __init__(self) -> None:
        self.answers: list[float] = []
        self.replies: list[float] = []


class Talks:
    """So many conversations at a time, each of a person who waits for the answer and the reply before the next word.

    `people` take turns, at least as many as talk at once; their chats begin at `first_chat`. With a `rate`, there are
    no more messages a second than that, evenly spread. `times` may be exchanged at any moment.
    """

    def __init__(
        self, post: Post, checker: Checker, *, at_once: int, people: int, first_chat: int, rate: float = 0
    ) -> None:
        if people < at_once:
            raise ValueError("needs at least as many people as talk at once")
        self.times = Times()
        self._post = post
        self._checker = checker
        self._slots = [_Slot(self) for _ in range(at_once)]
        self._by_chat: dict[int, _Slot] = {}
        self._people = people
        self._first_chat = first_chat
        self._begun = 0
        self._pause = 1 / rate if rate else 0.0
        self._next_at = 0.0
        self._is_ending = False
        #: How often nobody waited any longer.
        self.given_up = 0

    def start(self) -> None:
        """Lets everybody begin."""
        for slot in self._slots:
            self.go_on(slot)

    async def stop(self) -> None:
        """Lets everybody finish the step they are at."""
        self._is_ending = True
        deadline = time.perf_counter() + _PATIENCE
        while time.perf_counter() < deadline and any(slot.is_waiting for slot in self._slots):  # noqa: ASYNC110 - many things, none of which is an event
            await asyncio.sleep(0.01)

    def go_on(self, slot: "_Slot") -> None:
        """Takes a conversation's next step, or begins another one, when it is time for it."""
        if not self._pause:
            self._step(slot)
            return
        loop = asyncio.get_running_loop()
        self._next_at = max(self._next_at + self._pause, loop.time())
        loop.call_at(self._next_at, self._step, slot)

    def _step(self, slot: "_Slot") -> None:
        if self._is_ending:
            return
        if slot.step == STEPS:
            self._begin(slot)
        slot.sent_at = time.perf_counter()
        slot.is_answered = slot.has_reply = False
        self._checker.expect(slot.chat, reply(slot.turn, slot.step), slot.sent_at)
        self._post(slot.chat, said(slot.turn, slot.step), slot.answered)

    def _begin(self, slot: "_Slot") -> None:
        self._by_chat.pop(slot.chat, None)
        slot.chat = self._first_chat + self._begun * _STRIDE % self._people
        slot.turn = 1 + self._begun // self._people
        slot.step = 0
        self._begun += 1
        self._by_chat[slot.chat] = slot

    def on_reply(self, chat: int, text: str) -> None:
        """Takes in what the platform was told to send."""
        sent_at = self._checker.reply(chat, text)
        if sent_at is None:
            return
        self.times.replies.append(time.perf_counter() - sent_at)
        slot = self._by_chat.get(chat)
        if slot is not None and slot.sent_at == sent_at:
            slot.replied()

    def give_up_waiting(self) -> None:
        """Ends conversations whose reply has not come for long, so that others may begin; call it now and then."""
        now = time.perf_counter()
        for slot in self._slots:
            if slot.is_answered and slot.is_waiting and now - slot.sent_at > _PATIENCE:
                self.given_up += 1
                slot.step, slot.has_reply = STEPS, True
                self.go_on(slot)


class _Slot:
    def __init__(self, talks: Talks) -> None:
        self._talks = talks
        self.chat = self.turn = 0
        self.step = STEPS
        self.sent_at = 0.0
        self.is_answered = self.has_reply = True

    @property
    def is_waiting(self) -> bool:
        return not (self.is_answered and self.has_reply)

    def answered(self) -> None:
        self._talks.times.answers.append(time.perf_counter() - self.sent_at)
        self.is_answered = True
        self._advance()

    def replied(self) -> None:
        self.has_reply = True
        self._advance()

    def _advance(self) -> None:
        if not self.is_waiting:
            self.step += 1
            self._talks.go_on(self)


class Neighbour:
    """One person who writes without a pause and without an end: the next word as soon as the last was taken."""

    def __init__(self, post: Post, chat: int) -> None:
        self._post = post
        self._written = 0
        self._is_ending = False
        self.chat = chat

    def go_on(self) -> None:
        """Writes the next word, and all that follow, until `stop`."""
        if self._is_ending:
            return
        turn, step = divmod(self._written, STEPS)
        self._written += 1
        self._post(self.chat, said(turn, step), self.go_on)

    def stop(self) -> None:
        """Writes no more."""
        self._is_ending = True


class Flood:
    """People who write their next word as soon as the last was taken, without waiting for a reply.

    Telegram itself sends a chat's next update when the one before was answered.
    """

    def __init__(self, post: Post, checker: Checker, *, chats: int, turns: int, first_chat: int) -> None:
        self._post = post
        self._checker = checker
        self._chats = range(first_chat, first_chat + chats)
        self._turns = turns
        self._started_at = self._last_at = 0.0
        self._right = self._unanswered = 0

    @property
    def sent(self) -> int:
        """How many messages there are in all."""
        return len(self._chats) * self._turns * STEPS

    async def run(self, *, quiet: float = 4.0) -> float:
        """Returns the replies per second, when all have come, or none more for so many seconds."""
        self._unanswered = self.sent
        self._started_at = self._last_at = time.perf_counter()
        for chat in self._chats:
            self._go_on(chat, 0)
        while self._checker.missing or self._unanswered:
            await asyncio.sleep(0.05)
            if time.perf_counter() - self._last_at > quiet:
                break
        return self._right / (self._last_at - self._started_at or 1)

    def _go_on(self, chat: int, said_so_far: int) -> None:
        turn, step = divmod(said_so_far, STEPS)
        if turn == self._turns:
            return
        self._checker.expect(chat, reply(turn, step), time.perf_counter())

        def answered() -> None:
            self._unanswered -= 1
            self._last_at = time.perf_counter()
            self._go_on(chat, said_so_far + 1)

        self._post(chat, said(turn, step), answered)

    def on_reply(self, chat: int, text: str) -> None:
        """Takes in what the platform was told to send."""
        self._last_at = time.perf_counter()
        if self._checker.reply(chat, text) is not None:
            self._right += 1
