"""Events: typed, frozen, and the same after they were stored."""

import json
from datetime import UTC, datetime
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from botkit import events
from botkit.conversation import Account, Conversation, User
from botkit.events import (
    AnyEvent,
    ButtonPressed,
    Choice,
    ConversationStarted,
    Event,
    Media,
    MessageDelivered,
    MessageReceived,
    TimerFired,
    event_id,
)

ACCOUNT = Account("viber", "demo")
AT = datetime(2026, 7, 14, 3, 33, tzinfo=UTC)
KINDS: tuple[type[Event], ...] = get_args(AnyEvent)
EXTRAS: dict[str, dict[str, Any]] = {
    "ButtonPressed": {"value": "day:fri"},
    "TimerFired": {"name": "reminder"},
    "BroadcastProgressed": {"broadcast": "b1"},
    "BroadcastFinished": {"broadcast": "b1"},
    "SignalReceived": {"name": "done", "sender": Conversation(ACCOUNT, "staff")},
    "SendDue": {"submission": "s" * 24},
    "HopReported": {"key": "k" * 24, "status": "sent"},
    "MenuOffered": {"choices": (Choice("Friday", "day:fri"),)},
}

every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))


def made(kind: type[Event], **values: Any) -> Event:
    known: dict[str, Any] = {"id": "e" * 22, "at": AT, "conversation": Conversation(ACCOUNT, "ana")}
    return kind(**(known | EXTRAS.get(kind.__name__, {}) | values))


def test_every_public_event_can_be_stored() -> None:
    public = [cls for name, cls in vars(events).items() if isinstance(cls, type) and not name.startswith("_")]
    assert set(KINDS) == {cls for cls in public if issubclass(cls, Event) and cls is not Event}


@every_kind
def test_an_event_is_the_same_after_it_was_stored(kind: type[Event]) -> None:
    event = made(kind, user=User("1", name="Ana", locale="sl-SI"), raw_json=Raw(b'{"a":[1]}'))
    again = events.decode(events.encode(event))
    assert again == event
    assert type(again) is kind


@every_kind
def test_a_stored_event_tells_its_kind_by_a_tag(kind: type[Event]) -> None:
    snake = "".join(f"_{char.lower()}" if char.isupper() else char for char in kind.__name__).lstrip("_")
    assert json.loads(events.encode(made(kind)))["type"] == snake


@every_kind
def test_an_event_cannot_be_changed(kind: type[Event]) -> None:
    with pytest.raises(AttributeError):
        made(kind).id = "other"  # type: ignore[misc]


@every_kind
def test_an_event_tells_where_it_comes_from(kind: type[Event]) -> None:
    event = made(kind)
    assert (event.account, event.channel) == (ACCOUNT, "viber")


@every_kind
def test_what_a_newer_version_adds_does_not_hinder_reading(kind: type[Event]) -> None:
    stored = json.loads(events.encode(made(kind))) | {"of_the_future": {"a": 1}}
    assert events.decode(json.dumps(stored).encode()) == made(kind)


def test_only_what_a_person_does_counts_as_their_answer() -> None:
    answers = {kind.__name__ for kind in KINDS if made(kind).is_from_user}
    assert answers == {"MessageReceived", "ButtonPressed", "AgentRequested"}


def test_few_events_tell_whether_somebody_can_be_written_to() -> None:
    told = {kind.__name__: made(kind).opens for kind in KINDS if made(kind).opens is not None}
    opens = ("MessageReceived", "ButtonPressed", "AgentRequested", "ConversationStarted", "Subscribed")
    assert told == dict.fromkeys(opens, True) | {"Unsubscribed": False}
    assert made(ConversationStarted, subscribed=False).opens is None


def test_what_is_not_said_is_not_stored() -> None:
    assert set(json.loads(events.encode(made(MessageReceived, text="hello")))) == {
        *("type", "id", "at", "conversation", "text")
    }


