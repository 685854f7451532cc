"""What a handler works with: it decides here, and nothing leaves before its commit succeeded."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from msgspec.structs import replace
from structlog.typing import FilteringBoundLogger

from botkit.adapter import Adapter
from botkit.addresses import parse_phone
from botkit.buttons import Buttons, rows
from botkit.conversation import Conversation
from botkit.decisions import Decisions, Handle, Scene
from botkit.events import Event, Media, SignalReceived, TimerFired, event_id
from botkit.events import encode as encode_event
from botkit.exceptions import DownloadError, MessageError
from botkit.flow import Flow
from botkit.handoff import PAUSE_TIMER
from botkit.hops import joined, trail_of
from botkit.http_client import Download
from botkit.linking import phone_of
from botkit.menu import Menu
from botkit.messages import AnyMessage, Representative, Text, Typing
from botkit.outgoing import Outgoing, Trail
from botkit.sessions import Session
from botkit.tags import with_tag
from botkit.timer import Timer

#: Messages that one handler may send; the last place belongs to the acknowledgement of the event.
MAX_MESSAGES = 99

#: The longest a timer may wait.
MAX_DELAY = timedelta(days=366)

#: What the names of the flows' own timeouts start with.
FLOW_TIMER = "flow:"

#: The most characters of a signal's name and of its data.
MAX_SIGNAL_NAME, MAX_SIGNAL_DATA = 64, 16_384

F = TypeVar("F", bound=Flow)


class Context(Generic[F]):
    """One handler's view of one event, and its means to decide.

    Everything decided here is committed together with the flow's new state when the handler has returned; if it
    raises, nothing of it remains. A handler may run again after a crash: what it does outside can happen twice.
    """

    def __init__(self, scene: Scene, flow: F, match: Mapping[str, str], decisions: Decisions) -> None:
        #: The conversation's flow: its state, data and triggers.
        self.flow = flow
        #: What the route's filters captured, by name.
        self.match = match
        self._scene = scene
        self._decisions = decisions

    @property
    def event(self) -> Event:
        """The event being handled."""
        return self._scene.event

    @property
    def conversation(self) -> Conversation:
        """Where the event came from, and where replies go."""
        return self._scene.event.conversation

    @property
    def bot(self) -> str:
        """The name of the bot."""
        return self._scene.bot

    @property
    def locale(self) -> str:
        """The person's language tag, such as `sl-SI`: chosen, else said by the service, else the bot's default.

        What the service said last is remembered for timers and reports where the bot has languages. An empty string
        where nothing is known; `event.locale` is what the service said this time, as it said it.
        """
        return self._decisions.speech.locale

    @property
    def phone(self) -> str:
        """The person's phone number in E.164, shared or linked; an empty string where it is not known."""
        return phone_of(self._scene.adapter, self.conversation, self._decisions.flows.phone)

    def link_phone(self, phone: str) -> None:
        """Decides that this conversation is with the person of a phone number, which the app has checked.

        What they share with the service's own button needs no such call. An empty string takes it back. Raises
        AddressError for what is no number with its country's code.
        """
        self._decisions.flows.phone = parse_phone(phone) if phone else ""

    @property
    def now(self) -> datetime:
        """The present, as tests and simulators may move it."""
        return self._scene.now

    @property
    def session(self) -> Session | None:
        """What is left of the service's commercial window, or None where the service has none."""
        return self._scene.session

    @property
    def log(self) -> FilteringBoundLogger:
        """A logger that names the event and the account; the conversation only as a hash."""
        return self._scene.log

    def reply(
        self,
        content: str | AnyMessage,
        *,
        buttons: Buttons = (),
        silent: bool = False,
        fallback: str = "",
        route: str = "",
    ) -> Handle:
        """Decides to answer with Markdown text or a message.

        Raises MessageError, naming the bound, when the channel would not take it. Messages of one conversation
        arrive in the order decided, each at least once. With a `route`, one of the bot's by name, it goes on to the
        next account where this one does not bring it: reports of all of them are heard here, by the handle's id.
        """
        scene = self._scene
        is_answer = scene.adapter.takes_answer(scene.event)
        if is_answer and self._has_replied():
            raise MessageError(
                f"{self.event.channel} takes one message in answer to {type(self.event).__name__}",
                fix="say it in one reply, or wait for the person to write",
            )
        message = _build(content, buttons=buttons, silent=silent, fallback=fallback)
        handle = self._add(scene.adapter, scene.event.conversation, message, route)
        if is_answer and len(handle.parts) > 1:
            raise MessageError(
                f"the answer to {type(self.event).__name__} is one message on {self.event.channel}; this makes several",
                fix="say less, or wait for the person to write",
            )
        return handle

    def send(
        self,
        to: Conversation,
        content: str | AnyMessage,
        *,
        buttons: Buttons = (),
        silent: bool = False,
        fallback: str = "",
        route: str = "",
    ) -> Handle:
        """Decides to write into another conversation of one of this app's accounts; as `reply` in all else."""
        message = _build(content, buttons=buttons, silent=silent, fallback=fallback)
        return self._add(self._adapter_of(to), to, message, route)

    def fail_over_to(self, conversation: Conversation | None) -> None:
        """Decides where this conversation's messages go that a limit stops, with `SessionRules(at_limit="failover")`.

        It is kept with the conversation until another is named, or None. What arrives there keeps its handle.
        """
        if conversation == self.conversation:
            raise ValueError("a conversation cannot fail over to itself")
        if conversation is not None and self._scene.find_adapter(conversation.account) is None:
            account = conversation.account
            raise MessageError(f"no bot here speaks for account {account.ta!r} on {account.channel}")
        self._decisions.failover = conversation

    async def download(
        self, media: Media, *, max_bytes: int = 20 * 1024 * 1024, types: Collection[str] = ()
    ) -> Download:
        """Fetches a file that this conversation's person sent: at most `max_bytes`, and of one of `types` if given.

        A type is like `image/png`, or `image/` for all of its kind; what a service claims is no proof of the content.
        Raises DownloadError, which names no address. Not a decision: it happens at once, and again on every attempt.
        """
        if media.size is not None and media.size > max_bytes:
            what = f"the file has {media.size} bytes, more than {max_bytes}"
            raise DownloadError(what, fix="ask for more with max_bytes")
        download = await self._scene.download(media, max_bytes)
        if types and not any(
            download.mime == kind or (kind[-1:] == "/" and download.mime.startswith(kind)) for kind in types
        ):
            raise DownloadError("the file is not of a type that was asked for")
        return download

    def typing(self) -> None:
        """Decides to show that an answer is being written; of use before a message that takes a moment."""
        self._add(self._scene.adapter, self.conversation, Typing())

    def set_locale(self, tag: str) -> None:
        """Decides that the person's language is this one, whatever the service says; an empty string takes that back.

        Stored with the conversation, and in effect for `_()` at once. Raises ValueError for what is no language tag.
        """
        self._decisions.speech.choose(tag)

    # --- a human in the bot's place ---

    @property
    def is_paused(self) -> bool:
        """Whether a human answers this conversation in place of the bot."""
        return self._decisions.handoff.is_paused

    def pause(
        self,
        *,
        minutes: float = 0,
        hours: float = 0,
        slides: bool | None = None,
        representative: Representative | None = None,
    ) -> None:
        """Decides that a human answers here: what the person does goes to routes with `paused()` alone.

        It lasts 1 minute to 30 days, by default as the bot's `HandoffPolicy` says; with `slides`, each message of
        either side begins the time anew, and so does another call. Where a `representative` is named, services that
        can show it show that they have joined, and what is said from now on comes from them: a human. Raises
        ValueError for another time.
        """
        seconds = 60 * minutes + 3600 * hours
        for sign in self._decisions.handoff.pause(seconds, slides=slides, representative=representative):
            self._add(self._scene.adapter, self.conversation, sign)

    def resume(self) -> None:
        """Decides that the bot answers again; `ConversationResumed` follows. Does nothing where it was not paused."""
        for sign in self._decisions.handoff.resume():
            self._add(self._scene.adapter, self.conversation, sign)

    def signal(self, to: Conversation, name: str, data: str = "") -> None:
        """Decides to tell another conversation of this app something: it hears `SignalReceived`, exactly once.

        Signals and messages for one conversation leave in the order decided. A name has 1 to 64 characters, data at
        most 16,384; ValueError for others. Raises MessageError when no bot here speaks for the account.
        """
        self._adapter_of(to)
        if to == self.conversation:
            raise ValueError("a signal goes to another conversation than the one it comes from")
        if not 1 <= len(name) <= MAX_SIGNAL_NAME or len(data) > MAX_SIGNAL_DATA:
            raise ValueError(
                f"a signal has a name of 1 to {MAX_SIGNAL_NAME} characters, and at most {MAX_SIGNAL_DATA} of data"
            )
        told = SignalReceived(
            id=event_id(to.account, f"signal|{self._next_key()}"),
            at=self.now,
            conversation=to,
            name=name,
            data=data,
            sender=self.conversation,
        )
        self._put(to, Text(text=f"signal {name}", markdown=False), (), signal=told)

    # --- tags ---

    @property
    def tags(self) -> frozenset[str]:
        """The words that the bot keeps of this conversation."""
        return self._decisions.flows.tags

    def tag(self, name: str) -> None:
        """Decides to keep a word: 1 to 64 of `A-Z a-z 0-9 _ . : -`, at most 32 of them. Raises ValueError otherwise."""
        self._decisions.flows.tags = with_tag(self.tags, name)

    def untag(self, name: str) -> None:
        """Decides to forget a word; nothing where it is not kept."""
        self._decisions.flows.tags = self.tags - {name}

    # --- timers ---

    def after(
        self, name: str, data: str = "", *, seconds: float = 0, minutes: float = 0, hours: float = 0, days: float = 0
    ) -> None:
        """Decides to hear `TimerFired` with this name in a while; a timer of the same name is replaced.

        Durable, at least as late as asked, up to 366 days, 16 timers a conversation.
        """
        delay = seconds + 60 * minutes + 3600 * hours + 86_400 * days
        if not 0 < delay <= MAX_DELAY.total_seconds():
            raise ValueError("a timer waits more than 0 seconds and at most 366 days")
        self.set_timer(_own(name), self.now + timedelta(seconds=delay), data=data)

    def cancel(self, name: str) -> None:
        """Decides to drop the timer of that name, if there is one."""
        self._decisions.timers[_own(name)] = Timer(name, 0)

    def set_timer(self, name: str, due_at: datetime, *, data: str = "", flow: str = "", state: str = "") -> None:
        """Decides on a timer for an instant; `after` is the everyday form."""
        due_ms = round(due_at.timestamp() * 1000)
        native = f"timer|{self.conversation.key}|{name}|{due_ms}"
        fired = TimerFired(
            id=event_id(self.conversation.account, native),
            at=due_at,
            conversation=self.conversation,
            user=self.event.user,
            name=name,
            data=data,
            flow=flow,
            state=state,
        )
        self._decisions.timers[name] = Timer(name, due_ms, encode_event(fired))

    def _has_replied(self) -> bool:
        account, place = self.conversation.account, self.conversation.id
        here = (account.channel, account.ta, place)
        outgoing = self._decisions.outgoing
        return any((*sent.account, sent.to) == here and not sent.message.is_transient for sent in outgoing)

    def _adapter_of(self, to: Conversation) -> Adapter:
        adapter = self._scene.find_adapter(to.account)
        if adapter is None:
            raise MessageError(f"no bot here speaks for account {to.account.ta!r} on {to.account.channel}")
        return adapter

    def _said_by_human(self, adapter: Adapter, to: Conversation, message: AnyMessage) -> AnyMessage:
        who = self._decisions.handoff.representative
        is_shown = "representative" in adapter.capabilities.options
        if to != self.conversation or who is None or message.representative or not is_shown:
            return message
        return replace(message, representative=who)

    def _trail(self, route: str, to: Conversation, message: AnyMessage) -> Trail | None:
        if message.is_transient:
            return None
        routes = self._scene.routes
        if route not in routes:
            raise MessageError(
                f"bot {self.bot!r} has no route {route!r}",
                fix=f"it has {', '.join(sorted(routes))}" if routes else "name it in Bot(routes={...})",
            )
        if to == self.conversation and self._scene.adapter.takes_answer(self.event):
            raise MessageError("what travels in the webhook's answer goes no other way", fix="leave out the route")
        phone = self.phone if to == self.conversation else phone_of(self._adapter_of(to), to, "")
        now_ms = round(self.now.timestamp() * 1000)
        return trail_of(routes[route], to, self.conversation, message, phone=phone, now_ms=now_ms)

    def _add(self, adapter: Adapter, to: Conversation, message: AnyMessage, route: str = "") -> Handle:
        decisions = self._decisions
        if decisions.flows.pause:
            message = self._said_by_human(adapter, to, message)
        trail = self._trail(route, to, message) if route else None
        offered = decisions.menus.get(to, ())
        prepared = adapter.prepare(message, to, offered=len(offered))
        if prepared.losses:
            self.log.info("degraded", channel=to.account.channel, losses=prepared.losses)
        if not prepared.messages:
            return Handle("")
        offered += prepared.menu
        # What is said elsewhere takes the menu along, as it stands now: that conversation has a record of its own.
        menu = offered if prepared.menu and to != self.conversation else ()
        *ahead, last = prepared.messages
        keys = [self._put(to, part, ()) for part in ahead] if ahead else []
        keys.append(self._put(to, last, menu, trail=trail))
        if trail:
            decisions.outgoing[-1] = joined(decisions.outgoing[-1], prepared.messages, self._scene.find_adapter)
        if not last.is_transient:
            decisions.menus[to] = offered
        decisions.values |= prepared.values
        return Handle(keys[-1], tuple(keys))

    def _next_key(self) -> str:
        return f"{self._scene.event.id}{len(self._decisions.outgoing):02}"

    def _put(
        self,
        to: Conversation,
        message: AnyMessage,
        menu: Menu,
        *,
        signal: SignalReceived | None = None,
        trail: Trail | None = None,
    ) -> str:
        outgoing = self._decisions.outgoing
        if len(outgoing) >= MAX_MESSAGES:
            raise MessageError(f"one event may lead to at most {MAX_MESSAGES} messages")
        key = self._next_key()
        account = (to.account.channel, to.account.ta)
        created_ms = round(self._scene.now.timestamp() * 1000)
        outgoing.append(Outgoing(key, account, to.id, message, created_ms, menu=menu, signal=signal, trail=trail))
        return key


def _own(name: str) -> str:
    if not name or name.startswith((FLOW_TIMER, PAUSE_TIMER)):
        raise ValueError(f"a timer needs a name, which must not start with {FLOW_TIMER!r} or {PAUSE_TIMER!r}: taken")
    return name


def _build(content: str | AnyMessage, *, buttons: Buttons, silent: bool, fallback: str) -> AnyMessage:
    if isinstance(content, str):
        return Text(text=content, buttons=rows(buttons) if buttons else (), silent=silent, fallback=fallback)
    if buttons or silent or fallback:
        raise TypeError("give buttons, silent and fallback to the message itself when it is not a plain text")
    return content
