"""Drives a whole bot in a test: real receiver, engine and Redis, simulated services, no sockets, no sleeping."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self
from uuid import uuid4

from botkit.app import App
from botkit.bot import Bot
from botkit.clock import Clock
from botkit.conversation import Account, Conversation
from botkit.http import Http, InProcess
from botkit.record import Flows
from botkit.redis.bounds import Bounds
from botkit.redis.store import RedisStore
from botkit.service import Policies, Service
from botkit.sessions import Session, session_at
from botkit.settings import Settings
from botkit.simulators.simulator import Bubble, Person, Simulator
from botkit.turn import Record


class BotTester:
    """One app on one store, with people to talk to it.

    Time stands in the tests' hands: `advance` moves it, and nothing waits; only what a service's pace holds back takes
    as long as it does there. Each tester sees only its own keys.
    Every account is simulated unless it has credentials. `api_keys` are those of the send API, as its
    setting has them, or the file of them. Reports to programs go over the network, or to the hosts of `programs`.
    """

    def __init__(
        self,
        bots: Sequence[Bot] | App,
        redis_url: str,
        *,
        folder: Path,
        policies: Policies | None = None,
        bounds: Bounds | None = None,
        api_keys: str | Path = "",
        programs: InProcess | None = None,
    ) -> None:
        self.clock = Clock()
        self.app = App(bots.bots if isinstance(bots, App) else bots)
        store = RedisStore(redis_url, clock=self.clock, prefix=f"t{uuid4().hex[:12]}", bounds=bounds)
        keys = {"api_keys_file": api_keys} if isinstance(api_keys, Path) else {"api_keys": api_keys}
        settings = Settings(folder=folder, shutdown_seconds=0, log="debug", **keys)
        self.service = Service(
            self.app.bots, settings, store, policies=policies, callback_client=lambda: Http(transport=programs)
        )
        self.app.service = self.service
        self._visitors: list[Visitor] = []

    @property
    def store(self) -> RedisStore:
        """The store, for a look behind the scenes."""
        return self.service.store

    async def __aenter__(self) -> Self:
        await self.service.open(self.app)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.service.stop()

    def simulator(self, channel: str) -> Simulator:
        """Returns the simulated service of a channel: its wire, its faults."""
        return self.service.simulators[channel]

    def user(self, name: str, *, channel: str, bot: str = "", locale: str = "en") -> "Visitor":
        """Returns somebody who talks to a bot's account on a channel; `bot` may be left out where there is one."""
        owners = [
            (account, owner)
            for account, owner in self.service.owners.items()
            if account.channel == channel and bot in ("", owner.bot.name)
        ]
        if len(owners) != 1:
            known = ", ".join(f"{owner.bot.name} on {a.channel}" for a, owner in self.service.owners.items())
            raise LookupError(f"{len(owners)} accounts fit bot {bot!r} on {channel}; there are: {known}")
        visitor = Visitor(self, owners[0][0], Person(name, locale))
        self._visitors.append(visitor)
        return visitor

    async def settle(self) -> None:
        """Returns when nothing is due: every event handled, every message sent or held, every receipt delivered."""
        while True:
            began = self.clock.timestamp()
            await self.service.engine.settle()
            if self._pass_time(began):
                continue
            if not sum([await simulator.redeliver() for simulator in self.service.simulators.values()]):
                break
        for visitor in self._visitors:
            await visitor.refresh()

    def _pass_time(self, began: float) -> bool:
        # A service's pace is nothing that a test waits for by itself: the time that it takes goes by. Some of it did
        # since it was looked for what is due, and that may have been all of it.
        until = self.service.outbox.paced_until
        self.clock.advance(seconds=max(0.0, until - self.clock.timestamp()))
        return until > began

    async def advance(self, *, seconds: float = 0, minutes: float = 0, hours: float = 0, days: float = 0) -> None:
        """Moves the clock and lets happen what has become due."""
        self.clock.advance(seconds=seconds, minutes=minutes, hours=hours, days=days)
        await self.settle()