def test_the_payload_is_within_reach_with_exact_integers() -> None:
    event = made(MessageReceived, raw_json=Raw(b'{"message_token":57537508450170000051}'))
    again = events.decode(events.encode(event))
    assert again.raw == {"message_token": 57537508450170000051}


def test_the_payload_that_a_handler_changes_is_its_own_copy() -> None:
    event = made(MessageReceived, raw_json=Raw(b'{"a":1}'))
    event.raw["a"] = 2
    assert event.raw == {"a": 1}


def test_an_event_of_our_own_making_has_no_payload() -> None:
    assert made(TimerFired).raw is None


def test_the_locale_is_the_person_s() -> None:
    assert made(MessageReceived, user=User("1", locale="sl-SI")).locale == "sl-SI"
    assert made(MessageReceived).locale == ""


def test_an_instant_is_aware_after_it_was_stored() -> None:
    media = Media("image", url="https://media.example/a.jpg", expires_at=AT)
    again = events.decode(events.encode(made(MessageReceived, media=media)))
    assert isinstance(again, MessageReceived)
    assert (again.at, again.media) == (AT, media)


def test_a_press_needs_a_value() -> None:
    with pytest.raises(TypeError):
        ButtonPressed(id="1", at=AT, conversation=Conversation(ACCOUNT, "ana"))  # type: ignore[call-arg]


def test_whoever_starts_is_taken_for_subscribed_unless_told_otherwise() -> None:
    started, report = made(ConversationStarted), made(MessageDelivered)
    assert isinstance(started, ConversationStarted)
    assert isinstance(report, MessageDelivered)
    assert started.subscribed
    assert report.message_key == ""


@pytest.mark.parametrize("stored", [b"", b"{}", b"null", b'{"type":"nobody_knows"}', b'{"type":"timer_fired"}'])
def test_what_is_no_event_is_not_read_as_one(stored: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        events.decode(stored)


@given(st.text(st.characters(exclude_categories=())))
def test_an_event_s_id_has_22_characters(native: str) -> None:
    assert len(event_id(ACCOUNT, native)) == 22


def test_an_event_s_id_is_the_same_at_every_delivery_to_one_account() -> None:
    assert event_id(ACCOUNT, "7") == event_id(Account("viber", "demo"), "7")
    others = {event_id(Account("viber", "other"), "7"), event_id(Account("gbm", "demo"), "7"), event_id(ACCOUNT, "8")}
    assert len(others | {event_id(ACCOUNT, "7")}) == 4


class Nodded(Event, frozen=True, kw_only=True, omit_defaults=True, tag="test.nodded"):
    deeply: bool = False


class Copied(Event, frozen=True, kw_only=True, omit_defaults=True, tag="test.nodded"):
    pass


def test_the_events_of_a_channel_are_read_beside_the_common_ones() -> None:
    read = events.decoder([Nodded])
    for event in (made(Nodded, deeply=True), made(MessageReceived, text="hello")):
        assert read(events.encode(event)) == event
    with pytest.raises(msgspec.ValidationError):
        events.decode(events.encode(made(Nodded)))


def test_a_type_that_two_accounts_bring_is_read_once() -> None:
    event = made(Nodded)
    assert events.decoder([Nodded, Nodded])(events.encode(event)) == event


def test_two_types_with_one_tag_are_refused() -> None:
    with pytest.raises(TypeError):
        events.decoder([Nodded, Copied])


@pytest.mark.parametrize(
    ("stored", "kind"), [(b'{"type":"of.tomorrow","x":1}', "of.tomorrow"), (b"{}", ""), (b"\xff", ""), (b"[]", "")]
)
def test_the_type_of_a_stored_event_is_told_also_where_nobody_can_read_it(stored: bytes, kind: str) -> None:
    assert events.type_of(stored) == kind


@every_kind
def test_a_common_event_moves_no_conversation(kind: type[Event]) -> None:
    assert (made(kind).moves_to, made(kind).moves_from) == ("", "")
