"""What a handler decides: bounds, keys, timers, and messages to other conversations."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from botkit import events
from botkit.adapter import Adapter
from botkit.bot import Bot
from botkit.buttons import Button
from botkit.channels.gbm import BusinessMessages
from botkit.channels.telegram import Telegram
from botkit.channels.viber import Viber
from botkit.context import MAX_MESSAGES, Context
from botkit.conversation import Account, Conversation, User
from botkit.decisions import Decisions, Handle, Scene
from botkit.dispatcher import Dispatcher
from botkit.events import (
    ConversationStarted,
    Event,
    Media,
    MessageDelivered,
    MessageReceived,
    MessageSeen,
    SignalReceived,
    TimerFired,
)
from botkit.exceptions import DownloadError, MessageError
from botkit.flow import Flow
from botkit.handoff import Handoff, HandoffPolicy
from botkit.http import Http
from botkit.http_client import Download
from botkit.languages import Speech
from botkit.line import Line
from botkit.messages import Image, Text, Typing
from botkit.outbox import Outbox
from botkit.record import Flows
from botkit.router import Router
from botkit.session_rules import SessionRules
from botkit.sessions import Session
from botkit.simulators.simulator import Person
from botkit.testing import BotTester
from botkit.turn import Queue

NOW = datetime(2026, 7, 14, 12, tzinfo=UTC)
EVENT_ID = "e" * 22
ADAPTERS: Mapping[str, Callable[[], Adapter]] = {
    "telegram": lambda: Telegram(ta="shop"),
    "viber": lambda: Viber(ta="shop"),
    "gbm": lambda: BusinessMessages(ta="shop"),
}
LONGEST = {"telegram": 4096, "viber": 7000, "gbm": 3072}


async def _no_download(media: Media, most: int) -> Download:
    raise DownloadError("no file here")


class Desk:
    """A context as a handler gets it, and what was decided in it."""

    def __init__(
        self,
        channel: str = "telegram",
        kind: type[Event] = MessageReceived,
        known: tuple[Adapter, ...] = (),
        **more: Any,
    ) -> None:
        self.adapter = ADAPTERS[channel]()
        self.here = Conversation(self.adapter.account, "ana")
        user = User("ana", locale="sl-SI")
        event = kind(id=EVENT_ID, at=NOW, conversation=self.here, user=user, **more)
        flows = Flows(b"")
        handoff = Handoff(HandoffPolicy(), flows, event, NOW)
        self.decisions = Decisions(Speech(None, flows, event), flows, handoff)
        adapters = {adapter.account: adapter for adapter in (self.adapter, *known)}
        scene = Scene(
            event=event,
            bot="shop",
            adapter=self.adapter,
            now=NOW,
            session=None,
            find_adapter=adapters.get,
            download=_no_download,
        )
        self.ctx: Context[Flow] = Context(scene, Flow(), {"args": "1"}, self.decisions)

    @property
    def texts(self) -> list[str]:
        return [sent.message.plain for sent in self.decisions.outgoing]


# --- what it shows


def test_a_context_shows_where_when_and_with_whom() -> None:
    desk = Desk()
    ctx = desk.ctx
    assert (ctx.conversation, ctx.bot, ctx.locale, ctx.now) == (desk.here, "shop", "sl-SI", NOW)
    assert (ctx.event.id, ctx.match, ctx.flow.state) == (EVENT_ID, {"args": "1"}, "idle")


def test_where_a_service_has_no_sessions_there_is_none() -> None:
    assert Desk().ctx.session is None


# --- replies


def test_a_reply_is_text_in_markdown_with_its_options() -> None:
    desk = Desk()
    desk.ctx.reply("**Hello**", buttons=[Button("A", "a")], silent=True, fallback="hello")
    (sent,) = desk.decisions.outgoing
    assert sent.message == Text(text="**Hello**", buttons=((Button("A", "a"),),), silent=True, fallback="hello")
    assert (sent.account, sent.to, sent.created_ms) == (("telegram", "shop"), "ana", round(NOW.timestamp() * 1000))


def test_a_reply_may_be_any_message() -> None:
    desk = Desk()
    image = Image(source="https://media.example/a.png", silent=True)
    desk.ctx.reply(image)
    assert desk.decisions.outgoing[0].message == image


@pytest.mark.parametrize("option", [{"buttons": [Button("A", "a")]}, {"silent": True}, {"fallback": "x"}])
def test_options_of_a_message_are_given_to_the_message(option: Any) -> None:
    desk = Desk()
    with pytest.raises(TypeError, match="to the message itself"):
        desk.ctx.reply(Text(text="hello"), **option)
    assert desk.decisions.outgoing == []


def test_the_keys_of_messages_are_the_event_s_id_and_two_digits() -> None:
    desk = Desk()
    handles = [desk.ctx.reply(f"{number}") for number in range(12)]
    assert handles[0] == Handle(f"{EVENT_ID}00", (f"{EVENT_ID}00",))
    assert handles[11] == Handle(f"{EVENT_ID}11", (f"{EVENT_ID}11",))
    assert [sent.key for sent in desk.decisions.outgoing] == [handle.id for handle in handles]


def test_a_handler_says_at_most_99_things() -> None:
    desk = Desk()
    for number in range(99):
        desk.ctx.reply(f"{number}")
    assert desk.decisions.outgoing[-1].key == f"{EVENT_ID}98"
    for again in (lambda: desk.ctx.reply("x"), lambda: desk.ctx.send(desk.here, "x"), desk.ctx.typing):
        with pytest.raises(MessageError, match="99"):
            again()
    assert len(desk.decisions.outgoing) == MAX_MESSAGES == 99


@pytest.mark.parametrize("channel", ADAPTERS)
def test_a_text_that_is_too_long_goes_out_in_pieces_and_the_handle_has_them_all(channel: str) -> None:
    desk = Desk(channel)
    whole = desk.ctx.reply("x" * LONGEST[channel])
    pieces = desk.ctx.reply("x" * (LONGEST[channel] + 1))
    assert whole.parts == (f"{EVENT_ID}00",)
    assert pieces == Handle(f"{EVENT_ID}02", (f"{EVENT_ID}01", f"{EVENT_ID}02"))
    assert [len(text) for text in desk.texts] == [LONGEST[channel], LONGEST[channel], 1]


def test_typing_is_shown_in_its_place_between_the_words() -> None:
    desk = Desk()
    desk.ctx.typing()
    desk.ctx.reply("done")
    assert [type(sent.message) for sent in desk.decisions.outgoing] == [Typing, Text]


# --- the answer to an unsubscribed start


def started(*, subscribed: bool, channel: str = "viber", known: tuple[Adapter, ...] = ()) -> Desk:
    return Desk(channel, ConversationStarted, known, subscribed=subscribed)


def test_whoever_has_not_subscribed_can_be_told_one_thing() -> None:
    desk = started(subscribed=False)
    desk.ctx.reply("Welcome!")
    with pytest.raises(MessageError, match="one message in answer to ConversationStarted"):
        desk.ctx.reply("And more")
    assert desk.texts == ["Welcome!"]


@pytest.mark.parametrize("channel", ADAPTERS)
def test_whoever_has_subscribed_can_be_told_several(channel: str) -> None:
    desk = started(subscribed=True, channel=channel)
    desk.ctx.reply("Welcome!")
    desk.ctx.reply("And more")
    assert desk.texts == ["Welcome!", "And more"]


def test_neither_typing_nor_a_word_elsewhere_uses_the_welcome_up() -> None:
    staff = Telegram(ta="staff")
    desk = started(subscribed=False, known=(staff,))
    desk.ctx.typing()
    desk.ctx.send(Conversation(staff.account, "boss"), "somebody came")
    desk.ctx.reply("Welcome!")
    assert desk.texts[-1] == "Welcome!"


# --- other conversations


def test_a_message_to_another_conversation_goes_there() -> None:
    staff = Viber(ta="staff")
    desk = Desk(known=(staff,))
    desk.ctx.send(Conversation(staff.account, "boss"), "somebody came", silent=True)
    (sent,) = desk.decisions.outgoing
    assert (sent.key, sent.account, sent.to) == (f"{EVENT_ID}00", ("viber", "staff"), "boss")
    assert sent.message.silent


def test_a_message_elsewhere_has_the_bounds_of_elsewhere() -> None:
    staff = BusinessMessages(ta="staff")
    desk = Desk(known=(staff,))
    assert len(desk.ctx.send(desk.here, "x" * 4096).parts) == 1
    assert len(desk.ctx.send(Conversation(staff.account, "boss"), "x" * 4096).parts) == 2


def test_an_account_of_nobody_here_cannot_be_written_from() -> None:
    desk = Desk()
    with pytest.raises(MessageError, match="no bot here speaks for account 'staff' on viber"):
        desk.ctx.send(Conversation(Account("viber", "staff"), "boss"), "hello")


# --- timers


def test_another_way_is_decided_on_and_may_be_taken_back() -> None:
    viber = ADAPTERS["viber"]()
    desk = Desk(known=(viber,))
    chosen = [desk.decisions.failover]
    there = Conversation(viber.account, "ana")
    for way in (there, None):
        desk.ctx.fail_over_to(way)
        chosen.append(desk.decisions.failover)
    assert chosen == [UNSET, there, None]


def test_another_way_leads_elsewhere_and_by_an_account_of_somebody_here() -> None:
    desk = Desk()
    with pytest.raises(ValueError, match="to itself"):
        desk.ctx.fail_over_to(desk.here)
    with pytest.raises(MessageError, match="no bot here speaks for account 'other' on viber"):
        desk.ctx.fail_over_to(Conversation(Account("viber", "other"), "ana"))
    assert desk.decisions.failover is UNSET


def test_a_timer_is_an_event_of_the_conversation_to_come() -> None:
    desk = Desk()
    desk.ctx.after("remind", "parcel 7", hours=1, minutes=30)
    timer = desk.decisions.timers["remind"]
    fired = events.decode(timer.payload)
    assert isinstance(fired, TimerFired)
    assert (fired.name, fired.data, fired.conversation, fired.locale) == ("remind", "parcel 7", desk.here, "sl-SI")
    assert fired.at == NOW + timedelta(hours=1, minutes=30)
    assert timer.due_ms == round(fired.at.timestamp() * 1000)


def test_two_times_of_a_timer_are_two_events_and_one_time_is_one() -> None:
    ids = []
    for hours in (1, 2, 1):
        desk = Desk()
        desk.ctx.after("remind", hours=hours)
        ids.append(events.decode(desk.decisions.timers["remind"].payload).id)
    assert ids[0] == ids[2] != ids[1]


@pytest.mark.parametrize("delay", [{"seconds": 0.001}, {"days": 366}, {"days": 365, "hours": 24}])
def test_a_timer_waits_up_to_366_days(delay: Any) -> None:
    desk = Desk()
    desk.ctx.after("remind", **delay)
    assert "remind" in desk.decisions.timers


@pytest.mark.parametrize(
    "delay",
    [{}, {"seconds": 0}, {"seconds": -1}, {"days": 366, "seconds": 0.001}, {"days": 9999}, {"seconds": float("inf")}],
)
def test_a_timer_waits_neither_less_nor_longer(delay: Any) -> None:
    desk = Desk()
    with pytest.raises(ValueError, match="366 days"):
        desk.ctx.after("remind", **delay)
    assert desk.decisions.timers == {}


@pytest.mark.parametrize("name", ["", "flow:Parcel"])
def test_the_names_of_the_flows_timeouts_are_not_for_handlers(name: str) -> None:
    desk = Desk()
    with pytest.raises(ValueError, match="a timer needs a name"):
        desk.ctx.after(name, hours=1)
    with pytest.raises(ValueError, match="a timer needs a name"):
        desk.ctx.cancel(name)
    assert desk.decisions.timers == {}


def test_of_two_timers_with_one_name_the_later_word_counts() -> None:
    desk = Desk()
    desk.ctx.after("remind", hours=1)
    desk.ctx.after("remind", hours=2)
    desk.ctx.after("other", hours=3)
    desk.ctx.cancel("other")
    assert desk.decisions.timers["remind"].due_ms == round((NOW + timedelta(hours=2)).timestamp() * 1000)
    assert desk.decisions.timers["other"].due_ms == 0


# --- all of it at work


def clockwork() -> Router[Flow]:
    router = Router()

    @router.command("remind")
    async def remind(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.after("remind", ctx.match["args"], hours=1)

    @router.command("later")
    async def later(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.after("remind", ctx.match["args"], hours=2)

    @router.command("never")
    async def never(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.cancel("remind")

    @router.timer("remind")
    async def fired(event: TimerFired, ctx: Context[Flow]) -> None:
        ctx.reply(f"Remember {event.data}")

    return router


def opened(bot: Bot, url: str, folder: Path) -> BotTester:
    return BotTester([bot], url, folder=folder)


async def test_a_timer_is_heard_when_it_is_due_and_not_before(botkit_redis_url: str, tmp_path: Path) -> None:
    async with opened(Bot("shop", routers=[clockwork()], accounts=[Telegram()]), botkit_redis_url, tmp_path) as shop:
        ana = shop.user("Ana", channel="telegram")
        await ana.says("/remind milk")
        await shop.advance(minutes=59)
        assert ana.received == []
        await shop.advance(minutes=1, seconds=1)
        assert ana.received == ["Remember milk"]


async def test_a_timer_set_anew_is_heard_once_at_its_new_time(botkit_redis_url: str, tmp_path: Path) -> None:
    async with opened(Bot("shop", routers=[clockwork()], accounts=[Telegram()]), botkit_redis_url, tmp_path) as shop:
        ana = shop.user("Ana", channel="telegram")
        await ana.says("/remind milk")
        await ana.says("/later bread")
        await shop.advance(minutes=90)
        assert ana.received == []
        await shop.advance(minutes=31)
        assert ana.received == ["Remember bread"]


async def test_a_cancelled_timer_is_never_heard(botkit_redis_url: str, tmp_path: Path) -> None:
    async with opened(Bot("shop", routers=[clockwork()], accounts=[Telegram()]), botkit_redis_url, tmp_path) as shop:
        ana = shop.user("Ana", channel="telegram")
        await ana.says("/remind milk")
        await ana.says("/never")
        await shop.advance(days=2)
        assert ana.received == []


@pytest.mark.parametrize("channel", ["viber", "gbm"])
async def test_later_reports_carry_the_id_of_the_handle(botkit_redis_url: str, tmp_path: Path, channel: str) -> None:
    router, handles, reports = Router(), list[str](), list[tuple[str, str]]()

    @router.text()
    async def twice(event: MessageReceived, ctx: Context[Flow]) -> None:
        handles.extend([ctx.reply("one").id, ctx.reply("two").id])

    @router.delivered()
    async def delivered(event: MessageDelivered, ctx: Context[Flow]) -> None:
        reports.append(("delivered", event.message_key))

    @router.seen()
    async def seen(event: MessageSeen, ctx: Context[Flow]) -> None:
        reports.append(("seen", event.message_key))

    bot = Bot("shop", routers=[router], accounts=[Viber() if channel == "viber" else BusinessMessages()])
    async with opened(bot, botkit_redis_url, tmp_path) as shop:
        await shop.user("Ana", channel=channel).says("hello")
        await shop.settle()
    assert [key for kind, key in reports if kind == "delivered"] == handles
    assert {key for kind, key in reports if kind == "seen"} <= set(handles)
    assert len(handles) == 2


async def test_the_session_shows_what_is_left_before_this_answer(botkit_redis_url: str, tmp_path: Path) -> None:
    router, sessions = Router(), list[Session | None]()

    @router.text()
    async def twice(event: MessageReceived, ctx: Context[Flow]) -> None:
        sessions.append(ctx.session)
        ctx.reply("one")
        ctx.reply("two")

    viber = Viber(sessions=SessionRules(max_messages=10, max_in_row=5))
    async with opened(Bot("shop", routers=[router], accounts=[viber]), botkit_redis_url, tmp_path) as shop:
        ana = shop.user("Ana", channel="viber")
        await ana.says("hello")
        await ana.says("again")
        await shop.advance(hours=24)
        await ana.says("next day")
    first, second, third = sessions
    assert first == Session(None, None, 0, 10, 5, 100)
    assert second is not None
    assert (second.sent, second.left, second.left_in_row, second.is_open) == (2, 8, 5, True)
    assert second.started_at is not None
    assert second.ends_at == second.started_at + timedelta(hours=24)
    assert third is not None
    assert (third.is_open, third.left) == (False, 10)


# --- signals, tags


def test_a_signal_says_what_from_where_and_goes_its_way_like_a_message() -> None:
    other = Viber(ta="other")
    desk, there = Desk(known=(other,)), Conversation(other.account, "boss")
    desk.ctx.reply("one")
    desk.ctx.signal(there, "done", "42")
    sent = desk.decisions.outgoing[1]
    assert (sent.key, sent.account, sent.to) == (f"{EVENT_ID}01", ("viber", "other"), "boss")
    signal = sent.signal
    assert isinstance(signal, SignalReceived)
    assert (signal.conversation, signal.sender, signal.name, signal.data) == (there, desk.here, "done", "42")


def test_equal_signals_are_two() -> None:
    desk = Desk()
    there = Conversation(desk.adapter.account, "boss")
    for _ in range(2):
        desk.ctx.signal(there, "done")
    first, second = (sent.signal for sent in desk.decisions.outgoing)
    assert first is not None
    assert second is not None
    assert first.id != second.id


@pytest.mark.parametrize(("name", "data"), [("x", ""), ("x" * 64, "x" * 16_384)])
def test_a_signal_may_be_as_long_as_this(name: str, data: str) -> None:
    desk = Desk()
    desk.ctx.signal(Conversation(desk.adapter.account, "boss"), name, data)
    assert len(desk.decisions.outgoing) == 1


@pytest.mark.parametrize(("name", "data"), [("", ""), ("x" * 65, ""), ("x", "x" * 16_385)])
def test_a_longer_signal_is_refused(name: str, data: str) -> None:
    desk = Desk()
    with pytest.raises(ValueError, match="a name of 1 to 64 characters, and at most 16384 of data"):
        desk.ctx.signal(Conversation(desk.adapter.account, "boss"), name, data)
    assert desk.decisions.outgoing == []


def test_a_signal_goes_to_another_conversation_that_a_bot_here_speaks_for() -> None:
    desk = Desk()
    with pytest.raises(ValueError, match="another conversation"):
        desk.ctx.signal(desk.here, "done")
    with pytest.raises(MessageError, match="no bot here speaks for account 'nobody' on telegram"):
        desk.ctx.signal(Conversation(Account("telegram", "nobody"), "1"), "done")


def test_signals_count_among_the_messages_of_an_event() -> None:
    desk = Desk()
    there = Conversation(desk.adapter.account, "boss")
    for _ in range(MAX_MESSAGES):
        desk.ctx.signal(there, "done")
    with pytest.raises(MessageError, match=f"at most {MAX_MESSAGES} messages"):
        desk.ctx.signal(there, "done")


def test_tags_are_kept_with_the_record() -> None:
    desk = Desk()
    desk.ctx.tag("vip")
    desk.ctx.tag("lang:sl")
    desk.ctx.tag("vip")
    desk.ctx.untag("never")
    assert desk.ctx.tags == {"vip", "lang:sl"}
    stored = desk.decisions.flows.dump()
    assert Flows(stored).tags == {"vip", "lang:sl"}
    desk.ctx.untag("vip")
    desk.ctx.untag("lang:sl")
    assert Flows(desk.decisions.flows.dump()).tags == frozenset()


def test_the_same_tags_are_no_change_of_the_record() -> None:
    flows = Flows(b"")
    flows.tags = frozenset({"b", "a"})
    again = Flows(flows.dump())
    again.tags = frozenset({"a", "b"})
    assert again.dump() == b""


@pytest.mark.parametrize("name", ["flow:Order", "pause:", "pause:x"])
def test_the_names_of_botkits_own_timers_are_taken(name: str) -> None:
    desk = Desk()
    with pytest.raises(ValueError, match="must not start with 'flow:' or 'pause:'"):
        desk.ctx.after(name, seconds=1)
    with pytest.raises(ValueError, match="must not start with 'flow:' or 'pause:'"):
        desk.ctx.cancel(name)


@pytest.mark.parametrize(("given", "seconds"), [({"minutes": 2}, 120), ({"hours": 1, "minutes": 1}, 3660), ({}, 3600)])
def test_a_pause_lasts_as_long_as_is_said(given: Any, seconds: float) -> None:
    desk = Desk()
    assert not desk.ctx.is_paused
    desk.ctx.pause(**given)
    pause = desk.decisions.flows.pause
    assert pause is not None
    assert (desk.ctx.is_paused, pause.seconds) == (True, seconds)
    assert pause.until_ms == round((NOW + timedelta(seconds=seconds)).timestamp() * 1000)
    desk.ctx.resume()
    assert not desk.ctx.is_paused


def switchboard() -> Bot:
    """Whatever is written on Viber is told to the boss on Telegram."""
    router = Router()
    boss = Conversation(Account("telegram", "staff"), "")

    @router.text()
    async def forward(event: MessageReceived, ctx: Context[Flow]) -> None:
        if event.channel == "viber":
            ctx.send(msgspec.structs.replace(boss, id=event.text), "somebody wrote")
            ctx.reply("told")

    return Bot("shop", routers=[router], accounts=[Viber(), Telegram(ta="staff")])


async def test_a_message_elsewhere_arrives_there_once(botkit_redis_url: str, tmp_path: Path) -> None:
    async with opened(switchboard(), botkit_redis_url, tmp_path) as shop:
        boss, ana = shop.user("Boss", channel="telegram"), shop.user("Ana", channel="viber")
        await boss.says("I am here")
        await ana.says(boss.conversation.id)
        assert boss.received == ["somebody wrote"]
        assert ana.received == ["told"]


async def test_a_message_elsewhere_arrives_once_though_its_turn_is_taken_twice(
    botkit_redis_url: str, tmp_path: Path
) -> None:
    async with opened(switchboard(), botkit_redis_url, tmp_path) as shop:
        boss, ana = shop.user("Boss", channel="telegram"), shop.user("Ana", channel="viber")
        await boss.says("I am here")
        await shop.service.engine.drain(0)
        # Nobody works here now, so what follows is done by hand, as two processes would that hold the same turn.
        await shop.simulator("viber").says(ana.account.ta, Person("Ana"), boss.conversation.id)
        service = shop.service
        async with Http(transport=service.network) as client:
            lines = {account: Line(owner.adapter, client) for account, owner in service.owners.items()}
            dispatcher = Dispatcher(shop.store, service.owners, shop.clock, service.redactor)
            outbox = Outbox(shop.store, lines, shop.clock)
            (turn,) = (await shop.store.claim(Queue.MAILBOX, 10)).turns
            committed = await dispatcher.run(turn, keep=False, send=True)
            assert committed is not None
            assert committed.sending is not None
            for _ in range(2):
                await outbox.run(committed.sending, keep=lambda: False)
            for waiting in (await shop.store.claim(Queue.OUTBOX, 10)).turns:
                await outbox.run(waiting, keep=lambda: True)
        assert boss.received == ["somebody wrote"]
        assert ana.received == ["told"]