class Visitor:
    """Somebody with a phone; every verb returns when the bot has done all that it leads to."""

    def __init__(self, tester: BotTester, account: Account, person: Person) -> None:
        self.person = person
        self.account = account
        self._tester = tester
        self._record = Record()

    @property
    def conversation(self) -> Conversation:
        """The conversation with the bot."""
        return Conversation(self.account, self._simulator.conversation_id(self.account.ta, self.person))

    @property
    def _simulator(self) -> Simulator:
        return self._tester.simulator(self.account.channel)

    # --- what they do ---

    async def opens(self, context: str = "") -> None:
        """Opens the chat, through a deep link when there is a context."""
        await self._simulator.opens(self.account.ta, self.person, context)
        await self._tester.settle()

    async def says(self, text: str) -> None:
        """Writes a text."""
        await self._simulator.says(self.account.ta, self.person, text)
        await self._tester.settle()

    async def taps(self, label: str) -> None:
        """Presses the newest button with this label. Raises NotOnScreenError."""
        await self._simulator.taps(self.account.ta, self.person, label)
        await self._tester.settle()

    async def sends_photo(self, caption: str = "") -> None:
        """Sends a picture."""
        await self._simulator.sends_photo(self.account.ta, self.person, caption)
        await self._tester.settle()

    async def sends_file(self, name: str = "document.pdf") -> None:
        """Sends a document."""
        await self._simulator.sends_file(self.account.ta, self.person, name)
        await self._tester.settle()

    async def sends_location(self, latitude: float, longitude: float) -> None:
        """Sends a place."""
        await self._simulator.sends_location(self.account.ta, self.person, latitude, longitude)
        await self._tester.settle()

    async def leaves(self) -> None:
        """Blocks the bot or unsubscribes."""
        await self._simulator.leaves(self.account.ta, self.person)
        await self._tester.settle()

    # --- what they see ---

    @property
    def screen(self) -> Sequence[Bubble]:
        """Everything on the phone, oldest first."""
        return self._simulator.screen(self.account.ta, self.person)

    @property
    def received(self) -> Sequence[str]:
        """The texts of the bot's messages, oldest first."""
        return [bubble.text for bubble in self.screen if bubble.side == "bot"]

    @property
    def last(self) -> Bubble:
        """The bot's newest message. Raises LookupError when there is none."""
        found = [bubble for bubble in self.screen if bubble.side == "bot"]
        if not found:
            raise LookupError(f"the bot has said nothing to {self.person.name} yet\n{self.transcript}")
        return found[-1]

    @property
    def buttons(self) -> Sequence[str]:
        """The labels on the bot's newest message."""
        return [choice.label for row in self.last.choices for choice in row]

    def sees(self, text: str) -> bool:
        """Whether some message of the bot contains the text."""
        return any(text in message for message in self.received)

    @property
    def transcript(self) -> str:
        """The whole talk, one line a message, with the states at the end."""
        lines = [_line(bubble, self.person.name) for bubble in self.screen]
        return "\n".join([*lines, f"-- {self.states}"])

    # --- what is stored ---

    @property
    def states(self) -> Mapping[str, str]:
        """The state of each of the bot's flows, by the flow's name."""
        flows = Flows(self._record.state)
        owner = self._tester.service.owners[self.account]
        return {flow.__name__: flows.state_of(flow) for flow in owner.bot.table.flows}

    @property
    def state(self) -> str:
        """The state of the bot's only flow. Raises LookupError where there are several."""
        states = [state for name, state in self.states.items() if name != "Flow"] or ["idle"]
        if len(states) > 1:
            raise LookupError(f"the bot has several flows: {self.states}")
        return states[0]

    @property
    def is_paused(self) -> bool:
        """Whether a human answers in place of the bot."""
        return Flows(self._record.state).pause is not None

    @property
    def tags(self) -> frozenset[str]:
        """The tags of the conversation."""
        return Flows(self._record.state).tags

    @property
    def session(self) -> Session | None:
        """The service's commercial window of the conversation, or None where it has none."""
        rules = self._tester.service.owners[self.account].adapter.sessions
        if rules is None:
            return None
        return session_at(rules, self._record.counts, self._record.queued, self._tester.clock.now())

    async def refresh(self) -> None:
        """Reads the stored record again; every verb does."""
        self._record = await self._tester.store.load(self.conversation.key)


def _line(bubble: Bubble, name: str) -> str:
    who = name if bubble.side == "person" else bubble.side
    choices = "".join(f" [{choice.label}]" for row in bubble.choices for choice in row)
    return f"{who}: {bubble.text or bubble.kind}{choices}"
