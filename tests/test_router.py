import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from botkit.conversation import Account, Conversation
from botkit.events import (
    AgentRequested,
    ButtonPressed,
    ConversationStarted,
    Event,
    Media,
    MessageDelivered,
    MessageExpired,
    MessageFailed,
    MessageReceived,
    MessageSeen,
    Point,
    SharedContact,
    Subscribed,
    TimerFired,
    TypingStarted,
    Unsubscribed,
)
from botkit.exceptions import RouteError
from botkit.flow import Flow, Trigger
from botkit.route import Route
from botkit.router import Router

WHERE: dict[str, Any] = {
    "id": "e1",
    "at": datetime(2025, 1, 1, tzinfo=UTC),
    "conversation": Conversation(Account("telegram", "ta"), "7"),
}


class Order(Flow):
    states = ("idle", "size")
    start = Trigger("idle", "size")


def only(router: Router[Any]) -> Route:
    (route,) = (part for part in router.parts if isinstance(part, Route))
    return route


async def handle(event: Any, ctx: Any) -> None:
    """Answers anything."""


EVENTS: dict[str, Event] = {
    "text": MessageReceived(text="yes", **WHERE),
    "command": MessageReceived(text="/yes", **WHERE),
    "photo": MessageReceived(media=Media("image"), **WHERE),
    "file": MessageReceived(media=Media("file"), **WHERE),
    "location": MessageReceived(location=Point(0, 0), **WHERE),
    "contact": MessageReceived(contact=SharedContact("1"), **WHERE),
    "button": ButtonPressed(value="yes", **WHERE),
    "started": ConversationStarted(**WHERE),
    "subscribed": Subscribed(**WHERE),
    "unsubscribed": Unsubscribed(**WHERE),
    "delivered": MessageDelivered(**WHERE),
    "seen": MessageSeen(**WHERE),
    "failed": MessageFailed(**WHERE),
    "expired": MessageExpired(**WHERE),
    "agent_requested": AgentRequested(**WHERE),
    "timer": TimerFired(name="yes", **WHERE),
    "timeout": TimerFired(name="t", flow="Order", state="size", **WHERE),
    "typing": TypingStarted(**WHERE),
}

DECORATORS: list[tuple[Callable[[Router[Order]], Any], str, list[str]]] = [
    (
        lambda router: router.on(MessageReceived),
        "on(MessageReceived)",
        ["text", "command", "photo", "file", "location", "contact"],
    ),
    (lambda router: router.on((MessageSeen, MessageFailed)), "on(MessageSeen, MessageFailed)", ["seen", "failed"]),
    (lambda router: router.on(TypingStarted, lambda event: False), "on(TypingStarted)", []),
    (lambda router: router.text(), "text()", ["text", "command"]),
    (lambda router: router.text(r"(?i)^YES\b"), r'text(r"(?i)^YES\b")', ["text"]),
    (lambda router: router.text(re.compile("Yes", re.IGNORECASE)), 'text("Yes")', ["text", "command"]),
    (lambda router: router.text('"'), "text('\"')", []),
    (lambda router: router.command("no", "yes"), 'command("no", "yes")', ["command"]),
    (lambda router: router.button("{any}"), 'button("{any}")', ["button"]),
    (lambda router: router.photo(), "photo()", ["photo"]),
    (lambda router: router.file(), "file()", ["file"]),
    (lambda router: router.location(), "location()", ["location"]),
    (lambda router: router.contact(), "contact()", ["contact"]),
    (lambda router: router.started(), "started()", ["started"]),
    (lambda router: router.subscribed(), "subscribed()", ["subscribed"]),
    (lambda router: router.unsubscribed(), "unsubscribed()", ["unsubscribed"]),
    (lambda router: router.delivered(), "delivered()", ["delivered"]),
    (lambda router: router.seen(), "seen()", ["seen"]),
    (lambda router: router.failed(), "failed()", ["failed"]),
    (lambda router: router.expired(), "expired()", ["expired"]),
    (lambda router: router.agent_requested(), "agent_requested()", ["agent_requested"]),
    (lambda router: router.timer("yes"), 'timer("yes")', ["timer"]),
    (lambda router: router.timeout("size"), 'timeout("size")', ["timeout"]),
    (
        lambda router: router.fallback(),
        "fallback()",
        ["text", "command", "photo", "file", "location", "contact", "button"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("decorate", "written", "taken"), DECORATORS, ids=[written for _, written, _ in DECORATORS])
def test_a_decorator_registers_a_handler_for_its_events(
    decorate: Callable[[Router[Order]], Any], written: str, taken: list[str]
) -> None:
    router = Router(Order)
    assert decorate(router)(handle) is handle
    route = only(router)
    found = [
        name for name, event in EVENTS.items() if isinstance(event, route.events) and route.captures(event) is not None
    ]
    assert found == taken
    assert route.describe().startswith(f"@router.{written} at ")


def test_a_route_is_bound_to_no_state_to_one_or_to_several() -> None:
    router = Router(Order)
    router.text("a")(handle)
    router.photo(state="size")(handle)
    router.on(ButtonPressed, state=("idle", "size"))(handle)
    routes = [part for part in router.parts if isinstance(part, Route)]
    assert [route.states for route in routes] == [(), ("size",), ("idle", "size")]
    assert [route.rank for route in routes] == [1, 0, 0]
    assert routes[1].written == '@router.photo(state="size")'
    assert routes[2].written == '@router.on(ButtonPressed, state=("idle", "size"))'


def test_captures_of_several_filters_are_put_together() -> None:
    router = Router()
    router.on(ButtonPressed, lambda event: {"a": "1"}, lambda event: True, lambda event: {"b": event.value})(handle)
    assert only(router).captures(EVENTS["button"]) == {"a": "1", "b": "yes"}


def test_a_filter_that_returns_an_empty_mapping_lets_the_event_through() -> None:
    router = Router()
    router.on(ButtonPressed, lambda event: {})(handle)
    assert only(router).captures(EVENTS["button"]) == {}


def test_a_route_knows_the_line_of_its_own_decorator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parent)
    router = Router()

    @router.text("a")
    @router.command("b")
    async def both(event: MessageReceived, ctx: Any) -> None: ...

    lines = Path(__file__).read_text("utf-8").splitlines()
    first, second = (part for part in router.parts if isinstance(part, Route))
    for route, line in ((first, '@router.command("b")'), (second, '@router.text("a")')):
        name, _, number = route.where.partition(":")
        assert (name, lines[int(number) - 1].strip()) == ("test_router.py", line)
        assert route.written == line


def test_a_router_is_named_after_its_module_unless_it_has_a_name() -> None:
    assert Router().name == __name__
    assert repr(Router(Order, name="orders")) == "<Router orders>"


def test_a_router_without_a_flow_has_the_plain_one() -> None:
    assert Router().flow is Flow


@pytest.mark.parametrize("name", ["start", "Start"])
def test_the_start_command_is_refused_since_it_arrives_as_another_event(name: str) -> None:
    with pytest.raises(RouteError, match=r"test_router\.py:\d+  /start arrives.*\n.*@router.started\(\)"):
        Router().command(name)


@pytest.mark.parametrize("names", [(), ("/track",), ("two words",), ("",)])
def test_a_command_is_a_name_without_a_slash(names: tuple[str, ...]) -> None:
    with pytest.raises(RouteError, match=r"test_router\.py:\d+  a command is a name"):
        Router().command(*names)


def test_a_wrong_regular_expression_is_told_with_its_line() -> None:
    with pytest.raises(RouteError, match=r"test_router\.py:\d+  '\(' is not a regular expression: missing \)"):
        Router().text("(")


def test_a_wrong_button_pattern_is_told_with_its_line() -> None:
    with pytest.raises(RouteError, match=r"test_router\.py:\d+  button pattern 'day:\{' is not well formed"):
        Router().button("day:{")


PARENTHESES = [
    "on", "text", "command", "button", "photo", "file", "location", "contact", "started", "subscribed", "unsubscribed",
    "delivered", "seen", "failed", "expired", "agent_requested", "paused", "resumed",
    "signal", "timer", "timeout", "fallback", "error",
]  # fmt: skip


@pytest.mark.parametrize("name", PARENTHESES)
def test_a_decorator_without_parentheses_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match=rf"write the decorator with .*@router\.{name}\("):
        getattr(Router(), name)(handle)


def test_every_decorator_of_events_is_tried_without_parentheses() -> None:
    public = {name for name in vars(Router) if not name.startswith("_")}
    assert public == {*PARENTHESES, "middleware", "include"}


@pytest.mark.parametrize("kind", [str, object, "MessageReceived", BaseException])
def test_only_events_can_be_routed_and_only_exceptions_caught(kind: Any) -> None:
    with pytest.raises(TypeError, match="event type"):
        Router().on(kind)
    with pytest.raises(TypeError, match="types of errors"):
        Router().error(kind)


def test_a_plain_function_is_no_middleware() -> None:
    with pytest.raises(TypeError, match="async def name"):
        Router().middleware(lambda event, ctx, call_next: None)  # type: ignore[type-var]


def test_error_handlers_and_middlewares_are_returned_unchanged() -> None:
    router = Router()

    async def around(event: Event, ctx: Any, call_next: Any) -> None: ...

    async def failed(event: Event, ctx: Any, error: Exception) -> None: ...

    assert router.middleware(around) is around
    assert router.error()(failed) is failed


@pytest.mark.parametrize("kind", [TimerFired, Unsubscribed, (MessageReceived, MessageSeen)])
def test_a_route_for_a_pause_is_for_what_the_person_does(kind: Any) -> None:
    with pytest.raises(RouteError, match=r"test_router.py:\d+  \w+ is not the person's doing") as raised:
        Router().on(kind, paused=True)
    assert raised.value.fix == "take paused=True away"


def test_a_route_for_a_pause_may_be_for_everything_that_the_person_does() -> None:
    router = Router()
    router.on(Event, paused=True)(handle)
    router.on((MessageReceived, AgentRequested), paused=True)(handle)
    assert [part.for_paused for part in router.parts if isinstance(part, Route)] == [True, True]
